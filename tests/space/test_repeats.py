"""Repeats and folds of trials: which runs there are, that each is as if alone, races, and fresh seeds."""

import itertools
import json
import os
import re
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from gridfold.cli import execution, main, run, train
from gridfold.config.config import Config
from gridfold.config.overrides import parse_arguments
from gridfold.config.seeds import find_seeds
from gridfold.core.errors import ConfigError
from gridfold.propose.protocol import runs_of
from gridfold.runs.store import Store
from gridfold.search import execute
from gridfold.search.directories import create, extend
from gridfold.search.hyperparam_search import HyperParamSearch
from gridfold.search.loop import Schedule
from gridfold.search.more_runs import results_of
from gridfold.search.plan import Plan, plan_of
from gridfold.space.repeats import DataFold, Repetition, Seeds, repetitions
from tests.conftest import ROOT

TRAINERS = """
import random


def by_run(config, run):
    held_out = run.fold.index / run.fold.count if run.fold else 0.0
    return {"acc": config["lr"] + random.random() / 10, "seed": run.seed, "held_out": held_out}


def by_config(config, run):
    noise = random.Random(config["training"]["seed"]).random() / 10
    return {"acc": config["lr"] + noise, "seed": run.seed}


def splits(config, run):
    with open("reads", "a") as file:
        file.write("read\\n")
    part = run.fold.index
    return {"acc": config["lr"] + part, "count": run.fold.count}


def fails(config, run):
    with open("tries", "a") as file:
        file.write(f"{config['lr']}\\n")
    if config["lr"] == 0.3:
        raise ValueError("too large")
    return {"acc": config["lr"]}


def without_run(config):
    return config["lr"]
"""


@pytest.fixture(autouse=True)
def place(project):
    (project / "trainers.py").write_text(TRAINERS)
    return project


@pytest.fixture
def search(gridfold, write):
    def run(text, *arguments, trainer="by_run"):
        return gridfold(
            "search", "--config", write("c.yaml", f"{text}\n"), "--trainer", f"trainers:{trainer}", *arguments
        )

    return run


def last():
    return Store().find("last")


def found(search=None):
    """Lines of a search's runs, with their records."""
    return [(entry, record) for entry, record in (search or last()).records()]


class TestSeeds:
    def test_later_repeats_go_on_from_the_largest(self):
        assert [Seeds("seed", (42,))[repeat] for repeat in range(3)] == [42, 43, 44]
        assert [Seeds("seed", (7, 3))[repeat] for repeat in range(4)] == [7, 3, 8, 9]

    @pytest.mark.parametrize(
        ("text", "built_in", "path", "given"),
        [
            ("training: {seed: 7}", True, "training.seed", (7,)),
            ("training: {lr: 1}", True, "training.seed", (42,)),
            ("seed: 7", True, "training.seed", (42,)),
            ("training: {seed: 7}\nseed: 8", False, "training.seed", (7,)),
            ("training: {seed: null}\nseed: 8", False, "seed", (8,)),
            ("seed: [3, 1]", False, "seed", (3, 1)),
            ("seed: true", False, None, (0,)),
            ("lr: 1", False, None, (0,)),
            ("lr: 1\n# gridfold: {seed: 4}", False, None, (4,)),
            ("data: {seed: 9}\nseed: 8\ngridfold: {seed: data.seed}", False, "data.seed", (9,)),
            ("seed: 8\ngridfold: {seed: run.seed}", False, None, (0,)),
        ],
    )
    def test_where_the_seed_is(self, text, built_in, path, given):
        assert find_seeds(Config.parse(f"{text}\n", "c.yaml"), (), built_in=built_in) == Seeds(path, given)

    def test_a_variation_comes_before_the_config(self):
        config = Config.parse("seed: 8\n", "c.yaml")
        assert find_seeds(config, parse_arguments(["seed=1,5"]), built_in=False) == Seeds("seed", (1, 5))
        assert find_seeds(config, parse_arguments(["+training.seed=3"]), built_in=True) == Seeds("training.seed", (3,))

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (
                "sead: 1\ngridfold: {seed: seed}",
                "c.yaml:2:18: gridfold.seed: no such path in the config: 'seed'\n  did you",
            ),
            (
                "training: {seed: [1, 2]}\ngridfold: {repeats: 3}",
                "the config lists 2 seeds, which makes 2 repeats, but 3",
            ),
            ("training: {seed: x}\ngridfold: {repeats: 3}", "training.seed: seeds are whole numbers, found x"),
            ("training: {seed: [1, x]}", "training.seed: seeds are whole numbers, found [1, x]"),
            (
                "a: &a [1, 2]\ntraining: {seed: *a}",
                "c.yaml:1:4: training.seed: an alias of a list that is swept elsewhere",
            ),
        ],
    )
    def test_what_cannot_be_a_seed(self, text, message):
        with pytest.raises(ConfigError, match=re.escape(message)):
            find_seeds(Config.parse(f"{text}\n", "c.yaml"), (), built_in=True)


