"""Failures: what went wrong in a run, as its record has it, and which failures are one and the same."""

from __future__ import annotations

import errno
import re
import signal
import traceback
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from gridfold.run import Record
from gridfold.values import encodable

# Faults of the machine: the same run may do well next time.
_KILLED = "Killed"
_TIMEOUT = "Timeout"
_LOST = "Lost"
_INFRASTRUCTURE_SIGNALS = ("SIGKILL", "SIGTERM", "SIGHUP", "SIGINT", "SIGPWR", "SIGXCPU")
_NUMBER = re.compile(r"[-+]?\d[\d.]*(?:e[-+]?\d+)?", re.IGNORECASE)
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)

Error = Mapping[str, Any]


def describe(error: BaseException) -> Error:
    """An exception as a record has it, whatever it says.

    ``place`` is where the exception was raised. A command that failed also has ``exit_code`` or ``signal``, and the
    last lines of its ``output``.
    """
    text = "".join(traceback.format_exception(error))
    place = getattr(error, "place", None)  # of a command that failed, the place in gridfold says nothing
    described: dict[str, Any] = {
        "type": type(error).__name__,
        "message": str(error),
        "traceback": text,
        "place": _place(error) if place is None else place,
    }
    if isinstance(error, OSError) and error.errno:
        described["errno"] = errno.errorcode.get(error.errno, str(error.errno))
    for name in ("signal", "exit_code", "output"):
        if getattr(error, name, None) is not None:
            described[name] = getattr(error, name)
    return {name: encodable(said) if isinstance(said, str) else said for name, said in described.items()}


def died(status: int, *, killed_for_memory: bool = False) -> Error:
    """The error of a run whose process ended without a result; ``status`` as ``os.waitstatus_to_exitcode`` gives it."""
    if status >= 0:
        return _plain("ProcessDied", f"exit code {status} without a result")
    name = signal_name(-status)
    if name not in _INFRASTRUCTURE_SIGNALS:
        return {**_plain("Crashed", f"crashed by {name}"), "signal": name}
    message = f"killed by the system for want of memory ({name})" if killed_for_memory else f"killed by {name}"
    return {**_plain(_KILLED, message), "signal": name}


def timed_out(seconds: float) -> Error:
    """The error of a run that took longer than it may."""
    return _plain(_TIMEOUT, f"not done after {seconds:g} s")


def lost(reason: str) -> Error:
    """The error of a run of which nothing more can be known."""
    return _plain(_LOST, reason)


def signature(error: Error) -> tuple[str, str]:
    """Equal for failures of one cause: the type, and where it was raised or, where that is not known, the message.

    Numbers in a message do not count: a command tells of the value that it was given.
    """
    return str(error["type"]), str(error.get("place") or _NUMBER.sub("#", error["message"]))


def is_infrastructure(error: Error) -> bool:
    """Whether the machine failed and not the run: it was killed from outside, timed out, or lost."""
    return error["type"] in (_TIMEOUT, _LOST) or error.get("signal") in _INFRASTRUCTURE_SIGNALS


def is_disk_full(error: Error) -> bool:
    """Whether there was no room left to write, so that every other run would fail too."""
    return error.get("errno") in {errno.errorcode[number] for number in _DISK_FULL}


def grouped(records: Iterable[Record]) -> list[list[Record]]:
    """The failed ones of some records, those of one signature together, the largest group first."""
    groups: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        if record.state == "failed" and record.error:
            groups.setdefault(signature(record.error), []).append(record)
    return sorted(groups.values(), key=len, reverse=True)


def signal_name(number: int) -> str:
    """``SIGKILL`` for 9."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"  # a real-time signal


def _plain(kind: str, message: str) -> dict[str, Any]:
    return {"type": kind, "message": encodable(message), "traceback": "", "place": ""}


def _place(error: BaseException) -> str:
    """``file:line`` of the code that raised it; of the last of the user's files, if that was in a library."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return ""
    here = Path.cwd()
    own = [frame for frame in frames if _is_own(Path(frame.filename), here)]
    frame = (own or frames)[-1]
    path = Path(frame.filename)
    return f"{path.relative_to(here) if path.is_relative_to(here) else path}:{frame.lineno}"


def _is_own(file: Path, here: Path) -> bool:
    return file.is_relative_to(here) and not {"site-packages", "dist-packages"} & set(file.parts)
