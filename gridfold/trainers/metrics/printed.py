"""The metrics of a program: in the files that it wrote, or in what it printed."""

from __future__ import annotations

import json
import math
import operator
import os
import re
import sys
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

from gridfold.trainers.metrics.apart import Said, label_of_object, of_split, split_of_texts, told_apart
from gridfold.trainers.metrics.labels import are_settings, is_labelled, position_of
from gridfold.trainers.metrics.names import bare, higher_is_better, is_cost, is_measure, is_result, parts_of
from gridfold.trainers.metrics.terminal import folded, shown

_METRICS_BYTES = 16 << 20  # more is no file of metrics
_LINE_BYTES = 64 << 10  # of a printed line of metrics
_SEAM_BYTES = 4 << 10
_CHUNK_BYTES = 1 << 18
_BLOCK_BYTES = 1 << 18
_BEGINNINGS = 4000  # of lines, to look for the cause of a failure
_ENDS, _END = re.compile(rb"[\r\n]+"), re.compile(rb"\n")
_CUT = "…".encode()

Metrics = dict[str, float]


class MetricsUnreadable(ValueError):  # noqa: N818 - it says what is wrong with the metrics
    """A file of metrics that a command wrote cannot be read."""


@dataclass(frozen=True)
class Mark:
    """A place in a file that others write, to tell later what came after it.

    Attributes:
        before: what stands right before it; if that has changed, the file was rewritten.
    """

    path: Path
    position: int = 0
    before: bytes = b""

    @classmethod
    def at(cls, path: Path, position: int | None) -> Mark:
        """A mark at a place of a file as it is now; at its end, if none is given."""
        try:
            with path.open("rb") as file:
                end = file.seek(0, os.SEEK_END) if position is None else position
                start = file.seek(max(0, end - _SEAM_BYTES))
                return cls(path, end, file.read(end - start))
        except FileNotFoundError:
            return cls(path)

    @classmethod
    def at_end_of(cls, path: Path) -> Mark:
        """A mark behind all that a file has now."""
        return cls.at(path, None)

    def lines_after(self, limit: int) -> list[str]:
        """The lines after the mark that are not blank, as far as the last ``limit`` bytes hold them."""
        return _not_blank(self._lines(limit, longest=limit))

    def beginnings_after(self, limit: int) -> list[str]:
        """The beginnings of the last lines after the mark, each of a few kB, as far as the last ``limit`` bytes go."""
        return _not_blank(deque(self._lines(limit, longest=_SEAM_BYTES), maxlen=_BEGINNINGS))

    def shown_after(self, limit: int) -> Iterator[str]:
        """The lines after the mark as a terminal shows them, as far as the last ``limit`` bytes hold them."""
        return map(shown, self._lines(limit, _LINE_BYTES, _END, folded))

    def objects_after(self) -> Iterable[bytes]:
        """The lines after the mark that may be JSON objects; the last of them, where they are too many to hold."""
        found: deque[bytes] = deque()
        held = 0
        for line in map(bytes.strip, self._lines(sys.maxsize, longest=_LINE_BYTES + 1)):
            if line.startswith(b"{") and line.endswith(b"}") and len(line) <= _LINE_BYTES:
                found.append(line)
                held += len(line)
                while held > _METRICS_BYTES:
                    held -= len(found.popleft())
        return found

    def _lines(
        self,
        limit: int,
        longest: int,
        ends: re.Pattern[bytes] = _ENDS,
        shorten: Callable[[bytes], bytes] = bytes,
    ) -> Iterator[bytes]:
        """The lines in the last ``limit`` bytes after the mark, each cut where it is too long.

        Args:
            limit: how many bytes.
            longest: how many bytes of a line.
            ends: what ends a line.
            shorten: makes the beginning of a line that is still read shorter.
        """
        with suppress(FileNotFoundError), self.path.open("rb") as file:
            start, size = self._start(file), file.seek(0, os.SEEK_END)
            first = file.seek(max(start, size - limit))
            rest = _CUT if first > start else b""  # it keeps half a line from being read as a whole one
            for chunk in iter(lambda: file.read(_CHUNK_BYTES), b""):
                *lines, rest = ends.split(rest + chunk)  # not splitlines: JSON may hold other line breaks
                yield from (line[:longest] for line in lines)
                rest = shorten(rest)[:longest]
            yield rest

    def _start(self, file: Any) -> int:
        """Where in the opened file begins what came after the mark."""
        file.seek(self.position - len(self.before))
        return self.position if file.read(len(self.before)) == self.before else 0


