"""A record: what ``run.json`` says of a run."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal, get_args

from gridfold.core.files import contents, mapping_of
from gridfold.core.process.identity import Owner
from gridfold.core.process.liveness import PROCESS, asked_here
from gridfold.core.values import from_params, to_json, to_params
from gridfold.runs.reports import is_metric

State = Literal["created", "running", "completed", "failed", "interrupted", "stopped", "lost"]

RECORD = "run.json"
_MAX_ATTEMPT = 2**31


@dataclass(frozen=True)
class Record:
    """What ``run.json`` says. Times are ISO 8601 in UTC, ``seconds`` is wall time of the last attempt.

    Attributes:
        id: hash of the resolved config in canonical form.
        index: the trial's position in its space.
        search: name of the search directory, None for a run of its own.
        params: path and value of what varies.
        trainer: ``module:name`` of the trainer, or a command's arguments.
        attempt: 1 for the first time that the run is executed.
        metrics: the trainer's final metrics; the first is the one to compare runs by.
        error: ``type``, ``message``, ``traceback``, ``place`` and, for a process that was killed, ``signal`` of a run
            that failed (see ``gridfold.failure``).
        seed: what ``run.seed`` gives the trainer; the ready trainer uses ``training.seed``.
        threads: how many CPU threads it may use; its last digits may depend on that.
        host: the machine that executes it.
        pid: the process that does; the leader of a process group.
        process: when that process started (see ``gridfold.core.process.identity.Owner``).
        session: what the processes of whoever has it executed have in common (see ``new_session`` there).
        asks: who is asked whether that process lives (see ``Owner``): its machine, or an engine about its job.
        state: how far it is; "lost", which no file says, if its process is dead and did not say how it ended.
        sharing: how the result came about: its ``label``, ``own`` if nothing of it was shared with other runs,
            ``bitwise`` if something was and it is to the bit what it would be alone; the seconds and CPU seconds that
            were ``shared`` and its ``own``; the ``node``, its process in the batch (see
            ``SearchDirectory.note_sharing``); ``unread``, paths of the config that it was seen not to read. None until
            it ends.
        notes: what else is to know about the result.
        reused: the directory name of the run whose record this is, if the run was not executed.
        repeat: which repeat of its trial it is, from 0: repeats differ in their seed.
        data_fold: which part of the training data is held out, from 0, and of how many; None if they are not split so.
        code: fingerprint of the code that executed it (see ``gridfold.identity``); None if that is not known.
        inputs: what else it depends on: ``files`` that its config names, or that it was seen to read, and what was in
            them; ``packages`` that it loaded itself, and their versions; ``untold``, what cannot be told. None until
            it ends, or if there is nothing.
        patterns: regular expressions for metrics in the log of a command, by their names (``gridfold.metrics``).
        source: what its metrics were read from, of a command; None if it has none, or is a function.
        log_start: where in its log the attempt begins.
        cwd: "run" if it works in a folder of its own, ``work`` in its directory; None if where the search was started.
        step: how far it came: the last epoch that it reported, from 1, or else how many reports; None if it has none.
        pruned: whether its search has stopped it (``--prune``), for others were better when they were as far.
        candidates: of a command without metrics, the names with numbers that were seen in what it wrote and printed.
    """

    id: str
    index: int
    search: str | None
    params: Mapping[str, Any]
    trainer: str | Sequence[str]
    seed: int = 0
    threads: int = 1
    state: State = "created"
    attempt: int = 0
    metrics: Mapping[str, float] = field(default_factory=dict)
    error: Mapping[str, Any] | None = None
    started: str | None = None
    ended: str | None = None
    seconds: float | None = None
    host: str | None = None
    pid: int | None = None
    process: str | None = None
    session: str | None = None
    asks: str = PROCESS
    sharing: Mapping[str, Any] | None = None
    notes: Sequence[str] = field(default_factory=list)
    reused: str | None = None
    repeat: int = 0
    data_fold: Sequence[int] | None = None
    code: str | None = None
    inputs: Mapping[str, Any] | None = None
    patterns: Mapping[str, str] | None = None
    source: str | None = None
    candidates: Sequence[str] = field(default_factory=list)
    log_start: int = 0
    cwd: str | None = None
    step: float | None = None
    pruned: bool = False

    @property
    def shared_seconds(self) -> float:
        """How long what it shared with other runs took, beside its own ``seconds``; 0 if it shared nothing."""
        said = self.sharing.get("shared_seconds") if isinstance(self.sharing, Mapping) else None
        return float(said) if isinstance(said, (int, float)) and 0 <= said < 1e12 else 0.0

    def changed(self, **fields: Any) -> Record:
        """The record with other values of some fields; ``dataclasses.replace`` looks at all, and each run pays."""
        other = object.__new__(Record)
        vars(other).update(vars(self) | fields)
        return other

    @property
    def is_done(self) -> bool:
        """Whether it has a result, which counts: it was completed, or stopped at the value that it had reached."""
        return self.state in ("completed", "stopped")

    @property
    def is_final(self) -> bool:
        """Whether the attempt is over."""
        return self.state not in ("created", "running")


_MOST_KEPT = 1000  # records
_FIELDS = tuple(field.name for field in fields(Record))
_STATES = [state for state in get_args(State) if state != "lost"]  # that a file may say


def code_of(record: Record, facts: Mapping[str, Any]) -> str | None:
    """The fingerprint of the code that a run was executed with; of an older record, that which its search began with.

    Args:
        record: what the run says.
        facts: what ``search.json`` says of its search.
    """
    return record.code or facts.get("fingerprint")


def started(record: Record) -> Record:
    """The record when this process starts to run it."""
    owner = Owner.current()
    return record.changed(
        state="running",
        started=now(),
        ended=None,
        seconds=None,
        host=owner.host,
        pid=owner.pid,
        process=owner.start,
        asks=asked_here(record.asks),
        metrics={},
        error=None,
        notes=[],
        source=None,
        candidates=[],
        log_start=0,
        step=None,
        pruned=False,
    )


def read_record(path: str | os.PathLike[str]) -> Record | None:
    """The record that a file holds; None if it holds none that is sound."""
    return _record_of(contents(path))


@lru_cache(maxsize=_MOST_KEPT)
def _record_of(content: bytes) -> Record | None:
    """The record that a file's content is; the end of a search looks at each several times."""
    return as_record(mapping_of(content))


