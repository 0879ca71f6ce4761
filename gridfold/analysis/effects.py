"""Which parameters mattered, alone and together."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from gridfold.analysis.distributions import f_tail, t_quantile
from gridfold.analysis.significance import data_folds, holm, matrix, repeats_are_identical, variance_factor
from gridfold.core.values import canonical
from gridfold.records.objective import is_finite
from gridfold.records.trials import Results, RunResult, TrialResult

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_LEVEL = 0.95
_TINY = 1e-12
_MOST_COLUMNS = 400  # of an interaction; beyond, it is not looked at
SURE = 0.01  # of a corrected p-value: so strict, because it is said beside what is said of the trials
_SHOWS = 0.05  # of a p-value as it is: above, there is no sign of a difference
_GEOMETRIC = 3  # a list whose values span more than this factor, evenly in their logarithm, is looked at so

Verdict = Literal["sure", "not certain", "no sign", "unknown"]
"""Whether there is an effect: sure, with a p-value below 0.01 that is corrected after Holm (1979) for all parameters
and pairs; not certain, with one below 0.05 as it is; unknown where nothing is known of the noise."""


@dataclass(frozen=True)
class Level:
    """One value of a parameter.

    Attributes:
        value: the value.
        mean: the least-squares mean of the metric, as if every other value occurred equally often.
        low: where its 95 % interval begins; None where the noise is unknown.
        high: where it ends.
        n: how many trials have the value.
    """

    value: Any
    mean: float
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class Effect:
    """The main effect of a parameter.

    Attributes:
        path: the parameter.
        levels: its values, in the order of its list.
        p: of the F-test that none of them makes a difference; None where the noise is unknown.
        share: of the variance of the trials' means, without what is noise of it.
        verdict: whether it is there.
    """

    path: str
    levels: tuple[Level, ...]
    p: float | None
    share: float
    verdict: Verdict = "unknown"


@dataclass(frozen=True)
class Interaction:
    """What two parameters do together beyond what each does alone.

    Attributes:
        paths: the parameters.
        p: of the F-test that they do nothing together; None where the noise is unknown.
        share: of the variance of the trials' means, without what is noise of it.
        verdict: whether it is there.
    """

    paths: tuple[str, str]
    p: float | None
    share: float
    verdict: Verdict = "unknown"


@dataclass(frozen=True)
class Heatmap:
    """A pair of parameters, and the metric at each pair of values; None where no trial has it.

    Attributes:
        paths: the parameters.
        rows: the values of the first.
        columns: the values of the second.
        mean: the mean over the other parameters.
        best: the best over the other parameters.
    """

    paths: tuple[str, str]
    rows: tuple[Any, ...]
    columns: tuple[Any, ...]
    mean: tuple[tuple[float | None, ...], ...]
    best: tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True)
class FailureRegion:
    """Where runs failed or gave no finite number.

    Attributes:
        path: a parameter.
        value: a value of it.
        failed: how many of its runs failed.
        of: how many of its runs have ended.
    """

    path: str
    value: Any
    failed: int
    of: int


@dataclass(frozen=True)
class _Factor:
    """A parameter with more than one value among the trials.

    Attributes:
        path: the parameter.
        values: its values.
        codes: for each trial, the position of its value.
    """

    path: str
    values: tuple[Any, ...]
    codes: NDArray[np.int_]

    def columns(self) -> Array:
        """The columns of a model: one for each value but the last, adding up to zero over the values."""
        import numpy as np

        coded: Array = np.vstack([np.eye(len(self.values) - 1), -np.ones(len(self.values) - 1)])
        return coded[self.codes]


@dataclass(frozen=True)
class _Error:
    """The noise of the mean of a trial: its variance, and how many degrees of freedom that has."""

    variance: float
    df: float


@dataclass(frozen=True)
class Model:
    """What the trials' means are compared by: trials that have a value, parameters that vary among them, the noise.

    With repeats, noise is the spread within the trials, once the effect of a seed on all of them is taken off. Without,
    it is what the main effects leave unexplained: interactions count as noise then, and effects look rather too small
    than too large. It is so, too, if all repeats of a trial are identical. Where neither has a degree of freedom left,
    nothing is known of it.
    """

    factors: tuple[_Factor, ...]
    means: Array
    error: _Error | None
    repeated: bool

    @classmethod
    def of(cls, results: Results) -> Model:
        """The model of some results; runs that failed or diverged are left out."""
        import numpy as np

        trials = [trial for trial in results.trials if trial.values]
        means = np.array([value for value in results.comparable if value is not None], dtype=float)
        factors = tuple(
            _Factor(path, values, np.array(_places(values, [trial.params.get(path) for trial in trials]), dtype=int))
            for path in results.paths
            if len(values := levels(trials, path)) > 1
        )
        error = None if repeats_are_identical(results) else _pure_error(trials, data_folds(results))
        return cls(factors, means, error or _residual(_design(factors, means), means), error is not None)


def levels(trials: Sequence[TrialResult], path: str) -> tuple[Any, ...]:
    """The values of a parameter among some trials: numbers by size, others as they come."""
    found = list({canonical(value): value for value in (trial.params.get(path) for trial in trials)}.values())
    return tuple(sorted(found) if is_numeric(found) else found)


def is_numeric(values: Sequence[Any]) -> bool:
    """Whether all values are numbers."""
    return all(is_finite(value) and not isinstance(value, bool) for value in values)


def effects(model: Model) -> tuple[Effect, ...]:
    """The main effect of each parameter, the largest share first.

    One least-squares model of all main effects over the means of the trials, so that cells may be missing. The mean of
    a value is its least-squares mean, as if every other value occurred equally often; the F-test of a parameter
    compares the model with the one that lacks it.
    """
    design = _design(model.factors, model.means)
    found = [_effect(model, design, place) for place in range(len(model.factors))]
    return tuple(sorted(found, key=lambda each: (-each.share, 1.0 if each.p is None else each.p)))


def interactions(model: Model) -> tuple[Interaction, ...]:
    """What pairs of parameters do together, the largest share first.

    The F-test of one interaction added to all main effects. Without repeats, noise is what the larger model leaves.
    """
    pairs = [_interaction(model, one, other) for one, other in itertools.combinations(model.factors, 2)]
    return tuple(sorted((each for each in pairs if each), key=lambda each: -each.share))


def judged(
    effects: Sequence[Effect], interactions: Sequence[Interaction]
) -> tuple[tuple[Effect, ...], tuple[Interaction, ...]]:
    """The same effects and interactions with their verdicts, which all of them decide together."""
    p = [*(each.p for each in effects), *(each.p for each in interactions)]
    corrected = holm(p, sum(each is not None for each in p))
    verdicts = [_verdict(*each) for each in zip(p, corrected, strict=True)]
    return (
        tuple(replace(each, verdict=verdict) for each, verdict in zip(effects, verdicts, strict=False)),
        tuple(
            replace(each, verdict=verdict) for each, verdict in zip(interactions, verdicts[len(effects) :], strict=True)
        ),
    )


def _verdict(p: float | None, corrected: float | None) -> Verdict:
    if p is None or corrected is None:
        return "unknown"
    return "sure" if corrected < SURE else "not certain" if p < _SHOWS else "no sign"


def heatmaps(model: Model, *, maximize: bool) -> tuple[Heatmap, ...]:
    """The metric at each pair of values of two parameters, over the others: the mean, and the best."""
    import numpy as np

    best = np.max if maximize else np.min
    return tuple(_heatmap(model, one, other, best) for one, other in itertools.combinations(model.factors, 2))


def regions(results: Results) -> tuple[FailureRegion, ...]:
    """The values with which runs fail, or give no finite number; those first that exceed the others the most."""
    ended = [run for trial in results.trials for run in trial.runs if run.is_done or run.state == "failed"]
    if not ended:
        return ()
    usual = sum(map(_failed, ended)) / len(ended)
    found = [each for path in results.paths for each in _regions(path, ended) if each.failed]
    return tuple(sorted(found, key=lambda each: usual - each.failed / each.of))


def _regions(path: str, ended: Sequence[RunResult]) -> list[FailureRegion]:
    """What came of the runs with each value of a parameter; nothing if they have one in common."""
    values: dict[str, Any] = {}
    failed: dict[str, list[bool]] = {}
    for run in ended:
        key = canonical(value := run.entry.params.get(path))
        values.setdefault(key, value)
        failed.setdefault(key, []).append(_failed(run))
    return [
        FailureRegion(path, values[key], sum(all_of), len(all_of)) for key, all_of in failed.items() if len(values) > 1
    ]


def _failed(run: RunResult) -> bool:
    return run.value is None


def _places(values: Sequence[Any], taken: Sequence[Any]) -> list[int]:
    known = {canonical(value): place for place, value in enumerate(values)}
    return [known[canonical(value)] for value in taken]


def _design(factors: Sequence[_Factor], means: Array) -> Array:
    import numpy as np

    return np.hstack([np.ones((len(means), 1)), *(factor.columns() for factor in factors)])


def _squares(design: Array, means: Array) -> tuple[float, int]:
    """What least squares leave of the means, and the rank of the model."""
    import numpy as np

    if not len(means):
        return 0.0, 0
    found, _, rank, _ = np.linalg.lstsq(design, means, rcond=None)
    return float(np.sum((means - design @ found) ** 2)), int(rank)


def _residual(design: Array, means: Array) -> _Error | None:
    left, rank = _squares(design, means)
    return _Error(left / (len(means) - rank), len(means) - rank) if len(means) > rank else None


def _pure_error(trials: Sequence[TrialResult], parts: int | None) -> _Error | None:
    """The noise of a mean by the spread within the trials, pooled, without what a seed does to all of them."""
    import numpy as np

    if not trials:
        return None
    values = matrix(trials)
    there = np.isfinite(values)
    n = there.sum(axis=1)
    rows = n > 1
    values, there, counts = values[rows], there[rows], n[rows]
    if not rows.any():
        return None
    centred = (values - np.nansum(values, axis=1, keepdims=True) / counts[:, None])[there]
    seeds = (np.eye(values.shape[1])[None] - (there / counts[:, None])[:, None, :])[there]
    left, rank = _squares(seeds, centred)
    df = int(there.sum()) - int(rows.sum()) - rank
    if df < 1:
        return None
    return _Error(left / df * float(np.mean(variance_factor(n, parts))), df)


def _test(squares: float, df: int, error: _Error | None, scale: float) -> float | None:
    """The p-value of an F-test; None where the noise is unknown. Without noise, any effect is there."""
    if error is None or df < 1:
        return None
    if math.sqrt(error.variance) <= _TINY * scale:
        return 0.0 if math.sqrt(squares) > 100 * _TINY * scale else 1.0
    p = float(f_tail(squares / df / error.variance, df, error.df))
    return None if math.isnan(p) else p


def _effect(model: Model, design: Array, place: int) -> Effect:
    factor = model.factors[place]
    full, rank = _squares(design, model.means)
    fewer = [other for other in model.factors if other is not factor]
    less, smaller = _squares(_design(fewer, model.means), model.means)
    squares, df = max(less - full, 0.0), rank - smaller
    p = _test(squares, df, model.error, _scale(model))
    return Effect(factor.path, _levels(model, design, place), p, _share(squares, df, model, model.error))


def _share(squares: float, df: int, model: Model, error: _Error | None) -> float:
    """The share of the variance of the means that something explains: omega squared (Hays 1963).

    Its sum of squares is what the model without it leaves more (type II), less what noise alone would give it, so that
    nothing has a share because it has many values. Of a complete grid without noise it is exact, and the shares of
    parameters and pairs add up to what all of them explain.
    """
    import numpy as np

    whole, noise = float(np.sum((model.means - model.means.mean()) ** 2)), error.variance if error else 0.0
    if not _TINY * _scale(model) < math.sqrt(whole) < math.inf:
        return 0.0
    return min(max((squares - df * noise) / (whole + noise), 0.0), 1.0)


def _scale(model: Model) -> float:
    import numpy as np

    return float(np.abs(model.means).max(initial=1e-300))


def _levels(model: Model, design: Array, place: int) -> tuple[Level, ...]:
    import numpy as np

    factor = model.factors[place]
    inverse = np.linalg.pinv(design)
    start = 1 + sum(len(other.values) - 1 for other in model.factors[:place])
    found = []
    for position, value in enumerate(factor.values):
        contrast = np.zeros(design.shape[1])
        contrast[0] = 1
        contrast[start : start + len(factor.values) - 1] = -1 if position == len(factor.values) - 1 else 0
        if position < len(factor.values) - 1:
            contrast[start + position] = 1
        weights = contrast @ inverse
        mean, n = float(weights @ model.means), int(np.sum(factor.codes == position))
        low = high = None
        if model.error and np.allclose(
            weights @ design, contrast, atol=1e-8
        ):  # else other effects cannot be told from it
            error = math.sqrt(model.error.variance * float(weights @ weights))
            is_noise = error > _TINY * _scale(model)  # else it is rounding
            reach = float(t_quantile(0.5 + _LEVEL / 2, model.error.df)) * error if is_noise else 0.0
            low, high = mean - reach, mean + reach
        found.append(Level(value, mean, low, high, n))
    return tuple(found)


def _interaction(model: Model, one: _Factor, other: _Factor) -> Interaction | None:
    import numpy as np

    first, second = one.columns(), other.columns()
    if first.shape[1] * second.shape[1] > _MOST_COLUMNS:
        return None
    main = _design(model.factors, model.means)
    product = (first[:, :, None] * second[:, None, :]).reshape(len(main), -1)
    alone, fewer = _squares(main, model.means)
    together, more = _squares(np.hstack([main, product]), model.means)
    if more == fewer or not np.ptp(model.means):
        return None
    error = model.error if model.repeated else _residual(np.hstack([main, product]), model.means)
    squares, df = max(alone - together, 0.0), more - fewer
    return Interaction(
        (one.path, other.path), _test(squares, df, error, _scale(model)), _share(squares, df, model, error)
    )


def _heatmap(model: Model, one: _Factor, other: _Factor, best: Any) -> Heatmap:
    cells = [
        [model.means[(one.codes == row) & (other.codes == column)] for column in range(len(other.values))]
        for row in range(len(one.values))
    ]
    mean, top = (
        tuple(tuple(float(over(cell)) if len(cell) else None for cell in row) for row in cells)
        for over in (lambda cell: cell.mean(), best)
    )
    return Heatmap((one.path, other.path), one.values, other.values, mean, top)


def is_geometric(values: Sequence[float]) -> bool:
    """Whether numbers, by size, are spaced by factors rather than by steps; of two, what is usual is taken."""
    if values[0] <= 0:
        return False
    ratio = values[-1] / values[0]
    if len(values) == 2:
        return ratio >= 5 or values[-1] < 0.05 or all(map(_is_power_of_two, values))
    if ratio < _GEOMETRIC:
        return False
    steps = [after - before for before, after in itertools.pairwise(values)]
    factors = [math.log(after / before) for before, after in itertools.pairwise(values)]
    return _unevenness(factors) < _unevenness(steps)


def _is_power_of_two(value: float) -> bool:
    return isinstance(value, int) and value > 1 and value & (value - 1) == 0


def _unevenness(steps: Sequence[float]) -> float:
    parts = [step / max(steps) for step in steps]  # so that squares of huge ones are numbers
    mean = math.fsum(parts) / len(parts)
    return math.sqrt(math.fsum((part - mean) ** 2 for part in parts) / len(parts)) / mean