class TestPlan:
    def plan(self, text, *variations, **settings):
        return Plan(Config.parse(f"{text}\n", "c.yaml").override(**settings), parse_arguments(variations))

    def test_a_list_of_seeds_is_no_parameter(self):
        plan = self.plan("training: {seed: [1, 2, 3], lr: [0.1, 0.2]}")
        assert [parameter.path for parameter in plan.space.parameters] == ["training.lr"]
        assert (plan.repeats, plan.size) == (3, 6)
        assert [plan.renderer_of(each).config({"training.lr": 0.2})["training"] for each in plan.repetitions] == [
            {"seed": seed, "lr": 0.2} for seed in (1, 2, 3)
        ]

    def test_the_first_repeat_is_the_run_that_it_is_without_repeats(self):
        for text in (
            "a: [1, 2] # why\n",
            "a: [1, 2]\ntraining: {seed: 0x10}\n",
            "a: [1, 2]\ngridfold: {trainer: 'x:y'}\n",
        ):
            lone, repeated = self.plan(text), self.plan(text, repeats=3)
            (first, *others) = [
                list(lone.runs(lone.names("p", "123045"))),
                list(repeated.runs(repeated.names("p", "123045"))),
            ]
            assert [(entry.id, config) for entry, config in first] == [(e.id, config) for e, config in others[0][:2]]
            assert len({entry.id for entry, _ in others[0]}) == len({config for _, config in others[0]}) == 6

    def test_a_repeat_of_all_trials_comes_before_the_next(self):
        plan = self.plan("lr: [1, 2]\nseed: 5\ngridfold: {trainer: 'x:y'}", repeats=2, folds=2)
        entries = [entry for entry, _ in plan.runs(plan.names("p", "123045"))]
        assert [entry.index for entry in entries] == list(range(8))
        assert [(entry.repeat, entry.fold, entry.params["lr"]) for entry in entries] == list(
            itertools.product((0, 1), (0, 1), (1, 2))
        )
        assert entries[5].run == "p_123045_lr_2_seed_6_fold_0"

    def test_folds_of_the_built_in_trainer_stand_in_the_config(self):
        plan = self.plan("data: {train: x.csv}", folds=2)
        configs = [plan.renderer_of(each).config({})["data"] for each in plan.repetitions]
        assert configs == [{"train": "x.csv", "folds": 2, "fold": fold} for fold in (0, 1)]

    def test_a_config_says_its_seed_and_its_fold_where_it_has_no_keys_for_them(self):
        plan = self.plan("lr: 1\ngridfold: {trainer: 'x:y', repeats: 2, folds: 2}")
        text = plan.renderer_of(Repetition(1, DataFold(1, 2))).text({})
        assert text == "lr: 1\n# gridfold: {trainer: 'x:y', seed: 1, fold: [1, 2]}\n"
        again = Config.parse(text, "config.yaml")
        assert (again.run_seed, again.fold) == (1, DataFold(1, 2))
        assert Plan(again).renderer.text({}) == text
        assert Plan(again).renderer.identity({}) == plan.renderer_of(Repetition(1, DataFold(1, 2))).identity({})

    @pytest.mark.parametrize("comment", ["{seed: -1}", "{seed: x}", "{fold: [2, 2]}", "{fold: 1}", "{fold: [0]}"])
    def test_a_comment_that_is_no_seed_or_fold(self, comment):
        with pytest.raises(ConfigError, match=r"c.yaml:2: the comment .* does not hold settings"):
            Config.parse(f"a: 1\n# gridfold: {comment}\n", "c.yaml").trainer  # noqa: B018

    @pytest.mark.parametrize(
        "setting", ["repeats: 0", "repeats: 1001", "folds: 1", "metric: [a]", "maximize: 1", "seed: 3", "repeat: 3"]
    )
    def test_wrong_settings(self, setting, snapshot):
        with pytest.raises(ConfigError) as error:
            Config.parse(f"a: 1\nseed: 2\ngridfold: {{{setting}}}\n", "c.yaml")
        assert str(error.value) == snapshot

    def test_wrong_settings_from_python(self, project):
        with pytest.raises(ConfigError, match=r"gridfold.folds: expected a number of parts .*, found 1"):
            HyperParamSearch({"lr": 1}).run_grid_search(folds=1)


