"""Random YAML documents in random styles, with what they mean: a grammar for hypothesis.

A document is built from parts that know their YAML text in block and flow context and what they stand for, so the tests
have an oracle that shares no code with gridfold.
"""

import itertools
from dataclasses import dataclass, field
from functools import cache

from hypothesis import strategies as st
from omegaconf import OmegaConf

PLAIN = """1e-7 5e-5 1E5 -1e-3 1e+3 1.0e3 1.0e-5 1.0e-07 010 08 0o17 0x1F 0b11 12:30 3:25:45 190:20:30.15 no on Yes OFF
y N true True null ~ Null None nan inf .nan .inf -.inf +.inf 1_000 1_0.5 1. .5 -.5 +1 -0 -0.0 2024-01-01 1.2.3 10-fold
0.1 0.30000000000000004 1e22 123456789012345678901234567890 x/y ../up -dash héllo 1__0 ._5 .5e3 09.5 1e400""".split()
QUOTED = [
    "'it''s'",
    '"tab\\there"',
    "''",
    '"no"',
    "'1'",
    '"a, b"',
    '"[1, 2]"',
    '"a: b"',
    '"# no"',
    "'${a.b}'",
    '"\\u00e9 \\n"',
]
TAGGED = ["!!str 12", "!!float 1", "!!int 7", "!!str no"]


@cache
def meaning(text):
    """What OmegaConf reads."""
    return OmegaConf.to_container(OmegaConf.create(f"a: {text}\n"))["a"]


@dataclass(frozen=True)
class Scalar:
    text: str

    def flow(self):
        return self.text

    def block(self, indent):
        return f" {self.text}"

    def value(self, path, chosen):
        return meaning(self.text)

    def parameters(self, path):
        return []

    def configs(self):
        return [meaning(self.text)]


@dataclass(frozen=True)
class Values:
    """A list of values: varied, or kept by ``!fixed``."""

    items: tuple
    in_block: bool
    fixed: bool
    comment: str

    def flow(self):
        return ("!fixed " if self.fixed else "") + "[" + ", ".join(item.flow() for item in self.items) + "]"

    def block(self, indent):
        if not self.in_block:
            return f" {self.flow()}{self.comment}"
        lines = "".join(f"\n{indent}-{item.block(indent + '  ')}{self.comment}" for item in self.items)
        return (" !fixed" if self.fixed else "") + f"{self.comment}{lines}"

    def _all(self):
        return [item.value("", {}) for item in self.items]

    def value(self, path, chosen):
        return chosen.get(path, self._all())

    def parameters(self, path):
        return [] if self.fixed else [(path, tuple(self._all()))]

    def configs(self):
        return [self._all()] if self.fixed or len(self.items) == 1 else self._all()


@dataclass(frozen=True)
class Map:
    items: dict = field(hash=False)
    in_block: bool

    def flow(self):
        return "{" + ", ".join(f"{key}: {item.flow()}" for key, item in self.items.items()) + "}"

    def block(self, indent):
        if not self.in_block or not self.items:
            return f" {self.flow()}"
        return "".join(f"\n{indent}{key}:{item.block(indent + '  ')}" for key, item in self.items.items())

    def value(self, path, chosen):
        return {key: item.value(f"{path}.{key}" if path else key, chosen) for key, item in self.items.items()}

    def parameters(self, path):
        return [p for key, item in self.items.items() for p in item.parameters(f"{path}.{key}" if path else key)]

    def configs(self):
        columns = [item.configs() for item in self.items.values()]
        return [dict(zip(self.items, row, strict=True)) for row in itertools.product(*columns)]


@dataclass(frozen=True)
class Structure:
    """A list with mappings in it."""

    items: tuple
    in_block: bool

    def flow(self):
        return "[" + ", ".join(item.flow() for item in self.items) + "]"

    def block(self, indent):
        if not self.in_block:
            return f" {self.flow()}"
        return "".join(f"\n{indent}-{item.block(indent + '  ')}" for item in self.items)

    def value(self, path, chosen):
        return [item.value(f"{path}.{index}", chosen) for index, item in enumerate(self.items)]

    def parameters(self, path):
        return [p for index, item in enumerate(self.items) for p in item.parameters(f"{path}.{index}")]

    def configs(self):
        return [list(row) for row in itertools.product(*[item.configs() for item in self.items])]


@dataclass(frozen=True)
class Tagged:
    """A range of whole numbers, or values that vary by their tag, also mappings."""

    tag: str
    items: tuple
    in_block: bool
    comment: str

    def flow(self):
        return f"{self.tag} [" + ", ".join(item.flow() for item in self.items) + "]"

    def block(self, indent):
        if not self.in_block:
            return f" {self.flow()}{self.comment}"
        return f" {self.tag}{self.comment}" + "".join(f"\n{indent}-{item.block(indent + '  ')}" for item in self.items)

    def configs(self):
        values = [_whole(item) for item in self.items]
        return list(range(values[0], values[1] + 1, values[2])) if self.tag == "!int" else values


