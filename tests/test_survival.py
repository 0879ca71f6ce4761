"""What a search withstands: SIGKILL at any moment, company, full disks, damaged files, hostile names.

The entry points run in processes of their own, and are judged by what is left behind: files, processes, and a ledger
that the trainer keeps outside of ``runs/``. ``python tests/test_survival.py --seed N`` is the long form of the first
test.
"""

import argparse
import contextlib
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GONE_SECONDS = 120.0  # to be gone takes milliseconds, on a machine that has them

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")

TRAINER = '''
"""Trainers that keep a ledger: one line, in one write, when an attempt starts, and one when it ends."""

import json, os, re, signal, subprocess, time
from random import SystemRandom


def note(what, run):
    attempt = json.loads((run.dir / "run.json").read_text())["attempt"]
    ledger = os.open(os.environ["LEDGER"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(ledger, f"{what} {run.dir.name} {attempt}\\n".encode())
    os.close(ledger)
    return attempt


def short(config, run):
    note("start", run)
    time.sleep(SystemRandom().uniform(0.005, 0.03))
    note("end", run)
    return {"acc": float(config["x"])}


def at_once(config, run):
    note("start", run)
    note("end", run)
    return {"acc": float(config["x"])}


def hangs_first(config, run):
    if note("start", run) == 1:
        time.sleep(3000)
    note("end", run)
    return 1.0


def long(config, run):
    note("start", run)
    time.sleep(3000)


def parent(config, run):
    subprocess.Popen(["sleep", "3000"])
    long(config, run)


def holds_the_lock(config, run):
    note("start", run)
    re.match("(a+)+$", "a" * 60 + "b")


def deaf(config, run):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    long(config, run)


def killed_first(config, run):
    if note("start", run) == 1 and config["x"] == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    note("end", run)
    return 1.0


def cleans_up(config, run, seconds=1):
    try:
        if note("start", run) == 1:
            time.sleep(3000)
    finally:
        time.sleep(seconds)
        (run.dir / "clean").write_text("")
    return 1.0


def cleans_up_for_long(config, run):
    return cleans_up(config, run, 300)


def writes(config, run):
    (run.dir / "weights").write_bytes(bytes(20_000))
    note("end", run)
    return 1.0


def interrupts_itself(config, run):
    raise KeyboardInterrupt


def exits_75(config, run):
    os._exit(75)


def splits(config, run):
    for step in range(3):
        time.sleep(SystemRandom().uniform(0, 0.1))
        bit = config[f"bit_{step}"]
    time.sleep(SystemRandom().uniform(0, 0.1))
    if config["bit_0"] + config["bit_1"] == 2:
        raise ValueError("both")
    return float(bit)
'''

DELAYS = '''
"""Random delays where processes that share a search could get into each other's way."""

import os, sys
from random import SystemRandom
from time import sleep

draw = SystemRandom().uniform
home = os.environ["DELAYED"]


def delayed(function):
    def wrapped(path, *arguments, **options):
        if "runs/" in str(path):
            sleep(draw(0, 0.03) ** 2 / 0.03)
        result = function(path, *arguments, **options)
        if "runs/" in str(path):
            sleep(draw(0, 0.03) ** 2 / 0.03)
        return result

    return wrapped


for name in ("link", "rename", "replace", "mkdir", "open", "unlink"):
    setattr(os, name, delayed(getattr(os, name)))
os.path.exists = delayed(os.path.exists)
'''


