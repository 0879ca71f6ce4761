"""A grid asks for every run once, in order."""

from gridfold.propose.grid import Grid
from gridfold.space.repeats import repetitions
from gridfold.space.space import Parameter, Space
from tests.propose.contract import ProposerContract

SPACE = Space((Parameter("a", (1, 2, 3)), Parameter("b", ("x", "y"))))


class TestGrid(ProposerContract):
    def make(self):
        return Grid(SPACE, list(repetitions(range(2), 2)))

    def value(self, entry):
        return 0.0

    def test_a_repeat_of_all_trials_comes_before_the_next(self, usual):
        assert len(usual) == 6 * 2 * 2
        assert [run[1:] for run in usual] == [place for place in ((0, 0), (0, 1), (1, 0), (1, 1)) for _ in range(6)]

    def test_a_large_space_costs_what_is_asked_for(self):
        grid = Grid(
            Space(tuple(Parameter(f"p{place}", (0, 1)) for place in range(60))), list(repetitions(range(1), None))
        )
        assert grid.size == 2**60
        assert [each.trial.index for each in grid.ask(3)] == [0, 1, 2]
