"""Run configs, made by placing values into the text of the base config.

The base text is edited once: what varies becomes a slot, what loaders would read differently is written alike, the
section ``gridfold`` goes. A run's config is then a join of strings, and everything else of the file (comments, order,
formatting) is as it was. The edited text is parsed again, and that parse says what a run's values are: text and values
cannot disagree.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from gridfold.config import FIXED_COMMENT, SECTION, Config, Settings
from gridfold.document import FIXED_TAG, Document, Place
from gridfold.errors import ConfigError
from gridfold.space import Parameter
from gridfold.values import canonical, is_portable, render
from gridfold.variations import Variation, check_paths

_COMMENT = re.compile(r"[ \t]+#[^\r\n]*")
_TO_COLON = re.compile(r"(?:\s|#[^\n]*)*:")


class _Slotted:
    """A text with slots: pieces of text, and between them which parameter's value stands there."""

    def __init__(self, text: str, slot: re.Pattern[str], values: Sequence[Sequence[str]]) -> None:
        pieces = slot.split(text)
        self._head = pieces[0]
        self._tail = [
            (values[int(which)], int(which), piece) for which, piece in zip(pieces[1::2], pieces[2::2], strict=True)
        ]

    def fill(self, choice: Sequence[int]) -> str:
        return self._head + "".join([values[choice[which]] + piece for values, which, piece in self._tail])


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

    @classmethod
    def build(cls, config: Config, variations: Sequence[Variation] = ()) -> Template:
        """Lay variations over a config.

        Parameters that vary in the file keep its order; those that only a variation makes vary follow in its order.

        Raises:
            ConfigError: a variation does not fit the config.
        """
        check_paths(variations, config)
        parameters = _parameters(config, variations)
        prefix = _unused(config.document.text)
        slots = {parameter.path: f"{prefix}{index}x" for index, parameter in enumerate(parameters)}
        text = _Editor(config, slots).edited(variations)
        document = _parse(text, config, variations)
        slot = re.compile(rf'"?{prefix}(\d+)x"?')
        text += _fixed_comment(document, parameters, slot)
        data = document.value()
        return cls(
            parameters,
            _Slotted(text, slot, [[render(value) for value in parameter.values] for parameter in parameters]),
            _Slotted(
                canonical(data), slot, [[canonical(value) for value in parameter.values] for parameter in parameters]
            ),
            data,
            slot,
        )

    def text(self, choice: Sequence[int]) -> str:
        """The text of the run's ``config.yaml``."""
        return self._text.fill(choice)

    def canonical(self, choice: Sequence[int]) -> str:
        """The run's config in canonical form; equal exactly for equal configs."""
        return self._canonical.fill(choice)

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
        return self._filled(self.parameters[which].values[choice[which]], ())


def _parameters(config: Config, variations: Sequence[Variation]) -> tuple[Parameter, ...]:
    given = {variation.path: variation for variation in variations}
    found: dict[str, Parameter] = {}
    for parameter in config.parameters:
        inside_given = any(parameter.path.startswith(f"{path}.") for path in given)
        if not inside_given and not (parameter.path in given and given[parameter.path].is_pin):
            found[parameter.path] = given[parameter.path].parameter if parameter.path in given else parameter
    for variation in variations:
        if not variation.is_pin:
            found.setdefault(variation.path, variation.parameter)
    return tuple(found.values())


def _unused(text: str) -> str:
    """A word that does not occur in the text, to mark slots with."""
    words = (f"gridfoldslot{number}x" for number in itertools.count())
    return next(word for word in words if word not in text)


def _parse(text: str, config: Config, variations: Sequence[Variation]) -> Document:
    try:
        return Document.parse(text, config.document.name)
    except ConfigError as error:
        undefined = re.search(r"undefined alias '?([^']+)'?", error.problem)
        if undefined is None:
            raise
        raise ConfigError(
            f"the anchor &{undefined[1]} stands inside a value that is replaced, but *{undefined[1]} uses it elsewhere",
            where=config.document.name,
            hint="move the anchor out of the list that varies"
            + (f", or vary a path inside {variations[0].path}" if variations else ""),
        ) from None


