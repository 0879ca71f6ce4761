"""Spaces of which exclusions leave next to nothing, so that draws meet nothing that is left."""

from gridfold.core.values import canonical
from gridfold.propose.sampled import Random, Sampled
from gridfold.space.parameters import ListedParameter
from gridfold.space.product import Product
from gridfold.space.rules import Exclusion


def test_random_trials_of_a_huge_space_that_is_almost_empty():
    bits = tuple(ListedParameter(f"p{index}", (0, 1)) for index in range(60))
    space = Product(bits, tuple(Exclusion(f"p{index} == 1 and p{index + 1} == 1") for index in range(59)))
    assert 10**12 < space.count() < 2**60 / 10**5
    sampled = Sampled(space, 200, Random(0))
    trials = list(sampled)
    assert len({canonical(trial.params) for trial in trials}) == 200
    assert [sampled[index] for index in (0, 100, 199)] == [trials[index] for index in (0, 100, 199)]
    assert all(space.trial(trial.params).params == trial.params for trial in trials)
