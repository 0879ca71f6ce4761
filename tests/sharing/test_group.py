"""The config of many trials at once: what each trial sees is what it would see alone.

``python tests/sharing/test_group.py --programs 2000`` tries that many random programs on random configs.
"""

import argparse
import collections
import copy
import dataclasses
import gc
import itertools
import json
import os
import pickle
import pprint
import re
import sys
import tempfile
import types
import zlib
from pathlib import Path
from timeit import timeit

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

if __name__ == "__main__":  # gridfold need not be installed
    sys.path.insert(0, str(Path(__file__).parents[2]))

from gridfold.sharing.group import Group
from gridfold.sharing.untracked import UntrackedReadError
from tests.sharing import again


def by_running_again(program, configs):
    """What each trial sees, and where they split."""

    def run(group):
        result = program(group.config)
        return dict.fromkeys(group.trials, result)

    return again.by_running_again(run, configs)


def by_forking(program, configs):
    """What each trial sees; the process really forks, and a parent ends when its children have."""
    with tempfile.TemporaryDirectory() as place:
        results = Path(place)

        def split(path, groups, place):
            for group in groups:
                child = os.fork()
                if child == 0:
                    return group
                assert os.waitpid(child, 0)[1] == 0
            os._exit(0)

        def trunk():
            group = Group(configs, split)
            result = program(group.config)
            (results / f"{group.trials[0]}").write_bytes(pickle.dumps((group.trials, result)))
            os._exit(0)

        child = os.fork()
        if child == 0:
            try:
                trunk()
            finally:
                os._exit(1)
        assert os.waitpid(child, 0)[1] == 0
        seen = {}
        for path in results.iterdir():
            trials, result = pickle.loads(path.read_bytes())
            seen |= dict.fromkeys(trials, result)
    return [seen[trial] for trial in range(len(configs))]


def paths_read(program, configs):
    """The paths at which a program splits, having compared what every trial sees."""
    shared, splits = by_running_again(lambda config: outcome(program, config), configs)
    assert shared == [outcome(program, copy.deepcopy(config)) for config in configs]
    return list(dict.fromkeys(path for path, _, _ in splits))


def outcome(program, config):
    try:
        return exactly(program(config))
    except Exception as error:
        return type(error).__name__, str(error)


def exactly(value, *, deep=True):
    """A value with its types, and the order of keys; without looking into mappings unless ``deep``."""
    if isinstance(value, dict):
        return ("dict", [(exactly(k), exactly(v)) for k, v in value.items()]) if deep else "dict"
    if isinstance(value, (list, tuple)):
        return type(value).__name__, [exactly(item, deep=deep) for item in value]
    return type(value).__name__, repr(value)


# Every access

SGD = {"name": "sgd", "momentum": 0.9}
CONFIGS = [
    {"lr": 1, "batch": 8, "opt": SGD, "net": {"size": 3, "p": 0.1}, "seeds": [1, 2]},
    {"lr": 1, "batch": 8, "opt": SGD, "net": {"size": 3, "p": 0.2}, "seeds": [1, 2]},
    {"lr": 1, "batch": 9, "opt": SGD, "net": {"size": 3, "p": 0.1}, "seeds": [1, 2]},
    {"lr": 1, "batch": 9, "opt": {"name": "adam"}, "net": {"size": 3, "p": 0.1}, "seeds": [1, 2]},
]
VARIED = ["batch", "opt", "net.p"]  # a varied mapping splits by its keys, which say all here


@dataclasses.dataclass
class Settings:
    config: dict


def _matched(config):
    match config:
        case {"nothing": _}:
            return "nothing"
        case {"lr": 1, "opt": {"momentum": momentum}}:
            return momentum
        case {"lr": 1, **others}:
            return sorted(others)
    return None


def _early_exit(config):
    for key, value in config.items():
        if key == "batch":
            return "found"
        assert value == 1
    return None


