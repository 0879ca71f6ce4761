"""What to run next, with the command that does."""

from __future__ import annotations

import math
import shlex
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from gridfold.analysis.effects import Effect, Interaction
from gridfold.analysis.factors import is_numeric
from gridfold.analysis.next_values import between, extended, text
from gridfold.analysis.significance import Contender
from gridfold.config.overrides import Variation, parse_arguments
from gridfold.core.errors import ConfigError
from gridfold.core.values import canonical, render
from gridfold.identity.fingerprint import Code
from gridfold.identity.sources import Sources
from gridfold.records.numbers import duration
from gridfold.records.trials import Replicate, Results, TrialResult
from gridfold.runs.names import label_parameters
from gridfold.runs.search import BASE, SearchDirectory
from gridfold.runs.store import Store
from gridfold.search.plan import Plan, plan_of
from gridfold.search.reuse import find_reusable
from gridfold.space.parameters import ListedParameter
from gridfold.space.repeats import Repetition
from gridfold.trainers.protocol import BUILT_IN

_LARGE = 0.1  # of a share, where the noise is unknown
_REPEATS, _TOP = 3, 5
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
        races: whether those are all that there may be, and a race decides how many.
    """

    kind: str
    path: str | None
    sentence: str
    command: str
    runs: int
    seconds: float | None
    races: bool = False

    @property
    def cost(self) -> str:
        """What it takes, in words."""
        most, plural = "at most " if self.races else "", "" if self.runs == 1 else "s"
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
    moves = _moves(results, best, effects, interactions)
    try:
        next_search = _Next(results, best.runs[0].search)
        made = [
            *_more_repeats(next_search, contenders),
            *_moved(next_search, moves),
        ]
    except (ConfigError, OSError):  # what the search began with is not there any more
        made = []
    return (*_repeat(results, contenders), *made)


@dataclass(frozen=True)
class _Move:
    """Values that a parameter is to have, too, and why."""

    kind: str
    path: str
    values: tuple[Any, ...]
    sentence: str


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

    def values(self, path: str) -> tuple[Any, ...] | None:
        """The values that a parameter has in the search."""
        return next((each.values for each in self.plan.space.parameters if each.path == path), None)

    def variations(self, changed: Mapping[str, tuple[Any, ...]]) -> tuple[Variation, ...]:
        """Those of the search with some parameters changed."""
        before = parse_arguments(self.facts["variations"])
        kept = [
            replace(each, parameter=ListedParameter(each.path, changed[each.path])) if each.path in changed else each
            for each in before
        ]
        known = {each.path for each in before}
        return (
            *kept,
            *(Variation(ListedParameter(path, values)) for path, values in changed.items() if path not in known),
        )

    def runs(self, changed: Mapping[str, tuple[Any, ...]]) -> int | None:
        """How many runs it would make that are not done, here or in another search; None for one that is too large."""
        more = None if self.plan.seeds.are_listed else self.repeats
        plan = Plan(self.plan.config.override(repeats=more), self.variations(changed))
        if plan.most_runs > plan.limit:
            return None
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

    def command(self, changed: Mapping[str, tuple[Any, ...]]) -> str:
        """The command that runs it."""
        words = ["gridfold", "search", "--config", self._config()]
        variations = self.variations(changed)
        if variations:
            words += ["--param-variations", *map(_argument, variations)]
        words += ["--run-prefix", self.search.name.rpartition("_")[0], "--reuse", *self._settings()]
        return shlex.join(words)

    def _config(self) -> str:
        """The file that the search was made from, if it is as it was; else the copy."""
        original, copy = Path(self.facts["config"]), self.search.dir / BASE
        try:
            same = original.read_bytes() == copy.read_bytes()
        except OSError:
            same = False
        return str(original if same else copy)

    def _settings(self) -> list[str]:
        """What was said on the command line and not in the file."""
        from gridfold.config.config import Config

        config = Config.parse(self.search.base(), self.facts["config"])
        words = [] if self.facts["threads"] == config.threads else ["--threads", str(self.facts["threads"])]
        if not self.plan.seeds.are_listed and self.repeats != (config.settings.repeats or 1):
            words += ["--repeats", str(self.repeats)]
        for name in ("cwd", "folds", "metric", "max_runs"):
            said = self.facts.get(name)
            if said is not None and said != getattr(config.settings, name):
                words += [f"--{name.replace('_', '-')}", str(said)]
        words += ["--race"] if self.facts.get("race") else []
        words += self._only_vary(config.settings.vary)
        more = self.facts.get("maximize")
        if more is not None and more != config.settings.maximize:
            words.append("--maximize" if more else "--minimize")
        trainer = self.facts["trainer"] if isinstance(self.facts["trainer"], str) else tuple(self.facts["trainer"])
        if trainer == (config.trainer or BUILT_IN):
            return words
        return [*words, "--trainer", trainer] if isinstance(trainer, str) else [*words, "--", *trainer]

    def _only_vary(self, of_the_file: tuple[str, ...] | None) -> list[str]:
        vary = self.plan.config.settings.vary
        return ["--vary", *vary] if vary and vary != of_the_file else []


def _moves(
    results: Results, best: TrialResult, effects: Sequence[Effect], interactions: Sequence[Interaction]
) -> list[_Move]:
    """What to do about the parameters that matter, what explains most first."""
    joined = {path for each in interactions if each.verdict == "sure" for path in each.paths}
    found = []
    for effect in effects:
        unknown = effect.verdict == "unknown" and effect.share >= _LARGE
        if not (effect.verdict == "sure" or effect.path in joined or unknown):
            continue
        values = [level.value for level in effect.levels]
        if not is_numeric(values) or len(set(values)) < 2:
            continue
        alone = (max if results.objective.maximize else min)(effect.levels, key=lambda level: level.mean).value
        top = best.params.get(effect.path)
        if (alone != top and effect.path not in joined) or not _agree(results.tied, effect.path):
            continue
        found += [move for move in [_move(results, effect.path, top)] if move]
    return sorted(found, key=lambda move: move.kind != "extend")


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
    """The moves as advice."""
    found = []
    for move in moves:
        changed = _changed(search, move)
        if changed and (runs := search.runs(changed)):
            sentence = move.sentence
            found.append(_advice(search, move.kind, move.path, sentence, changed, runs))
    return found


def _changed(search: _Next, move: _Move) -> dict[str, tuple[Any, ...]]:
    """The list of a parameter after a move, in the order that it has; empty if the search does not vary it."""
    values = search.values(move.path)
    if values is None:
        return {}
    rising = values[0] < values[-1]
    return {move.path: tuple(sorted([*values, *move.values], reverse=not rising))}


def _repeat(results: Results, contenders: Sequence[Contender]) -> list[Advice]:
    """Repeat the best, if nothing was repeated."""
    if len(contenders) < 2 or any(len(trial.runs) > 1 for trial in results.trials):
        return []
    top = [each.estimate.trial for each in contenders[:_TOP]]
    search = top[0].runs[0].search
    runs = (_REPEATS - 1) * len(top)
    command = shlex.join(["gridfold", "resume", search.name, "--repeats", str(_REPEATS), "--top", str(len(top))])
    sentence = f"Each trial was run once, so the noise is unknown: repeat the best {len(top)}, {_REPEATS} runs each."
    return [Advice("repeat", None, sentence, command, runs, _seconds(runs, top))]


def _more_repeats(search: _Next, contenders: Sequence[Contender]) -> list[Advice]:
    """More repeats of the best, if they have few, and those tell them from less than half of the others."""
    others, alike = contenders[1:], [each.estimate.trial for each in contenders if not each.distinguishable]
    noisy = any(each.p is not None for each in others) and any(each.estimate.std for each in contenders)
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


def _advice(
    search: _Next, kind: str, path: str, sentence: str, changed: Mapping[str, tuple[Any, ...]], runs: int
) -> Advice:
    seconds = _seconds(runs, search.results.trials)
    return Advice(kind, path, sentence, search.command(changed), runs, seconds, races=search.plan.race)


def _seconds(runs: int, trials: Sequence[TrialResult]) -> float | None:
    """What more runs would take one after another, sharing what runs have shared, once; None if that is not known."""
    own = [trial.seconds for trial in trials if trial.seconds is not None]
    shared = [trial.shared_seconds for trial in trials if trial.shared_seconds is not None]
    return runs * statistics.fmean(own) + statistics.fmean(shared) if own else None


def _argument(variation: Variation) -> str:
    """A variation as a person would write it."""
    values = ",".join(_written(value) for value in variation.values)
    short = f"{'+' if variation.add else ''}{variation.path}={values}"
    return short if parse_arguments([short]) == (variation,) else variation.argument


def _written(value: Any) -> str:
    return text(value) if isinstance(value, float) else render(value)


def _replicate(repetition: Repetition) -> Replicate:
    return repetition.repeat, repetition.fold.index if repetition.fold else None


def _key(params: Mapping[str, Any]) -> str:
    return canonical(params)
