"""A grid asks for every run once, in order."""

from gridfold.propose.grid import Grid
from gridfold.space.parameters import ListedParameter
from gridfold.space.product import Product
from gridfold.space.repeats import repetitions
from tests.propose.contract import ProposerContract

SPACE = Product((ListedParameter("a", (1, 2, 3)), ListedParameter("b", ("x", "y"))))


class TestGrid(ProposerContract):
    def make(self):
        return Grid(SPACE, 6, list(repetitions(range(2), 2)))

    def value(self, entry):
        return 0.0

    def test_a_repeat_of_all_trials_comes_before_the_next(self, usual):
        assert len(usual) == 6 * 2 * 2
        assert [run[1:] for run in usual] == [place for place in ((0, 0), (0, 1), (1, 0), (1, 1)) for _ in range(6)]

    def test_a_large_space_costs_what_is_asked_for(self):
        space = Product(tuple(ListedParameter(f"p{place}", (0, 1)) for place in range(60)))
        grid = Grid(space, space.count(), list(repetitions(range(1), None)))
        assert grid.size == 2**60
        assert [each.trial.index for each in grid.ask(3)] == [0, 1, 2]
