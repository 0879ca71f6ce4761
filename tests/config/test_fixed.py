"""``gridfold.fixed``: a list in a mapping from Python that stays one value."""

import math

from hypothesis import given
from hypothesis import strategies as st

import gridfold
from gridfold.config.config import Config
from gridfold.core.values import canonical

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=["Cs"]))
LISTS = st.lists(SCALARS | st.lists(SCALARS, max_size=3), max_size=5)


@given(LISTS, st.text("abc", min_size=1))
def test_it_is_no_parameter_and_keeps_its_values(values, name):
    config = Config.load({"section": {name: gridfold.fixed(values)}, "swept": (1, 2)})
    assert [parameter.path for parameter in config.parameters] == ["swept"]
    assert canonical(config.data["section"][name]) == canonical(values)


@given(LISTS)
def test_it_is_what_the_same_yaml_is(values):
    from_python = Config.load({"a": gridfold.fixed(values), "b": [1, 2]})
    from_yaml = Config.parse(from_python.document.text, "c.yaml")
    assert "!fixed" in from_python.document.text
    assert from_python.kept == from_yaml.kept or any(map(math.isnan, filter(_is_float, _flat(values))))
    assert from_python.parameters[0].values == from_yaml.parameters[0].values


def _is_float(value):
    return isinstance(value, float)


def _flat(values):
    for value in values:
        yield from _flat(value) if isinstance(value, list) else [value]
