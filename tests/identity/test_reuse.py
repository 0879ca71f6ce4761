"""``--reuse`` takes a result only if what it depends on is as it was; and says what is not."""

import contextlib
import json
import os
import sqlite3
import sys
import tempfile
from pathlib import Path

import duckdb
import pytest

from gridfold.identity.fingerprint import Code
from gridfold.identity.sources import Sources
from gridfold.runs.store import Store
from gridfold.search.reuse import Reusable, find_reusable
from tests import made

FUNCTION = "def train(config, run):\n    {}\n    return {{'acc': config['lr'] * FACTOR}}\n"
SCRIPT = "import json, sys\n{}\nprint(json.dumps({{'acc': float(sys.argv[1]) * FACTOR}}))\n"
RUN = [sys.executable, "train.py", "{lr}"]
LAUNCHED = [sys.executable, "launch.py", *RUN[1:]]
ECHO = 'echo "{\\"acc\\": $(awk "BEGIN {print $1 * $factor}")}"\n'
LAUNCH = "import os, subprocess, sys\nsys.exit(subprocess.call([sys.executable, *sys.argv[1:]], "
READ = "FACTOR = int(open('factor.txt').read())"
MODEL = {"model.py": "FACTOR = 1\n"}
EDITED = {"model.py": "FACTOR = 20\n"}
FLAG = {"flag": ""}
TEXT, OTHER_TEXT = {"factor.txt": "1\n"}, {"factor.txt": "20\n"}


def function(line):
    return {"fn.py": FUNCTION.format(line)}


def script(line):
    return {"train.py": SCRIPT.format(line)}


def started(how, before="pass"):
    """A program of Python that reads, and the function that starts it."""
    call = f"subprocess.check_output([sys.executable, 'factor.py'], {how})"
    files = function(f"import os, subprocess, sys; {before}; FACTOR = int({call})")
    return files | {"factor.py": "print(open('factor.txt').read())\n"} | TEXT


