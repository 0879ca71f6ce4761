"""A pickle of a config, or of a part of it, has the bytes that it has for a run alone."""

import copy
import io
import json
import marshal
import multiprocessing.reduction
import pickle
from pathlib import Path
from pickle import dump as dump_of_old
from pickle import dumps as dumps_of_old

import cloudpickle
import joblib
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import gridfold
from gridfold.sharing.disguise import Pickles
from gridfold.sharing.group import Group
from gridfold.sharing.mapping import SharedDict
from tests.sharing.test_fork import Project
from tests.sharing.test_group import CONFIGS, families


class Own(pickle.Pickler):
    def persistent_id(self, thing):
        return "place" if isinstance(thing, float) else None


class Pure(pickle._Pickler):
    dispatch = pickle._Pickler.dispatch.copy()


def _by(pickler, **options):
    def dumps(thing, protocol):
        file = io.BytesIO()
        pickler(file, protocol, **options).dump(thing)
        return file.getvalue()

    return dumps


def _to_file(thing, protocol):
    file = io.BytesIO()
    dump_of_old(thing, file, protocol)
    return file.getvalue()


WAYS = {
    "dumps": dumps_of_old,
    "dump": _to_file,
    "Pickler": _by(pickle.Pickler),
    "a class of one's own": _by(Own),
    "cloudpickle": cloudpickle.dumps,
    "multiprocessing": lambda thing, protocol: bytes(multiprocessing.reduction.ForkingPickler.dumps(thing, protocol)),
    "Python": pickle._dumps,
    "a class of Python": _by(Pure),
    "joblib": lambda thing, _: joblib.hash(thing).encode(),
}


@pytest.fixture
def combined():
    """Combines configs whose process goes on with the last group at each split, until the next one or the end."""
    watched = [Pickles(print)]

    def combine(configs):
        watched.pop().stop()
        group = Group(copy.deepcopy(configs), lambda path, groups, place: groups[-1])
        watched.append(Pickles(group.settle))
        return group

    yield combine
    watched.pop().stop()


PARTS = {
    "config": lambda config: config,
    "part": lambda config: config["opt"],
    "nested": lambda config: {"step": 3, "all": [config, config["net"]], "again": config},
    "copy": lambda config: [copy.deepcopy(config), config.copy(), config],
}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("before", ["many", "one that is watched", "one"])
def test_however_it_is_pickled(combined, way, part, before):
    for protocol in (0, 2, pickle.HIGHEST_PROTOCOL):
        group = combined(CONFIGS)
        if before == "one that is watched":
            group.separate("run.dir")
        if before == "one":
            repr(group.config)
        assert WAYS[way](PARTS[part](group.config), protocol) == WAYS[way](PARTS[part](CONFIGS[3]), protocol)
        assert type(group.config) is type(group.config["net"]) is dict


@given(families(), st.integers(0, pickle.HIGHEST_PROTOCOL), st.sampled_from([pickle.dumps, pickle._dumps]))
def test_whatever_the_config_is(configs, protocol, dumps):
    group = Group(configs, lambda path, groups, place: groups[0])
    pickles = Pickles(group.settle)
    try:
        seen = dumps({"all": group.config, "parts": [*group.config.values()]}, protocol)
    finally:
        pickles.stop()
    (first, *_) = copy.deepcopy(configs)
    assert seen == dumps({"all": first, "parts": [*first.values()]}, protocol)


def test_where_nothing_is_left_to_see_it_is_a_dict_to_all():
    group = Group(CONFIGS, lambda path, groups, place: groups[-1])
    config, view, net = group.config, group.config.items(), group.config["net"]
    twin, merged, keys = copy.deepcopy(config), config | {"x": 1}, iter(config)
    assert {type(each) for each in (config, net, twin, merged)} == {SharedDict}
    assert config["opt"]["name"] == "adam"
    assert {type(each) for each in (config, net, twin, twin["net"], merged)} == {dict}
    assert (config, twin, merged) == (CONFIGS[3], CONFIGS[3], CONFIGS[3] | {"x": 1})
    assert (list(view), list(keys)) == (list(CONFIGS[3].items()), list(CONFIGS[3]))
    assert marshal.dumps(config, 2) == marshal.dumps(CONFIGS[3], 2)
    assert yaml.dump([config, twin]) == yaml.dump([CONFIGS[3], copy.deepcopy(CONFIGS[3])])
    assert json.dumps(merged) == json.dumps(CONFIGS[3] | {"x": 1})
    config["new"] = [config.pop("lr"), *config.setdefault("more", {})]
    assert not vars(Group(CONFIGS[:1], None))["unread"]


def test_many_dicts_that_were_combined_are_freed_as_dicts():
    for _ in range(200):
        group = Group(CONFIGS, lambda path, groups, place: groups[0])
        copies = [copy.deepcopy(group.config) for _ in range(20)]
        group.config["batch"], group.config["net"]["p"]
        assert {type(each) for each in copies} == {dict}
    assert [*map(dict, [{"n": 1}] * 5000)] == [{"n": 1}] * 5000


def test_copies_that_nobody_has_are_not_kept():
    group = Group(CONFIGS, lambda path, groups, place: groups[0])
    for _ in range(5000):
        group.config.copy()
    assert len(group._mappings) < 3000


def test_what_a_stage_keeps_is_not_asked_for(combined):
    group = combined(CONFIGS)
    scope = {"pickle": pickle}
    file = str(Path(gridfold.__file__).parent / "stages" / "cache.py")
    exec(compile("def keep(): return pickle.dumps(1)", file, "exec"), scope)
    scope["keep"]()
    assert not group.reads
    pickle.dumps(1)
    assert group.reads


def test_in_the_end_pickles_are_as_before():
    before = vars(pickle.Pickler)["dump"]
    pickles = Pickles(print)
    assert vars(pickle.Pickler)["dump"] is not before
    assert not hasattr(pickle.Pickler(io.BytesIO()), "reducer_override")
    pickles.stop()
    pickles.stop()
    assert vars(pickle.Pickler)["dump"] is before
    assert "reducer_override" not in vars(pickle.Pickler)


TRAINER = """
import pickle
from pickle import dumps


def train(config, run):
    {first}
    for name, part in (("config", config), ("part", config["training"]), ("nested", {{"step": 3, "all": [config]}})):
        (run.dir / name).write_bytes(b"".join(dumps(part, protocol) for protocol in range(6)))
    return config["training"]["lr"]
"""


@pytest.mark.parametrize("first", ["config['training']['lr']", "pass"])
def test_a_run_of_a_batch_writes_the_bytes_that_it_writes_alone(project, first):
    place = Project(project)
    (project / "trainers.py").write_text(TRAINER.format(first=first))
    shared = place.execute("train", share=None, sizes=(4,))
    place.execute("train", share=False, sizes=(4,), name="alone")
    assert {record.sharing["label"] for record in shared} == {"bitwise"}
    for index in range(3):
        for name in ("config", "part", "nested"):
            own, alone = ((project / f"{kind}{index}" / name).read_bytes() for kind in ("run", "alone"))
            assert own == alone
