"""A script that starts warm sees, says and does what it would in a process of its own."""

import inspect
import re
import shutil
import sys
from dataclasses import replace

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


WAYS = {
    "module": ["-m", "warm_cases"],
    "package": ["-m", "package"],
    "module of a package": ["-m", "package.inner.part"],
    "unbuffered": ["-u", "warm_cases.py"],
    "path": ["./beside/../warm_cases.py"],
    "link": ["link.py"],
    "syntax": ["broken.py"],
    "latin": ["latin.py"],
    "fails": ["-m", "package.fails"],
    "libraries": ["libraries.py"],
}


@pytest.mark.parametrize("mode", MODES[1:])
@pytest.mark.parametrize("way", WAYS)
def test_however_it_is_called(project, mode, way):
    (project / "beside" / "real.py").write_text("import sys\nprint(sys.path[0], __file__, sys.argv)\nimport other\n")
    (project / "beside" / "other.py").write_text("print(__name__)")
    (project / "link.py").symlink_to("beside/real.py")
    (project / "broken.py").write_text("import sys\nprint(1\n")
    (project / "latin.py").write_bytes(b"# coding: latin-1\nimport sys\nprint('\xe9', sys.argv)\n")
    (project / "libraries.py").write_text("import json, sys, helper, numpy, yaml\nprint(numpy.__version__, sys.argv)\n")
    (project / "package" / "inner").mkdir(parents=True)
    (project / "package" / "__init__.py").write_text("import sys\nprint(sys.argv[0])\n")
    (project / "package" / "inner" / "__init__.py").write_text("NAME = __name__\n")
    source = (
        "import sys\nfrom .inner import NAME\nprint(NAME, __name__, __spec__.name, __package__, __file__, sys.argv)\n"
    )
    (project / "package" / "__main__.py").write_text(source)
    (project / "package" / "fails.py").write_text(f"{source}sys.exit('no more')\n")
    (project / "package" / "inner" / "part.py").write_text(source.replace(".inner", "."))
    words = ["arguments", "streams", "error"]
    command = [*WAYS[way], "{word}"]
    assert execute(project, mode, command, words) == execute(project, "cold", command, words)


def install(project, monkeypatch, **modules):
    """Modules that are installed, as far as anybody can tell."""
    folder = project / "site-packages"
    folder.mkdir()
    for name, source in modules.items():
        (folder / f"{name}.py").write_text(source)
    monkeypatch.setenv("PYTHONPATH", str(folder))


def logs(project, mode, source, words=("a", "b")):
    (project / "script.py").write_text(source)
    return {word: came["log.txt"] for word, came in execute(project, mode, ["script.py", "{word}"], words).items()}


COUNTS = "import os\nwith open(os.path.expanduser('~/count'), 'a') as file:\n    file.write('.')\n"
STAYS_COLD = {
    "starts a thread": "import threading, time\nthreading.Thread(target=time.sleep, args=[60], daemon=True).start()\n",
    "reads what differs": "import os\nINDEX = os.environ.get('GRIDFOLD_INDEX')\n",
    "reads arguments": "import sys\nWORD = sys.argv[1]\n",
}


@pytest.mark.parametrize("mode", MODES[1:])
@pytest.mark.parametrize("what", STAYS_COLD)
def test_a_script_starts_cold_if_a_library_does_what_cannot_be_shared(project, monkeypatch, mode, what):
    source = "import sys, odd\nprint(getattr(odd, 'INDEX', ''), getattr(odd, 'WORD', ''), sys.argv)\n"
    install(project, monkeypatch, odd=STAYS_COLD[what])
    assert logs(project, mode, source) == logs(project, "cold", source)


@pytest.mark.parametrize("mode", MODES[1:])
def test_a_library_is_imported_once(project, monkeypatch, mode):
    install(project, monkeypatch, counted=COUNTS)
    monkeypatch.setenv("HOME", str(project))
    logs(project, mode, "import sys, counted\nprint(sys.argv)\n")
    assert (project / "count").read_text() == "."


@pytest.mark.parametrize("mode", MODES[1:])
def test_what_a_script_sets_before_an_import_is_seen_by_it(project, monkeypatch, mode):
    install(project, monkeypatch, sees="import os, sys, warnings\nSEEN = os.environ.get('SET'), 'json' in sys.argv\n")
    source = "import os, sys\nos.environ['SET'] = 'yes'\nsys.argv.append('json')\nimport sees\nprint(sees.SEEN)\n"
    assert logs(project, mode, source) == dict.fromkeys("ab", "('yes', True)\n")


@pytest.mark.parametrize("mode", MODES[1:])
def test_a_module_beside_the_script_comes_first(project, mode):
    (project / "json.py").write_text("NAME = 'mine'\n")
    (project / "yaml.py").write_text("NAME = 'mine, too'\n")
    source = "import sys, json, yaml\nprint(json.NAME, yaml.NAME, sys.argv)\n"
    assert logs(project, mode, source) == logs(project, "cold", source)


