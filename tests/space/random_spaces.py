"""Random spaces, and what they have by a plain enumeration."""

import functools
import itertools
from dataclasses import dataclass, replace

from hypothesis import assume
from hypothesis import strategies as st

from gridfold.space.axes import Linked, Union
from gridfold.space.parameters import ListedParameter
from gridfold.space.product import Product
from gridfold.space.rules import Addition, Exclusion, When

VALUES = (0, 1, 2, 3, "a", "b", None, [1, 2])
SHARED = "shared"  # a path that several branches of one union may have


@dataclass(frozen=True)
class Case:
    """A space, and all that it is made of."""

    axes: tuple
    rules: tuple = ()
    added: tuple = ()

    @property
    def space(self):
        rules = [Exclusion(rule.text) if rule.path is None else When(rule.path, rule.text) for rule in self.rules]
        return Product(self.axes, tuple(rules), tuple(map(Addition, self.added)), {"constant": 2})


@dataclass(frozen=True)
class Rule:
    """A condition, in gridfold's language and in Python; of a parameter, or of no trial."""

    path: str | None
    text: str
    python: str

    def holds(self, params):
        try:
            return bool(eval(_compiled(self.python), {}, {"P": params | {"constant": 2}}))
        except TypeError:
            return False


@functools.cache
def _compiled(python):
    return compile(python, "condition", "eval")


def enumerated(axes):
    """Every combination: the values, and the paths that have their first one."""
    if not axes:
        return [({}, frozenset())]
    axis, *others = axes
    return [
        (params | more, first | others_first)
        for params, first in _of_axis(axis)
        for more, others_first in enumerated(others)
    ]


def _of_axis(axis):
    if isinstance(axis, Union):
        path = axis.selector.path
        for place, value in enumerate(axis.selector.values):
            for params, first in enumerated(axis.branches[place]):
                yield {path: value} | params, first | (frozenset([path]) if place == 0 else frozenset())
    else:
        parameters = axis.parameters if isinstance(axis, Linked) else (axis,)
        paths = [each.path for each in parameters]
        for place, values in enumerate(zip(*(each.values for each in parameters), strict=True)):
            yield dict(zip(paths, values, strict=True)), frozenset(paths if place == 0 else ())


def left(case):
    """What the rules leave of the combinations."""
    return [
        params
        for params, first in enumerated(case.axes)
        if not any(removes(each, params, first) for each in case.rules)
    ]


def removes(rule, params, first):
    if rule.path is None:
        return rule.holds(params)
    return rule.path in params and rule.path not in first and not rule.holds(params)


def makes_no_sense(case):
    """Whether a rule never holds, or leaves nothing, or all of them do."""
    every = enumerated(case.axes)
    for rule in case.rules:
        if rule.path is None:
            if len({bool(rule.holds(params)) for params, _ in every} & {True}) == 0:
                return True
            if all(rule.holds(params) for params, _ in every):
                return True
        else:
            varied = [params for params, first in every if rule.path in params and rule.path not in first]
            if varied and not any(map(rule.holds, varied)):
                return True
    return not left(case)


@st.composite
def axes_of(draw, depth=2):
    """Axes with paths of their own."""
    return _draw_axes(draw, depth, itertools.count(), st.sampled_from((1, 2, 3, 3)))


def _draw_axes(draw, depth, names, sizes):
    return tuple(_draw_axis(draw, depth, names) for _ in range(draw(sizes)))


def _draw_axis(draw, depth, names):
    kind = draw(st.sampled_from(["listed", "listed", "linked", "union"] if depth else ["listed", "listed", "linked"]))
    if kind == "listed":
        return _listed(draw, f"p{next(names)}")
    if kind == "linked":
        rows = draw(st.lists(st.tuples(st.integers(0, 2), st.sampled_from("ab")), min_size=1, max_size=3, unique=True))
        columns = zip(*rows, strict=True)
        return Linked(tuple(ListedParameter(f"p{next(names)}", tuple(each), is_linked=True) for each in columns))
    path = f"u{next(names)}.name"
    labels = ("adam", "sgd", "lion")[: draw(st.integers(1, 3))]
    branches = tuple(_draw_axes(draw, depth - 1, names, st.integers(0, 2)) for _ in labels)
    if draw(st.booleans()):
        shared = f"{SHARED}{next(names)}"
        branches = tuple((_listed(draw, shared), *each) if draw(st.booleans()) else each for each in branches)
    return Union(ListedParameter(path, labels), branches)


def _listed(draw, path):
    sizes = {"min_size": draw(st.sampled_from([1, 2, 2, 2])), "max_size": 3}
    return ListedParameter(path, tuple(draw(st.lists(st.sampled_from(VALUES), unique_by=repr, **sizes))))


def conditions(known):
    """A condition as text and as Python, over some paths with the values that they have."""
    values = st.sampled_from([*VALUES, "adam", "sgd"])
    names = st.sampled_from([*known, "constant"])
    own = st.sampled_from([*known]).flatmap(lambda path: st.tuples(st.just(path), st.sampled_from(known[path])))

    def compare(name, operator, value):
        python = f"P[{name!r}] {operator} {value!r}"
        return f"{name} {operator} {value!r}", f"({python} if {name!r} in P else False)"

    def of_two(name, operator, other):
        python = f"P[{name!r}] {operator} P[{other!r}]"
        return f"{name} {operator} {other}", f"({python} if {name!r} in P and {other!r} in P else False)"

    comparisons = st.builds(compare, names, st.sampled_from(["==", "!=", "<", ">="]), values)
    among = st.builds(compare, names, st.sampled_from(["in", "not in"]), st.lists(values, min_size=1, max_size=3))
    equal = st.builds(lambda pair, operator: compare(pair[0], operator, pair[1]), own, st.sampled_from(["==", "!="]))
    leaves = equal | comparisons | among | st.builds(of_two, names, st.sampled_from(["==", "!=", "<"]), names)

    def joined(inner):
        both = st.builds(
            lambda one, word, other: (f"({one[0]}) {word} ({other[0]})", f"({one[1]}) {word} ({other[1]})"),
            inner,
            st.sampled_from(["and", "or"]),
            inner,
        )
        return both | inner.map(lambda one: (f"not ({one[0]})", f"not ({one[1]})"))

    return st.recursive(leaves, joined, max_leaves=4)


@st.composite
def cases(draw):
    """Spaces with all that they can have, and mostly with rules that make sense."""
    axes = draw(axes_of())
    every = enumerated(axes)
    assume(len(every) <= 100)
    known = {}
    for params, _ in every:
        for path, value in params.items():
            known.setdefault(path, []).append(value)
    case = Case(axes)
    for _ in range(draw(st.sampled_from((0, 1, 2, 3, 4))) if known else 0):
        path = draw(st.none() | st.sampled_from(sorted(known)))
        others = {each: values for each, values in known.items() if path is None or not _together(axes, path, each)}
        if others:
            more = replace(case, rules=(*case.rules, Rule(path, *draw(conditions(others)))))
            case = case if makes_no_sense(more) and draw(st.integers(0, 9)) else more
    chosen = draw(st.lists(st.sampled_from(every), max_size=3)) if known else []
    return replace(case, added=tuple(params for params, _ in chosen))


def _together(axes, path, other):
    """Whether two paths get their values by one decision."""
    for axis in axes:
        if isinstance(axis, Union):
            if {path, other} == {axis.selector.path} or any(_together(branch, path, other) for branch in axis.branches):
                return True
        elif isinstance(axis, Linked):
            if {path, other} <= {each.path for each in axis.parameters}:
                return True
        elif path == other == axis.path:
            return True
    return False
