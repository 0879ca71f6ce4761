"""What a terminal shows of what a program prints: bars that were drawn over, without colours."""

from __future__ import annotations

import re

_ESCAPES = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_ERASE = re.compile(rb"\x1b\[[012]?K")
_LEAST_DRAWN = 1 << 16


def shown(line: bytes) -> str:
    """A line as it stands when its last character was printed."""
    if b"\x1b" in line:
        line = _ESCAPES.sub(b"", _ERASE.sub(b"\r\x00", line))
    if b"\r" not in line and b"\b" not in line:
        return line.decode("utf-8", "replace")
    return _drawn(line.decode("utf-8", "replace"))


def folded(line: bytes) -> bytes:
    """The beginning of a line that is still printed, in few bytes: what was drawn over is left out."""
    if len(line) < _LEAST_DRAWN or b"\r" not in line:
        return line
    head, _, tail = line.rpartition(b"\r")
    return shown(head).encode() + b"\r" + tail


def _drawn(line: str) -> str:
    r"""What is left where ``\r`` goes back to the begin of the line, and ``\b`` by one character."""
    text = ""
    for part in re.sub(r"\x08+", "\r", line).split("\r"):
        if part.startswith("\x00"):  # the line was erased
            text = part[1:]
        elif part:
            text = part + text[len(part) :]
    return text
