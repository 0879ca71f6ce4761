"""Which parameters mattered, alone and together."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from gridfold.analysis.distributions import f_tail, t_quantile
from gridfold.analysis.factors import Factor, Scale, factors_of
from gridfold.analysis.fit import Fit, left_of
from gridfold.analysis.significance import data_folds, holm, matrix, repeats_are_identical, variance_factor
from gridfold.records.trials import Results, TrialResult

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_LEVEL = 0.95
_TINY = 1e-12
_MOST_COLUMNS = 400  # of an interaction; beyond, it is not looked at
SURE = 0.01  # of a corrected p-value: so strict, because it is said beside what is said of the trials
_SHOWS = 0.05  # of a p-value as it is: above, there is no sign of a difference
_MOST_LEVELS = 50  # of a curve

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
        levels: its values, in the order of its list; of a curve at most 50 of them.
        p: of the F-test that none of them makes a difference; None where the noise is unknown.
        share: of the variance of the means of the trials that have it, without what is noise of it.
        verdict: whether it is there.
        linked: parameters that always change together with it, so that this is the effect of all of them.
        scale: of a number whose values hardly repeat: a curve was fitted through them on this scale; else None.
        points: then the value and the mean of each trial.
        n: how many trials have it.
        of: how many there are.
    """

    path: str
    levels: tuple[Level, ...]
    p: float | None
    share: float
    verdict: Verdict = "unknown"
    linked: tuple[str, ...] = ()
    scale: Scale | None = None
    points: tuple[tuple[float, float], ...] = ()
    n: int = 0
    of: int = 0


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

    factors: tuple[Factor, ...]
    means: Array
    error: _Error | None
    repeated: bool

    @cached_property
    def fit(self) -> Fit:
        """All factors and the means, as a problem of least squares."""
        return Fit.of(self.factors, self.means)

    @cached_property
    def main(self) -> tuple[float, int]:
        """What all main effects leave of the means, and their rank."""
        return self.fit.squares()

    @classmethod
    def of(cls, results: Results) -> Model:
        """The model of some results; runs that failed or diverged are left out."""
        import numpy as np

        trials = [trial for trial in results.trials if trial.values]
        means = np.array([value for value in results.comparable if value is not None], dtype=float)
        factors = factors_of(results.paths, [trial.params for trial in trials])
        error = None if repeats_are_identical(results) else _pure_error(trials, data_folds(results))
        return cls(factors, means, error or _residual(Fit.of(factors, means)), error is not None)


def effects(model: Model) -> tuple[Effect, ...]:
    """The main effect of each parameter, the one that explains most first.

    One least-squares model of all main effects over the means of the trials, so that cells may be missing. The mean of
    a value is its least-squares mean, as if every other value occurred equally often; the F-test of a parameter
    compares the model with the one that lacks it. Numbers that hardly repeat, as those drawn from a range, are a curve:
    a polynomial of degree 2, from 30 trials on 3. A parameter of a branch is looked at within that branch.
    """
    inverse = model.fit.inverse()
    found = [_effect(model, inverse, factor) for factor in model.factors]
    found.sort(key=lambda each: (-each[0], 1.0 if each[1].p is None else each[1].p))
    return tuple(effect for _, effect in found)


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


def _residual(fit: Fit) -> _Error | None:
    left, rank = fit.squares()
    return _Error(left / (fit.count - rank), fit.count - rank) if fit.count > rank else None


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
    left, rank = left_of(seeds, centred)
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


def _effect(model: Model, inverse: Array, factor: Factor) -> tuple[float, Effect]:
    """How much a factor explains, and its effect; what is within it, as the parameters of a branch, is part of it."""
    fewer = [other for other in model.factors if other is not factor and not other.is_within(factor)]
    (less, smaller), (full, rank) = model.fit.squares(fewer), model.fit.squares([*fewer, factor])
    df = rank - smaller
    p = _test(max(less - full, 0.0), df, model.error, _scale(model))
    squares, noise = _component(model, [*fewer, factor]) if df else (0.0, 0.0)
    own = model.means[factor.has]
    points = zip((factor.values[code] for code in factor.codes if code >= 0), own.tolist(), strict=True)
    return squares, Effect(
        path=factor.paths[0],
        levels=_levels(model, inverse, factor),
        p=p,
        share=_share(squares - noise, own, model.error, _scale(model)),
        linked=factor.paths[1:],
        scale=factor.scale,
        points=tuple(points) if factor.scale else (),
        n=len(own),
        of=len(model.means),
    )


