"""What a search will do: how many runs that is, what is checked before the first, and what is to vary."""

import json
import logging

import pytest

from gridfold import HyperParamSearch
from gridfold.config.config import Config
from gridfold.config.overrides import parse_arguments
from gridfold.core.errors import ConfigError
from gridfold.runs.store import Store
from gridfold.search.plan import Plan, plan_of

HUGE = "".join(f"p{index}: [0, 1, 2]\n" for index in range(40))
BY_ACCIDENT = """\
optim:
  lr: [0.1, 0.2]
  betas: [0.9, 0.999]
model:
  layers: [64, 32, 16]
  names: [a, b]
  size: [224, 224]
"""
WATCHED = """
class Watched:
    def __init__(self):
        self.seen = []

    def check(self, config):
        self.seen.append(config)

    def train(self, config, run):
        return {"val_f1": 1.0}


trainer = Watched()
"""


@pytest.fixture
def checked(write, monkeypatch):
    """The configs that a trainer has been asked to check."""

    def configs(text):
        write("watched.py", WATCHED)
        Plan(Config.parse(text, "c.yaml").override(trainer="watched:trainer")).checks()
        import watched

        seen, watched.trainer.seen = watched.trainer.seen, []
        return seen

    return configs


def test_each_value_is_checked_and_not_each_combination(checked):
    seen = checked(HUGE)
    assert len(seen) <= 3 * 40 + 200
    assert all({config[f"p{index}"] for config in seen} == {0, 1, 2} for index in range(40))
    assert len({tuple(config.values()) for config in seen}) > 200
    few = checked("a: [1, 2]\nb: [3, 4, 5]\n")
    assert {(config["a"], config["b"]) for config in few} == {(a, b) for a in (1, 2) for b in (3, 4, 5)}
    values = list(range(1000))
    assert {config["a"] for config in checked(f"a: {values}\nb: [1, 2]\n")} == set(values)


def test_a_huge_search_is_foreseen_and_refused(gridfold, write, project):
    config = write("c.yaml", HUGE)
    code, said = gridfold("plan", "--config", config, "--trainer", "toy:train", "--folds", "2")
    assert code == 0
    assert "12,157,665,459,056,928,801 trials" in said
    assert "24,315,330,918,113,857,602 to run" in said
    code, said = gridfold("search", "--config", config, "--trainer", "nowhere:train")
    assert code == 2
    assert "more than" not in said.partition("error")[0]
    assert "3 × 3 × " in said
    assert "(p0 × p1 × " in said
    assert "--max-runs" in said
    assert not (project / "runs").exists()


def test_no_number_is_too_large_to_be_said(gridfold, write):
    run = ("--trainer", "toy:train")
    assert gridfold("search", "--config", write("c.yaml", "lr: [1, 2]\n"), *run, "--quiet")[0] == 0  # to judge by
    config = write("d.yaml", "".join(f"p{index}: {[*range(10)]}\n" for index in range(400)))
    code, said = gridfold("plan", "--config", config, *run)
    assert code == 0
    assert "about 10^400 to run" in said
    code, said = gridfold("search", "--config", config, *run)
    assert code == 2
    assert "about 10^400 runs" in said


def test_as_many_runs_as_are_allowed(gridfold, write, project):
    config = write("c.yaml", "gridfold: {max_runs: 3}\nlr: [1, 2]\nsize: [3, 4]\n")
    assert gridfold("search", "--config", config, "--no-execute")[0] == 2
    with pytest.raises(ConfigError, match="2 × 2 = 4 runs"):
        HyperParamSearch("c.yaml").run_grid_search()
    with pytest.raises(ConfigError, match=r"2 × 2 × 2 = 8 runs .*repeats"):
        HyperParamSearch("c.yaml").run_grid_search(repeats=2, max_runs=7)
    assert not (project / "runs").exists()
    assert len(HyperParamSearch("c.yaml").run_grid_search(max_runs=4)) == 4
    assert gridfold("search", "--config", config, "--no-execute", "--max-runs", "4")[0] == 0
    assert gridfold("resume", "last", "--dry-run")[0] == 0


def test_a_search_is_not_given_too_many_repeats(gridfold, write):
    config = write("c.yaml", "gridfold: {max_runs: 3}\nlr: [1, 2]\n")
    assert gridfold("search", "--config", config, "--trainer", "toy:train", "--quiet")[0] == 0
    code, said = gridfold("resume", "last", "--repeats", "2")
    assert (code, "--max-runs 4" in said) == (2, True)
    assert gridfold("resume", "last", "--repeats", "2", "--max-runs", "4", "--quiet")[0] == 0