ACCESSES = {
    # what reads nothing in which they differ
    "agreed": (lambda c: (c["lr"], c.get("lr"), c["seeds"], c["net"]["size"], c.get("none", 5)), []),
    "nested": (lambda c: isinstance(c["net"], dict) and c["net"] is c["net"], []),
    "same list": (lambda c: c["seeds"] is c["seeds"], []),
    "in": (lambda c: ("lr" in c, "batch" in c, "none" in c, "size" in c["net"]), []),
    "len": (lambda c: (len(c), bool(c), not c["net"]), []),
    "keys": (lambda c: [list(c), [*c], sorted(c), list(c.keys()), list(reversed(c)), c.keys() & {"lr"}], []),
    "key views": (lambda c: (repr(c.keys()), len(c.items()), len(c.values()), "p" in c["net"].keys()), []),  # noqa: SIM118
    "copies": (lambda c: [c.copy()["lr"], copy.copy(c)["lr"], copy.deepcopy(c)["lr"], (c | {"x": 1})["x"]], []),
    "merged": (lambda c: [({"lr": 2, "z": 1} | c)["lr"], (c | c)["lr"], list({"z": 1} | c)], []),
    "a missing key": (lambda c: c["none"], []),
    "written": (lambda c: (c.update(batch=3, net=4, opt=5), c["batch"], repr(c))[1:], []),
    "deleted": (lambda c: [c.__delitem__(key) for key in ("batch", "opt", "net")] and repr(c), []),
    "cleared": (lambda c: (c.clear(), repr(c), bool(c), list(c)), []),
    "compared by length": (lambda c: (c == {}, c != {"lr": 1}, c == 5, c["net"] == {"a": 1}), []),
    "hash": (hash, []),
    "to a missing type": (lambda c: (isinstance(c, dict), isinstance(c, collections.abc.MutableMapping)), []),
    "early exit": (_early_exit, ["batch"]),
    # what reads one thing
    "[]": (lambda c: c["batch"], ["batch"]),
    "get": (lambda c: c.get("batch"), ["batch"]),
    "a method, then its arguments": (
        lambda c: [c.get("x", c["batch"]), c.update(x=c["net"]["p"]), c.pop("y", c["opt"]["name"]), repr(c)],
        None,
    ),
    "nested []": (lambda c: c["net"]["p"], ["net.p"]),
    "pop": (lambda c: c.pop("batch"), ["batch"]),
    "setdefault": (lambda c: c.setdefault("batch", 3), ["batch"]),
    "popitem": (lambda c: (c["net"].popitem(), len(c["net"])), ["net.p"]),
    "varied: name": (lambda c: c["opt"]["name"], ["opt.name"]),
    "varied: key": (lambda c: c["opt"]["momentum"], ["opt.momentum"]),
    "varied: get": (lambda c: c["opt"].get("momentum", 0), ["opt.momentum"]),
    "varied: in": (lambda c: "momentum" in c["opt"], ["opt.momentum"]),
    "varied: del": (lambda c: c["opt"].__delitem__("momentum"), ["opt.momentum"]),
    "varied: pop": (lambda c: c["opt"].pop("momentum", None), ["opt.momentum"]),
    "varied: len": (lambda c: len(c["opt"]), ["opt"]),
    "varied: iteration": (lambda c: list(c["opt"]), ["opt"]),
    "varied: bool": (lambda c: bool(c["opt"]), []),
    "varied: written": (lambda c: (c["opt"].update(momentum=1, x=2), c["opt"]["momentum"], "x" in c["opt"])[1:], []),
    "itemgetter": (lambda c: "{batch} %(lr)s".format_map(c) % c, ["batch"]),
    "match": (_matched, ["opt"]),
    "ChainMap": (lambda c: collections.ChainMap({}, c)["batch"], ["batch"]),
    "MappingProxyType": (lambda c: types.MappingProxyType(c)["batch"], ["batch"]),
    "in items": (lambda c: [("batch", 8) in c.items(), ("lr", 1) in c.items(), 5 in c.items()], ["batch"]),
    # what reads the values of one mapping
    "dict()": (lambda c: list(dict(c)), ["batch"]),
    "{**}": (lambda c: list({**c}), ["batch"]),
    "f(**)": (lambda c: sorted(vars(argparse.Namespace(**c))), ["batch"]),
    "values": (lambda c: [len(list(c.values())), len(list(reversed(c.items())))], ["batch"]),
    "OrderedDict": (lambda c: list(collections.OrderedDict(c)), ["batch"]),
    "type()": (lambda c: type(type(c)(c)) is dict, ["batch"]),
    "into a dict": (lambda c: [(new := {}).update(c), new.keys()][1], ["batch"]),
    # what reads all
    "deep": (lambda c: c, VARIED),
    "repr": (repr, ["the config"]),
    "format": (lambda c: f"{c} {c['net']!r}", ["the config"]),
    "pickle": (lambda c: (type(pickle.loads(pickle.dumps(c))) is dict, pickle.loads(pickle.dumps(c))), ["the config"]),
    "pickle, pure": (lambda c: pickle._loads(pickle._dumps(c, 0)), ["the config"]),
    "==": (lambda c: [c == CONFIGS[2], CONFIGS[2] == c, c != CONFIGS[2]], ["batch", "opt"]),
    "json": (json.dumps, VARIED),
    "json, indented": (lambda c: json.dumps([c], indent=1), VARIED),
    "json, sorted": (lambda c: json.dumps(c, sort_keys=True), VARIED),
    "pprint": (lambda c: [pprint.pformat(c), pprint.pformat(c, width=20)], None),
    "yaml": (yaml.safe_dump, None),
    "yaml, any": (lambda c: yaml.dump(c) + yaml.dump(c, Dumper=yaml.CSafeDumper, sort_keys=False), None),
    "OmegaConf": (lambda c: OmegaConf.to_yaml(OmegaConf.create(c)), None),
    "OmegaConf, merged": (lambda c: OmegaConf.to_container(OmegaConf.merge({"lr": 2}, c)), None),
    "asdict": (lambda c: dataclasses.asdict(Settings(c))["config"], None),
    "replace": (lambda c: dataclasses.replace(Settings({}), config=c).config, None),
    "class": (lambda c: vars(type("X", (), c["net"]))["p"], ["net.p"]),
    "eval": (lambda c: eval("batch + lr", {}, c), ["batch"]),
    "eval, globals": (lambda c: eval("batch + lr", c), ["batch"]),
    "exec": (lambda c: (exec("batch = lr\nx = batch", c), c["batch"], c["x"])[1:], []),
}


