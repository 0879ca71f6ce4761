"""What is new in the run directories of a search, for a tracker that remembers what it was told.

It looks at files alone, so it works for a search that another process executes, and for one that is over. A look costs
one question to the disk for each run that is not done.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from gridfold.config.config import Config
from gridfold.core.errors import ConfigError
from gridfold.core.files import contents, mapping_of, read_mappings, regular
from gridfold.core.values import canonical, digest, from_record
from gridfold.export.trackers.protocol import Point, RunNews, SearchFacts, seconds
from gridfold.records.objective import Objective
from gridfold.records.trials import objective_of, run_at_best
from gridfold.runs.entries import RunEntry
from gridfold.runs.record import RECORD, Record, as_record
from gridfold.runs.reports import METRICS, ReportReader, is_metric
from gridfold.runs.run import Run, judge
from gridfold.runs.search import SEARCH, SearchDirectory
from gridfold.runs.steps import Steps


class Told:
    """The runs that a tracker was told of to their end, also by a process before this one.

    Args:
        path: the file that remembers them; None to begin anew and remember nothing.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        lines = read_mappings(path) if path else []
        self._versions = {line.get("run"): line.get("version") for line in lines}

    def knows(self, index: int, version: str) -> bool:
        """Whether it was told of a run with a record of this version."""
        return self._versions.get(index) == version

    def note(self, index: int, version: str) -> None:
        """Remember a run whose record has a version."""
        self._versions[index] = version
        if self._path:
            self._path.parent.mkdir(exist_ok=True)
            file = regular(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            try:
                os.write(file, json.dumps({"run": index, "version": version}).encode() + b"\n")
            finally:
                os.close(file)


@dataclass
class _Followed:
    """A run, and what a tracker has been told of it.

    Attributes:
        entry: the run.
        trial: the index of the first run of its trial.
        seen: how the file of its record was when it was read last; None if it was not there yet.
        record: what the record said then.
        version: of that record.
        attempt: which the tracker was told of last; -1 if none.
        is_over: whether it was told of the end of that.
        config: of the run, while it is not over.
        reports: reads what is to be told of them.
        steps: what they say of how far it is.
        number: the last step that was told, as a whole number.
        time: of the last report that was told.
    """

    entry: RunEntry
    trial: int
    seen: object = None
    record: Record | None = None
    version: str = ""
    attempt: int = -1
    is_over: bool = False
    config: Mapping[str, Any] | None = None
    reports: ReportReader = field(default_factory=ReportReader)
    steps: Steps = field(default_factory=Steps)
    number: int = 0
    time: float | None = None

    def begin(self, attempt: int) -> None:
        """Tell of an attempt from its beginning on."""
        self.attempt, self.is_over, self.reports = attempt, False, ReportReader()
        self.begin_again()

    def begin_again(self) -> None:
        """Tell of its reports from the first on."""
        self.steps, self.number, self.time = Steps(), 0, None

    def read(self, directory: str) -> bool:
        """Read the record if that is another now; whether it was."""
        seen = _signature(f"{directory}/{RECORD}")
        if seen is None or seen == self.seen:
            return False
        content = contents(f"{directory}/{RECORD}")
        self.seen, self.record = seen, as_record(mapping_of(content))
        self.version = digest(content.decode("utf-8", "replace"))
        return True


class Feed:
    """Tells what is new in a search.

    Args:
        search: the search.
        told: what was told before.
    """

    def __init__(self, search: SearchDirectory, told: Told | None = None) -> None:
        self._search, self._told = search, told or Told()
        self._runs: list[_Followed] = []
        self._left: dict[int, _Followed] = {}
        self._trials: dict[tuple[str, bool], int] = {}
        self._list: object = None
        self._objective: Objective | None = None
        self._facts: object = None
        self._asked = ""  # what runs are to be compared by
        self._ended: list[tuple[int, str]] = []  # told, but not yet written

    def facts(self) -> SearchFacts:
        """What a tracker knows of the search to begin with.

        Raises:
            ConfigError: the search cannot be read.
        """
        self._see_added()
        said = self._search.facts().get("parameters")
        found: dict[str, dict[str, Any]] = {}
        for path, values in said.items() if isinstance(said, Mapping) else ():
            found[path] = {canonical(value): value for value in map(from_record, values)}
        for run in self._runs:
            for path, value in run.entry.params.items():
                found.setdefault(path, {}).setdefault(canonical(value), value)
        objective = objective_of(self._search)
        parameters = {path: tuple(values.values()) for path, values in found.items()}
        return SearchFacts(
            self._search.name,
            self._search.dir,
            objective.metric or None,
            bool(objective.of({}).maximize),
            parameters,
            digest(f"{self._search.name} {self._search.created}"),
            self._search.created,
        )

    def news(self, *, is_last: bool = False) -> Iterator[RunNews]:
        """What is new of each run since this was asked last.

        Args:
            is_last: nobody executes the search any more: a run whose process is dead is lost.
        """
        self._see_objective()
        self._see_added()
        for run in list(self._left.values()):
            if found := self._news_of(run, is_last=is_last):
                yield found

    def written(self) -> None:
        """Remember that the tracker has written all that it was told."""
        for index, version in self._ended:
            self._told.note(index, version)
        self._ended.clear()

    def _see_objective(self) -> None:
        """See by what runs are compared. If that has changed, so have the best epochs of those that are over."""
        facts = _signature(f"{self._search.dir}/{SEARCH}")
        if facts in (None, self._facts):
            return
        with suppress(ConfigError):  # else it is read at the next look
            said, before = Objective.said(self._search.facts()), self._asked
            self._facts, self._asked = facts, canonical([said.metric, said.maximize])
            if before not in ("", self._asked):
                self._objective = None
                for run in self._runs:
                    if run.is_over:
                        run.seen = None
                        self._left[run.entry.index] = run

    def _version(self, run: _Followed) -> str:
        """What is another when a run that is over is to be told again."""
        return digest(f"{run.version} {self._asked}")

    def _see_added(self) -> None:
        version = self._search.version_of_list()
        if version in (None, self._list):
            return
        with suppress(ConfigError):  # else it is read at the next look
            for entry in islice(self._search.entries(), len(self._runs), None):
                trial = self._trials.setdefault((canonical(entry.params), entry.confirms), entry.index)
                run = self._left[entry.index] = _Followed(entry, trial)
                self._runs.append(run)
            self._list = version

    def _news_of(self, run: _Followed, *, is_last: bool) -> RunNews | None:
        directory = f"{self._search.dir.parent}/{run.entry.run}"
        is_changed, was_over = run.read(directory), run.is_over
        record = run.record
        if record is None or (run.is_over and not is_changed):
            return None
        if record.is_final and self._told.knows(run.entry.index, self._version(run)):
            self._tell_end(run, record)
            return None
        if is_last and not record.is_final:
            record = judge(directory) or record
        is_new = record.attempt != run.attempt or was_over  # the record of a run that was over may be written again
        if is_new:
            run.begin(record.attempt)
        reports = run.reports.read(f"{self._search.dir.parent}/{record.reused or run.entry.run}")
        if run.reports.is_other:  # those before were of an earlier attempt
            is_new = True
            run.begin_again()
        points = [*self._points(run, record, reports)]
        if not (is_new or is_changed or points or record.is_final):
            return None
        news = self._news(run, record, points, is_new=is_new)
        if record.is_final:
            self._ended.append((run.entry.index, self._version(run)))
            self._tell_end(run, record)
        return news

    def _tell_end(self, run: _Followed, record: Record) -> None:
        run.attempt, run.is_over, run.config = record.attempt, True, None
        if record.is_done:
            del self._left[run.entry.index]

    def _news(self, run: _Followed, record: Record, points: list[Point], *, is_new: bool) -> RunNews:
        entry, own = run.entry, self._search.run(run.entry)
        run.config = _config(own) if run.config is None else run.config
        return RunNews(
            index=entry.index,
            name=entry.run,
            dir=own.dir,
            params=entry.params,
            config=run.config,
            repeat=entry.repeat,
            fold=entry.fold,
            attempt=record.attempt,
            state=record.state,
            is_new=is_new,
            is_over=record.is_final,
            points=points,
            metrics=self._at_best(own, record) if record.is_done else {},
            error=_line(record),
            started=record.started,
            ended=record.ended,
            confirms=entry.confirms,
            trial=run.trial,
        )

    def _at_best(self, run: Run, record: Record) -> Mapping[str, float]:
        if self._objective is None or not self._objective.metric:
            self._objective = Objective.said(self._search.facts()).of(record.metrics)
        return run_at_best(run, record, self._objective).metrics

    def _points(self, run: _Followed, record: Record, reports: Sequence[Mapping[str, Any]]) -> Iterator[Point]:
        """The reports of a run since the last that were told; their times are spread over what has passed since."""
        directory = f"{self._search.dir.parent}/{record.reused or run.entry.run}"
        begin = run.time or seconds(record.started)
        end = seconds(record.ended) or _changed(f"{directory}/{METRICS}") or begin
        for place, report in enumerate(reports, 1):
            before, step = run.steps.step, run.steps.add(report)
            if step != before or not run.number:
                is_whole = step == int(step) and step > run.number
                run.number = int(step) if is_whole else run.number + 1
            if begin is not None and end is not None:
                run.time = begin + max(0.0, end - begin) * place / len(reports)
            metrics = {name: value for name, value in report.items() if is_metric(name, value)}
            yield Point(step, metrics, run.time, run.number)


def _signature(path: str) -> object:
    """What is another when the file was replaced; None if it is not there."""
    try:
        found = os.stat(path)  # noqa: PTH116 - asked for each run, again and again
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _changed(path: str) -> float | None:
    try:
        return os.stat(path).st_mtime  # noqa: PTH116 - as above
    except OSError:
        return None


def _config(run: Run) -> Mapping[str, Any]:
    """The config of a run; empty if it is gone."""
    try:
        data: Mapping[str, Any] = Config.parse(run.read_config(), str(run.config_path)).data
    except ConfigError:
        return {}
    return data


def _line(record: Record) -> str | None:
    return f"{record.error['type']}: {record.error['message']}" if record.error else None
