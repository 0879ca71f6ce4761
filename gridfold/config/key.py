"""What a key of a config is for: said where its value is checked, shown by ``gridfold explain``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

REQUIRED = "-"
ITEM = "N"  # stands in a path for the number of an item of a list


@dataclass(frozen=True)
class Key:
    """A key of a config, for whoever asks.

    Attributes:
        path: its dotted path.
        meaning: what it is for, in a sentence without a full stop.
        expected: what its value must be, in the words of the error about another one.
        default: what holds where it is not given, as YAML or in words; ``-`` if it must be given.
        example: a value, as YAML.
        choices: the valid values, where they can be listed.
        others: names that mean the same.
        at: the path that the example is a value of, if it is not this one.
    """

    path: str
    meaning: str
    expected: str
    default: str = "null"
    example: str = ""
    choices: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    at: str = ""

    @property
    def snippet(self) -> str:
        """The example as it stands in a config: one line of YAML."""
        *sections, name = (self.at or self.path).split(".")
        begin = "".join(f"{section}: {{" for section in sections)
        return f"{begin}{name}: {self.example}{'}' * len(sections)}"


@dataclass(frozen=True)
class Setting:
    """A setting: what its value must be, and what it is for.

    Attributes:
        expected: the words for its value in an error message.
        accepts: whether a value is one.
        meaning: what it is for.
        example: a value, as YAML.
        default: what holds without it, as YAML or in words.
        inside: its own settings, where its value is a mapping; the example of each is such a mapping.
    """

    expected: str
    accepts: Callable[[Any], bool]
    meaning: str
    example: str
    default: str = "null"
    inside: Mapping[str, Setting] = field(default_factory=dict)

    def keys(self, path: str) -> Iterator[Key]:
        """The setting at a path, and those inside it."""
        yield Key(path, self.meaning, self.expected, self.default, self.example)
        for name, each in self.inside.items():
            yield Key(f"{path}.{name}", each.meaning, each.expected, each.default, each.example, at=path)
