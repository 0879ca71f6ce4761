"""The setting ``gridfold.metrics``: regular expressions for numbers in a log."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gridfold.core.errors import ConfigError

EXPECTED = "a regular expression for each metric, such as {val_loss: 'val loss ([\\d.]+)'}"


def are_texts(value: Any) -> bool:
    """Whether something is a mapping of names to texts."""
    return (
        isinstance(value, Mapping) and bool(value) and all(isinstance(each, str) for each in (*value, *value.values()))
    )


def mistake(patterns: Mapping[str, str]) -> tuple[str, str, str] | None:
    """The name of the first expression that cannot be used, what is wrong with it, and a hint; None if all can."""
    for name, pattern in patterns.items():
        try:
            groups = re.compile(pattern).groups
        except (re.error, RecursionError, OverflowError) as error:
            return name, f"not a regular expression: {error}: '{pattern}'", r"to match ( or [ itself, write \( or \["
        if groups != 1:
            problem = f"expected one group, for the number, found {groups or 'none'}: '{pattern}'"
            hint = "write (?:...) for groups that are not the number" if groups else _with_group(pattern)
            return name, problem, hint
    return None


def check_given(patterns: Mapping[str, str]) -> None:
    """Whether the expressions of the option ``--metrics`` can be used.

    Raises:
        ConfigError: one of them cannot.
    """
    if found := mistake(patterns):
        name, problem, hint = found
        raise ConfigError(problem, where="--metrics", path=name, hint=hint)


def _with_group(pattern: str) -> str:
    return (
        "put its number in parentheses"
        if "\\d" in pattern
        else rf"put the number in parentheses, such as '{pattern} ([-+\d.e]+)'"
    )