@pytest.mark.parametrize("name", ACCESSES)
def test_an_access_reads_what_it_needs_and_sees_what_a_trial_would_see_alone(name):
    program, expected = ACCESSES[name]
    paths = paths_read(program, CONFIGS)
    assert paths if expected is None else sorted(paths) == sorted(expected), paths


@pytest.mark.parametrize("name", ACCESSES)
def test_one_trial_is_as_a_dict(name):
    program, _ = ACCESSES[name]
    group = Group(CONFIGS[:1], None)
    assert outcome(program, group.config) == outcome(program, copy.deepcopy(CONFIGS[0]))
    assert not group.reads


# What C code may see


def _first(configs):
    return Group(configs, lambda path, groups, place: groups[0])


UNSEEN = {
    "items": lambda c: [f"{v}" for v in dict.values(c)],
    "[]": lambda c: dict.__getitem__(c, "batch") + 1,
    "repr": dict.__repr__,
    "==": lambda c: dict.__eq__(CONFIGS[0], c),
    "attributes": lambda c: (space := argparse.Namespace(), setattr(space, "__dict__", c), float(space.batch)),
    "isinstance": lambda c: isinstance(dict.get(c, "batch"), int),
    "a key": lambda c: dict.__contains__(c["opt"], "momentum"),
    "keys": lambda c: sorted(dict.keys(c["opt"])),
    "order": lambda c: [str(key) for key in dict.keys(c["opt"])],
}


@pytest.mark.parametrize("name", UNSEEN)
def test_what_reads_past_the_methods_meets_an_error_and_never_a_value(name):
    with pytest.raises(UntrackedReadError, match=r"differ here, and it was read past the methods"):
        UNSEEN[name](_first(CONFIGS).config)


