"""A run: one trial's directory. The only module that knows the file names inside it."""

from __future__ import annotations

import codecs
import contextlib
import json
import math
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import lru_cache
from numbers import Integral
from pathlib import Path
from typing import Any, Literal, get_args

from gridfold.core.errors import ConfigError, shown
from gridfold.core.files import read_regular, regular, replace_file, replace_if_first, write_new
from gridfold.core.process.identity import Owner
from gridfold.space.repeats import DataFold
from gridfold.core.values import encodable, from_params, to_params

State = Literal["created", "running", "completed", "failed", "interrupted", "stopped", "lost"]

CONFIG = "config.yaml"
RECORD = "run.json"
METRICS = "metrics.jsonl"
METRICS_JSON = "metrics.json"  # written by a command, instead of metrics.jsonl
LOG = "log.txt"
PROGRESS = "progress.json"  # there only while the run runs

CLAIM = ".claim-"  # and the attempt: made once for each, by the process that gets it, and never removed

# Of a run directory's files, those that are not results, or differ each time that the same config is run.
_NO_RESULTS = (CONFIG, RECORD, LOG, PROGRESS, f"{CLAIM}*", "metrics-attempt-*", f".{RECORD}.*", f".{PROGRESS}.*")
_MAX_ATTEMPT = 2**31
_MOST_KEPT = 1000  # records
_PROGRESS_INTERVAL = 0.2  # seconds between two writes
_DURABLE_SECONDS = 1.0
_FOLLOW_SECONDS = 0.2
_CLAIM_SECONDS = 1.0  # how long a claim may be half written on such a disk


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
        seed: what ``run.seed`` gives the trainer; the built-in trainer uses ``training.seed``.
        threads: how many CPU threads it may use; its last digits may depend on that.
        host: the machine that executes it.
        pid: the process that does; the leader of a process group.
        process: when that process started (see ``gridfold.core.process.identity.Owner``).
        session: what the processes of whoever has it executed have in common (see ``new_session`` there).
        state: how far it is; "lost", which no file says, if its process is dead and did not say how it ended.
        fold: how the result came about: its ``label``, ``own`` if nothing of it was shared with other runs,
            ``bitwise`` if something was and it is to the bit what it would be alone; the seconds and CPU seconds that
            were ``shared`` and its ``own``; the ``node``, its process in the fold (see ``SearchDirectory.note_fold``);
            ``unread``, paths of the config that it was seen not to read. None until it ends.
        notes: what else is to know about the result.
        reused: the directory name of the run whose record this is, if the run was not executed.
        repeat: which repeat of its trial it is, from 0: repeats differ in their seed.
        data_fold: which part of the training data is held out, from 0, and of how many; None if they are not split so.
        code: fingerprint of the code that executed it (see ``gridfold.identity``); None if that is not known.
        inputs: what else it depends on: ``files`` that its config names, or that it was seen to read, and what was in
            them; ``packages`` that it loaded itself, and their versions; ``untold``, what cannot be told. None until
            it ends, or if there is nothing.
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
    fold: Mapping[str, Any] | None = None
    notes: Sequence[str] = field(default_factory=list)
    reused: str | None = None
    repeat: int = 0
    data_fold: Sequence[int] | None = None
    code: str | None = None
    inputs: Mapping[str, Any] | None = None

    @property
    def shared_seconds(self) -> float:
        """How long what it shared with other runs took, beside its own ``seconds``; 0 if it shared nothing."""
        said = self.fold.get("shared_seconds") if isinstance(self.fold, Mapping) else None
        return float(said) if isinstance(said, (int, float)) and 0 <= said < 1e12 else 0.0

    @property
    def is_final(self) -> bool:
        """Whether the attempt is over."""
        return self.state not in ("created", "running")


_FIELDS = tuple(field.name for field in fields(Record))
_STATES = [state for state in get_args(State) if state != "lost"]  # that a file may say


def code_of(record: Record, facts: Mapping[str, Any]) -> str | None:
    """The fingerprint of the code that a run was executed with; of an older record, that which its search began with.

    Args:
        record: what the run says.
        facts: what ``search.json`` says of its search.
    """
    return record.code or facts.get("fingerprint")


@dataclass(frozen=True)
class Attempt:
    """One time that a run is to be executed; the record says which, and what to run."""

    run: Run
    record: Record


