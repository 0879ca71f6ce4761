"""Constants of a script in a copy: what is found, what is refused, and that the copy runs as the script would."""

import ast
import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridfold.core.errors import ConfigError
from gridfold.core.values import canonical
from gridfold.runs.run import Run
from gridfold.trainers.command import CommandTrainer
from gridfold.trainers.constants import ScriptText

SCRIPT = """\
'''A script.'''
from __future__ import annotations
from dataclasses import dataclass, field

lr = 1e-3  # é, the rate
steps: int = 60 * 60
names, seed = ["a"], -1
params = {"wd": 0.1, "optim": {"betas": (0.9,
    0.999)}, 3: None}
params["late"] = True
options = dict(depth=2)
space.deep = 'x' \\
    'y'
text = ("a"
        "b")


@dataclass
class Config:
    width: int = 3
    heads: int = field(default=4, metadata={})

    class Inner:
        rate = 0.5


if __name__ == "__main__":
    main_only = 1; other = 2
"""
EDITS = {
    "lr": (0.5, "lr = 0.5  # é, the rate"),
    "steps": (10, "steps: int = 10"),
    "names": ([], "names, seed = [], -1"),
    "seed": (7, 'names, seed = ["a"], 7'),
    "params.wd": (None, 'params = {"wd": None, "optim": {"betas": (0.9,'),
    "params.optim.betas": ([1, 2], 'params = {"wd": 0.1, "optim": {"betas": ((1, 2)'),
    "params.3": ("é", "    0.999)}, 3: 'é'}"),
    "params.late": (False, 'params["late"] = False'),
    "options.depth": (float("inf"), 'options = dict(depth=float("inf"))'),
    "space.deep": ("inf", "space.deep = ('inf'"),
    "text": ({"a": [1.5]}, "text = (({'a': [1.5]}"),
    "Config.width": (4, "    width: int = 4"),
    "Config.heads": (5, "    heads: int = field(default=5, metadata={})"),
    "Config.Inner.rate": (0.25, "        rate = 0.25"),
    "main_only": (3, "    main_only = 3; other = 2"),
}


@pytest.mark.parametrize("path", EDITS)
def test_only_the_value_is_another(path):
    value, line = EDITS[path]
    source, changes = ScriptText(SCRIPT.encode(), "train.py").with_values({path: value})
    before, after = SCRIPT.split("\n"), source.decode().split("\n")
    assert len(before) == len(after)
    differing = [number for number, each in enumerate(after) if each != before[number]]
    assert after[differing[0]] == line
    assert [change.where for change in changes] == [f"train.py:{differing[0] + 1}"]
    assert [node.lineno for node in ast.parse(source).body] == [node.lineno for node in ast.parse(SCRIPT).body]


def test_all_at_once():
    source, _ = ScriptText(SCRIPT.encode(), "").with_values({path: value for path, (value, _) in EDITS.items()})
    values = {path: value for path, (value, _) in EDITS.items() if path != "options.depth"}  # a call now: float("inf")
    again, _ = ScriptText(source, "").with_values(values)
    assert "metadata" in source.decode()
    assert len(source.split(b"\n")) == len(again.split(b"\n")) == SCRIPT.count("\n") + 1


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab"), inner, max_size=2), max_leaves=5
)


@given(
    VALUES,
    st.sampled_from(["0.1", "(1, 2)", "'é'", "[\n1,\r\n 2]", "{\n}", "-1", "{'x': 1}", "None", '"""a\nb"""']),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["utf-8", "latin-1", "utf-8-sig"]),
)
def test_every_value_arrives_and_all_else_stays(value, old, newline, encoding):
    encoding = "utf-8-sig" if newline == "\r" else encoding  # Python reads no coding in a line that ends so
    coding = "" if encoding == "utf-8-sig" else f"# coding: {encoding}{newline}"
    head, tail = f"{coding}é = 'ü\x0c';", f" # é{newline}z = 1\x0c{newline}x"
    source = f"{head}a = {old}{tail}".encode(encoding)
    try:
        found, _ = ScriptText(source, "").with_values({"a": value})
    except UnicodeEncodeError:
        assert encoding == "latin-1"
        return
    assert found.startswith(f"{head}a = ".encode(encoding))
    assert found.endswith(tail.encode("latin-1" if encoding == "latin-1" else "utf-8"))
    scope = {"x": 0}
    exec(compile(found, "", "exec"), scope)
    arrived = list(scope["a"]) if isinstance(scope["a"], tuple) else scope["a"]
    assert canonical(arrived) == canonical(value)
    lines = [found.replace(b"\r\n", b"\n").replace(b"\r", b"\n"), source.replace(b"\r\n", b"\n").replace(b"\r", b"\n")]
    assert lines[0].count(b"\n") == lines[1].count(b"\n")


