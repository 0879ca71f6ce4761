"""Which examples are held out: parts of a data set that are alike in their labels.

Our own, because a config must give the same split under every version of every library.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gridfold.text.tasks import Targets, Task

Ids = NDArray[np.int64]

_BINS = 10  # of numbers to predict, each with as many examples
_LEAST_IN_BIN = 5


def strata_of(task: Task, targets: Targets) -> Targets:
    """What is to be spread evenly over parts.

    Returns:
        A class for every example, shape ``(n,)``: its label, or, of a number, in which of ten ranges it is; where
        several labels may hold, a row of 0 and 1 for every example, shape ``(n, labels)``.
    """
    if task.name != "regression":
        return targets
    bins = max(1, min(_BINS, len(targets) // _LEAST_IN_BIN))
    ranks = np.empty(len(targets), dtype=np.int64)
    ranks[np.argsort(targets, kind="stable")] = np.arange(len(targets))
    return ranks * bins // len(targets)


def sample(
    strata: Targets, size: int, seed: Sequence[int], *, groups: Ids | None = None, least: int = 0, spared: int = 0
) -> Ids:
    """Rows of a sample that is like the whole, in ascending order.

    Args:
        strata: as `strata_of` gives them.
        size: rows to take; where there are groups, about as many.
        seed: what the choice is drawn from.
        groups: the group of every row, which is taken as a whole; None for none.
        least: rows taken of every class at the least, as in `stratified`.
        spared: rows left of every class at the least, as there.
    """
    if groups is None and strata.ndim == 1:
        return stratified(strata, size, seed, least=least, spared=spared)
    share = size / len(strata)
    parts = balanced(strata, [1 - share, share], seed, groups)
    return np.flatnonzero(parts == 1)


def folds_of(strata: Targets, folds: int, seed: Sequence[int], groups: Ids | None = None) -> Ids:
    """For each row the part that it belongs to; every class is spread evenly over the parts, and so are all rows.

    Args:
        strata: as `strata_of` gives them.
        folds: how many parts.
        seed: what the choice within the classes is drawn from.
        groups: the group of every row, which is in one part as a whole; None for none.
    """
    if groups is not None or strata.ndim == 2:
        return balanced(strata, [1 / folds] * folds, seed, groups)
    generator = np.random.RandomState(list(seed))  # as in `stratified`
    order = np.concatenate(
        [generator.permutation(np.flatnonzero(strata == index)) for index in range(strata.max() + 1)]
    )
    parts = np.empty(len(strata), dtype=np.int64)
    parts[order] = np.arange(len(strata)) % folds
    return parts


def balanced(strata: Targets, shares: Sequence[float], seed: Sequence[int], groups: Ids | None = None) -> Ids:
    """For each row the part that it belongs to, where groups or several labels leave no exact way.

    Groups, or else rows, are given away one after another, those first that have the largest share of a class: each to
    the part that lacks most of what is in it.

    Args:
        strata: as `strata_of` gives them.
        shares: how much of all rows each part is to have; they add up to 1.
        seed: what the order among equals is drawn from.
        groups: the group of every row; None for none. The parts then have exactly the sizes that they are to have.
    """
    counts = _counts(strata, groups)
    sizes = counts[:, -1]
    totals = counts.sum(axis=0)
    wanted = np.outer(shares, totals)
    room = _sizes(shares, len(strata)) if groups is None else np.full(len(shares), np.inf)
    order = np.random.RandomState(list(seed)).permutation(len(counts))
    order = order[np.argsort(-(counts / np.maximum(totals, 1))[order].max(axis=1), kind="stable")]
    had, parts = np.zeros_like(wanted), np.empty(len(counts), dtype=np.int64)
    for unit in order:
        count = counts[unit]
        # By how much chi-squared grows, the distance of what all parts have from what they are to have.
        cost = ((2 * (had - wanted) + count) * count / np.maximum(wanted, 1e-9)).sum(axis=1)
        parts[unit] = np.argmin(np.where(had[:, -1] + sizes[unit] > room, np.inf, cost))
        had[parts[unit]] += count
    return parts if groups is None else parts[groups]


def _counts(strata: Targets, groups: Ids | None) -> NDArray[np.float64]:
    """Of every group, or every row, how many examples of each class it has; last, how many in all."""
    rows = np.eye(int(strata.max()) + 1)[strata] if strata.ndim == 1 else strata.astype(np.float64)
    rows = np.concatenate([rows, np.ones((len(rows), 1))], axis=1)
    if groups is None:
        return rows
    counts = np.zeros((int(groups.max()) + 1, rows.shape[1]))
    np.add.at(counts, groups, rows)
    return counts


def _sizes(shares: Sequence[float], total: int) -> NDArray[np.float64]:
    """How many rows each part has: whole numbers that add up to all, the last parts rounded first."""
    ends = np.round(np.cumsum(shares[::-1]) * total)
    return np.diff(ends, prepend=0)[::-1]


def stratified(ids: Ids, size: int, seed: Sequence[int], *, least: int = 0, spared: int = 0) -> Ids:
    """Rows of a sample in which every class has its share, in ascending order; small classes do not vanish from it.

    Args:
        ids: the class of every row, shape ``(n,)``.
        size: rows to take.
        seed: what the choice within the classes is drawn from.
        least: rows taken of every class at the least, if it has as many.
        spared: rows left of every class at the least.
    """
    # Not default_rng: numpy promises of this one that its stream never changes.
    generator = np.random.RandomState(list(seed))
    quotas = _quotas(np.bincount(ids), size, least, spared)
    picked = [
        generator.permutation(np.flatnonzero(ids == index))[:quota] for index, quota in enumerate(quotas.tolist())
    ]
    return np.sort(np.concatenate(picked))


def _quotas(counts: Ids, size: int, least: int, spared: int) -> Ids:
    """How many rows to take of every class: proportional, largest remainders first, within the bounds."""
    share = counts * size / counts.sum()
    highest = np.maximum(counts - spared, 0)
    lowest = np.minimum(least, highest)
    quotas: Ids = np.clip(np.floor(share).astype(np.int64), lowest, highest)
    while (missing := size - int(quotas.sum())) != 0:
        step = 1 if missing > 0 else -1
        movable = quotas < highest if step > 0 else quotas > lowest
        if not movable.any():
            break
        # The class whose quota is farthest from its share moves one towards it.
        distance = np.where(movable, step * (share - quotas), -np.inf)
        quotas[int(np.argmax(distance))] += step
    return quotas
