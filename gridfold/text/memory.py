"""Out of memory: how it is told from other errors, and how the same work is done with less."""

from __future__ import annotations

import contextlib
import ctypes
import gc
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch

from gridfold.core.logs import logger

T = TypeVar("T")

_LOG = logger()
# Tokens that are learned from at a time on a CPU. What layers compute is kept until their gradients are: some 0.2 MB a
# token of MiniLM. More at a time is hardly faster, as long as what is freed stays at hand.
MOST_TOKENS = 768
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # of glibc's malloc.h
_WORDS = ("out of memory", "not enough memory", "can't allocate memory", "cublas_status_alloc_failed")


@dataclass(frozen=True)
class Sizes:
    """How much is computed at a time.

    Attributes:
        micro_batch: training examples a forward and backward pass.
        eval_batch: texts a forward pass where nothing is learned.
    """

    micro_batch: int
    eval_batch: int


def keep_freed_memory() -> None:
    """Let memory that is freed stay with the process: the kernel clears every page that it gives out again.

    Nothing changes where the C library is another than glibc.
    """
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(_M_TRIM_THRESHOLD, 2**30)
        ctypes.CDLL(None).mallopt(_M_MMAP_MAX, 0)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether torch raised it for want of memory, on a GPU or on the CPU."""
    if isinstance(error, torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(word in str(error).lower() for word in _WORDS)


def smaller(size: int) -> int:
    """The largest divisor of a size that is at most half of it: half, if it is even."""
    return max(divisor for divisor in range(1, size // 2 + 1) if size % divisor == 0)


def within_memory(work: Callable[[int], T], size: int, smallest: int = 1) -> T:
    """Do the work with a size, or, from its beginning, with the next smaller one that there is memory for.

    Args:
        work: is given the size. What it leaves behind when it fails must not hold the memory.
        size: the size to begin with.
        smallest: the size at which an error is raised.
    """
    while True:
        try:
            return work(size)
        except RuntimeError as error:
            if not is_out_of_memory(error) or size == 1 or smaller(size) < smallest:
                raise
            _LOG.warning("out of memory with %d at a time: %s", size, str(error).partition("\n")[0])
        # Only here is the error gone, and with it the frames that hold what did not fit.
        size = smaller(size)
        _free()
        _LOG.warning("trying again with %d at a time", size)


def _free() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
