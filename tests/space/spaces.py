"""Spaces that are no product: trials with other parameters than others have, and values without end."""

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gridfold.core.errors import ConfigError
from gridfold.core.values import canonical
from gridfold.space.parameters import ListedParameter
from gridfold.space.product import Product
from gridfold.space.space import Space
from gridfold.space.trial import Trial


@dataclass(frozen=True)
class Union(Space):
    """The trials of some products, one after the other."""

    branches: tuple[Product, ...]

    @property
    def parameters(self) -> Sequence[ListedParameter]:
        found = {}
        for parameter in itertools.chain.from_iterable(branch.parameters for branch in self.branches):
            known = found.get(parameter.path, ListedParameter(parameter.path, parameter.values)).values
            new = [value for value in parameter.values if canonical(value) not in map(canonical, known)]
            found[parameter.path] = ListedParameter(parameter.path, (*known, *new))
        paths = [{parameter.path for parameter in branch.parameters} for branch in self.branches]
        return [replace(each, optional=not all(path in own for own in paths)) for path, each in found.items()]

    def count(self):
        return sum(branch.count() for branch in self.branches)

    def __iter__(self):
        trials = itertools.chain.from_iterable(self.branches)
        return (Trial(index, trial.params) for index, trial in enumerate(trials))

    def trial(self, params):
        before, last = 0, None
        for branch in self.branches:
            try:
                found = branch.trial(params)
            except ConfigError as error:
                last = error
                before += branch.count()
            else:
                return Trial(before + found.index, found.params)
        raise last

    def sample(self, most):
        trials = itertools.chain.from_iterable(branch.sample(most) for branch in self.branches)
        return (self.trial(trial.params) for trial in trials)


@dataclass(frozen=True)
class _Range:
    path: str
    values: None = None
    optional: bool = False


@dataclass(frozen=True)
class Draws(Space):
    """A number drawn between two others, again and again."""

    path: str
    low: float
    high: float

    @property
    def parameters(self):
        return (_Range(self.path),)

    def count(self):
        return None

    def __iter__(self):
        return map(self.__getitem__, itertools.count())

    def __getitem__(self, index):
        return Trial(index, {self.path: random.Random(index).uniform(self.low, self.high)})

    def trial(self, params):
        if params.keys() != {self.path} or not self.low <= params[self.path] <= self.high:
            raise ConfigError("not of the space", path=self.path)
        return Trial(None, dict(params))

    def sample(self, most):
        return itertools.islice(self, most)
