"""What a program says of its epochs while it runs, for a search that lets runs wait."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from gridfold.identity.writes import Written
from gridfold.runs.reports import METRICS
from gridfold.runs.run import Run
from gridfold.runs.rungs import Rungs
from gridfold.runs.steps import EPOCH, Steps
from gridfold.trainers.metrics.found import ProgramOutput, find_metrics, numbers_of

_LOOK_SECONDS = 0.1  # between two looks
_LOOK_SHARE = 20  # a look takes at most this part of the time
_GRACE_SECONDS = 20.0  # that a program has to end when it is told to


@dataclass
class Watch:
    """Looks after a program: reads what it prints and writes into its run's directory, and asks at each rung.

    It looks only when something has grown, and then seldom enough to cost next to nothing. So a program goes on for a
    moment after its epoch before it waits, and it sees the time that it has waited.

    Attributes:
        run: the run.
        rungs: where it asks.
        output: what the program writes and prints.
        config: what it was given.
        reports: what it had said of its epochs when it asked last.
    """

    run: Run
    rungs: Rungs
    output: ProgramOutput
    config: Mapping[str, Any]
    reports: Sequence[Mapping[str, float]] = field(default=(), init=False)
    _grown: Sequence[tuple[str, int]] = field(default=(), init=False)

    @classmethod
    def of(cls, run: Run, output: ProgramOutput, config: Mapping[str, Any]) -> Self | None:
        """For the program of a run; None if its search lets no run wait."""
        return cls(run, run.rungs, output, config) if run.rungs else None

    def look_after(self, pid: int) -> None:
        """Return when the program has ended, by itself or because it was told to."""
        ended = select.poll()
        descriptor = os.pidfd_open(pid)
        ended.register(descriptor, select.POLLIN)
        try:
            pause = _LOOK_SECONDS
            self._reports([])  # imports what it needs
            while not ended.poll(pause * 1000):
                begin = time.process_time()
                if not self._look():
                    self._end(ended, pid)
                    return
                pause = max(_LOOK_SECONDS, _LOOK_SHARE * (time.process_time() - begin))
        finally:
            os.close(descriptor)

    def _look(self) -> bool:
        """See how far the program is; whether it goes on."""
        files = [Path(self.run.dir, name) for name in self.run.results()]
        grown = sorted((str(path), _size(path)) for path in [*files, self.run.log_path])
        if grown == self._grown:
            return True
        self._grown = grown
        reports = self._reports(files)
        step = Steps.of(reports).step
        if not self.rungs.is_due(step):
            return True
        self.reports = reports
        self.run.report_so_far(reports)
        goes_on = self.rungs.reach(step)
        self.run.told_to_stop = not goes_on
        return goes_on

    def _reports(self, files: Sequence[Path]) -> Sequence[Mapping[str, float]]:
        """What the program has said of its epochs so far."""
        if any(path.name == METRICS for path in files):
            return self.run.reports()
        written = []
        for path in files:
            with suppress(OSError):
                written.append(Written.at(str(path.absolute()), path.stat(), heard=True))
        with suppress(ValueError, OSError):  # half a file is there, say
            found = find_metrics(replace(self.output, written=written), self.run.patterns, numbers_of(self.config))
            return found.reports or ([found.metrics] if EPOCH in found.metrics else [])
        return []

    def _end(self, ended: select.poll, pid: int) -> None:
        """Let the program end: all of the group but this process are told."""
        handler = signal.signal(signal.SIGTERM, signal.SIG_IGN)
        try:
            os.killpg(0, signal.SIGTERM)
        finally:
            signal.signal(signal.SIGTERM, handler)
        if not ended.poll(_GRACE_SECONDS * 1000):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _size(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_size
    return 0
