"""What every space keeps to: a test class for an implementation to inherit."""

import itertools
import os

import pytest

from gridfold.config.config import Config
from gridfold.config.render import Renderer
from gridfold.core.errors import ConfigError
from gridfold.core.values import canonical
from gridfold.runs.names import MAX_BYTES, RunNames

_MANY = 60  # trials that are looked at


class Replay:
    """A chooser that decides what was decided before."""

    def __init__(self, decisions):
        self.decisions, self.asked = decisions, set()

    def position(self, path, count, *, ordered):
        self.asked.add(path)
        assert 0 <= self.decisions[path] < count
        return self.decisions[path]

    def value(self, path, distribution):
        self.asked.add(path)
        assert distribution.contains(self.decisions[path])
        return self.decisions[path]


class SpaceContract:
    """Inherit it, with a fixture ``space`` and the attributes.

    Attributes:
        base: the text of a config over which the space's values can be laid.
        foreign: values that are not of the space.
    """

    base = ""
    foreign = ()

    @staticmethod
    def first(space):
        return list(itertools.islice(space, _MANY))

    def test_iterating_again_gives_the_same_trials_each_at_its_index(self, space):
        trials = self.first(space)
        assert [canonical(trial.params) for trial in trials] == [canonical(trial.params) for trial in self.first(space)]
        assert [trial.index for trial in trials] == list(range(len(trials)))
        assert [canonical(space[trial.index].params) for trial in trials[:5]] == [
            canonical(trial.params) for trial in trials[:5]
        ]

    def test_the_count_is_that_of_the_trials(self, space):
        count = space.count()
        if count is None:
            assert len(self.first(space)) == _MANY
        elif not space.is_exact:
            assert len(self.first(space)) <= count
        elif count <= _MANY:
            assert len(self.first(space)) == count
            with pytest.raises(IndexError):
                space[count]

    def test_factors_multiply_to_the_count(self, space):
        product = 1
        for path, count in space.factors:
            assert path in {parameter.path for parameter in space.parameters}
            product *= count
        assert not space.factors or product == space.count()

    def test_a_trial_has_parameters_of_the_space_and_values_of_theirs(self, space):
        parameters = {parameter.path: parameter for parameter in space.parameters}
        for trial in self.first(space):
            assert trial.params.keys() <= parameters.keys()
            assert {path for path, parameter in parameters.items() if not parameter.optional} <= trial.params.keys()
            for path, value in trial.params.items():
                values = parameters[path].values
                assert values is None or canonical(value) in map(canonical, values)

    def test_no_two_trials_are_equal(self, space):
        trials = self.first(space)
        assert len({canonical(trial.params) for trial in trials}) == len(trials)

    def test_the_trial_of_some_values_has_them(self, space):
        for trial in self.first(space):
            found = space.trial(dict(reversed(trial.params.items())))
            assert canonical(found.params) == canonical(trial.params)
            assert found.index in (trial.index, None)

    def test_values_that_are_not_of_the_space_are_refused(self, space):
        params = self.first(space)[-1].params
        for strange in (*self.foreign, {**params, "nowhere": 1}):
            with pytest.raises(ConfigError):
                space.trial(strange)

    def test_the_decisions_of_a_trial_give_it_again(self, space):
        for trial in self.first(space):
            decisions = space.decisions(trial.params)
            if decisions is not None:
                chooser = Replay(decisions)
                assert canonical(space.draw(chooser).params) == canonical(trial.params)
                assert chooser.asked == decisions.keys()

    @pytest.mark.parametrize("most", [1, 3, 10_000])
    def test_a_sample_has_every_listed_value_and_little_more(self, space, most):
        if space.count() is None and most > _MANY:
            most = _MANY
        sample = list(space.sample(most))
        longest = max((len(parameter.values or ()) for parameter in space.parameters), default=1)
        assert len(sample) <= most + len(space.parameters) * longest
        for parameter in space.parameters:
            seen = {canonical(trial.params[parameter.path]) for trial in sample if parameter.path in trial.params}
            assert set(map(canonical, parameter.values or ())) <= seen
        for trial in sample:
            assert canonical(space.trial(trial.params).params) == canonical(trial.params)

    def test_each_trial_has_a_config_with_its_values_and_an_id_of_its_own(self, space):
        renderer, trials = Renderer(Config.parse(self.base, "base.yaml")), self.first(space)
        for trial in trials:
            config = Config.parse(renderer.text(trial.params), "config.yaml")
            assert canonical(config.data) == renderer.canonical(trial.params)
            assert canonical(config.data) == canonical(renderer.config(trial.params))
            for path, value in trial.params.items():
                assert canonical(config.document.value(config.document.find(path).node)) == canonical(value)
            assert config.parameters == ()
            assert Renderer(config).identity({}) == renderer.identity(trial.params)
        assert len({renderer.identity(trial.params) for trial in trials}) == len(trials)

    def test_no_two_trials_share_a_name(self, space):
        trials = self.first(space)
        names = [RunNames("p", "123045", space.parameters).name(trial.params) for trial in trials]
        assert len({name.casefold() for name in names}) == len(trials)
        assert all(len(os.fsencode(name)) <= MAX_BYTES for name in names)
