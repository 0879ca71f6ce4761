"""What a stage reads by itself is what its result depends on; what it does beside computing is done by each run."""

import contextlib
import importlib
import itertools
import sys

import pytest

from gridfold import stages
from gridfold.identity import reads

NUMBERS = itertools.count()
HEAD = """
import functools
import importlib
import logging
import os
import pathlib
import random
import sqlite3
import subprocess
import sys
import tempfile

import gridfold
import numpy as np

log = logging.getLogger("tests.stages.computed")
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Makes a module of the user's with a stage ``made``, and one that helps it; each call has modules of its own."""
    monkeypatch.setattr(stages, "_folder", tmp_path / "runs" / ".stages")
    monkeypatch.setattr(stages, "_notes", [])
    monkeypatch.setattr(stages, "_used", False)
    monkeypatch.delenv(stages.LIMIT, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    names = []

    def make(source, helper=""):
        number = next(NUMBERS)
        names.extend([f"own{number}", f"helper{number}"])
        (tmp_path / f"helper{number}.py").write_text(helper)
        body = f"{HEAD}\n{source}".replace("helper", f"helper{number}")
        (tmp_path / f"own{number}.py").write_text(body)
        importlib.invalidate_caches()
        return Own(importlib.import_module(f"own{number}"), importlib.import_module(f"helper{number}"))

    yield make
    for name in names:
        sys.modules.pop(name, None)


class Own:
    """The module, the one that helps it, and how often the stage was computed."""

    def __init__(self, module, helper):
        self.module = module
        self.helper = helper
        self.computed = 0
        module.log.setLevel("INFO")
        module.log.handlers = [self]
        self.level = 0

    def handle(self, record):
        self.computed += 1

    def call(self, config=None, *others):
        """What the stage gives, which must be what the function gives by itself."""
        expected = self.module.made.__wrapped__(config or {}, *others)
        before = self.computed
        given = self.module.made(config or {}, *others)
        assert given == expected
        return self.computed - before


STAGE = "@gridfold.stage\ndef made(config):\n    log.info('computed')\n    return "
SCALES = {
    "a variable": ("SCALE = 1\n" + STAGE + "SCALE", "", "SCALE = 3"),
    "one of a function that it calls": ("SCALE = 1\ndef scale(): return SCALE\n" + STAGE + "scale()", "", "SCALE = 3"),
    "one of another module": ("import helper\n" + STAGE + "helper.SCALE", "SCALE = 1", "helper.SCALE = 3"),
    "one of a function of another module": (
        "from helper import scale\n" + STAGE + "scale()",
        "SCALE = 1\ndef scale(): return SCALE",
        "helper.SCALE = 3",
    ),
    "one of a module that is handed on": (
        "import helper\ndef scale(module): return module.SCALE\n" + STAGE + "scale(helper)",
        "SCALE = 1",
        "helper.SCALE = 3",
    ),
    "one that is named by a text": (
        "import helper\n" + STAGE + "getattr(helper, 'SCALE')",
        "SCALE = 1",
        "helper.SCALE = 3",
    ),
    "one that is looked up": ("SCALE = 1\n" + STAGE + "globals()['SCALE']", "", "SCALE = 3"),
    "a module imported in the function": (
        STAGE.replace("    return ", "    import helper\n    return ") + "helper.SCALE",
        "SCALE = 1",
        "helper.SCALE = 3",
    ),
    "a variable imported in the function": (
        STAGE.replace("    return ", "    from helper import SCALE\n    return ") + "SCALE",
        "SCALE = 1",
        "helper.SCALE = 3",
    ),
    "a module imported by a text": (STAGE + "importlib.import_module('helper').SCALE", "SCALE = 1", "helper.SCALE = 3"),
    "a function in place of another": (
        "import helper\n" + STAGE + "helper.scale()",
        "def scale(): return 1",
        "helper.scale = lambda: 3",
    ),
    "a default": ("def scale(by=1): return by\n" + STAGE + "scale()", "", "scale.__defaults__ = (3,)"),
    "a default by name": (
        "def scale(*, by=1): return by\n" + STAGE + "scale()",
        "",
        "scale.__kwdefaults__ = {'by': 3}",
    ),
    "a closure": ("def of(by): return lambda: by\nscale = of(1)\n" + STAGE + "scale()", "", "scale = of(3)"),
    "an inner function": (
        "SCALE = 1\n" + STAGE + "sum((lambda: SCALE)() for _ in range(2))",
        "",
        "SCALE = 3",
    ),
    "an attribute of a class": ("class Scale:\n    BY = 1\n" + STAGE + "Scale.BY", "", "Scale.BY = 3"),
    "an attribute of a base class": (
        "import helper\nclass Scale(helper.Base): pass\n" + STAGE + "Scale().by()",
        "class Base:\n    BY = 1\n    def by(self): return self.BY",
        "helper.Base.BY = 3",
    ),
    "what a method reads": (
        "SCALE = 1\nclass Scale:\n    @property\n    def by(self): return SCALE\n" + STAGE + "Scale().by",
        "",
        "SCALE = 3",
    ),
    "an object": (
        "class Scale:\n    def __init__(self): self.by = [1]\nscale = Scale()\n" + STAGE + "scale.by[0]",
        "",
        "scale.by[0] = 3",
    ),
    "an object with slots": (
        "class Scale:\n    __slots__ = ['by']\nscale = Scale()\nscale.by = 1\n" + STAGE + "scale.by",
        "",
        "scale.by = 3",
    ),
    "a registry": (
        "scales = {'scale': lambda: 1}\n" + STAGE + "scales['scale']()",
        "",
        "scales['scale'] = lambda: 3",
    ),
    "a partial function": (
        "scale = functools.partial(max, 1)\n" + STAGE + "scale(0)",
        "",
        "scale = functools.partial(max, 3)",
    ),
    "a function that is cached": (
        "@functools.lru_cache\ndef scale(by): return by * SCALE\nSCALE = 1\n" + STAGE + "scale(1)",
        "",
        "SCALE = 3; scale.cache_clear()",
    ),
    "an array": ("SCALE = np.ones(2)\n" + STAGE + "float(SCALE.sum())", "", "SCALE[1] = 3"),
    "a dictionary": ("SCALES = {'a': [1, {'b': 1}]}\n" + STAGE + "SCALES['a'][1]['b']", "", "SCALES['a'][1]['b'] = 3"),
    "another stage": (
        "SCALE = 1\n@gridfold.stage\ndef scale(config): return SCALE\n" + STAGE + "scale(config)",
        "",
        "SCALE = 3",
    ),
    "a namespace": (
        "import types\nNS = types.SimpleNamespace(scale=1)\n" + STAGE + "NS.scale",
        "",
        "NS.scale = 3",
    ),
    "an attribute of a function": (
        "def scale(): return scale.by\nscale.by = 1\n" + STAGE + "scale()",
        "",
        "scale.by = 3",
    ),
    "a bound method of something built in": (
        "SCALES = {'a': 1}\nget = SCALES.get\n" + STAGE + "get('a')",
        "",
        "SCALES['a'] = 3",
    ),
    "a method of a data class": (
        "import dataclasses\nSCALE = 1\n@dataclasses.dataclass\nclass Config:\n    by: int = 1\n"
        "    def scale(self): return SCALE * self.by\nCONFIG = Config()\n" + STAGE + "CONFIG.scale()",
        "",
        "SCALE = 3",
    ),
    "an attribute of a data class that is no field": (
        "import dataclasses\n@dataclasses.dataclass\nclass Config:\n    by: int = 1\n"
        "CONFIG = Config()\nCONFIG.scale = 1\n" + STAGE + "CONFIG.scale",
        "",
        "CONFIG.scale = 3",
    ),
    "an attribute of a kind of dict": (
        "class Values(dict): scale = 1\nVALUES = Values(a=1)\n" + STAGE + "VALUES.scale",
        "",
        "VALUES.scale = 3",
    ),
    "a method of a member of an enum": (
        "import enum\nSCALE = 1\nclass Kind(enum.Enum):\n    A = 1\n    def scale(self): return SCALE\nKIND = Kind.A\n"
        + STAGE
        + "KIND.scale()",
        "",
        "SCALE = 3",
    ),
    "what is registered for a type": (
        "SCALE = 1\n@functools.singledispatch\ndef scale(x): return 0\n"
        "@scale.register\ndef _(x: int): return x * SCALE\n" + STAGE + "scale(1)",
        "",
        "SCALE = 3",
    ),
    "a variable of the environment": (
        STAGE + "os.environ.get('GRIDFOLD_TEST_SCALE')",
        "",
        "os.environ['GRIDFOLD_TEST_SCALE'] = '3'",
    ),
    "one that may not be there": (
        STAGE + "'GRIDFOLD_TEST_SCALE' in os.environ",
        "",
        "os.environ['GRIDFOLD_TEST_SCALE'] = '3'",
    ),
    "one that a function asks for": (
        "def scale(): return os.getenv('GRIDFOLD_TEST_SCALE', 1)\n" + STAGE + "scale()",
        "",
        "os.environ['GRIDFOLD_TEST_SCALE'] = '3'",
    ),
}


@pytest.mark.parametrize(("source", "helper", "change"), SCALES.values(), ids=SCALES)
def test_what_it_refers_to_counts(source, helper, change, own, monkeypatch):
    monkeypatch.setenv("GRIDFOLD_TEST_SCALE", "")
    monkeypatch.delenv("GRIDFOLD_TEST_SCALE")
    it = own(source, helper)
    assert [it.call(), it.call()] == [1, 0], stages.notes()
    exec(change, vars(it.module) | {"helper": it.helper} if "helper" in change else vars(it.module))
    assert [it.call(), it.call()] == [1, 0], stages.notes()


def test_what_it_does_not_refer_to_does_not_count(own):
    it = own(f"import helper\nSCALE, OTHER = 1, 1\ndef other(): return OTHER\n{STAGE}SCALE")
    assert [it.call(), it.call()] == [1, 0]
    it.module.OTHER = it.helper.OTHER = 3
    assert it.call() == 0


@pytest.mark.parametrize(
    ("body", "change"),
    [
        ("read('a.txt')", lambda folder: (folder / "a.txt").write_text("more")),
        ("read(config['data'])", lambda folder: (folder / "a.txt").write_text("more")),
        ("pathlib.Path(config['data']).read_text()", lambda folder: (folder / "a.txt").write_text("more")),
        ("read(os.open('a.txt', os.O_RDONLY))", lambda folder: (folder / "a.txt").write_text("more")),
        ("np.loadtxt(config['numbers']).sum()", lambda folder: (folder / "numbers.txt").write_text("5 6")),
        ("np.loadtxt('numbers.txt').sum()", lambda folder: (folder / "numbers.txt").write_text("5 6")),
        ("os.path.getsize(config['data'])", lambda folder: (folder / "a.txt").write_text("more")),
        ("os.path.getsize(config['more'][0]['data'])", lambda folder: (folder / "a.txt").write_text("more")),
        (
            "os.path.getsize(config['folder'] + '/b.txt')",
            lambda folder: (folder / "folder" / "b.txt").write_text("more"),
        ),
        ("os.path.exists(config['missing'])", lambda folder: (folder / "missing.txt").write_text("more")),
        ("read('missing.txt')", lambda folder: (folder / "missing.txt").write_text("more")),
        ("os.path.getsize('folder/b.txt')", lambda folder: (folder / "folder" / "b.txt").write_text("more")),
        ("os.path.getsize(PATH)", lambda folder: (folder / "folder" / "a.parquet").write_text("more")),
        (
            "os.path.getsize(os.path.join('folder', 'a.parquet'))",
            lambda folder: (folder / "folder" / "a.parquet").write_text("more"),
        ),
        ("count(config['texts'])", lambda folder: (folder / "folder" / "new.txt").touch()),
        ("count('folder/*.csv')", lambda folder: (folder / "folder" / "new.csv").touch()),
        (
            "os.path.getsize(f'folder/{config[\"name\"]}.parquet')",
            lambda folder: (folder / "folder" / "a.parquet").write_text("more"),
        ),
        (
            "duckdb.sql('SELECT max(size) FROM read_text(\\'folder/*.csv\\')').fetchall()[0]",
            lambda folder: (folder / "folder" / "a.csv").write_text("more"),
        ),
        ("remembered('a.txt')", lambda folder: (folder / "a.txt").write_text("more")),
        ("sorted(os.listdir('folder'))", lambda folder: (folder / "folder" / "new").touch()),
        ("len(list(pathlib.Path('folder').glob('*.txt')))", lambda folder: (folder / "folder" / "new.txt").touch()),
        ("sum(len(names) for *_, names in os.walk('folder'))", lambda folder: (folder / "folder" / "new.txt").touch()),
    ],
)
def test_files_that_it_reads_count(body, change, own, tmp_path):
    (tmp_path / "folder").mkdir()
    for name in ("a.txt", "folder/b.txt", "folder/a.csv", "folder/a.parquet", "other.txt"):
        (tmp_path / name).write_text("1")
    (tmp_path / "numbers.txt").write_text("1 2")
    config = {"data": "a.txt", "numbers": "numbers.txt", "folder": "folder", "missing": "missing.txt"}
    config |= {"texts": "folder/*.txt", "layers": "*", "name": "a"}
    config["more"] = [{"data": "a.txt"}]
    read = "def read(name):\n  try:\n    with open(name) as file: return file.read()\n  except OSError: return ''\n"
    read += "PATH = 'folder/a.parquet'\n@functools.cache\ndef remembered(name): return read(name)\n"
    count = "duckdb.sql(f\"SELECT count(*) FROM read_text('{files}')\").fetchall()[0]"
    read += f"import duckdb\ndef count(files): return {count}\n"
    it = own(f"{read}{STAGE}{body}")
    reads.start().forget("written")  # by this test, and not by a run
    it.module.remembered("a.txt")  # as a run may have done before
    assert [it.call(config), it.call(config)] == [1, 0], stages.notes()
    (tmp_path / "other.txt").write_text("2")
    assert it.call(config) == 0
    change(tmp_path)
    it.module.remembered.cache_clear()
    assert [it.call(config), it.call(config)] == [1, 0], stages.notes()


@pytest.mark.parametrize(
    "change",
    [
        "torch.set_default_dtype(torch.float64); meanwhile.callback(torch.set_default_dtype, torch.float32)",
        "meanwhile.enter_context(torch.autocast('cpu'))",
        "torch.set_float32_matmul_precision('medium');"
        "meanwhile.callback(torch.set_float32_matmul_precision, 'highest')",
    ],
)
def test_how_torch_was_told_to_compute_counts(change, own):
    torch = pytest.importorskip("torch")
    it = own(f"import torch\n{STAGE}str((torch.ones(2, 2) @ torch.ones(2, 2)).dtype)")
    assert [it.call(), it.call()] == [1, 0]
    with contextlib.ExitStack() as meanwhile:
        exec(change, {"torch": torch, "meanwhile": meanwhile})
        assert [it.call(), it.call()] == [1, 0]
    assert it.call() == 0


def test_a_look_for_a_version_counts_no_folder(own, tmp_path):
    it = own(f"import importlib.metadata\n{STAGE}importlib.metadata.version('numpy')")
    assert [it.call(), it.call()] == [1, 0], stages.notes()
    (tmp_path / "new.txt").touch()
    assert it.call() == 0


def test_a_file_that_is_read_only_where_a_value_says_so_counts_only_there(own, tmp_path):
    """Of the kinds that no library opens unheard."""
    (tmp_path / "a.yaml").write_text("1")
    it = own(f"{STAGE}pathlib.Path('a.yaml').read_text() if config['reads'] else 0")
    assert [it.call({"reads": True}), it.call({"reads": False})] == [1, 1]
    (tmp_path / "a.yaml").write_text("2")
    assert [it.call({"reads": True}), it.call({"reads": False})] == [1, 0]


def test_a_relative_path_is_one_of_the_folder_that_the_run_is_in(own, tmp_path, monkeypatch):
    it = own(f"{STAGE}pathlib.Path('a.txt').read_text()")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_text(name)
        monkeypatch.chdir(tmp_path / name)
        assert [it.call(), it.call()] == [1, 0]


def test_what_another_stage_has_read_counts_though_it_is_found(own, tmp_path):
    (tmp_path / "a.txt").write_text("1")
    inner = "@gridfold.stage\ndef inner(config): return pathlib.Path('a.txt').read_text()\n"
    it = own(f"{inner}{STAGE}inner(config) * config['times']")
    assert [it.call({"times": times}) for times in (1, 2, 1, 2)] == [1, 1, 0, 0]
    (tmp_path / "a.txt").write_text("2")
    assert [it.call({"times": times}) for times in (2, 1, 2, 1)] == [1, 1, 0, 0]


NOT_KEPT = {
    "writes a file": ("pathlib.Path('out.txt').write_text('x')", "it writes out.txt"),
    "appends to one": ("write('out.txt', 'a')", "it writes out.txt"),
    "writes one that the config names": ("write(config['out'], 'r+')", "it writes x.txt"),
    "makes a folder": ("os.makedirs('out', exist_ok=True) or os.rmdir('out')", "it changes out"),
    "moves a file": ("os.rename('x.txt', 'y.txt') or os.rename('y.txt', 'x.txt')", "it changes x.txt"),
    "starts a program": ("subprocess.run(['true']).returncode", "it starts a process: true"),
    "starts a shell": ("os.system('true')", "it starts a process: true"),
    "opens a database": ("sqlite3.connect('x.db').close()", "it uses the database x.db"),
    "sets a variable of the environment": (
        "os.environ.update(GRIDFOLD_TEST_SCALE='1')",
        "it sets the environment variable GRIDFOLD_TEST_SCALE",
    ),
    "changes the working directory": ("os.chdir('..')", "it changes the working directory"),
    "changes a variable": ("add()", "it changes {module}.COUNT"),
    "changes a list": ("SEEN.append(1)", "it changes {module}.SEEN"),
    "sets a variable that was not there": ("keep()", "it changes {module}.MODEL"),
    "changes an argument": ("others[0].append(1)", "it changes its arguments"),
    "reads an object that has a state": (
        "float(rng.normal()) * 0",
        "nothing tells what the variable {module}.rng is, a Generator",
    ),
    "draws from the random numbers of the run": ("random.random() * 0", "it draws from random numbers"),
    "gives back what it was given": ("others[0]", "it gives back"),
    "gives back a variable": ("KEPT", "it gives back"),
}


@pytest.mark.parametrize(("body", "why"), NOT_KEPT.values(), ids=NOT_KEPT)
def test_one_that_does_more_than_to_compute_is_called_each_time(body, why, own, tmp_path, monkeypatch):
    (tmp_path / "x.txt").touch()
    monkeypatch.setenv("GRIDFOLD_TEST_SCALE", "")
    source = """
COUNT, SEEN, KEPT = 0, [], [1]
rng = np.random.default_rng(0)
def add():
    global COUNT
    COUNT += 1
def keep():
    global MODEL
    MODEL = globals().get("MODEL", 0) + 1
def write(name, mode):
    with open(name, mode) as file:
        file.write("x")
@gridfold.stage
def made(config, *others):
    log.info("computed")
    return """
    it = own(source + body)
    for _ in range(2):
        before = it.computed
        it.module.made({"out": "x.txt"}, [])
        monkeypatch.chdir(tmp_path)
        assert it.computed == before + 1
    (note,) = stages.notes()
    assert note.startswith("the result of made is not kept: " + why.format(module=it.module.__name__))
    assert not list((tmp_path / "runs").rglob("*.result"))


def test_a_module_that_a_value_names_counts(own, tmp_path):
    """Whether it is imported already, or not yet."""
    it = own(f"{STAGE}importlib.import_module(config['of']).SCALE")
    name = f"plugin_of_{it.module.__name__}"
    for scale in (1, 37):
        (tmp_path / f"{name}.py").write_text(f"SCALE = {scale}")
        assert it.module.made({"of": name}) == scale
        sys.modules.pop(name)
    assert it.module.made({"of": name}) == 37
    before = it.computed
    (tmp_path / f"{name}.py").write_text("SCALE = 4")
    it.module.made({"of": name})  # the old one is imported still: its source is another
    sys.modules.pop(name)
    assert it.computed == before + 1


def test_temporary_files_are_its_own(own):
    body = """
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "x").write_text("1")
        with tempfile.NamedTemporaryFile("w+") as file, tempfile.TemporaryFile("w+") as other:
            file.write("2"), other.write("3")
            return pathlib.Path(folder, "x").read_text()"""
    it = own(STAGE.replace("    return ", body.strip("\n")))
    assert [it.call(), it.call()] == [1, 0], stages.notes()
