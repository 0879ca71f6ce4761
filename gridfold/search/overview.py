"""A search in a line: how far it is, and the best value so far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from gridfold.core.errors import ConfigError
from gridfold.records.objective import Objective
from gridfold.records.trials import Results, TrialResult
from gridfold.runs.search import SearchDirectory
from gridfold.search.status import to_be_named

_DONE = ("completed", "stopped")


@dataclass(frozen=True)
class Overview:
    """How far a search is.

    Attributes:
        search: the search.
        states: how many runs are in each state, with those that its strategy has still to name; empty if it cannot be
            read.
        objective: what its runs are compared by.
        best: the best trial so far.
    """

    search: SearchDirectory
    states: Mapping[str, int] = field(default_factory=dict)
    objective: Objective = field(default_factory=Objective)
    best: TrialResult | None = None

    @classmethod
    def of(cls, search: SearchDirectory) -> Overview:
        """Look at every run of a search; what cannot be read is no error."""
        try:
            results = Results.read([search])
        except ConfigError:
            return cls(search)
        if not results.trials:  # a search begins with some; of a torn list none may be left
            return cls(search)
        states = Counter(run.state for trial in results.trials for run in (*trial.runs, *trial.confirming))
        states += Counter({"not named yet": to_be_named(search, states.total())})
        return cls(search, states, results.objective, next(iter(results.ranked), None))

    @property
    def total(self) -> int:
        """How many runs it has."""
        return sum(self.states.values())

    @property
    def done(self) -> int:
        """How many of them have a result."""
        return sum(self.states.get(state, 0) for state in _DONE)

    @property
    def left(self) -> int:
        """How many are neither done nor failed."""
        return self.total - self.done - self.states.get("failed", 0)

    @property
    def state(self) -> str:
        """How far it is, in a word or two."""
        if not self.states:
            return "cannot be read"
        if running := self.states.get("running"):
            return f"{running:,} running"
        said = [f"{failed:,} failed"] if (failed := self.states.get("failed")) else []
        said += [f"{self.left:,} left"] if self.left else []
        return ", ".join(said) or "done"