def test_what_all_agree_on_is_in_the_storage():
    config = _first(CONFIGS).config
    assert dict.__getitem__(config, "lr") == 1
    assert not dict.__contains__(config["opt"], "other")
    assert dict.get(config["opt"], "nothing", 3) == 3
    config["batch"], config["net"]["p"] = 1, 2
    config["opt"] = None
    assert dict.copy(config) == {"lr": 1, "batch": 1, "opt": None, "net": {"size": 3, "p": 2}, "seeds": [1, 2]}


def test_what_c_code_writes_counts():
    def program(config):
        dict.__setitem__(config, "batch", 7)
        dict.__setitem__(config["opt"], "new", 1)
        dict.pop(config["net"], "p")
        return config["batch"], len(config["opt"]), list(config["opt"]), "p" in config["net"], config["net"]

    assert paths_read(program, CONFIGS) == ["opt"]


# Narrowing


def test_everything_narrows_with_a_split():
    group = Group(CONFIGS, lambda path, groups, place: groups[-1])
    config = group.config
    net, twin, optimizer = config["net"], copy.deepcopy(config), config["opt"]
    assert optimizer["name"] == "adam"
    assert (group.trials, len(group.reads)) == ((3,), 1)
    assert config == twin == CONFIGS[3]
    assert [dict.items(each) == each.items() for each in (config, net, twin, optimizer)] == [True] * 4
    assert json.dumps(config) == json.dumps(CONFIGS[3])
    assert len(group.reads) == 1


def test_the_split_is_told_path_groups_and_place():
    told = []

    def split(*what):
        told.append(what)
        assert len(group.trials) == sum(map(len, what[1]))
        return what[1][0]

    group = Group(CONFIGS, split)
    line = sys._getframe().f_lineno + 1
    assert group.config["opt"]["momentum"] == 0.9
    json.dumps(group.config)
    paths, groups, places = zip(*told, strict=True)
    assert paths == ("opt.momentum", "batch", "net.p")
    assert groups == ([(0, 1, 2), (3,)], [(0, 1), (2,)], [(0,), (1,)])
    assert [Path(place).name for place in places] == [f"test_group.py:{line + n}" for n in (0, 1, 1)]
    assert group.reads == list(zip(paths, places, strict=True))


def test_a_failed_split_changes_nothing():
    answers = iter([OSError("no processes left"), (7,), (0, 1)])

    def split(path, groups, place):
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    group = Group(CONFIGS, split)
    with pytest.raises(OSError, match="no processes left"):
        group.config["batch"]
    with pytest.raises(ValueError, match=r"gave \(7,\), which is none of"):
        group.config["batch"]
    assert (group.trials, group.reads) == ((0, 1, 2, 3), [])
    assert (group.config["batch"], group.trials) == (8, (0, 1))


def test_a_split_may_read_but_not_split():
    def split(path, groups, place):
        assert group.config["lr"] == 1
        if path == "net.p":
            assert group.config["batch"]
        return groups[0]

    group = Group(CONFIGS, split)
    with pytest.raises(RuntimeError, match=r"split again while it was being split over net\.p"):
        group.config["net"]["p"]
    assert group.config["net"]["p"] == 0.1


def test_trials_can_be_told_apart():
    group = _first(CONFIGS)
    group.separate("run.dir")
    assert (group.trials, group.reads[0][0]) == ((0,), "run.dir")
    group.separate("run.dir")
    assert len(group.reads) == 1
    with pytest.raises(ValueError, match="at least one trial"):
        Group([], None)


@pytest.mark.parametrize(
    "values",
    [
        (1, 1.0, True),
        (0.0, -0.0),
        ("1", 1),
        (None, "", [], {}, 0),
        ([1], [1.0], (1,)),
        ([{"a": 1, "b": 2}], [{"b": 2, "a": 1}]),
    ],
)
def test_values_that_code_can_tell_apart_differ(values):
    assert paths_read(lambda config: config["v"], [{"v": value} for value in values]) == ["v"]


