"""Least squares of factors: a model of all of them, and of some."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from gridfold.analysis.factors import Factor

    Array = NDArray[np.float64]


@dataclass(frozen=True)
class Fit:
    """A problem of least squares, turned so that it has no more rows than columns: many models are made of its columns.

    Attributes:
        design: the columns of the model, a row for each dimension that they span.
        target: the means, turned likewise.
        rest: the sum of squares of the means beside these dimensions, which no model explains.
        count: how many means there are.
        basis: the dimensions.
        means: the means as they are.
        places: where the columns of each factor are, by its first path.
    """

    design: Array
    target: Array
    rest: float
    count: int
    basis: Array
    means: Array
    places: Mapping[str, range]

    @classmethod
    def of(cls, factors: Sequence[Factor], means: Array) -> Fit:
        """The problem of all columns of some factors, after one of ones."""
        import numpy as np

        columns, places, start = [np.ones((len(means), 1))], dict[str, range](), 1
        for factor in factors:
            columns.append(factor.columns)
            places[factor.paths[0]] = range(start, start := start + columns[-1].shape[1])
        basis, design = np.linalg.qr(np.hstack(columns))
        target = basis.T @ means
        return cls(design, target, _squared(means - basis @ target), len(means), basis, means, places)

    def with_columns(self, more: Array) -> Fit:
        """The same with more columns."""
        import numpy as np

        inside = self.basis.T @ more
        beside, outside = np.linalg.qr(more - self.basis @ inside)
        below = np.zeros((outside.shape[0], self.design.shape[1]))
        design = np.block([[self.design, inside], [below, outside]])
        target = np.concatenate([self.target, beside.T @ self.means])
        left = self.means - self.basis @ self.target
        rest = _squared(left - beside @ (beside.T @ left))
        return Fit(design, target, rest, self.count, np.hstack([self.basis, beside]), self.means, self.places)

    def squares(self, factors: Sequence[Factor] | None = None) -> tuple[float, int]:
        """What a model of some factors leaves of the means, and its rank; that of all columns, if none are named."""
        if not self.count:
            return 0.0, 0
        left, rank = left_of(self._columns(factors), self.target, self._least)
        return left + self.rest, rank

    def inverse(self, factors: Sequence[Factor] | None = None) -> Array:
        """What makes coefficients of the target: those of some factors, in their order, or of all columns."""
        import numpy as np

        return np.asarray(np.linalg.pinv(self._columns(factors), rcond=self._least), dtype=np.float64)

    def _columns(self, factors: Sequence[Factor] | None) -> Array:
        if factors is None:
            return self.design
        chosen: Array = self.design[:, [0, *(place for factor in factors for place in self.places[factor.paths[0]])]]
        return chosen

    @property
    def _least(self) -> float:
        """A singular value that is a smaller part of the largest is rounding."""
        import numpy as np

        least: float = np.finfo(np.float64).eps * max(self.count, self.design.shape[1])
        return least


def left_of(design: Array, target: Array, least: float | None = None) -> tuple[float, int]:
    """What least squares leave of a target, and the rank of the model; ``least`` as ``numpy`` has ``rcond``."""
    import numpy as np

    found, _, rank, _ = np.linalg.lstsq(design, target, rcond=least)
    return _squared(target - design @ found), int(rank)


def _squared(values: Array) -> float:
    total: float = (values**2).sum()
    return float(total)
