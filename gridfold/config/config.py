"""A base config: what varies in it, what stays although it is a list, and the settings of gridfold itself."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import yaml

from gridfold.config import patterns
from gridfold.config.document import FIXED_TAG, Document, Place, holders, is_foreign, nodes, parse_values
from gridfold.config.parser import read_text
from gridfold.core.errors import ConfigError, nearest
from gridfold.core.limits import MOST_FOLDS, MOST_REPEATS, MOST_RUNS, MOST_THREADS
from gridfold.core.values import first_repeat, render, render_block
from gridfold.space.product import ListedParameter
from gridfold.space.repeats import DataFold

SECTION = "gridfold"
VARIED = "varied"
KEEP = "keep"
OWN_CWD = "run"
# A run's config is plain YAML for anybody's loader, so the settings that it still needs stand in a comment.
COMMENT = "# gridfold: "
_COMMENT = re.compile(rf"^{COMMENT}(\{{.*\}})[ \r]*$", re.MULTILINE)


@dataclass(frozen=True)
class Settings:
    """The reserved section ``gridfold:`` of a base config, or what the comment of a run's config has of it.

    Attributes:
        fixed: dotted paths at and below which no list is varied.
        vary: dotted paths at and below which lists are varied, and nowhere else; None for everywhere.
        trainer: ``module:name`` of the training function, or the arguments of a command; None for the built-in
            trainer.
        threads: how many CPU threads a run may use; None for the default, 1.
        executor: the name of what executes the runs; None for the default, ``local``.
        repeats: how many runs of different seeds each trial has; None for the default, 1.
        folds: into how many parts the training data are split, each of which is held out in a run of its own; None if
            they are not.
        max_runs: how many runs a search may have; None for the default.
        metric: what runs are compared by; None for their first metric.
        maximize: whether more of it is better; None to tell by its name.
        seed: dotted path of the seed in the config, or ``run.seed``; None to look where it usually is.
        run_seed: what ``run.seed`` is; only in a comment, where it is called ``seed``.
        fold: what ``run.fold`` is; only in a comment.
        tags: "keep" to pass tags that gridfold does not know on to the loader of the trainer; None to refuse them.
        metrics: regular expressions of one group for metrics in the log of a command, by their names; None for none.
        cwd: "run" to let each run work in a folder of its own; None to let all work where the search was started.
    """

    fixed: tuple[str, ...] = ()
    vary: tuple[str, ...] | None = None
    trainer: str | tuple[str, ...] | None = None
    threads: int | None = None
    executor: str | None = None
    repeats: int | None = None
    folds: int | None = None
    max_runs: int | None = None
    metric: str | None = None
    maximize: bool | None = None
    seed: str | None = None
    run_seed: int | None = None
    fold: DataFold | None = None
    tags: str | None = None
    cwd: str | None = None
    metrics: Mapping[str, str] | None = None

    @classmethod
    def read(cls, document: Document) -> Settings:
        """The settings that a document holds.

        Raises:
            ConfigError: an unknown setting, a value of the wrong kind, or a path that is not in the document.
        """
        section = {key: value for key, value in _section(document).items() if _is_given(document, key, value)}
        for path in section.get("fixed", ()):
            document.find(path)
        return cls(**{key: _hashable(value) if key == "trainer" else _frozen(value) for key, value in section.items()})

    @classmethod
    def read_comment(cls, document: Document) -> Settings:
        """The settings in the comment at the end of a run's config.

        Raises:
            ConfigError: the comment is not as gridfold writes it.
        """
        found = cls()
        for match in _COMMENT.finditer(document.text):
            try:
                found = found._with_comment(_commented(match[1]))
            except (ConfigError, TypeError, AttributeError, ValueError):
                where = f"{document.name}:{document.text.count(chr(10), 0, match.start()) + 1}"
                raise ConfigError(f"the comment '{COMMENT}{{...}}' does not hold settings", where=where) from None
        return found

    def _with_comment(self, values: Mapping[str, Any]) -> Settings:
        fold = values.get("fold")
        seed = values.get("seed", self.run_seed)
        if seed is not None and not _is_whole(0)(seed):
            raise ValueError(seed)
        return replace(
            self,
            fixed=self.fixed + tuple(map(str, values.get("fixed", ()))),
            trainer=_hashable(values.get("trainer", self.trainer)),
            threads=values.get("threads", self.threads),
            tags=values.get("tags", self.tags),
            cwd=values.get("cwd", self.cwd),
            metrics=values.get("metrics", self.metrics),
            run_seed=seed,
            fold=_read_fold(*fold) if fold is not None else self.fold,
        )


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
        changed = {name: value for name, value in settings.items() if value is not None}
        for name in changed.keys() & _KINDS.keys():
            expected, accepts = _KINDS[name]
            value = list(changed[name]) if isinstance(changed[name], tuple) else changed[name]
            if not accepts(value):
                raise ConfigError(f"expected {expected}, found {value!r:.80}", path=f"{SECTION}.{name}")
            changed[name] = _frozen(value)
        return replace(self, settings=replace(self.settings, **changed))

    @cached_property
    def data(self) -> dict[str, Any]:
        """The values, without the section ``gridfold``."""
        values: dict[str, Any] = self.document.value()
        values.pop(SECTION, None)
        return values

    def where(self, path: str) -> str:
        """``file:line:column`` of a dotted path, or of the nearest value above it."""
        section, _, name = path.partition(".")
        own = Settings.read(self.document) if section == SECTION and name in _KINDS else self.settings
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


@lru_cache(maxsize=100)
def _commented(text: str) -> Mapping[str, Any]:
    """What stands in a comment; those of the runs of a search are few."""
    (values,) = parse_values(text).value()["values"]
    return values  # type: ignore[no-any-return]


def is_within(path: str, sections: Iterable[str]) -> bool:
    """Whether a dotted path is one of these, or below one."""
    return any(path == section or path.startswith(f"{section}.") for section in sections)


def _is_given(document: Document, key: Any, value: Any) -> bool:
    """Whether a setting has a value, which is then of its kind.

    Raises:
        ConfigError: there is no such setting, or its value is of another kind.
    """
    if key not in _KINDS:
        raise _bad_setting(document, f"{SECTION}.{key}", "unknown setting", nearest(str(key), _KINDS))
    expected, accepts = _KINDS[key]
    if value is not None and not accepts(value):
        hint = "write a placeholder in quotes: '{training.lr}'" if key == "trainer" and "{" in render(value) else ""
        raise _bad_setting(document, f"{SECTION}.{key}", f"expected {expected}, found {render(value)}", hint)
    if key == "metrics" and value and (mistake := patterns.mistake(value)):
        raise _bad_setting(document, f"{SECTION}.{key}.{mistake[0]}", *mistake[1:])
    return value is not None


def _is_strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_scalars(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, (str, int, float)) for item in value)


def _is_whole(least: int, most: float = float("inf")) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and least <= value <= most


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_trainer(value: Any) -> bool:
    if isinstance(value, str):
        module, _, name = value.partition(":")
        return bool(module.strip() and name.strip())
    return bool(value) and _is_scalars(value)


_KINDS: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "fixed": ("a list of dotted paths", _is_strings),
    "vary": ("a list of dotted paths", _is_strings),
    "trainer": ("'module:function' or a command as a list of its arguments", _is_trainer),
    "threads": (f"a number of CPU threads from 1 to {MOST_THREADS:,}", _is_whole(1, MOST_THREADS)),
    "executor": ("the name of an executor", _is_text),
    "repeats": (f"a number of repeats from 1 to {MOST_REPEATS:,}", _is_whole(1, MOST_REPEATS)),
    "folds": (f"a number of parts of the training data from 2 to {MOST_FOLDS:,}", _is_whole(2, MOST_FOLDS)),
    "max_runs": (f"a number of runs from 1 to {MOST_RUNS:,}", _is_whole(1, MOST_RUNS)),
    "metric": ("the name of a metric", _is_text),
    "maximize": ("true or false", lambda value: isinstance(value, bool)),
    "seed": ("the dotted path of the seed", _is_text),
    "tags": (f"'{KEEP}'", lambda value: value == KEEP),
    "metrics": (patterns.EXPECTED, patterns.are_texts),
    "cwd": (f"'{OWN_CWD}'", lambda value: value == OWN_CWD),
}


def _read_fold(index: Any, count: Any) -> DataFold:
    if not _is_whole(2)(count) or not _is_whole(0, count - 1)(index):
        raise ValueError(f"no part of a whole: {index!r:.80} of {count!r:.80}")
    return DataFold(index, count)


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _hashable(trainer: Any) -> Any:
    if not isinstance(trainer, list):
        return trainer
    return tuple(item if isinstance(item, str) else render(item) for item in trainer)


def _is_value(node: yaml.SequenceNode) -> bool:
    """A list without a mapping directly in it; one with a mapping is structure."""
    return not any(isinstance(item, yaml.MappingNode) for item in node.value)


def _section(document: Document) -> Mapping[str, Any]:
    """The section ``gridfold`` as it stands, empty if there is none."""
    place = document.places.get(SECTION)
    section = document.value(place.node) if place else None
    if place is not None and place.merged:
        raise _bad_setting(document, SECTION, "a merge (<<) cannot bring settings", "write them at the top level")
    if section is not None and not isinstance(section, Mapping):
        raise _bad_setting(document, SECTION, f"expected a mapping of settings, found {render(section)}")
    return section or {}


def _bad_setting(document: Document, path: str, problem: str, hint: str = "") -> ConfigError:
    place = document.places.get(path, document.places[SECTION])
    return ConfigError(problem, path=path, where=document.where(place.node), hint=hint)
