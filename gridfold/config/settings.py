"""The settings of gridfold itself: the section of a base config, or the comment of a run's config."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import yaml

from gridfold.config import patterns, placement, pruning, rules, trackers
from gridfold.config import strategy as strategies
from gridfold.config.document import Document, parse_values
from gridfold.config.known import SECTION, SETTINGS, is_whole
from gridfold.core.errors import ConfigError, nearest
from gridfold.core.values import render
from gridfold.space.repeats import DataFold

# A run's config is plain YAML for anybody's loader, so the settings that it still needs stand in a comment.
COMMENT = "# gridfold: "
_COMMENT = re.compile(rf"^{COMMENT}(\{{.*\}})[ \r]*$", re.MULTILINE)


@dataclass(frozen=True)
class Settings:
    """The reserved section ``gridfold:`` of a base config, or what the comment of a run's config has of it.

    What each setting is for stands in `SETTINGS`. Two are only in a comment: ``run_seed``, which is ``run.seed`` and is
    called ``seed`` there, and ``fold``, which is ``run.fold``. None is a setting that is not given.
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
    on: str | Mapping[str, Any] | None = None
    workers: int | None = None
    resources: Mapping[str, Any] | None = None
    space: Mapping[str, Any] | None = None
    link: tuple[tuple[str, ...], ...] = ()
    exclude: tuple[str, ...] = ()
    when: Mapping[str, str] | None = None
    add: tuple[Mapping[str, Any], ...] = ()
    strategy: str | Mapping[str, Any] | None = None
    prune: str | Mapping[str, Any] | None = None
    track: str | tuple[str, ...] | None = None

    @classmethod
    def read(cls, document: Document) -> Settings:
        """The settings that a document holds.

        Raises:
            ConfigError: an unknown setting, a value of the wrong kind, or a path that is not in the document.
        """
        section = {key: value for key, value in _section(document).items() if _is_given(document, key, value)}
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

    @property
    def trackers(self) -> list[str]:
        """The trackers of the search, each once."""
        return [*dict.fromkeys([self.track] if isinstance(self.track, str) else self.track or ())]

    def override(self, **settings: Any) -> Settings:
        """These settings with others than their own; None leaves a setting as it is.

        Raises:
            ConfigError: a value is not of its kind.
        """
        changed = {name: value for name, value in settings.items() if value is not None}
        for name in changed.keys() & SETTINGS.keys():
            known = SETTINGS[name]
            value = list(changed[name]) if isinstance(changed[name], tuple) else changed[name]
            if not known.accepts(value):
                raise ConfigError(f"expected {known.expected}, found {value!r:.80}", path=f"{SECTION}.{name}")
            if name == "prune" and (wrong := pruning.mistake(changed[name])):
                raise ConfigError(wrong[1], path=f"{SECTION}.prune{wrong[0]}", where="command line", hint=wrong[2])
            changed[name] = _frozen(value)
        if strategy := changed.get("strategy"):
            said = {"name": strategy} if isinstance(strategy, str) else strategy
            changed["strategy"] = strategy = strategies.overridden(self.strategy, said)
            if wrong := strategies.mistake(strategy):
                raise ConfigError(wrong[1], path=f"{SECTION}.strategy{wrong[0]}", hint=wrong[2])
        return replace(self, **changed)

    def adding(
        self,
        link: Iterable[Sequence[str]] = (),
        exclude: Iterable[str] = (),
        when: Mapping[str, str] = MappingProxyType({}),
        add: Iterable[Mapping[str, Any]] = (),
    ) -> Settings:
        """These settings, and what else is said of which trials are made.

        Raises:
            ConfigError: a value is not of its kind, or a path has a condition already.
        """
        for path in when:
            if path in (self.when or {}):
                raise ConfigError("has a condition in the config already", path=path, where="--when", hint="remove one")
        return self.override(
            link=[*map(list, self.link), *map(list, link)],
            exclude=[*self.exclude, *exclude],
            when={**(self.when or {}), **when},
            add=[*self.add, *map(dict, add)],
        )

    def _with_comment(self, values: Mapping[str, Any]) -> Settings:
        fold = values.get("fold")
        seed = values.get("seed", self.run_seed)
        if seed is not None and not is_whole(0)(seed):
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


@lru_cache(maxsize=100)
def _commented(text: str) -> Mapping[str, Any]:
    """What stands in a comment; those of the runs of a search are few."""
    (values,) = parse_values(text).value()["values"]
    return values  # type: ignore[no-any-return]


def _is_given(document: Document, key: Any, value: Any) -> bool:
    """Whether a setting has a value, which is then of its kind.

    Raises:
        ConfigError: there is no such setting, or its value is of another kind.
    """
    if key not in SETTINGS:
        raise _bad_setting(document, f"{SECTION}.{key}", "unknown setting", nearest(str(key), SETTINGS))
    known = SETTINGS[key]
    for place, problem, advice in rules.mistakes(key, value) if value is not None else ():
        raise _bad_setting(document, f"{SECTION}.{key}{place}", problem, advice)
    if value is not None and not known.accepts(value):
        hint = "write a placeholder in quotes: '{training.lr}'" if key == "trainer" and "{" in render(value) else ""
        raise _bad_setting(document, f"{SECTION}.{key}", f"expected {known.expected}, found {render(value)}", hint)
    if key == "metrics" and value and (mistake := patterns.mistake(value)):
        raise _bad_setting(document, f"{SECTION}.{key}.{mistake[0]}", *mistake[1:])
    if key == "resources" and value and (wrong := placement.mistake(value)):
        raise _bad_setting(document, f"{SECTION}.{key}{wrong[0]}", *wrong[1:])
    for name, mistake_of in (("strategy", strategies.mistake), ("prune", pruning.mistake), ("track", trackers.mistake)):
        if key == name and value and (wrong := mistake_of(value)):
            raise _bad_setting(document, f"{SECTION}.{key}{wrong[0]}", *wrong[1:])
    return value is not None


def _read_fold(index: Any, count: Any) -> DataFold:
    if not is_whole(2)(count) or not is_whole(0, count - 1)(index):
        raise ValueError(f"no part of a whole: {index!r:.80} of {count!r:.80}")
    return DataFold(index, count)


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _hashable(trainer: Any) -> Any:
    if not isinstance(trainer, list):
        return trainer
    return tuple(item if isinstance(item, str) else render(item) for item in trainer)


def _section(document: Document) -> Mapping[str, Any]:
    """The section ``gridfold`` as it stands, empty if there is none."""
    place = document.places.get(SECTION)
    section = document.value(place.node) if place else None
    if place is not None and place.merged:
        raise _bad_setting(document, SECTION, "a merge (<<) cannot bring settings", "write them at the top level")
    if section is not None and not isinstance(section, Mapping):
        raise _bad_setting(document, SECTION, f"expected a mapping of settings, found {render(section)}")
    on = _node_of_on(place.node) if place else None
    others = {key: value for key, value in (section or {}).items() if key not in ("on", True)}
    return others | {"on": placement.said_of_engine(on)} if on else section or {}


def _node_of_on(section: yaml.Node) -> yaml.Node | None:
    """The value of the setting ``on``, which YAML 1.1 reads as ``true`` if it is not in quotes."""
    pairs = section.value if isinstance(section, yaml.MappingNode) else []
    return next((value for key, value in pairs if str(key.value).lower() == "on"), None)


def _bad_setting(document: Document, path: str, problem: str, hint: str = "") -> ConfigError:
    place = document.places.get(path, document.places[SECTION])
    return ConfigError(problem, path=path, where=document.where(place.node), hint=hint)
