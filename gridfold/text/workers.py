"""Work on every core whose bits do not depend on the number of cores: each piece is computed by one thread."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

T = TypeVar("T")

_GONE_SECONDS = 5.0


def each(work: Callable[[T], object], pieces: Iterable[T], workers: int) -> None:
    """Do the work on every piece.

    torch lets go of Python's lock while it computes, so threads are enough, and unlike processes they share the
    weights and raise their errors here. They are gone in the end: the process can be forked again.

    Args:
        work: what to do; on several pieces at a time.
        pieces: taken in their order, when there is room for one.
        workers: how many pieces at a time, each computed by one CPU thread; 0 for one at a time, by this thread and
            as many as torch has.

    Raises:
        Exception: what the work raises first; what is under way is done, no more is begun.
    """
    if workers == 0 or (workers == 1 and torch.get_num_threads() == 1):
        for piece in pieces:
            work(piece)
        return
    queue, threads = _Queue(pieces), set[int]()

    def work_off() -> None:
        threads.add(threading.get_native_id())
        with contextlib.closing(queue):  # after an error, the others begin no more
            for piece in queue:
                work(piece)

    try:
        with _one_thread_each(), ThreadPoolExecutor(workers) as pool, contextlib.closing(queue):
            for task in [pool.submit(work_off) for _ in range(workers)]:
                task.result()
    finally:
        _wait_until_gone(threads)


class _Queue(Iterator[T]):
    """Pieces that several threads take from."""

    def __init__(self, pieces: Iterable[T]) -> None:
        self._pieces = iter(pieces)
        self._lock = threading.Lock()

    def __next__(self) -> T:
        with self._lock:
            return next(self._pieces)

    def close(self) -> None:
        """Give out no more."""
        self._pieces = iter(())


@contextlib.contextmanager
def _one_thread_each() -> Iterator[None]:
    """Have torch compute with one thread for every thread that begins now."""
    before = torch.get_num_threads()
    if before > 1:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        if before > 1:
            torch.set_num_threads(before)


def _wait_until_gone(threads: Iterable[int]) -> None:
    """To Python they end a little before they do."""
    end = time.monotonic() + _GONE_SECONDS
    for number in threads:
        while os.path.exists(f"/proc/self/task/{number}") and time.monotonic() < end:  # noqa: PTH110
            time.sleep(0.001)