class Project:
    """A folder with a config and the trainers, and the processes that work in it."""

    def __init__(self, folder, runs=None, config=None):
        self.folder = Path(folder)
        self.mark = uuid.uuid4().hex
        self.started = []
        self.ledger = self.folder / "ledger"
        self.variables = os.environ | {
            "PYTHONPATH": str(ROOT),
            "COLUMNS": "160",
            "LEDGER": str(self.ledger),
            "SURVIVAL_MARK": self.mark,
        }
        self.ledger.touch()
        (self.folder / "ledgers.py").write_text(TRAINER)
        if runs:
            config = f"x: [{', '.join(map(str, range(1, runs + 1)))}]\n"
        (self.folder / "c.yaml").write_text(config or "x: [1, 2]\n")

    def start(self, *arguments, script="hyper_main.py", before=(), **options):
        """Start an entry point, as a user would in a terminal of its own."""
        process = subprocess.Popen(
            [*before, sys.executable, *([str(ROOT / script)] if script else ["-m", "gridfold"]), *arguments],
            cwd=self.folder,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            **options,
        )
        self.started.append(process)
        return process

    def search(self, trainer, *arguments, prefix="s", **options):
        return self.start(
            *("--config", "c.yaml", "--run-prefix", prefix, "--trainer", f"ledgers:{trainer}", *arguments), **options
        )

    def call(self, *arguments, timeout=600, **options):
        process = self.start(*arguments, **options)
        return finish(process, timeout)

    def gridfold(self, *arguments, **options):
        return self.call(*arguments, script=None, **options)

    def processes(self):
        """The living processes that carry the mark, with their parents."""
        found = {}
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and f"SURVIVAL_MARK={self.mark}".encode() in (entry / "environ").read_bytes():
                    found[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        return found

    def wait_until_gone(self, seconds=GONE_SECONDS):
        """How long it took until no process was left."""
        start = time.monotonic()
        while left := self.processes():
            assert time.monotonic() - start < seconds, f"processes are left: {left}"
            time.sleep(0.01)
        return time.monotonic() - start

    def notes(self, what="start"):
        return [tuple(line.split()[1:]) for line in self.ledger.read_text().splitlines() if line.startswith(what)]

    def wait_for_notes(self, count, what="start", seconds=300):
        deadline = time.monotonic() + seconds
        while len(self.notes(what)) < count:
            assert time.monotonic() < deadline, "the runs do not start"
            time.sleep(0.01)

    def end(self):
        """Kill what is left."""
        for process in self.started:
            process.kill()
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for process in self.started:
            process.wait()
            process.stdout.close()
            process.stderr.close()

    def searches(self):
        return sorted(self.folder.glob("runs/*/search.json"))

    def records(self, search=""):
        """The records of all runs that have one that can be read; also checks that none is torn."""
        return {
            path.parent.name: json.loads(path.read_bytes()) for path in self.folder.glob(f"runs/{search}*_x_*/run.json")
        }

    def states(self):
        return Counter(record["state"] for record in self.records().values())

    def check_ledger(self, runs):
        """Each run is completed; its last attempt, and no later one, ran once to its end; no two at a time."""
        records = self.records()
        assert self.states() == {"completed": runs}
        lines = [line.split() for line in self.ledger.read_text().splitlines()]
        assert max(Counter(map(tuple, lines)).values()) == 1, "an attempt ran twice"
        for name, record in records.items():
            own = [(what, int(attempt)) for what, run, attempt in lines if run == name]
            assert own == sorted(own, key=lambda note: note[1]), f"attempts overlap: {name} {own}"
            assert own[-1] == ("end", record["attempt"]), f"{name} {own} ends otherwise than {record['attempt']}"


def wait_for(condition, seconds=300):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.005)


def finish(process, timeout=600):
    try:
        stdout, stderr = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


@pytest.fixture
def place(tmp_path):
    """Makes a project; kills what is left of it in the end."""
    made = []

    def make(runs=None, folder=tmp_path, **options):
        made.append(Project(folder, runs, **options))
        return made[-1]

    yield make
    for project in made:
        project.end()


# SIGKILL at any moment