# What there is, how it is run, the edit, and what the reason names.
WAYS = {
    "script": (script("from model import FACTOR") | MODEL, RUN, EDITED, "model.py"),
    "script, unbuffered": (
        script("from model import FACTOR") | MODEL,
        [sys.executable, "-uXdev", "-Wignore", *RUN[1:]],
        EDITED,
        "model.py",
    ),
    "launcher": (script("from model import FACTOR") | MODEL, ["env", "A=b", *RUN], EDITED, "model.py"),
    "script, path made up": (
        script("name = 'mod' + 'el'\nFACTOR = __import__(name).FACTOR") | MODEL,
        RUN,
        EDITED,
        "model.py",
    ),
    "script, opened": (script(READ) | TEXT, RUN, OTHER_TEXT, "factor.txt"),
    "script, opened by a name made up": (
        script("import pathlib\nFACTOR = sum(int(p.read_text()) for p in pathlib.Path('in').iterdir())")
        | {"in/a": "1"},
        RUN,
        {"in/a": "20"},
        "in/a",
    ),
    "function, opened as a raw file": (
        function("import io, pathlib; FACTOR = int(io.FileIO(pathlib.Path('factor.txt')).read())") | TEXT,
        "fn:train",
        OTHER_TEXT,
        "factor.txt",
    ),
    "module": (
        {
            "pkg/train.py": SCRIPT.format("from .model import FACTOR"),
            "pkg/__init__.py": "",
            "pkg/model.py": "FACTOR = 1\n",
        },
        [sys.executable, "-m", "pkg.train", "{lr}"],
        {"pkg/model.py": "FACTOR = 20\n"},
        "pkg/model.py",
    ),
    "package": (
        {"pkg/__main__.py": SCRIPT.format("from pkg import FACTOR"), "pkg/__init__.py": "FACTOR = 1\n"},
        [sys.executable, "-m", "pkg", "{lr}"],
        {"pkg/__init__.py": "FACTOR = 20\n"},
        "pkg/__init__.py",
    ),
    "shell": (
        script("FACTOR = 1") | {"train.sh": 'cd "$(dirname "$0")"\n"$PY" ./train.py "$1"\n'},
        ["sh", "train.sh", "{lr}"],
        script("FACTOR = 20"),
        "train.py",
    ),
    "shell, data": (
        {"train.sh": 'read factor < factor.txt\necho "{\\"acc\\": $(awk "BEGIN {print $1 * $factor}")}"\n'} | TEXT,
        ["sh", "train.sh", "{lr}"],
        OTHER_TEXT,
        "factor.txt",
    ),
    "shell, words": (
        script("from model import FACTOR") | MODEL,
        ["sh", "-c", '"$PY" train.py $0', "{lr}"],
        EDITED,
        "model.py",
    ),
    "function": (function("from model import FACTOR") | MODEL, "fn:train", EDITED, "model.py"),
    "importlib": (
        function("import importlib; FACTOR = importlib.import_module('mod' + 'el').FACTOR") | MODEL,
        "fn:train",
        EDITED,
        "model.py",
    ),
    "run only for some": (
        function("FACTOR = __import__('mod' + 'el').FACTOR if config['lr'] > 1 else 1") | MODEL,
        "fn:train",
        EDITED,
        "model.py",
    ),
    "program": (
        function("import subprocess, sys; FACTOR = int(subprocess.check_output([sys.executable, 'factor.py']))")
        | {"factor.py": "from model import FACTOR\nprint(FACTOR)\n"}
        | MODEL,
        "fn:train",
        EDITED,
        "model.py",
    ),
    "program of a shell": (
        function("import os; FACTOR = int(os.popen('cat factor.txt').read())") | TEXT,
        "fn:train",
        OTHER_TEXT,
        "factor.txt",
    ),
    "opened": (function(READ) | TEXT, "fn:train", OTHER_TEXT, "factor.txt"),
    "opened somewhere else": (
        function("import os; os.chdir(run.dir); FACTOR = int(open('../../factor.txt').read())") | TEXT,
        "fn:train",
        OTHER_TEXT,
        "factor.txt",
    ),
    "opened at import": (
        {"fn.py": f"{READ}\ndef train(config, run): return {{'acc': config['lr'] * FACTOR}}\n"} | TEXT,
        "fn:train",
        OTHER_TEXT,
        "factor.txt",
    ),
    "opened before a split": (
        {"fn.py": f"def train(config, run):\n    {READ}\n    return {{'acc': FACTOR * config['lr']}}\n"} | TEXT,
        "fn:train",
        OTHER_TEXT,
        "factor.txt",
    ),
    "opened by a child": (
        function(
            "import multiprocessing as m; FACTOR = m.get_context('fork').Pool(1).map(read, [0])[0]",
        )
        | TEXT,
        "fn:train",
        OTHER_TEXT,
        "factor.txt",
    ),
    "not there": (
        function(
            "import pathlib; FACTOR = 1\n    try: FACTOR = int(open('factor.txt').read())\n    except OSError: pass"
        ),
        "fn:train",
        OTHER_TEXT,
        "factor.txt",
    ),
    "one more in a folder of a folder": (
        function("import os; FACTOR = sum(len(names) for *_, names in os.walk('in'))") | {"in/a/b": ""},
        "fn:train",
        {"in/a/c": ""},
        "the files in in/a/",
    ),
    "one more in a folder": (
        function("import os; FACTOR = len(os.listdir('in'))") | {"in/a": "1"},
        "fn:train",
        {"in/b": "1"},
        "the files in in/",
    ),
    "opened by a program of a launcher": (
        script(READ) | {"launch.py": f"{LAUNCH}env=dict(os.environ)))\n"} | TEXT,
        LAUNCHED,
        OTHER_TEXT,
        "factor.txt",
    ),
    "opened by a program": (started(""), "fn:train", OTHER_TEXT, "factor.txt"),
    "opened by a child that is spawned": (
        function("import multiprocessing as m; FACTOR = m.get_context('spawn').Pool(1).map(read, [0])[0]") | TEXT,
        "fn:train",
        OTHER_TEXT,
        "factor.txt",
    ),
    "opened by a program that gets os.environ": (started("env=os.environ"), "fn:train", OTHER_TEXT, "factor.txt"),
    "opened by a program that gets os.environb": (started("env=os.environb"), "fn:train", OTHER_TEXT, "factor.txt"),
    "opened by a program, path set": (
        started("", before="subprocess.run(['true']); os.environ['PYTHONPATH'] = os.getcwd()"),
        "fn:train",
        OTHER_TEXT,
        "factor.txt",
    ),
    "opened by a program that gets files": (started("close_fds=False"), "fn:train", OTHER_TEXT, "factor.txt"),
    "opened by a program that gets both": (
        started("env=os.environ, close_fds=False"),
        "fn:train",
        OTHER_TEXT,
        "factor.txt",
    ),
    "opened by a worker of joblib": (
        function("import joblib; FACTOR = joblib.Parallel(2)(joblib.delayed(read)(i) for i in range(2))[0]") | TEXT,
        "fn:train",
        OTHER_TEXT,
        "factor.txt",
    ),
    "opened unheard": (
        function("import os; FACTOR = os.path.getsize(os.path.join('in', 'a.parquet'))") | {"in/a.parquet": "1"},
        "fn:train",
        {"in/a.parquet": "1" * 20},
        "in/a.parquet",
    ),
    "opened unheard, whatever its ending": (
        function("import duckdb; FACTOR = int(duckdb.sql(\"FROM read_csv('in/factor.txt')\").fetchall()[0][0])")
        | {"in/factor.txt": "f\n1\n"},
        "fn:train",
        {"in/factor.txt": "f\n20\n"},
        "in/factor.txt",
    ),
    "opened unheard, without an ending": (
        function("import duckdb; FACTOR = int(duckdb.read_csv('factor').fetchall()[0][0])") | {"factor": "f\n1\n"},
        "fn:train",
        {"factor": "f\n20\n"},
        "factor",
    ),
    "asked about": (function("import os; FACTOR = 20 if os.path.exists('flag') else 1"), "fn:train", FLAG, "flag"),
    "asked about by a script": (
        script("import pathlib\nFLAG = pathlib.Path('flag')\nFACTOR = 20 if FLAG.is_file() else 1"),
        RUN,
        FLAG,
        "flag",
    ),
    "asked about beside the code": (
        function("import pathlib; FACTOR = 20 if (pathlib.Path(__file__).parent / 'in' / 'flag').exists() else 1"),
        "fn:train",
        {"in/flag": ""},
        "in/flag",
    ),
    "asked about in an argument": (
        script("import os; FACTOR = 20 if os.path.exists(sys.argv[2]) else 1"),
        [*RUN, "flag.pt"],
        {"flag.pt": ""},
        "flag.pt",
    ),
    "one that fits a pattern of the code, opened unheard": (
        function("import duckdb; FACTOR = int(duckdb.sql(\"SELECT sum(f) FROM 'in/*.csv'\").fetchall()[0][0])")
        | {"in/a.csv": "f\n1\n"},
        "fn:train",
        {"in/b.csv": "f\n19\n"},
        "in/*.csv",
    ),
    "named with a value, opened unheard": (
        function("import duckdb; FACTOR = int(duckdb.sql(f\"FROM 'in/{config['name']}.csv'\").fetchall()[0][0])")
        | {"in/a.csv": "f\n1\n"},
        "fn:train",
        {"in/a.csv": "f\n20\n"},
        "in/a.csv",
    ),
    "asked about by a shell": (
        {"train.sh": f"factor=1; if [ -f in/flag ]; then factor=20; fi\n{ECHO}"},
        ["sh", "train.sh", "{lr}"],
        {"in/flag": ""},
        "in/flag",
    ),
    "one that fits a pattern of a shell": (
        {"train.sh": f"factor=$(cat in/*.txt | awk '{{s+=$1}} END {{print s}}')\n{ECHO}", "in/a.txt": "1\n"},
        ["sh", "train.sh", "{lr}"],
        {"in/b.txt": "19\n"},
        "in/*.txt",
    ),
    "program of awk": (
        {"train.sh": f"factor=$(awk -ffactor.awk)\n{ECHO}", "factor.awk": "BEGIN {print 1}"},
        ["sh", "train.sh", "{lr}"],
        {"factor.awk": "BEGIN {print 20}"},
        "factor.awk",
    ),
    "script of a shell": (
        {"train.sh": "#!/bin/sh\n. ./settings\n" + ECHO, "settings": "factor=1\n"},
        ["./train.sh", "{lr}"],
        {"settings": "factor=20\n"},
        "settings",
    ),
    "shell, pattern": (
        {"train.sh": f"factor=$(cat in/*.txt)\n{ECHO}", "in/a.txt": "1\n"},
        ["sh", "train.sh", "{lr}"],
        {"in/a.txt": "20\n"},
        "in/a.txt",
    ),
    "helper's name": (
        function("from gridfold_model import FACTOR") | {"gridfold_model.py": "FACTOR = 1\n"},
        "fn:train",
        {"gridfold_model.py": "FACTOR = 20\n"},
        "gridfold_model.py",
    ),
}
for way in ("opened by a child", "opened by a child that is spawned", "opened by a worker of joblib"):
    WAYS[way][0]["fn.py"] += "\n\ndef read(_): return int(open('factor.txt').read())\n"

