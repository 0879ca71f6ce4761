"""The grid: the product of the parameters, indexed and lazy."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridfold.core.errors import ConfigError
from gridfold.space.parameters import ListedParameter
from gridfold.space.product import Product
from tests.space.contract import SpaceContract

parameters = st.lists(st.lists(st.integers(), min_size=1, max_size=4, unique=True).map(tuple), max_size=4).map(
    lambda lists: tuple(ListedParameter(f"p{index}", values) for index, values in enumerate(lists))
)


@given(parameters)
def test_trials_are_the_product_last_parameter_fastest(params):
    space = Product(params)
    expected = [
        dict(zip([p.path for p in params], values, strict=True))
        for values in itertools.product(*[p.values for p in params])
    ]
    assert [trial.params for trial in space] == expected
    assert [trial.index for trial in space] == list(range(len(space)))
    assert space[-1].params == expected[-1]
    assert all(space.trial(trial.params) == trial == space[trial.index] for trial in space)


class TestProduct(SpaceContract):
    base = "a: 5\nb: {c: x}  # both\n"
    foreign = ({"a": 1}, {"a": 1.0, "b.c": "x"}, {"a": 1, "b.c": "x", "d": 2}, {})

    @pytest.fixture
    def space(self):
        return Product((ListedParameter("a", (1, True, [1, 2], None)), ListedParameter("b.c", ("x", "1", 1e-7))))


class TestNothingVaries(SpaceContract):
    base = "a: 1\n"

    @pytest.fixture
    def space(self):
        return Product()


class TestHugeProduct(SpaceContract):
    base = "a: 1\n" + "".join(f"p{index}: 2\n" for index in range(60))
    foreign = ({f"p{index}": 2 for index in range(60)},)

    @pytest.fixture
    def space(self):
        return Product(tuple(ListedParameter(f"p{index}", (0, 1)) for index in range(60)))


def test_values_are_told_apart_by_type():
    space = Product((ListedParameter("a", (1, 1.0, True, "1", 0.0, -0.0, float("nan"), None, [1], [1.0])),))
    values = [1, 1.0, True, "1", 0.0, -0.0, float("nan"), None, [1], [1.0]]
    assert [space.trial({"a": value}).index for value in values] == list(range(10))


@pytest.mark.parametrize(
    "params", [{"a.b": 3, "c": True}, {"a.b": 1}, {"a.b": 1, "c": True, "ab": 1}, {"a.b": 1.0, "c": True}]
)
def test_values_that_are_not_of_the_product(params, snapshot):
    space = Product((ListedParameter("a.b", (1, 2), "base.yaml:1:6"), ListedParameter("c", (True, None))))
    with pytest.raises(ConfigError) as caught:
        space.trial(params)
    assert str(caught.value) == snapshot


def test_a_huge_space_costs_nothing():
    space = Product(tuple(ListedParameter(f"p{index}", (0, 1)) for index in range(100)))
    assert space.count() == 2**100
    assert set(space[2**100 - 1].params.values()) == {1}
    assert space[2**99].params["p0"] == 1
    with pytest.raises(IndexError):
        space[2**100]


@pytest.mark.parametrize(("values", "message"), [((), "no values"), ((1, 2, 1), "the value 1 appears twice in")])
def test_a_parameter_needs_values_that_differ(values, message):
    with pytest.raises(ConfigError, match=message):
        ListedParameter("a.b", values)


def test_values_of_other_types_differ():
    assert len(Product((ListedParameter("a", (1, 1.0, True, "1")),))) == 4
