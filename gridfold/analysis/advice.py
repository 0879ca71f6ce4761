"""What to run next, with the command that does."""

from __future__ import annotations

import math
import shlex
import statistics
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import takewhile
from typing import Any

from gridfold.analysis.effects import Effect, Interaction
from gridfold.analysis.factors import is_numeric
from gridfold.analysis.next_command import Changed, NextCommand
from gridfold.analysis.next_values import between, extended, text
from gridfold.analysis.significance import Contender
from gridfold.config.overrides import Variation, parse_arguments
from gridfold.core.errors import ConfigError
from gridfold.core.values import canonical
from gridfold.identity.fingerprint import Code
from gridfold.identity.sources import Sources
from gridfold.records.numbers import duration
from gridfold.records.trials import Replicate, Results, TrialResult
from gridfold.runs.names import label_parameters
from gridfold.runs.search import SearchDirectory
from gridfold.runs.store import Store
from gridfold.search.plan import Plan, plan_of
from gridfold.search.reuse import find_reusable
from gridfold.space.parameters import Interval, ListedParameter, RangeParameter
from gridfold.space.repeats import Repetition

_LARGE = 0.1  # of a share, where the noise is unknown
_REPEATS, _TOP = 3, 5
_EDGE = 0.1  # of a range
_FEW_VALUES = 6  # of a list
_FEW = 5  # repeats; with more, those that cannot be told apart are about the same


@dataclass(frozen=True)
class Advice:
    """One thing to run next.

    Attributes:
        kind: "extend", "refine" or "repeat".
        path: the parameter; None if it is about none.
        sentence: why.
        command: the shell command.
        runs: how many new runs it makes.
        seconds: what they would take one after another, as long as runs have taken so far; None if that is not known.
        at_most: whether there may be fewer: a race decides how many, and what a strategy takes may be done.
    """

    kind: str
    path: str | None
    sentence: str
    command: str
    runs: int
    seconds: float | None
    at_most: bool = False

    @property
    def cost(self) -> str:
        """What it takes, in words."""
        most, plural = "at most " if self.at_most else "", "" if self.runs == 1 else "s"
        took = "" if self.seconds is None else f", about {duration(self.seconds)} one after another"
        return f"{most}{self.runs:,} new run{plural}{took}"


def advice(
    results: Results,
    contenders: Sequence[Contender],
    effects: Sequence[Effect],
    interactions: Sequence[Interaction],
) -> tuple[Advice, ...]:
    """What to run next, the most useful first.

    Where each trial was run once, or most cannot be told from the best: repeat the best. A parameter that matters: if
    its best value is on the edge of its list, extend that; if it is inside, refine around it. Nothing is advised that
    makes no new run.
    """
    if not contenders:
        return ()
    best = contenders[0].estimate.trial
    try:
        next_search = _Next(results, best.runs[0].search)
        made = [
            *_more_repeats(next_search, contenders),
            *_moved(next_search, _moves(next_search, best, effects, interactions)),
        ]
    except (ConfigError, OSError):  # what the search began with is not there any more
        made = []
    return (*_repeat(results, contenders), *made)


@dataclass(frozen=True)
class _Move:
    """Values that a parameter is to have, too, or the range that it is to have, and why."""

    kind: str
    path: str
    values: tuple[Any, ...]
    sentence: str
    range: Interval | None = None


@dataclass(frozen=True)
class _Next:
    """A search like one that was, but for what it varies."""

    results: Results
    search: SearchDirectory

    @cached_property
    def facts(self) -> dict[str, Any]:
        return self.search.facts()

    @cached_property
    def plan(self) -> Plan:
        return plan_of(self.search)

    @cached_property
    def repeats(self) -> int:
        """How many repeats each trial is to have: as many as the best, which may have been given more."""
        best = self.results.ranked[0]
        return max(self.plan.most_repeats, *(1 + run.entry.repeat for run in best.runs))

    def parameter(self, path: str) -> ListedParameter | RangeParameter | None:
        """A parameter of the search; None if it is none there."""
        return next((each for each in self.plan.space.parameters if each.path == path), None)

    def variations(self, changed: Changed) -> tuple[Variation, ...]:
        """Those of the search with some parameters changed."""
        before = parse_arguments(self.facts["variations"])
        kept = [replace(each, parameter=changed.get(each.path, each.parameter)) for each in before]
        known = {each.path for each in before}
        return (*kept, *(Variation(parameter) for path, parameter in changed.items() if path not in known))

    def runs(self, changed: Changed) -> int | None:
        """How many runs it would make that are not done, here or in another search; None for one that is too large.

        Which trials a strategy takes of another space is not known before, so all may be new.
        """
        more = None if self.plan.seeds.are_listed else self.repeats
        config = self.plan.config.override(repeats=more)
        plan = replace(self.plan, config=config, variations=self.variations(changed), race=False)  # a race has no more
        if plan.most_runs > plan.limit or plan.is_open:
            return None
        if not plan.strategy.is_grid:
            return plan.most_runs
        missing = [
            (repetition, trial)
            for trial in plan.space
            for config in [plan.renderer.canonical(trial.params)]
            for repetition in plan.repetitions
            if (config, _replicate(repetition)) not in self._done
        ]
        ids = (plan.renderer_of(repetition).identity(trial.params) for repetition, trial in missing)
        last = (self.facts.get("codes") or [self.facts.get("fingerprint")])[-1]
        code = Code(last, self.search.codes().get(last, Sources())) if last else None
        return len(missing) - len(find_reusable(ids, self.facts, code, Store(self.search.dir.parent)).runs)

    @cached_property
    def _done(self) -> set[tuple[str | None, Replicate]]:
        """The runs that are completed: of which config, and which of its repeats."""
        configs = {_key(trial.params): self.plan.renderer.canonical(trial.params) for trial in self.plan.space}
        return {
            (configs.get(_key(trial.params)), run.replicate)
            for trial in self.results.trials
            for run in trial.runs
            if run.is_done and run.search.dir == self.search.dir
        }

    def command(self, changed: Changed) -> str:
        """The command that runs it."""
        return NextCommand(self.search, self.plan, self.repeats).text(self.variations(changed), changed)