def _fixed_comment(document: Document, parameters: Sequence[Parameter], slot: re.Pattern[str]) -> str:
    """The comment that says which lists of a run's config are values; "" if no list could be taken for a variation."""
    paths = Config(document, Settings()).varied_paths
    for path, place in document.places.items():
        match = slot.fullmatch(place.node.value) if isinstance(place.node, yaml.ScalarNode) else None
        if match and any(isinstance(value, (list, dict)) for value in parameters[int(match[1])].values):
            paths.append(path)
    if not paths:
        return ""
    newline = "\r\n" if "\r\n" in document.text else "\n"
    start = "" if document.text.endswith("\n") else newline
    return f"{start}{FIXED_COMMENT}{render(paths)}{newline}"


@dataclass(frozen=True)
class _Edit:
    """Replace the characters from ``start`` to ``end``; an insertion if they are equal."""

    start: int
    end: int
    text: str


class _Editor:
    """The edits that make a template's text out of a base config's text."""

    def __init__(self, config: Config, slots: Mapping[str, str]) -> None:
        self._config = config
        self._document = config.document
        self._text = config.document.text
        self._slots = slots
        self._newline = "\r\n" if "\r\n" in self._text else "\n"
        given_in_file = {parameter.path for parameter in config.parameters}
        self._slot_nodes = {
            self._document.places[path].node: slot for path, slot in slots.items() if path in given_in_file
        }

    def edited(self, variations: Sequence[Variation]) -> str:
        """The text with every edit made."""
        edits = [*self._replacements(variations), *self._section()]
        whole = [edit for edit in edits if edit.start < edit.end]
        for small in (*self._alike(), *self._untagged()):
            if not any(small.start < edit.end and edit.start < small.end for edit in whole):
                edits.append(small)
        edits.sort(key=lambda edit: (edit.start, edit.start < edit.end, -edit.end))  # insertions first
        pieces, position = [], 0
        for edit in edits:
            if edit.start >= position:  # else it lies inside a value that is replaced as a whole
                pieces += [self._text[position : edit.start], edit.text]
                position = edit.end
        return "".join([*pieces, self._text[position:]])

    def _replacements(self, variations: Sequence[Variation]) -> Iterator[_Edit]:
        """What varies becomes a slot, what is pinned its value."""
        values: dict[str, str] = {
            parameter.path: self._slots[parameter.path]
            for parameter in self._config.parameters
            if parameter.path in self._slots
        }
        borrowed: dict[str, dict[str, Any]] = {}
        inserts: dict[str, dict[str, Any]] = {}
        for variation in variations:
            path = variation.path
            value = self._slots.get(path, variation.parameter.values[0])
            parent = self._existing(path)
            spot = self._document.places[parent].spot
            if spot:
                borrowed.setdefault(spot, {})[path[len(spot) + 1 :]] = value
            elif parent == path:
                values[path] = self._slots.get(path) or render(value)
            else:
                inserts.setdefault(parent, {})[path[len(parent) + 1 if parent else 0 :]] = value
        for spot, changes in borrowed.items():
            place = self._document.places[spot]
            value = _changed(self._document.value(place.node, self._slot_nodes), changes)
            if place.merged:
                inserts.setdefault(spot.rpartition(".")[0], {})[place.key.value if place.key else ""] = value
            else:
                yield _Edit(place.start, place.end, render(value))
        for path, text in values.items():
            yield self._replace(self._document.places[path], text)
        for path, changes in inserts.items():
            yield self._insert(self._document.places[path], _changed({}, changes))

    def _existing(self, path: str) -> str:
        """The longest part of a dotted path that the config has."""
        while path and path not in self._document.places:
            path = path.rpartition(".")[0]
        return path

    def _replace(self, place: Place, text: str) -> _Edit:
        anchor = self._document.anchors.get(place.node)
        text = f"&{anchor} {text}" if anchor else text
        is_block = isinstance(place.node, yaml.CollectionNode) and not place.node.flow_style
        end = self._after_comment(place.end) if is_block else place.end
        if place.key is None:
            return _Edit(place.start, end, f" {text}" if self._text[place.start - 1] == "-" else text)
        colon = _TO_COLON.match(self._text, place.key.end_mark.index, max(place.start, place.key.end_mark.index))
        if colon is None:  # {a, b}: a key without a value
            return _Edit(place.start, end, f": {text}")
        if not is_block:
            return _Edit(place.start, end, f" {text}" if self._text[place.start - 1] == ":" else text)
        comment = _COMMENT.search(self._text, colon.end(), self._line_end(colon.end()))
        return _Edit(colon.end(), end, f" {text}{comment[0] if comment else ''}")

    def _insert(self, place: Place, new: dict[str, Any]) -> _Edit:
        """Add keys to a mapping."""
        node = place.node
        if isinstance(node, yaml.ScalarNode) and self._document.value(node) is None:
            return self._replace(place, render(new))
        if not isinstance(node, yaml.MappingNode):
            key = next(iter(new))
            problem = f"cannot be added: {place.path} is not a mapping"
            raise ConfigError(problem, path=f"{place.path}.{key}", where=self._document.where(node))
        pairs = [f"{render(key)}: {render(value)}" for key, value in new.items()]
        if node.flow_style:
            before = self._text[place.start : place.end - 1].rstrip()
            comma = "" if before.endswith(("{", ",")) else ", "
            return _Edit(place.end - 1, place.end - 1, comma + ", ".join(pairs))
        return self._insert_lines(place, node, pairs)

    def _insert_lines(self, place: Place, node: yaml.MappingNode, pairs: list[str]) -> _Edit:
        indent = " " * node.value[0][0].start_mark.column
        section = self._document.places.get(SECTION) if not place.path else None
        own = [
            other.end
            for other in self._document.places.values()
            if other.parent is node and not other.spot and other is not section
        ]
        if own or section is None:
            position = self._line_end(max(own, default=place.end))
            return _Edit(position, position, "".join(f"{self._newline}{indent}{pair}" for pair in pairs))
        assert section.key is not None
        position = section.key.start_mark.index
        return _Edit(position, position, "".join(f"{pair}{self._newline}" for pair in pairs))

    def _section(self) -> Iterator[_Edit]:
        """The section ``gridfold`` is left out."""
        place = self._document.places.get(SECTION)
        if place is None or place.key is None:
            return
        start, end = place.key.start_mark.index, self._after_comment(place.end)
        after = self._text[end:]
        if self._document.root.flow_style:
            comma = re.match(r"\s*,\s*", after)
            if comma is None:
                start -= len(self._text[:start]) - len(self._text[:start].rstrip().rstrip(","))
            yield _Edit(start, end + (comma.end() if comma else 0), "")
        else:
            rest_of_line = re.match(r"[ \t]*(?:\r?\n)?", after)
            yield _Edit(start, end + (rest_of_line.end() if rest_of_line else 0), "")

    def _alike(self) -> Iterator[_Edit]:
        """What loaders would read differently is written so that they do not."""
        for place in self._document.places.values():
            for node in (place.key, place.node):
                if not isinstance(node, yaml.ScalarNode) or is_portable(node) or place.spot:
                    continue
                anchor = self._document.anchors.get(node)
                text = render(self._document.value(node))
                start, end = node.start_mark.index, node.end_mark.index
                yield _Edit(start, end, f"&{anchor} {text}" if anchor else text)

    def _untagged(self) -> Iterator[_Edit]:
        """The tag ``!fixed`` is for gridfold only; other loaders refuse it."""
        for place in self._document.places.values():
            if place.node.tag == FIXED_TAG and not place.spot:
                tag = re.compile(rf"{FIXED_TAG} +| *{FIXED_TAG}").search(self._text, place.start - 1)
                assert tag is not None
                yield _Edit(tag.start(), tag.end(), "")

    def _line_end(self, position: int) -> int:
        end = self._text.find("\n", position)
        end = len(self._text) if end < 0 else end
        return end - 1 if self._text[:end].endswith("\r") else end

    def _after_comment(self, position: int) -> int:
        """Past the comment that follows on the line, if nothing else does."""
        comment = _COMMENT.match(self._text, position)
        return comment.end() if comment else position


def _changed(data: Any, changes: Mapping[str, Any]) -> Any:
    """The data with the value at each dotted path replaced or added; at "" the data as a whole."""
    for path, value in changes.items():
        data = _with(data, path.split(".") if path else [], value)
    return data


def _with(data: Any, keys: Sequence[str], value: Any) -> Any:
    if not keys:
        return value
    head, rest = keys[0], keys[1:]
    if isinstance(data, list):
        return [_with(item, rest, value) if str(index) == head else item for index, item in enumerate(data)]
    data = data if isinstance(data, dict) else {}
    known = next((key for key in data if str(key) == head), head)
    return {**data, known: _with(data.get(known), rest, value)}