VARIABLE = "FACTOR = int(os.environ.get('GRIDFOLD_TEST') or os.getenv('FACTOR_OF_TEST', '1'))"
OF_VARIABLES = {
    "function": (function(f"import os; {VARIABLE}"), "fn:train"),
    "module": ({"fn.py": f"import os\n{VARIABLE}\n{FUNCTION.format('pass')}"}, "fn:train"),
    "script": (script(f"import os; {VARIABLE}"), RUN),
    "program": (
        script(f"import os; {VARIABLE}") | {"launch.py": f"{LAUNCH}))\n"},
        LAUNCHED,
    ),
    "shell": ({"train.sh": f"factor=${{FACTOR_OF_TEST:-1}}\n{ECHO}"}, ["sh", "train.sh", "{lr}"]),
    "config": (function("import os; FACTOR = int(os.path.expandvars(config['factor']) or 1)"), "fn:train"),
}


@pytest.fixture
def search(project, write, gridfold, monkeypatch):
    """Runs a search, and gives what its runs say and what it printed."""
    monkeypatch.setenv("PY", sys.executable)
    monkeypatch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", ""))

    def run(prefix, trainer, *options, config="lr: [1.0, 2.0]\nname: a\n"):
        how = ["--trainer", trainer, *options] if isinstance(trainer, str) else [*options, "--", *trainer]
        code, said = gridfold("search", "--config", write("c.yaml", config), "--run-prefix", prefix, *how)
        assert code == 0, said
        found = [json.loads(path.read_text()) for path in project.glob(f"runs/{prefix}_*/run.json")]
        return sorted(found, key=lambda record: record["index"]), said

    return run


