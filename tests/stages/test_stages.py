"""Stages: computed once, kept beside the runs, found again by what the function would look at."""

import copy
import dataclasses
import enum
import errno
import functools
import logging
import math
import os
import random
import subprocess
import sys
import warnings
from collections import defaultdict
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

import gridfold
from gridfold import stages
from gridfold.core.errors import ConfigError
from gridfold.identity import code, machine
from gridfold.identity.sources import Sources
from gridfold.runs.store import Store
from gridfold.sharing.group import Group
from gridfold.stages import cache
from tests.conftest import ROOT

CONFIG = {"data": {"name": "news", "limit": 5}, "model": {"size": 2}, "training": {"lr": 0.1}, "list": [{"a": 1}, 2]}
calls = []
told = logging.getLogger("tests.stages")  # a list of this module would be a variable that a stage changes


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    """Keeps in a folder of its own, and knows nothing that other tests have made."""
    monkeypatch.setattr(stages, "_folder", tmp_path / ".stages")
    monkeypatch.setattr(stages, "_notes", [])
    monkeypatch.setattr(stages, "_used", False)
    monkeypatch.delenv(stages.LIMIT, raising=False)
    told.setLevel(logging.INFO)
    handler = logging.Handler()
    handler.emit = lambda record: calls.append(record.getMessage())
    monkeypatch.setattr(told, "handlers", [handler])
    calls.clear()


@gridfold.stage
def features(config, *others, **named):
    told.info("features")
    size = config["data"]["limit"]
    if size > 10:
        size += config["model"]["size"]
    return list(range(size))


@gridfold.stage
def called(*arguments, **named):
    told.info("called")
    return arguments[0]() if callable(arguments[0]) else 1


@gridfold.stage
def result(number):
    """What the tests have put there."""
    told.info("result")
    return results[number]() if callable(results[number]) else results[number]


@gridfold.stage
def made(as_list):
    told.info("made")
    return [0.0, 2.0] if as_list else np.array([0.0, 2.0])


results = {}


def changed(**values):
    """The config with some values changed, by dotted paths with underscores."""
    config = copy.deepcopy(CONFIG)
    for path, value in values.items():
        *parents, last = path.split("__")
        inner = config
        for parent in parents:
            inner = inner[parent]
        inner[last] = value
    return config


def kept(kind=".result"):
    """The files in the folder."""
    folder = stages._folder
    return sorted(folder.glob(f"*{kind}")) if folder.is_dir() else []