def as_record(found: Mapping[str, Any]) -> Record | None:
    """The record that a file tells of; None if it does not, or not soundly."""
    try:
        said = {name: found[name] for name in _FIELDS if name in found}
        if "fold" in found:  # what it was called once
            said.setdefault("sharing", found["fold"])
        record = Record(**said | {"params": from_params(said.get("params"))})
    except (TypeError, ValueError, RecursionError):
        return None
    return record if _is_sound(record) else None


def now() -> str:
    """This moment as records have it: ISO 8601, UTC, milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _is_sound(record: Record) -> bool:
    """Whether the parts that others compute with are what they should be."""
    return (
        record.state in _STATES
        and isinstance(record.index, int)
        and isinstance(record.attempt, int)
        and 0 <= record.attempt < _MAX_ATTEMPT
        and isinstance(record.params, dict)
        and isinstance(record.metrics, dict)
        and all(is_metric(name, value) for name, value in record.metrics.items())
        and (record.error is None or (isinstance(record.error, dict) and _says_what(record.error)))
        and (record.seconds is None or (is_metric("seconds", record.seconds) and math.isfinite(record.seconds)))
        and (record.step is None or (is_metric("step", record.step) and math.isfinite(record.step)))
        and isinstance(record.id, str)
        and isinstance(record.asks, str)
        and (isinstance(record.trainer, str) or _is_list_of_texts(record.trainer))
        and all(isinstance(value, int) for value in (record.seed, record.threads, record.repeat, record.log_start))
        and all(value is None or isinstance(value, str) for value in _texts_of(record))
        and (record.sharing is None or isinstance(record.sharing, dict))
        and _is_list_of_texts(record.notes)
        and _is_list_of_texts(record.candidates)
        and (record.patterns is None or _is_texts_by_name(record.patterns))
        and (record.data_fold is None or _is_pair(record.data_fold))
    )


def _texts_of(record: Record) -> Sequence[Any]:
    times = record.started, record.ended
    return (*times, record.search, record.host, record.process, record.reused, record.code, record.source, record.cwd)


def _says_what(error: Mapping[str, Any]) -> bool:
    return all(isinstance(error.get(name), str) for name in ("type", "message"))


def _is_list_of_texts(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(each, str) for each in value)


def _is_texts_by_name(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(each, str) for each in (*value, *value.values()))


def _is_pair(fold: Any) -> bool:
    return isinstance(fold, (list, tuple)) and len(fold) == 2 and all(isinstance(number, int) for number in fold)


def as_text(record: Record) -> str:
    """A line for each field: for people, and written faster than ``json`` indents."""
    said = vars(record) | {"params": to_params(record.params)}
    lines = [f' "{name}": {text}' for name, text in zip(said, to_json(said.values()), strict=True)]
    return "{\n" + ",\n".join(lines) + "\n}\n"
