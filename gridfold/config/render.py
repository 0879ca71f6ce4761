"""Run configs, made by placing values into the text of the base config.

The base text is edited once: what varies becomes a slot, what loaders would read differently is written alike, the
section ``gridfold`` goes. A run's config is then a join of strings, and everything else of the file (comments, order,
formatting) is as it was. The edited text is parsed again, and that parse says what a run's values are: text and values
cannot disagree.
"""

from __future__ import annotations

import copy
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from gridfold.config.config import COMMENT, KEEP, Config, Settings
from gridfold.config.document import EMPTY, Document, holders
from gridfold.config.overrides import Variation, check_paths
from gridfold.config.parser import growing
from gridfold.config.text_edits import edited
from gridfold.core.errors import ConfigError
from gridfold.core.values import canonical, digest, render
from gridfold.space.space import Parameter


class _Slotted:
    """A text with slots: pieces of text, and between them what stands there, which depends on a parameter's value."""

    def __init__(self, text: str, slots: Mapping[str, tuple[int, Sequence[str]]], slot: re.Pattern[str]) -> None:
        pieces = slot.split(text)
        self._head = pieces[0]
        self._tail = [
            (slots[each][1], slots[each][0], piece) for each, piece in zip(pieces[1::2], pieces[2::2], strict=True)
        ]

    def fill(self, choice: Sequence[int]) -> str:
        return self._head + "".join([texts[choice[which]] + piece for texts, which, piece in self._tail])


@dataclass(frozen=True)
class Template:
    """The configs of a search: for each choice of values, the text and the values of ``config.yaml``.

    Attributes:
        parameters: what varies; a ``choice`` is a position in the values of each, in this order.
    """

    parameters: tuple[Parameter, ...]
    _text: _Slotted
    _canonical: _Slotted
    _data: dict[str, Any]
    _slot: re.Pattern[str]
    _given: str

    @classmethod
    @growing()
    def build(cls, config: Config, variations: Sequence[Variation] = ()) -> Template:
        """Lay variations over a config.

        Parameters that vary in the file keep its order; those that only a variation makes vary follow in its order.

        Raises:
            ConfigError: a variation does not fit the config.
        """
        check_paths(variations, config)
        parameters = _parameters(config, variations)
        word = f"slot{secrets.token_hex(8)}x"  # no config has it
        slot = re.compile(rf"{word}(\d+)x")
        words = {parameter.path: f"{word}{i}x" for i, parameter in enumerate(parameters)}
        text, comments = edited(config, variations, words)
        document = _parse(text, config, variations)
        data = document.value()
        form = canonical(data)
        _check_slots(parameters, slot, text, form)
        text += _settings_comment(document, config, parameters, slot)
        return cls(
            parameters,
            _Slotted(text, _texts(parameters, words, comments), re.compile(rf"((?: #)?{word}\d+x)")),
            _Slotted(form, _forms(parameters, words), re.compile(rf"(\"{word}\d+x\")")),
            data,
            slot,
            _given(config),
        )

    def text(self, choice: Sequence[int]) -> str:
        """The text of the run's ``config.yaml``."""
        return self._text.fill(choice)

    def canonical(self, choice: Sequence[int]) -> str:
        """The run's config in canonical form; equal exactly for equal configs."""
        return self._canonical.fill(choice)

    def identity(self, choice: Sequence[int]) -> str:
        """The run's ``id``: a hash of its config in canonical form, and of what else tells it apart."""
        return digest(self.canonical(choice) + self._given)

    def config(self, choice: Sequence[int]) -> dict[str, Any]:
        """The values of the run's config, a fresh copy."""
        filled: dict[str, Any] = self._filled(self._data, choice)
        return filled

    def _filled(self, data: Any, choice: Sequence[int]) -> Any:
        if isinstance(data, dict):
            return {key: self._filled(value, choice) for key, value in data.items()}
        if isinstance(data, list):
            return [self._filled(value, choice) for value in data]
        match = self._slot.fullmatch(data) if isinstance(data, str) else None
        if match is None:
            return data
        which = int(match[1])
        return copy.deepcopy(self.parameters[which].values[choice[which]])


def _texts(
    parameters: Sequence[Parameter], words: Mapping[str, str], comments: Mapping[str, Sequence[str]]
) -> dict[str, tuple[int, Sequence[str]]]:
    """What stands in the text for each slot: a value, or the comment that belongs to it."""
    which = {parameter.path: position for position, parameter in enumerate(parameters)}
    values = {words[each.path]: (which[each.path], list(map(render, each.values))) for each in parameters}
    return values | {f" #{words[path]}": (which[path], texts) for path, texts in comments.items()}


