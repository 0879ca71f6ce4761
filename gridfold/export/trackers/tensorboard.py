"""TensorBoard: event files, with a session of the HPARAMS table for each run.

Each run begins its session alone, and no file describes the experiment: TensorBoard then makes the table of what it
finds in all runs. Where one file has a description, its columns are those of the table, whatever other runs have.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.types_pb2 import DT_FLOAT, DT_STRING
from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2
from tensorboard.plugins.scalar import metadata as scalars
from tensorboard.plugins.text import metadata as texts
from tensorboard.summary.writer.record_writer import RecordWriter

from gridfold.core.values import render_block
from gridfold.export.trackers.opening import command
from gridfold.export.trackers.protocol import Point, RunNews, SearchFacts
from gridfold.export.trackers.values import Kind, kind_of, written

_FILES = "events.out.tfevents.*.gridfold"
_VERSION = "brain.Event:2"
_STATUS = {"completed": api_pb2.STATUS_SUCCESS, "stopped": api_pb2.STATUS_SUCCESS}
_BEST = "best"  # before the name of a metric: its value at the best epoch


@dataclass
class _Session:
    """The event file of a run that is not over.

    Attributes:
        path: of the file.
        reported: the metrics that it has a curve of.
        number: the last step.
    """

    path: Path
    reported: set[str] = field(default_factory=set)
    number: int = 0
    _new: list[Event] = field(default_factory=list)

    def begin(self, seconds: float | None) -> None:
        """Say what kind of file it is."""
        self._new.append(Event(wall_time=seconds or time.time(), file_version=_VERSION))

    def add(self, value: Summary.Value, seconds: float | None, step: int = 0) -> None:
        """Append a value at the next `write`."""
        self._new.append(Event(wall_time=seconds or time.time(), step=step, summary=Summary(value=[value])))

    def write(self) -> None:
        """Write what was added."""
        with self.path.open("ab") as file:
            writer = RecordWriter(file)
            for event in self._new:
                writer.write(event.SerializeToString())
        self._new.clear()


class TensorBoard:
    """Writes event files.

    Args:
        folder: where, a folder for each run; by default ``tensorboard`` in the directory of the search.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._name = ""
        self._kinds: Mapping[str, Kind | None] = {}
        self._sessions: dict[int, _Session] = {}

    def begin(self, search: SearchFacts) -> None:
        """Make ready."""
        self._folder = self._folder or search.dir / "tensorboard"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._name = search.name
        self._kinds = {path: _kind(values) for path, values in search.parameters.items()}

    def write(self, runs: Iterable[RunNews]) -> None:
        """Append what is new to the event file of each run."""
        for run in runs:
            session = self._begun(run) if run.is_new else self._sessions[run.index]
            for point in run.points:
                _add_point(session, point)
            if run.is_over:
                _add_end(run, session)
                del self._sessions[run.index]
            session.write()

    def end(self) -> str:
        """Say how to look at it."""
        assert self._folder
        return command("tensorboard", "--logdir", self._folder)

    def _begun(self, run: RunNews) -> _Session:
        """The session of an attempt, in place of what there is of the run."""
        assert self._folder
        folder = self._folder / run.name
        folder.mkdir(exist_ok=True)
        for path in folder.glob(_FILES):
            path.unlink()
        name = f"events.out.tfevents.{time.time_ns() // 1000:017d}.{run.attempt}.gridfold"
        session = self._sessions[run.index] = _Session(folder / name)
        begun = run.begun
        session.begin(begun)
        hparams = {path: written(value, self._kinds.get(path)) for path, value in run.params.items()}
        session.add(_session_start(hparams, f"{self._name}:{run.trial}", begun), begun)
        session.add(_yaml("config", run.config), begun)
        session.add(_yaml("parameters", run.params), begun)
        return session


def _kind(values: Iterable[Any]) -> Kind | None:
    """What a column can be: its numbers are doubles, which the web page cannot show if they are not finite."""
    kind = kind_of(values := tuple(values))
    if kind is float and not all(map(math.isfinite, values)):
        return None
    return None if kind is int and any(float(value) != value for value in values) else kind


def _add_end(run: RunNews, session: _Session) -> None:
    """Write what is known at the end; a metric that has a curve has another name for its best value."""
    for name, value in run.metrics.items():
        tag = f"{_BEST}/{name}" if name in session.reported else name
        session.add(_scalar(tag, value), run.over, session.number)
    if run.metrics:
        session.add(_yaml("metrics", run.metrics), run.over)  # to the last digit
    if run.error:
        session.add(_text("error", run.error), run.over)
    status = _STATUS.get(run.state, api_pb2.STATUS_FAILURE)
    info = plugin_data_pb2.SessionEndInfo(status=status, end_time_secs=run.over or time.time())
    session.add(_hparams(metadata.SESSION_END_INFO_TAG, session_end_info=info), run.over)


def _session_start(hparams: Mapping[str, bool | int | float | str], group: str, begun: float | None) -> Summary.Value:
    info = plugin_data_pb2.SessionStartInfo(group_name=group, start_time_secs=begun or time.time())
    for name, value in hparams.items():
        kind = "bool" if isinstance(value, bool) else "string" if isinstance(value, str) else "number"
        setattr(info.hparams[name], f"{kind}_value", value)
    return _hparams(metadata.SESSION_START_INFO_TAG, session_start_info=info)


def _hparams(tag: str, **info: Any) -> Summary.Value:
    said = metadata.create_summary_metadata(plugin_data_pb2.HParamsPluginData(**info))
    return Summary.Value(tag=tag, metadata=said, tensor=metadata.NULL_TENSOR)


def _add_point(session: _Session, point: Point) -> None:
    session.number = point.number
    for name, value in point.metrics.items():
        session.reported.add(name)
        session.add(_scalar(name, value), point.time, point.number)


def _scalar(tag: str, value: float) -> Summary.Value:
    """A scalar, cut to 32 bits: TensorBoard's fast loader, which it usually uses, shows none of 64."""
    said = scalars.create_summary_metadata(display_name="", description="")
    return Summary.Value(tag=tag, metadata=said, tensor=TensorProto(dtype=DT_FLOAT, float_val=[float(value)]))


def _yaml(tag: str, said: Mapping[str, Any]) -> Summary.Value:
    return _text(tag, f"```yaml\n{render_block(said)}```")


def _text(tag: str, text: str) -> Summary.Value:
    said = texts.create_summary_metadata(display_name="", description="")
    tensor = TensorProto(dtype=DT_STRING, string_val=[text.encode("utf-8", "replace")])
    return Summary.Value(tag=tag, metadata=said, tensor=tensor)