class TestWhatIsRead:
    def test_what_was_not_read_does_not_count(self):
        assert features(CONFIG) == [0, 1, 2, 3, 4]
        assert not stages.was_used()
        assert features(changed(training__lr=0.5, model__size=7, data__name="mail")) == [0, 1, 2, 3, 4]
        assert stages.was_used()
        assert calls == ["features"]

    def test_one_value_decides_what_else_counts(self):
        assert len(features(changed(data__limit=11))) == 13
        assert len(features(changed(data__limit=11, model__size=7))) == 18
        assert len(features(changed(data__limit=6, model__size=7))) == 6
        assert len(features(changed(data__limit=6, model__size=8))) == 6
        assert len(features(changed(data__limit=11, training__lr=3))) == 13
        assert len(calls) == 3

    @pytest.mark.parametrize(
        ("look", "other"),
        [
            (lambda config: config["data"]["limit"], changed(data__limit=5.0)),
            (lambda config: config["data"]["limit"], changed(data={"limit": None})),
            (lambda config: config["data"]["limit"], changed(data={})),
            (lambda config: config.get("data"), changed(data=5)),
            (lambda config: config["data"].get("shuffle"), changed(data__shuffle=1)),
            (lambda config: "shuffle" in config["data"], changed(data__shuffle=1)),
            (lambda config: list(config["data"]), changed(data={"limit": 5, "name": "news"})),
            (lambda config: len(config["data"]), changed(data__more=1)),
            (lambda config: bool(config["data"]), changed(data={})),
            (lambda config: dict(config["data"]), changed(data__name="mail")),
            (lambda config: {**config["data"]}, changed(data__name="mail")),
            (lambda config: config["data"] == {"name": "news", "limit": 5}, changed(data__name="mail")),
            (lambda config: sorted(config["data"].values(), key=str), changed(data__name="mail")),
            (lambda config: copy.deepcopy(config)["model"]["size"], changed(model__size=3)),
            (lambda config: copy.copy(config["data"])["name"], changed(data__name="mail")),
            (lambda config: repr(config["data"]), changed(data__name="mail")),
            (lambda config: config["list"][0]["a"], changed(list=[{"a": 1.0}, 2])),
            (lambda config: len(features(config)), changed(data__limit=6)),
        ],
    )
    def test_every_way_of_looking_counts(self, look, other, monkeypatch):
        monkeypatch.setattr(sys.modules[__name__], "look", lambda config: (told.info("look"), look(config))[1])
        for config in (CONFIG, other, CONFIG, other):
            outcome, expected = outcome_of(looked, config), outcome_of(look, copy.deepcopy(config))
            assert outcome == expected
        errors = 1 if isinstance(outcome, tuple) else 0  # which are not kept
        assert calls.count("look") == 2 + errors

    def test_the_config_cannot_be_changed(self, monkeypatch):
        monkeypatch.setattr(sys.modules[__name__], "look", lambda config: config["list"].append(3))
        config = copy.deepcopy(CONFIG)
        looked(config)
        assert config == CONFIG
        monkeypatch.setattr(sys.modules[__name__], "look", lambda config: config["data"].update(name="mail"))
        with pytest.raises(AttributeError, match="update"):
            looked(changed(list=[]))

    def test_runs_are_separated_by_what_it_reads_and_by_no_more(self):
        configs = [changed(data__limit=limit, model__size=size) for limit in (3, 11) for size in (1, 2)]
        split = []

        def fold(choose):
            group = Group(configs, lambda path, groups, place: (split.append((path, len(groups))), choose(groups))[1])
            return features(group.config), group.trials

        for _ in range(2):  # computed, then found
            assert fold(min) == ([0, 1, 2], (0, 1))
            assert fold(max) == (list(range(13)), (3,))
        assert split == [("data.limit", 2), ("data.limit", 2), ("model.size", 2)] * 2
        assert len(calls) == 2

    def test_a_stage_in_a_stage_counts_for_both(self, monkeypatch):
        monkeypatch.setattr(sys.modules[__name__], "look", lambda config: len(features(config)))
        assert [looked(CONFIG), looked(changed(data__limit=6)), looked(changed(training__lr=1))] == [5, 6, 5]
        assert calls == ["features", "features"]


look = None


@gridfold.stage
def looked(config):
    return look(config)


def outcome_of(function, *arguments):
    try:
        return function(*arguments)
    except Exception as error:
        return type(error), str(error)


@dataclasses.dataclass(frozen=True)
class Settings:
    name: str
    size: int = 1


class Kind(enum.Enum):
    A = "a"
    B = "b"


class Values(dict):
    """A kind of dict."""


class Summer(tzinfo):
    """A zone of which nothing tells what it is."""

    def utcoffset(self, _):
        return timedelta(hours=2)


def marked(value):
    """A value with an attribute that is no part of its content."""
    vars(value)["mark"] = 1
    return value


class Named:
    def __init__(self, name):
        self.name = name

    def stage_id(self):
        return self.name