def test_all_runs_come_back_from_python(place):
    config = {"lr": [0.1, 0.2], "gridfold": {"trainer": "trainers:by_run"}}
    directories = HyperParamSearch(config).run_grid_search(execute=True, repeats=2, folds=2)
    assert len(directories) == 8
    assert [path.name.split("_", 2)[2] for path in directories][5] == "lr_0.2_seed_1_fold_0"
    assert all(json.loads((path / "run.json").read_text())["state"] == "completed" for path in directories)


@pytest.mark.parametrize(
    ("text", "trainer"),
    [("lr: [0.1, 0.2]", "by_run"), ("lr: [0.1, 0.2]\ntraining: {seed: 5}", "by_config")],
    ids=["run.seed", "a seed in the config"],
)
def test_repeats_are_as_if_each_had_run_alone(search, gridfold, text, trainer):
    code, said = search(text, "--repeats", "3", "--folds", "2", trainer=trainer)
    assert code == 0, said
    runs = found()
    assert len({(record.metrics["acc"], entry.params["lr"]) for entry, record in runs}) == 6
    assert {record.sharing["label"] for _, record in runs} == {"bitwise"}
    assert {(record.repeat, tuple(record.data_fold)) for _, record in runs} == {
        (r, (f, 2)) for r in range(3) for f in (0, 1)
    }
    if trainer == "by_run":
        assert {(record.seed, record.metrics["seed"], record.repeat) for _, record in runs} == {
            (r, r, r) for r in range(3)
        }
        assert {record.metrics["held_out"] for _, record in runs} == {0.0, 0.5}
    begun = [event["runs"] for event in last().sharing_events() if "batch" in event]
    assert begun == ([4, 4, 4] if trainer == "by_run" else [12])
    code, said = gridfold("verify", "--all")
    assert code == 0, said
    assert "12 of 12 runs give the same alone, to the last bit" in said


def test_a_runs_config_alone_reproduces_it(search, gridfold, place):
    search("lr: [0.1, 0.2]", "--repeats", "2", "--folds", "2")
    entry, record = found()[7]
    code, said = gridfold("reproduce", entry.run, "--quiet")
    assert code == 0, said
    assert train(["--config", f"runs/{entry.run}/config.yaml"]) == 0
    again = json.loads((max(place.glob("runs/2*"), key=os.path.getctime) / "run.json").read_text())
    assert (again["metrics"], again["id"], again["seed"]) == (record.metrics, record.id, 1)
    assert again["data_fold"] == [1, 2]


def test_what_does_not_read_the_fold_is_computed_once(search, place):
    code, said = search("lr: [0.1, 0.2]", "--folds", "3", "--share", trainer="splits")
    assert code == 0, said
    assert (place / "reads").read_text() == "read\n"
    split = next(event for event in last().sharing_events() if "split" in event)
    assert (split["path"], split["sizes"], split["place"].split(":")[0]) == ("run.fold", [2, 2, 2], "trainers.py")
    assert [record.metrics["acc"] for _, record in found()] == [0.1, 0.2, 1.1, 1.2, 2.1, 2.2]


def test_reuse_takes_the_repeats_that_are_there(search):
    search("lr: [0.1, 0.2]")
    _, said = search("lr: [0.1, 0.2]", "--repeats", "2", "--reuse")
    assert "Reused 2 results of earlier searches" in said
    runs = found()
    assert [bool(record.reused) for _, record in runs] == [True, True, False, False]
    assert [(record.repeat, record.seed) for _, record in runs] == [(0, 0), (0, 0), (1, 1), (1, 1)]


def test_a_command_takes_seed_and_fold(place, gridfold, write):
    write("c.yaml", "lr: 1\n")
    line = "import sys, os; print('{\"acc\": 1%s%s%s}' % (*sys.argv[1:], os.environ['GRIDFOLD_FOLD']))"
    command = ["--", sys.executable, "-c", line, "{seed}", "{fold}"]
    code, said = gridfold("search", "--config", "c.yaml", "--repeats", "2", "--folds", "2", *command)
    assert code == 0, said
    assert [record.metrics["acc"] for _, record in found()] == [1000, 1011, 1100, 1111]


