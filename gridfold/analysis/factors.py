"""What trials differ in, as columns of a model: parameters with a few values, and numbers on a scale."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from gridfold.core.values import canonical
from gridfold.records.objective import is_finite

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Codes = NDArray[np.int_]

Scale = Literal["linear", "log"]

_FEW = 6  # values, each of which is looked at by itself
_OFTEN = 3  # trials that have a value, at which it can be looked at by itself
_CUBIC_FROM = 30  # trials; with fewer, a curve has one bend
_BINS = 6
_CLEARLY = 0.75  # numbers that were drawn evenly may by chance look even on a logarithmic scale, too
_GEOMETRIC = 3  # a list whose values span more than this factor, evenly in their logarithm, is looked at so


@dataclass(frozen=True)
class Factor:
    """A parameter with more than one value among the trials; or some that always change together, as linked ones do.

    Attributes:
        paths: the parameters; the first stands for all.
        values: the values of the first, numbers by size.
        codes: for each trial the position of its value, -1 if it has none.
        scale: on which a curve is fitted through the values, as they hardly repeat; None if each has its own mean.
    """

    paths: tuple[str, ...]
    values: tuple[Any, ...]
    codes: Codes
    scale: Scale | None = None

    @cached_property
    def has(self) -> NDArray[np.bool_]:
        """Whether each trial has it."""
        return self.codes >= 0

    @cached_property
    def basis(self) -> Array:
        """The columns of a model at each value.

        Of a few values one for each but the last, adding up to zero over the values; of a curve a line and its bends,
        adding up to zero over the trials.
        """
        import numpy as np

        if self.scale is None:
            return np.vstack([np.eye(len(self.values) - 1), -np.ones(len(self.values) - 1)])
        places = np.array([math.log(value) if self.scale == "log" else float(value) for value in self.values])
        even = 2 * (places - places[0]) / (places[-1] - places[0]) - 1
        degree = 3 if self.has.sum() >= _CUBIC_FROM else 2
        curves = np.polynomial.legendre.legvander(even, degree)[:, 1:]
        found: Array = curves - curves[self.codes[self.has]].mean(axis=0)
        return found

    @property
    def columns(self) -> Array:
        """The columns for each trial; zero for one that does not have it."""
        return self._of_trials(self.basis)

    @property
    def simple(self) -> Array:
        """The columns that may act together with another factor: of a curve only its line."""
        return self._of_trials(self.basis if self.scale is None else self.basis[:, :1])

    def _of_trials(self, basis: Array) -> Array:
        import numpy as np

        found: Array = np.vstack([basis, np.zeros(basis.shape[1])])[self.codes]
        return found

    def average(self, trials: NDArray[np.bool_]) -> Array:
        """The columns on average over the values that occur in some trials, each as often as another."""
        import numpy as np

        found = _distinct(self.codes[trials & self.has])
        average: Array = self.basis[found].mean(axis=0) if len(found) else np.zeros(self.basis.shape[1])
        return average

    def is_within(self, other: Factor) -> bool:
        """Whether each value occurs with one value of another factor only, as that of a branch does."""
        if self.scale is not None:
            return False
        taken = other.codes[self.has]
        pairs = _distinct(self.codes[self.has] * (len(other.values) + 1) + taken + 1)
        return len(pairs) == len(self.values) and bool((taken >= 0).any())

    @cached_property
    def cells(self) -> tuple[tuple[Any, ...], Codes]:
        """Its values, or of a curve the parts of its range; and for each trial in which it is, -1 for none."""
        import numpy as np

        if self.scale is None:
            return self.values, self.codes
        parts, places = binned(self.values, self.scale)
        return parts, np.array([*places, -1])[self.codes]


def factors_of(paths: Iterable[str], trials: Sequence[Mapping[str, Any]]) -> tuple[Factor, ...]:
    """What some trials, by their params, differ in."""
    found: list[Factor] = []
    for factor in filter(None, (_factor(path, trials) for path in paths)):
        same = next((place for place, other in enumerate(found) if _go_together(other, factor)), None)
        if same is None:
            found.append(factor)
        else:
            found[same] = replace(found[same], paths=(*found[same].paths, *factor.paths))
    return tuple(found)


def _factor(path: str, trials: Sequence[Mapping[str, Any]]) -> Factor | None:
    import numpy as np

    keys = [canonical(params[path]) if path in params else None for params in trials]
    known = {key: params[path] for key, params in zip(keys, trials, strict=True) if key is not None}
    if len(known) < 2:
        return None
    ordered = sorted(known, key=lambda key: known[key]) if is_numeric([*known.values()]) else [*known]
    places = {key: place for place, key in enumerate(ordered)} | {None: -1}
    values = tuple(known[key] for key in ordered)
    codes = np.array([places[key] for key in keys], dtype=int)
    return Factor((path,), values, codes, scale_of(values, int((codes >= 0).sum())))


def _go_together(one: Factor, other: Factor) -> bool:
    """Whether two factors cannot be told apart: each value of one comes with one value of the other.

    Of numbers that do not repeat any two do so; those go together if they rise or fall together.
    """
    import numpy as np

    count = len(one.values)
    if count != len(other.values) or not np.array_equal(one.has, other.has):
        return False
    pairs = _distinct(one.codes[one.has] * count + other.codes[other.has])
    if len(pairs) != count:
        return False
    repeats, steps = count < one.has.sum(), np.diff(pairs % count)
    return bool(repeats or one.scale is None or other.scale is None or (steps == 1).all() or (steps == -1).all())


def distinct(values: Iterable[Any]) -> tuple[Any, ...]:
    """Each value once: numbers by size, others as they come."""
    found = list({canonical(value): value for value in values}.values())
    return tuple(sorted(found) if is_numeric(found) else found)


def is_numeric(values: Sequence[Any]) -> bool:
    """Whether all values are numbers."""
    return all(is_finite(value) and not isinstance(value, bool) for value in values)


def scale_of(values: Sequence[Any], count: int) -> Scale | None:
    """The scale of numbers that are too many to be looked at one by one; None if they are not.

    Args:
        values: each once, by size.
        count: how many trials or runs have them.
    """
    if len(values) <= _FEW or len(values) * _OFTEN <= count or not is_numeric(values):
        return None
    if not math.isfinite(float(values[-1]) - float(values[0])):
        return None
    return "log" if is_geometric(values, clearly=_CLEARLY) else "linear"


def binned(values: Sequence[Any], scale: Scale) -> tuple[tuple[list[float], ...], list[int]]:
    """Even parts of a range, each as its ends, without those in which no value is; and in which part each value is."""
    places = [math.log(value) if scale == "log" else float(value) for value in values]
    step = (places[-1] - places[0]) / _BINS
    parts = [min(int((place - places[0]) / step), _BINS - 1) for place in places]
    used = sorted(set(parts))
    ends = [places[0] + step * place for place in range(_BINS + 1)]
    shown = [float(f"{math.exp(end) if scale == 'log' else end:.3g}") for end in ends]
    return tuple([shown[part], shown[part + 1]] for part in used), [used.index(part) for part in parts]


def _distinct(codes: Codes) -> Codes:
    """The numbers in an array, in order; `numpy.unique` would import ``numpy.ma``."""
    import numpy as np

    return np.array(sorted(set(codes.tolist())), dtype=codes.dtype)


def is_geometric(values: Sequence[float], clearly: float = 1.0) -> bool:
    """Whether numbers, by size, are spaced by factors rather than by steps; of two, what is usual is taken.

    Args:
        values: the numbers.
        clearly: how uneven factors may be, as a part of how uneven steps are.
    """
    if values[0] <= 0:
        return False
    ratio = values[-1] / values[0]
    if len(values) == 2:
        return ratio >= 5 or values[-1] < 0.05 or all(map(_is_power_of_two, values))
    if ratio < _GEOMETRIC:
        return False
    steps = [after - before for before, after in itertools.pairwise(values)]
    factors = [math.log(after / before) for before, after in itertools.pairwise(values)]
    return _unevenness(factors) < clearly * _unevenness(steps)


def _is_power_of_two(value: float) -> bool:
    return isinstance(value, int) and value > 1 and value & (value - 1) == 0


def _unevenness(steps: Sequence[float]) -> float:
    largest = max(steps)
    parts = [step / largest for step in steps]  # so that squares of huge ones are numbers
    mean = math.fsum(parts) / len(parts)
    return math.sqrt(math.fsum((part - mean) ** 2 for part in parts) / len(parts)) / mean
