"""A script that starts warm sees, says and does what it would in a process of its own."""

import inspect
import re
import shutil
import sys
from pathlib import Path

import pytest

from gridfold.core.process.interrupt import Interrupt
from gridfold.executors.local.executor import LocalExecutor
from gridfold.runs.record import Record
from gridfold.runs.run import Attempt, Run, write_config
from gridfold.trainers.warm.script import why_cold
from tests.executors.contract import Watched
from tests.trainers import warm_cases

CASES = [
    name.removeprefix("of_") for name, _ in inspect.getmembers(warm_cases, inspect.isfunction) if name[:3] == "of_"
]
WORDS = [*(case for case in CASES if case != "exit"), *(f"exit {code}" for code in (0, 3, 256, -1, 1000))]
MODES = ("cold", "alone", "together")
"""
cold: each a process of Python; alone: forks of the import server; together: of a process that runs the script for all.
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("PYTHONUNBUFFERED", "GRIDFOLD_STAGES"):
        monkeypatch.delenv(name, raising=False)
    shutil.copy(warm_cases.__file__, tmp_path / "warm_cases.py")
    (tmp_path / "helper.py").write_text("NAME = __name__\n")
    (tmp_path / "data.txt").write_text("some data")
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / "file").touch()
    return tmp_path


def execute(project, mode, command, words):
    """Execute a command once for each of some words: by these, what came of it, as far as it does not differ anyway."""
    (project / mode).mkdir(exist_ok=True)
    attempts = [attempt(project / mode, index, command, word) for index, word in enumerate(words)]
    one_by_one = (each for attempt in attempts for each in (attempt, None))
    with LocalExecutor(2, share=False if mode == "cold" else None, grace=5) as executor:
        source = iter(attempts) if mode == "together" else one_by_one
        ended = {each.record.index: record for each, record in executor.execute(source, Watched(), Interrupt())}
    return {word: came_of(project, mode, attempts[index].run, ended[index]) for index, word in enumerate(words)}


def attempt(folder, index, command, word):
    run = Run(folder / f"run{index}", 0, index)
    run.dir.mkdir()
    write_config(str(run.dir), f"word: {word!r}\n")
    return Attempt(run, Record(f"{index:016x}", index, None, {}, [sys.executable, *command], seed=0, threads=1))


def came_of(project, mode, run, record):
    files = {file.name: file.read_text() for file in run.dir.glob("*.txt")}
    told = {name: str(getattr(record, name)) for name in ("state", "metrics", "inputs", "notes")}
    told["error"] = str({name: text for name, text in (record.error or {}).items() if name != "traceback"})
    return {name: neutral(text, project, mode) for name, text in (files | told).items()}


def neutral(text, project, mode):
    text = text.replace(f"{project}/{mode}/", "RUNS/")
    text = re.sub(r"0x[0-9a-f]+", "0x", text)
    return re.sub(r"(?m)^Aborted.*\n|MainThread, started \d+", "", text)


@pytest.fixture(scope="module")
def came(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        folder = project.__wrapped__(tmp_path_factory.mktemp("project"), patch)
        # Case and, maybe, number are two arguments.
        return {mode: execute(folder, mode, ["warm_cases.py", "{word}"], WORDS) for mode in MODES}


@pytest.mark.parametrize("mode", MODES[1:])
@pytest.mark.parametrize("word", WORDS)
def test_a_script_sees_and_does_what_it_would_alone(came, mode, word):
    assert came[mode][word] == came["cold"][word]
