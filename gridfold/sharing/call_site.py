"""Which code reads a config: the innermost that is neither of the standard library nor of gridfold's core."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import FrameType

from gridfold.identity import reads

_CORE = os.path.join(Path(__file__).parents[1], "")  # noqa: PTH118
_BUILT_IN = os.path.join(_CORE, "text", "")  # noqa: PTH118 - a trainer like any other
_STAGES = os.path.join(_CORE, "stages", "")  # noqa: PTH118
_LIBRARY = os.path.join(Path(os.__file__).parent, "")  # noqa: PTH118
_MULTIPROCESSING = os.path.join(_LIBRARY, "multiprocessing", "")  # noqa: PTH118
_ITS_PICKLER = os.path.join(_MULTIPROCESSING, "reduction.py")  # noqa: PTH118 - which code may call by itself
_INSTALLED = tuple(os.path.join(_LIBRARY, name, "") for name in ("site-packages", "dist-packages"))  # noqa: PTH118


def own_file() -> str | None:
    """The file of the code that reads a config now; None if that is installed, or gridfold's."""
    file = _calling_frame().f_code.co_filename
    return file if is_own(file) else None


def is_own(file: str) -> bool:
    """Whether a file of code is the user's."""
    if _is_passed_over(file) or not os.path.isabs(file) or is_core(file):  # noqa: PTH117
        return False
    return not {"site-packages", "dist-packages"} & set(Path(file).parts)


def is_seen_by_nobody() -> bool:
    """Whether what is pickled now is kept by a stage, or goes to a process that was started, by way of libraries maybe.

    To split there would leave two processes with one pipe.
    """
    frame: FrameType | None = sys._getframe(2)
    while frame and not is_own(frame.f_code.co_filename):
        file = frame.f_code.co_filename
        if file.startswith((_STAGES, _MULTIPROCESSING)) and file != _ITS_PICKLER:
            return True
        frame = frame.f_back
    return False


def caller_beyond_library(frame: FrameType) -> str:
    """The file of the code that calls, though it be by way of the standard library."""
    while frame.f_back and frame.f_code.co_filename.startswith(_LIBRARY):
        if frame.f_code.co_filename.startswith(_INSTALLED):
            break
        frame = frame.f_back
    return frame.f_code.co_filename


def is_import_of_package() -> bool:
    """Whether installed code reads something now because it is imported."""
    frame: FrameType | None = _calling_frame()
    if frame and is_own(frame.f_code.co_filename):
        return False
    while frame and not frame.f_code.co_filename.startswith("<frozen importlib"):
        frame = frame.f_back
    return frame is not None


def is_core(file: str) -> bool:
    """Whether a file of code is gridfold's."""
    return file.startswith(_CORE)


def place() -> str:
    """File and line of the code that reads a config now."""
    frame = _calling_frame()
    path = Path(frame.f_code.co_filename)
    try:
        path = path.relative_to(reads.origin())
    except (ValueError, OSError):  # elsewhere; or the working directory is gone
        path = Path(path.name)
    return f"{path}:{frame.f_lineno}"


def _calling_frame() -> FrameType:
    """The innermost code that is neither of the standard library nor of gridfold's core."""
    frame = sys._getframe(1)
    while frame.f_back and _is_passed_over(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


def _is_passed_over(file: str) -> bool:
    if file.startswith(_LIBRARY):
        return not file.startswith(_INSTALLED)
    return file.startswith("<") or (is_core(file) and not file.startswith(_BUILT_IN))