class Run:
    """A run directory.

    Trainers use ``dir``, ``index``, ``seed``, ``fold``, ``report``, ``progress`` and ``note``; the rest is for the code
    that executes runs.

    Attributes:
        seed: what a repeat differs in, where the config has no seed.
        fold: which part of the training data to hold out; None if the trainer chooses itself what to validate on.
        shared: whether the process stands for several runs still, of which nothing is in their directories yet; to ask
            for ``dir`` ends that.
    """

    shared = False

    def __init__(
        self, directory: str | os.PathLike[str], seed: int = 0, index: int = 0, fold: DataFold | None = None
    ) -> None:
        self.dir = directory if isinstance(directory, Path) else Path(directory)
        self.seed = seed
        self.index = index
        self.fold = fold
        self.notes: list[str] = []
        self._last_progress = 0.0

    def report(self, **metrics: float) -> None:
        """Append one line of metrics, such as ``epoch=3, val_f1=0.91``, to ``metrics.jsonl``.

        Raises:
            TypeError: a value is no number.
            OverflowError: a value is larger than a number can be.
        """
        self.report_each([metrics])

    def report_each(self, reports: Iterable[Mapping[str, float]]) -> None:
        """Append a line for each of some reports; see ``report``."""
        lines = [json.dumps(numbers(metrics)) + "\n" for metrics in reports]
        with (self.dir / METRICS).open("a", encoding="utf-8") as file:
            file.writelines(lines)

    def progress(self, **state: float) -> None:
        """Say how far the run is, such as ``epoch=1, epochs=3, step=40, steps=120, loss=0.7``; nearly free."""
        now = time.monotonic()
        if now - self._last_progress >= _PROGRESS_INTERVAL:
            self._last_progress = now
            replace_file(self.dir / PROGRESS, json.dumps({name: _roughly(value) for name, value in state.items()}))

    def note(self, text: str) -> None:
        """Add a remark to the run's record, such as what was changed to make it fit into memory."""
        self.notes.append(text)

    def read_progress(self) -> dict[str, float]:
        """What the run last said of its progress, as far as it is finite; empty if it says nothing."""
        said = _read_mapping(self.dir / PROGRESS)
        return {name: value for name, value in said.items() if _is_metric(name, value) and math.isfinite(value)}

    def reports(self) -> list[dict[str, float]]:
        """What the run reported so far, a mapping for each line of ``metrics.jsonl``; torn lines are left out."""
        return read_reports(str(self.dir))

    @property
    def config_path(self) -> Path:
        """The config that the run runs."""
        return self.dir / CONFIG

    @property
    def log_path(self) -> Path:
        """All that the run printed."""
        return self.dir / LOG

    def read_log(self) -> str:
        """All that the run printed so far."""
        try:
            return read_regular(self.log_path).decode("utf-8", "replace")
        except FileNotFoundError:
            return ""

    def follow_log(self) -> Iterator[str]:
        """What the run printed so far, then what it prints, until it is over."""
        position, over = 0, False
        decode = codecs.getincrementaldecoder("utf-8")("replace").decode  # a character may come in two parts
        while True:
            with contextlib.suppress(FileNotFoundError), open(self.log_path, "rb", opener=regular) as log:
                log.seek(position)
                printed = log.read()
                position += len(printed)
                yield decode(printed)
            if over:
                yield decode(b"", final=True)
                return
            time.sleep(_FOLLOW_SECONDS)
            _, attempt, owner = self.standing()  # then once more: what it printed last
            over = attempt > 0 and (owner is None or owner.life == "dead")

    def read_config(self) -> str:
        """The text of the config that the run runs.

        Raises:
            ConfigError: it cannot be read.
        """
        try:
            return read_regular(self.config_path).decode()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"cannot be read: {error}", where=str(self.config_path)) from None

    def rewrite_config(self, text: str) -> None:
        """Write the config of a run that was not created to the end."""
        replace_file(self.config_path, text)

    def read(self) -> Record | None:
        """The run's record; None if there is none that can be read, so the run is not done."""
        return read_record(str(self.dir))

    @property
    def is_damaged(self) -> bool:
        """Whether there is a record, but none that can be read."""
        return self.read() is None and os.path.lexists(self.dir / RECORD)

    def conclude(self, record: Record, *, is_own: bool = False) -> bool:
        """Write how an attempt ended, for the process that has it; False, and nothing is written, if another one has.

        Who writes is that process, or the search that it was of, if it could not. An attempt that nobody has is taken.

        Args:
            record: how it ended.
            is_own: this process is known to have taken the attempt.
        """
        if self.is_claimed(record.attempt + 1):
            return False  # it was given up for dead
        if not is_own and not self._may_conclude(record):
            return False
        self.write(record)
        return True

    def _may_conclude(self, record: Record) -> bool:
        if not self.is_claimed(record.attempt) and self.begin(record):
            return True
        return self.is_of(record)

    def write(self, record: Record) -> None:
        """Replace the run's record in one step, so that nobody ever reads half of it.

        Only for whoever has the attempt: see ``conclude``.
        """
        # Not dataclasses.asdict: it copies deeply. A result that took long has to outlive a loss of power; one that did
        # not is found torn, at worst, and made again in the time that waiting for the disk would have cost each.
        durable = record.is_final and (record.seconds or 0.0) >= _DURABLE_SECONDS
        replace_file(self.dir / RECORD, _as_text(record), durable=durable)
        if record.is_final:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{self.dir}/{PROGRESS}")  # noqa: PTH108 - as in `replace_file`

    def begin(self, record: Record) -> bool:
        """Take the record's attempt for this process and write the record; False if another process has the attempt.

        Each attempt has its own claim, which is made once and never removed, so of all processes that try, on all
        machines, one gets it, and no two can take over from a dead one.
        """
        return replace_if_first(self.dir / RECORD, self._claim(record.attempt), _as_text(record))

    def is_claimed(self, attempt: int) -> bool:
        """Whether some process has taken an attempt."""
        return os.path.exists(self._claim(attempt))  # noqa: PTH110

    def attempts(self, record: Record | None) -> int:
        """How many attempts were taken, given what ``read`` said; one more may be under way than the record tells."""
        count = record.attempt if record else 0
        while self.is_claimed(count + 1):
            count += 1
        return count

    def is_of(self, record: Record) -> bool:
        """Whether a record's attempt was taken by the process that it tells of, or by one of the same session.

        A claim that names no session is nobody's once its process is dead.
        """
        claim = _read_mapping(self._claim(record.attempt))
        if record.session and claim.get("session") is None:
            owner = self.owner(record.attempt)
            return owner is not None and owner.life == "dead"
        names = ("session",) if record.session else ("host", "pid", "process")
        return bool(claim) and all(claim.get(name) == getattr(record, name) for name in names)

    def session(self, attempt: int) -> str:
        """The session of the process that took an attempt; "" if that is not known."""
        return str(_read_mapping(self._claim(attempt)).get("session") or "")

    def owner(self, attempt: int) -> Owner | None:
        """The process that took an attempt; None if the claim was torn, by a loss of power."""
        path = Path(self._claim(attempt))
        while True:
            claim = _read_mapping(path)
            if owner := Owner.of(claim.get("host"), claim.get("pid"), claim.get("process"), self._seen(path)):
                return owner
            if not path.exists() or abs(time.time() - path.stat().st_mtime) > _CLAIM_SECONDS:
                return None
            time.sleep(0.05)

    def standing(self) -> tuple[Record | None, int, Owner | None]:
        """What can be said of the run: its record, how many attempts were taken, who has the last if it is not over.

        A process may complete the run while one looks: whoever seems dead is asked for the record once more.
        """
        for _ in range(2):
            record = self.read()
            attempt = self.attempts(record)
            if attempt == 0 or (record is not None and record.is_final and record.attempt == attempt):
                return record, attempt, None
            owner = self.owner(attempt)
            if owner is not None and owner.life != "dead":
                break
        return record, attempt, owner

    def judged(self) -> Record | None:
        """The record of the last attempt, as it stands: what says that it is running is "lost" if its process is dead.

        None if no attempt was taken, or none can be read.
        """
        record, attempt, owner = self.standing()
        if record is None or record.attempt < attempt:
            record = _as_record(_read_mapping(self._claim(attempt))) or record  # what it is to begin with
        if record is None or (record.is_final and record.attempt == attempt):
            return record
        return replace(record, state="running" if owner and owner.life != "dead" else "lost")

    def results(self) -> list[str]:
        """The files that tell what came of the run: its metrics, and what the trainer saved; paths in ``dir``."""
        files = (path for path in self.dir.rglob("*") if path.is_file())
        names = sorted(path.relative_to(self.dir).as_posix() for path in files)
        return [name for name in names if not any(fnmatchcase(name, pattern) for pattern in _NO_RESULTS)]

    def set_aside(self, attempt: int) -> None:
        """Move away what an earlier attempt reported, so that metrics of two attempts do not mix; nothing is lost."""
        for name in (METRICS, METRICS_JSON):
            path = self.dir / name
            with contextlib.suppress(FileNotFoundError):
                path.rename(path.with_stem(f"{path.stem}-attempt-{attempt}"))

    def _seen(self, claim: Path) -> float:
        """When a file of the run was last written."""
        times = [0.0]
        for path in (claim, self.log_path, self.dir / METRICS, self.dir / PROGRESS):
            with contextlib.suppress(OSError):
                times.append(path.stat().st_mtime)
        return max(times)

    def _claim(self, attempt: int) -> str:
        return f"{self.dir}/{CLAIM}{attempt}"


