"""Run configs, made by placing values into the text of the base config.

The base text is edited once: what varies becomes a slot, what loaders would read differently is written alike, the
section ``gridfold`` goes. A run's config is then a join of strings, and everything else of the file (comments, order,
formatting) is as it was. The edited text is parsed again, and that parse says what a run's values are: text and values
cannot disagree.
"""

from __future__ import annotations

import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from gridfold.config.axes import applies
from gridfold.config.branch_options import branch_options
from gridfold.config.config import Config
from gridfold.config.document import Document
from gridfold.config.form import Form, Params
from gridfold.config.known import KEEP
from gridfold.config.laid import lay, parse_edited
from gridfold.config.overrides import Variation
from gridfold.config.parser import growing
from gridfold.config.settings import COMMENT, Settings
from gridfold.config.text_edits import edited
from gridfold.config.unions import Chosen, chosen, selectors_of, unions_left, with_chosen
from gridfold.core.errors import ConfigError
from gridfold.core.values import Memo, canonical, digest, render

_MOST_LAYOUTS = 300  # kept: one for each choice of branches
_COLLECTIONS = frozenset((list, dict))


class Renderer:
    """The configs of a search: for the values of a trial, the text and the values of its ``config.yaml``.

    Where a trial lacks a parameter, its config is as the base config is there.

    Args:
        config: the base config.
        variations: what is laid over it: those of one value apply to every trial.

    Raises:
        ConfigError: a variation does not fit the config. Any method raises it, too, where values cannot be placed.
    """

    def __init__(self, config: Config, variations: Sequence[Variation] = ()) -> None:
        self._config, self._variations = lay(config, variations)
        self._unions = unions_left(self._config, self._variations)
        self._layouts: OrderedDict[tuple[Any, ...], _Layout] = OrderedDict()

    def text(self, params: Params) -> str:
        """The text of the run's ``config.yaml``."""
        layout = self._layout(params)
        return layout.text.fill(params) + layout.comment(params)

    def canonical(self, params: Params) -> str:
        """The run's config in canonical form; equal exactly for equal configs."""
        return self._layout(params).canonical.fill(params)

    def identity(self, params: Params) -> str:
        """The run's ``id``: a hash of its config in canonical form, and of what else tells it apart."""
        layout = self._layout(params)
        return digest(layout.canonical.fill(params) + layout.given)

    def config(self, params: Params) -> dict[str, Any]:
        """The values of the run's config, a fresh copy."""
        return self.form(params).filled(params)

    def form(self, params: Params) -> Form:
        """What `config` fills in: the same for all trials that have the same parameters."""
        return self._layout(params).form

    def layout(self, params: Params) -> tuple[object, ...]:
        """What is the same for trials whose configs differ in nothing but values: parameters, and branches."""
        return (*self._branches(params).items(), *params)

    def _branches(self, params: Params) -> Chosen:
        return chosen(self._unions, params) if self._unions else {}

    def _layout(self, params: Params) -> _Layout:
        branches, key = self._branches(params), self.layout(params)
        if key in self._layouts:
            self._layouts.move_to_end(key)
        else:
            self._layouts[key] = self._made(branches, params)
            if len(self._layouts) > _MOST_LAYOUTS:
                self._layouts.popitem(last=False)
        return self._layouts[key]

    def _made(self, branches: Chosen, params: Params) -> _Layout:
        config, selectors = with_chosen(self._config, branches), selectors_of(self._unions, branches)
        laid = tuple(each for each in self._variations if each.path not in selectors and self._applies(each, config))
        return _layout(config, laid, tuple(path for path in params if path not in selectors))

    def _applies(self, variation: Variation, config: Config) -> bool:
        """Whether a variation is laid over a config with branches: not if it is about a branch that it lacks."""
        return self._config.union_around(variation.path) is None or applies(config, variation)


class _Slotted:
    """A text with slots.

    Args:
        text: the text.
        slot: matches a slot.
        written: for each slot the path of a parameter, and how its value is written there.
    """

    def __init__(self, text: str, slot: str, written: Mapping[str, tuple[str, Callable[[Any], str]]]) -> None:
        pieces = re.split(f"({slot})", text)
        memos = {each: (path, Memo(write)) for each, (path, write) in written.items()}
        self._head = pieces[0]
        self._tail = [(*memos[each], piece) for each, piece in zip(pieces[1::2], pieces[2::2], strict=True)]

    def fill(self, params: Params) -> str:
        return self._head + "".join([write(params[path]) + piece for path, write, piece in self._tail])


@dataclass(frozen=True)
class _Comment:
    """The comment with the settings that a run's config needs to be run again.

    That is which lists are values, if one could be taken for a variation, and the trainer, the number of threads, the
    seed of the run and the part of the data that it holds out, if they are not the default.

    Attributes:
        lists: where lists are that could be taken for variations.
        slots: where the value of a trial stands, and the path of its parameter.
        settings: the other settings.
        start: what is to come before the comment.
        newline: what ends a line.
    """

    lists: Sequence[str]
    slots: Sequence[tuple[str, str]]
    settings: dict[str, Any]
    start: str
    newline: str
    _known: dict[tuple[str, ...], str] = field(default_factory=dict)

    def __call__(self, params: Params) -> str:
        held: tuple[str, ...] = ()
        for value in params.values():
            if type(value) in _COLLECTIONS:
                held = tuple(path for path, each in params.items() if type(each) in _COLLECTIONS)
                break
        if held not in self._known:
            self._known[held] = self._text(held)
        return self._known[held]

    def _text(self, held: Sequence[str]) -> str:
        fixed = [*self.lists, *(place for place, path in self.slots if path in held)]
        settings = ({"fixed": fixed} if fixed else {}) | self.settings
        return f"{self.start}{COMMENT}{render(settings)}{self.newline}" if settings else ""


