"""Searches over links, exclusions, conditions, additions and unions: created, made again from what is on disk."""

import json
import shutil

import pytest

from gridfold import HyperParamSearch, one_of
from gridfold.config.config import Config
from gridfold.config.overrides import from_mapping
from gridfold.core.errors import ConfigError
from gridfold.runs.search import SearchDirectory
from gridfold.search.directories import restore
from gridfold.search.plan import Plan, plan_of
from gridfold.search.said import plan_said

TEXT = """\
lr: !log [1e-3, 1e-1, 3]  # a range
warmup: [0, 0.1]
model: {hidden: [8, 16, 16], layers: [1, 2, 3]}
optimizer: !one_of
  - {name: adamw, betas: !fixed [0.9, 0.999], weight_decay: [0, 0.01]}
  - {name: sgd, momentum: [0, 0.9]}
gridfold:
  trainer: a:b
  link: [[model.hidden, model.layers]]
  exclude: ["lr == 0.1 and model.layers == 1"]
"""
RULES = {
    "exclude": ["optimizer.momentum > 0.5"],
    "when": {"warmup": "optimizer.name == 'adamw'"},
    "add": [{"lr": 0.5, "optimizer.name": "sgd", "optimizer.momentum": 0.99}],
}


def expected():
    """The same by hand: lr, warmup, hidden, layers, optimizer and its own value."""
    own = [("adamw", 0), ("adamw", 0.01), ("sgd", 0), ("sgd", 0.9)]
    pairs = [(8, 1), (16, 2), (16, 3)]
    every = [(lr, w, *pair, *o) for lr in (1e-3, 1e-2, 1e-1) for w in (0, 0.1) for pair in pairs for o in own]
    kept = [
        row
        for row in every
        if not (row[0] == 0.1 and row[3] == 1) and row[5] != 0.9 and (row[4] == "adamw" or row[1] == 0)
    ]
    return [*kept, (0.5, 0, 8, 1, "sgd", 0.99)]


@pytest.fixture
def search(write, tmp_path):
    write("c.yaml", TEXT)
    HyperParamSearch("c.yaml").run_grid_search(**RULES)
    return SearchDirectory(next(path.parent for path in (tmp_path / "runs").glob("*/search.json")))


def test_it_has_the_trials_that_were_asked_for(search):
    entries = list(search.entries())
    assert [tuple(entry.params.values()) for entry in entries] == expected()
    assert len({entry.id for entry in entries}) == len({entry.run for entry in entries}) == len(entries)
    for entry in entries:
        data = Config.parse(search.run(entry).read_config(), "config.yaml").data
        own = data["optimizer"].get("weight_decay", data["optimizer"].get("momentum"))
        found = (data["lr"], data["warmup"], *data["model"].values(), data["optimizer"]["name"], own)
        assert found == tuple(entry.params.values())


def test_its_plan_is_made_again_from_what_it_says(search):
    plan, entries = plan_of(search), list(search.entries())
    assert list(plan.identities()) == [entry.id for entry in entries]
    facts = search.facts()
    assert facts["exclude"] == ["lr == 0.1 and model.layers == 1", *RULES["exclude"]]
    assert facts["add"] == RULES["add"]
    before = search.run(entries[-1]).read_config()
    shutil.rmtree(search.run(entries[-1]).dir)
    restore(search, plan, entries[-1])
    assert search.run(entries[-1]).read_config() == before


def test_a_new_branch_value_or_exclusion_leaves_the_ids_of_the_others():
    def ids(text, **rules):
        return set(Plan(Config.parse(text, "c.yaml").adding(**rules)).identities())

    before = ids(TEXT)
    wider = ids(
        TEXT.replace("gridfold:", "  - {name: lion, rate: [1, 2]}\ngridfold:").replace("[0, 0.9]", "[0, 0.9, 1]")
    )
    assert before < wider
    assert ids(TEXT, **RULES) - before == ids(TEXT, add=RULES["add"]) - before
    assert len(ids(TEXT, **RULES) - before) == 1


def test_what_is_typed_cannot_contradict_the_file():
    config = Config.parse(TEXT.replace("  exclude", "  when: {warmup: lr > 0.01}\n  exclude"), "c.yaml")
    with pytest.raises(ConfigError, match="has a condition in the config already"):
        config.adding(when=RULES["when"])


def test_options_of_a_branch_are_passed_where_a_config_has_them():
    text = "optimizer: !one_of [{name: a, x: [1, 2]}, {name: b, y: [1, 2]}]\n"
    command = ("python", "t.py", "{args}")
    plan = plan_said(Config.parse(text, "c.yaml"), trainer=command)
    wider = plan_said(Config.parse(text.replace("]}]", "]}, {name: c, z: [1, 2]}]"), "c.yaml"), trainer=command)
    assert plan.trainer[2:] == (
        "{args:plain:optimizer.name}",
        "{args:plain-there:optimizer.x}",
        "{args:plain-there:optimizer.y}",
    )
    assert list(wider.identities())[:4] == list(plan.identities())
    assert len(plan.checks.configs) == 4


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("seed: !int [1, 3]\n", (1, 2, 3)),
        ("seed: 1\ngridfold: {space: {seed: [4, 5]}}\n", (4, 5)),
        ("o: !one_of [{seed: [1, 2], n: a}, {seed: [1, 2], n: b}]\ngridfold: {seed: o.seed}\n", (1, 2)),
        ("o: !one_of [{seed: 7, n: a}, {n: b}]\ngridfold: {seed: o.seed, repeats: 2}\n", (7,)),
    ],
)
def test_seeds_are_repeats_wherever_they_stand(text, seeds):
    plan = Plan(Config.parse(f"a: [1, 2]\n{text}", "c.yaml").override(trainer="a:b"))
    assert plan.seeds.given == seeds
    assert plan.seeds.path not in {parameter.path for parameter in plan.space.parameters}
    assert len(set(plan.identities())) == plan.size


def test_lists_in_branches_are_guessed_and_kept():
    text = "o: !one_of [{name: a, betas: [0.9, 0.999]}, {name: b, tags: !fixed [x, y]}]\n"
    plan = Plan(Config.parse(text, "c.yaml").override(trainer="a:b"))
    assert plan.guesses == {"o.betas": "a pair of betas"}
    assert [kept.path for kept in plan.config.kept] == ["o.tags"]
    fixed = Plan(Config.parse(text + f"gridfold: {{fixed: {json.dumps(plan.one_value)}}}\n", "c.yaml"))
    assert fixed.trials == 2


def test_a_space_may_be_laid_over_by_python():
    plan = Plan(
        Config.load({"a": 1, "b": 2}),
        from_mapping({"a": one_of([{"n": 1}, {"n": 2, "m": [1, 2]}]), "b": {"int": [1, 2]}}),
    )
    assert [plan.renderer.config(trial.params) for trial in plan.space] == [
        {"a": a, "b": b} for a in ({"n": 1}, {"n": 2, "m": 1}, {"n": 2, "m": 2}) for b in (1, 2)
    ]