class Killer:
    """Runs searches, and kills some of what runs at random moments."""

    def __init__(self, project, seed):
        self.project = project
        self.random = random.Random(seed)
        self.killed = Counter()
        self.slowest = 0.0
        self.completed = {}
        self.round = 0
        self.process = None

    def survive(self, runs, kills):
        """Searches of so many runs each, until there were so many kills; then each to its end."""
        while sum(self.killed.values()) < kills:
            self._start(fresh=True)
            while sum(self.killed.values()) < kills and not self._is_done():
                self._strike()
            self._finish()
        self.project.check_ledger(runs * self.round)

    def _start(self, *, fresh=False):
        prefix = f"round{self.round}"
        found = list(self.project.folder.glob(f"runs/{prefix}_*/search.json"))
        if fresh:
            self.round += 1
            prefix = f"round{self.round}"
        if found and not fresh:
            self.process = self.project.start("--resume", "last", "--quiet")
        else:
            for stray in self.project.folder.glob(f"runs/{prefix}_*"):
                assert not any(stray.glob("run.json")), "a search that was not begun has runs"
            self.process = self.project.search("short", "--parallel", "4", "--retries", "9", "--quiet", prefix=prefix)

    def _is_done(self):
        if self.process.poll() is None:
            return False
        done = self.project.states()["completed"] == len(list(self.project.folder.glob("runs/*_x_*")))
        return done and self.process.returncode == 0

    def _strike(self):
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(self.random.choice([0.1, 0.4, 0.7]) * self.random.uniform(0.2, 1.4))
        if self.process.poll() is None:
            self._kill(self.random.choice(["search", "server", "run", "everything"]))
        if self.process.poll() is not None and not self._is_done():
            self._see_the_end()
            self._start()

    def _kill(self, what):
        processes = self.project.processes()
        search = self.process.pid
        servers = [pid for pid, parent in processes.items() if parent == search]
        runs = [pid for pid, parent in processes.items() if parent in servers]
        targets = {
            "search": [search],
            "server": servers[:1],
            "run": [self.random.choice(runs)] if runs else [],
            "everything": self.random.sample([search, *processes], len(processes) + 1),
        }[what]
        for pid in targets:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.killed[what] += bool(targets)
        if what in ("search", "everything"):
            self.process.wait()

    def _see_the_end(self):
        stdout, stderr = self.process.communicate()
        assert self.process.returncode in (-signal.SIGKILL, 0, 1), (self.process.returncode, stdout, stderr)
        self._check_stderr(stderr)
        self.slowest = max(self.slowest, self.project.wait_until_gone())
        self._check_completed()

    def _check_stderr(self, stderr):
        assert "Traceback" not in stderr, stderr

    def _check_completed(self):
        """What is completed once stays so, and is not run again."""
        records = self.project.records()
        now = {name: record["attempt"] for name, record in records.items() if record["state"] == "completed"}
        assert now | self.completed == now
        assert not {name for name in now if (name, str(now[name] + 1)) in self.project.notes()}
        self.completed = now

    def _finish(self):
        for _ in range(3):  # an import server that was killed last leaves failures, which the next resume takes up
            result = finish(self.process)
            self._check_stderr(result.stderr)
            self._check_completed()
            if result.returncode == 0 and self._is_done():
                return
            self._start()
        raise AssertionError(f"does not end: {result}")


def test_kills(place):
    Killer(place(60), seed=1).survive(runs=60, kills=8)


@pytest.mark.parametrize("trainer", ["long", "parent", "holds_the_lock", "deaf"])
def test_nothing_outlives_a_killed_search(place, trainer):
    project = place(4)
    search = project.search(trainer, "--parallel", "4")
    project.wait_for_notes(4)
    search.kill()
    search.wait()
    project.wait_until_gone()
    assert "4 lost" in project.gridfold("status").stdout
    assert project.gridfold("results").stdout.count("lost") == 4


def test_no_command_outlives_a_killed_search(place):
    project = place(4)
    sleeps = ["--", "sh", "-c", 'echo "start {run_dir} 1" >> "$LEDGER"; sleep 3000 & sleep 3000']
    search = project.start("--config", "c.yaml", "--parallel", "4", *sleeps)
    project.wait_for_notes(4)
    assert len(project.processes()) >= 2 + 4 * 3
    search.kill()
    search.wait()
    project.wait_until_gone()


def kill_one_after_another(project, search):
    """The import server first, so that nobody sees the end of the runs, and the search last."""
    processes = project.processes()
    (server,) = [pid for pid, parent in processes.items() if parent == search.pid]
    runs = [pid for pid, parent in processes.items() if parent == server]
    for pid in (server, *runs, search.pid):
        with contextlib.suppress(ProcessLookupError):  # whoever sees the end of the import server ends its runs, too
            os.kill(pid, signal.SIGKILL)
    search.wait()


def test_no_command_is_left_when_all_are_killed_one_after_another(place):
    project = place(4)
    sleeps = ["--", "sh", "-c", 'echo "start {run_dir} 1" >> "$LEDGER"; sleep 3000 & sleep 3000']
    search = project.start("--config", "c.yaml", "--parallel", "4", *sleeps)
    project.wait_for_notes(4)
    kill_one_after_another(project, search)
    project.wait_until_gone()


def test_what_a_function_has_started_is_gone_at_the_latest_when_the_search_goes_on(place):
    project = place(4)
    search = project.search("parent", "--parallel", "4")
    project.wait_for_notes(4)
    kill_one_after_another(project, search)
    left = set(project.processes())
    again = project.start("--resume", "last", "--parallel", "4")
    project.wait_for_notes(8)
    assert not left & set(project.processes())
    again.kill()
    again.wait()
    project.wait_until_gone()


def test_a_killed_import_server_is_replaced(place):
    project = place(30)
    search = project.search("short", "--parallel", "2", "--retries", "2")
    project.wait_for_notes(6)
    (server,) = [pid for pid, parent in project.processes().items() if parent == search.pid]
    os.kill(server, signal.SIGKILL)
    assert finish(search).returncode == 0
    project.check_ledger(30)


