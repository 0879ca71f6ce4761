"""What the benchmarks share: measure a command with all its processes, wait for an idle machine, print tables.

Nothing here knows what is compared.
"""

from __future__ import annotations

import ctypes
import datetime
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("torch", "transformers", "scikit-learn", "hydra-core", "optuna", "ray", "bertuner")
_SET_CHILD_SUBREAPER = 36  # prctl
_SAMPLE_SECONDS = 0.5
_SAMPLING = 0.05  # the part of the time that samples may take: the memory of many large processes takes long to add up


@dataclass(frozen=True)
class Usage:
    """What a command took, with all processes that it started.

    Attributes:
        seconds: from its start to its exit.
        cpu: CPU-seconds.
        memory: the highest sum of the proportional set sizes, in MB. Pages that processes share count once.
    """

    seconds: float
    cpu: float
    memory: float

    def scaled(self, factor: float) -> Usage:
        """The same of so many times the work; memory stays."""
        return Usage(self.seconds * factor, self.cpu * factor, self.memory)


def median(usages: Sequence[Usage]) -> Usage:
    """The median of each figure."""
    rows = [asdict(usage) for usage in usages]
    return Usage(**{name: statistics.median(row[name] for row in rows) for name in rows[0]})


def measure(
    words: Sequence[object], folder: Path, environment: Mapping[str, str] | None = None, patience: float = 0
) -> Usage:
    """Execute a command in a folder; what it prints goes to the file ``output`` there.

    Args:
        words: the command.
        folder: the working directory.
        environment: variables, beside those of this process.
        patience: seconds to wait for an idle machine before.

    Raises:
        RuntimeError: the command failed; with the end of what it printed.
    """
    settle(patience)
    _adopt_orphans()
    with (folder / "output").open("ab") as output, _watched() as tree:
        before, start = os.times(), perf_counter()
        process = subprocess.Popen(
            [str(word) for word in words],
            cwd=folder,
            env=os.environ | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = process.wait()
            seconds = perf_counter() - start
        finally:
            _end_all()
    if code:
        printed = (folder / "output").read_text(errors="replace")
        raise RuntimeError(f"exit code {code}: {' '.join(map(str, words))}\n{printed[-3000:]}")
    after = os.times()
    reaped = after.children_user + after.children_system - before.children_user - before.children_system
    # Some tools have the kernel reap their children, whose time is then seen by the samples alone.
    usage = Usage(seconds, max(reaped, tree.cpu), tree.memory / 2**20)
    progress(f"    {usage.seconds:.1f} s, CPU {usage.cpu:.1f} s, {usage.memory:.0f} MB")
    return usage


class _Tree:
    """Samples of all processes below this one."""

    def __init__(self) -> None:
        self.memory = 0
        self._cpu: dict[tuple[int, float], float] = {}
        self.done = threading.Event()

    @property
    def cpu(self) -> float:
        """CPU-seconds, as far as they were seen."""
        return sum(self._cpu.values())

    def watch(self) -> None:
        """Take samples until it is done."""
        pause = _SAMPLE_SECONDS
        while not self.done.wait(pause):
            began = time.thread_time()
            self.memory = max(self.memory, sum(map(self._sample, psutil.Process().children(recursive=True))))
            pause = max(_SAMPLE_SECONDS, (time.thread_time() - began) / _SAMPLING)

    def _sample(self, process: psutil.Process) -> int:
        try:
            times = process.cpu_times()
            self._cpu[process.pid, process.create_time()] = times.user + times.system
            return int(process.memory_full_info().pss)
        except psutil.Error:
            return 0  # it has ended


@contextmanager
def _watched() -> Iterator[_Tree]:
    tree = _Tree()
    thread = threading.Thread(target=tree.watch)
    thread.start()
    try:
        yield tree
    finally:
        tree.done.set()
        thread.join()


def _adopt_orphans() -> None:
    """Have what a command leaves become a child of this process, so that it is counted and ended."""
    ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _end_all() -> None:
    """End what the command has left, and collect it."""
    while children := psutil.Process().children(recursive=True):
        for child in children:
            with suppress(psutil.NoSuchProcess):
                child.send_signal(signal.SIGKILL)
        with suppress(ChildProcessError):
            while True:
                os.waitpid(-1, 0)


def settle(patience: float) -> None:
    """Wait until the machine idles, at most so many seconds: the command before may have left what is ending."""
    end = perf_counter() + patience
    while perf_counter() < end:
        before = _idle()
        time.sleep(1)
        if _idle() - before > 0.95 * (os.cpu_count() or 1):
            return


def _idle() -> float:
    """Seconds for which the machine's cores had nothing to do, since it started."""
    with open("/proc/stat") as file:
        return int(file.readline().split()[4]) / os.sysconf("SC_CLK_TCK")


def parser(description: str) -> ArgumentParser:
    """An argument parser with the options that benchmarks have in common."""
    result = ArgumentParser(description=description)
    result.add_argument("--cores", type=int, default=2, help="all that a tool may use (default: 2)")
    result.add_argument("--patience", type=float, default=30, help="seconds to wait for an idle machine (default: 30)")
    result.add_argument("--folder", type=Path, help="where to work (default: a temporary folder)")
    result.add_argument("--keep", action="store_true", help="leave what was written")
    result.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    result.add_argument("--tiny", action="store_true", help="next to no work: does it function?")
    return result


@contextmanager
def bench(options: Namespace, pythons: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
    """Measure on so many cores, in a folder of its own, ``options.folder``; print and write what was found.

    Args:
        options: those of `parser`.
        pythons: whose packages' versions are said.

    Yields:
        A mapping for the figures, which begins with what is to know of the machine.
    """
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.cores])
    options.folder = Path(tempfile.mkdtemp(prefix="bench-", dir=options.folder)).resolve()
    found: dict[str, Any] = {"machine": machine(), "versions": versions([sys.executable, *pythons])}
    print("; ".join(f"{value}" for value in found["machine"].values()))
    print(", ".join(f"{name} {version}" for name, version in found["versions"].items()), end="\n\n")
    try:
        yield found
    finally:  # also of a measurement that was interrupted
        if options.json:
            options.json.write_text(json.dumps(found, indent=1) + "\n")
    if options.keep:
        print(f"kept in {options.folder}")
    else:
        shutil.rmtree(options.folder)