def of_record(directory: str | os.PathLike[str], record: Record) -> Run:
    """The run as a trainer sees it."""
    return Run(directory, record.seed, record.index, DataFold(*record.data_fold) if record.data_fold else None)


def started(record: Record) -> Record:
    """The record when this process starts to run it."""
    owner = Owner.current()
    return replace(
        record,
        state="running",
        started=now(),
        ended=None,
        seconds=None,
        host=owner.host,
        pid=owner.pid,
        process=owner.start,
        metrics={},
        error=None,
        notes=[],
    )


def write_config(directory: str, text: str) -> None:
    """Write the config of a new run; the directory has none yet.

    Called once a run of a search that may have a million of them, so it does nothing else.
    """
    write_new(f"{directory}/{CONFIG}", text)


def read_record(directory: str) -> Record | None:
    """The record of the run in a directory, as ``Run.read`` gives it; for whoever reads those of many runs."""
    return _record_of(_read_bytes(f"{directory}/{RECORD}") or b"")


@lru_cache(maxsize=_MOST_KEPT)
def _record_of(content: bytes) -> Record | None:
    """The record that a file holds; the end of a search looks at each several times."""
    return _as_record(_mapping_of(content))


def judge(directory: str) -> Record | None:
    """The record of the run in a directory as it stands, as ``Run.judged`` gives it; likewise."""
    record = read_record(directory)
    is_settled = record is None or record.is_final
    if is_settled and not os.path.exists(f"{directory}/{CLAIM}{record.attempt + 1 if record else 1}"):  # noqa: PTH110
        return record
    return Run(directory).judged()