class TestArguments:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (1, True),
            (1, 1.0),
            (0.0, -0.0),
            ("a", b"a"),
            ([1, 2], (1, 2)),
            (["ab", "c"], ["a", "bc"]),
            ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
            ({1, 2}, {1, 3}),
            (Settings("a"), Settings("a", 2)),
            (Settings("a"), marked(Settings("a"))),
            (Values(a=1), marked(Values(a=1))),
            (defaultdict(int), defaultdict(list)),
            (
                datetime(2024, 1, 1, tzinfo=ZoneInfo("Europe/Berlin")),
                datetime(2024, 1, 1, tzinfo=ZoneInfo("Europe/Paris")),
            ),
            (datetime(2024, 1, 1, tzinfo=ZoneInfo("UTC")), datetime(2024, 1, 1, tzinfo=UTC)),
            (datetime(2024, 10, 27, 2), datetime(2024, 10, 27, 2, fold=1)),
            (math.nan, -math.nan),
            (Kind.A, Kind.B),
            (Kind.A, "a"),
            (Decimal("1.0"), Decimal("1.00")),
            (Fraction(1, 2), Fraction(1, 3)),
            (complex(1, 0.0), complex(1, -0.0)),
            (timedelta(1), timedelta(2)),
            (range(3), range(4)),
            (np.float64(1), 1.0),
            (np.float64(1), np.float32(1)),
            (Named("a"), Named("b")),
            (None, ()),
        ],
        ids=lambda value: value.stage_id() if isinstance(value, Named) else str(value),
    )
    def test_they_count_by_content(self, one, other):
        for value in (one, copy.deepcopy(one), other):
            called(0, value)
            called(0, named=value)
        assert len(calls) == 4

    def test_paths_count_by_what_is_in_the_files(self, tmp_path):
        file, folder = tmp_path / "file", tmp_path / "folder"
        folder.mkdir()
        for content in ("a", "b", "a"):
            file.write_text(content)
            (folder / "inside").write_text(content)
            called(0, file)
            called(0, folder)
        assert len(calls) == 4

    def test_folders_behind_links_count(self, tmp_path):
        (tmp_path / "real").mkdir()
        (tmp_path / "folder").mkdir()
        (tmp_path / "folder" / "link").symlink_to(tmp_path / "real")
        (tmp_path / "folder" / "back").symlink_to(tmp_path / "folder")
        for content in ("a", "b"):
            (tmp_path / "real" / "file").write_text(content)
            called(0, tmp_path / "folder")
        assert len(calls) == 2

    def test_what_cannot_be_told_is_called_anew(self, caplog, tmp_path):
        around = []
        around.append(around)
        in_zone, about = datetime(2024, 1, 1, tzinfo=Summer()), np.dtype("i4", metadata={"unit": "m"})
        for unknown in (object(), np.array([None]), np.zeros(1, about), tmp_path / "missing", around, in_zone):
            calls.clear()
            called(0, unknown)
            called(0, unknown)
            assert len(calls) == 2
        assert "the result of called is not kept: nothing tells a ndarray" in caplog.text
        assert not kept()

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (np.zeros(3), np.zeros(4)),
            (np.zeros(3), np.zeros(3, dtype=np.int64)),
            (np.zeros((2, 3)), np.zeros((2, 3), order="F")),
            (np.arange(6)[::2], np.arange(6)[::3]),
            (np.array(["a"]), np.array([b"a"])),
            (np.zeros(3, np.dtype("i4")), np.zeros(3, np.dtype(">i4"))),
        ],
    )
    def test_arrays_count_by_content(self, one, other):
        for value in (one, one.copy(order="K") if one.flags.c_contiguous else one, other):
            called(0, [value])
        assert len(calls) == 2

    def test_tensors_count_by_content(self):
        import torch

        one = torch.zeros(2, 3)
        for value in (
            one,
            one.clone(),
            one.bfloat16(),
            one.half(),
            torch.zeros(3, 2).t(),
            one + 1,
            one.requires_grad_(),
            torch.arange(2.0)[::2],
        ):
            called(0, value)
        assert len(calls) == 7

    @pytest.mark.parametrize(
        "make", [lambda torch: marked(torch.zeros(2)), lambda torch: torch.empty(2, device="meta")]
    )
    def test_a_tensor_that_is_more_than_numbers_or_less_is_not_known(self, make):
        import torch

        for _ in range(2):
            called(0, make(torch))
        assert len(calls) == 2
        assert not kept()

    @pytest.mark.parametrize("change", [lambda rows: rows.__setitem__(0, 7), lambda rows: rows.__setitem__(0, -0.0)])
    @pytest.mark.parametrize("kind", [list, np.array])
    def test_a_result_that_its_caller_has_changed_is_another(self, kind, change):
        for _ in range(2):
            rows = made(kind is list)
            assert list(rows) == [0.0, 2.0]
            called(0, rows)
            change(rows)
            called(0, rows)
        assert calls == ["made", "called", "called"]