def _component(model: Model, factors: Sequence[Factor]) -> tuple[float, float]:
    """The sum of squares of what the last factor adds to the fit of some, over its trials; and what noise has of that.

    Where others change with it by chance, as in a random search, this is still what it does by itself. What it explains
    beyond the others would be less, as what either may explain would count for neither.
    """
    import numpy as np

    columns = factors[-1].columns[factors[-1].has]
    columns = columns - columns.mean(axis=0)
    weights = model.fit.inverse(factors)[-columns.shape[1] :]
    added = columns @ (weights @ model.fit.target)
    noise = float(np.sum((columns.T @ columns) * (weights @ weights.T)))
    return float(np.sum(added**2)), noise * model.error.variance if model.error else 0.0


def _share(squares: float, means: Array, error: _Error | None, scale: float) -> float:
    """The share of the variance of some means that something explains: omega squared (Hays 1963).

    Its sum of squares is without what noise alone would give it, so that nothing has a share because it has many
    values. Of a complete grid without noise it is exact, and the shares of parameters and pairs add up to what all of
    them explain.
    """
    import numpy as np

    whole, noise = float(np.sum((means - means.mean()) ** 2)), error.variance if error else 0.0
    if not _TINY * scale < math.sqrt(whole) < math.inf:
        return 0.0
    return min(max(squares / (whole + noise), 0.0), 1.0)


def _scale(model: Model) -> float:
    import numpy as np

    return float(np.abs(model.means).max(initial=1e-300))


def _levels(model: Model, inverse: Array, factor: Factor) -> tuple[Level, ...]:
    import numpy as np

    places = range(len(factor.values))
    if factor.scale and len(places) > _MOST_LEVELS:
        places = np.linspace(0, len(places) - 1, _MOST_LEVELS).round().astype(int).tolist()
    usual = [factor.basis[0] if other is factor else other.average(factor.has) for other in model.factors]
    return tuple(_level(model, inverse, factor, place, usual) for place in places)


def _level(model: Model, inverse: Array, factor: Factor, place: int, usual: Sequence[Array]) -> Level:
    """One value of a factor, with the columns that others have on average, if they are not within it."""
    import numpy as np

    at = factor.codes == place
    held = zip(model.factors, usual, strict=True)
    columns = [
        factor.basis[place] if other is factor else other.average(at) if other.is_within(factor) else columns
        for other, columns in held
    ]
    contrast = np.concatenate([np.ones(1), *columns])
    weights = contrast @ inverse
    mean, low, high = float(weights @ model.fit.target), None, None
    if model.error and np.allclose(weights @ model.fit.design, contrast, atol=1e-8):  # else others may be it
        error = math.sqrt(model.error.variance * float(weights @ weights))
        is_noise = error > _TINY * _scale(model)  # else it is rounding
        reach = float(t_quantile(0.5 + _LEVEL / 2, model.error.df)) * error if is_noise else 0.0
        low, high = mean - reach, mean + reach
    return Level(factor.values[place], mean, low, high, int(np.sum(at)))


def _interaction(model: Model, one: Factor, other: Factor) -> Interaction | None:
    import numpy as np

    first, second = one.simple, other.simple
    if first.shape[1] * second.shape[1] > _MOST_COLUMNS:
        return None
    larger = model.fit.with_columns((first[:, :, None] * second[:, None, :]).reshape(len(first), -1))
    (alone, fewer), (together, more) = model.main, larger.squares()
    own = model.means[one.has & other.has]
    if more == fewer or not np.ptp(own):
        return None
    error, scale = model.error if model.repeated else _residual(larger), _scale(model)
    squares, df = max(alone - together, 0.0), more - fewer
    noise = df * error.variance if error else 0.0
    share = _share(squares - noise, own, error, scale)
    return Interaction((one.paths[0], other.paths[0]), _test(squares, df, error, scale), share)