class TestMessages:
    """What is told to whoever asks for repeats."""

    @pytest.mark.parametrize(
        ("text", "arguments"),
        [
            ("lr: [1, 2]\nb: [1, 2]", ["--repeats", "3"]),
            ("lr: [1, 2]\nseed: [4, 9]", []),
            ("lr: 1", ["--repeats", "9", "--folds", "5"]),
            ("lr: [1, 2]", ["--repeats", "5", "--race"]),
        ],
    )
    def test_the_plan(self, search, snapshot, text, arguments):
        code, said = search(text, *arguments, "--dry-run")
        assert (code, said) == (0, snapshot)

    @pytest.mark.parametrize(
        ("text", "arguments", "trainer"),
        [
            ("lr: 1", ["--race"], "by_run"),
            ("lr: 1", ["--folds", "2"], "without_run"),
            ("lr: 1\nseed: [1, 2]", ["--repeats", "3"], "by_run"),
        ],
    )
    def test_errors(self, search, snapshot, text, arguments, trainer):
        code, said = search(text, *arguments, trainer=trainer)
        assert (code, said) == (2, snapshot)
        assert not Path("runs").exists()

    @pytest.mark.parametrize(
        "arguments",
        [
            ["search", "--repeats", "0"],
            ["search", "--folds", "1"],
            ["search", "--maximize", "--minimize"],
            ["search", "--metrix", "f1"],
            ["confirm", "--repeat", "3"],
            ["confirm", "nothing"],
        ],
    )
    def test_options(self, place, capsys, snapshot, arguments):
        assert main(arguments) == 2
        assert capsys.readouterr().err == snapshot

    def test_a_command_without_a_place_for_the_fold(self, gridfold, write, snapshot):
        write("c.yaml", "lr: 1\n")
        assert gridfold("search", "--config", "c.yaml", "--folds", "2", "--", sys.executable, "-V") == (2, snapshot)


def test_runs_are_compared_by_what_is_said(search, gridfold, place):
    code, said = search("lr: [0.1, 0.2]\ngridfold: {metric: acc}", "--minimize", "--parallel", "1")
    assert (code, json.loads((last().dir / "search.json").read_text())["metric"]) == (0, "acc")
    assert "best first (lowest acc)" in said
    assert re.search(r"Best run: \S+lr_0\.1\n", said)
    assert re.search(r"best run: acc 0\.1\d+: \S+lr_0\.1\n", gridfold("status")[1])
    assert results_of(last()).ranked[0].params == {"lr": 0.1}


def test_a_metric_that_no_run_has(search, gridfold):
    _, said = search("lr: [0.1, 0.2]", "--metric", "accu", "--keep-going")
    assert said.count("warning: the first run has no metric 'accu': did you mean 'acc'?") == 1
    assert "No run has accu: did you mean 'acc'?" in said
    assert "Best run" not in said
    code, said = gridfold("confirm")
    assert (code, "no run has a finite accu to compare by\n  did you mean 'acc'?" in said) == (2, True)


def test_what_failed_before_is_not_tried_again_with_the_repeats_that_are_added(place, gridfold, write):
    write(
        "fragile.py",
        "def train(config, run):\n    return 1 / (config['lr'] - 2) if config['lr'] < 3 else 3 + run.seed\n",
    )
    text = "lr: [4, 3, 2]\n"
    assert gridfold("search", "--config", write("c.yaml", text), "--trainer", "fragile:train")[0] == 1
    code, said = gridfold("resume", "last", "--repeats", "2", "--top", "2", "--fail-fast")
    assert code == 0, said
    found = results_of(last())
    assert [(trial.params["lr"], len(trial.values)) for trial in found.trials] == [(4, 2), (3, 2), (2, 0)]


def add(search, trials, repeats):
    """Add some repeats of some trials; how many are new."""
    plan = plan_of(search)
    return extend(search, plan, runs_of([plan.space[trial] for trial in trials], repetitions(range(repeats), None)))


