"""Which trials are really apart, as far as repeats can tell."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from gridfold.analysis.distributions import chi2_quantile, f_tail, t_quantile, t_tail
from gridfold.records.objective import mean_of
from gridfold.records.reach import came_as_far
from gridfold.records.trials import Replicate, Results, TrialResult

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_LEVEL = 0.95
_EXACT = 1e-12  # of the largest value: a difference below is rounding
_BEYOND = 0.01  # a variance as large as fewer would be is an outlier
_RARE = 0.05
_GRID = 2001
_MOST_DF = 1e6
_WINDOW_DF = 30  # degrees of freedom that the noise at a mean is told from
_WINDOW_MIN = 5
_NEIGHBOURS = 3


@dataclass(frozen=True)
class Estimate:
    """What is known of a trial's metric.

    Attributes:
        trial: the trial.
        n: how many runs it has a value of.
        mean: their mean.
        std: their sample standard deviation; None of one.
        low: where the 95 % interval of the mean begins; None where the noise is unknown.
        high: where it ends.
        seconds: the mean seconds of its completed runs.
    """

    trial: TrialResult
    n: int
    mean: float
    std: float | None
    low: float | None
    high: float | None
    seconds: float | None


@dataclass(frozen=True)
class Contender:
    """A trial against the best.

    Attributes:
        estimate: of the trial.
        difference: the mean of the paired differences, positive where the best is better; None if none are paired.
        p: of the paired comparison, corrected; None where nothing is known.
        distinguishable: whether it is worse than the best beyond the noise.
        stopped: whether it was stopped before it had come as far as the best, so that nothing is known of that.
    """

    estimate: Estimate
    difference: float | None
    p: float | None
    distinguishable: bool
    stopped: bool = False


@dataclass(frozen=True)
class Comparison:
    """The winner and the runner-up on fresh seeds.

    Attributes:
        estimates: on the fresh seeds, the winner first.
        selected: their means when they were chosen, in the same order.
        p: of the difference on the fresh seeds; None where nothing is known.
    """

    estimates: tuple[Estimate, ...]
    selected: tuple[float, ...]
    p: float | None


@dataclass(frozen=True)
class _Noise:
    """What is known of the noise, apart from what a single pair of trials says.

    Attributes:
        variances: of a run of each trial, best first, as the trials of about the same mean have it.
        prior_df: how much that counts against a pair's own variance; infinite if all pairs may have the same.
        pooled_df: how well it is known itself.
    """

    variances: Array
    prior_df: float
    pooled_df: float


def repeats_are_identical(results: Results) -> bool:
    """Whether all repeats of every trial that has some gave exactly the same value.

    That tells nothing of the noise: the trainer probably does not use its seed.
    """
    return _are_identical(trial.values for trial in results.trials)


def _are_identical(found: Iterable[Mapping[Replicate, float]]) -> bool:
    repeated = [set(values.values()) for values in found if len(values) > 1]
    return bool(repeated) and all(len(each) == 1 for each in repeated)


def estimates(results: Results) -> tuple[Estimate, ...]:
    """Mean, standard deviation and 95 % t-interval of every trial that has a value, best first.

    There is no interval if all repeats are identical.

    Runs on parts of the same data share most of what they are trained on, so their spread says too little: the variance
    of their mean is corrected after Nadeau and Bengio (2003), from 1/n to 1/n + (held out)/(trained on).
    """
    parts, identical = data_folds(results), repeats_are_identical(results)
    found = (estimate(trial, list(trial.values.values()), parts) for trial in results.ranked)
    return tuple(_without_interval(each) if identical else each for each in found)


def _without_interval(of: Estimate) -> Estimate:
    return replace(of, low=None, high=None)


def estimate(trial: TrialResult, values: Sequence[float], parts: int | None) -> Estimate:
    """The estimate of a trial from some values; ``parts`` into how many the data are split."""
    import numpy as np

    n, mean = len(values), mean_of(values)
    if n < 2:
        return Estimate(trial, n, mean, None, None, None, trial.seconds)
    std = float(np.std(values, ddof=1)) if len(set(values)) > 1 else 0.0  # of equal numbers, without rounding
    reach = float(t_quantile(0.5 + _LEVEL / 2, n - 1)) * std * math.sqrt(variance_factor(n, parts))
    return Estimate(trial, n, mean, std, mean - reach, mean + reach, trial.seconds)


def variance_factor(n: Any, parts: int | None) -> Any:
    """What the variance of a run is multiplied by for that of a mean of n (Nadeau and Bengio 2003)."""
    return 1 / n + (1 / (parts - 1) if parts else 0.0)


def data_folds(results: Results) -> int | None:
    """Into how many parts the data are split; None if they are not."""
    parts = {run.entry.fold for trial in results.trials for run in trial.runs if run.entry.fold is not None}
    return max(max(parts) + 1, 2) if parts else None


def contenders(results: Results) -> tuple[Contender, ...]:
    """Every trial against the best, on the repeats that both have.

    A trial is worse if two paired t-tests say so.

    The first asks whether a trial as good as the best could do so badly. If it were as good, it would have the noise
    of the trials that are: bad trials are often noisy ones, and their own noise says nothing of that. The best is not
    given but chosen, as the luckiest of N trials, so a comparison with it is one of all N (N - 1) / 2 pairs, and
    p-values are corrected for that many, after Holm (1979). To correct for N - 1 would find the luckiest of many equal
    trials better than the unluckiest far too often.

    The second asks whether its own repeats agree on that, so that a trial is not worse for a single bad run. Two or
    three repeats give a variance that is itself noise, so each is drawn towards that of trials of about the same mean,
    the more the more alike variances are (a moderated t-test: Smyth 2004, limma); one that is far above stays as it is.

    Where all repeats of every trial are identical, nothing is known of the noise, and so of any p. A trial that was
    stopped before it had come as far as the best is not compared with it.
    """
    found = _contenders(results)
    if not repeats_are_identical(results):
        return found
    return tuple(replace(each, p=None, distinguishable=False) for each in found)


def _contenders(results: Results) -> tuple[Contender, ...]:
    known = estimates(results)
    if not known:
        return ()
    best = known[0].trial
    far = [each for each in known if came_as_far(each.trial, best)]
    ranked = [each.trial for each in far]
    values, sign = matrix(ranked), 1 if results.objective.maximize else -1
    differences, alike, own = _against_best(values * sign, data_folds(results))
    corrected = holm(alike[1:], len(ranked) * (len(ranked) - 1) // 2)
    p = [None, *(None if None in pair else max(pair) for pair in zip(corrected, own[1:], strict=True))]  # type: ignore[type-var]
    first = Contender(known[0], 0.0, None, distinguishable=False)
    found = {id(each.estimate): each for each in (first, *map(_contender, far[1:], differences[1:], p[1:]))}
    stopped = Contender(known[0], None, None, distinguishable=False, stopped=True)
    return tuple(found.get(id(each)) or replace(stopped, estimate=each) for each in known)


def in_contention(results: Results) -> list[TrialResult]:
    """The trials that cannot be told apart from the best, best first; all that have a value, where nothing is known.

    Where all repeats are identical, those that are as good as the best: more repeats would only be the same again.
    """
    return [each.estimate.trial for each in _contenders(results) if not (each.distinguishable or each.stopped)]


def holm(p: Sequence[float | None], tests: int) -> list[float | None]:
    """P-values corrected after Holm (1979); those that are not known stay so.

    Args:
        p: some of the p-values of a family of tests.
        tests: how many the family has; those not given count as larger.
    """
    order = sorted((value, place) for place, value in enumerate(p) if value is not None)
    corrected: list[float | None] = [None] * len(p)
    largest = 0.0
    for rank, (value, place) in enumerate(order):
        largest = max(largest, min(1.0, (tests - rank) * value))
        corrected[place] = largest
    return corrected


def confirmation(results: Results) -> Comparison | None:
    """The trials that were run again on fresh seeds, in the order in which they were chosen.

    Two trials, chosen before: one paired t-test, nothing to correct.
    """
    again = [trial for trial in results.ranked if _fresh(trial)]
    if not again:
        return None
    parts = data_folds(results)
    found = tuple(estimate(trial, list(_fresh(trial).values()), parts) for trial in again)
    selected = tuple(trial.mean or 0.0 for trial in again)
    if _are_identical(map(_fresh, again)):
        return Comparison(tuple(map(_without_interval, found)), selected, None)
    p = None
    if len(again) > 1:
        first, second = map(_fresh, again[:2])
        apart = [first[place] - second[place] for place in first if place in second]
        if len(apart) > 1:
            of_two = estimate(again[0], apart, parts)
            error = (of_two.std or 0.0) * math.sqrt(variance_factor(of_two.n, parts))
            p = 2 * float(t_tail(abs(of_two.mean) / error, of_two.n - 1)) if error else float(of_two.mean == 0)
    return Comparison(found, selected, p)


def _fresh(trial: TrialResult) -> dict[Replicate, float]:
    return {run.replicate: run.value for run in trial.confirming if run.value is not None}


def _contender(of: Estimate, difference: float, p: float | None) -> Contender:
    known = math.isfinite(difference)
    return Contender(of, difference if known else None, p, distinguishable=p is not None and p < 1 - _LEVEL)


def matrix(trials: Sequence[TrialResult]) -> Array:
    """The values, a row for each trial, a column for each repeat, nan where there is none."""
    import numpy as np

    columns = sorted({place for trial in trials for place in trial.values}, key=lambda place: (place[0], place[1] or 0))
    return np.array([[trial.values.get(place, math.nan) for place in columns] for trial in trials], dtype=float)


def _against_best(values: Array, parts: int | None) -> tuple[list[float], list[float | None], list[float | None]]:
    """Of the first trial and each: the mean difference, nan if they share no repeat, and two uncorrected p-values.

    The first by the noise of trials as good as the best, the second by that of the two trials themselves.
    """
    import numpy as np

    mean, own, df = _paired(values[0], values)
    noise = _noise(values)
    if noise is None:
        return mean.tolist(), [None] * len(values), [None] * len(values)
    factor = variance_factor(np.maximum(df + 1, 1), parts)
    least = _EXACT * float(np.nanmax(np.abs(values)))
    if_alike = _p_values(mean, 2 * noise.variances[0] * factor, np.maximum(df, noise.pooled_df), least)
    variance, total = _moderated(noise, own, df)
    return mean.tolist(), if_alike, _p_values(mean, variance * factor, total, least)


def _p_values(mean: Array, variance: Array, df: Array, least: float) -> list[float | None]:
    """Of t-tests whether a mean is above 0; None where nothing is known. A difference below ``least`` is rounding."""
    import numpy as np

    error = np.sqrt(variance)
    exact = error <= least
    p = 2 * t_tail(np.maximum(mean, 0) / np.where(exact, 1, error), np.maximum(df, 1e-3))
    p = np.where(exact, mean <= least, p)
    unknown = ~np.isfinite(mean) | (df <= 0) | np.isnan(p)
    return [None if missing else float(value) for missing, value in zip(unknown, p, strict=True)]


def _moderated(noise: _Noise, own: Array, df: Array) -> tuple[Array, Array]:
    """The variance of each trial's difference from the first, and its degrees of freedom."""
    import numpy as np

    prior = noise.variances[0] + noise.variances
    weight = min(noise.prior_df, _MOST_DF)
    drawn = (weight * prior + df * own) / np.maximum(weight + df, 1e-300)
    with np.errstate(divide="ignore", invalid="ignore"):
        tail = np.vectorize(f_tail, otypes=[float])(own / prior, np.maximum(df, 1), max(weight, 1e-3))
        beyond = (df > 0) & (tail < _BEYOND)
    variance = np.where(beyond, np.maximum(own, drawn), drawn)
    return variance, np.minimum(weight + df, np.maximum(df, noise.pooled_df))


