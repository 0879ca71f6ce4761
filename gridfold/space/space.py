"""What can vary, as a role: trials, each with values for its parameters (pure)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from gridfold.space.axes import Chooser, Decisions
from gridfold.space.trial import Trial

_READABLE = 10**24


class Parameter(Protocol):
    """A dotted path for which trials have values."""

    @property
    def path(self) -> str:
        """The dotted path."""
        ...

    @property
    def values(self) -> tuple[Any, ...] | None:
        """The values that it takes, no two equal; None where they cannot be listed."""
        ...

    @property
    def optional(self) -> bool:
        """Whether some trials are without it."""
        ...


class Space(Protocol):
    """The trials of a search, lazily: each is made when asked for, and iterating again gives the same."""

    @property
    def parameters(self) -> Sequence[Parameter]:
        """Every parameter that a trial may have."""
        ...

    @property
    def factors(self) -> Sequence[tuple[str, int]]:
        """What multiplies to the number of trials, with the path of each; nothing where that is no product."""
        return ()

    def count(self) -> int | None:
        """How many trials there are, or at most (see ``is_exact``); None if there is no end."""
        ...

    @property
    def is_exact(self) -> bool:
        """Whether ``count`` is the number of trials; else there are fewer, and only iterating tells how many."""
        return True

    @property
    def additions(self) -> Sequence[Mapping[str, Any]]:
        """The values of the trials that are to be made in any case."""
        return ()

    def __iter__(self) -> Iterator[Trial]: ...

    def __getitem__(self, index: int) -> Trial:
        """The trial at a position, from 0.

        Raises:
            IndexError: there are not that many.
        """
        for trial in itertools.islice(self, index, None):
            return trial
        raise IndexError(index)

    def trial(self, params: Mapping[str, Any]) -> Trial:
        """The trial that has exactly these values.

        Raises:
            ConfigError: there is none; says which value is not of the space.
        """
        ...

    def sample(self, most: int) -> Iterator[Trial]:
        """Some trials, to look at: all if there are no more than ``most``, else about that many.

        Each value of a parameter that lists them is among them.
        """
        ...

    def draw(self, chooser: Chooser) -> Trial | None:  # noqa: ARG002
        """The trial that a chooser decides on; None if it is excluded."""
        return None

    def decisions(self, params: Mapping[str, Any]) -> Decisions | None:  # noqa: ARG002
        """What a chooser has to answer so that ``draw`` gives the trial of these values; None if there is none."""
        return None


def size_text(count: int) -> str:
    """A number of trials or runs, however large, for people."""
    return f"{count:,}" if count < _READABLE else f"about 10^{math.log10(count):.0f}"