class TestResults:
    def test_arrays_are_mapped_and_changed_for_oneself_only(self):
        import torch

        results["array"] = lambda: np.arange(1000, dtype=np.float32)
        result("array")
        for _ in range(2):
            found = result("array")
            assert type(found) is np.ndarray
            assert found.ctypes.data % 64 == 0
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                tensor = torch.from_numpy(found)
            assert tensor[7] == 7
            tensor += 1
        assert calls == ["result"]

    def test_none_is_a_result(self):
        results["nothing"] = None
        assert [result("nothing"), result("nothing")] == [None, None]
        assert calls == ["result"]

    def test_an_error_is_no_result(self):
        for _ in range(2):
            with pytest.raises(KeyError):
                result("missing")
        assert len(calls) == 2

    @pytest.mark.parametrize("draw", [random.random, np.random.rand])
    def test_what_draws_random_numbers_is_not_kept(self, draw, caplog, monkeypatch):
        monkeypatch.setattr(sys.modules[__name__], "look", lambda config: draw() + config["data"]["limit"])
        looked(CONFIG)
        assert not kept()
        assert "the result of looked is not kept: it draws from random numbers" in caplog.text

    @pytest.mark.parametrize("draws", [True, False])
    def test_nor_is_what_draws_from_a_library_that_it_imports_itself(self, draws, tmp_path):
        (tmp_path / "own.py").write_text(
            "import gridfold\n\n\n@gridfold.stage\ndef made():\n    import numpy\n"
            f"    print('computed')\n    return numpy.random.rand(312).sum() if {draws} else 1\n"
        )
        code = (
            "import own; from gridfold import stages; from gridfold.core.process import seeding; "
            "from pathlib import Path; "
            "stages.use(Path()); seeding.start(3); own.made()"
        )
        printed(code, tmp_path)
        assert ("computed" in printed(code, tmp_path)) == draws

    @pytest.mark.parametrize(
        ("value", "why"),
        [
            (lambda: np.zeros((4, 4))[:, :2], "an array that is a part"),
            (lambda: [({"a": {3}},)], "a set, which would be in another order"),
        ],
    )
    def test_what_would_not_come_back_to_the_bit_is_not_kept(self, value, why, caplog):
        results["value"] = value
        assert repr(result("value")) == repr(value())
        assert not kept()
        assert why in caplog.text

    def test_a_function_that_refers_to_what_is_around_it_is_called_anew(self, caplog):
        def made(factor):
            @gridfold.stage
            def inner():
                return factor

            return inner

        assert [made(2)(), made(3)()] == [2, 3]
        assert "a nested function" in caplog.text

    def test_what_is_no_data_is_not_kept(self, caplog):
        results["function"] = lambda: lambda: 1
        assert result("function")() == 1
        assert (
            "the result of result is not kept: a function, which is none of the kinds that can be kept" in caplog.text
        )

    @pytest.mark.parametrize(
        "damage",
        [
            lambda content: content[:-1],
            lambda content: b"",
            lambda content: b"garbage",
            lambda content: content[:-5] + bytes([content[-5] ^ 1]) + content[-4:],
            lambda content: content + b"\0",
        ],
        ids=["cut", "empty", "garbage", "a bit", "longer"],
    )
    @pytest.mark.parametrize("kind", [".result", ".question"])
    def test_a_torn_file_is_not_there(self, damage, kind):
        features(CONFIG)
        (file, *_) = kept(kind)
        whole = file.read_bytes()
        file.write_bytes(damage(whole))
        assert features(CONFIG) == [0, 1, 2, 3, 4]
        assert calls == ["features", "features"]
        assert features(CONFIG) == [0, 1, 2, 3, 4]
        assert len(calls) == 2
        assert file.read_bytes() == whole

    def test_a_folder_that_cannot_be_made_keeps_nothing(self, caplog):
        stages._folder.write_text("a file")
        assert features(CONFIG) == features(CONFIG)
        assert len(calls) == 2
        assert "is not kept" in caplog.text

    def test_a_full_disk_keeps_nothing(self, monkeypatch, caplog):
        def full(*_):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(cache, "replace_bytes", full)
        assert len(features(CONFIG)) == len(features(CONFIG)) == 5
        assert "No space left" in caplog.text