class TestExtension:
    def created(self, place, text="lr: [1, 2]\n"):
        config = Config.parse(text, "c.yaml").override(trainer="trainers:by_run")
        return create(Plan(config), "run", Store())[0]

    def test_runs_are_added_once_behind_the_others(self, place):
        search = self.created(place)
        before = (search.dir / "runs.jsonl").read_text()
        assert add(search, [1], 3) == 2
        assert add(search, [0, 1], 3) == 2
        assert add(search, [0, 1], 3) == 0
        entries = list(search.entries())
        assert (search.dir / "runs.jsonl").read_text().startswith(before)
        assert [(e.index, e.params["lr"], e.repeat) for e in entries] == [
            (0, 1, 0), (1, 2, 0), (2, 2, 1), (3, 2, 2), (4, 1, 1), (5, 1, 2)
        ]  # fmt: skip
        assert all(search.run(entry).config_path.exists() for entry in entries)
        assert search.facts()["runs"] == 6

    def test_a_search_of_an_older_gridfold_can_be_extended(self, place):
        search = self.created(place)
        facts = search.facts()
        for name in ("repeats", "race", "folds", "seed_path", "metric", "maximize"):
            del facts[name]
        search.write_facts(facts)
        assert add(search, [0], 2) == 1

    def test_killed_at_any_moment_nothing_is_lost(self, place):
        search = self.created(place, "lr: [1, 2, 3, 4]\n")
        before = (search.dir / "runs.jsonl").read_text()
        program = (
            "import os, signal, sys\n"
            "from gridfold.propose.protocol import runs_of\n"
            "from gridfold.runs.store import SearchDirectory\n"
            "from gridfold.search.directories import extend\n"
            "from gridfold.search.plan import plan_of\n"
            "from gridfold.space.repeats import repetitions\n"
            "search = SearchDirectory(sys.argv[1])\n"
            "left = int(sys.argv[2])\n"
            "def dying(name):\n"
            "    function = getattr(os, name)\n"
            "    def call(*arguments, **options):\n"
            "        global left\n"
            "        left -= 1\n"
            "        left or os.kill(os.getpid(), signal.SIGKILL)\n"
            "        return function(*arguments, **options)\n"
            "    return call\n"
            "plan = plan_of(search)\n"
            "for name in ('makedirs', 'replace', 'open', 'close', 'write'):\n"
            "    setattr(os, name, dying(name))\n"
            "extend(search, plan, runs_of(plan.space, repetitions(range(3), None)))\n"
        )
        for moment in (1, 2, 3, 5, 9, 14, 33, 40, 41, 42, 43, 44, 45, 46, 47, 48, 50):
            line = [sys.executable, "-c", program, str(search.dir), str(moment)]
            process = subprocess.run(line, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, check=False)
            listed = (search.dir / "runs.jsonl").read_text()
            assert listed.startswith(before)
            entries = list(search.entries())
            assert len(entries) in (4, 12)
            assert all(search.run(entry).config_path.exists() for entry in entries)
            if process.returncode == 0:
                break
            assert process.returncode == -signal.SIGKILL, process.stderr.decode()
        assert add(search, range(4), 3) in (0, 8)
        assert [entry.index for entry in search.entries()] == list(range(12))

    def test_more_repeats_of_the_best(self, search, gridfold):
        search("lr: [0.1, 0.5, 0.3]")
        code, said = gridfold("resume", "last", "--repeats", "3", "--top", "2")
        assert code == 0, said
        assert "Added 4 runs" in said
        assert [(e.params["lr"], e.repeat, record.seed) for e, record in found()[3:]] == [
            (0.5, 1, 1), (0.3, 1, 1), (0.5, 2, 2), (0.3, 2, 2)
        ]  # fmt: skip
        assert "Added 2 runs" in gridfold("resume", "last", "--repeats", "3")[1]
        assert len(found()) == 9

    @pytest.mark.parametrize("arguments", [["--top", "2"], ["--repeats", "2", "--dry-run"]])
    def test_what_makes_no_sense(self, place, gridfold, snapshot, arguments):
        self.created(place)
        assert gridfold("resume", "last", *arguments) == (2, snapshot)

    def test_the_best_of_nothing(self, search, gridfold):
        search("lr: [0.1, 0.5]", "--no-execute")
        code, said = gridfold("resume", "last", "--repeats", "3", "--top", "2")
        assert (code, "no run is completed, so nothing can be compared" in said) == (2, True)


def near_the_best(results):
    """A stand-in for statistics: means that differ by less than the noise is."""
    best = results.ranked[0]
    return [trial for trial in results.ranked if abs(trial.mean - best.mean) < 0.1]


