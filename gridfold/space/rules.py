"""What is said of a space besides its axes: which trials are not made, and which are made too (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Exclusion:
    """A trial of which a condition holds is not made.

    Attributes:
        text: the condition, as in ``--where``; its names are dotted paths.
        where: ``file:line:column``.
        may_idle: whether it is no error if it never holds, or if what it is about does not vary; as when values were
            given on the command line for what the rules of a file are about.
    """

    text: str
    where: str = field(default="", compare=False)
    may_idle: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class When:
    """Where a condition does not hold, a parameter keeps its first value, and no trial is made twice for it.

    So a trial is not made if the condition does not hold and the parameter has another value than its first.

    Attributes:
        path: the parameter.
        text: the condition, as in ``--where``; its names are dotted paths.
        where: ``file:line:column``.
        may_idle: whether it is no error if it never holds, or if what it is about does not vary; as when values were
            given on the command line for what the rules of a file are about.
    """

    path: str
    text: str
    where: str = field(default="", compare=False)
    may_idle: bool = field(default=False, compare=False)


Rule = Exclusion | When


@dataclass(frozen=True)
class Addition:
    """A trial that is made besides, whatever the rules say.

    Attributes:
        params: values of some paths; the others have their first values.
        where: ``file:line:column``.
    """

    params: Mapping[str, Any] = field(hash=False)
    where: str = field(default="", compare=False)