@pytest.mark.parametrize("way", WAYS)
def test_an_edit_is_noticed(project, write, search, way):
    files, trainer, edit, named = WAYS[way]
    for name, text in files.items():
        (project / write(name, text)).chmod(0o755)
    search("a", trainer)
    again, said = search("b", trainer, "--reuse")
    assert [record["reused"] is not None for record in again] == [True, True], said
    for name, text in edit.items():
        write(name, text)
    runs, said = search("c", trainer, "--reuse")
    assert f"of the same config: {named} changed since" in said
    made = [record for record in runs if not record["reused"]]
    assert made
    if not way.startswith("one more"):
        assert runs[-1]["metrics"] == {"acc": 40}


@pytest.mark.parametrize("name", ["'factors.db'", "pathlib.Path('factors.db')", "'file:factor%73.db?mode=ro', uri=1"])
@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_a_table_of_sqlite_counts_whatever_it_is_called(project, write, search, name, mode):
    with contextlib.closing(sqlite3.connect(project / "factors.db")) as table:  # a log of it is kept while it is open
        table.execute(f"PRAGMA journal_mode={mode}")
        table.execute("CREATE TABLE factors AS SELECT 1 AS factor")
        table.commit()
        query = "execute('SELECT factor FROM factors').fetchone()[0]"
        write("fn.py", FUNCTION.format(f"import pathlib, sqlite3; FACTOR = sqlite3.connect({name}).{query}"))
        search("a", "fn:train")
        assert all(record["reused"] for record in search("b", "fn:train", "--reuse")[0])
        table.execute("UPDATE factors SET factor = 20")
        table.commit()
        assert search("c", "fn:train", "--reuse")[0][-1]["metrics"] == {"acc": 40}


CACHED = "open('c.txt', 'w').write(open('factor.txt').read())"
MAKE = f"import os; os.path.exists('c.txt') or {CACHED}; FACTOR = int(open('c.txt').read())"


@pytest.mark.parametrize(
    ("files", "trainer"), [(function(MAKE), "fn:train"), (script(MAKE), RUN)], ids=["fn", "script"]
)
def test_what_another_run_of_the_search_has_made_counts(project, write, search, files, trainer):
    for name, text in (files | TEXT).items():
        write(name, text)
    one_by_one = ["--parallel", "1"]
    search("a", trainer, *one_by_one)
    assert all(record["reused"] for record in search("b", trainer, "--reuse")[0])
    write("factor.txt", "20\n")
    (project / "c.txt").unlink()
    assert [record["metrics"]["acc"] for record in search("c", trainer, "--reuse", *one_by_one)[0]] == [20, 40]


def test_data_with_a_time_to_come_count(project, write, search):
    os.utime(project / write("factor.txt", "1"), (2**33, 2**33))
    write("fn.py", FUNCTION.format(READ))
    search("a", "fn:train")
    assert all(record["reused"] for record in search("b", "fn:train", "--reuse")[0])
    write("factor.txt", "20")
    assert search("c", "fn:train", "--reuse")[0][-1]["metrics"] == {"acc": 40}


def test_data_in_memory_count(project, write, search):
    with tempfile.NamedTemporaryFile("w", dir="/dev/shm") as file:
        Path(file.name).write_text("1")
        write("fn.py", FUNCTION.format(f"FACTOR = int(open({file.name!r}).read())"))
        search("a", "fn:train")
        assert all(record["reused"] for record in search("b", "fn:train", "--reuse")[0])
        Path(file.name).write_text("20")
        assert search("c", "fn:train", "--reuse")[0][-1]["metrics"] == {"acc": 40}


@pytest.mark.parametrize("way", OF_VARIABLES)
def test_a_variable_that_is_looked_up_counts(project, write, search, way, monkeypatch):
    files, trainer = OF_VARIABLES[way]
    for name, text in files.items():
        write(name, text)
    config = "lr: [1.0, 2.0]\nfactor: ${FACTOR_OF_TEST}\n"
    monkeypatch.setenv("FACTOR_OF_TEST", "1")
    search("a", trainer, config=config)
    monkeypatch.setenv("OTHER_OF_TEST", "1")
    assert all(record["reused"] for record in search("b", trainer, "--reuse", config=config)[0])
    monkeypatch.setenv("FACTOR_OF_TEST", "20")
    runs, said = search("c", trainer, "--reuse", config=config)
    assert "of the same config: $FACTOR_OF_TEST changed since" in said
    assert [record["metrics"] for record in runs] == [{"acc": 20}, {"acc": 40}]


COPY = "import os; env = {}; FACTOR = int(env.get('FACTOR_OF_TEST', '1'))"
BEGINNING = "import os; FACTOR = 1 + sum(int(os.environ[name]) for name in os.environ if name.startswith('FACTOR_'))"
OF_COPIES = {
    "function": (function(COPY.format("dict(os.environ)")), "fn:train"),
    "module": ({"fn.py": f"{COPY.format('{**os.environ}')}\n{FUNCTION.format('pass')}"}, "fn:train"),
    "script": (script(COPY.format("os.environ.copy()")), RUN),
    "copied by another module": (
        function("import copied; FACTOR = int(copied.env.get('FACTOR_OF_TEST', '1'))")
        | {"copied.py": "import os\nenv = {name: text for name, text in os.environ.items()}\n"},
        "fn:train",
    ),
    "beginning": (function(BEGINNING), "fn:train"),
    "config of a library": (
        function("from omegaconf import OmegaConf; FACTOR = int(OmegaConf.load('f.yaml').factor)")
        | {"f.yaml": "factor: ${oc.env:FACTOR_OF_TEST,1}\n"},
        "fn:train",
    ),
}