def machine() -> dict[str, str]:
    """What a reader must know of the machine, the code and the day."""
    with open("/proc/cpuinfo") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return {
        "cpu": f"{len(os.sched_getaffinity(0))} cores of {models[0] if models else platform.processor()}",
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GB",
        "load": f"load {os.getloadavg()[0]:.1f}",
        "commit": f"gridfold {commit.stdout.strip() or 'of no commit'}",
        "date": datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
    }


def versions(pythons: Sequence[str]) -> dict[str, str]:
    """Python and the packages that matter, of the first interpreter that has them."""
    program = "import importlib.metadata as m, json; print(json.dumps({d.name: d.version for d in m.distributions()}))"
    found = {"Python": platform.python_version()}
    for python in pythons:
        have = json.loads(subprocess.run([python, "-c", program], check=True, capture_output=True, text=True).stdout)
        found = {name: have[name] for name in PACKAGES if name in have} | found
    return {name: found[name] for name in ("Python", *PACKAGES) if name in found}


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown; numbers to the right."""
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def difference(left: Mapping[str, float], right: Mapping[str, float]) -> float:
    """The largest difference between two runs' metrics; infinite if they do not have the same ones."""
    if left.keys() != right.keys():
        return float("inf")
    return max((abs(left[name] - right[name]) for name in left if left[name] != right[name]), default=0.0)


def said(difference: float) -> str:
    """A difference, in a table."""
    return "0" if difference == 0 else f"{difference:.1g}"


def progress(text: str) -> None:
    """Say what is measured now."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)
