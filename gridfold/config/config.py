"""A base config: what varies in it, and what stays although it is a list."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from gridfold.config.branches import check_anchors, unions_of, with_branches
from gridfold.config.document import Document, Place, holders, is_foreign, nearest_path, nodes
from gridfold.config.known import KEEP, SECTION, SETTINGS
from gridfold.config.parser import read_text
from gridfold.config.ranges import read_range
from gridfold.config.settings import Settings
from gridfold.config.tag_checks import check_tags
from gridfold.config.tags import FIXED_TAG, RANGE_TAGS, is_structure, is_union, is_varying
from gridfold.core.errors import ConfigError
from gridfold.core.values import first_repeat, render, render_block
from gridfold.space.parameters import ListedParameter, RangeParameter
from gridfold.space.repeats import DataFold

VARIED = "varied"
_PAIR_OF_COLUMNS = "data.text_column"
_BUILT_IN = "gridfold.text:trainer"  # as a search that is continued names it


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
    ``gridfold.fixed`` or the comment ``# gridfold: {fixed: [...]}`` of a run's config keeps, and the two columns in
    ``data.text_column`` of the ready trainer. Where the setting ``gridfold.vary`` names lists, or sections that hold
    some, all others stay.

    A range (``!log [1e-6, 1e-3]``) and a list after ``!choice`` vary. Of a union (``!one_of``) each trial has one
    branch, whose text stands where the union stood, so what is in branches is at paths such as ``optimizer.momentum``.

    Attributes:
        document: the text and its values.
        settings: the settings of gridfold.
        within: the paths in which unions are looked at, of the config of a branch; None for everywhere.
    """

    document: Document
    settings: Settings
    within: tuple[str, ...] | None = None

    @classmethod
    def load(cls, source: str | os.PathLike[str] | Mapping[str, Any]) -> Config:
        """Read a config from a YAML file, or take it from a mapping.

        Raises:
            ConfigError: there is no such file, it cannot be read, or what it holds is not a config.
        """
        if isinstance(source, Mapping):
            try:
                return cls.parse(render_block(source), "<mapping>")
            except RecursionError:
                raise ConfigError("a value that contains itself, or is nested too deeply", where="<mapping>") from None
        return cls.parse(read_text(Path(source)), os.fspath(source))

    @classmethod
    def parse(cls, text: str, name: str) -> Config:
        """Read a config from its text; ``name`` stands for the file in messages."""
        document = Document.parse(text, name)
        config = cls(document, Settings.read(document))
        check_tags(document, keep=config.keeps_tags)
        check_anchors(document)
        for path in config.settings.fixed:
            config.find(path)
        return config

    @cached_property
    def parameters(self) -> tuple[ListedParameter | RangeParameter, ...]:
        """What varies outside of branches, in the order of the file.

        A list or a range that aliases use in several places is one parameter.
        """
        nodes: dict[yaml.Node, Place] = {}
        for place, verdict in self._lists:
            if verdict == VARIED:
                nodes.setdefault(place.node, place)
        return tuple(self.parameter(place) for place in nodes.values())

    def parameter(self, place: Place) -> ListedParameter | RangeParameter:
        """The list or range that varies at a place."""
        values, where = self.document.value(place.node), self.document.where(place.node)
        if place.node.tag in RANGE_TAGS:
            return read_range(place.node.tag[1:], values, place.path, where)
        return ListedParameter(place.path, tuple(values), where, is_linked=place.path in self.linked)

    @cached_property
    def linked(self) -> frozenset[str]:
        """The paths that vary together with others."""
        return frozenset(path for group in self.settings.link for path in group)

    @cached_property
    def lists(self) -> tuple[ListedParameter, ...]:
        """The lists that vary because they are lists, those in branches too."""
        tagged = {place.path for place, _ in self._lists if is_varying(place.node)}
        found = {each.path: each for each in self.parameters if each.path not in tagged}
        for union in self.unions:
            for branch in self.branches(union):
                found |= {each.path: each for each in branch.lists if is_within(each.path, [union.path])}
        return tuple(each for each in found.values() if isinstance(each, ListedParameter))

    @cached_property
    def kept(self) -> tuple[FixedList, ...]:
        """The lists of values that stay although they are lists, in the order of the file."""
        found = [
            FixedList(place.path, self.document.value(place.node), verdict)
            for place, verdict in self._lists
            if verdict != VARIED
        ]
        for union in self.unions:
            for branch in self.branches(union):
                found += (each for each in branch.kept if is_within(each.path, [union.path]))
        return tuple(found)

    @cached_property
    def varied_paths(self) -> list[str]:
        """Every path at which a list or range varies, those that reach it through an alias too; none in a branch."""
        return [place.path for place, verdict in self._lists if verdict == VARIED]

    @cached_property
    def unions(self) -> tuple[Place, ...]:
        """The unions that are in no branch of another one, in the order of the file."""
        found = [place for place in unions_of(self.document) if not is_within(place.path, [SECTION])]
        return tuple(place for place in found if self.within is None or is_within(place.path, self.within))

    def branches(self, union: Place) -> tuple[Config, ...]:
        """The configs with each branch of a union in its place; other unions stay, and are not looked at."""
        if union.path not in self._branches:
            within = tuple(self.union_paths(union))
            configs = (self.with_branches({union.path: index}) for index in range(len(union.node.value)))
            self._branches[union.path] = tuple(replace(config, within=within) for config in configs)
        return self._branches[union.path]

    def with_branches(self, chosen: Mapping[str, int]) -> Config:
        """The config with one branch each instead of unions, by the path of the union.

        Raises:
            ConfigError: a branch cannot stand there.
        """
        return replace(self, document=with_branches(self.document, chosen))

    @cached_property
    def _branches(self) -> dict[str, tuple[Config, ...]]:
        return {}

    def union_around(self, path: str) -> Place | None:
        """The union in whose branches a path is; None if it is in none."""
        return next((union for own, union in self._union_paths if path.startswith(f"{own}.")), None)

    def union_paths(self, union: Place) -> list[str]:
        """The path of a union, and those at which aliases have it."""
        return [path for path, other in self._union_paths if other is union]

    @cached_property
    def _union_paths(self) -> list[tuple[str, Place]]:
        own = {union.node: union for union in self.unions}
        return [(path, own[place.node]) for path, place in self.document.places.items() if place.node in own]

    def having(self, path: str) -> Iterator[tuple[Config, Place]]:
        """Where a path is: here, or in the configs of the branches that have it."""
        union = self.union_around(path)
        if union is not None:
            for branch in self.branches(union):
                yield from branch.having(path)
        elif path and (place := self.document.places.get(path)):
            yield self, place

    def has(self, path: str) -> bool:
        """Whether a path is in the config, or in a branch of it."""
        return next(self.having(path), None) is not None

    def find(self, path: str) -> Place:
        """The value at a path, also in a branch.

        Raises:
            ConfigError: nothing is there; names the nearest path.
        """
        found = next(self.having(path), None)
        if found is not None:
            return found[1]
        problem = "no such path in the config"
        raise ConfigError(problem, path=path, where=self.document.name, hint=nearest_path(path, self.paths))

    @cached_property
    def paths(self) -> list[str]:
        """Every path of the config, those of each branch too, without the settings."""
        found: dict[str, None] = {}
        for path in self.document.places:
            if path and not is_within(path, [SECTION]) and self.union_around(path) is None:
                found[path] = None
        for union in self.unions:
            own = self.union_paths(union)
            for branch in self.branches(union):
                found.update(dict.fromkeys(path for path in branch.paths if is_within(path, own)))
        return list(found)

    @property
    def trainer(self) -> str | tuple[str, ...] | None:
        """``module:name`` of the trainer, or the arguments of a command; None for the ready one."""
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

    def adding(self, **rules: Any) -> Config:
        """The config with more rules about which trials are made: ``link``, ``exclude``, ``when`` and ``add``.

        Raises:
            ConfigError: a value is not of its kind, or a path has a condition already.
        """
        return replace(self, settings=self.settings.adding(**rules)) if any(rules.values()) else self

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
        while path:
            if found := next(self.having(path), None):
                return found[0].document.where(found[1].node)
            path = path.rpartition(".")[0]
        return self.document.name

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
            elif is_union(place.node):
                self._check_varies(place)
                if path in self._fixed:
                    self._check_fixed(place)
                skip = f"{path}."
            elif (verdict := self._verdict(place)) is not None:
                skip = f"{path}."
                if isinstance(place.node, yaml.SequenceNode):
                    found.append((place, verdict))
                else:
                    found.extend((inner, verdict) for inner in self._value_lists(path))
        return found

    def _value_lists(self, path: str) -> Iterator[Place]:
        for place in self.document.below(path):
            if isinstance(place.node, yaml.SequenceNode) and not is_structure(place.node):
                yield place

    def _verdict(self, place: Place) -> str | None:
        """What becomes of the value here; None to look inside it."""
        node = place.node
        if node.tag == FIXED_TAG:
            return FIXED_TAG
        if place.path in self._fixed:
            self._check_fixed(place)
            return self._fixed[place.path]
        if is_varying(node):
            self._check_varies(place)
            return VARIED
        return None if not isinstance(node, yaml.SequenceNode) or is_structure(node) else self._verdict_of_list(place)

    def _verdict_of_list(self, place: Place) -> str | None:
        node = place.node
        if self.keeps_tags and any(map(is_foreign, nodes(node))):
            return "tags"
        if len(node.value) < 2:
            return "one value" if node.value else "empty"
        return self._verdict_of_several(place)

    def _verdict_of_several(self, place: Place) -> str | None:
        if self.settings.vary is not None and place.node not in self._to_vary:
            return None if place.path in self._around_those_to_vary else f"not in {SECTION}.vary"
        values = self.document.value(place.node)
        if self._is_pair_of_columns(place.path, values):
            return "the columns of a pair"
        repeated = None if place.path in self.linked else first_repeat(values)
        return VARIED if repeated is None else f"{render(values[repeated]):.40} is repeated"

    def _is_pair_of_columns(self, path: str, values: list[Any]) -> bool:
        """Whether these are the two columns that the ready trainer finds pairs of texts in."""
        is_named = path == _PAIR_OF_COLUMNS and self.settings.vary is None and path not in self.linked
        is_pair = len(values) == 2 and all(isinstance(each, str) for each in values)
        return is_named and is_pair and self.trainer in (None, _BUILT_IN)

    def _check_varies(self, place: Place) -> None:
        """Whether what varies by its tag is to vary: it has no one value that it could keep.

        Raises:
            ConfigError: the setting ``vary`` leaves it out.
        """
        to_vary = self.settings.vary
        if to_vary is None or place.node in self._to_vary or any(is_within(path, [place.path]) for path in to_vary):
            return
        problem = f"varies by {place.node.tag}, but {SECTION}.vary does not name it"
        hint = f"name it as well: --vary {place.path}\nor give it one value: --param-variations {place.path}=..."
        raise ConfigError(problem, path=place.path, where=self.document.where(place.node), hint=hint)

    def _check_fixed(self, place: Place) -> None:
        """Whether nothing at and below a place that is fixed varies by its tag.

        Raises:
            ConfigError: something does.
        """
        for inner in (place, *self.document.below(place.path)):
            if is_varying(inner.node):
                problem = f"varies by {inner.node.tag}, but {place.path} is in {SECTION}.fixed"
                raise ConfigError(problem, path=inner.path, where=self.document.where(inner.node), hint="remove one")

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
