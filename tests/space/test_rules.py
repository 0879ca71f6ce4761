"""Conditions, links and additions of a space that cannot be, and what is said of them."""

import itertools
import math

import pytest

from gridfold.core.errors import ConfigError
from gridfold.space.axes import Linked, Union
from gridfold.space.links import Link, link
from gridfold.space.parameters import Interval, ListedParameter, Normal, RangeParameter
from gridfold.space.product import Product
from gridfold.space.rules import Addition, Exclusion, When
from tests.space.contract import SpaceContract

WHERE = "base.yaml:9:12"


def listed(path, *values, **said):
    return ListedParameter(path, values, "base.yaml:2:7", **said)


LR = listed("training.learning_rate", 1e-5, 1e-4, 1e-3)
BATCH = listed("training.batch_size", 32, 64, 128)
WARMUP = listed("training.warmup", 0, 0.1)
OPTIMIZER = Union(
    listed("optimizer.name", "adamw", "sgd"),
    ((listed("optimizer.weight_decay", 0, 0.01),), (listed("optimizer.momentum", 0, 0.9),)),
    ({"optimizer.betas": [0.9, 0.999]}, {"optimizer.nesterov": True}),
)
AXES = (LR, BATCH, WARMUP, OPTIMIZER)
CONSTANTS = {"training": {"epochs": 3, "learning_rate": [1, 2]}, "model": {"layers": [64, 32]}, "seed": 1}


def space(*rules, added=(), axes=AXES):
    return Product(axes, rules, added, CONSTANTS)


def exclude(text):
    return Exclusion(text, WHERE)


def test_the_example_of_the_documentation():
    made = space(
        exclude("training.batch_size > 64 and training.learning_rate > 1e-4"),
        When("training.warmup", "optimizer.name == 'adamw'", WHERE),
        added=(Addition({"training.learning_rate": 3e-4, "training.batch_size": 48}),),
    )
    assert made.count() == (3 * 3 - 1) * (2 * 2 + 2) + 1 == len(list(made))
    assert made[made.count() - 1].params == {
        "training.learning_rate": 3e-4,
        "training.batch_size": 48,
        "training.warmup": 0,
        "optimizer.name": "adamw",
        "optimizer.weight_decay": 0,
    }
    assert {parameter.path for parameter in made.parameters if parameter.optional} == {
        "optimizer.weight_decay",
        "optimizer.momentum",
    }
    why = made.explain()
    assert (why.raw, why.count, len(why.added)) == (72, 49, 1)
    assert [(each.alone, each.then) for each in why.removed] == [(8, 8), (18, 16)]
    assert [(each.value, each.count) for each in why.branches] == [("adamw", 32), ("sgd", 16)]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("training.epochs == 3 and training.batch_size == 32", 48),
        ("optimizer.betas[0] == 0.9 and training.warmup == 0", 54),
        ("optimizer.betas.1 > 0.9 and training.warmup == 0", 54),
        ("optimizer.nesterov and training.warmup == 0", 54),
        ("model.layers == [64, 32] and training.warmup == 0", 36),
        ("len(model.layers) == 2 and model.layers.0 == 64 and training.warmup == 0", 36),
        ("optimizer.momentum != 0", 54),
        ("not optimizer.momentum == 0", 18),
        ("training.batch_size in (32, 64)", 24),
        ("training.batch_size not in (32, 64)", 48),
        ("training.learning_rate * training.batch_size > 0.1", 64),
        ("training.warmup == 0 or training.batch_size == 32", 24),
        ("optimizer.name == 'sgd' and 'a' in optimizer.name", None),
    ],
)
def test_conditions(text, left):
    if left is None:
        with pytest.raises(ConfigError, match="never holds"):
            space(exclude(text))
    else:
        assert space(exclude(text)).count() == left