REFUSED = {
    "not there": ("lrr", "lr = 1\nwd = 2\n"),
    "no constant at all": ("lr", "import x\n"),
    "not a constant": ("lr", "lr = get_lr()\n"),
    "of other names": ("lr", "lr = 2 * base\n"),
    "twice": ("lr", "lr = 1\nprint(lr)\nlr = 2\n"),
    "three times": ("lr", "lr = 1\nlr = 2\n\nlr = 3\n"),
    "changed": ("lr", "lr = 1\nlr *= 2\n"),
    "in an if": ("lr", "if fast:\n    lr = 1\nelse:\n    wd = 2\n"),
    "in a loop": ("lr", "for lr in (1, 2):\n    print(lr)\n"),
    "in a with": ("f.lr", "with open('x') as f:\n    f.lr = 1\n"),
    "in a try": ("lr", "try:\n    x()\nexcept OSError:\n    lr = 1\n"),
    "in a function": ("lr", "def train():\n    lr = 1\n"),
    "in a function, too": ("lr", "lr = 1\ndef train():\n    global lr\n    lr = 2\n"),
    "with others": ("lr", "lr = rate = 1\n"),
    "what holds it, twice": ("params.lr", "params = {'lr': 1}\nparams = dict(params)\n"),
    "an entry twice": ("params.lr", "params = {'lr': 1}\nparams['lr'] = 2\n"),
    "of several": ("lr", "lr, rest = load()\n"),
    "a syntax error": ("lr", "lr = 1\nlr = = 2\n"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case, snapshot):
    path, text = REFUSED[case]
    with pytest.raises(ConfigError) as error:
        ScriptText(text.encode(), "train.py").with_values({path: 5})
    assert str(error.value) == snapshot


def test_one_inside_the_other():
    with pytest.raises(ConfigError, match=r"params\.lr: cannot be set together with what holds it"):
        ScriptText(b"params = {'lr': 1}\n", "train.py").with_values({"params": {}, "params.lr": 2})


TELLS = """\
'''Doc.'''
import json, multiprocessing, os, pickle, sys
import helper

rate = 0.1


class Thing:
    pass


def tell():
    return [rate, __name__, __file__, sys.path[0], helper.WORD]


def child(pipe):
    pipe.send([rate, __file__, sys.path[0]])


if __name__ == "__main__":
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=child, args=(theirs,))
    process.start()
    told = {"told": tell(), "child": ours.recv(), "doc": __doc__, "names": sorted(globals()), "cwd": os.getcwd()}
    process.join()
    told |= {"module": type(pickle.loads(pickle.dumps(Thing()))).__module__, "arguments": sys.argv[1:]}
    told |= {"program": os.path.basename(sys.argv[0])}
    with open(sys.argv[1], "w") as file:
        json.dump(told, file)
    print(json.dumps({"loss": rate}))
    raise SystemExit(int(sys.argv[2]))
"""


@pytest.fixture
def script(project, write):
    write("code/helper.py", "WORD = 'helped'\n")
    write("elsewhere.py", "")
    (project / "run").mkdir()
    (project / "link.py").symlink_to("code/tell.py")
    return write("code/tell.py", TELLS)


@pytest.mark.parametrize("options", [(), ("-O", "-X", "utf8")])
@pytest.mark.parametrize("path", ["code/tell.py", "link.py"])
def test_a_copy_runs_as_the_script_would(project, script, path, options):
    subprocess.run([sys.executable, *options, path, "alone.json", "0"], check=True, stdout=subprocess.DEVNULL)
    trainer = CommandTrainer((sys.executable, *options, path, "copy.json", "0", "{set:rate}"))
    trainer.check({"rate": 0.1})
    assert trainer.train({"rate": 0.1}, Run("run")) == {"loss": 0.1}
    alone, copy = (json.loads((project / f"{name}.json").read_text()) for name in ("alone", "copy"))
    assert copy.pop("arguments") == ["copy.json", "0"]
    alone.pop("arguments")
    assert copy == alone


def test_a_copy_has_the_value_in_processes_that_it_starts(project, script):
    trainer = CommandTrainer((sys.executable, script, "copy.json", "0", "{set:rate}"))
    assert trainer.train({"rate": 0.5}, Run("run")) == {"loss": 0.5}
    told = json.loads((project / "copy.json").read_text())
    assert (told["told"][0], told["child"][0]) == (0.5, 0.5)
    copy = (project / "run/.script/tell.py").read_text()
    assert copy == TELLS.replace("rate = 0.1", "rate = 0.5")
    assert Run("run").results() == []


def test_a_traceback_names_the_script_and_its_line(project, script, write):
    from gridfold.trainers.command import CommandFailed

    write("fails.py", "rate = {\n  'x': 1}\nif rate == 3:\n    raise ValueError('too large')\n")
    with pytest.raises(CommandFailed) as error:
        CommandTrainer((sys.executable, "fails.py", "{set:rate}")).train({"rate": 3}, Run("run"))
    assert f'File "{project}/fails.py", line 4, in <module>' in error.value.output
    assert str(error.value) == "exit code 1: ValueError: too large"


@pytest.mark.parametrize("command", [["-m", "tell"], ["-c", "lr = 1"], [], ["missing.py"]], ids=str)
def test_only_a_script_has_constants(project, script, command, snapshot):
    with pytest.raises(ConfigError) as error:
        CommandTrainer(("python", *command, "{set:lr}")).check({"lr": 1})
    assert str(error.value) == snapshot


def test_another_program_has_none(project, script, snapshot):
    with pytest.raises(ConfigError) as error:
        CommandTrainer(("sh", "-c", "python code/tell.py", "{set:lr}")).check({"lr": 1})
    assert str(error.value) == snapshot