def test_a_run_that_is_killed_is_tried_again(place):
    project = place(3)
    assert finish(project.search("killed_first")).returncode == 1
    record = project.records()[min(project.records())]
    assert (record["state"], record["attempt"], record["error"]["signal"]) == ("failed", 1, "SIGKILL")
    assert finish(project.search("killed_first", "--retries", "1", prefix="t")).returncode == 0
    assert {record["attempt"] for record in project.records("t_").values()} == {1, 2}


def test_a_result_is_not_overwritten_by_who_comes_late(place):
    """The search is stopped while its run is killed; another process takes over and completes the run."""
    project = place(2)
    late = project.search("hangs_first", "--parallel", "2")
    project.wait_for_notes(2)
    os.kill(late.pid, signal.SIGSTOP)
    pids = [record["pid"] for record in project.records().values()]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 300
    while set(pids) & set(project.processes()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert project.call("--resume", "last").returncode == 0
    assert project.states() == {"completed": 2}
    os.kill(late.pid, signal.SIGCONT)
    finish(late)
    assert project.states() == {"completed": 2}


def test_processes_of_others_are_left_alone(place):
    """A claim of another boot: its number belongs to a group of others now, whose leader has ended."""
    project = place(2)
    finish(project.search("at_once", "--no-execute"))
    leader = subprocess.Popen(["sh", "-c", "sleep 3000 & echo $!"], stdout=subprocess.PIPE, start_new_session=True)
    other = int(leader.stdout.readline())
    leader.stdout.close()
    leader.wait()
    claim = {"host": socket.gethostname(), "pid": leader.pid, "start": "another boot/1", "process": "another boot/1"}
    (run,) = project.folder.glob("runs/*_x_1")
    (run / ".claim-1").write_text(json.dumps(claim))
    try:
        assert project.call("--resume", "last").returncode == 0
        assert Path(f"/proc/{other}/stat").read_text().rpartition(")")[2].split()[0] == "S", "it was killed"
    finally:
        os.kill(other, signal.SIGKILL)


# Several processes on one search


def share(project, count, runs, timeout=600):
    finish(project.search("at_once", "--no-execute"))
    together = [project.start("resume", "last", "--parallel", "2", "--quiet", script=None) for _ in range(count)]
    for process in together:
        result = finish(process, timeout)
        assert (result.returncode, result.stderr) == (0, "")
    project.check_ledger(runs)
    assert {record["attempt"] for record in project.records().values()} == {1}


def test_four_processes_share_a_search(place):
    share(place(120), 4, 120)


def test_four_processes_share_a_search_on_a_slow_disk(place):
    project = place(24)
    (project.folder / "sitecustomize.py").write_text(DELAYS)
    project.variables |= {"PYTHONPATH": f"{project.folder}:{ROOT}", "DELAYED": "1"}
    share(project, 4, 24)


def test_a_run_that_ends_while_it_is_looked_at_is_not_run_again(place):
    """Between reading its record and asking for its owner, the run completes."""
    project = place(2)
    (project.folder / "sitecustomize.py").write_text(
        "import os, time\nexists = os.path.exists\n"
        "def late(path):\n    if '.claim-' in str(path):\n        time.sleep(0.5)\n    return exists(path)\n"
        "if os.environ.get('LATE'):\n    os.path.exists = late\n"
    )
    project.variables |= {"PYTHONPATH": f"{project.folder}:{ROOT}"}
    finish(project.search("short", "--no-execute"))
    project.variables["LATE"] = "1"
    late = project.start("--resume", "last")
    time.sleep(0.5)
    del project.variables["LATE"]
    assert project.call("--resume", "last").returncode == 0
    assert finish(late).returncode == 0
    project.check_ledger(2)
    assert {attempt for _, attempt in project.notes()} == {"1"}


def in_a_container(project, *arguments):
    """Processes have numbers of their own there, as in a container; the host's name is the same."""
    return project.start(*arguments, before=["unshare", "-fp", "--mount-proc", "--kill-child"])


def test_a_living_run_of_another_container_is_respected(place):
    project = place(2)
    if subprocess.run(["unshare", "-fp", "--mount-proc", "true"], check=False, capture_output=True).returncode:
        pytest.skip("unshare is not allowed")
    first = in_a_container(project, "--config", "c.yaml", "--trainer", "ledgers:long", "--parallel", "2")
    project.wait_for_notes(2)
    second = in_a_container(project, "--resume", "last", "--parallel", "2")
    with contextlib.suppress(subprocess.TimeoutExpired):
        second.wait(3)
    started = Counter(project.notes())
    first.kill()
    second.kill()
    assert {attempt for _, attempt in started} == {"1"}


def test_who_starts_a_container_again_is_told_what_to_do(place):
    """The runs of the container before cannot be seen, and have ended with it."""
    project = place(2)
    if subprocess.run(["unshare", "-fp", "--mount-proc", "true"], check=False, capture_output=True).returncode:
        pytest.skip("unshare is not allowed")
    first = in_a_container(project, "--config", "c.yaml", "--trainer", "ledgers:hangs_first", "--parallel", "2")
    project.wait_for_notes(2)
    for pid in project.processes():
        with contextlib.suppress(ProcessLookupError):  # one may end with another
            os.kill(pid, signal.SIGKILL)
    finish(first)
    project.wait_until_gone()
    said = finish(in_a_container(project, "--resume", "last"))
    assert project.states() == {"completed": 2} or f"--gone {socket.gethostname()}" in said.stdout


# Faults


@pytest.fixture
def disk(tmp_path):
    """A small disk."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=500k", "survival", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting is not allowed")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_stops_the_search(place, disk):
    project = place(40, folder=disk)
    project.ledger = disk.parent / "ledger"
    project.ledger.touch()
    project.variables["LEDGER"] = str(project.ledger)
    result = finish(project.search("writes", "--parallel", "2"))
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert result.stderr.count("No space left") == 1, result.stderr
    done = {name for name, record in project.records().items() if record["state"] == "completed"}
    assert 0 < len(done) < 40
    for weights in disk.glob("runs/*/weights"):
        weights.unlink()
    subprocess.run(["mount", "-o", "remount,size=4m", str(disk)], check=True)
    assert project.call("--resume", "last").returncode == 0
    assert project.states() == {"completed": 40}
    ran = Counter(name for name, _ in project.notes("end"))
    assert all(ran[name] == 1 for name in done), "what was completed ran again"


def test_a_config_that_does_not_fit_the_disk_is_not_cut_short(place):
    """The write that hits a limit writes as much as fits, and says so by its result only."""
    long = "\n".join(f"    k{number}: {'v' * 60}" for number in range(60))
    project = place(config=f"x: [1, 2]\ny: {{a: [1, 2]}}\nz:\n{long}\nlast: 1\n")
    for limit in range(1, 12):
        result = project.call(
            *("--config", "c.yaml", "--trainer", "ledgers:at_once", "--run-prefix", f"w{limit}", "--no-execute"),
            before=["sh", "-c", f'ulimit -f {limit}; exec "$@"', "sh"],
        )
        assert "Traceback" not in result.stderr
        for path in project.folder.glob(f"runs/w{limit}_*_x_*/config.yaml"):
            assert "last: 1\n" in path.read_text(), f"cut short at {path.stat().st_size} bytes: {result}"
        for path in project.folder.glob(f"runs/w{limit}_*/search.json"):
            json.loads(path.read_text())


def test_a_run_directory_that_cannot_be_written_fails_its_run_only(place):
    project = place(3)
    finish(project.search("at_once", "--no-execute"))
    (run,) = project.folder.glob("runs/*_x_2")
    if subprocess.run(["mount", "--bind", str(run), str(run)], check=False, capture_output=True).returncode:
        pytest.skip("mounting is not allowed")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(run)], check=True)
        result = project.call("--resume", "last")
        assert result.returncode == 1
        assert "Traceback" not in result.stderr
        assert project.states() == {"completed": 2}
    finally:
        subprocess.run(["umount", str(run)], check=True)
    assert project.call("--resume", "last").returncode == 0
    assert project.states() == {"completed": 3}


def test_a_clock_that_went_back(place):
    project = place(4)
    (project.folder / "sitecustomize.py").write_text(
        "import os, time, datetime\nif os.environ.get('BACK'):\n"
        "    now, real = time.time, datetime.datetime\n    time.time = lambda: now() - 3600\n"
        "    class Back(real):\n        @classmethod\n        def now(cls, tz=None):\n"
        "            return real.now(tz) - datetime.timedelta(hours=1)\n"
        "    datetime.datetime = Back\n"
    )
    project.variables["PYTHONPATH"] = f"{project.folder}:{ROOT}"
    search = project.search("hangs_first", "--parallel", "2")
    project.wait_for_notes(2)
    project.variables["BACK"] = "1"
    assert "2 running" in project.gridfold("status").stdout
    others = project.start("--resume", "last", "--parallel", "2")
    project.wait_for_notes(4)
    assert Counter(project.notes()).most_common(1)[0][1] == 1
    assert {attempt for _, attempt in project.notes()} == {"1"}
    for process in (search, others):
        process.kill()
        process.wait()
    project.wait_until_gone()
    assert "4 lost" in project.gridfold("status").stdout
    assert project.call("--resume", "last").returncode == 0
    assert {record["attempt"] for record in project.records().values()} == {2}


def test_a_deaf_run_is_killed_after_its_time(place):
    project = place(2)
    (project.folder / "sitecustomize.py").write_text(
        "import sys\nif sys.argv[0].endswith('hyper_main.py'):\n"
        "    from gridfold.executors.local.executor import LocalExecutor\n"
        "    begin = LocalExecutor.__init__\n"
        "    LocalExecutor.__init__ = lambda self, *given, **named: begin(self, *given, **{'grace': 1.0, **named})\n"
    )
    project.variables["PYTHONPATH"] = f"{project.folder}:{ROOT}"
    start = time.monotonic()
    assert finish(project.search("deaf", "--timeout", "1s", "--parallel", "2")).returncode == 1
    assert time.monotonic() - start < 60
    assert {record["error"]["type"] for record in project.records().values()} == {"Timeout"}
    project.wait_until_gone()


@pytest.mark.parametrize("trainer", ["interrupts_itself", "exits_75"])
def test_a_search_with_runs_that_are_not_completed_does_not_say_all_is_well(place, trainer):
    project = place(2)
    assert finish(project.search(trainer)).returncode != 0


DEEP = '{"state": "completed", "a": ' + "[" * 100_000 + "]" * 100_000 + "}"
JUNK = {
    "empty": "",
    "binary": "\x00\x01\x80" * 50,
    "torn": '{"index": 0, "run',
    "deep": DEEP,
    "list": "[]",
    "no fields": "{}",
    "directory": None,
}
RUN_FILES = ("run.json", "progress.json", "metrics.jsonl", ".claim-1")
SEARCH_FILES = ("search.json", "runs.jsonl")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A search that is done."""
    project = Project(tmp_path_factory.mktemp("finished"), 2)
    assert finish(project.search("at_once")).returncode == 0
    yield project
    project.end()


def put(path, content):
    path.unlink(missing_ok=True)
    if content is None:
        path.mkdir()
    else:
        path.write_text(content)


def damaged(finished, place, folder, name, content):
    """A copy of the search in which every file of that name holds something else."""
    shutil.copytree(finished.folder, folder, dirs_exist_ok=True)
    for path in folder.glob("runs/*_x_*" if name in RUN_FILES else "runs/s_*[0-9]"):
        if ("_x_" in path.name) == (name in RUN_FILES):
            put(path / name, content)
    return place(2, folder=folder)


@pytest.mark.parametrize("name", RUN_FILES)
def test_a_damaged_file_of_a_run_stops_nobody(finished, place, tmp_path, name):
    for kind, content in JUNK.items():
        project = damaged(finished, place, tmp_path / kind, name, content)
        for said in (project.gridfold("status"), project.call("--resume", "last")):
            assert "Traceback" not in said.stderr + said.stdout, (name, kind, said.stderr)
            assert said.returncode == 0 or content is None, (name, kind, said)
        again = name == "run.json" and content is not None
        assert len(project.notes("end")) == 2 + 2 * again, f"{name} {kind}: {project.notes('end')}"


RECORDS = {
    "attempt beyond all bounds": {"state": "failed", "attempt": 70_000},
    "negative attempt": {"state": "failed", "attempt": -5},
    "infinite time": {"seconds": float("inf")},
    "no time": {"seconds": float("nan")},
    "error of numbers": {"state": "failed", "error": {"type": 1, "message": 2}},
    "error without an error": {"state": "failed", "error": None},
    "huge metric": {"metrics": {"acc": 10**400}},
    "no number": {"metrics": {"acc": float("nan")}},
    "lists": {"state": ["completed"], "reused": [], "notes": 3, "trainer": {}},
    "half a character": {"metrics": {"\ud800": 1.0}},
}


@pytest.mark.parametrize("kind", RECORDS)
def test_a_record_of_wrong_values_stops_nobody(finished, place, tmp_path, kind):
    shutil.copytree(finished.folder, tmp_path, dirs_exist_ok=True)
    project = place(2)
    for path in project.folder.glob("runs/*_x_1/run.json"):
        path.write_text(json.dumps(json.loads(path.read_text()) | RECORDS[kind]))
    for said in (project.gridfold("status"), project.call("--resume", "last")):
        assert "Traceback" not in said.stderr + said.stdout, said.stderr
        assert said.returncode == 0, said


@pytest.mark.parametrize("name", SEARCH_FILES)
def test_a_damaged_search_does_not_stop_others(finished, place, tmp_path, name):
    for kind in ("empty", "torn", "deep", "directory"):
        project = damaged(finished, place, tmp_path / kind, name, JUNK[kind])
        (old,) = project.folder.glob("runs/s_*[0-9]/base.yaml")
        for said in (
            project.gridfold("status", old.parent.name),
            project.gridfold("resume", old.parent.name),
            project.gridfold("logs", f"{old.parent.name}:0"),
            finish(project.search("at_once", prefix="t")),
        ):
            assert "Traceback" not in said.stderr + said.stdout, (name, kind, said.args, said.stderr[-500:])
        assert said.returncode == 0


@pytest.mark.parametrize("missing", ["creator", "started", "trainer", "seed"])
def test_a_search_that_says_too_little_is_an_error(finished, place, tmp_path, missing):
    shutil.copytree(finished.folder, tmp_path, dirs_exist_ok=True)
    project = place(2)
    (search,) = project.searches()
    search.write_text(
        json.dumps({name: value for name, value in json.loads(search.read_text()).items() if name != missing})
    )
    for path in project.folder.glob("runs/*_x_1/run.json"):
        path.unlink()
    if missing == "creator":
        (search.parent / "runs.jsonl").unlink()
    for said in (project.gridfold("status"), project.call("--resume", "last")):
        assert "Traceback" not in said.stderr + said.stdout, said.stderr


# Trainers that cannot be imported


def test_an_import_server_that_is_killed_again_and_again_is_a_message(place):
    project = place(2)
    (project.folder / "killed.py").write_text("import os\nos.kill(os.getpid(), 9)\ndef train(config): return 1")
    said = finish(project.start("--config", "c.yaml", "--trainer", "killed:train"))
    assert said.returncode == 1
    assert "the process that imports the trainer was killed (SIGKILL)" in said.stderr
    assert "Traceback" not in said.stderr


@pytest.mark.parametrize(
    "code",
    [
        "x = (",
        "raise ValueError('no')",
        "raise BaseException('no')",
        "import os; os._exit(3)",
        "import os; os.kill(os.getpid(), 11)",
    ],
)
def test_a_trainer_that_cannot_be_imported_is_a_message(place, code):
    project = place(2)
    (project.folder / "bad.py").write_text(code)
    said = project.call("--config", "c.yaml", "--trainer", "bad:train")
    assert said.returncode in (1, 2)
    assert "gridfold/__main__.py" not in said.stderr
    assert "the process that imported the trainer died" not in said.stderr
    assert not project.searches()


# Hostile input

HOSTILE = [
    "../evil",
    "/tmp/evil",
    "a\nb\"'c",
    "$(touch evil)`touch evil`; touch evil",
    "x" * 10_000,
    "..",
    "-rf",
    "\udcff\x1b[31m[red]",
    "",
]


def everything(folder):
    """What is below a folder, but for what is below its ``a/runs``."""
    own = {"__pycache__", "runs"}
    return {path for path in folder.rglob("*") if not own & set(path.relative_to(folder).parts[:-1])} - {
        folder / "a" / "__pycache__"
    }


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_stays_text(place, tmp_path, text):
    (tmp_path / "a").mkdir()
    project = place(2, folder=tmp_path / "a")
    before = everything(tmp_path) | {project.folder / "runs"}
    yaml = json.dumps(text.encode("utf-8", "replace").decode())
    (project.folder / "hostile.yaml").write_text(f"x: [1, {yaml}]\n{yaml}: [1, 2]\n")
    (project.folder / "echo.yaml").write_text(f"x: [1, 2]\nv: [1, {yaml}]\n")
    before |= {project.folder / "hostile.yaml", project.folder / "echo.yaml"}
    at_once = ("--trainer", "ledgers:at_once")
    echo = ("--", "sh", "-c", 'echo \'{"acc": 1}\' "$1"; echo \'{"acc": 1}\'', "sh", "{v}")
    for arguments in (
        ["--config", "c.yaml", "--run-prefix", text, *at_once],
        ["--config", "hostile.yaml", "--no-execute"],
        ["--config", "c.yaml", "--param-variations", f"x={text}", f"+{text}=1,2", "--no-execute"],
        ["--config", "c.yaml", "--trainer", text],
        ["--config", text],
        ["--config", "echo.yaml", *echo],
        ["--config", "echo.yaml", "--", text],
        ["--resume", text],
    ):
        said = project.call(*arguments)
        assert "Traceback" not in said.stderr + said.stdout, (arguments, said.stderr[-300:])
        assert said.returncode in (0, 1, 2)
    for command in ("status", "logs", "reproduce"):
        said = project.gridfold(command, text)
        assert "Traceback" not in said.stderr + said.stdout, said.stderr[-300:]
        assert said.returncode == 2 or text.startswith("-")
    assert everything(tmp_path) - {project.folder / "ledger"} == before - {project.folder / "ledger"}
    assert all(
        path.is_dir() and len(path.relative_to(project.folder).parts) == 2 for path in project.folder.glob("runs/*")
    )


# Interrupts


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_runs_clean_up_when_they_are_interrupted_once(place, number):
    project = place(2)
    shutil.copy(ROOT / "hyper_main.py", project.folder)
    search = project.search("cleans_up", "--parallel", "2")
    project.wait_for_notes(2)
    search.send_signal(number)
    result = finish(search)
    assert result.returncode == 130
    assert len(list(project.folder.glob("runs/*/clean"))) == 2
    assert project.states() == {"interrupted": 2}
    project.wait_until_gone()
    to_continue = re.search("^To continue: (.*)$", result.stderr, re.MULTILINE)[1]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    again = subprocess.run(
        to_continue, shell=True, cwd=project.folder, env=project.variables | {"PATH": path}, check=False, timeout=600
    )
    assert again.returncode == 0
    assert project.states() == {"completed": 2}


@pytest.mark.parametrize("trainer", ["cleans_up_for_long", "deaf"])
def test_runs_are_gone_at_once_when_they_are_interrupted_twice(place, trainer):
    project = place(2)
    search = project.search(trainer, "--parallel", "2")
    project.wait_for_notes(2)
    for _ in range(2):
        search.send_signal(signal.SIGINT)
        time.sleep(0.2)
    start = time.monotonic()
    result = finish(search)
    assert result.returncode == 130
    assert "Traceback" not in result.stderr
    assert time.monotonic() - start < 25  # as against 300 of cleaning, and 30 of grace
    assert not list(project.folder.glob("runs/*/clean"))
    project.wait_until_gone()
    assert finish(project.search("at_once", prefix="t")).returncode == 0


@pytest.mark.parametrize("seed", range(3))
def test_the_table_in_the_end_and_the_status_say_the_same(place, seed):
    """Whatever was killed, in whatever moment the search was stopped."""
    project, draw = place(config="bit_0: [0, 1]\nbit_1: [0, 1]\nbit_2: [0, 1]\n"), random.Random(seed)
    search = project.search("splits", "--parallel", "2", *draw.choice([(), ("--budget", "1"), ("--fail-fast",)]))
    wait_for(lambda: list(project.folder.glob("runs/*/sharing.jsonl")))
    time.sleep(draw.uniform(0, 0.5))
    if found := [pid for pid in project.processes() if pid != search.pid]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(draw.choice(found), signal.SIGKILL)
    time.sleep(draw.uniform(0, 0.5))
    search.send_signal(signal.SIGINT)
    said, status = finish(search).stdout, project.gridfold("status").stdout
    shown = Counter(re.findall(r"│ (\w+) +│[^│]*│$", said, re.MULTILINE))
    assert sum(shown.values()) == 8
    assert shown == {state: int(count) for count, state in re.findall(r"(\d+) ([a-z]+)(?:,|$)", status.splitlines()[0])}
    assert "running" not in shown


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--kills", type=int, default=30)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="survival-") as folder:
        killer = Killer(Project(folder, options.runs), options.seed)
        start = time.monotonic()
        try:
            killer.survive(options.runs, options.kills)
        except AssertionError:
            shutil.copytree(folder, f"/tmp/survival-failed-{options.seed}", dirs_exist_ok=True)
            raise
        finally:
            print(  # noqa: T201
                f"seed {options.seed}: {killer.round} searches of {options.runs} runs, killed {dict(killer.killed)}, "
                f"{len(killer.project.notes())} attempts, {len(killer.completed)} completed, "
                f"gone after {killer.slowest:.2f} s at most, "
                f"{time.monotonic() - start:.0f} s"
            )


if __name__ == "__main__":
    main()
