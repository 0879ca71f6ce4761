"""What a command runs: whether that can start warm, and what it would see in a process of its own."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gridfold.identity.programs import PythonCall

UNBUFFERED = "-u"
_SCRIPT_BYTES = 16 << 20  # more is no text


@dataclass(frozen=True)
class Script:
    """A script or a module that this Python runs.

    Attributes:
        words: the command.
        python: the interpreter.
        call: what it is told.
    """

    words: tuple[str, ...]
    python: str
    call: PythonCall

    @property
    def what(self) -> str:
        """The file, or the name of the module."""
        return self.call.what or ""

    @property
    def is_file(self) -> bool:
        """Whether it is a file, and no module."""
        return not self.call.kind

    @property
    def file(self) -> str:
        """The file, as Python calls it."""
        return self.what if Path(self.what).is_absolute() else f"{Path.cwd()}/{self.what}"

    @property
    def folder(self) -> str:
        """Where modules are looked for first."""
        return str(Path(self.what).resolve().parent if self.is_file else Path.cwd())

    @property
    def argv(self) -> list[str]:
        """The arguments that it sees; of a module, until its file is known."""
        return [self.what if self.is_file else "-m", *map(str, self.call.rest)]

    @property
    def is_unbuffered(self) -> bool:
        """Whether what it prints is written at once."""
        return UNBUFFERED in self.call.options or bool(os.environ.get("PYTHONUNBUFFERED"))

    def is_like(self, other: Script) -> bool:
        """Whether another runs the same."""
        if (self.python, self.call.kind, *self.call.options) != (other.python, other.call.kind, *other.call.options):
            return False
        if self.is_file:
            return Path(self.what).resolve() == Path(other.what).resolve()
        return self.what == other.what


def script_of(arguments: Sequence[str]) -> Script | str:
    """The script that a command runs, or why the command cannot start warm."""
    if sys.platform != "linux":
        return f"no safe fork on {sys.platform}"
    program = arguments[0] if arguments else ""
    python = shutil.which(program)
    if python is None or not _is_this_python(python, sys.executable):
        return f"'{program}' is not the Python that gridfold runs with"
    call = PythonCall.of(arguments[1:])
    return _why_cold(call) or Script(tuple(arguments), str(Path(python).absolute()), call)


def why_cold(arguments: Sequence[str]) -> str:
    """Why a command cannot start warm, as far as that can be seen from it; "" if it can."""
    found = script_of(arguments)
    return found if isinstance(found, str) else ""


def _why_cold(call: PythonCall) -> str:
    others = [option for option in call.options if option != UNBUFFERED]
    if others:
        return f"Python is given the option {others[0]}"
    if call.kind == "c":
        return "its code is in the command"
    if os.environ.get("PYTHONINSPECT"):
        return "PYTHONINSPECT is set"
    if not call.what:
        return "its code comes from the standard input"
    if "{" in call.what:
        return f"the config says what runs ('{call.what}')"
    return "" if call.kind else _why_no_script(Path(call.what))


def _why_no_script(path: Path) -> str:
    try:
        if path.is_file() and path.suffix != ".pyc" and path.stat().st_size < _SCRIPT_BYTES:
            return f"'{path}' is no text" if b"\0" in path.read_bytes() else ""
    except (OSError, ValueError):
        pass
    return f"'{path}' is no script of Python"


@cache
def _is_this_python(python: str, this: str) -> bool:
    return Path(python).resolve() == Path(this).resolve() and _environment(python) == _environment(this)


def _environment(python: str) -> str:
    """The virtual environment that an interpreter is of; "" if it is of none."""
    folder = Path(python).absolute().parent
    found = (str(each) for each in (folder, folder.parent) if (each / "pyvenv.cfg").is_file())
    return next(found, "")
