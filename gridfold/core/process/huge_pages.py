"""Huge pages for the memory of a process from which many others are forked.

To fork copies an entry for each page of the process, and its child's end undoes that. A huge page has one entry where
others have 512.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_SYSTEM = Path("/sys/kernel/mm/transparent_hugepage")
_COLLAPSE = 25  # of ``madvise``, since Linux 6.1
_LEAST_BYTES = 64 << 20  # less is copied quickly
_FULL = 0.75  # the part of a mapping that is in use; the rest would be taken, too
_PIECE = 16  # huge pages that are made between two looks at the clock
_MOST_SECONDS = 0.5  # memory may be in pieces that take long to put together


def use_huge_pages() -> None:
    """Put the memory of this process into huge pages, as far as the system has some at hand."""
    with suppress(OSError, ValueError, IndexError):
        if "[never]" not in (_SYSTEM / "enabled").read_text():
            _collapse(int((_SYSTEM / "hpage_pmd_size").read_text()))


def _collapse(size: int) -> None:
    mappings = [each for each in _mappings(size) if each]
    if sum(map(len, mappings)) * size < _LEAST_BYTES:
        return
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    deadline = time.process_time() + _MOST_SECONDS
    for pages in mappings:
        for start in range(0, len(pages), _PIECE):
            piece = pages[start : start + _PIECE]
            if time.process_time() > deadline or madvise(piece[0], len(piece) * size, _COLLAPSE):
                return


def _mappings(size: int) -> Iterator[range]:
    """The beginnings of the huge pages that would fit into each mapping of memory that is of no file."""
    kind: list[str] = []
    for line in Path("/proc/self/smaps").read_text().splitlines():
        name, *values = line.split()
        if not name.endswith(":"):
            kind, addresses = values, name
        elif name == "Anonymous:":
            begin, end = (int(each, 16) for each in addresses.split("-"))
            is_full = int(values[0]) << 10 >= _FULL * (end - begin)
            if is_full and kind[0].startswith("rw-p") and kind[4:] in ([], ["[heap]"]):
                yield range(-(-begin // size) * size, end // size * size, size)