@dataclass(frozen=True)
class _Layout:
    """The configs of all trials that have the same parameters, and the same branches."""

    text: _Slotted
    canonical: _Slotted
    form: Form
    comment: _Comment
    given: str


@growing()
def _layout(config: Config, variations: Sequence[Variation], paths: tuple[str, ...]) -> _Layout:
    word = f"slot{secrets.token_hex(8)}x"  # no config has it
    slot = re.compile(rf"{word}(\d+)x")
    words = {path: f"{word}{i}x" for i, path in enumerate(paths)}
    given, own = _laid_over(config, variations, words)
    text, comments = edited(config.document, given, own)
    document = parse_edited(text, config, list(given))
    data = document.value()
    form = canonical(data)
    for path in _unplaced(words, slot, text, form):
        where = next((each.parameter.where for each in variations if each.path == path), config.where(path))
        raise ConfigError("cannot place values here", path=path, where=where, hint=_ON_ITS_LINE)
    written = {each: (path, render) for path, each in words.items()}
    said = {f" #{words[path]}": (path, _comment_of(config, path, texts)) for path, texts in comments.items()}
    return _Layout(
        _Slotted(text, rf"(?: #)?{word}\d+x", written | said),
        _Slotted(form, rf"\"{word}\d+x\"", {f'"{each}"': (path, canonical) for path, each in words.items()}),
        Form(data, slot, paths),
        _settings_comment(document, config, slot, paths),
        _given(config, document),
    )


_ON_ITS_LINE = "write it as 'key: value' on a line of its own"


def _laid_over(
    config: Config, variations: Sequence[Variation], words: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """What stands at paths instead of what the file has: values and slots; and the slots for lists of the file."""
    given = {
        each.path: words[each.path] if each.path in words else each.values[0]
        for each in variations
        if each.is_pin or each.path in words
    }
    in_file = {parameter.path for parameter in config.parameters}.difference(each.path for each in variations)
    own = {path: word for path, word in words.items() if path in in_file}
    return given | {path: word for path, word in words.items() if path not in own}, own


def _comment_of(config: Config, path: str, comments: Sequence[str]) -> Callable[[Any], str]:
    """What the comment is that belongs to a value of a list in the file."""
    (values,) = (parameter.values or () for parameter in config.parameters if parameter.path == path)
    known = dict(zip(map(canonical, values), comments, strict=True))
    return lambda value: known.get(canonical(value), "")


def _unplaced(words: Mapping[str, str], slot: re.Pattern[str], text: str, form: str) -> Iterator[str]:
    """The paths that have no slot in the text, or one that is not a value of its own in what the text means."""
    quoted = re.findall(f'"{slot.pattern}"', form)
    whole = set(quoted) if len(quoted) == len(slot.findall(form)) else set()
    placed = whole.intersection(slot.findall(text))
    return (path for number, path in enumerate(words) if str(number) not in placed)


def _given(config: Config, document: Document) -> str:
    """What tells runs of one config apart: ``run.seed`` and ``run.fold``, if they are not as they always are.

    So do tags, and the options of branches that a command passes.
    """
    given: dict[str, Any] = {"seed": config.run_seed} if config.run_seed else {}
    if tags := config.document.tags:
        given["tags"] = tags
    if options := [path for path in branch_options(config.trainer) if path in document.places]:
        given["options"] = options
    if config.fold:
        given["fold"] = [config.fold.index, config.fold.count]
    return canonical(given) if given else ""


def _settings_comment(document: Document, base: Config, slot: re.Pattern[str], paths: Sequence[str]) -> _Comment:
    config = Config(document, Settings())
    slots = []
    for place in document.places.values():
        match = slot.fullmatch(place.node.value) if isinstance(place.node, yaml.ScalarNode) else None
        if match:
            slots.append((place.path, paths[int(match[1])]))
    newline = "\r\n" if "\r\n" in document.text else "\n"
    start = "" if document.text.endswith("\n") else newline
    return _Comment(config.varied_paths, slots, _settings_of_run(base, config), start, newline)


def _settings_of_run(base: Config, config: Config) -> dict[str, Any]:
    """What a config lacks of the settings of another one."""
    settings: dict[str, Any] = {}
    if base.trainer != config.trainer:
        settings["trainer"] = base.trainer if isinstance(base.trainer, str) else list(base.trainer or ())
    if base.keeps_tags and not config.keeps_tags and base.document.tags:
        settings["tags"] = KEEP
    if base.threads != config.threads:
        settings["threads"] = base.threads
    if base.cwd != config.cwd:
        settings["cwd"] = base.cwd
    if base.metrics and base.metrics != config.metrics:
        settings["metrics"] = dict(base.metrics)
    if base.run_seed != config.run_seed:
        settings["seed"] = base.run_seed
    if base.fold and base.fold != config.fold:
        settings["fold"] = [base.fold.index, base.fold.count]
    return settings