@pytest.mark.parametrize("way", OF_COPIES)
def test_a_variable_that_is_looked_up_in_a_copy_of_all_counts(project, write, search, way, monkeypatch):
    files, trainer = OF_COPIES[way]
    for name, text in files.items():
        write(name, text)
    search("a", trainer)
    monkeypatch.setenv("OTHER_OF_TEST", "1")
    assert all(record["reused"] for record in search("b", trainer, "--reuse")[0])
    monkeypatch.setenv("FACTOR_OF_TEST", "19" if way == "beginning" else "20")
    runs, said = search("c", trainer, "--reuse")
    assert "of the same config: $FACTOR_" in said
    assert [record["metrics"] for record in runs] == [{"acc": 20}, {"acc": 40}]


@pytest.mark.parametrize("look", ["os.environ", "dict(os.environ)"])
def test_a_variable_that_the_code_sets_when_it_is_imported_does_not_count(write, search, look):
    line = f"FACTOR = int({look}['FACTOR_OF_TEST'])"
    write("fn.py", f"import os\nos.environ.setdefault('FACTOR_OF_TEST', '1')\n{FUNCTION.format(line)}")
    search("a", "fn:train")
    runs, said = search("b", "fn:train", "--reuse")
    assert [bool(record["reused"]) for record in runs] == [True, True], said


@pytest.mark.parametrize(
    ("name", "counts"),
    [("MAX_TOKENS", True), ("TOKENIZER_OF_TEST", True), ("HF_TOKEN", False), ("SECRET_KEY_BASE", False)],
)
def test_a_variable_that_only_looks_like_a_secret_counts(write, search, monkeypatch, name, counts):
    write("fn.py", FUNCTION.format(f"import os; FACTOR = len(os.environ['{name}'])"))
    monkeypatch.setenv(name, "1")
    search("a", "fn:train")
    monkeypatch.setenv(name, "20")
    assert [bool(record["reused"]) for record in search("b", "fn:train", "--reuse")[0]] == [not counts] * 2


def test_variables_that_a_run_or_a_program_sets_do_not_count(project, write, search, monkeypatch):
    """Nor those of gridfold, nor secrets, nor that all are handed on to a program."""
    write("launch.py", f"{LAUNCH}env=dict(os.environ, OF_TEST=str(os.getpid()))))\n")
    names = "'OF_TEST', 'GRIDFOLD_INDEX', 'PYTHONHASHSEED', 'OMP_NUM_THREADS', 'TEST_API_KEY'"
    write("train.py", SCRIPT.format(f"import os; FACTOR = 1; [os.environ.get(name) for name in ({names})]"))
    monkeypatch.setenv("TEST_API_KEY", "1")
    search("a", LAUNCHED)
    monkeypatch.setenv("TEST_API_KEY", "2")
    runs, said = search("b", LAUNCHED, "--reuse")
    assert [bool(record["reused"]) for record in runs] == [True, True], said


def test_a_program_sees_no_variable_by_which_it_is_heard(project, write, search, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(project))
    seen = "import os; FACTOR = 1; print('seen', os.environ.get('PYTHONPATH'), 'GRIDFOLD_READS' in os.environ)"
    write("train.py", SCRIPT.format(seen))
    write("launch.py", f"{LAUNCH}))\n")
    search("a", LAUNCHED)
    for log in project.glob("runs/a_*/log.txt"):
        assert f"seen {project} False" in log.read_text()


def test_data_count_for_the_runs_that_name_them(project, write, search, monkeypatch):
    """Of two files that only the variations name, one is edited; of a folder, a file in it, behind a link."""
    write("fn.py", "def train(config, run):\n    return {'acc': config['lr']}\n")
    for name in ("a.csv", "b.csv", "in/part.csv", "linked/part.csv"):
        write(name, "1\n")
    (project / "in" / "more").symlink_to("../linked")
    (project / "linked" / "back").symlink_to("../in")
    vary = ("--param-variations", "data=a.csv,b.csv,in,'${here}/a.csv',./runs,'link*/*.csv'")
    config = "data: a.csv\nlr: 1.0\nhere: ${oc.env:HERE}\n"
    monkeypatch.setenv("HERE", str(project))
    search("a", "fn:train", *vary, config=config)
    assert all(record["reused"] for record in search("b", "fn:train", *vary, "--reuse", config=config)[0])
    write("b.csv", "20\n")
    write("linked/part.csv", "20\n")
    runs, said = search("c", "fn:train", *vary, "--reuse", config=config)
    assert [bool(record["reused"]) for record in runs] == [True, False, False, True, True, False]
    assert "1 result of the same config: b.csv changed since" in said
    assert "1 result of the same config: in changed since" in said
    assert "1 result of the same config: linked/part.csv changed since" in said


