"""Metrics that a person finds in a log by regular expressions: the setting ``gridfold.metrics``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from gridfold.trainers.metrics.pairs import read_number

_LONGEST = 4000


def match_lines(
    lines: Iterable[str], patterns: Mapping[str, str]
) -> tuple[dict[str, float], Sequence[dict[str, float]]]:
    """The last number of each metric, and all of them: a report begins where a metric comes again.

    Args:
        lines: as a terminal shows them.
        patterns: by the names of the metrics.
    """
    compiled = {name: re.compile(pattern) for name, pattern in patterns.items()}
    found: dict[str, float] = {}
    reports: list[dict[str, float]] = []
    for line in lines:
        for name, pattern in compiled.items():
            value = _last_number(pattern, line[:_LONGEST])
            if value is None:
                continue
            found[name] = value
            if not reports or name in reports[-1]:
                reports.append({})
            reports[-1][name] = value
    return {name: found[name] for name in patterns if name in found}, reports if len(reports) > 1 else ()


def _last_number(pattern: re.Pattern[str], line: str) -> float | None:
    matches = [match[1] for match in pattern.finditer(line) if match[1]]
    return read_number(matches[-1].rstrip(".,")) if matches else None