def test_lists_that_look_like_one_value_are_marked_and_can_be_kept(gridfold, write, project, snapshot):
    code, said = gridfold("plan", "--config", write("c.yaml", BY_ACCIDENT), "--trainer", "toy:train")
    assert code == 0
    assert said == snapshot
    line = next(line.strip() for line in said.splitlines() if line.startswith("  gridfold: "))
    assert gridfold("search", "--config", write("d.yaml", f"{line}\n{BY_ACCIDENT}"), "--no-execute")[0] == 0
    (made,) = project.glob("runs/*/runs.jsonl")
    found = [json.loads(line)["params"] for line in made.read_text().splitlines()]
    assert found == [{"optim.lr": 0.1}, {"optim.lr": 0.2}]
    text = f"gridfold: {{fixed: [model.names]}}\n{BY_ACCIDENT}"
    said = gridfold("search", "--config", write("e.yaml", text), "--no-execute", "--run-prefix", "e")[1]
    assert "write in the section gridfold of e.yaml, instead of its fixed:\n" in said
    assert "  fixed: [model.names, optim.betas, model.layers]\n" in said


def test_seeds_are_not_among_what_is_kept(gridfold, write):
    text = "optim: {seed: [1, 2], betas: [0.9, 0.99], milestones: [3, 6]}\ngridfold: {seed: optim.seed}\n"
    said = gridfold("search", "--config", write("c.yaml", text), "--no-execute")[1]
    assert "  fixed: [optim.betas, optim.milestones],\n" in said


def test_texts_in_the_table_are_not_markup(gridfold, write):
    said = gridfold("search", "--config", write("c.yaml", "a: ['[red]', '[red]']\nb: ['[/]', x]\n"), "--no-execute")[1]
    assert "'[red]' is repeated" in said


def test_what_varies_is_remembered(gridfold, write, project):
    config = write("c.yaml", f"gridfold: {{vary: [model]}}\n{BY_ACCIDENT}")
    code, said = gridfold(
        "search", "--config", config, "--vary", "optim.lr", "--no-execute", "--param-variations", "model.size=1,2"
    )
    assert code == 0
    assert "look like one value" not in said
    search = Store().find("last")
    planned = plan_of(search)
    assert [each.path for each in planned.space.parameters] == ["optim.lr", "model.size"]
    entries = list(search.entries())
    assert [planned.renderer.identity(trial.params) for trial in planned.space] == [entry.id for entry in entries]
    for entry in entries:
        run = Config.load(search.run(entry).config_path)
        assert run.parameters == ()
        assert run.data["optim"]["betas"] == [0.9, 0.999]
        assert run.data["model"]["layers"] == [64, 32, 16]


def test_what_varies_from_python(project, write):
    search = HyperParamSearch(write("c.yaml", BY_ACCIDENT), vary=["optim.lr"])
    assert len(search.run_grid_search()) == 2
    with pytest.raises(ConfigError, match="expected a list of dotted paths"):
        HyperParamSearch("c.yaml", vary="optim.lr")
    with pytest.raises(ConfigError, match="no such path") as caught:
        HyperParamSearch("c.yaml", vary=["optm.lr"]).run_grid_search()
    assert "optim.lr" in str(caught.value)


def test_values_may_be_given_for_what_is_to_vary():
    config = Config.parse("a: 1\nb: [1, 2]\n", "c.yaml").override(vary=["a", "c"])
    planned = Plan(config, parse_arguments(["a=1,2", "+c=3,4"]))
    assert [each.path for each in planned.space.parameters] == ["a", "c"]


def test_texts_that_look_like_numbers_are_named_before_anything_is_created(gridfold, write, project, caplog):
    config = write("c.yaml", "momentum: -.5\nlr: [.5e3, '-.5', 1]\ngridfold: {metric: 0o7}\nother: +.5\n")
    code, said = gridfold("search", "--config", config, "--no-execute", "--param-variations", "other=-.5e-3,1")
    assert code == 0
    assert [line for line in said.splitlines() if "is read as a string" in line] == [
        "warning: c.yaml:1:11: momentum: -.5 is read as a string: write -0.5, or '-.5' if a text is meant",
        "warning: c.yaml:2:6: lr.0: .5e3 is read as a string: write 500.0, or '.5e3' if a text is meant",
        "warning: other: -.5e-3 is read as a string: write -0.0005, or '-.5e-3' if a text is meant",
    ]
    with caplog.at_level(logging.WARNING, "gridfold"):
        HyperParamSearch(config).run_grid_search({"lr": ["-.5", 1]}, "p")
    assert [line.partition(": ")[2].partition(":")[0] for line in caplog.messages] == ["momentum", "other"]


@pytest.mark.parametrize("parallel", [0, -1, 10**20, 1.5, True, "2", None, float("nan")])
def test_how_many_runs_at_a_time_from_python(project, parallel):
    with pytest.raises(ConfigError, match="a number of runs from 1 to"):
        HyperParamSearch({"lr": [1, 2]}).run_grid_search(parallel=parallel)
    assert not (project / "runs").exists()
