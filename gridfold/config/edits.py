"""The edits that make a template's text out of a base config's text.

Four kinds: what varies becomes a slot and what is pinned its value; keys are added; what loaders would read differently
is written alike; what is for gridfold only is left out. Everything else of the text stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from gridfold.config.base import SECTION, Config
from gridfold.config.document import FIXED_TAG, Place
from gridfold.config.variations import Variation
from gridfold.errors import ConfigError
from gridfold.values import is_portable, render

_COMMENT = re.compile(r"[ \t]+#[^\r\n]*")
_TO_COLON = re.compile(r"(?:\s|#[^\n]*)*:")

Changes = list[tuple[list[Any], Any]]
"""Values with the keys that lead to each."""


@dataclass(frozen=True)
class _Edit:
    """Replace the characters from ``start`` to ``end``; an insertion if they are equal."""

    start: int
    end: int
    text: str


def edited(config: Config, variations: Sequence[Variation], slots: Mapping[str, str]) -> str:
    """The text of a config with a slot, a word, for the value at each path of ``slots``.

    Raises:
        ConfigError: a variation cannot be laid over the text.
    """
    return _Editor(config, slots).edited(variations)


class _Editor:
    def __init__(self, config: Config, slots: Mapping[str, str]) -> None:
        self._config = config
        self._document = config.document
        self._text = config.document.text
        self._slots = slots
        self._newline = "\r\n" if "\r\n" in self._text else "\n"

    def edited(self, variations: Sequence[Variation]) -> str:
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
                if edit.text and self._text[position : position + 1] == "#":  # a comment right after a quote or bracket
                    pieces.append(" ")
        return "".join([*pieces, self._text[position:]])

    def _replacements(self, variations: Sequence[Variation]) -> Iterator[_Edit]:
        """What varies, what is pinned, what is added."""
        varied = {parameter.path for parameter in self._config.parameters}
        own = {path: slot for path, slot in self._slots.items() if path in varied}
        borrowed: dict[str, Changes] = {}
        added: dict[str, Changes] = {}
        for variation in variations:
            place, rest = self._existing(variation.path)
            value = self._slots.get(variation.path, variation.parameter.values[0])
            if rest:
                self._check_takes_keys(place, variation.path)
            if place.spot:
                borrowed.setdefault(place.spot, []).append(([*self._keys(place), *rest], value))
            elif rest:
                added.setdefault(place.path, []).append((rest, value))
            else:
                own[place.path] = value
        for path, value in own.items():
            yield self._replace(self._document.places[path], render(value))
        yield from self._borrowed(borrowed, own, added)
        for path, changes in added.items():
            yield from self._insert(self._document.places[path], _changed({}, changes))

    def _borrowed(
        self, borrowed: Mapping[str, Changes], own: Mapping[str, Any], added: dict[str, Changes]
    ) -> Iterator[_Edit]:
        """Where a change goes through an alias, a copy with the change stands instead of the alias."""
        instead = {self._document.places[path].node: value for path, value in own.items()}
        changed = {self._document.places[path].node: path for path in added}
        changed |= {self._document.places[self._document.places[spot].holder].node: spot for spot in borrowed}
        for spot, changes in borrowed.items():
            place = self._document.places[spot]
            for node in _nodes(place.node):
                if node in changed:
                    hint = f"in {changed[node]}, which {spot} is an alias of; give one of the two"
                    raise ConfigError("cannot be given together with a change", path=spot, hint=hint)
            value = _changed(self._document.value(place.node, instead), changes)
            if place.merged and place.key is not None:
                added.setdefault(place.holder, []).append(([self._document.key(place.key)], value))
            else:
                yield _Edit(place.start, place.end, render(value))

    def _existing(self, path: str) -> tuple[Place, list[str]]:
        """The place of the longest part of a dotted path that the config has, and the rest of the path."""
        known = path
        while known not in self._document.places:
            known = known.rpartition(".")[0]
        rest = path[len(known) :].removeprefix(".")
        return self._document.places[known], rest.split(".") if rest else []

    def _check_takes_keys(self, place: Place, path: str) -> None:
        is_empty = isinstance(place.node, yaml.ScalarNode) and self._document.value(place.node) is None
        if not isinstance(place.node, yaml.MappingNode) and not is_empty:
            where = self._document.where(place.node)
            raise ConfigError(f"cannot be added: {place.path} is not a mapping", path=path, where=where)

    def _keys(self, place: Place) -> list[Any]:
        """The keys and list positions that lead from the place by which this one is reached, to it."""
        keys: list[Any] = []
        while place.path != place.spot:
            position = place.path[len(place.holder) :].removeprefix(".")
            keys.append(int(position) if place.key is None else self._document.key(place.key))
            place = self._document.places[place.holder]
        return keys[::-1]

    def _replace(self, place: Place, text: str) -> _Edit:
        anchor = None if place.spot else self._document.anchors.get(place.node)
        text = f"&{anchor} {text}" if anchor else text
        is_block = isinstance(place.node, yaml.CollectionNode) and not place.node.flow_style
        end = self._after_comment(place.end) if is_block else place.end
        if place.key is None:
            return _Edit(place.start, end, f" {text}" if self._text[place.start - 1] == "-" else text)
        key_end = place.key.end_mark.index
        colon = _TO_COLON.match(self._text, key_end, max(place.start, key_end))
        if colon is None:
            return self._replace_nothing(place, text)
        if not is_block:
            return _Edit(place.start, end, f" {text}" if self._text[place.start - 1] == ":" else text)
        comment = _COMMENT.search(self._text, colon.end(), self._line_end(colon.end()))
        return _Edit(colon.end(), end, f" {text}{comment[0] if comment else ''}")

    def _replace_nothing(self, place: Place, text: str) -> _Edit:
        """A key without a colon, as in ``{a, b: 1}``."""
        assert place.key is not None
        holder = self._document.places[place.holder].node
        if not isinstance(holder, yaml.MappingNode) or not holder.flow_style:
            where = self._document.where(place.key)
            raise ConfigError("the key has no colon", path=place.path, where=where, hint=f"write {place.key.value}:")
        end = place.key.end_mark.index
        return _Edit(end, end, f": {text}")

    def _insert(self, place: Place, new: dict[Any, Any]) -> Iterator[_Edit]:
        """Add keys to a mapping, or to nothing."""
        node = place.node
        if not isinstance(node, yaml.MappingNode):
            yield self._replace(place, render(new))
            return
        pairs = [f"{render(key)}: {render(value)}" for key, value in new.items()]
        if node.flow_style:
            before = self._text[place.start : place.end - 1].rstrip()
            comma = "" if before.endswith(("{", ",")) else ", "
            yield _Edit(place.end - 1, place.end - 1, comma + ", ".join(pairs))
        else:
            yield from self._insert_lines(place, node, pairs)

    def _insert_lines(self, place: Place, node: yaml.MappingNode, pairs: list[str]) -> Iterator[_Edit]:
        first_key = node.value[0][0].start_mark
        before = self._text[: first_key.index].rstrip(" \t")
        explicit = before.endswith("?")  # "? key" instead of "key:"
        indent = " " * (first_key.column - (first_key.index - len(before) + 1 if explicit else 0))
        prefix = f"{place.path}." if place.path else ""
        inside = [
            other
            for other in self._document.places.values()
            if other.path.startswith(prefix)
            and other.path != place.path
            and other.path.split(".")[0] != SECTION
            and (not other.spot or (other.spot == other.path and not other.merged))
        ]
        if not inside:  # nothing but the section of gridfold, or merges
            position = node.value[0][0].start_mark.index
            yield _Edit(position, position, "".join(f"{pair}{self._newline}{indent}" for pair in pairs))
            return
        last = max(inside, key=lambda other: (other.end, other.start))
        if isinstance(last.node, yaml.ScalarNode) and last.node.style in ("|", ">"):
            yield self._on_one_line(last.node)
        position = self._line_end(last.end)
        yield _Edit(position, position, "".join(f"{self._newline}{indent}{pair}" for pair in pairs))

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
            blank = re.match(r"(?:[ \t]*\r?\n)*", after)  # they would count to a text block before the section
            yield _Edit(start, end + (blank.end() if blank else 0), "")

    def _alike(self) -> Iterator[_Edit]:
        """What loaders would read differently is written so that they do not."""
        for place in self._document.places.values():
            key = None if place.merged or self._document.places[place.holder].spot else place.key
            for node in (key, None if place.spot else place.node):
                if isinstance(node, yaml.ScalarNode) and not (is_portable(node) and self._ends_well(node)):
                    yield self._on_one_line(node)

    def _ends_well(self, node: yaml.ScalarNode) -> bool:
        """Not a block of text that ends with the file in the middle of a line: a line after it would end it too."""
        at_end = node.style in ("|", ">") and not self._text[node.end_mark.index :].strip(" \t")
        return not at_end or self._text.endswith("\n")

    def _on_one_line(self, node: yaml.ScalarNode) -> _Edit:
        anchor = self._document.anchors.get(node)
        text = render(self._document.value(node))
        start = node.start_mark.index
        end = start + len(self._text[start : node.end_mark.index].rstrip())
        return _Edit(start, end, f"&{anchor} {text}" if anchor else text)

    def _untagged(self) -> Iterator[_Edit]:
        """The tag ``!fixed`` is for gridfold only; other loaders refuse it."""
        for place in self._document.places.values():
            if place.node.tag == FIXED_TAG and not place.spot:
                tag = re.compile(rf"{FIXED_TAG} +| *{FIXED_TAG}").search(self._text, place.start - 1, place.end)
                if tag is None:
                    where = self._document.where(place.node)
                    raise ConfigError(f"write the tag as {FIXED_TAG}", path=place.path, where=where)
                yield _Edit(tag.start(), tag.end(), "")

    def _line_end(self, position: int) -> int:
        end = self._text.find("\n", position)
        end = len(self._text) if end < 0 else end
        return end - 1 if self._text[:end].endswith("\r") else end

    def _after_comment(self, position: int) -> int:
        """Past the comment that follows on the line, if nothing else does."""
        comment = _COMMENT.match(self._text, position)
        return comment.end() if comment else position


def _nodes(node: yaml.Node) -> Iterator[yaml.Node]:
    """The node and all that is in it, each once."""
    seen: set[yaml.Node] = set()
    waiting = [node]
    while waiting:
        current = waiting.pop()
        if current not in seen:
            seen.add(current)
            yield current
            if isinstance(current, yaml.MappingNode):
                waiting += [value for _, value in current.value]
            elif isinstance(current, yaml.SequenceNode):
                waiting += current.value


def _changed(data: Any, changes: Changes) -> Any:
    """The data with other values; what is not there is added."""
    for keys, value in changes:
        data = _with(data, keys, value)
    return data


def _with(data: Any, keys: Sequence[Any], value: Any) -> Any:
    if not keys:
        return value
    head, rest = keys[0], keys[1:]
    if isinstance(data, list):
        return [_with(item, rest, value) if index == head else item for index, item in enumerate(data)]
    if data is not None and not isinstance(data, dict):
        raise ConfigError("cannot be given together with a variation of what holds it", path=str(head))
    known = data or {}
    return {**known, head: _with(known.get(head), rest, value)}
