"""Unions and ranges: each trial's config is what a person would have written, whatever the base looks like."""

import copy
import re

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gridfold.config.config import Config
from gridfold.config.overrides import from_mapping
from gridfold.config.render import Renderer
from gridfold.config.space import space_of
from gridfold.core.errors import ConfigError
from gridfold.core.values import canonical
from gridfold.runs.names import RunNames
from tests.documents import spaces
from tests.loaders import assert_all_read, same

MOST = 60  # trials of a random space


@settings(max_examples=100, deadline=None)
@given(spaces())
def test_every_trial_has_the_config_of_its_branches_in_order(document):
    text, expected = document
    assume(len(expected) <= MOST)
    config = Config.parse(text, "base.yaml")
    space, renderer, names = space_of(config), Renderer(config), RunNames("run", "120000", space_of(config).parameters)
    trials = list(space)
    assert [canonical(renderer.config(trial.params)) for trial in trials] == [canonical(each) for each in expected]
    assert len({names.name(trial.params).casefold() for trial in trials}) == space.count() == len(expected)
    for trial, meant in zip(trials, expected, strict=True):
        written = renderer.text(trial.params)
        assert_all_read(written, meant)
        again = Renderer(Config.parse(written, "config.yaml"))
        assert again.text({}) == written
        assert again.identity({}) == renderer.identity(trial.params)
        assert same(renderer.config(trial.params), meant)


@settings(max_examples=50, deadline=None)
@given(spaces())
def test_what_varies_knows_where_it_stands(document):
    text, expected = document
    assume(len(expected) <= MOST)
    lines = text.split("\n")
    for parameter in space_of(Config.parse(text, "base.yaml")).parameters:
        line, column = map(int, re.fullmatch(r"base\.yaml:(\d+):(\d+)", parameter.where).groups())
        assert lines[line - 1][column - 1] in "[!-", parameter


REFUSED = ("is one value of a swept list", "is none of the values")


@settings(max_examples=60, deadline=None)
@given(spaces(), st.data())
def test_values_laid_over_a_path_change_nothing_else(document, data):
    text, expected = document
    config = Config.parse(text, "base.yaml")
    assume(len(expected) <= MOST and config.paths)
    path, values = data.draw(st.sampled_from(config.paths)), data.draw(st.sampled_from([[997], [997, 998]]))
    variations = from_mapping({path: values})
    try:
        space, renderer = space_of(config, variations), Renderer(config, variations)
    except ConfigError as error:
        assert any(reason in error.problem for reason in REFUSED), error  # noqa: PT017
        return
    configs = [renderer.config(trial.params) for trial in space]
    for trial, found in zip(space, configs, strict=True):
        assert_all_read(renderer.text(trial.params), found)
        assert at(found, path) in (*values, None)
    assert {canonical(without(each, path)) for each in configs} == {canonical(without(each, path)) for each in expected}


def steps(data, path):
    """What holds the value at a path, and its key; None if nothing is there."""
    *sections, last = path.split(".")
    for name in [*sections, last]:
        key = int(name) if isinstance(data, list) and name.isdigit() else name
        if not isinstance(data, (dict, list)) or not (
            key in data if isinstance(data, dict) else key in range(len(data))
        ):
            return None
        holder, data = data, data[key]
    return holder, key


def at(data, path):
    found = steps(data, path)
    return found and found[0][found[1]]


def without(data, path):
    data = copy.deepcopy(data)
    if found := steps(data, path):
        found[0][found[1]] = "replaced"
    return data