WRONG = {
    "never holds": exclude("training.batch_size > 128"),
    "never holds by what does not vary": exclude("training.epochs > 3 and training.batch_size > 64"),
    "never holds in any branch": exclude("optimizer.momentum == 0 and optimizer.weight_decay == 0"),
    "cannot be evaluated": exclude("optimizer.name > 3"),
    "excludes everything": exclude("training.batch_size > 8"),
    "excludes everything by what does not vary": exclude("training.epochs == 3"),
    "misspelled": exclude("training.batchsize > 64"),
    "only the end of a path": exclude("batch_size > 64"),
    "a text without quotes": exclude("optimizer.name == sgd"),
    "a section": exclude("training == 3"),
    "no condition": exclude("training.batch_size >"),
    "an assignment": exclude("training.batch_size = 64"),
    "code": exclude("open('a')"),
    "from the command line": Exclusion("training.batch_size > 128", "--exclude"),
    "when of a path that does not vary": When("training.epochs", "training.batch_size > 64", WHERE),
    "when of a path that is unknown": When("training.warmpu", "training.batch_size > 64", WHERE),
    "when about itself": When("training.warmup", "training.warmup > 0", WHERE),
    "when never holds": When("training.warmup", "training.batch_size > 128", WHERE),
    "when never holds by what does not vary": When("training.warmup", "training.epochs == 4", WHERE),
    "when cannot be evaluated": When("training.warmup", "optimizer.name < 2", WHERE),
    "when misspelled": When("training.warmup", "optimizer.nam == 'adamw'", "--when"),
}


@pytest.mark.parametrize("name", WRONG)
def test_rules_that_cannot_be(name, snapshot):
    with pytest.raises(ConfigError) as error:
        space(WRONG[name])
    assert str(error.value) == snapshot


@pytest.mark.parametrize("name", WRONG)
def test_a_range_beside_what_a_rule_is_about_hides_nothing(name):
    said = []
    for axes in (AXES, (*AXES, RangeParameter("model.dropout", Interval(0, 1)))):
        with pytest.raises(ConfigError) as error:
            space(WRONG[name], axes=axes)
        said.append(str(error.value).replace("model.dropout, ", ""))
    assert said[0] == said[1]


def test_a_rule_about_a_range_is_taken_as_it_is():
    dropout = RangeParameter("model.dropout", Interval(0, 1))
    assert space(exclude("model.dropout > 2"), axes=(*AXES, dropout)).count() is None
    rules = (exclude("training.batch_size > 32"), exclude("training.batch_size < 64"))
    with pytest.raises(ConfigError, match="excludes all that the other conditions leave"):
        space(*rules, exclude("model.dropout > 0.5"), axes=(*AXES, dropout))


@pytest.mark.parametrize(
    "rule",
    [
        Exclusion("training.batch_size > 128", may_idle=True),
        Exclusion("training.epochs > 3", may_idle=True),
        When("training.epochs", "training.batch_size > 64", may_idle=True),
    ],
)
def test_rules_that_may_have_nothing_to_do(rule):
    made = space(rule)
    assert made.count() == 72
    assert made.decisions(made[5].params)


def test_rules_that_leave_nothing_together(snapshot):
    with pytest.raises(ConfigError) as error:
        space(exclude("training.batch_size > 32"), exclude("training.batch_size < 64"))
    assert str(error.value) == snapshot


ADDED = {
    "unknown": {"training.batchsize": 48},
    "does not vary": {"training.epochs": 5},
    "of another branch": {"optimizer.momentum": 0.5},
    "of a branch that is not the chosen one": {"optimizer.name": "sgd", "optimizer.weight_decay": 0.5},
    "no such branch": {"optimizer.name": "adam"},
    "of another kind": {"training.batch_size": "48"},
    "a boolean among numbers": {"training.batch_size": True},
    "a number among texts": {"optimizer.name": 3},
}


@pytest.mark.parametrize("name", ADDED)
def test_additions_that_cannot_be(name, snapshot):
    with pytest.raises(ConfigError) as error:
        space(added=(Addition(ADDED[name], WHERE),))
    assert str(error.value) == snapshot


def test_additions():
    rule = exclude("training.batch_size == 128")
    grid = space(rule).count()
    made = space(
        rule,
        added=(
            Addition({"training.batch_size": 128}),  # although it is excluded
            Addition({"training.batch_size": 64}),  # a trial of the grid
            Addition({"training.batch_size": 128.0}),  # of another type
            Addition({"training.batch_size": 128, "training.warmup": 0}),  # again
            Addition({"optimizer.name": "sgd", "optimizer.momentum": None}),
        ),
    )
    assert made.count() == grid + 3
    assert [trial.params["training.batch_size"] for trial in list(made)[grid:]] == [128, 128.0, 32]
    assert [made.trial(made[index].params).index for index in range(grid, grid + 3)] == [grid, grid + 1, grid + 2]
    batch = next(parameter for parameter in made.parameters if parameter.path == "training.batch_size")
    assert list(map(repr, batch.values)) == ["32", "64", "128", "128.0"]
    assert len(made.explain().added) == 3


