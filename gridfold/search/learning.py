"""What a search, and searches before it, tell a strategy that learns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from gridfold.core.values import canonical
from gridfold.propose.sample import Method, Sample
from gridfold.propose.study import Known
from gridfold.records.objective import Objective, is_finite, mean_of
from gridfold.records.trials import run_at_best
from gridfold.runs.entries import RunEntry
from gridfold.runs.record import Record
from gridfold.runs.search import SearchDirectory
from gridfold.runs.store import Store
from gridfold.search.plan import Plan

_SECONDS = "seconds"  # a goal that no run has to report


@dataclass
class Measure:
    """What runs gave, so that less is better.

    Attributes:
        search: whose runs they are.
        objective: what they are compared by; the first run that has metrics closes what it leaves open.
    """

    search: SearchDirectory
    objective: Objective
    _closed: Objective | None = field(default=None, init=False)

    def __call__(self, entry: RunEntry, record: Record) -> tuple[float, ...] | None:
        """The values of a run in its best epoch; None if it has not all of them."""
        self._closed = self._closed or (self.objective.of(record.metrics) if record.metrics else None)
        if self._closed is None:
            return None
        found = run_at_best(self.search.run(entry), record, self._closed)
        goals = self._closed.goals or ((self._closed.metric or "", self._closed.maximize is not False),)
        values = [(_value(found, name), more) for name, more in goals]
        if not all(is_finite(value) for value, _ in values):
            return None
        return tuple(-value if more else value for value, more in values if value is not None)


def _value(record: Record, name: str) -> float | None:
    _, value = Objective(name).value(record.metrics)
    return record.seconds if value is None and name == _SECONDS else value


@dataclass(frozen=True)
class Learned:
    """Results of earlier searches.

    Attributes:
        known: what they tell of trials of this space.
        strange: how many trials are not of this space, or have not what runs are compared by.
    """

    known: Sequence[Known] = ()
    strange: int = 0


def sample_of(search: SearchDirectory, plan: Plan) -> Sample:
    """What says which trials of a search come next."""
    strategy, objective = plan.strategy, Objective.said(search.facts())
    if not strategy.learns:
        return Sample(plan.drawn, plan.repetitions, is_lazy=plan.is_open)
    method = Method(strategy.name, strategy.random, strategy.seed, max(1, len(objective.goals)))
    learned = learned_from(plan, Store(search.dir.parent), objective).known
    return Sample(plan.drawn, plan.repetitions, method, Measure(search, objective), learned)


def learned_from(plan: Plan, store: Store, objective: Objective) -> Learned:
    """What the searches tell that a plan learns from.

    Args:
        plan: says which they are.
        store: where they are.
        objective: what the runs of the new search are compared by.

    Raises:
        ConfigError: there is no such search, or it cannot be read.
    """
    known: list[Known] = []
    strange = 0
    for name in plan.learn_from:
        earlier = store.find(name)
        for params, values in _results(earlier, _objective_for(objective, earlier)):
            decisions = plan.space.decisions(params)
            if decisions is None:
                strange += 1
            else:
                known.append(Known(canonical(params), decisions, is_over=True, values=values))
    return Learned(known, strange)


def _objective_for(objective: Objective, earlier: SearchDirectory) -> Objective:
    """What runs of an earlier search are compared by: as those of the new one, as far as that is said."""
    said = Objective.said(earlier.facts())
    if objective.metric is None and not objective.goals:
        return said
    return objective


def _results(
    search: SearchDirectory, objective: Objective
) -> Iterator[tuple[dict[str, object], tuple[float, ...] | None]]:
    """The trials of a search that are over, and what they gave."""
    measure, trials = Measure(search, objective), dict[str, list[tuple[RunEntry, Record]]]()
    for entry, record in search.records():
        if record and not entry.confirms and (record.is_done or record.state == "failed"):
            trials.setdefault(canonical(entry.params), []).append((entry, record))
    for runs in trials.values():
        found = [measure(entry, record) for entry, record in runs if record.is_done]
        measured = [values for values in found if values is not None]
        means = tuple(mean_of(list(values)) for values in zip(*measured, strict=True)) if measured else None
        yield dict(runs[0][0].params), means
