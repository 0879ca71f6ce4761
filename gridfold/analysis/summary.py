"""All numbers of a search's answer and report, computed once: plain data, which ``summary.json`` holds as well."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from gridfold.analysis import significance
from gridfold.analysis.advice import Advice, advice
from gridfold.analysis.answer import answer, confirmed
from gridfold.analysis.cells import FailureRegion, Heatmap, heatmaps, regions
from gridfold.analysis.effects import Effect, Interaction, Model, effects, interactions, judged
from gridfold.analysis.significance import Contender, contenders
from gridfold.core.errors import ConfigError
from gridfold.core.values import is_json, render
from gridfold.records.front import front
from gridfold.records.objective import is_finite
from gridfold.records.reach import alike, reached
from gridfold.records.ties import Tie
from gridfold.records.trials import Results, RunResult, TrialResult
from gridfold.runs.failure import grouped
from gridfold.runs.names import label_parameters

SUMMARY = "summary.json"  # beside the report, in the directory of the search

_CURVES_OF = 50  # trials
_MOST_POINTS = 500
_MOST_LETTERS = 4_000  # of a traceback

Standing = Literal["best", "near", "other"]
"""The best trial, or those that tie with it; what cannot be told from it, or where nothing is known of the noise, the
best tenth; all others that have a value."""


@dataclass(frozen=True)
class RunSummary:
    """Which run it is: its index in the search, and the name of its directory."""

    index: int
    run: str


@dataclass(frozen=True)
class TrialSummary:
    """A trial over all its runs.

    Attributes:
        params: path and value of what varies; where a parameter is missing, the trial has none.
        rank: 1 for the best and all that tie with it; None without a value.
        standing: how it stands to the best; None without a value.
        n: how many runs have a value.
        mean: of these, and their sample standard deviation ``std``; None without them.
        low: where the 95 % interval of the mean begins, and ends at ``high``; None where the noise is unknown.
        difference: the mean of the paired differences from the best, positive where that is better.
        p: of that difference, corrected; None where nothing is known.
        distinguishable: whether it is worse than the best beyond the noise.
        stopped: whether it was stopped before it had come as far as the best, so that it is not compared with it.
        step: how far its runs came, those that came least far; None where nothing says that.
        seconds: the mean of its completed runs.
        states: how many of its runs have which state.
        runs: those that count for the comparison.
        goals: of several metrics that a strategy looks at the means; else empty.
        front: whether it is on the Pareto front of these.
    """

    params: Mapping[str, Any]
    rank: int | None
    standing: Standing | None
    n: int
    mean: float | None
    std: float | None
    low: float | None
    high: float | None
    difference: float | None
    p: float | None
    distinguishable: bool
    stopped: bool
    step: float | None
    seconds: float | None
    states: Mapping[str, int]
    runs: tuple[RunSummary, ...]
    goals: Mapping[str, float]
    front: bool


@dataclass(frozen=True)
class Curve:
    """The learning curve of a run.

    Attributes:
        run: the run.
        standing: of its trial.
        points: epoch, or the position of the report where it names none, and metric.
    """

    run: RunSummary
    standing: Standing | None
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Failure:
    """Failures of one cause; the words are those of the first."""

    type: str
    place: str
    message: str
    traceback: str
    runs: tuple[RunSummary, ...]


@dataclass(frozen=True)
class Confirmed:
    """A trial on fresh seeds: the mean when it was chosen, and what it has now."""

    params: Mapping[str, Any]
    selected: float
    n: int
    mean: float
    std: float | None


@dataclass(frozen=True)
class Confirmation:
    """The winner and the runner-up on fresh seeds.

    Attributes:
        trials: the winner first.
        p: of the difference on the fresh seeds; None where nothing is known.
        answer: the same in sentences.
    """

    trials: tuple[Confirmed, ...]
    p: float | None
    answer: tuple[str, ...]


@dataclass(frozen=True)
class Summary:
    """The numbers.

    Attributes:
        metric: what trials are compared by; None if no run has one.
        maximize: whether more of it is better.
        guessed: whether nobody said so, and its name does not either.
        goals: of several metrics that a strategy looks at the names, and whether more is better; else empty.
        labels: path of each parameter, and what it is called.
        states: how many runs have which state.
        seconds: what all runs took, one after another.
        tie: that several trials have the best value.
        trials: the best first, those without a value last.
        effects: of each parameter, the largest share first.
        interactions: of each pair of parameters, the largest first.
        heatmaps: of each pair of parameters.
        step: at which step of the trials effects, interactions and heat maps look, as some were stopped early; else
            None, and they are of what each has reached.
        course: what the learning curves run over, "epoch" or "report".
        curves: of the runs of the best 50 trials.
        failures: the largest group first.
        regions: the values with which runs fail, the worst first.
        advice: what to run next, the most useful first.
        confirmation: None if that was not done.
        answer: the answer in words.
    """

    metric: str | None
    maximize: bool
    guessed: bool
    goals: Mapping[str, bool]
    labels: Mapping[str, str]
    states: Mapping[str, int]
    seconds: float
    tie: Tie | None
    trials: tuple[TrialSummary, ...]
    effects: tuple[Effect, ...]
    interactions: tuple[Interaction, ...]
    heatmaps: tuple[Heatmap, ...]
    step: float | None
    course: str
    curves: tuple[Curve, ...]
    failures: tuple[Failure, ...]
    regions: tuple[FailureRegion, ...]
    advice: tuple[Advice, ...]
    confirmation: Confirmation | None
    answer: tuple[str, ...]

    @classmethod
    def of(cls, results: Results) -> Summary:
        """Compute all of them.

        Raises:
            ConfigError: a package of the extra ``report`` is not installed.
        """
        _check_installed()
        import numpy as np

        with np.errstate(over="ignore", invalid="ignore"):  # a run that all but diverged has a number like 1e300
            return _summary(results)

    @property
    def ranked(self) -> tuple[TrialSummary, ...]:
        """The trials that have a value, the best first."""
        return tuple(trial for trial in self.trials if trial.rank is not None)

    @property
    def knows_noise(self) -> bool:
        """Whether repeats tell trials apart."""
        return any(trial.p is not None for trial in self.trials)

    def json(self) -> str:
        """As ``summary.json`` has it: what JSON cannot hold, such as nan, is a text of YAML."""
        try:
            return json.dumps(self, default=vars, allow_nan=False)
        except (TypeError, ValueError):
            return json.dumps(_held(asdict(self)))


def _held(value: Any) -> Any:
    """Data in which only what JSON cannot hold is replaced."""
    if isinstance(value, (list, tuple)):
        return list(map(_held, value))
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: _held(each) for key, each in value.items()}
    return value if is_json(value) else render(value)


def _summary(results: Results) -> Summary:
    compared, same_step = contenders(results), alike(results)
    model = Model.of(same_step)
    main, together = judged(effects(model), interactions(model))
    next_steps = advice(results, compared, main, together)
    again = significance.confirmation(results)
    runs = [run for trial in results.trials for run in trial.runs]
    trials = tuple(_trials(results, compared))
    return Summary(
        metric=results.objective.metric,
        maximize=bool(results.objective.maximize),
        guessed=results.objective.guessed,
        goals=dict(results.objective.goals),
        labels=dict(zip(results.paths, label_parameters(results.paths), strict=True)),
        states=dict(Counter(run.state for run in runs)),
        seconds=sum(run.record.seconds or 0.0 for run in runs if run.record),
        tie=results.tie,
        trials=trials,
        effects=main,
        interactions=together,
        heatmaps=heatmaps(model, maximize=bool(results.objective.maximize)),
        step=same_step.step,
        course=results.course,
        curves=tuple(_curves(results, trials)),
        failures=tuple(_failures(results)),
        regions=regions(results),
        advice=next_steps,
        confirmation=_confirmation(again, confirmed(results, compared, again)),
        answer=answer(results, compared, main, together, next_steps, again, same_step.step),
    )


def _confirmation(found: significance.Comparison | None, said: tuple[str, ...]) -> Confirmation | None:
    if found is None:
        return None
    pairs = zip(found.estimates, found.selected, strict=True)
    trials = (Confirmed(each.trial.params, selected, each.n, each.mean, each.std) for each, selected in pairs)
    return Confirmation(tuple(trials), found.p, said)


def _trials(results: Results, compared: Sequence[Contender]) -> Iterator[TrialSummary]:
    tied, facts = (
        max(len(results.tied), 1),
        _Facts(dict(results.objective.goals), {id(trial) for trial in front(results)}),
    )
    for place, (contender, standing) in enumerate(zip(compared, _standings(compared, tied), strict=True), start=1):
        of = contender.estimate
        yield TrialSummary(
            rank=1 if place <= tied else place,
            standing=standing,
            n=of.n,
            mean=of.mean,
            std=of.std,
            low=of.low,
            high=of.high,
            difference=contender.difference,
            p=contender.p,
            distinguishable=contender.distinguishable,
            stopped=contender.stopped,
            **facts.of(of.trial),
        )
    nothing = dict.fromkeys(("rank", "standing", "mean", "std", "low", "high", "difference", "p"))
    for trial in results.trials:
        if not trial.values:
            yield TrialSummary(n=0, distinguishable=False, stopped=False, **nothing, **facts.of(trial))  # type: ignore[arg-type]


@dataclass(frozen=True)
class _Facts:
    """What is known of a trial without comparison; of several metrics, which those are and which trials are best."""

    goals: Mapping[str, bool]
    front: set[int]

    def of(self, trial: TrialResult) -> dict[str, Any]:
        states = Counter(run.state for run in trial.runs)
        return {
            "params": trial.params,
            "step": reached(trial),
            "seconds": trial.seconds,
            "states": dict(states.most_common()),
            "runs": tuple(map(_named, trial.runs)),
            "goals": {name: value for name in self.goals if is_finite(value := trial.metrics.get(name))},
            "front": id(trial) in self.front,
        }


def _named(run: RunResult) -> RunSummary:
    return RunSummary(run.entry.index, run.entry.run)


def _standings(compared: Sequence[Contender], tied: int) -> Iterator[Standing]:
    known, tenth = any(each.p is not None for each in compared), -(-len(compared) // 10)
    for place, each in enumerate(compared):
        is_near = not (each.distinguishable or each.stopped) if known else place < tenth
        yield "best" if place < tied else "near" if is_near else "other"


def _curves(results: Results, trials: Sequence[TrialSummary]) -> Iterator[Curve]:
    """The metric in each report of the runs of the best trials, at most 500 points of a run."""
    for trial, said in zip(results.ranked[:_CURVES_OF], trials, strict=False):
        for run in trial.runs:
            if points := _points(run, results.objective.metric or ""):
                yield Curve(_named(run), said.standing, tuple(_thinned(points)))


def _points(run: RunResult, metric: str) -> list[tuple[float, float]]:
    return [
        (_number(report.get("epoch"), float(place)), float(report[metric]))
        for place, report in enumerate(run.reports(), 1)
        if is_finite(report.get(metric))
    ]


def _number(value: Any, otherwise: float) -> float:
    return float(value) if is_finite(value) else otherwise


def _thinned(points: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    """At most that many points, evenly, the first and the last among them."""
    if len(points) <= _MOST_POINTS:
        return points
    step = (len(points) - 1) / (_MOST_POINTS - 1)
    return [points[round(place * step)] for place in range(_MOST_POINTS)]


def _failures(results: Results) -> Iterator[Failure]:
    """The runs that failed, those of one cause together, the largest group first."""
    runs = [run for trial in results.trials for run in (*trial.runs, *trial.confirming) if run.record]
    failed = {id(run.record): run for run in runs}
    for group in grouped(run.record for run in runs if run.record):
        error = group[0].error or {}
        kind, place, message, traceback = (
            str(error.get(name) or "") for name in ("type", "place", "message", "traceback")
        )
        end = traceback if len(traceback) <= _MOST_LETTERS else f"…{traceback[-_MOST_LETTERS:]}"
        yield Failure(
            kind, place, message.strip()[:_MOST_LETTERS], end, tuple(_named(failed[id(each)]) for each in group)
        )


def _check_installed() -> None:
    try:
        import numpy  # noqa: F401
        import scipy  # noqa: F401
    except ImportError as error:
        hint = 'pip install "gridfold[report]"'
        raise ConfigError(f"{error.name} is not installed, and the numbers of a report need it", hint=hint) from None
