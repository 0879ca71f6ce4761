"""A run: one trial's directory, and what is in it."""

from __future__ import annotations

import codecs
import contextlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gridfold.core.errors import ConfigError
from gridfold.core.files import read_mappings, read_regular, regular, replace_file, write_new
from gridfold.core.process.identity import Owner
from gridfold.core.process.liveness import Life
from gridfold.runs.claims import CLAIM, Claims
from gridfold.runs.record import RECORD, Record, as_text, read_record
from gridfold.runs.reports import LOG, METRICS, METRICS_JSON, PROGRESS, numbers, read_progress, read_reports, roughly
from gridfold.runs.rungs import Rungs, RunStopped, final_metrics
from gridfold.runs.steps import Steps
from gridfold.space.repeats import DataFold

if TYPE_CHECKING:
    from gridfold.identity.writes import Written

CONFIG = "config.yaml"
WORK = "work"  # where it works, if that is a folder of its own
ABSOLUTE_CONFIG = "config-absolute.yaml"  # the config for a program that works there
STOP = ".stop-"  # and the attempt: there once it was told to stop
SO_FAR = ".reports-"  # and the attempt: what a program has said of its epochs, while its search asks for that
WAITING = ".waiting-"  # and the attempt: there while its process waits until its search lets it go on

# Of a run directory's files, those that are not results, or differ each time that the same config is run.
_OF_GRIDFOLD = {CONFIG, RECORD, LOG, PROGRESS, ABSOLUTE_CONFIG}
_OF_ATTEMPTS = (CLAIM, STOP, SO_FAR, WAITING, f".{RECORD}.", f".{PROGRESS}.", "metrics-attempt-", f"{WORK}-attempt-")
_GIVEN = {"config.json", "config.toml", "config.flags"}  # to the program of a command
_NO_RESULTS = {*_OF_GRIDFOLD, *_GIVEN}
_BEGIN_NO_RESULTS = (*_OF_ATTEMPTS, ".script/")
_PROGRESS_INTERVAL = 0.2  # seconds between two writes
_STOP_INTERVAL = 0.005  # seconds between two looks
_DURABLE_SECONDS = 1.0
_FOLLOW_SECONDS = 0.2


@dataclass(frozen=True)
class Attempt:
    """One time that a run is to be executed; the record says which, and what to run.

    Attributes:
        lease: the last of the search's leases when it was chosen: by later ones another worker may have the run in
            view (see ``gridfold.runs.leases``). None if it is to be executed whatever they say.
        beside: whether other workers are at the search.
    """

    run: Run
    record: Record
    lease: int | None = None
    beside: bool = False


