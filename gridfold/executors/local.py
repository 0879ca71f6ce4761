"""Runs on this machine, each in a process of its own, one after another."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace

from gridfold.executors import Watcher
from gridfold.run import Record, Run, State, now

_POLL_SECONDS = 0.1
_GRACE_SECONDS = 10.0
# The worker imports what the search would, also where gridfold is a checkout that is not installed.
_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv.pop(1)); from gridfold.worker import main; sys.exit(main())"
)


class LocalExecutor:
    """Executes each run by ``gridfold.worker`` in a process; what it prints goes to the run's log."""

    def execute(self, runs: Iterable[Run], watcher: Watcher) -> Iterator[Record]:
        """Execute the runs in order."""
        for run in runs:
            record = self._execute(run, watcher)
            watcher.ended(run, record)
            yield record

    def _execute(self, run: Run, watcher: Watcher) -> Record:
        start = time.monotonic()
        with run.log_path.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-u", "-c", _START, json.dumps(sys.path), str(run.dir)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches the search, which passes it on
            )
            try:
                self._wait(process, run, watcher)
            except KeyboardInterrupt:
                self._stop(process)
                _close(run, process.returncode, time.monotonic() - start, interrupted=True)
                raise
        return _close(run, process.returncode, time.monotonic() - start)

    def _wait(self, process: subprocess.Popen[bytes], run: Run, watcher: Watcher) -> None:
        while True:
            watcher.running(run)
            try:
                process.wait(_POLL_SECONDS)
            except subprocess.TimeoutExpired:
                continue
            return

    def _stop(self, process: subprocess.Popen[bytes]) -> None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(_GRACE_SECONDS)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            process.kill()
            process.wait()


def _close(run: Run, code: int, seconds: float, *, interrupted: bool = False) -> Record:
    """The run's final record; written here if its process ended without writing one."""
    record = run.read()
    if record is None:
        raise FileNotFoundError(f"{run.dir}: the record of the run is gone")
    if record.state in ("created", "running"):
        message = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code} without a result"
        error = None if interrupted else {"type": "ProcessDied", "message": message, "traceback": ""}
        state: State = "interrupted" if interrupted else "failed"
        record = replace(record, state=state, error=error, ended=now(), seconds=round(seconds, 3))
        run.write(record)
    return record
