"""Shared: the entry points run as users run them, in a folder of their own."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from loky import cpu_count

from gridfold.cli import main
from gridfold.core.process import liveness
from gridfold.runs.record import Record
from gridfold.runs.run import Attempt, Run, write_config

# How long an example takes says nothing on a busy machine. CI draws the same examples every time.
settings.register_profile("local", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("local"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as under `nohup … &`: what tests start would not hear Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).parent.parent
os.environ["PYTHONDONTWRITEBYTECODE"] = "1"  # no run finds in its folder what one before has compiled
os.environ["GRIDFOLD_REPORT"] = "0"  # else each of many searches would take some seconds more in the end

# Files that take longest, the longest first: they are begun first, for what is begun last should not last.
LONG = (
    "test_documented.py",
    "test_benchmarks.py",
    "test_survival.py",
    "text/test_shared_runs.py",
    "text/test_answer.py",
    "cli/test_run.py",
    "text/test_interruption.py",
    "text/test_memory.py",
    "text/test_layers.py",
    "search/test_verify.py",
    "test_fidelity.py",
)


def pytest_collection_modifyitems(items):
    """Put the files that take longest first."""
    places = {ROOT / "tests" / name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path, len(LONG)))


def pytest_xdist_auto_num_workers():
    """One process more than there are cores: tests wait, too, for what they have started."""
    return cpu_count() + 1


TRAINER = '''
"""A trainer for tests: no imports, no wait."""

import os, signal, sys, time


def train(config, run):
    for epoch in (1, 2):
        run.report(epoch=epoch, val_f1=0.4 + epoch / 10)
        run.progress(epoch=epoch, epochs=2, step=epoch, steps=2, loss=1 / epoch)
    print("trained", run.dir.name, run.seed)
    what = config.get("what", "finish")
    if what == "raise":
        raise ValueError("this one fails\\nfor a reason")
    if what == "exit":
        sys.exit(3)
    if what == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    if what == "sleep":
        time.sleep(3000)
    if what == "nap":
        time.sleep(0.5)
    if what == "hang":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(3000)
    return {"val_f1": config.get("lr", 0.5), "val_loss": 0.1}


def number(config):
    return config.get("lr", 0.5)


def nonsense(config):
    return "good"
'''


ENGINE = """
import os
from pathlib import Path
from gridfold.engines.protocol import Limit


def spent():
    return float(Path("spent").read_text()) if Path("spent").exists() else 0.0


class Jobs:
    def here(self):
        return os.environ.get("JOB", "")

    def life(self, job):
        return Path("jobs", job).read_text()


class Job:
    kill_seconds = 30.0

    def limit(self):
        return Limit(100.0, 100.0 - spent())

    def cause(self):
        return Path("cause").read_text()

    def follow(self, folder):
        with Path("followed").open("a") as file:
            file.write(f"{folder}\\n")
        return "8"


jobs = Jobs()
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project: the working directory, with a trainer module in it."""
    (tmp_path / "toy.py").write_text(TRAINER)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def command(project):
    """Runs an entry point in the project, as a user would: ``command("hyper_main.py", "--no-execute")``."""

    def run(script, *arguments, **options):
        return subprocess.run(
            [sys.executable, str(ROOT / script), *arguments],
            cwd=project,
            env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error", "COLUMNS": "160"},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
            **options,
        )

    return run


@pytest.fixture
def write(project):
    """Writes a file of the project and gives its path relative to it."""

    def to_file(name, text):
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return name

    return to_file


@pytest.fixture
def jobs(project, write, monkeypatch):
    """An engine ``jobs``, whose package is installed.

    Its jobs are files that say whether they live. That of this process may take 100 seconds, of which as many have
    passed as the file ``spent`` says.
    """
    write("jobs.py", ENGINE)
    write("jobs-1.dist-info/METADATA", "Name: jobs\nVersion: 1\n")
    points = "[gridfold.liveness]\njobs = jobs:jobs\n[gridfold.jobs]\njobs = jobs:Job\n"
    write("jobs-1.dist-info/entry_points.txt", points)
    monkeypatch.syspath_prepend(project)
    monkeypatch.setenv("JOB", "7")
    liveness._liveness.cache_clear()
    sys.modules.pop("jobs", None)
    return lambda life: write("jobs/7", life)


@pytest.fixture
def gridfold(project, capsys):
    """Runs a command in this process; gives its exit code and what it printed."""

    def run(*arguments):
        capsys.readouterr()
        code = main(arguments)
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


@pytest.fixture
def submit(project):
    """Attempts at new runs of the trainer `TRAINER`, each made when it is asked for."""

    def make(*whats, trainer="toy:train", attempt=1):
        for index, what in enumerate(whats):
            (project / f"run{index}").mkdir()
            write_config(str(project / f"run{index}"), f"what: {what}\nlr: {index}\n")
            record = Record(f"{index}", index, "search", {"what": what}, trainer, attempt=attempt)
            yield Attempt(Run(project / f"run{index}"), record)

    return make


@pytest.fixture(autouse=True)
def hears_of_no_other_test(monkeypatch):
    """A trainer that a test calls in its own process is not told where earlier tests were and what they wrote."""
    reads = sys.modules.get("gridfold.identity.reads")
    current = getattr(reads, "_current", None)
    if current is not None:
        current.noted.clear()
        monkeypatch.setattr(reads, "origin", os.getcwd)
        current.since = current.own_since = time.time_ns()