def _not_blank(lines: Iterable[bytes]) -> list[str]:
    return [line for line in (each.decode("utf-8", "replace") for each in lines) if line.strip()]


def written_epochs(path: Path) -> Sequence[Metrics]:
    """Those of each line of a file, or of each item of the list in it; none if they are no JSON objects."""
    with suppress(ValueError, OverflowError, RecursionError, OSError):
        text = path.read_text() if path.stat().st_size <= _METRICS_BYTES else ""
        lines = [line for line in text.splitlines() if line.strip()]
        found = json.loads(text) if text.lstrip().startswith("[") else list(map(json.loads, lines))
        return [_numbers(each) for each in found] if all(isinstance(each, dict) for each in found) else ()
    return ()


def written_metrics(path: Path) -> Metrics:
    """Those in a file that holds a JSON object.

    Raises:
        MetricsUnreadable: it holds none.
    """
    if not path.is_file():
        raise MetricsUnreadable(f"{path}: not a file")
    if path.stat().st_size > _METRICS_BYTES:
        raise MetricsUnreadable(f"{path}: {path.stat().st_size:,} bytes are more than metrics take")
    try:
        return _numbers(_object(path.read_bytes()))
    except (ValueError, OverflowError, RecursionError) as error:
        raise MetricsUnreadable(f"{path}: {error}") from None


def reported_metrics(reported: Mark) -> Metrics | None:
    """The last value of each in a file of reports, those of the last line first; None if nothing was reported.

    Raises:
        MetricsUnreadable: no line is a JSON object.
    """
    lines = reported.lines_after(_METRICS_BYTES)
    if not lines:
        return None
    said = list(_objects(lines))
    if not said:
        raise MetricsUnreadable(f"{reported.path}: no line is a JSON object; the last is {lines[-1]!r:.80}")
    found: Metrics = {}
    for metrics in map(_numbers, reversed(said)):
        found |= {name: value for name, value in metrics.items() if name not in found}
    return found


def block_of_json(printed: Mark) -> Metrics:
    """Those of the JSON object over several lines that a log ends with; one with a text in it needs a known name."""
    content = _content_of_block(printed, "{", "}")
    with suppress(ValueError, OverflowError):
        metrics = _numbers(content) if isinstance(content, dict) else {}
        if has_known(metrics) or (any(map(is_result, metrics)) and not _has_text(content)):
            return metrics
    return {}


def list_of_json(printed: Mark) -> Sequence[Metrics]:
    """Those of the objects in the JSON list over several lines that a log ends with, one for each epoch."""
    content = _content_of_block(printed, "[", "]")
    with suppress(ValueError, OverflowError):
        return [_numbers(each) for each in content or () if isinstance(each, dict)]
    return ()


def _content_of_block(printed: Mark, opening: str, closing: str) -> Any:
    lines = [line.rstrip() for line in printed.lines_after(_BLOCK_BYTES)]
    if not lines or lines[-1] != closing or opening not in lines:
        return None
    begin = len(lines) - 1 - lines[::-1].index(opening)
    with suppress(ValueError, RecursionError):
        return json.loads("\n".join(lines[begin:]))
    return None