class Run:
    """A run directory.

    Trainers use ``dir``, ``index``, ``seed``, ``fold``, ``report``, ``progress``, ``note`` and ``should_stop``. The
    rest is for the code that executes runs.

    Attributes:
        seed: what a repeat differs in, where the config has no seed.
        fold: which part of the training data to hold out; None if the trainer chooses itself what to validate on.
        shared: whether the process stands for several runs still, of which nothing is in their directories yet; to ask
            for ``dir`` ends that.
        attempt: which attempt at it this is, from 1; 0 for whoever only looks at the run.
        told_to_stop: whether ``should_stop`` has said so.
        cwd: "run" if it works in a folder of its own, ``work_dir``.
        written: the files that it wrote outside its directory (see ``gridfold.runs.written``); None until it is over.
        patterns: regular expressions for metrics in its log, by their names.
        source: what its metrics were read from, if not returned by a function.
        candidates: names with numbers that were seen where it has no metrics.
        log_start: where in its log the attempt begins, with what it printed while it was one with other runs; None if
            nothing of it is there yet.
        rungs: where it asks its search whether it may go on; None if it does not.
        has_asked: whether the trainer has ever asked ``should_stop``, so that it is trusted to end by itself.
    """

    shared = False
    cwd: str | None = None
    written: list[Written] | None = None

    def __init__(
        self,
        directory: str | os.PathLike[str],
        seed: int = 0,
        index: int = 0,
        fold: DataFold | None = None,
        attempt: int = 0,
    ) -> None:
        self.dir = directory if isinstance(directory, Path) else Path(directory)
        self.seed = seed
        self.index = index
        self.fold = fold
        self.notes: list[str] = []
        self.patterns: Mapping[str, str] = {}
        self.source: str | None = None
        self.candidates: Sequence[str] = ()
        self.log_start: int | None = None
        self.told_to_stop = False
        self.attempt = attempt
        self.rungs: Rungs | None = None
        self.has_asked = False
        self._steps = Steps()
        self._last_progress = 0.0
        self._last_look = float("-inf")

    def report(self, **metrics: float) -> None:
        """Append one line of metrics, such as ``epoch=3, val_f1=0.91``, to ``metrics.jsonl``.

        If the search prunes, it may wait here until the search lets it go on, or end here.

        Raises:
            TypeError: a value is no number.
            OverflowError: a value is larger than a number can be.
            RunStopped: the run ends here, as its search has stopped it and the trainer never asked ``should_stop``.
        """
        self.report_each([metrics])

    def report_each(self, reports: Sequence[Mapping[str, float]]) -> None:
        """Append a line for each of some reports; see ``report``."""
        lines = [json.dumps(numbers(metrics)) + "\n" for metrics in reports]
        with (self.dir / METRICS).open("a", encoding="utf-8") as file:
            if not self.is_superseded:  # asked when the file is open: whoever supersedes it sets that file aside then
                file.writelines(lines)
        self.count(reports)
        if self.rungs and not self.rungs.reach(self._steps.step):
            self.told_to_stop = True
            if not self.has_asked:
                raise RunStopped(self.last_reported())

    def count(self, reports: Iterable[Mapping[str, float]]) -> None:
        """See how far the run is, by what was reported."""
        for report in reports:
            self._steps.add(report)

    def last_reported(self) -> dict[str, float]:
        """The metrics of a run that returns none."""
        return final_metrics(self.reports())

    @property
    def step(self) -> float | None:
        """How far its reports say that it is (see `Steps`); None if it has reported nothing."""
        return self._steps.step or None

    @property
    def is_superseded(self) -> bool:
        """Whether another process has taken over the run, because this one was taken for dead."""
        return self.attempt > 0 and self.claims.has(self.attempt + 1)

    def progress(self, **state: float) -> None:
        """Say how far the run is, such as ``epoch=1, epochs=3, step=40, steps=120, loss=0.7``; nearly free."""
        now = time.monotonic()
        if now - self._last_progress >= _PROGRESS_INTERVAL:
            self._last_progress = now
            if self.is_superseded:
                return
            replace_file(self.dir / PROGRESS, json.dumps({name: roughly(value) for name, value in state.items()}))

    def note(self, text: str) -> None:
        """Add a remark to the run's record, such as what was changed to make it fit into memory."""
        self.notes.append(text)

    def should_stop(self) -> bool:
        """Whether the run was told to stop, by ``gridfold stop`` or by its search; nearly free.

        A trainer that asks, at each epoch say, returns the value that it has reached. The run then ends in the state
        ``stopped``, and its value counts as a result. A trainer that does not ask goes on.
        """
        self.has_asked = True
        now = time.monotonic()
        if not self.told_to_stop and now - self._last_look >= _STOP_INTERVAL:
            self._last_look = now
            self.told_to_stop = self.is_told_to_stop(self.attempt)
        return self.told_to_stop

    @property
    def is_pruned(self) -> bool:
        """Whether its search has stopped it, because others do better; it ends with the value that it has reached."""
        return self.rungs is not None and self.rungs.is_told_to_stop

    def tell_to_stop(self, attempt: int) -> None:
        """Tell an attempt at the run to stop, under way or not, on whatever machine."""
        (self.dir / f"{STOP}{attempt}").touch()

    def is_told_to_stop(self, attempt: int) -> bool:
        """Whether an attempt at the run was told to stop."""
        return os.path.exists(f"{self.dir}/{STOP}{attempt}")  # noqa: PTH110 - a Path costs as much again

    def set_waiting(self, attempt: int, *, waits: bool) -> None:
        """Let others see whether the process of an attempt waits until its search lets it go on."""
        path = self.dir / f"{WAITING}{attempt}"
        with contextlib.suppress(OSError):
            if waits:
                path.touch()
            else:
                path.unlink()

    def is_waiting(self, attempt: int) -> bool:
        """Whether the process of an attempt waits until its search lets it go on."""
        return os.path.exists(f"{self.dir}/{WAITING}{attempt}")  # noqa: PTH110 - as above

    def read_progress(self) -> dict[str, float]:
        """What the run last said of its progress, as far as it is finite; empty if it says nothing."""
        return read_progress(str(self.dir))

    def reports(self) -> list[dict[str, float]]:
        """What the run reported so far, a mapping for each line of ``metrics.jsonl``; torn lines are left out."""
        return read_reports(str(self.dir))

    def report_so_far(self, reports: Sequence[Mapping[str, float]]) -> None:
        """Let the search know what a program has said of its epochs, all of it each time; the run reports it later."""
        lines = [json.dumps(metrics) + "\n" for metrics in reports]
        replace_file(self.dir / f"{SO_FAR}{self.attempt}", "".join(lines))

    def reports_so_far(self, attempt: int) -> list[dict[str, float]]:
        """What `report_so_far` was told."""
        return read_mappings(f"{self.dir}/{SO_FAR}{attempt}")

    def reports_of(self, attempt: int) -> list[dict[str, float]]:
        """What an earlier attempt reported; nothing if there was none."""
        return read_mappings(_aside(self.dir / METRICS, attempt))

    @property
    def claims(self) -> Claims:
        """Who has an attempt at the run."""
        return Claims(str(self.dir))

    @property
    def work_dir(self) -> Path:
        """Where it works, if that is a folder of its own."""
        return self.dir / WORK

    @property
    def config_path(self) -> Path:
        """The config that the run runs."""
        return self.dir / CONFIG

    @property
    def log_path(self) -> Path:
        """All that the run printed."""
        return self.dir / LOG

    def read_log(self, last: int | None = None) -> str:
        """All that the run printed so far, or the last bytes of it."""
        try:
            with open(self.log_path, "rb", opener=regular) as log:
                if last is not None:
                    log.seek(max(0, log.seek(0, os.SEEK_END) - last))
                return log.read().decode("utf-8", "replace")
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
            _, attempt, _, life = self.standing()  # then once more: what it printed last
            over = attempt > 0 and life == "dead"

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
        return read_record(f"{self.dir}/{RECORD}")

    @property
    def is_damaged(self) -> bool:
        """Whether there is a record, but none that can be read."""
        return os.path.lexists(self.dir / RECORD) and self.read() is None

    def conclude(self, record: Record, *, is_own: bool = False) -> bool:
        """Write how an attempt ended, for the process that has it; False, and nothing is written, if another one has.

        Who writes is that process, or the search that it was of, if it could not. An attempt that nobody has is taken.

        Args:
            record: how it ended.
            is_own: this process is known to have taken the attempt.
        """
        if not is_own and (self.claims.has(record.attempt + 1) or not self._may_conclude(record)):
            return False
        return self.write(record, unless=lambda: self.claims.has(record.attempt + 1))  # it was given up for dead

    def _may_conclude(self, record: Record) -> bool:
        if not self.claims.has(record.attempt) and self.claims.take(record):
            return True
        return self.claims.is_of(record)

    def write(self, record: Record, unless: Callable[[], bool] = lambda: False) -> bool:
        """Replace the run's record in one step, so that nobody ever reads half of it.

        Only for whoever has the attempt: see ``conclude``.
        """
        # Not dataclasses.asdict: it copies deeply. A result that took long has to outlive a loss of power; one that did
        # not is found torn, at worst, and made again in the time that waiting for the disk would have cost each.
        durable = record.is_final and (record.seconds or 0.0) >= _DURABLE_SECONDS
        is_written = replace_file(f"{self.dir}/{RECORD}", as_text(record), durable=durable, unless=unless)
        if is_written and record.is_final:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{self.dir}/{PROGRESS}")  # noqa: PTH108 - as in `replace_file`
        return is_written

    def standing(self) -> tuple[Record | None, int, Owner | None, Life]:
        """What can be said of the run: its record, how many attempts were taken, who has the last if it is not over.

        And whether that process lives, which is not to be asked again: it may complete the run while one looks, so for
        one that seems dead the record is read once more.
        """
        seems_dead = 0
        while True:
            record = self.read()
            attempt = self.claims.count(record)
            if attempt == 0 or (record is not None and record.is_final and record.attempt == attempt):
                return record, attempt, None, "dead"
            owner = self.claims.owner(attempt)
            life = owner.life if owner else "dead"
            if life != "dead" or attempt == seems_dead:
                return record, attempt, owner, life
            seems_dead = attempt

    def judged(self) -> Record | None:
        """The record of the last attempt, as it stands: what says that it is running is "lost" if its process is dead.

        None if no attempt was taken, or none can be read.
        """
        record, attempt, _, life = self.standing()
        if record is None or record.attempt < attempt:
            record = self.claims.read(attempt) or record  # what it is to begin with
        if record is None or (record.is_final and record.attempt == attempt):
            return record
        return replace(record, state="lost" if life == "dead" else "running")

    def results(self) -> list[str]:
        """The files that tell what came of the run: its metrics, and what the trainer saved; paths in ``dir``."""
        names = sorted(_files(str(self.dir)))
        return [each for each in names if each not in _NO_RESULTS and not each.startswith(_BEGIN_NO_RESULTS)]

    def set_aside(self, attempt: int) -> None:
        """Move away what an earlier attempt reported, so that metrics of two attempts do not mix; nothing is lost."""
        for name in (METRICS, METRICS_JSON):
            path = self.dir / name
            with contextlib.suppress(FileNotFoundError):
                path.rename(_aside(path, attempt))
        if self.cwd:
            with contextlib.suppress(FileNotFoundError):
                self.work_dir.rename(self.dir / f"{WORK}-attempt-{attempt}")