def _forms(parameters: Sequence[Parameter], words: Mapping[str, str]) -> dict[str, tuple[int, Sequence[str]]]:
    """What stands in the canonical form for each slot."""
    return {
        f'"{words[parameter.path]}"': (which, list(map(canonical, parameter.values)))
        for which, parameter in enumerate(parameters)
    }


def _given(config: Config) -> str:
    """What tells runs of one config apart: ``run.seed`` and ``run.fold``, if they are not as they always are."""
    given: dict[str, Any] = {"seed": config.run_seed} if config.run_seed else {}
    if tags := config.document.tags:
        given["tags"] = tags
    if config.fold:
        given["fold"] = [config.fold.index, config.fold.count]
    return canonical(given) if given else ""


def _parameters(config: Config, variations: Sequence[Variation]) -> tuple[Parameter, ...]:
    given = {variation.path: variation for variation in variations}
    found: dict[str, Parameter] = {}
    for parameter in config.parameters:
        inside_given = not given.keys().isdisjoint(holders(parameter.path))
        if not inside_given and not (parameter.path in given and given[parameter.path].is_pin):
            found[parameter.path] = given[parameter.path].parameter if parameter.path in given else parameter
    for variation in variations:
        if not variation.is_pin:
            found.setdefault(variation.path, variation.parameter)
    return tuple(found.values())


def _check_slots(parameters: Sequence[Parameter], slot: re.Pattern[str], text: str, form: str) -> None:
    """Whether every parameter has its slot in the text, and every slot is a value of its own in what that means.

    Raises:
        ConfigError: the text is written in a way that no slot can be placed in.
    """
    placed = set(slot.findall(text))
    quoted = re.findall(f'"{slot.pattern}"', form)
    whole = set(quoted) if len(quoted) == len(slot.findall(form)) else set()
    for index, parameter in enumerate(parameters):
        if str(index) not in placed & whole:
            hint = "write it as 'key: value' on a line of its own"
            raise ConfigError("cannot place values here", path=parameter.path, where=parameter.where, hint=hint)


def _parse(text: str, config: Config, variations: Sequence[Variation]) -> Document:
    try:
        return Document.parse(text, config.document.name)
    except ConfigError as error:
        undefined = re.search(r"undefined alias '([^']+)'", error.problem)
        if error.problem == EMPTY:
            raise
        if undefined is None:
            raise _unwritable(config, variations) from None
        raise ConfigError(
            f"the anchor &{undefined[1]} stands inside a value that is replaced, but *{undefined[1]} uses it elsewhere",
            where=config.document.name,
            hint="move the anchor out of the swept list"
            + (f", or vary a path inside {variations[0].path}" if variations else ""),
        ) from None


def _unwritable(config: Config, variations: Sequence[Variation]) -> ConfigError:
    """A change that is not YAML any more where it stands: what gridfold made of the text is nobody's concern."""
    paths = [variation.path for variation in variations] or config.varied_paths
    hint = "write each as 'key: value' on a line of its own"
    where = config.where(paths[0]) if paths else config.document.name
    return ConfigError("cannot place values here", path=", ".join(paths[:3]), where=where, hint=hint)


def _settings_comment(document: Document, base: Config, parameters: Sequence[Parameter], slot: re.Pattern[str]) -> str:
    """The comment with the settings that a run's config needs to be run again.

    That is which lists are values, if one could be taken for a variation, and the trainer, the number of threads, the
    seed of the run and the part of the data that it holds out, if they are not the default.
    """
    config = Config(document, Settings())
    paths = config.varied_paths
    for path, place in document.places.items():
        match = slot.fullmatch(place.node.value) if isinstance(place.node, yaml.ScalarNode) else None
        if match and any(isinstance(value, (list, dict)) for value in parameters[int(match[1])].values):
            paths.append(path)
    settings = ({"fixed": paths} if paths else {}) | _settings_of_run(base, config)
    if not settings:
        return ""
    newline = "\r\n" if "\r\n" in document.text else "\n"
    start = "" if document.text.endswith("\n") else newline
    return f"{start}{COMMENT}{render(settings)}{newline}"


def _settings_of_run(base: Config, config: Config) -> dict[str, Any]:
    """What a config lacks of the settings of another one."""
    settings: dict[str, Any] = {}
    if base.trainer != config.trainer:
        settings["trainer"] = base.trainer if isinstance(base.trainer, str) else list(base.trainer or ())
    if base.keeps_tags and not config.keeps_tags and base.document.tags:
        settings["tags"] = KEEP
    if base.threads != config.threads:
        settings["threads"] = base.threads
    if base.run_seed != config.run_seed:
        settings["seed"] = base.run_seed
    if base.fold and base.fold != config.fold:
        settings["fold"] = [base.fold.index, base.fold.count]
    return settings
