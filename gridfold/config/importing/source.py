"""A YAML file of another tool: its keys with the line on which each stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from gridfold.config.document import Document, Place
from gridfold.config.parser import read_text
from gridfold.core.errors import ConfigError


@dataclass(frozen=True)
class Source:
    """A document in which each mapping is looked at key by key."""

    document: Document

    @classmethod
    def read(cls, path: Path) -> Source:
        """Read a file.

        Raises:
            ConfigError: it cannot be read, or is not one YAML mapping.
        """
        return cls(Document.parse(read_text(path), str(path)))

    @property
    def root(self) -> Key:
        """The whole document."""
        return Key(self, "", self.document.places[""])

    @cached_property
    def below(self) -> dict[str, list[Place]]:
        """The places that each collection holds."""
        found: dict[str, list[Place]] = {}
        for path, place in self.document.places.items():
            if path:
                found.setdefault(place.holder, []).append(place)
        return found


@dataclass(frozen=True)
class Key:
    """A value of the document, and the key at which it stands."""

    source: Source
    name: str
    place: Place

    @property
    def value(self) -> Any:
        """The value as plain data."""
        return self.source.document.value(self.place.node)

    @property
    def where(self) -> str:
        """``file:line:column`` of the key."""
        return self.source.document.where(self.place.key or self.place.node)

    @property
    def is_mapping(self) -> bool:
        """Whether it holds keys."""
        return isinstance(self.value, dict)

    def __iter__(self) -> Iterator[Key]:
        """The keys that it holds, in their order."""
        document = self.source.document
        for place in self.source.below.get(self.place.path, ()):
            if place.key is not None:
                yield Key(self.source, str(document.key(place.key)), place)

    @property
    def elements(self) -> list[Key]:
        """The items of a list."""
        places = self.source.below.get(self.place.path, ()) if isinstance(self.value, list) else ()
        return [Key(self.source, place.path, place) for place in places]

    def get(self, *names: str) -> Key | None:
        """What stands at a key in it, or at a key in that; None if it is not there."""
        found: Key | None = self
        for name in names:
            found = next((each for each in found if each.name == name), None) if found else None
        return found

    def items(self) -> dict[str, Key]:
        """The keys that it holds, by name.

        Raises:
            ConfigError: it is not a mapping.
        """
        if not self.is_mapping:
            raise ConfigError(f"expected a mapping, found {self.value!r:.60}", path=self.name, where=self.where)
        return {each.name: each for each in self}