def printed_metrics(printed: Mark) -> tuple[Metrics, Sequence[Metrics], bool]:
    """Those of the last printed line of metrics; and the lines that are reports, as others have the same names.

    A line is one of metrics if it is a JSON object with a number that is a result. With a text in it, it is one of a
    log, and counts only if it has a name that metrics have, and no other line has; each may say another thing.

    Returns:
        The metrics, the reports, and whether they are what the program made: no lone line of a log, or of settings.
    """
    said = _said(_objects(printed.objects_after()))
    plain = [each for each, has_text in said if not has_text]
    logged = [each for each, has_text in said if has_text]
    results = [each for each in plain if any(map(is_result, each.metrics))]
    known = [each for each in logged if has_known(each.metrics)]
    is_log = bool(known) and not any(has_known(each.metrics) for each in results)
    found = known if is_log else results or [each for each in plain if each.metrics]
    if not found:
        return {}, (), False
    names = [frozenset(each.metrics) for each in found]
    counts = dict.fromkeys(names, 0)  # a Counter asks whether it is given a mapping, which takes the first time long
    for each in names:
        counts[each] += 1
    metrics = [dict(each.metrics) for each in found]
    reports = [said for said, each in zip(metrics, names, strict=True) if counts[each] > 1]
    if is_log:
        final = reduce(operator.or_, [*reports, *metrics], Metrics())
        return final, reports, bool(reports) or any(is_labelled(name) or higher_is_better(name) for name in final)
    apart = reduce(operator.or_, [said for said, each in zip(metrics, found, strict=True) if each.label], Metrics())
    final = apart | metrics[-1] if found[-1].label else metrics[-1]
    for report in (apart, *reversed(reports if final not in reports else ())):
        final = final | {name: value for name, value in report.items() if name not in final}
    return final, reports, bool(reports) or not are_settings(final)


def _said(objects: Iterable[Mapping[str, Any]]) -> list[tuple[Said, bool]]:
    """What JSON objects say, each with whether it has a text, which may say of what its metrics are."""
    said, has_text = [], []
    for each in objects:
        metrics = of_split(_numbers(each), split_of_texts(each))
        position = {name: value for name, value in metrics.items() if position_of([name])}
        said.append(Said(metrics, position, label_of_object(each)))
        has_text.append(_has_text(each))
    return list(zip(told_apart(said), has_text, strict=True))


def _objects(lines: Iterable[str | bytes]) -> Iterator[Mapping[str, Any]]:
    for line in lines:
        with suppress(ValueError, OverflowError, RecursionError):
            found = _object(line)
            _numbers(found)
            yield found


def _object(text: str | bytes) -> Mapping[str, Any]:
    content = json.loads(text)
    if not isinstance(content, dict):
        raise ValueError(f"expected a JSON object, found {content!r:.80}")  # noqa: TRY004 - it is the text that is wrong
    return content


def _numbers(content: Mapping[str, Any]) -> Metrics:
    """The numbers in a JSON object by their dotted names; what is null beside others is nan.

    Raises:
        ValueError, OverflowError: it holds what cannot be kept.
    """
    found = dict(_flat(content, ""))
    if all(value is None for value in found.values()):
        return {}
    return {name: math.nan if value is None else value for name, value in found.items()}


def _flat(content: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, float | None]]:
    for key, value in content.items():
        name = f"{prefix}{key}"
        name.encode()  # JSON can hold half a surrogate pair and huge integers, which cannot be shown
        if isinstance(value, dict):
            yield from _flat(value, f"{name}.")
        elif value is None:
            yield name, None
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            _check_size(name, value)
            yield name, value


def _check_size(name: str, value: float) -> None:
    try:
        float(value)
    except OverflowError:
        raise OverflowError(f"'{name:.80}' is too large for a number") from None


def _has_text(value: Any) -> bool:
    if isinstance(value, (dict, list)):
        return any(map(_has_text, value.values() if isinstance(value, dict) else value))
    return isinstance(value, str)


def has_known(metrics: Iterable[str]) -> bool:
    """Whether some of the names are those of metrics."""
    return any(map(_is_known, metrics))


def has_measured(metrics: Iterable[str], given: Collection[str]) -> bool:
    """Whether some of the names are those of metrics, and neither of what was given, nor only of plain words."""
    return any(
        _is_known(name)
        and bare(name.rpartition(".")[2]) not in given
        and (higher_is_better(name) or any(is_measure(part.lower()) for part in parts_of(name)))
        for name in metrics
    )


def _is_known(name: str) -> bool:
    return is_result(name) and not is_cost(name) and higher_is_better(name) is not None
