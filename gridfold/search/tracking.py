"""Trackers of a search: for each a process of its own, which never stops, delays or changes a run.

It reads the run directories (see ``gridfold.export.trackers``, which is reached by its name), so nothing is asked of
the runs or of the search but to say when it is over. It has lower priority, and dies with the search.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gridfold.core.process.lifeline import Lifeline, copy, tie_other
from gridfold.executors.protocol import SafeWatcher, Watcher
from gridfold.runs.record import Record
from gridfold.runs.run import Run
from gridfold.runs.search import SearchDirectory

if TYPE_CHECKING:
    import subprocess

FOLDER = ".track"  # in the directory of the search: what trackers remember and print
_QUIET_SECONDS = 10.0  # that a tracker may take, when the search is over, without any sign of life
_MOST_SECONDS = 60.0  # that it may take at all
_SAY_SECONDS = 2.0  # after which the user is told what is waited for
_WAIT_SECONDS = 0.05
_KILL_SECONDS = 2.0
_START = """
import sys
sys.path[:] = {path!r}
from gridfold.export.trackers.process import main
main()
"""

Say = Callable[[str], None]


@contextmanager
def tracked(search: SearchDirectory, watcher: Watcher, say: Say) -> Iterator[Watcher]:
    """While a search is executed, or followed, its trackers are told what becomes of the runs.

    Args:
        search: the search; says which trackers it has.
        watcher: of the search; is warned, once, of what a tracker cannot do.
        say: says where what they have written is.

    Yields:
        The watcher to use meanwhile.
    """
    names = search.facts().get("track") or ()
    if not names:
        yield watcher
        return
    listener = _Listener(watcher, search, say)
    listener.start(names)
    try:
        yield listener
    finally:
        try:
            listener.finish()
        except KeyboardInterrupt:  # whoever asks for that does not want to wait
            listener.leave("not waited for")
        finally:
            listener.kill()


def untracked(search: SearchDirectory) -> Iterator[str]:
    """What to know of the trackers of a search that nobody watches, in sentences."""
    if names := search.facts().get("track"):
        later = f"--wait watches it, or export it later: gridfold export {names[0]} {search.name}"
        yield f"no process watches the search for {' and '.join(names)}\n  {later}"


@dataclass
class _Tracker:
    """The process of a tracker.

    Attributes:
        name: of the tracker.
        process: its process.
        output: from where its messages are read, which does not block.
        lifeline: kills it when this process is killed.
        is_heard: whether it may still say something.
    """

    name: str
    process: subprocess.Popen[bytes]
    output: int
    lifeline: Lifeline
    is_heard: bool = True
    _rest: bytes = b""
    _has_ended: bool = False

    def messages(self) -> Iterator[tuple[str, str]]:
        """What it has said since this was asked last, each with its kind."""
        while self.is_heard:
            try:
                read = os.read(self.output, 1 << 16)
            except BlockingIOError:
                return
            *lines, self._rest = (self._rest + read).split(b"\n")
            for line in lines:
                kind, text = json.loads(line)
                self._has_ended |= kind == "end"
                yield kind, text
            self.is_heard = bool(read)
            if not read and not self._has_ended:
                yield "warning", f"its process ended, see {FOLDER}/{self.name}.log"

    def say_end(self) -> None:
        """Tell it that the search is over."""
        assert self.process.stdin
        with suppress(OSError):
            self.process.stdin.close()

    def kill(self) -> None:
        """End it, with all that it has started."""
        self.say_end()
        with suppress(OSError):
            os.killpg(self.process.pid, signal.SIGKILL)
        deadline = time.monotonic() + _KILL_SECONDS  # it may hang in the kernel, at a disk that is gone
        while self.process.poll() is None and time.monotonic() < deadline:
            time.sleep(_WAIT_SECONDS)
        os.close(self.output)
        self.lifeline.release()


class _Listener(SafeWatcher):
    """Watches a search, and listens to its trackers."""

    def __init__(self, watcher: Watcher, search: SearchDirectory, say: Say) -> None:
        super().__init__(watcher, search.log)
        self._search, self._say_line = search, say
        self._trackers: list[_Tracker] = []

    def start(self, names: Sequence[str]) -> None:
        """Start trackers."""
        folder = self._search.dir / FOLDER
        for name in names:
            try:
                folder.mkdir(exist_ok=True)
                self._trackers.append(_start(name, self._search, folder))
            except OSError as error:
                self._cannot(name, str(error))

    def ended(self, run: Run, record: Record, *, again: bool = False) -> None:
        """An attempt has ended."""
        super().ended(run, record, again=again)
        self._listen()

    def running(self, run: Run) -> None:
        """The run is under way."""
        super().running(run)
        self._listen()

    def finish(self) -> None:
        """Let the trackers write the rest, as long as they are at it."""
        begin, has_said = time.monotonic(), False
        heard = {each.name: begin for each in self._trackers}
        for each in self._trackers:
            each.say_end()
        while living := [each for each in self._trackers if each.is_heard]:
            time.sleep(_WAIT_SECONDS)
            now = time.monotonic()
            heard.update(dict.fromkeys(self._listen(), now))
            if not has_said and now - begin > _SAY_SECONDS:
                has_said = True
                self._say_line(f"waiting for {', '.join(each.name for each in living)} (Ctrl-C: do not wait)")
            for each in living:
                if each.is_heard and now > min(heard[each.name] + _QUIET_SECONDS, begin + _MOST_SECONDS):
                    self._leave(each, f"not done after {now - begin:.0f} s")

    def leave(self, why: str) -> None:
        """Wait no longer for any tracker."""
        for each in self._trackers:
            if each.is_heard:
                self._leave(each, why)

    def kill(self) -> None:
        """End the processes of the trackers."""
        for each in self._trackers:
            each.kill()

    def _listen(self) -> list[str]:
        """Pass on what trackers have said; the names of those that have."""
        found = [(each.name, *message) for each in self._trackers for message in each.messages()]
        for name, kind, text in found:
            if kind == "warning":
                self._cannot(name, text)
            elif kind == "said":
                self._say_line(f"{name}: {text}")
        return [name for name, *_ in found]

    def _leave(self, tracker: _Tracker, why: str) -> None:
        tracker.is_heard = False
        self._cannot(tracker.name, why)

    def _cannot(self, name: str, why: str) -> None:
        said = f"{name}: {why}"
        self._search.log(said)
        self.warned(f"{said}\n  the search goes on without it; later: gridfold export {name} {self._search.name}")


def _start(name: str, search: SearchDirectory, folder: Path) -> _Tracker:
    import subprocess  # with ``threading``, of which most searches need nothing

    lifeline, (output, told) = Lifeline(), os.pipe()
    os.set_blocking(output, False)
    tied = copy(lifeline.end)
    here = {"", str(Path.cwd())}  # where a user's mlflow.py would be taken for MLflow
    path = [each for each in sys.path if each not in here] + [str(Path(__file__).parents[2])]
    try:
        with (folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", _START.format(path=path), name, str(search.dir.absolute()), str(told)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=(told, tied),
                start_new_session=True,  # Ctrl-C reaches the search, which decides
            )
        tie_other(tied, process.pid)
    finally:
        os.close(told)
        os.close(tied)
    return _Tracker(name, process, output, lifeline)
