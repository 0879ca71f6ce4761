"""From which probability on a label holds, chosen where F1 is highest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gridfold.text.outputs import Outputs
from gridfold.text.tasks import Floats, Ids, Targets

BEST_F1 = "best_f1"
_USUAL = 0.5


def quotient(part: NDArray[Any], whole: NDArray[Any]) -> Floats:
    """A quotient of counts, item by item; 0 for nothing of nothing."""
    quotients: Floats = np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)
    return quotients


@dataclass(frozen=True)
class Cuts:
    """All ways to cut examples in two by their score: above are those that are said to have a label.

    Attributes:
        scores: those that occur, descending; a cut is above each of them, and one below all.
        above: examples above each cut, from 0 to all.
        hits: those of them that do have the label.
        positives: examples that have the label.
        examples: all of them.
    """

    scores: Floats
    above: Ids
    hits: Ids
    positives: int
    examples: int

    @classmethod
    def of(cls, truth: NDArray[np.bool_], scores: Floats) -> Cuts:
        """The cuts of examples with their truth, both of shape ``(n,)``."""
        distinct, place, counts = np.unique(-scores, return_inverse=True, return_counts=True)
        hits = np.bincount(place, weights=truth, minlength=len(distinct)).astype(np.int64)
        above, found = np.append(0, counts.cumsum()), np.append(0, hits.cumsum())
        return cls(-distinct, above, found, int(truth.sum()), len(truth))

    def f1(self) -> Floats:
        """F1 of the label, of each cut."""
        return quotient(2 * self.hits, self.above + self.positives)

    def f1_of_the_rest(self) -> Floats:
        """F1 of not having the label, of each cut."""
        below, without = self.examples - self.above, self.examples - self.positives
        right = without - (self.above - self.hits)
        return quotient(2 * right, below + without)

    def roc_auc(self) -> float:
        """The area under the curve of true by false positives; there must be examples of both kinds."""
        doubled = np.sum(np.diff(self.above - self.hits) * (self.hits[1:] + self.hits[:-1]))
        return float(doubled / (2 * self.positives * (self.examples - self.positives)))

    def average_precision(self) -> float:
        """The precision at each cut, by the share of positives that come with it; there must be a positive."""
        return float(np.sum(np.diff(self.hits) * (self.hits[1:] / self.above[1:])) / self.positives)

    def thresholds(self) -> Floats:
        """A threshold at each cut, where scores are probabilities.

        It is half-way between two scores, so that the last bits of a probability decide nothing.
        """
        upper, lower = np.append(1.0, self.scores), np.append(self.scores, 0.0)
        middle = lower + (upper - lower) / 2
        return np.where(middle < upper, middle, lower)


def choose(asked: float | str, outputs: Outputs, targets: Targets, logits: Floats) -> tuple[float, ...]:
    """The thresholds of `Outputs`; () where all are 0.5.

    Where several labels may hold, ``best_f1`` is for each label the threshold at which its F1 is highest; where there
    are two, that at which the mean F1 of both is.

    Args:
        asked: a threshold, or ``best_f1``.
        outputs: how the logits are read.
        targets: the truth.
        logits: of the same examples, shape ``(n, out_features)``.
    """
    if asked == _USUAL:
        return ()
    chances = outputs.probabilities(logits)
    if outputs.task.name == "binary":
        return (_best(targets == 1, chances[:, 1], both=True) if asked == BEST_F1 else float(asked),)
    labels = range(chances.shape[1])
    if asked != BEST_F1:
        return tuple(float(asked) for _ in labels)
    return tuple(_best(targets[:, label] > 0, chances[:, label], both=False) for label in labels)


def _best(truth: NDArray[np.bool_], chances: Floats, *, both: bool) -> float:
    """The threshold with the highest F1, of equal ones that next to 0.5."""
    cuts = Cuts.of(truth, chances)
    values = cuts.f1() + cuts.f1_of_the_rest() if both else cuts.f1()
    if not cuts.scores[-1]:
        values = values[:-1]  # nothing is below a probability of 0
    if not values.max():
        return _USUAL
    thresholds = cuts.thresholds()[np.flatnonzero(values == values.max())]
    return float(thresholds[np.argmin(np.abs(thresholds - _USUAL))])