@pytest.mark.parametrize("pattern", ["in/*.csv", "in/more/part*", "./**/part*.csv"])
def test_a_file_that_fits_a_pattern_of_the_config_counts(project, write, search, pattern):
    """And not what is added elsewhere."""
    write(
        "fn.py",
        "import duckdb\n\n"
        "def train(config, run):\n"
        "    found = duckdb.sql(f\"SELECT sum(f) FROM read_csv('{config['data']}')\").fetchall()[0]\n"
        "    return {'acc': config['lr'] * int(found[0])}\n",
    )
    write("in/part-0.csv", "f\n1\n")
    write("in/more/part-1.csv", "f\n1\n")
    config = f"data: {pattern}\nlr: [1.0, 2.0]\nlayers: '*'\n"
    search("a", "fn:train", config=config)
    write("other.csv", "f\n1\n")
    assert all(record["reused"] for record in search("b", "fn:train", "--reuse", config=config)[0])
    write(f"{'in' if pattern.startswith('in/*') else 'in/more'}/part-2.csv", "f\n20\n")
    runs, said = search("c", "fn:train", "--reuse", config=config)
    assert not any(record["reused"] for record in runs)
    assert f"of the same config: {pattern.removeprefix('./')} changed since" in said


@pytest.mark.parametrize(("look", "counts"), [("os.path.exists(config['weights'])", True), ("False", False)])
def test_a_file_that_the_config_names_counts_if_the_code_asks_whether_it_is_there(write, search, look, counts):
    config = "lr: [1.0, 2.0]\nweights: in/factor.pt\n"
    write("fn.py", FUNCTION.format(f"import os; FACTOR = 20 if {look} else 1"))
    search("a", "fn:train", config=config)
    assert all(record["reused"] for record in search("b", "fn:train", "--reuse", config=config)[0])
    write("in/factor.pt", "")
    runs, said = search("c", "fn:train", "--reuse", config=config)
    assert [bool(record["reused"]) for record in runs] == [not counts] * 2, said


def test_a_folder_that_a_library_reads_unheard_counts(project, search, write):
    def put(name, number):
        duckdb.sql(f"COPY (SELECT {number} AS factor) TO '{project}/{name}.parquet'")

    (project / "in").mkdir()
    put("in/a", 1)
    write("fn.py", FUNCTION.format("import pandas; FACTOR = int(pandas.read_parquet('in').factor.sum())"))
    search("a", "fn:train")
    put("b", 1)
    assert all(record["reused"] for record in search("b", "fn:train", "--reuse")[0])
    put("in/b", 19)
    assert search("c", "fn:train", "--reuse")[0][-1]["metrics"] == {"acc": 40}


def test_of_a_pattern_of_many_files_the_folder_counts(project, write, search):
    write("fn.py", "def train(config, run):\n    return {'acc': config['lr']}\n")
    for number in range(150):
        write(f"in/{number}.csv", "1\n")
    config = "data: in/*.csv\nlr: 1.0\n"
    search("a", "fn:train", config=config)
    assert search("b", "fn:train", "--reuse", config=config)[0][0]["reused"]
    write("in/149.csv", "20\n")
    assert "of the same config: in changed since" in search("c", "fn:train", "--reuse", config=config)[1]


def test_what_does_not_matter_is_no_change(project, write, search):
    """Another file, a time, a cache, what a run writes or adds to, what another run names, what is installed where."""
    write("model.py", "FACTOR = 1\n")
    write("other.py", "# nobody imports this\n")
    write("factor.txt", "1\n")
    write("old.log", "")
    write("data/in.csv", "1\n")
    write(
        "fn.py",
        "import importlib.metadata, json, pathlib\nfrom model import FACTOR\n\n"
        "importlib.metadata.version('numpy')\n\n\n"
        "def train(config, run):\n"
        "    factor = int(open(config['file']).read())\n"
        "    out = pathlib.Path(config['out'])\n    out.mkdir(exist_ok=True)\n"
        "    (out / 'model.json').write_text('1')\n    json.loads((out / 'model.json').read_text())\n"
        "    open('old.log', 'a').write('line')\n    (run.dir / 'own.txt').write_text('2')\n"
        "    pathlib.Path('checkpoint').write_text((run.dir / 'own.txt').read_text())\n"
        "    open('checkpoint').read()\n"
        "    pathlib.Path('made.csv').exists() or pathlib.Path('made.csv').write_text('1')\n"
        "    pathlib.Path('data').exists(), pathlib.Path(config['log']).exists()\n"
        "    return {'acc': config['lr'] * FACTOR * factor}\n",
    )
    config = "lr: [1.0, 2.0]\nout: out\nlog: old.log\nfile: factor.txt\n"
    search("a", "fn:train", "--parallel", "1", config=config)  # both write and read one file
    write("other.py", "# nobody imports this, and now it says something else\n")
    for name in ("model.py", "fn.py", "factor.txt"):
        os.utime(name, (1, 1))
    write("model.py", "FACTOR = 1\n")
    write("__pycache__/other.cpython-311.pyc", "")
    write("added.txt", "nobody lists this folder")
    runs, said = search("b", "fn:train", "--reuse", config=config)
    assert "Not reused" not in said
    assert [bool(record["reused"]) for record in runs] == [True, True]