@pytest.mark.parametrize("value", [float("nan"), -0.0, [float("nan"), {"a": [1]}], 10**30, "\ud800"])
def test_equal_values_do_not_split(value):
    configs = [{"v": copy.deepcopy(value), "x": x} for x in range(3)]
    assert paths_read(lambda config: config["v"], configs) == []


def test_the_order_of_keys_counts_where_it_can_be_seen():
    configs = [{"m": {"a": 1, "b": 2}}, {"m": {"b": 2, "a": 1}}]
    assert paths_read(lambda c: [c["m"]["a"], len(c["m"]), "b" in c["m"], c["m"] == {"a": 1, "b": 2}], configs) == []
    assert paths_read(lambda c: c["m"], configs) == ["m"]
    assert paths_read(lambda c: [c["m"].pop("a"), c["m"]], configs) == []
    assert paths_read(lambda c: [{1: 1, **c}, list(c)], [{1: 2}, {True: 2}]) == ["the config"]


def test_changes_of_keys_that_not_all_have_keep_the_order_of_each():
    def program(config):
        mapping = config["m"]
        mapping.pop("a")
        mapping["z"] = 0
        mapping["a"] = mapping["b"] = 3
        twin = mapping.copy()
        del twin["z"]
        return mapping["b"], twin["a"], mapping, twin, config

    assert paths_read(program, [{"m": {"a": 1, "b": 2}}, {"m": {"a": 1}}, {"m": {"b": 5, "a": 1}}]) == ["m"]


def test_what_is_one_object_stays_one():
    shared = {"x": [1], "y": 1}
    config = {"a": shared, "b": shared, "l": shared["x"], "v": 1}
    other = copy.deepcopy(config)
    other["a"]["y"] = 2

    def program(config):
        config["a"]["x"].append(2)
        same = config["a"] is config["b"], config["a"]["x"] is config["l"]
        twin = copy.deepcopy(config)
        twin["a"]["z"] = 1
        return same, twin["b"]["z"], config["b"], "z" in config["a"], yaml.safe_dump(config), yaml.safe_dump(twin)

    assert paths_read(program, [config, other]) == ["a.y"]


def test_what_is_one_object_in_some_trials_is_so_in_those():
    shared = [1]
    configs = [{"a": shared, "b": shared}, {"a": [1], "b": [1]}, {"a": shared, "b": shared}, {"a": shared}]
    paths_read(lambda config: [config["a"].append(2), config.get("b"), config["a"] is config.get("b")], configs)
    mapping = {"x": 1}
    configs = [{"a": mapping, "b": mapping}, {"a": {"x": 1}, "b": {"x": 1}}, {"a": {"x": 1}, "b": 0}]
    paths_read(lambda config: [config["a"].update(x=2), config["b"], config["a"] is config["b"]], configs)


def test_the_configs_are_left_alone():
    configs = copy.deepcopy(CONFIGS)
    config = _first(configs).config
    config["seeds"].append(3)
    config["net"]["size"] = config["batch"] = 0
    config["opt"].clear()
    assert configs == CONFIGS


def test_a_mapping_may_contain_itself():
    config = _first(CONFIGS).config
    config["self"] = config
    assert "'self': {...}" in repr(config)
    assert copy.deepcopy(config)["self"]["lr"] == 1


# Cost


def test_what_is_shared_is_kept_once_and_read_fast():
    base = {f"section{n}": {f"key{m}": n * m for m in range(100)} for n in range(10)} | {"l": [0] * 1000}
    configs = [base | {"lr": trial / 7} for trial in range(1000)]
    group = _first(configs)
    gc.collect()
    assert dict.__getitem__(group.config["section3"], "key4") == 12
    assert timeit(lambda: group.config["section3"], number=20_000) / 20_000 < 20e-6  # some 0.2 µs; machines are busy
    assert len(pickle.dumps(_first(configs).config)) < 30_000
    twins = [group.config.copy() for _ in range(3)]
    twins.clear()
    assert not group.reads


# Random programs on random configs

KEYS = st.sampled_from(["a", "b", "c", "d", "e"]) | st.sampled_from([1, True, "x.y"])
SCALARS = st.sampled_from([0, 1, 2, 1.0, True, False, None, 0.0, -0.0, float("nan"), 1e-7, "", "a", "adam", 10**20])