class TestRace:
    @pytest.fixture(autouse=True)
    def judge(self, monkeypatch):
        monkeypatch.setattr(execution, "contention", lambda: near_the_best)
        monkeypatch.setattr(run, "contention", lambda: near_the_best)

    def counts(self):
        return {trial.params["lr"]: len(trial.values) for trial in results_of(last()).trials}

    def test_extra_repeats_go_to_trials_in_contention_only(self, search):
        code, said = search("lr: [0.1, 0.5, 0.51, 0.3]", "--repeats", "5", "--race")
        assert code == 0, said
        assert self.counts() == {0.1: 2, 0.5: 5, 0.51: 5, 0.3: 2}
        assert "Race: repeat 5 for 2 combinations that are in contention (2 runs)" in said
        assert len({entry.run for entry, _ in found()}) == 14

    def test_it_ends_when_one_is_left(self, search):
        search("lr: [0.1, 0.3, 0.6]", "--repeats", "9", "--race")
        assert set(self.counts().values()) == {2}

    def test_folds_tell_the_noise_too(self, search):
        search("lr: [0.1, 0.3, 0.6]", "--repeats", "3", "--folds", "2", "--race")
        assert set(self.counts().values()) == {2}

    def test_what_failed_is_not_tried_again_in_later_rounds(self, search, place):
        code, said = search("lr: [0.3, 0.5, 0.51]", "--repeats", "4", "--race", "--no-share", trainer="fails")
        assert code == 1, said
        tries = (place / "tries").read_text().splitlines()
        assert {lr: tries.count(lr) for lr in set(tries)} == {"0.3": 2, "0.5": 4, "0.51": 4}

    def test_resume_continues_it(self, search, gridfold):
        text = "lr: [0.1, 0.5, 0.51]"
        code, said = search(text, "--repeats", "4", "--race", "--no-execute")
        assert (code, len(found())) == (0, 6)
        assert gridfold("resume", "last")[0] == 0
        assert self.counts() == {0.1: 2, 0.5: 4, 0.51: 4}
        code, said = gridfold("resume", "last")
        assert (code, len(found())) == (0, 10), said

    def test_a_budget_ends_it(self, search, monkeypatch, place):
        def clock():
            return 61.0 * (len(list(place.glob("runs/*/run.json"))) >= 6)

        monkeypatch.setattr(execute, "Schedule", partial(Schedule, clock=clock))
        _, said = search("lr: [0.5, 0.51]", "--repeats", "9", "--race", "--budget", "60s")
        assert "Stopped: the budget of 0:01:00 allows no further run" in said
        assert sum(self.counts().values()) < 2 * 9


def test_status_names_the_best_trial_and_not_the_luckiest_run(search, gridfold, place):
    code = "\n\ndef luck(config, run): return [[0.9, 0.1, 0.2], [0.5, 0.6, 0.7]][config['lr']][run.seed]\n"
    (place / "trainers.py").write_text(TRAINERS + code)
    search("lr: [0, 1]", "--repeats", "3", trainer="luck")
    assert "best so far: result 0.6000 (mean of 3): lr 1\n" in gridfold("status")[1]


def test_confirm_trains_the_best_two_on_fresh_seeds(search, gridfold, snapshot):
    search("lr: [0.1, 0.5, 0.51]", "--repeats", "2", "--parallel", "1")
    chosen = results_of(last()).ranked[:2]
    code, said = gridfold("confirm", "--repeats", "3")
    assert code == 0, said
    fresh = [(entry, record) for entry, record in found() if entry.confirms]
    assert [(entry.params["lr"], record.seed) for entry, record in fresh] == [
        (lr, seed) for seed in (1000, 1001, 1002) for lr in (0.5, 0.51)
    ]
    assert said[said.index("Mean acc") :] == snapshot
    now = results_of(last())
    assert [trial.values for trial in now.ranked[:2]] == [trial.values for trial in chosen]
    code, again = gridfold("confirm", "--repeats", "3")
    assert (code, again[again.index("Mean acc") :].split()) == (0, said[said.index("Mean acc") :].split())
    assert len(found()) == 12


def test_confirm_needs_something_completed(search, gridfold):
    search("lr: [0.1, 0.5]", "--no-execute")
    code, said = gridfold("confirm")
    assert (code, "no run is completed" in said) == (2, True)


def test_runs_of_different_parts_of_the_data_have_different_ids():
    """Else --reuse would take the result of one part for that of another."""
    plan = Plan(Config.parse("lr: [1, 2]\n", "c.yaml").override(folds=3, trainer="toy:train"))
    parts = [*(DataFold(part, 3) for part in range(3)), DataFold(0, 4)]
    ids = [plan.renderer_of(Repetition(0, part)).identity({"lr": 1}) for part in parts]
    assert len(set(ids)) == 4
