"""Unions and ranges: each trial's config is what a person would have written, whatever the base looks like."""

import re

from hypothesis import assume, given, settings

from gridfold.config.config import Config
from gridfold.config.render import Renderer
from gridfold.config.space import space_of
from gridfold.core.values import canonical
from gridfold.runs.names import RunNames
from tests.documents import spaces
from tests.loaders import assert_all_read, same

MOST = 60  # trials of a random space


@settings(max_examples=150, deadline=None)
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


@settings(max_examples=100, deadline=None)
@given(spaces())
def test_what_varies_knows_where_it_stands(document):
    text, expected = document
    assume(len(expected) <= MOST)
    lines = text.split("\n")
    for parameter in space_of(Config.parse(text, "base.yaml")).parameters:
        line, column = map(int, re.fullmatch(r"base\.yaml:(\d+):(\d+)", parameter.where).groups())
        assert lines[line - 1][column - 1] in "[!-", parameter