def _moves(
    search: _Next, best: TrialResult, effects: Sequence[Effect], interactions: Sequence[Interaction]
) -> list[_Move]:
    """What to do about the parameters that matter, what explains most first; nothing about those that are linked."""
    results = search.results
    joined = {path for each in interactions if each.verdict == "sure" for path in each.paths}
    found: list[_Move | None] = []
    for effect in effects:
        matters = effect.verdict == "sure" or effect.path in joined
        unknown = effect.verdict == "unknown" and effect.share >= _LARGE
        values, is_free = [level.value for level in effect.levels], not effect.linked and effect.path in best.params
        if not (is_free and (matters or unknown) and is_numeric(values) and len(set(values)) > 1):
            continue
        alone = (max if results.objective.maximize else min)(effect.levels, key=lambda level: level.mean).value
        top, parameter = best.params[effect.path], search.parameter(effect.path)
        if isinstance(parameter, RangeParameter):
            found.append(_widened(results, parameter, alone, top))
        elif (_are_near(values, alone, top) or effect.path in joined) and _agree(results.tied, effect.path):
            found.append(_move(results, effect.path, top))
    return sorted((move for move in found if move), key=lambda move: move.kind != "extend")


def _are_near(values: Sequence[float], one: float, other: Any) -> bool:
    """Whether two values are the same; of many, on a curve, neighbours are as good as that."""
    if one == other or len(values) <= _FEW_VALUES or other not in values:
        return bool(one == other)
    return abs(values.index(one) - values.index(other)) <= 1


def _widened(results: Results, parameter: RangeParameter, alone: float, top: Any) -> _Move | None:
    """A wider range, if the best values are near the end of it; what is inside, a strategy looks at itself."""
    range_ = parameter.distribution
    if not isinstance(range_, Interval) or not is_numeric([top]):
        return None
    places = _part(range_, top), _part(range_, alone)
    upward = min(places) >= 1 - _EDGE
    wider = _wider(range_, parameter.path, upward=upward) if upward or max(places) <= _EDGE else None
    if wider is None:
        return None
    label = label_parameters(results.paths)[results.paths.index(parameter.path)]
    side, end = ("upper", wider.high) if upward else ("lower", wider.low)
    sentence = f"The best {label}, {text(top)}, is near the {side} end of its range: extend that to {text(end)}."
    return _Move("extend", parameter.path, (), sentence, wider)


def _part(range_: Interval, value: float) -> float:
    """Where a value is in a range, from 0 to 1 on its scale."""
    low, high, at = (math.log(each) if range_.log else each for each in (range_.low, range_.high, value))
    return (at - low) / (high - low)


def _wider(range_: Interval, path: str, *, upward: bool) -> Interval | None:
    """The range to the next value of a list of three that spans it evenly."""
    listed = [range_.at(0.0), range_.at(0.5), range_.at(1.0)]
    end = extended(listed, path, upward=upward)
    if end is None:
        return None
    return replace(range_, high=end) if upward else replace(range_, low=end)


def _agree(tied: Sequence[TrialResult], path: str) -> bool:
    """Whether all trials that are equally good have one value of a parameter, so that this is the best one."""
    return len({canonical(trial.params.get(path)) for trial in tied}) < 2


