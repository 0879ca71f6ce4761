"""The learning curve of a run, as few points as a figure needs, and what is new of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gridfold.records.objective import is_finite

MOST_POINTS = 200

Point = tuple[float, float]


class Curve:
    """The metric in each report of a run, thinned evenly while it grows; the last point is always there.

    Args:
        metric: the name of the metric.

    Attributes:
        has_news: whether there are points that were not told.
    """

    def __init__(self, metric: str) -> None:
        self._metric = metric
        self._every = 1
        self._reports = 0
        self._measured = 0
        self._kept: list[Point] = []
        self._last: Point | None = None  # if it is not kept
        self._told = 0  # how many points were told that will not change
        self.has_news = False

    @property
    def points(self) -> list[Point]:
        """The points: step and value."""
        return [*self._kept, self._last] if self._last else self._kept

    def add(self, reports: Iterable[Mapping[str, Any]]) -> None:
        """Hear what the run reported next."""
        for report in reports:
            self._reports += 1
            value, epoch = report.get(self._metric), report.get("epoch")
            if is_finite(value):
                self._keep((float(epoch) if is_finite(epoch) else float(self._reports), float(value)))

    def news(self) -> dict[str, Any]:
        """What is new since this was asked last: points that take the place of all from a position on."""
        told, self._told, self.has_news = self._told, len(self._kept), False
        return {"from": told, "points": self.points[told:]}

    def _keep(self, point: Point) -> None:
        if self._measured % self._every == 0:
            self._kept.append(point)
            self._last = None
        else:
            self._last = point
        self._measured += 1
        self.has_news = True
        if len(self._kept) >= MOST_POINTS:
            self._kept, self._last = self._kept[::2], self._kept[-1]
            self._every *= 2
            self._told = 0