def test_the_runs_are_no_new_file_of_the_working_directory(project, write, search):
    write("fn.py", f"import glob\n\nFACTOR = len(glob.glob('*.csv'))\n\n\n{FUNCTION.format('pass')}")
    write("a.csv", "1\n")
    search("a", "fn:train")
    assert "Not reused" not in search("b", "fn:train", "--reuse")[1]
    write("b.csv", "1\n")
    assert "the files in the working directory changed since" in search("c", "fn:train", "--reuse")[1]


def test_the_outputs_of_a_command_are_no_change(project, write, search):
    write("train.py", SCRIPT.format("FACTOR = 1\nopen('last.txt', 'w').write('1')\nopen('last.txt').read()"))
    lines = ('"$PY" train.py "$1" | tee -a all.txt', '"$PY" train.py "$1" > last.log', "cat last.txt")
    write("train.sh", "\n".join(lines))
    command = ["sh", "train.sh", "{lr}"]
    search("a", command)
    runs, said = search("b", command, "--reuse")
    assert [bool(record["reused"]) for record in runs] == [True, True], said


def test_code_that_cannot_be_told_is_said(project, write, search, monkeypatch):
    write("make", "#!/bin/sh\necho '{\"acc\": 1}'\n")
    (project / "make").chmod(0o755)
    monkeypatch.setenv("PATH", f"{project}{os.pathsep}{os.environ['PATH']}")
    assert "warning: nothing tells what make runs" in search("a", ["make", "{lr}"])[1]
    runs, said = search("b", ["make", "{lr}"], "--reuse")
    assert "Nothing can be reused: nothing tells what make runs" in said
    assert not any(record["reused"] for record in runs)


@pytest.mark.parametrize(
    ("command", "what"),
    [
        ([sys.executable, "-uI", *RUN[1:]], "what Python reads that is started with -uI"),
        (["env", "PYTHONPATH=.", *RUN], "what programs read whose PYTHONPATH is replaced"),
        (["sh", "-c", 'PYTHONPATH=. "$PY" train.py $0', "{lr}"], "what programs read whose PYTHONPATH is replaced"),
        (["env", "-i", *RUN], "what programs read whose PYTHONPATH is replaced or removed"),
        (
            ["sh", "-c", 'env -u PYTHONPATH "$PY" train.py $0', "{lr}"],
            "what programs read whose PYTHONPATH is replaced",
        ),
        (
            ["sh", "-c", 'unset A PYTHONPATH; "$PY" train.py $0', "{lr}"],
            "what programs read whose PYTHONPATH is replaced",
        ),
        (["sh", "-c", '"$PY" -u -I train.py $0', "{lr}"], "what Python reads that is started with -I"),
    ],
)
def test_a_python_that_does_not_tell_what_it_reads_is_said(command, what, project, write, search):
    write("train.py", SCRIPT.format("FACTOR = 1"))
    assert f"warning: nothing tells {what}" in search("a", command)[1]
    assert not any(record["reused"] for record in search("b", command, "--reuse")[0])


def test_options_of_other_programs_keep_no_python_from_telling(write, search):
    write("train.py", SCRIPT.format("FACTOR = 1"))
    line = 'echo a | sed -E s/a/b/; unset A; env A=b "$PY" -u train.py $0 -E -I'
    search("a", ["sh", "-c", line, "{lr}"])
    runs, said = search("b", ["sh", "-c", line, "{lr}"], "--reuse")
    assert [bool(record["reused"]) for record in runs] == [True, True], said


@pytest.mark.parametrize(
    "start",
    [
        "os.spawnve(os.P_WAIT, sys.executable, {0}, dict(os.environ))",
        "os.waitpid(os.posix_spawn(sys.executable, {0}, os.environ), 0)",
        "os.spawnle(os.P_WAIT, '/bin/sh', 'sh', '-c', 'python train.py', os.environ)",
        "subprocess.call({0}, env=types.MappingProxyType(os.environ))",
    ],
)
def test_a_run_whose_programs_do_not_tell_what_they_read_is_not_reused(project, write, search, start):
    write("train.py", "open('factor.txt').read()\n")
    write("factor.txt", "1\n")
    started = start.format("[sys.executable, 'train.py']")
    write("fn.py", FUNCTION.format(f"import os, subprocess, sys, types; {started}; FACTOR = 1"))
    search("a", "fn:train")
    _, said = search("b", "fn:train", "--reuse")
    assert "Not reused: 2 results of the same config: nothing tells what Python reads where" in said


def test_programs_without_python_need_not_tell(project, write, search):
    write("fn.py", FUNCTION.format("import os; os.spawnle(os.P_WAIT, '/bin/true', 'true', os.environ); FACTOR = 1"))
    search("a", "fn:train")
    assert all(record["reused"] for record in search("b", "fn:train", "--reuse")[0])


def test_a_run_that_starts_what_cannot_be_told_is_not_reused(project, write, search):
    write("fn.py", FUNCTION.format("import os; os.system('ssh -V 2> /dev/null'); FACTOR = 1"))
    search("a", "fn:train")
    _, said = search("b", "fn:train", "--reuse")
    assert "Not reused: 2 results of the same config: nothing tells what ssh runs" in said


