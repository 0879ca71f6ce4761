"""How far a run is, by what it reports."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

EPOCH = "epoch"


@dataclass
class Steps:
    """Counts the steps of a run: its epochs, if its reports say them, else its reports.

    Attributes:
        step: how far it is; 0 before its first report. Of a trainer that calls its first epoch 0 it is one more than
            that says, so it is always how many epochs were trained.
    """

    step: float = 0.0
    _before_first: float = field(default=0.0, init=False)
    _has_epochs: bool = field(default=False, init=False)

    @classmethod
    def of(cls, reports: Iterable[Mapping[str, Any]]) -> Steps:
        """How far a run is with some reports."""
        steps = cls()
        for report in reports:
            steps.add(report)
        return steps

    def add(self, report: Mapping[str, Any]) -> float:
        """Hear the next report; how far the run is with it."""
        epoch = report.get(EPOCH)
        if isinstance(epoch, (int, float)) and abs(epoch) <= sys.float_info.max:  # a file may hold anything
            if not self._has_epochs:
                self._has_epochs, self.step = True, 0.0
                self._before_first = 1.0 if epoch == 0 else 0.0
            self.step = max(self.step, float(epoch) + self._before_first)
        elif not self._has_epochs:
            self.step += 1.0
        return self.step