def _as_record(found: Mapping[str, Any]) -> Record | None:
    try:
        said = {name: found[name] for name in _FIELDS if name in found}
        record = Record(**said | {"params": from_params(said.get("params"))})
    except (TypeError, ValueError, RecursionError):
        return None
    return record if _is_sound(record) else None


def read_reports(directory: str) -> list[dict[str, float]]:
    """What the run in a directory reported, as ``Run.reports`` gives it."""
    lines = (_read_bytes(f"{directory}/{METRICS}") or b"").splitlines()
    try:
        found = json.loads(b"[" + b",".join(lines) + b"]")  # all at once, which is faster
    except (ValueError, RecursionError):
        found = map(_parsed, lines)
    return [report for report in found if isinstance(report, dict)]


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


def _roughly(value: Any) -> int | float:
    """A number to show: one that is too large is no reason to fail."""
    try:
        return number(value)
    except OverflowError:
        return math.inf


def now() -> str:
    """This moment as records have it: ISO 8601, UTC, milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _read_mapping(path: str | os.PathLike[str]) -> dict[str, Any]:
    return _mapping_of(_read_bytes(path) or b"")


def _mapping_of(content: bytes) -> dict[str, Any]:
    found = _parsed(content)
    return found if isinstance(found, dict) else {}


def _read_bytes(path: str | os.PathLike[str]) -> bytes | None:
    """What a file holds; None if it cannot be read."""
    try:
        return read_regular(path)
    except (OSError, ValueError):
        return None


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _is_sound(record: Record) -> bool:
    """Whether the parts that others compute with are what they should be."""
    return (
        record.state in _STATES
        and isinstance(record.index, int)
        and isinstance(record.attempt, int)
        and 0 <= record.attempt < _MAX_ATTEMPT
        and isinstance(record.params, dict)
        and isinstance(record.metrics, dict)
        and all(_is_metric(name, value) for name, value in record.metrics.items())
        and (record.error is None or (isinstance(record.error, dict) and _says_what(record.error)))
        and (record.seconds is None or (_is_metric("seconds", record.seconds) and math.isfinite(record.seconds)))
        and isinstance(record.id, str)
        and (isinstance(record.trainer, str) or _is_list_of_texts(record.trainer))
        and all(isinstance(value, int) for value in (record.seed, record.threads, record.repeat))
        and all(value is None or isinstance(value, str) for value in _texts_of(record))
        and (record.fold is None or isinstance(record.fold, dict))
        and _is_list_of_texts(record.notes)
        and (record.data_fold is None or _is_pair(record.data_fold))
    )


def _texts_of(record: Record) -> Sequence[Any]:
    times = record.started, record.ended
    return (*times, record.search, record.host, record.process, record.reused, record.code)


def _says_what(error: Mapping[str, Any]) -> bool:
    return all(isinstance(error.get(name), str) for name in ("type", "message"))


def _is_list_of_texts(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(each, str) for each in value)


def _is_pair(fold: Any) -> bool:
    return isinstance(fold, (list, tuple)) and len(fold) == 2 and all(isinstance(number, int) for number in fold)


def _is_metric(name: str, value: Any) -> bool:
    try:
        name.encode()
        float(value)
    except (UnicodeEncodeError, OverflowError, TypeError, ValueError):
        return False
    return isinstance(value, (int, float))


def _as_text(record: Record) -> str:
    """A line for each field: for people, and written faster than ``json`` indents."""
    said = vars(record) | {"params": to_params(record.params)}
    lines = [f' "{name}": {json.dumps(value)}' for name, value in said.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"
