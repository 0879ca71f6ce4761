"""What ``gridfold serve`` costs while it watches a search of many runs, of which some are under way and report.

Run: ``python benchmarks/serve.py [--runs 10000] [--running 4] [--created 0] [--seconds 20]``. The folder is that of
``results.py``; the runs under way are written by this process, twice a second each, others wait to begin. Measured are
the seconds from the start to the whole state at a page, the milliseconds from a report to the page that shows it, the
CPU of the server with its children as a share of one core, and its memory (PSS, with children). The analysis of all
runs, which is made once in the beginning and then only when runs have ended, is given by itself.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
from results import NAME, ROOT, make

from gridfold.runs.record import Record, started
from gridfold.runs.run import Run
from gridfold.runs.search import SearchDirectory

INTERVAL = 0.5  # seconds between two reports of a run


class Page:
    """What a browser would hear."""

    def __init__(self, address: str) -> None:
        self.begin = time.perf_counter()
        self.state_seconds = self.answer_seconds = 0.0
        self.bytes = self.state_bytes = 0
        self.late: list[float] = []  # seconds from a report to here
        host, _, path = address.removeprefix("http://").partition("/")
        self._connection = http.client.HTTPConnection(host)
        self._connection.request("GET", f"/{path.partition('/')[0]}/api/s/{NAME}/events")
        self._stream = self._connection.getresponse()
        self.answered = threading.Event()
        self.there = threading.Event()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        place = None
        for event, data in self._events():
            self.bytes += len(data)
            said = json.loads(data)
            if event == "answer":
                self.answer_seconds = time.perf_counter() - self.begin
                self.answered.set()
            if event == "state":
                self.state_seconds, self.state_bytes = time.perf_counter() - self.begin, len(data)
                self.there.set()
            place = next((i for i, each in enumerate(said.get("columns", ())) if each["name"] == "at"), place)
            if event == "change" and place is not None:
                now = time.time()
                self.late += [now - row[place] for row in said.get("runs", {}).values() if len(row) > place]

    def _events(self) -> Iterator[tuple[str, bytes]]:
        event = ""
        for line in self._stream:
            name, _, value = line.rstrip(b"\n").partition(b": ")
            if name == b"event":
                event = value.decode()
            elif name == b"data":
                yield event, value


def begun(root: Path, count: int, more: int) -> list[Run]:
    """Some more runs of the search, under way, and some that are not."""
    search = SearchDirectory(root / NAME)
    like = next(search.entries())
    names = [f"{NAME}_more_{number}" for number in range(count + more)]
    search.extend((replace(like, run=name, repeat=place + 1), "x: 1\n") for place, name in enumerate(names))
    runs = []
    for entry in list(search.entries())[-count - more :][:count]:
        record = Record(entry.id, entry.index, NAME, entry.params, "train:train", attempt=1)
        run = Run(search.run(entry).dir, index=entry.index, attempt=1)
        run.claims.take(started(record))
        runs.append(run)
    return runs


def report(runs: list[Run], over: threading.Event) -> None:
    """Let runs report until it is over, not all at once."""
    epoch = 0
    while not over.is_set():
        epoch += 1
        for place, run in enumerate(runs):
            over.wait(INTERVAL / len(runs))
            with run.log_path.open("a") as log:
                log.write(f"epoch {epoch} of run {place}\n")
            run.report(epoch=epoch, val_f1=1 - 1 / epoch, at=time.time())


def all_of(server: subprocess.Popen[str]) -> list[psutil.Process]:
    """The server and its children."""
    process = psutil.Process(server.pid)
    return [process, *process.children(recursive=True)]


def cpu(server: subprocess.Popen[str]) -> float:
    """CPU seconds of the server, with children that have ended."""
    times = psutil.Process(server.pid).cpu_times()
    return times.user + times.system + times.children_user + times.children_system


class Memory(threading.Thread):
    """The most memory of the server and its children, in MiB; of the server alone."""

    def __init__(self, server: subprocess.Popen[str]) -> None:
        super().__init__(daemon=True)
        self.together = self.alone = 0.0
        self._server = server

    def run(self) -> None:
        """Look until the server is over."""
        while self._server.poll() is None:
            try:
                sizes = [each.memory_full_info().pss / 2**20 for each in all_of(self._server)]
            except psutil.Error:
                continue
            self.alone, self.together = max(self.alone, sizes[0]), max(self.together, sum(sizes))
            time.sleep(0.25)


def measure(root: Path, options: argparse.Namespace) -> dict[str, float]:
    """Serve the folder and watch it."""
    over, runs = threading.Event(), begun(root, options.running, options.created)
    words = [sys.executable, "-m", "gridfold", "serve", "--no-browser", "--port", "0"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    server = subprocess.Popen(words, cwd=root.parent, env=environment, stdout=subprocess.PIPE, text=True)
    memory = Memory(server)
    memory.start()
    threading.Thread(target=report, args=(runs, over), daemon=True).start()
    try:
        assert server.stdout is not None
        page = Page(server.stdout.readline().strip())
        page.there.wait(120)
        first = cpu(server)
        page.answered.wait(300)
        answered = cpu(server)
        time.sleep(2)
        page.late.clear()
        before, bytes_before, begin = cpu(server), page.bytes, time.perf_counter()
        time.sleep(options.seconds)
        took = time.perf_counter() - begin
        used, sent = cpu(server) - before, page.bytes - bytes_before
    finally:
        over.set()
        server.terminate()
        server.wait()
    return {
        "seconds to the state": page.state_seconds,
        "kB of the state": page.state_bytes / 1000,
        "CPU seconds to the state": first,
        "seconds to the answer": page.answer_seconds,
        "CPU seconds of the answer": answered - first,
        "ms from a report to the page, median": 1000 * statistics.median(page.late),
        "ms from a report to the page, most": 1000 * max(page.late),
        "CPU, % of a core": 100 * used / took,
        "kB sent in a second": sent / took / 1000,
        "MiB of the server, most": memory.alone,
        "MiB with its children, most": memory.together,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--running", type=int, default=4)
    parser.add_argument("--created", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gridfold-bench-", dir=Path.cwd()) as name:
        root = Path(name) / "runs"
        done = options.runs - options.running - options.created
        make(root, done)
        print(f"{done:,} runs that are done, {options.running} under way, {options.created:,} to begin")
        for said, value in measure(root, options).items():
            print(f"{said}: {value:.1f}")


if __name__ == "__main__":
    main()
