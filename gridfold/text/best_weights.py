"""The weights of the best epochs, kept while training goes on: in a file of the run, where they take no memory."""

from __future__ import annotations

import mmap
import os
import tempfile
import weakref
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import IO, TypeAlias, cast

import torch
from torch import Tensor

Weights: TypeAlias = Mapping[str, Tensor]


class BestWeights:
    """The weights of the best epoch so far, by each metric that may decide.

    Weights that are the best as they are now are stored only before they change, and those of the last epoch never.

    Args:
        learned: gives the weights as they are now.
        folder: gives a place for files; None while weights are to be kept in memory.
    """

    def __init__(self, learned: Callable[[], Weights], folder: Callable[[], Path | None]) -> None:
        self._learned = learned
        self._folder = folder
        self._kept: dict[str, _Stored | None] = {}  # by metric; None for the weights as they are now

    def found(self, metrics: Collection[str]) -> None:
        """The weights are the best by these metrics."""
        self._kept |= dict.fromkeys(metrics)

    def keep(self) -> None:
        """Store what would be lost: the weights are about to change."""
        current = [metric for metric, stored in self._kept.items() if stored is None]
        if current:
            self._kept |= dict.fromkeys(current, _Stored.of(self._learned(), self._folder()))

    def restore(self, metric: str, weights: Weights) -> None:
        """Go on with what was the best by a metric."""
        if weights:
            self._kept[metric] = _Stored.of(weights, self._folder())

    def by(self, metric: str) -> Weights:
        """The best by a metric; empty before the first epoch is over."""
        if metric not in self._kept:
            return {}
        stored = self._kept[metric]
        return self._learned() if stored is None else stored.load()


class _Stored:
    """Weights in memory.

    Args:
        weights: of one epoch; they are not changed.
    """

    def __init__(self, weights: Weights) -> None:
        self._weights = weights

    @staticmethod
    def of(weights: Weights, folder: Path | None) -> _Stored:
        """A copy of weights, in a file if there is a folder that has room for it."""
        if folder is not None:
            try:
                return _StoredInFile(weights, folder)
            except (OSError, RuntimeError):  # the disk is full: torch raises the second
                pass
        return _Stored({name: weight.detach().to("cpu", copy=True) for name, weight in weights.items()})

    def load(self) -> Weights:
        """The weights."""
        return self._weights


class _StoredInFile(_Stored):
    """Weights in a file that has no name, and is gone with this object or its process."""

    def __init__(self, weights: Weights, folder: Path) -> None:
        super().__init__({})
        with tempfile.TemporaryFile(dir=folder) as file:
            torch.save(dict(weights), file)
            self._descriptor = os.dup(file.fileno())
        weakref.finalize(self, os.close, self._descriptor)

    def load(self) -> Weights:
        # Not by the descriptor's own place in the file, which is that of all processes that were forked since.
        with mmap.mmap(self._descriptor, 0, access=mmap.ACCESS_READ) as file:
            weights: Weights = torch.load(cast("IO[bytes]", file), map_location="cpu", weights_only=True)
        return weights