def _move(results: Results, path: str, top: Any) -> _Move | None:
    """What to do about one parameter whose best value is known; failed runs tried their values, too."""
    taken: list[Any] = [trial.params[path] for trial in results.trials if path in trial.params]
    tried = sorted({value for value in taken if is_numeric([value])})
    if top not in tried:
        return None
    label = label_parameters(results.paths)[results.paths.index(path)]
    place = tried.index(top)
    if place in (0, len(tried) - 1):
        upward = place > 0
        value = extended(tried, path, upward=upward)
        if value is None:
            return None
        side = "largest" if upward else "smallest"
        sentence = f"The best {label}, {text(top)}, is the {side} that was tried: try {text(value)} too."
        return _Move("extend", path, (value,), sentence)
    low, high = tried[place - 1], tried[place + 1]
    near = [value for value in (between(low, top, tried), between(top, high, tried)) if value is not None]
    if not near:
        return None
    listed = " and ".join(map(text, near))
    sentence = f"{label} is best at {text(top)}, between {text(low)} and {text(high)}: try {listed} too."
    return _Move("refine", path, tuple(near), sentence)


def _moved(search: _Next, moves: Sequence[_Move]) -> list[Advice]:
    """The moves as advice; none of one that the other settings of the search do not allow."""
    found = []
    for move in moves:
        with suppress(ConfigError):
            changed = _changed(search, move)
            if changed and (runs := search.runs(changed)):
                found.append(_advice(search, move.kind, move.path, move.sentence, changed, runs))
    return found


def _changed(search: _Next, move: _Move) -> dict[str, ListedParameter | RangeParameter]:
    """The list of a parameter after a move, in the order that it has, or its range; empty if it does not vary."""
    before = search.parameter(move.path)
    if isinstance(before, RangeParameter):
        return {move.path: replace(before, distribution=move.range)} if move.range else {}
    if before is None:
        return {}
    rising = before.values[0] < before.values[-1]
    return {move.path: ListedParameter(move.path, tuple(sorted([*before.values, *move.values], reverse=not rising)))}


def _repeat(results: Results, contenders: Sequence[Contender]) -> list[Advice]:
    """Repeat the best, if nothing was repeated; none that was stopped before it had come as far as the best."""
    top = [each.estimate.trial for each in takewhile(lambda each: not each.stopped, contenders[:_TOP])]
    if len(top) < 2 or any(len(trial.runs) > 1 for trial in results.trials):
        return []
    search = top[0].runs[0].search
    runs = (_REPEATS - 1) * len(top)
    command = shlex.join(["gridfold", "resume", search.name, "--repeats", str(_REPEATS), "--top", str(len(top))])
    sentence = f"Each trial was run once, so the noise is unknown: repeat the best {len(top)}, {_REPEATS} runs each."
    return [Advice("repeat", None, sentence, command, runs, _seconds(runs, top))]


def _more_repeats(search: _Next, contenders: Sequence[Contender]) -> list[Advice]:
    """More repeats of the best, if they have few, and those tell them from less than half of the others."""
    far = [each for each in contenders if not each.stopped]
    others, alike = far[1:], [each.estimate.trial for each in far if not each.distinguishable]
    noisy = any(each.p is not None for each in others) and any(each.estimate.std for each in far)
    folds, has = search.plan.folds or 1, _repeats(alike[0])
    if not noisy or 2 * (len(alike) - 1) <= len(others) or folds * has > _FEW or search.plan.race:
        return []
    repeats, top = max(2 * has, math.ceil(_FEW / folds)), alike[:_TOP]
    runs = folds * sum(max(repeats - _repeats(trial), 0) for trial in top)
    name = search.search.name
    command = shlex.join(["gridfold", "resume", name, "--repeats", str(repeats), "--top", str(len(top))])
    which = "most of the others" if len(others) > 1 else "the other"
    sentence = (
        f"With {folds * has} runs each, {which} cannot be told from the best, which may be luck: "
        f"repeat the best {len(top)}, {folds * repeats} runs each."
    )
    return [Advice("repeat", None, sentence, command, runs, _seconds(runs, top))]


def _repeats(trial: TrialResult) -> int:
    return 1 + max(run.entry.repeat for run in trial.runs)


def _advice(search: _Next, kind: str, path: str, sentence: str, changed: Changed, runs: int) -> Advice:
    seconds, at_most = _seconds(runs, search.results.trials), search.plan.race or not search.plan.strategy.is_grid
    return Advice(kind, path, sentence, search.command(changed), runs, seconds, at_most)


def _seconds(runs: int, trials: Sequence[TrialResult]) -> float | None:
    """What more runs would take one after another, sharing what runs have shared, once; None if that is not known."""
    own = [trial.seconds for trial in trials if trial.seconds is not None]
    shared = [trial.shared_seconds for trial in trials if trial.shared_seconds is not None]
    return runs * statistics.fmean(own) + statistics.fmean(shared) if own else None


def _replicate(repetition: Repetition) -> Replicate:
    return repetition.repeat, repetition.fold.index if repetition.fold else None


def _key(params: Mapping[str, Any]) -> str:
    return canonical(params)