@pytest.mark.parametrize(("fact", "value"), [("threads", 2), ("seed", 7)])
def test_results_of_other_threads_or_seeds_are_others(project, fact, value):
    """A result may depend on both, besides the config and the code."""
    search = made.search(project / "runs", "a_1", [made.completed(1, f1=1)])
    code = Code("aaaa", Sources())
    search.note_code(code.fingerprint, Sources({"fn.py": "1"}))
    wanted = {"search": "b_1", "threads": 1, "seed": 0}
    ids = [entry.id for entry in search.entries()]
    assert find_reusable(ids, wanted, code, Store()).runs == {ids[0]: "a_1_0"}
    assert find_reusable(ids, wanted | {fact: value}, code, Store(), explain=True) == Reusable()


def test_a_result_of_more_threads_is_not_taken(project, write, search):
    write("fn.py", "def train(config, run): return 1\n")
    search("a", "fn:train", "--threads", "2")
    assert not any(record["reused"] for record in search("b", "fn:train", "--reuse")[0])
    assert all(record["reused"] for record in search("c", "fn:train", "--threads", "2", "--reuse")[0])


def test_results_of_an_older_gridfold_are_left(project, write, search):
    write("fn.py", "def train(config, run): return 1\n")
    search("a", "fn:train")
    for path in project.glob("runs/a_*/code.jsonl"):
        path.unlink()
    _, said = search("b", "fn:train", "--reuse")
    assert "Not reused: 2 results of the same config: what code made them was not recorded" in said


def test_a_file_that_changes_while_it_is_read_cannot_be_told(project, write, search):
    write("count.txt", "1")
    write(
        "fn.py",
        "def train(config, run):\n    lr = config['lr']\n    n = int(open('count.txt').read())\n"
        "    open('count.txt', 'w').write(str(n + 1))\n    return n * lr\n",
    )
    search("a", "fn:train", "--parallel", "1")
    _, said = search("b", "fn:train", "--reuse", "--parallel", "1")
    assert "count.txt changed since" in said


class TestWhatIsSaid:
    """`resume`, the tables and `diff` name what was edited."""

    @pytest.fixture
    def edited(self, project, write, search, gridfold):
        """A search of a script of which one run failed; then model and data were edited, and it was resumed."""
        write("factor.txt", "1")
        write("model.py", "BROKEN = 2.0\nFACTOR = 1\n")
        write(
            "train.py",
            "import json, sys, model\nlr = float(sys.argv[1])\nassert lr != model.BROKEN\n"
            "print(json.dumps({'acc': lr * model.FACTOR * int(open('factor.txt').read())}))\n",
        )
        write("c.yaml", "lr: [1.0, 2.0]\n")
        gridfold("search", "--config", "c.yaml", "--run-prefix", "a", "--", *RUN)
        write("model.py", "BROKEN = None\nFACTOR = 1\n")
        write("factor.txt", "3")
        return gridfold("resume", "last")[1]

    def test_resume(self, edited):
        assert "1 completed run was made by other code" in edited
        assert "(changed: factor.txt, model.py)" in edited

    def test_a_table(self, edited, gridfold):
        _, said = gridfold("results", "last")
        assert "(1 like run 0, 1 like run 1; changed: model.py, factor.txt)" in " ".join(said.split())

    def test_a_comparison(self, edited, gridfold):
        _, said = gridfold("diff", "0", "1")
        assert "model.py" in said
        assert "factor.txt" in said
        assert "train.py" not in said.replace("trainer", "").partition("Code")[2]

    def test_all_is_well_again(self, edited, write, gridfold, search):
        _, said = gridfold("resume", "last", "--repeats", "2")
        assert "completed run was made by other code" in said  # the first


def test_the_version_of_what_is_imported_counts(project, write, search, monkeypatch):
    """A package counts if it is imported, by whatever name it has; also one that a package imports."""
    for name, module, code in (("used", "used", "import deep\n"), ("PyDeep", "deep", ""), ("unused", "unused", "")):
        write(f"lib/site-packages/{module}.py", code)
        write(f"lib/site-packages/{name}-1.0.dist-info/METADATA", f"Name: {name}\nVersion: 1.0\n")
        write(f"lib/site-packages/{name}-1.0.dist-info/RECORD", f"{module}.py,,\n")
    write("fn.py", FUNCTION.format("import used; FACTOR = 1"))
    monkeypatch.syspath_prepend(str(project / "lib" / "site-packages"))
    search("a", "fn:train")
    write("lib/site-packages/unused-1.0.dist-info/METADATA", "Version: 2.0\n")
    assert all(record["reused"] for record in search("b", "fn:train", "--reuse")[0])
    write("lib/site-packages/PyDeep-1.0.dist-info/METADATA", "Version: 2.0\n")
    assert "pydeep 1.0 → 2.0 changed since" in search("c", "fn:train", "--reuse")[1]
    write("lib/site-packages/used-1.0.dist-info/METADATA", "Version: 2.0\n")
    assert "used 1.0 → 2.0 changed since" in search("d", "fn:train", "--reuse")[1]