@dataclass(frozen=True)
class Union:
    """Branches, of which a config has one: what is in a mapping, or in a list with mappings, varies."""

    branches: tuple
    in_block: bool
    behind_dash: bool
    comment: str

    def flow(self):
        return "!one_of [" + ", ".join(branch.flow() for branch in self.branches) + "]"

    def block(self, indent):
        if not self.in_block:
            return f" {self.flow()}{self.comment}"
        texts = [branch.block(indent + "  ") for branch in self.branches]
        if self.behind_dash:
            texts = [text.replace(f"\n{indent}  ", " ", 1) if text.startswith("\n") else text for text in texts]
        return f" !one_of{self.comment}" + "".join(f"\n{indent}-{text}" for text in texts)

    def configs(self):
        return [config for branch in self.branches for config in self._of(branch)]

    def _of(self, branch):
        return [_whole(branch)] if isinstance(branch, Values) else branch.configs()


def _distinct(items):
    return len({repr(item.value("", {})) for item in items}) == len(items)


def _whole(item):
    """What a part without anything that varies in it means; a list is a value."""
    return item._all() if isinstance(item, Values) else item.configs()[0]


scalars = st.sampled_from(PLAIN + QUOTED + TAGGED).map(Scalar)
keys = st.sampled_from(["a", "b", "lr", "batch_size", "x-y", "p", "name", "é"])
comments = st.sampled_from(["", "   # why", " # [1, 2]: {x"])
inner_lists = st.builds(
    Values, st.lists(scalars, min_size=1, max_size=3).map(tuple), st.just(False), st.just(False), st.just("")
)
values = st.builds(
    Values,
    st.lists(st.one_of(scalars, inner_lists), min_size=2, max_size=4).map(tuple).filter(_distinct),
    st.booleans(),
    st.booleans(),
    comments,
)
maps = st.deferred(lambda: st.builds(Map, st.dictionaries(keys, parts, min_size=1, max_size=3), st.booleans()))
structures = st.deferred(
    lambda: st.builds(Structure, st.tuples(maps, parts) | st.tuples(maps) | st.tuples(scalars, maps), st.booleans())
)
parts = st.deferred(lambda: st.one_of(scalars, values, maps, structures))
roots = st.builds(Map, st.dictionaries(keys, parts, min_size=1, max_size=4), st.just(True))


whole = st.builds(
    lambda low, count, step: (low, low + count * step, step), st.integers(-9, 9), st.integers(1, 2), st.integers(1, 9)
)
tagged = st.builds(
    Tagged,
    st.just("!int"),
    whole.map(lambda numbers: tuple(Scalar(str(number)) for number in numbers)),
    st.booleans(),
    comments,
) | st.builds(
    Tagged,
    st.just("!choice"),
    st.lists(
        st.one_of(scalars, inner_lists, st.builds(Map, st.dictionaries(keys, scalars, max_size=2), st.just(False)))
    )
    .filter(lambda items: items and len({repr(_whole(item)) for item in items}) == len(items))
    .map(tuple),
    st.just(False),
    comments,
)
sections = st.deferred(
    lambda: st.builds(Map, st.dictionaries(keys, st.one_of(scalars, values, tagged, unions), max_size=3), st.booleans())
)
plain_values = st.builds(
    Values,
    st.lists(scalars, min_size=1, max_size=3).map(tuple).filter(_distinct),
    st.booleans(),
    st.booleans(),
    comments,
)
unions = st.deferred(
    lambda: st.builds(
        Union,
        st.lists(st.one_of(scalars, plain_values, sections), min_size=1, max_size=3)
        .map(tuple)
        .filter(lambda items: len({repr(_branch(item)) for item in items}) == len(items)),
        st.booleans(),
        st.booleans(),
        comments,
    )
)


def _branch(item):
    return item._all() if isinstance(item, Values) else [item.configs(), type(item) is Map and sorted(item.items)]


@st.composite
def spaces(draw):
    """A text with unions and ranges in it, and all its configs in their order."""
    items = draw(st.dictionaries(keys, st.one_of(unions, tagged, sections, parts), min_size=1, max_size=4))
    root = Map(items, in_block=True)
    text = root.block("").removeprefix("\n") + draw(st.sampled_from(["\n", "", "\n# end\n"]))
    if draw(st.booleans()):
        text = text.replace("\n", "\r\n")
    return text, root.configs()


@st.composite
def documents(draw):
    """A text, what it means as a function of the chosen values, and its parameters."""
    root = draw(roots)
    text = root.block("").removeprefix("\n") + draw(st.sampled_from(["\n", "", "\n# end\n", "\n\n"]))
    if draw(st.booleans()):
        text = f"# first\n---\n{text}"
    if draw(st.booleans()):
        text = text.replace("\n", "\r\n")
    return text, lambda chosen: root.value("", chosen), root.parameters("")
