"""A base config: what varies in it, and what stays although it is a list."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from gridfold.config.document import FIXED_TAG, Document, Place, holders, is_foreign, nodes
from gridfold.config.parser import read_text
from gridfold.config.settings import KEEP, SECTION, SETTINGS, Settings
from gridfold.core.values import first_repeat, render, render_block
from gridfold.space.parameters import ListedParameter
from gridfold.space.repeats import DataFold

VARIED = "varied"


@dataclass(frozen=True)
class FixedList:
    """A list that stays as it is, and why."""

    path: str
    value: list[Any]
    reason: str


@dataclass(frozen=True)
class Config:
    """A base config, or any config: text, values, and which lists vary.

    A list of two or more values is varied. A list with a mapping in it is structure, in which lists to vary are looked
    for. A list of one value stays, and a list in which a value is repeated; so does what ``!fixed``, the setting
    ``gridfold.fixed`` or the comment ``# gridfold: {fixed: [...]}`` of a run's config keeps. Where the setting
    ``gridfold.vary`` names lists, or sections that hold some, all others stay.
    """

    document: Document
    settings: Settings

    @classmethod
    def load(cls, source: str | os.PathLike[str] | Mapping[str, Any]) -> Config:
        """Read a config from a YAML file, or take it from a mapping.

        Raises:
            ConfigError: there is no such file, it cannot be read, or what it holds is not a config.
        """
        if isinstance(source, Mapping):
            return cls.parse(render_block(source), "<mapping>")
        return cls.parse(read_text(Path(source)), os.fspath(source))

    @classmethod
    def parse(cls, text: str, name: str) -> Config:
        """Read a config from its text; ``name`` stands for the file in messages."""
        document = Document.parse(text, name)
        config = cls(document, Settings.read(document))
        document.check_tags(keep=config.keeps_tags)
        return config

    @cached_property
    def parameters(self) -> tuple[ListedParameter, ...]:
        """What varies, in the order of the file. A list that aliases use in several places is one parameter."""
        nodes: dict[yaml.Node, Place] = {}
        for place, verdict in self._lists:
            if verdict == VARIED:
                nodes.setdefault(place.node, place)
        return tuple(
            ListedParameter(place.path, tuple(self.document.value(node)), self.document.where(node))
            for node, place in nodes.items()
        )

    @cached_property
    def kept(self) -> tuple[FixedList, ...]:
        """The lists of values that stay although they are lists, in the order of the file."""
        return tuple(
            FixedList(place.path, self.document.value(place.node), verdict)
            for place, verdict in self._lists
            if verdict != VARIED
        )

    @cached_property
    def varied_paths(self) -> list[str]:
        """Every path at which a list varies, those that reach it through an alias too."""
        return [place.path for place, verdict in self._lists if verdict == VARIED]

    @property
    def trainer(self) -> str | tuple[str, ...] | None:
        """``module:name`` of the trainer, or the arguments of a command; None for the built-in one."""
        return self.settings.trainer or self._commented.trainer

    @property
    def threads(self) -> int:
        """How many CPU threads a run may use."""
        return self.settings.threads or self._commented.threads or 1

    @property
    def run_seed(self) -> int:
        """What ``run.seed`` is."""
        seed = self.settings.run_seed
        return (self._commented.run_seed or 0) if seed is None else seed

    @property
    def keeps_tags(self) -> bool:
        """Whether tags that gridfold does not know are passed on to the loader of the trainer."""
        return (self.settings.tags or self._commented.tags) == KEEP

    @property
    def cwd(self) -> str | None:
        """Where the runs work: "run" for each in a folder of its own."""
        return self.settings.cwd or self._commented.cwd

    @property
    def metrics(self) -> Mapping[str, str] | None:
        """Regular expressions for metrics in the log, by their names."""
        return self.settings.metrics or self._commented.metrics

    @property
    def fold(self) -> DataFold | None:
        """What ``run.fold`` is."""
        return self.settings.fold or self._commented.fold

    def override(self, **settings: Any) -> Config:
        """The config with other settings than its own; None leaves a setting as it is.

        Raises:
            ConfigError: a value is not of its kind.
        """
        return replace(self, settings=self.settings.override(**settings))

    @cached_property
    def data(self) -> dict[str, Any]:
        """The values, without the section ``gridfold``."""
        values: dict[str, Any] = self.document.value()
        values.pop(SECTION, None)
        return values

    def where(self, path: str) -> str:
        """``file:line:column`` of a dotted path, or of the nearest value above it."""
        section, _, name = path.partition(".")
        own = Settings.read(self.document) if section == SECTION and name in SETTINGS else self.settings
        if getattr(self.settings, name, None) != getattr(own, name, None):
            return "command line"
        while path and path not in self.document.places:
            path = path.rpartition(".")[0]
        return self.document.where(self.document.places[path].node) if path else self.document.name

    @cached_property
    def _lists(self) -> list[tuple[Place, str]]:
        """Every list of values outside the section ``gridfold``: "varied", or why it stays.

        A list that stays at one of the places that aliases give it stays at all of them: it has one text.
        """
        judged = self._judged
        stays = {place.node: verdict for place, verdict in judged if verdict != VARIED}
        for place, verdict in judged:
            if verdict != VARIED:
                stays.update((inner.node, verdict) for inner in self._value_lists(place.path))
        return [(place, stays.get(place.node, verdict)) for place, verdict in judged]

    @property
    def _judged(self) -> list[tuple[Place, str]]:
        """Every list of values with what becomes of it, place by place."""
        found = []
        skip: str | None = None  # inside a list that was judged, lists are parts of values
        for path, place in self.document.places.items():
            if skip is not None and path.startswith(skip):
                continue
            skip = None
            if path == SECTION:
                skip = f"{SECTION}."
            elif (verdict := self._verdict(place)) is not None:
                skip = f"{path}."
                if isinstance(place.node, yaml.SequenceNode):
                    found.append((place, verdict))
                else:
                    found.extend((inner, verdict) for inner in self._value_lists(path))
        return found

    def _value_lists(self, path: str) -> Iterator[Place]:
        for place in self.document.below(path):
            if isinstance(place.node, yaml.SequenceNode) and _is_value(place.node):
                yield place

    def _verdict(self, place: Place) -> str | None:
        """What becomes of the value here; None to look inside it."""
        node = place.node
        if node.tag == FIXED_TAG:
            return FIXED_TAG
        if place.path in self._fixed:
            return self._fixed[place.path]
        if not isinstance(node, yaml.SequenceNode) or not _is_value(node):
            return None
        if self.keeps_tags and any(map(is_foreign, nodes(node))):
            return "tags"
        if len(node.value) < 2:
            return "one value" if node.value else "empty"
        return self._verdict_of_list(place)

    def _verdict_of_list(self, place: Place) -> str | None:
        if self.settings.vary is not None and place.node not in self._to_vary:
            return None if place.path in self._around_those_to_vary else f"not in {SECTION}.vary"
        values = self.document.value(place.node)
        repeated = first_repeat(values)
        return VARIED if repeated is None else f"{render(values[repeated]):.40} is repeated"

    @cached_property
    def _to_vary(self) -> set[yaml.Node]:
        """What the setting ``vary`` names, wherever aliases have it."""
        named = set(self.settings.vary or ())
        places = self.document.places.items()
        return {place.node for path, place in places if not named.isdisjoint((path, *holders(path)))}

    @cached_property
    def _around_those_to_vary(self) -> set[str]:
        """The paths of all that holds something to vary."""
        return {
            holder
            for path, place in self.document.places.items()
            if place.node in self._to_vary
            for holder in holders(path)
        }

    @cached_property
    def _fixed(self) -> Mapping[str, str]:
        """Which paths are fixed, and by what."""
        by_comment = dict.fromkeys(self._commented.fixed, "fixed by the comment")
        return by_comment | dict.fromkeys(self.settings.fixed, f"{SECTION}.fixed")

    @cached_property
    def _commented(self) -> Settings:
        return Settings.read_comment(self.document)


def is_within(path: str, sections: Iterable[str]) -> bool:
    """Whether a dotted path is one of these, or below one."""
    return any(path == section or path.startswith(f"{section}.") for section in sections)


def _is_value(node: yaml.SequenceNode) -> bool:
    """A list without a mapping directly in it; one with a mapping is structure."""
    return not any(isinstance(item, yaml.MappingNode) for item in node.value)