def test_an_addition_follows_a_link():
    linked = Linked((listed("hidden", 64, 128, is_linked=True), listed("layers", 1, 2, is_linked=True)))
    added = ({"hidden": 128, "lr": 3}, {"hidden": 256, "lr": 3}, {"hidden": 64, "layers": 2, "lr": 3})
    made = Product((linked, listed("lr", 1, 2)), added=tuple(map(Addition, added)))
    assert [trial.params["layers"] for trial in itertools.islice(made, 4, None)] == [2, 1, 2]


LISTS = (listed("a", 1, 2), listed("b", 1, 2, 3), listed("c", 1, 2), OPTIMIZER, RangeParameter("r", Interval(1, 2)))
LINKS = {
    "lists of other lengths": [("a", "b")],
    "unknown": [("a", "d")],
    "twice in one": [("a", "a")],
    "twice": [("a", "c"), ("a", "b")],
    "one path": [("a",)],
    "a range": [("a", "r")],
    "a union": [("a", "optimizer.name")],
    "across branches": [("optimizer.momentum", "optimizer.weight_decay")],
    "into a branch": [("a", "optimizer.weight_decay")],
}


@pytest.mark.parametrize("name", LINKS)
def test_links_that_cannot_be(name, snapshot):
    with pytest.raises(ConfigError) as error:
        link(LISTS, [Link(paths, WHERE) for paths in LINKS[name]])
    assert str(error.value) == snapshot


def test_links():
    inside = Union(listed("u", 0, 1), ((listed("d", 1, 2), listed("e", 3, 4)), ()))
    made = Product(link((listed("a", 1, 2), inside, listed("c", "x", "y")), [Link(("c", "a")), Link(("d", "e"))]))
    assert [tuple(trial.params.values()) for trial in made] == [
        *((1, "x", 0, 1, 3), (1, "x", 0, 2, 4), (1, "x", 1)),
        *((2, "y", 0, 1, 3), (2, "y", 0, 2, 4), (2, "y", 1)),
    ]


def test_linked_values_may_repeat_but_not_together(snapshot):
    pairs = (listed("lr", 1, 1, 2, is_linked=True), listed("batch", 8, 16, 8, is_linked=True))
    assert [tuple(trial.params.values()) for trial in Product((Linked(pairs),))] == [(1, 8), (1, 16), (2, 8)]
    assert [parameter.values for parameter in Product((Linked(pairs),)).parameters] == [(1, 2), (8, 16)]
    with pytest.raises(ConfigError) as error:
        Linked((listed("lr", 1, 1, 2, is_linked=True), listed("batch", 8, 8, 8, is_linked=True)), WHERE)
    assert str(error.value) == snapshot


@pytest.mark.parametrize(
    "axes",
    [
        (listed("a", 1, 2), listed("a", 1, 2)),
        (listed("a", 1, 2), Union(listed("u", 0, 1), ((listed("a", 1, 2),), ()))),
        (Union(listed("u", 0), ((listed("a", 1),),)), Union(listed("v", 0), ((listed("a", 1),),))),
    ],
)
def test_a_path_varies_once(axes, snapshot):
    with pytest.raises(ConfigError) as error:
        Product(axes)
    assert str(error.value) == snapshot


def test_a_path_of_several_branches_is_one_parameter():
    axes = (Union(listed("u", 0, 1), ((listed("a", 1, 2),), (listed("a", 2, True),))),)
    made = Product(axes, (exclude("a == 2 and u == 1"),))
    assert [tuple(trial.params.values()) for trial in made] == [(0, 1), (0, 2), (1, True)]
    assert [list(map(repr, parameter.values)) for parameter in made.parameters] == [["0", "1"], ["1", "2", "True"]]
    assert made.decisions({"u": 1, "a": True}) == {"u": 1, "a (u=1)": 1}
    with pytest.raises(ConfigError, match="is excluded by 'a == 2 and u == 1'"):
        made.trial({"u": 1, "a": 2})


