"""The workers of a search: each process that executes its runs has a heartbeat, wherever an engine has started it.

``.workers/`` in the search's directory holds a file for each of them, one for each job that was submitted, and what was
asked of all: to end, or to try failed runs again. Each file has one writer, so machines may share the folder.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gridfold.core.files import contents, read_mapping, read_mappings, regular, replace_file
from gridfold.core.process.identity import Owner
from gridfold.runs.record import now

if TYPE_CHECKING:
    import threading

WORKERS = ".workers"
BEAT_SECONDS = 5.0

_JOBS = "jobs"
_CANCEL = "cancel"
_RETRY = "retry.jsonl"
_DIGITS = 12  # of the count of beats: the file keeps its size
_END_SECONDS = 1.0  # that a beat under way may take when the worker ends


@dataclass(frozen=True)
class Workers:
    """What is known of a search's workers.

    Attributes:
        search: the search's directory.
    """

    search: Path

    @property
    def folder(self) -> Path:
        """``.workers``, also of the logs of jobs, such as ``slurm-1234.out``; it may not be there yet."""
        return self.search / WORKERS

    @contextlib.contextmanager
    def beating(self, session: str, asks: str, parallel: int, hear: Callable[[], None]) -> Iterator[None]:
        """Let this process have a heartbeat.

        Args:
            session: of the processes that it starts (see ``new_session``).
            asks: who is asked whether it lives (see ``Owner``).
            parallel: how many runs it executes at a time.
            hear: called at each beat, in a thread, once the search was cancelled.
        """
        import threading  # not before: see `gridfold.core.logs`

        beat = _Heartbeat(Path(heart_of(str(self.search), session)), said_of(session, asks, parallel))
        over = threading.Event()
        thread = threading.Thread(target=self._beat, args=(beat, hear, over), daemon=True, name="heartbeat")
        beat.begin()
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join(_END_SECONDS)
            beat.end()

    def _beat(self, beat: _Heartbeat, hear: Callable[[], None], over: threading.Event) -> None:
        while not over.wait(BEAT_SECONDS):
            beat.beat()
            if self.is_cancelled:
                hear()

    def all(self) -> list[dict[str, Any]]:
        """What each heartbeat says, also those that have stopped: one that ended in an orderly way has removed it."""
        return [said for path in sorted(self.folder.glob("*.json")) if (said := read_mapping(path))]

    def note_job(self, engine: str, job: str, **more: Any) -> None:
        """Note a job that was submitted, so that every machine knows of it; ``more`` goes with it."""
        (self.folder / _JOBS).mkdir(parents=True, exist_ok=True)
        said = {"engine": engine, "id": job, "submitted": now(), **more}
        replace_file(self.folder / _JOBS / f"{engine}-{job}.json", json.dumps(said) + "\n")

    def jobs(self) -> list[dict[str, Any]]:
        """The jobs that were noted, in the order of their submission."""
        found = [read_mapping(path) for path in (self.folder / _JOBS).glob("*.json")]
        return sorted(filter(None, found), key=lambda said: (str(said.get("submitted")), str(said.get("id"))))

    def cancel(self, why: str = "") -> None:
        """Ask all workers to end, as SIGTERM would, at their next beat; those that start later end at once.

        Args:
            why: what one of them has seen, so that the search stops; "" if a person asks.
        """
        self.folder.mkdir(exist_ok=True)
        replace_file(self.folder / _CANCEL, why)

    @property
    def why_cancelled(self) -> str:
        """What a worker has seen, so that the search stops; "" if a person asked, or nobody did."""
        return contents(self.folder / _CANCEL).decode("utf-8", "replace").strip()

    @property
    def is_cancelled(self) -> bool:
        """Whether they were asked to end."""
        return os.path.exists(self.folder / _CANCEL)  # noqa: PTH110 - asked at each beat

    def allow(self) -> None:
        """Take back what `cancel` has asked."""
        (self.folder / _CANCEL).unlink(missing_ok=True)

    def try_again(self, failed: Iterable[tuple[int, int]]) -> None:
        """Let workers try failed runs again, which they leave otherwise: indices, and the attempts that failed."""
        self.folder.mkdir(exist_ok=True)
        both = sorted(self.tried_again() | {*failed})
        replace_file(self.folder / _RETRY, "".join(f'{{"run": {run}, "attempt": {last}}}\n' for run, last in both))

    def tried_again(self) -> set[tuple[int, int]]:
        """The failed attempts, by indices of their runs, after which the next one is wanted."""
        found = ((said.get("run"), said.get("attempt")) for said in read_mappings(self.folder / _RETRY))
        return {(run, attempt) for run, attempt in found if isinstance(run, int) and isinstance(attempt, int)}


def heart_of(search: str, session: str) -> str:
    """The file of a worker's heartbeat, by the session of its processes."""
    return f"{search}/{WORKERS}/{session.rpartition('/')[2]}.json"


def said_of(session: str, asks: str, parallel: int) -> dict[str, Any]:
    """What the heartbeat of this process says beside its count."""
    owner = Owner.current()
    return {
        "session": session,
        "host": owner.host,
        "pid": owner.pid,
        "process": owner.start,
        "asks": asks,
        "started": now(),
        "parallel": parallel,
    }


@dataclass
class _Heartbeat:
    """A file that changes as long as this process lives.

    Attributes:
        path: the file.
        said: what it says beside the count.
    """

    path: Path
    said: dict[str, Any]
    _count: int = 0

    def begin(self) -> None:
        """The first beat."""
        with contextlib.suppress(OSError):  # a full disk: whoever asks takes it for silent, and asks the engine first
            self.path.parent.mkdir(exist_ok=True)
            self._write(os.O_CREAT)

    def beat(self) -> None:
        """One more. The file is opened each time: a network disk sends what was written when it is closed."""
        self._count += 1
        with contextlib.suppress(OSError):
            self._write()

    def end(self) -> None:
        """Tell that it ended in an orderly way."""
        with contextlib.suppress(OSError):
            self.path.unlink()

    def _write(self, flag: int = 0) -> None:
        text = json.dumps({**self.said, "beat": self._count})[:-1]
        room = _DIGITS - len(str(self._count))
        descriptor = regular(self.path, os.O_WRONLY | flag)
        try:
            os.write(descriptor, f"{text}{' ' * room}}}\n".encode())
        finally:
            os.close(descriptor)
