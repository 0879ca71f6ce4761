"""A space made of axes, as plainly as can be."""

import itertools
from dataclasses import dataclass

from gridfold.core.values import canonical
from gridfold.space.axes import Linked, Union, name_of
from gridfold.space.parameters import ListedParameter, RangeParameter
from gridfold.space.space import Space
from gridfold.space.trial import Trial


@dataclass(frozen=True)
class Axes(Space):
    axes: tuple
    excluded: object = None
    bound: int | None = None

    @property
    def parameters(self):
        return tuple(_parameters(self.axes))

    @property
    def is_exact(self):
        return self.bound is None

    def count(self):
        if self.bound:
            return self.bound
        return None if any(isinstance(each, RangeParameter) for each in self.parameters) else sum(1 for _ in self)

    def __len__(self):
        return self.count()

    def __iter__(self):
        found = (dict(each) for each in _all(self.axes))
        return (Trial(i, p) for i, p in enumerate(p for p in found if not (self.excluded and self.excluded(p))))

    def draw(self, chooser):
        params = {}
        _draw(self.axes, chooser, params)
        return None if self.excluded and self.excluded(params) else Trial(None, params)

    def decisions(self, params):
        found = {}
        rest = _decide(self.axes, dict(params), found)
        return None if rest is None or rest else found


def _parameters(axes):
    for axis in axes:
        if isinstance(axis, Union):
            yield axis.selector
            for branch in axis.branches:
                yield from _parameters(branch)
        elif isinstance(axis, Linked):
            yield from axis.parameters
        else:
            yield axis


def _choices(axis):
    if isinstance(axis, Union):
        for value, branch in zip(axis.selector.values, axis.branches, strict=True):
            yield from ({axis.selector.path: value, **each} for each in _all(branch))
    elif isinstance(axis, Linked):
        for values in zip(*(each.values for each in axis.parameters), strict=True):
            yield {each.path: value for each, value in zip(axis.parameters, values, strict=True)}
    else:
        yield from ({axis.path: value} for value in axis.values)


def _all(axes):
    for parts in itertools.product(*(list(_choices(axis)) for axis in axes)):
        yield {path: value for part in parts for path, value in part.items()}


def _is_ordered(values):
    return all(type(each) in (int, float) for each in values) and values in (
        tuple(sorted(values)),
        tuple(sorted(values, reverse=True)),
    )


def _draw(axes, chooser, params):
    for axis in axes:
        name = name_of(axis)
        if isinstance(axis, RangeParameter):
            params[axis.path] = chooser.value(name, axis.distribution)
        elif isinstance(axis, Union):
            place = chooser.position(name, len(axis.branches), ordered=False)
            params[name] = axis.selector.values[place]
            _draw(axis.branches[place], chooser, params)
        elif isinstance(axis, Linked):
            place = chooser.position(name, len(axis.parameters[0].values), ordered=False)
            params.update({each.path: each.values[place] for each in axis.parameters})
        else:
            params[name] = axis.values[chooser.position(name, len(axis.values), ordered=_is_ordered(axis.values))]


def _place(values, value):
    keys = [canonical(each) for each in values]
    return keys.index(canonical(value)) if canonical(value) in keys else None


def _decide(axes, params, found):
    """Decide what makes the parameters; what is left of them, None if they are not of the space."""
    for axis in axes:
        name = name_of(axis)
        if name not in params:
            return None
        if isinstance(axis, RangeParameter):
            found[name] = params.pop(name)
            if not axis.distribution.contains(found[name]):
                return None
            continue
        values = axis.parameters[0].values if isinstance(axis, Linked) else _values(axis)
        found[name] = _place(values, params.pop(name))
        if found[name] is None:
            return None
        if isinstance(axis, Linked) and any(
            canonical(params.pop(each.path, None)) != canonical(each.values[found[name]])
            for each in axis.parameters[1:]
        ):
            return None
        if isinstance(axis, Union):
            params = _decide(axis.branches[found[name]], params, found)
            if params is None:
                return None
    return params


def _values(axis):
    return axis.selector.values if isinstance(axis, Union) else axis.values


def listed(path, *values):
    return ListedParameter(path, values)