@dataclasses.dataclass(frozen=True)
class Varied:
    values: tuple


def _nodes(children):
    mappings = st.dictionaries(KEYS, children, max_size=4)
    turned = st.dictionaries(KEYS, children, min_size=2, max_size=3).map(
        lambda node: Varied((node, dict(reversed(node.items()))))
    )
    lacking = st.dictionaries(KEYS, children, min_size=2, max_size=3).map(
        lambda node: Varied((node, dict(list(node.items())[1:]), dict(list(node.items())[:1])))
    )
    varied = st.lists(children, min_size=2, max_size=3).map(tuple).map(Varied)
    return mappings | varied | varied | turned | lacking | lacking | st.lists(children, max_size=2)


NODES = st.recursive(SCALARS, _nodes, max_leaves=12)
ROOTS = st.dictionaries(KEYS, NODES, min_size=1, max_size=5) | _nodes(NODES).filter(
    lambda node: isinstance(node, dict) or (isinstance(node, Varied) and all(isinstance(n, dict) for n in node.values))
)


def _chosen(node, choose):
    if isinstance(node, Varied):
        return _chosen(node.values[choose(len(node.values))], choose)
    if isinstance(node, dict):
        return {key: _chosen(value, choose) for key, value in node.items()}
    return [_chosen(item, choose) for item in node] if isinstance(node, list) else node


@st.composite
def families(draw):
    """Configs of several trials; an alias in all of them, at times."""
    root = draw(ROOTS)
    alias = draw(st.none() | st.tuples(KEYS, KEYS))
    configs = []
    for seed in range(draw(st.integers(2, 6))):
        state = itertools.count(seed * 7919)
        config = _chosen(root, lambda count, state=state: zlib.crc32(b"%d" % next(state)) % count)
        if alias and alias[0] in config:
            config[alias[1]] = config[alias[0]]
        configs.append(config)
    return configs


def _partly(items, count):
    return list(itertools.islice(iter(items), count))


def _changed_while_read(d, k, v):
    seen = []
    for key in d:
        seen.append(key)
        d[k] = v
        if len(seen) > 9:
            break
    return seen


def _match(d):
    match d:
        case {"a": 1 | 2 as x}:
            return x
        case {"a": {"b": x}}:
            return x
        case {"b": _, **others}:
            return others
    return None


