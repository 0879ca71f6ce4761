"""A GPU for each process of a batch: that of its token.

Code that stands for many runs may load and compute whatever it will on the CPU. Before it uses CUDA, or reads which GPU
it has, it splits into runs: a process that has used CUDA cannot be forked, and the runs have GPUs of their own.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from gridfold.core.process import variables
from gridfold.sharing.call_site import caller_beyond_library, is_own
from gridfold.stages.computing import before_computing

_MODULES = ("torch.cuda.", "torch._C.")
VARIABLE = "CUDA_VISIBLE_DEVICES"
_STARTS = ("_lazy_init", "_cuda_getDeviceCount")  # what all that needs CUDA calls first in torch, also from C++


class Gpus:
    """The GPU of the current process.

    Args:
        names: the GPUs by the numbers of tokens; none if processes are given none.
        token: of this process.
        split: becomes a process of one run, told what for.
    """

    def __init__(self, names: Sequence[str], token: int, split: Callable[[str], object]) -> None:
        self._names = names
        self._split = split
        self._undo: list[Callable[[], None]] = []
        self.take(token)

    def take(self, token: int) -> None:
        """Work on the GPU of a token from now on."""
        if self._names:
            os.environ[VARIABLE] = self._names[token % len(self._names)]

    def watch(self) -> None:
        """Split before CUDA is used, or the user's code reads which GPU there is."""
        if not self._names:
            return
        variables.watch(self.is_read)
        self._undo.append(variables.leave_alone)
        # On a GPU, maybe: each run would compute what now the first one does, while the others wait.
        self._undo.append(before_computing(lambda: self._split("a stage that was not kept yet")))
        for module in [each for name, each in sys.modules.items() if f"{name}.".startswith(_MODULES)]:
            for start in _STARTS:
                if hasattr(module, start):
                    self._replace(module, start)

    def stop(self) -> None:
        """Watch no longer."""
        while self._undo:
            self._undo.pop()()

    def is_read(self, name: str) -> None:
        """Hear that a variable is read. Libraries count the GPUs that they see, and find as many everywhere."""
        if self._names and name in (VARIABLE, variables.WHOLE) and is_own(_reader()):
            self._split(f"${name}" if name == VARIABLE else name)

    def _replace(self, module: ModuleType, name: str) -> None:
        start: Callable[[], Any] = getattr(module, name)

        def split_before() -> Any:
            self._split("the first use of CUDA")
            return start()

        setattr(module, name, split_before)
        self._undo.append(lambda: setattr(module, name, start))


def _reader() -> str:
    """The file of the code that reads a variable now."""
    frame = sys._getframe(1)
    while frame.f_back and frame.f_code.co_filename != variables.__file__:
        frame = frame.f_back
    return caller_beyond_library(frame.f_back or frame)
