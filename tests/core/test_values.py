"""Scalars: read as OmegaConf reads them, written so that all loaders agree."""

import enum
import json
import math
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from gridfold.config.config import Config
from gridfold.core.errors import ConfigError
from gridfold.core.values import (
    Exact,
    Loader,
    canonical,
    cell,
    first_repeat,
    from_record,
    is_json,
    plain,
    render,
    to_record,
)
from tests.documents import PLAIN
from tests.loaders import assert_all_read, same

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
data = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)
mixed = st.recursive(
    scalars,
    lambda inner: st.lists(inner) | st.dictionaries(st.booleans() | st.integers() | st.text(), inner),
    max_leaves=8,
)
number_like = st.text(alphabet="0123456789eE+-._:xobn", max_size=8)


@settings(max_examples=1000)
@given(number_like | st.sampled_from(PLAIN) | st.text(alphabet="noyestrufalNYu~=<-1", max_size=6))
def test_plain_scalars_mean_what_omegaconf_reads(text):
    document = f"a: {text}\n"
    try:
        expected = OmegaConf.to_container(OmegaConf.create(document))
    except yaml.constructor.ConstructorError:
        expected = {"a": text}  # a lone "=" raises there; it can only be meant as a string
    except (yaml.YAMLError, ValueError):
        return
    try:
        config = Config.parse(document, "x")
    except ConfigError:
        assert text in ("<<", "-") or not isinstance(expected, dict) or ":" in text
        return
    assert same(config.data, expected)


@settings(max_examples=1000)
@given(st.text() | number_like | scalars)
@example("1e-7")
@example("\ufeff")
@example("a\x85b\u2028c")
@example("trailing ")
@example("- x: {y} # z")
def test_a_rendered_value_reads_back_under_every_loader(value):
    line = render(value)
    assert "\n" not in line
    assert_all_read(f"a: {line}\nb: [{line}, {{c: {line}}}]\n", {"a": value, "b": [value, {"c": value}]})


@given(data)
def test_canonical_form_tells_values_apart_by_type_too(value):
    assert canonical(value) == canonical(yaml.load(render(value), _loader()))


def _loader():
    from gridfold.core.values import Loader

    return Loader


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        (1e-5, 0.00001, True),
        (0.1 + 0.2, 0.3, False),
        (1, 1.0, False),
        (1, True, False),
        (1.0, True, False),
        (math.nan, -math.nan, True),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({1: "x"}, {"1": "x"}, False),
        ([1, 2], [2, 1], False),
        ("1", 1, False),
        (None, "null", False),
    ],
)
def test_identity(left, right, equal):
    assert (canonical(left) == canonical(right)) is equal


def test_first_repeat():
    assert first_repeat([1, 1.0, True, "1"]) is None
    assert first_repeat([1e-5, 2, 0.00001]) == 2
    assert first_repeat([[1], {"a": 1}, [1]]) == 2


class Size(enum.IntEnum):
    small = 3


def test_values_from_python():
    given_values = {
        "a": (1, 2),
        "b": np.float64(0.5),
        "c": np.arange(2),
        "d": Path("x"),
        "e": Size.small,
        "f": range(2),
    }
    assert same(plain(given_values), {"a": [1, 2], "b": 0.5, "c": [0, 1], "d": "x", "e": 3, "f": [0, 1]})
    assert same(plain(OmegaConf.create({"a": [1, {"b": 2}]})), {"a": [1, {"b": 2}]})


def test_a_number_of_too_many_digits_is_refused():
    with pytest.raises(ConfigError, match="a value that cannot be written"):
        plain({"a": 10**5000})


@pytest.mark.parametrize(
    "value",
    [
        *(object(), {1, 2}, b"x", bytearray(b"x"), len, {None: 1}, {(1, 2): 3}),
        *(np.datetime64("2020-01-01"), np.longdouble("0.1"), 1j, "\ud800"),
    ],
)
def test_values_without_a_form_in_yaml_are_refused(value):
    with pytest.raises(ConfigError, match=r"is not allowed in a config|a key must be|cannot be written"):
        plain({"a": [value]})


class TestRecords:
    @given(mixed | st.just({"!yaml": "{1: x}"}))
    def test_json_keeps_every_value_and_the_types_of_keys(self, value):
        value = plain(value)
        assert canonical(from_record(json.loads(json.dumps(to_record(value))))) == canonical(value)

    @given(data)
    def test_what_json_can_hold_is_as_it_was(self, value):
        assert to_record(value) is value

    def test_a_key_that_is_no_text(self):
        assert to_record({1: {"a": None}}) == {"!yaml": "{1: {a: null}}"}

    @pytest.mark.parametrize("said", [{"!yaml": "{"}, {"!yaml": 3}, {"!yaml": None}])
    def test_a_damaged_one(self, said):
        with pytest.raises(ValueError, match="not a value"):
            from_record(said)


def read_cell(text):
    """What a cell of CSV stands for, as docs/results.md says."""
    if text[:1] in ("[", "{"):
        try:
            return json.loads(text)
        except ValueError:
            return yaml.load(text, Loader)
    if text[:1] in ("'", '"'):
        return yaml.load(text, Loader)
    try:
        return int(text) if text.lstrip("-").isdecimal() else float(text)
    except ValueError:
        return {"True": True, "False": False, "null": None}.get(text, text)


class TestCells:
    @given(mixed | number_like | st.sampled_from([*PLAIN, "None", "NaN", "[1]", "'a'", "", "x", "<NA>"]))
    def test_each_value_has_a_text_of_its_own(self, value):
        value = plain(value)
        assert canonical(read_cell(f"{cell(value)}")) == canonical(value)

    @pytest.mark.parametrize(
        ("value", "text"),
        [
            *(
                (1, "1"),
                ("1", "'1'"),
                (1.0, "1.0"),
                (True, "True"),
                ("True", "'True'"),
                (None, "null"),
                ("null", "'null'"),
            ),
            *(
                ("microsoft/deberta-v3-base", "microsoft/deberta-v3-base"),
                ("it's", "it's"),
                ("key: value", "key: value"),
            ),
            *((math.nan, "nan"), ("nan", "'nan'"), ("NA", "'NA'"), ("", "''"), ("'1", "'''1'"), (1e-7, "1e-07")),
            *(([1, "é"], '[1, "é"]'), ({1: "x"}, "{1: x}"), ({"1": "x"}, '{"1": "x"}'), ([math.nan], "[.nan]")),
        ],
    )
    def test_it_is_quoted_where_it_would_be_read_as_something_else(self, value, text):
        assert f"{cell(value)}" == text


@given(mixed, mixed)
def test_an_exact_value_equals_no_other(one, other):
    assert (Exact(one) == Exact(other)) == (canonical(one) == canonical(other))
    assert Exact(one) in {Exact(one)}
    assert len({Exact(0.0), Exact(-0.0), Exact(0), Exact(False), Exact("0")}) == 5


@given(mixed)
def test_what_is_json_is_read_by_every_reader_of_it(value):
    constants = []
    back = json.loads(json.dumps(value), parse_constant=constants.append)
    assert is_json(value) == (not constants and canonical(back) == canonical(value))