# d: a mapping; k: a key; v: a value; o: any other object at hand, often a mapping; n: a small number
STEPS = {
    "item": lambda d, k, v, o, n: d[k],
    "get": lambda d, k, v, o, n: d.get(k),
    "get or": lambda d, k, v, o, n: d.get(k, v),
    "in": lambda d, k, v, o, n: k in d,
    "len": lambda d, k, v, o, n: (len(d), bool(d)),
    "bool": lambda d, k, v, o, n: bool(d),
    "list": lambda d, k, v, o, n: list(d),
    "some keys": lambda d, k, v, o, n: _partly(d, n),
    "reversed": lambda d, k, v, o, n: _partly(reversed(d), n),
    "keys": lambda d, k, v, o, n: [list(d.keys()), k in d.keys(), len(d.keys())],  # noqa: SIM118
    "key sets": lambda d, k, v, o, n: [sorted(d.keys() & {"a", k}, key=repr), d.keys() == {"a", k}, d.keys() >= {"a"}],
    "values": lambda d, k, v, o, n: list(d.values()),
    "some values": lambda d, k, v, o, n: _partly(d.values(), n),
    "items": lambda d, k, v, o, n: list(d.items()),
    "some items": lambda d, k, v, o, n: _partly(d.items(), n),
    "last items": lambda d, k, v, o, n: _partly(reversed(d.items()), n),
    "item in": lambda d, k, v, o, n: [(k, v) in d.items(), v in d.values(), len(d.items())],
    "view": lambda d, k, v, o, n: [d.items, d.values, d.keys][n % 3](),
    "items ==": lambda d, k, v, o, n: d.items() == {k: v}.items(),
    "print view": lambda d, k, v, o, n: repr(d.items()) + repr(d.values()),
    "changed": lambda d, k, v, o, n: _changed_while_read(d, k, v),
    "plain": lambda d, k, v, o, n: dict(d),
    "spread": lambda d, k, v, o, n: {k: v, **d},
    "spread last": lambda d, k, v, o, n: {**d, k: v},
    "named": lambda d, k, v, o, n: vars(argparse.Namespace(**d)),
    "or": lambda d, k, v, o, n: d | {k: v},
    "ror": lambda d, k, v, o, n: {k: v} | d,
    "or other": lambda d, k, v, o, n: d | o,
    "ior": lambda d, k, v, o, n: d.__ior__({k: v}),
    "ior other": lambda d, k, v, o, n: d.__ior__(o),
    "into": lambda d, k, v, o, n: {k: v}.__ior__(d),
    "update": lambda d, k, v, o, n: d.update({k: v}, z=n),
    "update pairs": lambda d, k, v, o, n: d.update([(k, v)]),
    "update other": lambda d, k, v, o, n: d.update(o),
    "set": lambda d, k, v, o, n: d.__setitem__(k, v),
    "set other": lambda d, k, v, o, n: d.__setitem__(k, o),
    "del": lambda d, k, v, o, n: d.__delitem__(k),
    "pop": lambda d, k, v, o, n: d.pop(k),
    "pop or": lambda d, k, v, o, n: d.pop(k, v),
    "popitem": lambda d, k, v, o, n: d.popitem(),
    "setdefault": lambda d, k, v, o, n: d.setdefault(k, v),
    "clear": lambda d, k, v, o, n: d.clear() if n == 0 else None,
    "copy": lambda d, k, v, o, n: d.copy(),
    "copy.copy": lambda d, k, v, o, n: copy.copy(d),
    "deepcopy": lambda d, k, v, o, n: copy.deepcopy(d),
    "deepcopy both": lambda d, k, v, o, n: copy.deepcopy([d, o]),
    "pickle": lambda d, k, v, o, n: pickle.loads(pickle.dumps(d, n)),
    "json": lambda d, k, v, o, n: json.dumps(d),
    "json, indented": lambda d, k, v, o, n: json.dumps([d, o], indent=n),
    "repr": lambda d, k, v, o, n: repr(d),
    "str": lambda d, k, v, o, n: f"{d}",
    "pformat": lambda d, k, v, o, n: pprint.pformat(d, width=30),
    "yaml": lambda d, k, v, o, n: yaml.safe_dump(d, sort_keys=False),
    "yaml, any": lambda d, k, v, o, n: yaml.dump(d),
    "omegaconf": lambda d, k, v, o, n: repr(OmegaConf.to_container(OmegaConf.create(d))),
    "==": lambda d, k, v, o, n: d == {k: v},
    "== other": lambda d, k, v, o, n: [d == o, o == d, d != o],
    "== copy": lambda d, k, v, o, n: [d == d.copy(), d == copy.deepcopy(d), d != d],  # noqa: PLR0124
    "in list": lambda d, k, v, o, n: [d in [o, v], [o, d].index(d)],
    "is": lambda d, k, v, o, n: [d is o, d.get(k) is d.get(k), d.get(k) is o],
    "match": lambda d, k, v, o, n: _match(d),
    "chain": lambda d, k, v, o, n: [collections.ChainMap({k: v}, d)["a"], len(collections.ChainMap(d, {k: v}))],
    "proxy": lambda d, k, v, o, n: [types.MappingProxyType(d).get(k), len(types.MappingProxyType(d))],
    "sorted": lambda d, k, v, o, n: sorted(d),
    "hash": lambda d, k, v, o, n: hash(d),
    "type": lambda d, k, v, o, n: type(d)(d, z=n),
    "ordered": lambda d, k, v, o, n: collections.OrderedDict(d),
    "fromkeys": lambda d, k, v, o, n: dict.fromkeys(d, n),
    "asdict": lambda d, k, v, o, n: dataclasses.asdict(Settings(d))["config"],
    "unhashable": lambda d, k, v, o, n: [[].__len__ in d, d.get([])],
    "format": lambda d, k, v, o, n: "{a}".format(**d) + "{a}".format_map(d),
    "eval": lambda d, k, v, o, n: eval("a", {}, d),
}
# What is done to lists, and to views that were taken before.
OTHERS = {
    "append": lambda x, v, o: x.append(v),
    "append other": lambda x, v, o: x.append(o),
    "print": lambda x, v, o: repr(x),
    "list": lambda x, v, o: list(x),
    "len": lambda x, v, o: len(x),
    "first": lambda x, v, o: next(iter(x), None),
    "in": lambda x, v, o: v in x,
}
NUMBERS = st.integers(0, 4)
PROGRAMS = st.lists(
    st.tuples(
        st.sampled_from([*STEPS, "item", "item", "get", "get"]),
        KEYS,
        SCALARS | st.just([1]),
        st.integers(0, 20),
        NUMBERS,
    ),
    min_size=2,
    max_size=14,
)