class TestIdentity:
    def test_versions_machine_and_threads_count(self, monkeypatch):
        called(1)
        monkeypatch.setattr(code, "_sources", lambda _: Sources(packages={"torch": "0.1"}))
        called(1)
        monkeypatch.setattr(machine, "_processor", lambda: ("another",))
        called(1)
        monkeypatch.setenv("OMP_NUM_THREADS", "17")
        called(1)
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
        called(1)
        assert len(calls) == 4

    def test_the_code_of_the_project_counts(self, tmp_path):
        (tmp_path / "helping.py").write_text("SIZE = 3\n")
        (tmp_path / "unused.py").write_text("SIZE = 3\n")
        (tmp_path / "own.py").write_text(
            "import gridfold\n\n\n@gridfold.stage\ndef made(n):\n    from helping import SIZE\n"
            "    print('computed')\n    return n * SIZE\n"
        )
        code = (
            "from pathlib import Path; from gridfold import stages; import own; stages.use(Path()); print(own.made(2))"
        )
        assert printed(code, tmp_path) == "computed\n6\n"
        assert printed(code, tmp_path) == "6\n"
        (tmp_path / "unused.py").write_text("SIZE = 4\n")
        assert printed(code, tmp_path) == "6\n"
        (tmp_path / "helping.py").write_text("SIZE = 4\n")
        assert printed(code, tmp_path) == "computed\n8\n"
        (tmp_path / "own.py").write_text((tmp_path / "own.py").read_text().replace("stage\n", "stage(version='2')\n"))
        assert printed(code, tmp_path) == "computed\n8\n"

    def test_threads_do_not_count_where_it_says_so(self, monkeypatch):
        assert machine.of_machine(threads=False) == machine.of_machine(threads=False)
        before = machine.of_machine(threads=False)
        monkeypatch.setenv("OMP_NUM_THREADS", "17")
        assert machine.of_machine(threads=False) == before

    def test_a_worker_without_stages_does_not_load_what_they_need(self):
        heavy = {"gridfold.stages.cache"}
        code = f"import sys, gridfold.worker; print({heavy} & set(sys.modules))"
        assert printed(code, ROOT) == "set()\n"


class TestLimit:
    def test_what_was_not_used_for_longest_goes_first(self, monkeypatch):
        monkeypatch.setenv(stages.LIMIT, "35e-6")
        results.update({number: bytes([number]) * 10_000 for number in range(4)})
        for number in (0, 1, 2):
            result(number)
        result(0)
        result(3)  # for which 1 goes
        assert len(kept()) == 3
        calls.clear()
        for number in (0, 2, 3):
            assert result(number) == results[number]
        assert not calls
        result(1)
        assert calls == ["result"]

    def test_what_is_mapped_stays(self, monkeypatch):
        monkeypatch.setenv(stages.LIMIT, "35e-6")
        results.update({number: functools.partial(np.full, 10_000, number, dtype=np.int8) for number in range(5)})
        result(0)
        in_use = result(0)
        for number in (1, 2, 3, 4):
            result(number)
        calls.clear()
        assert (result(0) == in_use).all()
        assert not calls

    def test_what_is_larger_than_all_that_may_be_kept_is_not_kept(self, monkeypatch, caplog):
        monkeypatch.setenv(stages.LIMIT, "1e-6")
        results["large"] = b"x" * 2000
        result("large")
        assert not kept()
        assert "the limit is 1000" in caplog.text

    def test_zero_switches_off(self, monkeypatch):
        monkeypatch.setenv(stages.LIMIT, "0")
        assert features(CONFIG) == features(CONFIG)
        assert len(calls) == 2
        assert not stages._folder.exists()

    def test_it_is_a_number(self, monkeypatch):
        monkeypatch.setenv(stages.LIMIT, "plenty")
        with pytest.raises(ConfigError, match="GRIDFOLD_STAGES_GB: expected a number of gigabytes, found 'plenty'"):
            features(CONFIG)


def test_outside_of_runs_nothing_is_kept(monkeypatch):
    monkeypatch.setattr(stages, "_folder", None)
    assert features(CONFIG) == features(CONFIG)
    assert len(calls) == 2


