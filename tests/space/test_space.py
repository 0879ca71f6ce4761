"""The space: the product of the parameters, indexed and lazy."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridfold.core.errors import ConfigError
from gridfold.space.space import Parameter, Space

parameters = st.lists(st.lists(st.integers(), min_size=1, max_size=4, unique=True).map(tuple), max_size=4).map(
    lambda lists: tuple(Parameter(f"p{index}", values) for index, values in enumerate(lists))
)


@given(parameters)
def test_trials_are_the_product_last_parameter_fastest(params):
    space = Space(params)
    expected = [
        dict(zip([p.path for p in params], values, strict=True))
        for values in itertools.product(*[p.values for p in params])
    ]
    assert [trial.params for trial in space] == expected
    assert [trial.index for trial in space] == list(range(len(space)))
    assert space[-1].params == expected[-1]
    for trial in space:
        assert [p.values[position] for p, position in zip(params, trial.choice, strict=True)] == [
            *trial.params.values()
        ]


def test_a_huge_space_costs_nothing():
    space = Space(tuple(Parameter(f"p{index}", (0, 1)) for index in range(100)))
    assert space.size == 2**100
    assert set(space[2**100 - 1].params.values()) == {1}
    assert space[2**99].params["p0"] == 1
    with pytest.raises(IndexError):
        space[2**100]


@pytest.mark.parametrize(("values", "message"), [((), "no values"), ((1, 2, 1), "the value 1 appears twice in")])
def test_a_parameter_needs_values_that_differ(values, message):
    with pytest.raises(ConfigError, match=message):
        Parameter("a.b", values)


def test_values_of_other_types_differ():
    assert len(Space((Parameter("a", (1, 1.0, True, "1")),))) == 4
