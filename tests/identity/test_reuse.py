"""``--reuse`` takes a result only if what it depends on is as it was; and says what is not."""

import json
import os
import sys

import pytest

FUNCTION = "def train(config, run):\n    {}\n    return {{'acc': config['lr'] * FACTOR}}\n"
SCRIPT = "import json, sys\n{}\nprint(json.dumps({{'acc': float(sys.argv[1]) * FACTOR}}))\n"
RUN = [sys.executable, "train.py", "{lr}"]
READ = "FACTOR = int(open('factor.txt').read())"
MODEL = {"model.py": "FACTOR = 1\n"}
EDITED = {"model.py": "FACTOR = 20\n"}
TEXT, OTHER_TEXT = {"factor.txt": "1\n"}, {"factor.txt": "20\n"}


def function(line):
    return {"fn.py": FUNCTION.format(line)}


def script(line):
    return {"train.py": SCRIPT.format(line)}


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
    "one more in a folder": (
        function("import os; FACTOR = len(os.listdir('in'))") | {"in/a": "1"},
        "fn:train",
        {"in/b": "1"},
        "the files in in/",
    ),
    "helper's name": (
        function("from gridfold_model import FACTOR") | {"gridfold_model.py": "FACTOR = 1\n"},
        "fn:train",
        {"gridfold_model.py": "FACTOR = 20\n"},
        "gridfold_model.py",
    ),
}
WAYS["opened by a child"][0]["fn.py"] += "\n\ndef read(_): return int(open('factor.txt').read())\n"


@pytest.fixture
def search(project, write, gridfold, monkeypatch):
    """Runs a search, and gives what its runs say and what it printed."""
    monkeypatch.setenv("PY", sys.executable)
    monkeypatch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", ""))

    def run(prefix, trainer, *options, config="lr: [1.0, 2.0]\n"):
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
        write(name, text)
    search("a", trainer)
    again, said = search("b", trainer, "--reuse")
    assert [record["reused"] is not None for record in again] == [True, True], said
    for name, text in edit.items():
        write(name, text)
    runs, said = search("c", trainer, "--reuse")
    assert f"of the same config: {named} changed since" in said
    made = [record for record in runs if not record["reused"]]
    assert made
    if way != "one more in a folder":
        assert runs[-1]["metrics"] == {"acc": 40}
