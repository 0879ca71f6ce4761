"""Random YAML documents in random styles, with what they mean: a grammar for hypothesis.

A document is built from parts that know their YAML text in block and flow context and what they stand for, so the tests
have an oracle that shares no code with gridfold.
"""

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


@dataclass(frozen=True)
class Map:
    items: dict = field(hash=False)
    in_block: bool

    def flow(self):
        return "{" + ", ".join(f"{key}: {item.flow()}" for key, item in self.items.items()) + "}"

    def block(self, indent):
        if not self.in_block:
            return f" {self.flow()}"
        return "".join(f"\n{indent}{key}:{item.block(indent + '  ')}" for key, item in self.items.items())

    def value(self, path, chosen):
        return {key: item.value(f"{path}.{key}" if path else key, chosen) for key, item in self.items.items()}

    def parameters(self, path):
        return [p for key, item in self.items.items() for p in item.parameters(f"{path}.{key}" if path else key)]


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


def _distinct(items):
    return len({repr(item.value("", {})) for item in items}) == len(items)


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