@pytest.mark.parametrize("mode", MODES)
def test_random_numbers_begin_at_random(project, mode):
    source = "import sys, random, numpy\nprint(sys.argv[1][:0], random.random(), numpy.random.rand())\n"
    draws = [number for log in logs(project, mode, source, "abc").values() for number in log.split()]
    assert len(set(draws)) == 6


@pytest.mark.parametrize("mode", MODES)
def test_metrics_are_those_that_are_printed_whenever_that_is(project, mode):
    (project / "script.py").write_text("import sys\nprint('{\"loss\": 0.5}')\nprint(sys.argv)\n")
    came = execute(project, mode, ["script.py", "{word}"], ["a", "b"])
    assert {each["metrics"] for each in came.values()} == {"{'loss': 0.5}"}


def test_a_program_that_runs_too_long_is_ended(project):
    (project / "script.py").write_text(
        "import sys, signal, time\nprint(sys.argv, flush=True)\n"
        "if sys.argv[1] == 'b': signal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(600)\n"
    )
    (project / "runs").mkdir()
    attempts = [attempt(project / "runs", index, ["script.py", "{word}"], word) for index, word in enumerate("ab")]
    with LocalExecutor(2, share=None, timeout=1, grace=1) as executor:
        ended = [record.error["type"] for _, record in executor.execute(iter(attempts), Watched(), Interrupt())]
    assert ended == ["Timeout", "Timeout"]


COLD = {
    "sh train.sh": "'sh' is not the Python that gridfold runs with",
    "torchrun train.py": "'torchrun' is not the Python that gridfold runs with",
    "PYTHON -c pass": "its code is in the command",
    "PYTHON -": "its code comes from the standard input",
    "PYTHON -W ignore train.py": "Python is given the option -W",
    "PYTHON {script}": "the config says what runs ('{script}')",
    "PYTHON beside": "'beside' is no script of Python",
    "PYTHON train.py": "",
    "PYTHON -u train.py {lr}": "",
    "PYTHON -m package": "",
}


@pytest.mark.parametrize("command", COLD)
def test_why_a_command_starts_cold(project, command):
    (project / "train.py").touch()
    assert why_cold([sys.executable if word == "PYTHON" else word for word in command.split()]) == COLD[command]


@pytest.mark.parametrize("mode", MODES)
def test_what_a_script_never_reads_is_no_trouble(project, mode):
    source = (
        "import argparse, sys\nparser = argparse.ArgumentParser()\nparser.add_argument('--one')\n"
        "parser.add_argument('--other')\nargs = parser.parse_args()\nprint(args.one, args.other is None)\n"
    )
    (project / "script.py").write_text(source)
    came = execute(project, mode, ["script.py", "--one", "{word}", "--other", "{word}"], ["a", "b"])
    assert {word: each["log.txt"] for word, each in came.items()} == {"a": "a False\n", "b": "b False\n"}


@pytest.mark.parametrize("mode", MODES[1:])
def test_a_script_may_start_programs_and_processes_before_it_reads_an_argument(project, mode):
    (project / "asks.py").write_text("import subprocess\nprint(subprocess.check_output(['echo', 'said']))\n")
    source = (
        "import os, sys\nos.environ['SOME'] = '1'\nimport asks\nreads, writes = os.pipe()\nif not os.fork():\n"
        "    os.write(writes, b'from a child')\n    os._exit(0)\nos.close(writes)\nos.wait()\n"
        "with os.fdopen(reads) as file:\n    print(file.read())\nprint(sys.argv)\n"
    )
    assert logs(project, mode, source) == logs(project, "cold", source)


def test_a_library_that_starts_a_program_when_it_is_imported_is_shared(project, monkeypatch):
    asks = "import os, subprocess, tempfile\nSAID = subprocess.check_output(['echo', 'said'])\nprint(os.getpid())\n"
    install(project, monkeypatch, asks=f"{asks}FOLDER = tempfile.gettempdir()\n")
    source = "import os, sys\nos.environ['SOME'] = '1'\nimport asks\nprint(sys.argv)\n"
    assert len({log.split()[0] for log in logs(project, "together", source).values()}) == 1


def test_a_script_that_computes_with_several_threads_starts_cold(project):
    (project / "script.py").write_text("import os, sys, numpy\nprint(os.environ['OMP_NUM_THREADS'], sys.argv)\n")
    (project / "runs").mkdir()
    made = attempt(project / "runs", 0, ["script.py", "{word}"], "a")
    with LocalExecutor(1, share=None) as executor:
        ((_, record),) = executor.execute(
            [replace(made, record=replace(made.record, threads=2))], Watched(), Interrupt()
        )
    assert record.state == "completed"
    assert made.run.log_path.read_text() == "2 ['script.py', 'a']\n"