def _aside(path: Path, attempt: int) -> Path:
    return path.with_stem(f"{path.stem}-attempt-{attempt}")


def _files(directory: str) -> Iterator[str]:
    """The files in a directory and in those below, by their paths from there."""
    for folder, _, names in os.walk(directory):
        paths = (f"{folder}/{name}" for name in names)
        yield from (path[len(directory) + 1 :] for path in paths if os.path.isfile(path))  # noqa: PTH113


def of_record(directory: str | os.PathLike[str], record: Record) -> Run:
    """The run as a trainer sees it."""
    fold = DataFold(*record.data_fold) if record.data_fold else None
    run = Run(directory, record.seed, record.index, fold, record.attempt)
    run.patterns, run.cwd = record.patterns or {}, record.cwd
    return run


def write_config(directory: str, text: str) -> None:
    """Write the config of a new run; the directory has none yet.

    Called once a run of a search that may have a million of them, so it does nothing else.
    """
    write_new(f"{directory}/{CONFIG}", text)


def judge(directory: str) -> Record | None:
    """The record of the run in a directory as it stands, as ``Run.judged`` gives it; for whoever judges many."""
    record = read_record(f"{directory}/{RECORD}")
    is_settled = record is None or record.is_final
    if is_settled and not os.path.exists(f"{directory}/{CLAIM}{record.attempt + 1 if record else 1}"):  # noqa: PTH110
        return record
    return Run(directory).judged()