def observed(steps, config):
    """What a program sees: each step works on one of the objects at hand, and may depend on what was seen before."""
    at_hand, seen, skip = [config], [], 0
    for name, key, value, which, number in steps:
        if skip:
            skip -= 1
            continue
        subject, other = at_hand[-1 - which % 3 % len(at_hand)], at_hand[which // 3 % len(at_hand)]
        if which == 20:
            subject = config
        try:
            result = _done(name, subject, key, copy.deepcopy(value), other, which + number, number)
        except RecursionError:  # a mapping that contains itself; what the message says is where it was noticed
            seen.append((name, "RecursionError"))
            continue
        except Exception as error:
            seen.append((name, type(error).__name__, str(error)))
            continue
        if isinstance(result, (dict, list, collections.abc.MappingView)):
            at_hand.append(result)
        is_view = isinstance(result, collections.abc.MappingView)
        seen.append((name, "view" if is_view else _shallowly(result)))
        if number == 1 and len(seen) % 2:
            skip = zlib.crc32(repr(seen[-1]).encode("utf-8", "backslashreplace")) % 3
    return seen


def _done(name, subject, key, value, other, which, number):
    if isinstance(subject, dict):
        return STEPS[name](subject, key, value, other, number)
    return [*OTHERS.values()][which % len(OTHERS)](subject, value, other)


def _shallowly(value, depth=3):
    if isinstance(value, dict):
        return "dict"
    if isinstance(value, (list, tuple)):
        return type(value).__name__, [_shallowly(item, depth - 1) if depth else "..." for item in value]
    return type(value).__name__, re.sub(r"\bid=\d+", "id", repr(value))


def alone(steps, configs):
    return [observed(steps, copy.deepcopy(config)) for config in configs]


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(families(), PROGRAMS)
def test_every_trial_sees_what_it_would_see_alone(configs, steps):
    shared, _ = by_running_again(lambda config: observed(steps, config), configs)
    assert shared == alone(steps, configs)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(families(), PROGRAMS)
def test_so_does_every_process_that_really_forks(configs, steps):
    assert by_forking(lambda config: observed(steps, config), configs) == alone(steps, configs)


def main():
    """Try random programs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=int, default=2000)
    parser.add_argument("--forking", type=int, default=0)
    options = parser.parse_args()
    counts = collections.Counter()

    @settings(max_examples=options.programs, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(families(), PROGRAMS)
    def compare(configs, steps):
        expected = alone(steps, configs)
        shared, splits = by_running_again(lambda config: observed(steps, config), configs)
        assert shared == expected
        counts.update(programs=1, trials=len(configs), splits=len(splits), steps=len(steps), split=bool(splits))

    @settings(
        max_examples=max(options.forking, 1), deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(families(), PROGRAMS)
    def compare_forking(configs, steps):
        assert by_forking(lambda config: observed(steps, config), configs) == alone(steps, configs)
        counts.update(forking=1)

    compare()
    if options.forking:
        compare_forking()
    print(dict(counts))  # noqa: T201


if __name__ == "__main__":
    main()
