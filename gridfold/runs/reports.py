"""What a run says while it runs: lines of metrics, how far it is, what it prints."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
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


@dataclass
class ReportReader:
    """Reads on in what a run reports.

    Whoever takes over a run sets the file of the attempt before aside, after its record says that the next one has
    begun: so a reader may hold the old file, and reads the new one from its beginning.

    Attributes:
        position: up to which byte of its file it has read.
        is_other: whether that is another file than the one before, so that what was read there does not count.
    """

    position: int = 0
    is_other: bool = False
    _file: int | None = None

    def read(self, directory: str) -> list[dict[str, float]]:
        """What the run in a directory has reported since."""
        before, self.is_other = self._file, False
        try:
            with open(f"{directory}/{METRICS}", "rb", opener=regular) as file:
                found = os.fstat(file.fileno())
                self._see(found.st_ino, is_other=before not in (None, found.st_ino) or found.st_size < self.position)
                file.seek(self.position)
                whole = file.read().rpartition(b"\n")[0]
        except FileNotFoundError:
            self._see(None, is_other=before is not None)
            return []
        except OSError:
            return []
        self.position += len(whole) + bool(whole)
        return mappings_of(whole)

    def has_read_all(self, directory: str) -> bool:
        """Whether the run has reported nothing since."""
        try:
            found = os.stat(f"{directory}/{METRICS}")  # noqa: PTH116 - asked of each run twice a second
        except OSError:
            return self._file is None
        return (found.st_ino, found.st_size) == (self._file, self.position)

    def _see(self, file: int | None, *, is_other: bool) -> None:
        self._file, self.is_other = file, is_other
        if is_other:
            self.position = 0


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