def test_values_are_told_apart_as_elsewhere():
    kinds = listed("a", 1, 1.0, True, None, "1", [1], {"b": 1}, math.nan)
    left = {
        text: [trial.params["a"] for trial in Product((kinds,), (Exclusion(f"not ({text})"),))]
        for text in (
            "a == 1",
            "a == 1.0",
            "a == true",
            "a == null",
            "a == '1'",
            "a == [1]",
            "a.b == 1",
            "a in (1, null)",
            "a == nan",
        )
    }
    assert list(map(repr, left.values())) == [
        *("[1]", "[1.0]", "[True]", "[None]", "['1']", "[[1]]", "[{'b': 1}]", "[1, None]", "[nan]")
    ]


BASE = "optim: adam # which\nlr: 0.1\nmomentum: 0.5  # of sgd\nlayers: 3\nhidden: 5\nseed: 1\n"


class TestRules(SpaceContract):
    base = BASE
    foreign = (
        {"optim": "adam", "lr": 0.1, "layers": 1, "hidden": 8, "momentum": 0.8},
        {"optim": "sgd", "lr": 0.3, "layers": 2, "hidden": 16, "momentum": 0.8},
    )

    @pytest.fixture
    def space(self):
        optimizer = Union(
            listed("optim", "adam", "sgd"), ((listed("betas", [0.9, 0.98], None),), (listed("momentum", 0.8, 0.9),))
        )
        shape = Linked((listed("layers", 1, 2), listed("hidden", 8, 16)))
        rules = (exclude("lr > 0.2 and hidden > 8"), When("momentum", "lr == 0.1"))
        added = (Addition({"lr": 0.5, "optim": "sgd"}), Addition({"layers": 7}))
        return Product((listed("lr", 0.1, 0.2, 0.3), optimizer, shape), rules, added, {"seed": 1})


class TestRanges(SpaceContract):
    base = BASE
    foreign = ({"layers": 1, "lr": 0.5}, {"layers": 101, "lr": 0.1}, {"layers": 2.0, "lr": 0.1})

    @pytest.fixture
    def space(self):
        layers = RangeParameter("layers", Interval(1, 100, whole=True))
        return Product((layers, listed("lr", 0.1, 0.5)), (exclude("layers < 50 and lr > 0.2"),))


class Middle:
    def __init__(self):
        self.asked = {}

    def position(self, path, count, *, ordered):
        self.asked[path] = ordered
        return count - 1

    def value(self, path, distribution):
        self.asked[path] = distribution
        return distribution.at(0.5)


RANGES = (
    RangeParameter("lr", Interval(1e-6, 1e-2, log=True), "base.yaml:3:7"),
    RangeParameter("batch", Interval(8, 64, whole=True)),
    RangeParameter("noise", Normal(0.0, 1.0)),
    listed("warmup", 0, 0.1, 0.2),
)


def test_a_space_with_ranges_is_drawn(snapshot):
    made = Product(RANGES, (Exclusion("lr > 1e-3 and batch > 32"), When("warmup", "lr < 1e-5")))
    trial = made.draw(Middle())
    assert trial.params == {"lr": 1e-4, "batch": 36, "noise": 0.0, "warmup": 0}
    assert made.decisions(trial.params) == {"lr": 1e-4, "batch": 36, "noise": 0.0}
    assert (made.count(), made.is_exact, made.factors) == (None, False, ())
    assert made.trial(trial.params).params == trial.params
    assert [parameter.values is None for parameter in made.parameters] == [True, False, True, False]
    for wrong in ({"lr": 1.0}, {"lr": 5e-3}, {"batch": 7}, {"warmup": 0.1}):
        assert made.decisions(trial.params | wrong) is None
        with pytest.raises(ConfigError):
            made.trial(trial.params | wrong)
    for ask in (lambda: made[0], lambda: next(iter(made))):
        with pytest.raises(ConfigError) as error:
            ask()
        assert str(error.value) == snapshot
    sample = [each.params for each in made.sample(5)]
    assert {1e-6, 1e-2} <= {params["lr"] for params in sample}
    assert {0, 0.1, 0.2} == {params["warmup"] for params in sample}
    assert not [params for params in sample if params["lr"] > 1e-3 and params["batch"] > 32]