def printed(code, folder, **options):
    """What a program prints, in a process of its own."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(folder)]), "PYTHONWARNINGS": "error"}
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=folder, env=environment
    )
    return done.stdout


TRAINER = """
import os
import time

import gridfold


@gridfold.stage
def features(config):
    with open(os.environ["LEDGER"], "a") as ledger:
        ledger.write("features\\n")
    time.sleep(config["wait"])
    return [config["size"], 1, 2]


def train(config, run):
    made = features(config)
    return {"sum": sum(made) * config["lr"], "seed": run.seed}
"""


READER = """
import gridfold


@gridfold.stage
def size(config):
    with open("x.txt") as file:
        return int(file.read())


def train(config, run):
    return {"sum": size(config) * config["lr"]}
"""


class TestRuns:
    @pytest.fixture
    def search(self, project, write, command, monkeypatch):
        (project / "cache").mkdir()
        monkeypatch.setenv("XDG_CACHE_HOME", str(project / "cache"))  # where a file that is written does not count
        monkeypatch.setenv("LEDGER", str(project / "cache" / "ledger"))
        write("trainers.py", TRAINER)
        write("base.yaml", "size: 3\nwait: 0.0\nlr: [1, 2]\nother: 1\n")

        def run(*arguments):
            done = command("hyper_main.py", "--config", "base.yaml", "--trainer", "trainers:train", *arguments)
            assert done.returncode == 0, done.stdout + done.stderr
            search = Store("runs").find("last")
            return [(record.metrics["sum"], record.sharing["label"]) for _, record in search.records()]

        return run

    def test_a_second_search_does_not_compute_again(self, search):
        ledger = Path("cache/ledger")
        assert search("--share", "--run-prefix", "one") == [(6, "bitwise"), (12, "bitwise")]
        assert search("--share", "--run-prefix", "two", "--param-variations", "lr=3,4") == [
            (18, "bitwise"),
            (24, "bitwise"),
        ]
        assert ledger.read_text() == "features\n"
        changed = search("--share", "--run-prefix", "three", "--param-variations", "size=3,4")
        assert [total for total, _ in changed] == [6, 7, 12, 14]
        assert ledger.read_text() == "features\n" * 2
        assert {found.name.partition("_")[0] for found in Store("runs").searches()} == {"one", "two", "three"}

    def test_one_that_writes_a_file_is_called_by_each_run_and_the_run_says_so(self, search, monkeypatch):
        monkeypatch.setenv("LEDGER", "ledger")
        for prefix, times in (("one", 2), ("two", 4)):
            assert search("--run-prefix", prefix) == [(6, "bitwise"), (12, "bitwise")]
            assert Path("ledger").read_text() == "features\n" * times
            notes = [record.notes for _, record in Store("runs").find("last").records()]
            assert notes == [["the result of features is not kept: it writes ledger"]] * 2

    def test_a_run_that_finds_a_result_depends_on_the_files_that_it_comes_from(self, search, write):
        write("trainers.py", READER)
        write("x.txt", "1")
        assert search("--run-prefix", "one") == [(1, "bitwise"), (2, "bitwise")]
        variations = ("--param-variations", "lr=3,4")
        assert [total for total, _ in search("--run-prefix", "two", *variations)] == [3, 4]
        write("x.txt", "50")
        assert [total for total, _ in search("--run-prefix", "three", "--reuse", *variations)] == [150, 200]

    def test_without_sharing_every_run_does_everything_itself(self, search):
        search("--run-prefix", "one", "--share")
        assert search("--run-prefix", "two", "--no-share") == [(6, "own"), (12, "own")]
        assert Path("cache/ledger").read_text() == "features\n" * 3

    def test_of_processes_that_want_the_same_one_computes(self, search, project):
        code = (
            "from pathlib import Path; from gridfold import stages; import trainers; stages.use(Path());"
            "print(trainers.features({'size': 5, 'wait': 0.7}))"
        )
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(project)])}
        start = [sys.executable, "-c", code]
        both = [subprocess.Popen(start, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(3)]
        assert [each.communicate()[0] for each in both] == ["[5, 1, 2]\n"] * 3
        assert Path("cache/ledger").read_text() == "features\n"
        assert not list(Path(".stages").glob("*.lock"))
