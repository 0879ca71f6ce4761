"""Spaces that are no product keep to the contract, and everything else takes them for spaces."""

import json
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, product

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gridfold.config.config import Config
from gridfold.config.render import Renderer
from gridfold.core.values import canonical
from gridfold.propose.protocol import runs_of
from gridfold.runs.names import RunNames
from gridfold.runs.store import Store
from gridfold.search.directories import create, extend
from gridfold.search.plan import Plan
from gridfold.search.warnings import warnings_of
from gridfold.space.parameters import ListedParameter
from gridfold.space.product import Product
from gridfold.space.repeats import Seeds, repetitions
from gridfold.space.space import Space
from tests.space.contract import SpaceContract
from tests.space.spaces import Draws, Union

BASE = "optim: adam # which\nlr: 0.1\nmomentum: 0.5  # of sgd\nseed: 1\n"


def grid(**lists):
    return Product(tuple(ListedParameter(path, tuple(values)) for path, values in lists.items()))


SGD = grid(optim=["sgd"], momentum=[0.8, 0.9], lr=[1, 1.0])
ADAM = grid(optim=["adam"], betas=[[0.9, 0.999], [0.9, 0.98], None])
DRAWS = Draws("lr", 1e-5, 1e-3)


class TestUnion(SpaceContract):
    base = BASE
    foreign = (
        {"optim": "adam", "momentum": 0.8, "lr": 1},
        {"optim": "sgd", "momentum": 0.8},
        {"optim": "sgd", "momentum": 0.8, "lr": True},
    )

    @pytest.fixture
    def space(self):
        return Union((SGD, ADAM))


class TestDraws(SpaceContract):
    base = BASE
    foreign = ({"lr": 1.0}, {})

    @pytest.fixture
    def space(self):
        return DRAWS


def test_what_a_trial_lacks_is_as_the_file_has_it():
    renderer = Renderer(Config.parse(BASE, "base.yaml"))
    assert renderer.text({"optim": "sgd", "momentum": 0.8}) == BASE.replace("adam", "sgd").replace("0.5", "0.8")
    assert renderer.text({"optim": "x", "betas": 1}) == BASE.replace("adam", "x") + "betas: 1\n"
    assert renderer.text({}) == BASE


def test_a_list_in_the_file_that_a_trial_lacks_stays_one_value():
    renderer = Renderer(Config.parse("a: [1, 2]\nb: [3, 4]  # two values\n", "base.yaml"))
    text = renderer.text({"b": 3})
    assert text == "a: [1, 2]\nb: 3\n# gridfold: {fixed: [a]}\n"
    assert Config.parse(text, "config.yaml").parameters == ()


WORDS = ["a", "a_b", "b", "seed", "seed_1", "x.fold", "single", "lr", "lr_decay", "decay"]
VALUES = st.sampled_from(["a", "b", "1", "b_1", "decay", "fold_0", "A", 1, 1.0, True, None, "1_seed_2"])


@given(st.data())
def test_trials_that_lack_parameters_never_share_a_name(data):
    paths = data.draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=3, unique=True))
    values = [data.draw(st.lists(VALUES, min_size=1, max_size=3, unique_by=canonical)) for _ in paths]
    unlisted = data.draw(st.booleans())
    parameters = [_Optional(path, None if unlisted else tuple(each)) for path, each in zip(paths, values, strict=True)]
    absent = object()
    trials = [
        {path: value for path, value in zip(paths, chosen, strict=True) if value is not absent}
        for chosen in product(*[[absent, *each] for each in values])
    ]
    names = RunNames("p", "123045", parameters, Seeds(None, (0,)))
    found = [names.name(params, each) for params in trials for each in repetitions(range(3), 2)]
    assert len({name.casefold() for name in found}) == len(found)


@dataclass(frozen=True)
class _Optional:
    path: str
    values: tuple[object, ...] | None
    optional: bool = True


@dataclass(frozen=True)
class OtherPlan(Plan):
    """A plan of another space."""

    other: Space | None = None

    @cached_property
    def space(self):
        return self.other


@pytest.mark.parametrize(("space", "runs"), [(Union((SGD, ADAM)), 14), (DRAWS, 20)])
def test_a_search_of_another_space(project, space, runs):
    config = Config.parse(BASE, "base.yaml").override(repeats=2, max_runs=20, trainer="json:dumps")
    plan = OtherPlan(config, other=space)
    plan.check_size()
    assert (plan.size, len([*plan.identities()]), len(plan.checks.configs)) == (runs, runs, plan.trials + 1)
    assert list(warnings_of(plan)) == []
    search, directories = create(plan, "run", Store())
    entries = list(search.entries())
    assert [entry.run for entry in entries] == [path.name for path in directories]
    for entry, directory in zip(entries, directories, strict=True):
        read = yaml.safe_load((directory / "config.yaml").read_text())
        assert {path: read[path] for path in entry.params} == entry.params
        assert read["seed"] == 1 + entry.repeat
    assert {canonical(entry.params) for entry in entries} == {
        canonical(trial.params) for trial in islice(space, plan.trials)
    }
    more = runs_of([space.trial(entries[-1].params)], repetitions(range(3), None))
    assert extend(search, plan, more) == 1
    assert json.loads((search.dir / "search.json").read_text())["runs"] == runs + 1