def test_what_a_chooser_is_asked():
    chooser = Middle()
    rules = (When("first", "last == 2"),)
    axes = (listed("first", 3, 2, 1), listed("words", "a", "b"), listed("mixed", 1, 3, 2), listed("last", 1, 2))
    assert Product(axes, rules).draw(chooser).params == {"first": 1, "words": "b", "mixed": 2, "last": 2}
    assert chooser.asked == {"words": False, "mixed": False, "last": True, "first": True}
    assert [*chooser.asked] == ["words", "mixed", "last", "first"]


def test_rules_in_a_circle():
    made = Product((listed("a", 1, 2), listed("b", 1, 2)), (When("a", "b == 2"), When("b", "a == 2")))
    assert [tuple(trial.params.values()) for trial in made] == [(1, 1), (2, 2)]
    assert [made.decisions(trial.params) for trial in made] == [{"a": 0}, {"a": 1, "b": 1}]


BITS = tuple(listed(f"p{index}", 0, 1) for index in range(60))


def test_a_huge_space_with_rules():
    made = Product(BITS, (Exclusion("p3 == 1 and p40 == 1"), Exclusion("p59 == 1 and p0 == 0 and p20 == 1")))
    count = sum(
        2**55 * (not (p3 and p40)) * (not (p59 and not p0 and p20))
        for p3, p40, p59, p0, p20 in itertools.product((0, 1), repeat=5)
    )
    assert made.count() == count
    assert made[count - 1].params == {f"p{index}": int(index != 40) for index in range(60)}
    assert [made.trial(made[index].params).index for index in range(0, count, count // 7)] == [
        *range(0, count, count // 7)
    ]


def test_rules_that_connect_everything():
    pairs = tuple(Exclusion(f"p{index} == 1 and p{index + 1} == 1") for index in range(59))
    fibonacci = [1, 2]
    while len(fibonacci) <= 60:
        fibonacci.append(sum(fibonacci[-2:]))
    assert Product(BITS, pairs).count() == fibonacci[60]
    all_ = " and ".join(f"p{index} == 1" for index in range(60))
    assert Product(BITS, (Exclusion(all_),)).count() == 2**60 - 1


def test_a_rule_about_too_many_parameters(snapshot):
    total = " + ".join(f"p{index}" for index in range(60))
    made = Product(BITS, (Exclusion(f"{total} == 2"),))
    assert (made.count(), made.is_exact) == (2**60, False)
    assert [sum(trial.params.values()) for trial in itertools.islice(made, 5)] == [0, 1, 1, 1, 3]
    assert made[4].index == 4
    assert made.explain().removed[0].alone is None
    with pytest.raises(ConfigError) as error:
        Product(BITS, (Exclusion(f"{total} < 59", WHERE),))[0]
    assert str(error.value) == snapshot


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a > 5 or b > 290", 6 * 291 * 300),
        ("not (a <= 5 and b <= 290)", 6 * 291 * 300),
        ("a in [0, 1] and (b == 0 or c != 0)", 298 * 300 * 300 + 2 * 299),
        ("(a == 0 or b == 0) and (b == 1 or c == 1)", 300**3 - 300 - 300 - 298),
    ],
)
def test_a_rule_is_taken_apart(text, left):
    made = Product(tuple(listed(path, *range(300)) for path in "abc"), (Exclusion(text),))
    assert made.is_exact
    assert made.count() == left
    assert made.trial(made[left // 2].params).index == left // 2


@pytest.mark.parametrize("text", ["x > 1 or y == 0", "y == 0 or x > 1", "not (x > 1)", "not (x > 1 and y == 0)"])
def test_what_makes_no_sense_does_not_hold_however_it_is_written(text):
    axes = (listed("x", "a", 2, 0), listed("y", 0, 1))
    sense = {(x, y) for x in (2, 0) for y in (0, 1)} | ({("a", 0)} if text.startswith("y") else set())
    removed = {each for each in sense if eval(text, {"x": each[0] if each[0] != "a" else 0, "y": each[1]})}
    every = {(x, y) for x in ("a", 2, 0) for y in (0, 1)}
    assert {tuple(trial.params.values()) for trial in Product(axes, (Exclusion(text),))} == every - removed