def _paired(one: Array, others: Array) -> tuple[Array, Array, Array]:
    """Of the differences of one row and others: mean, variance, degrees of freedom (-1 without any)."""
    import numpy as np

    apart = one - others
    n = np.isfinite(apart).sum(axis=1)
    mean = np.where(n > 0, np.nansum(apart, axis=1) / np.maximum(n, 1), np.nan)
    squares = np.nansum((apart - mean[:, None]) ** 2, axis=1)
    return mean, np.where(n > 1, squares / np.maximum(n - 1, 1), 0.0), n - 1


def _noise(values: Array) -> _Noise | None:
    """What the trials say together; None if no two of them share two repeats.

    Differences of trials that are near each other in rank are free of what a seed does to all, and tell the noise at
    their mean. Each trial is in several of them, so they say less than as many independent ones would: with each trial
    paired with the next k, 2 k / (2 k + 1) of what each trial alone would say if nothing had to be taken off it.
    """
    import numpy as np

    lags = range(1, min(_NEIGHBOURS, len(values) - 1) + 1)
    ahead = np.concatenate([np.arange(len(values) - lag) for lag in lags] or [np.arange(0)])
    behind = np.concatenate([np.arange(lag, len(values)) for lag in lags] or [np.arange(0)])
    _, variance, df = _paired(values[ahead], values[behind])
    known = df > 0
    if not known.any():
        return None
    ahead, behind, variance, df = ahead[known], behind[known], variance[known] / 2, df[known]
    width = min(len(values), max(_WINDOW_MIN, 1 + math.ceil(_WINDOW_DF / float(df.mean()))))
    starts = np.clip(np.arange(len(values)) - width // 2, 0, len(values) - width)
    whole = _pooled(variance, df)
    local = np.full(len(values), whole)
    for start in np.unique(starts):
        inside = (ahead >= start) & (behind < start + width)
        if inside.any():
            local[starts == start] = _pooled(variance[inside], df[inside])
    expected = (local[ahead] + local[behind]) / 2
    said = 2 * len(lags) / (2 * len(lags) + 1) * (width - 1) * float(df.mean())
    return _Noise(local, _prior_df(variance, expected, df), said)


def _pooled(variance: Array, df: Array) -> float:
    """The variance that some have in common, with those cut that are far above the middle one."""
    import numpy as np

    middle = float(np.median(variance * df / chi2_quantile(0.5, df)))
    most = chi2_quantile(1 - _BEYOND, df) / df * (middle or math.inf)
    return float(np.sum(np.minimum(variance, most) * df) / np.sum(df))


def _prior_df(variance: Array, expected: Array, df: Array) -> float:
    """How alike variances are, from the spread of their logarithms (Smyth 2004, section 6.2).

    A variance that is rare if it is as expected counts as one that just is not, and the spread is compared with what is
    then left of it: so neither 0, where the metric resolves no more, nor the place where trials of one noise border on
    trials of another makes all seem unlike.
    """
    import numpy as np
    from scipy import special

    some = expected > 0
    if some.sum() < 3:
        return 0.0
    df, ratio = df[some], variance[some] / expected[some]
    least, most = (chi2_quantile(chance, df) / df for chance in (_RARE, 1 - _RARE))
    log = np.log(np.clip(ratio, least, most)) - special.digamma(df / 2) + np.log(df / 2)
    alike = float(np.mean(df))
    usual = np.log(chi2_quantile(np.clip(np.linspace(0, 1, _GRID), _RARE, 1 - _RARE), alike)).var()
    whole = float(special.polygamma(1, alike / 2))
    beyond = (float(np.var(log, ddof=1)) / float(usual) - 1) * whole
    return math.inf if beyond <= 0 else 2 * _trigamma_inverse(beyond)


def _trigamma_inverse(value: float) -> float:
    """By Newton's method (Smyth 2004, appendix)."""
    from scipy import special

    found = 0.5 + 1 / value
    for _ in range(20):
        trigamma = float(special.polygamma(1, found))
        found += trigamma * (1 - trigamma / value) / float(special.polygamma(2, found))
    return found
