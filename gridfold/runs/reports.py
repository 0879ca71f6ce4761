"""What a run says while it runs: lines of metrics, how far it is, what it prints."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Integral
from typing import Any

from gridfold.core.errors import shown
from gridfold.core.files import mappings_of, read_mapping, read_mappings, regular
from gridfold.core.values import encodable

LOG = "log.txt"
METRICS = "metrics.jsonl"
METRICS_JSON = "metrics.json"  # written by a command, instead of metrics.jsonl
PROGRESS = "progress.json"  # there only while the run runs


def read_reports(directory: str) -> list[dict[str, float]]:
    """What the run in a directory reported so far, a mapping for each line; torn lines are left out."""
    return read_mappings(f"{directory}/{METRICS}")


def read_reports_from(directory: str, position: int) -> tuple[list[dict[str, float]], int]:
    """What the run in a directory has reported since, and the position to go on from.

    Args:
        directory: of the run.
        position: up to which byte of the file it was read before.
    """
    try:
        with open(f"{directory}/{METRICS}", "rb", opener=regular) as file:
            file.seek(position)
            whole = file.read().rpartition(b"\n")[0]
    except OSError:
        return [], position
    return mappings_of(whole), position + len(whole) + bool(whole)


def read_progress(directory: str) -> dict[str, float]:
    """What the run in a directory last said of its progress, as far as it is finite; empty if it says nothing."""
    said = read_mapping(f"{directory}/{PROGRESS}")
    return {name: value for name, value in said.items() if is_metric(name, value) and math.isfinite(value)}


def numbers(metrics: Mapping[str, Any]) -> dict[str, int | float]:
    """Metrics of any library as Python's own numbers.

    Raises:
        TypeError: one is no number.
        OverflowError: one is larger than a number can be.
    """
    found = {}
    for name, value in metrics.items():
        try:
            found[encodable(str(name))] = number(value)
        except (TypeError, OverflowError) as error:
            raise type(error)(f"'{name!s:.80}': {error}") from None
    return found


def number(value: Any) -> int | float:
    """A number of any library, such as a NumPy scalar or a tensor of one value, as Python's own; nan for None.

    Raises:
        TypeError: it is no number.
        OverflowError: it is larger than a number can be.
    """
    if type(value) is float:
        return value
    if value is None:
        return math.nan
    try:
        own = value.item() if hasattr(value, "item") else value
        size = None if isinstance(own, (complex, str, bytes)) else float(own)
    except OverflowError:
        raise OverflowError(f"too large for a number: {shown(value)}") from None
    except Exception:  # whatever a class raises where it makes no number
        size = None
    if size is None:
        raise TypeError(f"expected a number, found {shown(value)}")
    return int(own) if isinstance(own, Integral) else size


def roughly(value: Any) -> int | float:
    """A number to show: one that is too large is no reason to fail."""
    try:
        return number(value)
    except OverflowError:
        return math.inf


def is_metric(name: str, value: Any) -> bool:
    """Whether a file may say so of a number."""
    try:
        name.encode()
        float(value)
    except (UnicodeEncodeError, OverflowError, TypeError, ValueError):
        return False
    return isinstance(value, (int, float))
