"""A config that stands for several trials: each sees its own values, whatever code does with it."""

import collections
import copy
import dataclasses
import json
import pickle
import types

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gridfold.folded import FoldedDict, Group

CONFIGS = [
    {"common": {"a": [1, {"b": 2}], "n": None}, "training": {"lr": lr, "size": size}, "flag": True, "empty": {}}
    for lr in (0.1, 0.2)
    for size in (16, 32)
]


def seen_by(configs, trial, program):
    """What a program sees in the process that ends up with a trial; and the paths at which it split."""
    splits = []

    def split(path, groups, place):
        assert len(groups) > 1
        splits.append((path, place))
        return next(group for group in groups if trial in group)

    return program(Group(configs, split).config), splits


def exact(value):
    """A text that tells values apart by type and order."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{exact(k)}: {exact(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(exact, value)) + "]"
    return f"{type(value).__name__} {value!r}"


def check(configs, program):
    """Each trial sees what it would see alone; the paths at which the first split."""
    for trial in reversed(range(len(configs))):
        alone = program(copy.deepcopy(configs[trial]))
        folded, splits = seen_by(configs, trial, program)
        assert exact(folded) == exact(alone)
    return [path for path, _ in splits]


@dataclasses.dataclass
class Training:
    lr: float
    size: int


def by_match(config):
    match config:
        case {"training": {"lr": 0.1}, "flag": True}:
            return "low"
        case {"training": {"lr": lr}}:
            return lr


def missing(config):
    with pytest.raises(KeyError) as caught:
        config["no"]
    return caught.value.args


READS = {
    "agreed": (lambda c: (c["common"]["a"], c["flag"], c.get("no", 5), "flag" in c, "no" in c), []),
    "one key": (lambda c: c["training"]["lr"], ["training.lr"]),
    "another order": (lambda c: (c["training"]["size"], c["training"]["lr"]), ["training.size", "training.lr"]),
    "get": (lambda c: c.get("training").get("lr", 1), ["training.lr"]),
    "top level": (lambda c: (list(c), len(c), c.keys() & {"flag"}, bool(c)), []),
    "items": (lambda c: [(k, type(v) is bool) for k, v in c.items()], []),
    "nested items": (lambda c: list(c["training"].items()), ["training"]),
    "nested values": (lambda c: list(c["training"].values()), ["training"]),
    "keyword arguments": (lambda c: dict(**c["training"]), ["training"]),
    "spread": (lambda c: {**c["training"], "x": 1}, ["training"]),
    "dict": (lambda c: dict(c["training"]), ["training"]),
    "dataclass": (lambda c: dataclasses.astuple(Training(**c["training"])), ["training"]),
    "sorted": (lambda c: sorted(c["training"]), []),
    "reversed": (lambda c: list(reversed(c["training"])), []),
    "json": (json.dumps, ["training"]),
    "json, indented": (lambda c: json.dumps(c, indent=1, sort_keys=True), ["training"]),
    "yaml": (lambda c: yaml.safe_dump(c) + yaml.dump(c), ["training"]),
    "repr": (lambda c: repr(c) + str(c) + f"{c}", ["training"]),
    "equal": (lambda c: (c == CONFIGS[1], c != CONFIGS[0], CONFIGS[3] == c, c == 1), ["training"]),
    "pickle": (lambda c: pickle.loads(pickle.dumps(c)), ["training"]),
    "deep copy": (copy.deepcopy, ["training"]),
    "copy": (lambda c: copy.copy(c)["training"]["size"], ["training.size"]),
    "own copy": (lambda c: c["training"].copy(), ["training"]),
    "or": (lambda c: (c["training"] | {"x": 1}, {"x": 1} | c["training"]), ["training"]),
    "chain": (lambda c: collections.ChainMap({}, c)["training"]["lr"], ["training.lr"]),
    "proxy": (lambda c: types.MappingProxyType(c)["training"]["lr"], ["training.lr"]),
    "match": (by_match, ["training.lr"]),
    "same object": (lambda c: (c["training"] is c["training"], c["common"]["a"] is c["common"]["a"]), []),
    "is a dict": (lambda c: (isinstance(c, dict), isinstance(c["training"], dict), c["empty"] == {}), []),
    "missing": (missing, []),
    "write": (lambda c: (c.__setitem__("new", 1), c["new"], c["training"]["lr"], list(c)), ["training.lr"]),
    "write inside": (lambda c: (c["training"].update(x=2), c["training"]["x"], c["flag"]), ["training"]),
    "pop": (lambda c: (c.pop("flag"), c.pop("flag", 3), "flag" in c, len(c)), []),
    "set default": (lambda c: (c.setdefault("flag", 2), c.setdefault("x", 2), c["x"]), []),
    "delete": (lambda c: (c["training"].__delitem__("lr"), c["training"]), ["training"]),
    "change a list": (lambda c: (c["common"]["a"].append(1), c["common"]["a"]), []),
    "merge": (lambda c: (c.__ior__({"flag": 0}) is c, c["flag"]), []),
    "clear": (lambda c: (c["training"].clear(), c["training"], c["flag"]), ["training"]),
}


@pytest.mark.parametrize("name", READS)
def test_reading(name):
    program, splits = READS[name]
    assert check(CONFIGS, program) == splits


def test_where_it_was_read_is_known():
    _, splits = seen_by(CONFIGS, 0, lambda c: json.dumps(c["training"]))
    assert [(path, place.partition(":")[0]) for path, place in splits] == [("training", "test_folded.py")]


@pytest.mark.parametrize(
    ("one", "other"),
    [(1, 1.0), (1, True), (0.0, -0.0), ("1", 1), (None, "null"), ([1], [1.0]), ({"a": 1, "b": 2}, {"b": 2, "a": 1})],
)
def test_values_that_differ_in_type_or_order_differ(one, other):
    configs = [{"x": one}, {"x": other}]
    assert check(configs, lambda c: json.dumps(c["x"])) == ["x"]


def test_nan_equals_itself():
    assert check([{"x": float("nan")}, {"x": float("nan")}], lambda c: str(c["x"])) == []


def test_what_reads_past_it_finds_no_value_of_another_trial():
    config = Group(CONFIGS, lambda *_: pytest.fail("split")).config
    assert "past gridfold" in dict.__repr__(config)
    assert isinstance(config, FoldedDict)


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 2), st.sampled_from([0.0, -0.0, 1.0, float("nan"), "", "a"])
)
KEYS = st.sampled_from("abcd")
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=6
)
CONFIG = st.dictionaries(KEYS, VALUES, max_size=4)


@st.composite
def configs_of_trials(draw):
    """Configs that agree in most, and differ here and there."""
    base = draw(CONFIG)
    found = [base]
    for _ in range(draw(st.integers(1, 3))):
        other = copy.deepcopy(base)
        for _ in range(draw(st.integers(0, 2))):
            target = other
            while (inner := [key for key in target if isinstance(target[key], dict)]) and draw(st.booleans()):
                target = target[draw(st.sampled_from(inner))]
            target[draw(KEYS)] = draw(VALUES)
        found.append(other)
    return found


OPERATIONS = {
    "get": lambda c, k, v: c.get(k, v),
    "in": lambda c, k, v: k in c,
    "len": lambda c, k, v: len(c),
    "keys": lambda c, k, v: list(c),
    "items": lambda c, k, v: list(c.items()),
    "values": lambda c, k, v: list(c.values()),
    "dict": lambda c, k, v: dict(c),
    "spread": lambda c, k, v: {**c},
    "json": lambda c, k, v: json.dumps(c),
    "repr": lambda c, k, v: repr(c),
    "equal": lambda c, k, v: c == v,
    "copy": lambda c, k, v: c.copy(),
    "deep copy": lambda c, k, v: copy.deepcopy(c),
    "pickle": lambda c, k, v: pickle.loads(pickle.dumps(c)),
    "set": lambda c, k, v: c.__setitem__(k, copy.deepcopy(v)),
    "pop": lambda c, k, v: c.pop(k, None),
    "default": lambda c, k, v: c.setdefault(k, copy.deepcopy(v)),
    "update": lambda c, k, v: c.update({k: copy.deepcopy(v)}),
    "or": lambda c, k, v: c | {k: v},
    "reversed": lambda c, k, v: list(reversed(c)),
    "bool": lambda c, k, v: bool(c),
}
STEPS = st.lists(st.tuples(st.lists(KEYS, max_size=2), st.sampled_from(sorted(OPERATIONS)), KEYS, VALUES), max_size=8)


def run(steps, config):
    """What a program of such steps sees: it goes down a path as far as there are mappings, and does something there."""
    seen = []
    for path, operation, key, value in steps:
        target = config
        for part in path:
            inner = target.get(part)
            if not isinstance(inner, dict):
                break
            target = inner
        result = OPERATIONS[operation](target, key, value)
        seen.append(exact(result))
        if isinstance(result, float) and result > 0:  # what comes next may depend on what was read
            seen.append(exact(config.get("a")))
    return seen


@given(configs_of_trials(), STEPS)
@settings(max_examples=400)
def test_each_trial_sees_its_own_values_whatever_a_program_does(configs, steps):
    for trial, config in enumerate(configs):
        alone = run(steps, copy.deepcopy(config))
        folded, _ = seen_by(configs, trial, lambda c: run(steps, c))
        assert folded == alone
