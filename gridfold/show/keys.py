"""What ``gridfold explain`` prints: keys of a config, one by one, or a line each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from gridfold.config.key import REQUIRED, Key

_MOST_IN_FULL = 8


def render(keys: Sequence[Key], options: Mapping[str, str]) -> str:
    """The keys in words.

    Args:
        keys: many of them get a line each.
        options: what sets some of them on the command line, by path.
    """
    if len(keys) > _MOST_IN_FULL:
        return "\n".join(_lines(keys))
    return "\n\n".join(_in_full(key, options.get(key.path, "")) for key in keys)


def _in_full(key: Key, option: str) -> str:
    facts = {
        "type": key.expected,
        "one of": ", ".join(key.choices),
        "default": "none: it must be given" if key.default == REQUIRED else key.default,
        "example": key.snippet if key.example else "",
        "option": option,
        "also": ", ".join(key.others),
    }
    said = [f"  {name + ':':9}{fact}" for name, fact in facts.items() if fact]
    return "\n".join([key.path, f"  {key.meaning}", *said])


def _lines(keys: Sequence[Key]) -> Iterator[str]:
    """A line for each key, under the name of its section."""
    for section, found in groupby(keys, key=lambda key: key.path.partition(".")[0]):
        names = {key.path.removeprefix(f"{section}."): key.default for key in found}
        width = max(map(len, names))
        yield from [section, *(f"  {name:{width}}  {default}" for name, default in names.items()), ""]
    yield "one of them in full: gridfold explain KEY"
