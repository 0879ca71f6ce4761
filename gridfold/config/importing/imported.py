"""What a file of another tool says, in gridfold's words (pure)."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from gridfold.core.errors import ConfigError
from gridfold.core.limits import MOST_RUNS
from gridfold.core.values import first_repeat

_DIGITS = 6  # of a number that another tool computes, as a person would write it
_SEED = re.compile(r"(.*[._])?seed")
_MOST_LISTED = 12  # numbers at equal distances, before they are written as a range with a step or a count


@dataclass(frozen=True)
class Word:
    """A range in one word: ``log``, ``uniform``, ``int``, ``normal`` or ``log_int``.

    Attributes:
        name: the word.
        numbers: its two or three numbers.
    """

    name: str
    numbers: tuple[float | int, ...]


@dataclass(frozen=True)
class Choices:
    """Listed values, at least two and no two equal."""

    values: tuple[Any, ...]


@dataclass(frozen=True)
class Constant:
    """One value."""

    value: Any


Form = Word | Choices | Constant


@dataclass(frozen=True)
class Parameter:
    """A parameter of a search space.

    Attributes:
        path: where it is in a config.
        form: what it takes.
        said: what the other tool says of it, if that is not obvious; a comment in the config.
    """

    path: str
    form: Form
    said: str = ""


@dataclass(frozen=True)
class Remark:
    """What could not be translated, or is not quite the same.

    Attributes:
        subject: the key or parameter that it is about.
        problem: what is different, or missing.
        todo: what to do about it; "" for nothing.
        where: ``file:line:column``, or the study.
    """

    subject: str
    problem: str
    todo: str
    where: str

    def __str__(self) -> str:
        return str(ConfigError(self.problem, path=self.subject, hint=self.todo, where=self.where))


@dataclass
class Imported:
    """What is found in a file of another tool, as it is read.

    Attributes:
        source: the file and what it is, such as "sweep.yaml, a W&B sweep".
        parameters: by path, in the order of the file.
        settings: settings of gridfold, by name.
        when: conditions under which a parameter varies, by path.
        options: of the command line, for what no setting says.
        remarks: what is to be known.
    """

    source: str
    parameters: dict[str, Parameter] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    when: dict[str, str] = field(default_factory=dict)
    options: list[str] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)

    def add(self, parameter: Parameter, where: str = "") -> None:
        """Take a parameter; a later one of the same path replaces it.

        Args:
            parameter: the parameter.
            where: ``file:line:column``, for a remark.
        """
        self.parameters[parameter.path] = parameter
        if _SEED.fullmatch(parameter.path) and not isinstance(parameter.form, Constant):
            problem = "a seed is no parameter to search: the best of several seeds is luck"
            self.remark(parameter.path, problem, "write gridfold: {repeats: 3} and one seed", where=where)

    def remark(self, subject: str, problem: str, todo: str = "", *, where: str = "") -> None:
        """Note what is to be known."""
        self.remarks.append(Remark(subject, problem, todo, where))

    def settle(self) -> None:
        """Leave out what a config cannot have: a value where another parameter has a section."""
        for path in [*self.parameters]:
            if any(other.startswith(f"{path}.") for other in self.parameters):
                problem = "left out: it is a value here, and a section of other parameters"
                form = self.parameters.pop(path).form
                values = form.values if isinstance(form, Choices) else ("...",)
                branches = ", ".join(f"{{name: {value}, ...}}" for value in values)
                self.remark(path, problem, f"write branches: {path}: !one_of [{branches}]")

    @property
    def constants(self) -> list[Parameter]:
        """The parameters of one value."""
        return [each for each in self.parameters.values() if isinstance(each.form, Constant)]

    @property
    def varied(self) -> list[Parameter]:
        """The parameters that vary."""
        return [each for each in self.parameters.values() if not isinstance(each.form, Constant)]


def is_number(value: Any) -> bool:
    """Whether a value is a number that can be computed with: finite, and not too large for a float."""
    try:
        return type(value) in (int, float) and math.isfinite(value)
    except OverflowError:
        return False


def is_count(value: Any) -> bool:
    """Whether a value is a number of trials that a search can have."""
    return type(value) is int and 1 <= value <= MOST_RUNS


def choices(values: Sequence[Any]) -> Form:
    """Listed values, each once, in their order; one value is a constant."""
    found = list(values)
    while (position := first_repeat(found)) is not None:
        del found[position]
    return Constant(found[0]) if len(found) == 1 else Choices(tuple(found))


def steps(low: float, high: float, step: float) -> Form:
    """The numbers from ``low`` on at equal distances, up to ``high`` if they reach it.

    Whole numbers stay whole numbers. A few are listed, many are a range with a step or a count.

    Args:
        low: the first.
        high: the last that is allowed, not below ``low``.
        step: the distance, larger than 0.
    """
    are_whole = all(type(each) is int for each in (low, high, step))
    start, distance = Decimal(str(low)), Decimal(str(step))
    count = int((Decimal(str(high)) - start) // distance) + 1
    if count <= _MOST_LISTED:
        values = [start + index * distance for index in range(count)]
        return choices([int(each) if are_whole else float(each) for each in values])
    last = start + (count - 1) * distance
    if are_whole:
        numbers = (int(low), int(last), int(step))
        return Word("int", numbers if step != 1 else numbers[:2])
    return Word("uniform", (float(start), float(last), count))


def rounded(value: float) -> float:
    """A number that was computed, to a few digits."""
    return value if value == 0 or not math.isfinite(value) else float(f"{value:.{_DIGITS}g}")


def interval(word: str, low: float, high: float) -> Form:
    """A range in one word; a constant if it has one number only."""
    return Constant(low) if low == high else Word(word, (low, high))
