"""Which trials are really apart, as far as repeats can tell."""

from __future__ import annotations

from dataclasses import dataclass

from gridfold.results import TrialResult


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
    """

    estimate: Estimate
    difference: float | None
    p: float | None
    distinguishable: bool


@dataclass(frozen=True)
class Confirmation:
    """The winner and the runner-up on fresh seeds.

    Attributes:
        estimates: on the fresh seeds, the winner first.
        selected: their means when they were chosen, in the same order.
        p: of the difference on the fresh seeds; None where nothing is known.
    """

    estimates: tuple[Estimate, ...]
    selected: tuple[float, ...]
    p: float | None
