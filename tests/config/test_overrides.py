"""Variations on the command line: ``path=value1,value2``, values in YAML."""

import pytest

from gridfold.config.overrides import parse_arguments
from tests.loaders import same


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1,2", [1, 2]),
        ("1e-3, 1e-4 ,1E5", [1e-3, 1e-4, 1e5]),
        ('"x,y"', ["x,y"]),
        ("'x,y',z", ["x,y", "z"]),
        ("[0.9,0.999],[0.9,0.98]", [[0.9, 0.999], [0.9, 0.98]]),
        ("[0.9,0.999]", [[0.9, 0.999]]),
        ("null,true", [None, True]),
        ("b=c,d==e", ["b=c", "d==e"]),
        ("=", ["="]),
        ("''", [""]),
        ("{x: 1, y: [2]}", [{"x": 1, "y": [2]}]),
        ("microsoft/deberta-v3-base,a:b", ["microsoft/deberta-v3-base", "a:b"]),
        ("12:30,010", [750, 8]),
        ("$(rm -rf x)", ["$(rm -rf x)"]),
        ("../up,/abs", ["../up", "/abs"]),
        ("é,中", ["é", "中"]),
        ("!!str 1,2", ["1", 2]),
        (" !!float 1", [1.0]),
    ],
)
def test_values(text, values):
    (variation,) = parse_arguments([f"a.b={text}"])
    assert variation.path == "a.b"
    assert same(list(variation.parameter.values), values)


def test_a_plus_adds():
    first, second = parse_arguments(["+a.b=1", "c=2,3"])
    assert (first.path, first.add, first.is_pin) == ("a.b", True, True)
    assert (second.path, second.add, second.is_pin) == ("c", False, False)
