"""What the options of the commands take: a text is read, or refused with what was expected and what was found."""

from __future__ import annotations

import contextlib
import re
import sys
from argparse import ArgumentTypeError
from collections.abc import Callable
from typing import Any

from gridfold.config.trackers import mistake
from gridfold.core.limits import (
    MOST_FOLDS,
    MOST_PARALLEL,
    MOST_REPEATS,
    MOST_RUNS,
    MOST_RUNS_PER_GPU,
    MOST_SECONDS,
    MOST_THREADS,
    MOST_WORKERS,
)

_MOST, _MOST_DIGITS = 10**9, 20  # of any other number
_MOST_PORT = 65_535
_SHOWN = 40  # characters of what was found
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def duration(said: str) -> float:
    """Seconds, of a time such as 90s or 1h30m."""
    parts = re.findall(r"(\d+(?:\.\d+)?)([smhd]?)", said, re.ASCII)
    if not parts or "".join(number + unit for number, unit in parts) != said:
        raise ArgumentTypeError(f"expected a duration such as 90s, 30m, 2h or 1h30m, found {_quoted(said)}")
    seconds = sum(float(number) * _UNITS[unit or "s"] for number, unit in parts)
    if not 0 < seconds <= MOST_SECONDS:
        problem = "duration must be at most ten years" if seconds else "duration must be positive"
        raise ArgumentTypeError(f"{problem}: {_quoted(said)}")
    return seconds


def trackers(said: str) -> list[str]:
    """Names of trackers, such as tensorboard,mlflow; none for none."""
    names = [] if said == "none" else [name.strip() for name in said.split(",")]
    if wrong := mistake(names):
        raise ArgumentTypeError(f"{wrong[1]}: {wrong[2]}")
    return names


def text(said: str) -> str:
    """Some text."""
    if not said.strip():
        raise ArgumentTypeError("expected text, found nothing (an empty shell variable?)")
    return said


def port(said: str) -> int:
    """A port; 0 for any that is free."""
    if not (said.isascii() and said.isdecimal()) or len(said) > _MOST_DIGITS or int(said) > _MOST_PORT:
        raise ArgumentTypeError(f"expected a port from 0 (any that is free) to {_MOST_PORT}, found {_quoted(said)}")
    return int(said)


def names(said: str) -> list[str]:
    """Names with commas between them."""
    return [name.strip() for name in text(said).split(",") if name.strip()]


def pattern(said: str) -> tuple[str, str]:
    """The name of a metric, and a regular expression for it."""
    name, is_given, found = said.partition("=")
    if not is_given or not name.strip() or not found:
        raise ArgumentTypeError(rf"expected NAME=PATTERN, such as 'val_loss=val loss ([\d.]+)', found {_quoted(said)}")
    return name.strip(), found


def pruned(said: str) -> dict[str, Any]:
    """How a search prunes: a name, and options with commas between them, such as asha,eta=3."""
    name, *options = (each.strip() for each in text(said).split(","))
    found: dict[str, Any] = {"name": name}
    for option in options:
        key, is_given, value = option.partition("=")
        if not is_given or not key.strip():
            raise ArgumentTypeError(f"expected NAME,OPTION=VALUE,..., such as asha,eta=3; found {_quoted(said)}")
        found[key.strip()] = _read_number(value.strip())
    return found


def _read_number(said: str) -> int | float | str:
    """A number, or the text that is none."""
    for read in (int, float):
        with contextlib.suppress(ValueError):
            return read(said)
    return said


def size(said: str) -> int:
    """Bytes, of a size such as 8GB or 500MB."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", said.strip(), re.ASCII | re.IGNORECASE)
    if not found or len(found[1]) > _MOST_DIGITS:
        raise ArgumentTypeError(f"expected a size such as 8GB or 500MB, found {_quoted(said)}")
    return int(float(found[1]) * 1024 ** " KMGT".index(found[2].upper() or " "))


def kept(said: str) -> int:
    """How many of the best runs keep their checkpoints."""
    if said in ("all", "none"):
        return 0 if said == "none" else sys.maxsize
    if found := re.fullmatch(r"best:(\d+)", said, re.ASCII):
        return count(found[1])
    raise ArgumentTypeError(f"expected best:K with a number K, all, or none; found {_quoted(said)}")


def cwd(said: str) -> str:
    """Where the runs work."""
    if said == "run":
        return said
    raise ArgumentTypeError(f"expected 'run', for a folder of each run's own; found {_quoted(said)}")


def _number(least: int, most: int) -> Callable[[str], int]:
    """Reads a whole number that is within these bounds."""

    def read(said: str) -> int:
        digits = said.lstrip("0") or "0"  # int() refuses thousands of digits
        found = int(digits) if said.isascii() and said.isdigit() and len(digits) < _MOST_DIGITS else None
        if found is None or not least <= found <= most:
            raise ArgumentTypeError(f"expected a whole number from {least} to {most:,}, found {_quoted(said)}")
        return found

    return read


def _quoted(said: str) -> str:
    return f"'{said if len(said) <= _SHOWN else f'{said[:_SHOWN]}…'}'"


count = _number(1, _MOST)
whole = _number(0, _MOST)
parallel = _number(1, MOST_PARALLEL)
threads = _number(1, MOST_THREADS)
repeats = _number(1, MOST_REPEATS)
parts = _number(2, MOST_FOLDS)
per_gpu = _number(0, MOST_RUNS_PER_GPU)
runs = _number(1, MOST_RUNS)
workers = _number(1, MOST_WORKERS)
