"""The edits that make a template's text out of a base config's text.

Four kinds: what varies becomes a slot and what is pinned its value; keys are added; what loaders would read differently
is written alike; what is for gridfold only is left out. Everything else of the text stays as it is.
"""

from __future__ import annotations

import itertools
import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from gridfold.config.changes import Changes, with_changes
from gridfold.config.comments import comments_of, holds_for_one, spaced
from gridfold.config.document import Document, Place, is_foreign, nodes
from gridfold.config.known import SECTION
from gridfold.config.origin import Origin, Piece
from gridfold.config.parser import TO_COLON, Span
from gridfold.config.tags import FIXED_TAG, RANGE_TAGS
from gridfold.core.errors import ConfigError
from gridfold.core.values import Tagged, is_portable, render

_COMMENT = re.compile(r"[ \t]+#[^\r\n]*")
_AFTER = re.compile(r"[ \t]*#[^\r\n]*")
_TO_COMMA = re.compile(r"(?:\s|#[^\r\n]*+)*+,")
_REST_OF_LINE = re.compile(r"[ \t]*(?:#[^\r\n]*)?(?=\r?\n|\Z)")
_BLANK_TO_END = re.compile(r"[ \t]*\Z")
_BLANK_LINES = re.compile(r"(?:[ \t]*\r?\n)*")
_RARE_BREAK = re.compile("[\x85\u2028\u2029\ufeff]")
_UNLIKE = re.compile(r"\t|[|>][-+0-9]*#")
_UNLIKE_HEADER = re.compile(r"[|>][-+0-9]*#")  # of a block of text
_TAB_OR_COMMENT = re.compile(r"\t+|#[^\r\n]*")
_BLANKS = re.compile(r"[ \t]*")


@dataclass(frozen=True)
class _Edit:
    """Replace the characters from ``start`` to ``end``; an insertion if they are equal."""

    start: int
    end: int
    text: str


def edited(document: Document, given: Mapping[str, Any], slots: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """The text of a config with other values.

    Args:
        document: the config.
        given: what is to stand at paths, whether the config has them or not: values, or slots, which are words.
        slots: what is to stand instead of lists of the config, one of whose values it stands for.

    Returns:
        The text, and for each path of ``slots`` the comments that belong to its values, if there are any; ``#`` and the
        slot stand where they go.

    Raises:
        ConfigError: a value cannot be laid over the text.
    """
    editor = _Editor(document, slots)
    return editor.edited(given), editor.comments


def replaced(document: Document, given: Mapping[str, Any]) -> tuple[str, Origin]:
    """The text of a config with other values at some paths, all else as it stands; and where it comes from.

    Raises:
        ConfigError: a value cannot be laid over the text.
    """
    editor = _Editor(document, {})
    pieces = editor.joined(list(editor.replacements(given)))
    return "".join(text for text, _, _ in pieces), _origin(document, pieces)


def _origin(document: Document, pieces: Iterable[_Piece]) -> Origin:
    found, start = [], 0
    for text, source, copied in pieces:
        found.append(Piece(start, source, copied))
        start += len(text)
    return Origin(tuple(found), document.where_at)


_Piece = tuple[str, int, bool]
"""A text, where in the old one it comes from, and whether it was copied from there."""


class _Editor:
    def __init__(self, document: Document, slots: Mapping[str, str]) -> None:
        self._document = document
        self._text = document.text
        self._slots = slots
        self._newline = "\r\n" if "\r\n" in self._text else "\n"
        self.comments: dict[str, tuple[str, ...]] = {}

    def edited(self, given: Mapping[str, Any]) -> str:
        edits = [*self.replacements(given), *self._section()]
        overlaps = _overlap(edits)
        edits += (small for small in (*self._alike(), *self._untagged(), *self._tabs()) if not overlaps(small))
        return "".join([text for text, _, _ in self.joined(edits)])

    def joined(self, edits: list[_Edit]) -> list[_Piece]:
        """The edits and what is between them."""
        edits.sort(key=lambda edit: (edit.start, edit.start < edit.end, -edit.end))  # insertions first
        pieces: list[_Piece] = []
        position = 0
        for edit in edits:
            if edit.start >= position:  # else it lies inside a value that is replaced as a whole
                pieces += [(self._text[position : edit.start], position, True), (edit.text, edit.start, False)]
                position = edit.end
                if edit.text and self._text[position : position + 1] == "#":  # a comment right after a quote or bracket
                    pieces.append((" ", position, False))
        return [*pieces, (self._text[position:], position, True)]

    def replacements(self, given: Mapping[str, Any]) -> Iterator[_Edit]:
        """What varies, what is pinned, what is added."""
        own: dict[str, Any] = dict(self._slots)
        borrowed: dict[str, Changes] = {}
        added: dict[str, Changes] = {}
        for path, value in given.items():
            place, rest = self._existing(path)
            if rest:
                self._check_takes_keys(place, path)
            if place.spot:
                borrowed.setdefault(place.spot, []).append(([*self._keys(place), *rest], value))
            elif rest:
                added.setdefault(place.path, []).append((rest, value))
            else:
                own[place.path] = value
        for path, value in own.items():
            yield self._replace(self._document.places[path], render(value), "" if path in given else str(value))
        yield from self._borrowed(borrowed, own, added)
        for path in sorted(added, key=len, reverse=True):  # the innermost first, where several end on one line
            yield from self._insert(self._document.places[path], with_changes({}, added[path]))

    def _borrowed(
        self, borrowed: Mapping[str, Changes], own: Mapping[str, Any], added: dict[str, Changes]
    ) -> Iterator[_Edit]:
        """Where a change goes through an alias, a copy with the change stands instead of the alias."""
        instead = {self._document.places[path].node: value for path, value in own.items()}
        changed = {self._document.places[path].node: path for path in added}
        changed |= {self._document.places[self._document.places[spot].holder].node: spot for spot in borrowed}
        for spot, changes in borrowed.items():
            place = self._document.places[spot]
            for node in nodes(place.node):
                if node in changed:
                    hint = f"in {changed[node]}, which {spot} is an alias of; give one of the two"
                    raise ConfigError("cannot be given together with a change", path=spot, hint=hint)
            value = with_changes(self._document.value(place.node, instead, Tagged), changes)
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

    def _replace(self, place: Place, text: str, slot: str = "") -> _Edit:
        """Another value at a place; with a slot, the value's own comments go to ``#`` and the slot."""
        anchor = None if place.spot else self._document.anchors.get(place.node)
        text = f"&{anchor} {text}" if anchor else text
        start, key = place.start, place.key
        if key is not None:
            colon = TO_COLON.match(self._text, key.end_mark.index, max(start, key.end_mark.index))
            if colon is None:
                return self._replace_nothing(place, text)
            start = colon.end() if _is_block(place.node) or start < colon.end() else start
        text = f" {text}" if self._text[start - 1 : start] in ("-", ":") else text
        if isinstance(place.node, yaml.SequenceNode):
            return self._replace_list(place, start, text, slot)
        if _is_block(place.node):
            return _Edit(start, self._after_comment(place.end), text + self._header(start, place))
        return _Edit(start, place.end, text)

    def _replace_list(self, place: Place, start: int, text: str, slot: str) -> _Edit:
        """One value instead of a list: what is said about the list stays, and what is said about the value."""
        count = len(place.node.value)
        inner = place.end if _is_block(place.node) else place.end - 1
        items = [Span(item.start, item.end) for item in self._items_of(place)]
        last = _AFTER.match(self._text, place.end)
        found = comments_of(self._text, Span(start, last.end() if last and _is_block(place.node) else inner), items)
        comment = found.before
        if any(found.items) and slot and place.node.tag not in RANGE_TAGS:
            self.comments[place.path] = found.items
            comment += f" #{slot}"
        comment += found.after
        end = place.end
        if last:
            end = last.end()
            own = "" if _is_block(place.node) or not holds_for_one(last[0], count) else spaced(last[0])
            comment = own + comment
        return _Edit(start, end, text + comment + self._break(end, comment))

    def _replace_nothing(self, place: Place, text: str) -> _Edit:
        """A key without a colon, as in ``{a, b: 1}`` and ``? a``."""
        assert place.key is not None
        holder = self._document.places[place.holder].node
        if isinstance(holder, yaml.CollectionNode) and not holder.flow_style:
            return self._after_question(place.key, text)
        start, end = place.key.start_mark.index, place.key.end_mark.index
        if place.key.start_mark.line == place.key.end_mark.line:
            return _Edit(end, end, f": {text}")
        return _Edit(start, end, f"{render(self._document.key(place.key))}: {text}")

    def _after_question(self, key: yaml.ScalarNode, text: str) -> _Edit:
        start = self._text.rfind("\n", 0, key.start_mark.index) + 1
        before = self._text[start : key.start_mark.index].rstrip()
        end = self._line_end(key.end_mark.index)
        return _Edit(end, end, f"{self._newline}{' ' * (len(before) - 1)}: {text}")

    def _insert(self, place: Place, new: dict[Any, Any]) -> Iterator[_Edit]:
        """Add keys to a mapping, or to nothing."""
        node = place.node
        if not isinstance(node, yaml.MappingNode):
            yield self._replace(place, render(new))
            return
        pairs = [f"{render(key)}: {render(value)}" for key, value in new.items()]
        if node.flow_style:
            yield from self._insert_in_braces(place, node, ", ".join(pairs))
        else:
            yield from self._insert_lines(place, node, pairs)

    def _insert_in_braces(self, place: Place, node: yaml.MappingNode, pairs: str) -> Iterator[_Edit]:
        own = _without_section(place, node)
        if not own:
            brace = self._text.index("{", place.start) + 1
            yield _Edit(brace, brace, f"{pairs}, " if node.value else pairs)
            return
        key, value = own[-1]
        end = max(self._document.item_end(node, key, value), key.end_mark.index)
        separator = " ," if self._text[end - 1] == ":" else ","  # "a:," would be a word
        if self._text[place.start] == "?" or place.start == node.value[0][0].start_mark.index:  # [key: value]
            yield _Edit(place.start, place.start, "{")
            yield _Edit(end, end, f"{separator} {pairs}}}")
            return
        comma = _TO_COMMA.match(self._text, end, place.end - 1)
        after = comma.end() if comma else end
        if comma and key is not node.value[-1][0]:  # the section follows, which may be cut out with the comma
            yield _Edit(after - 1, after - 1, f", {pairs}")
            return
        rest = _REST_OF_LINE.match(self._text, after)
        if rest is None:
            yield _Edit(after, after, f" {pairs}" if comma else f"{separator} {pairs}")
            return
        own_line = ", " if not comma and "#" in rest[0] else ""  # a comment may be moved with the value before it
        if not comma and not own_line:
            yield _Edit(end, end, separator)
        start = key.start_mark.index
        indent = self._indent_of(start) + ("" if self._begins_line(start) else "  ")
        yield _Edit(rest.end(), rest.end(), f"{self._newline}{indent}{own_line}{pairs}")

    def _insert_lines(self, place: Place, node: yaml.MappingNode, pairs: list[str]) -> Iterator[_Edit]:
        first = node.value[0][0].start_mark
        start = node.start_mark
        explicit = start.line == first.line and self._text[start.index] == "?"  # "? key" instead of "key:"
        indent = " " * (start.column if explicit else first.column)
        own = _without_section(place, node)
        if not own:
            yield _Edit(first.index, first.index, "".join(f"{pair}{self._newline}{indent}" for pair in pairs))
            return
        key, value = own[-1]
        leaf = self._last_leaf(node, key, value)
        if leaf is not None and leaf.style in ("|", ">"):
            yield self._on_one_line(leaf)
        position = self._line_end(max(self._document.item_end(node, key, value), key.end_mark.index))
        yield _Edit(position, position, "".join(f"{self._newline}{indent}{pair}" for pair in pairs))

    def _last_leaf(self, holder: yaml.Node, index: Any, node: yaml.Node) -> yaml.ScalarNode | None:
        """The last scalar of an item of a block, if it ends the text of it."""
        while not self._document.is_alias(holder, index):
            if isinstance(node, yaml.ScalarNode):
                return node
            if not _is_block(node) or not node.value:
                return None
            holder = node
            index, node = (
                node.value[-1] if isinstance(node, yaml.MappingNode) else (len(node.value) - 1, node.value[-1])
            )
        return None

    def _section(self) -> Iterator[_Edit]:
        """The section ``gridfold`` is left out."""
        place = self._document.places.get(SECTION)
        if place is None or place.key is None:
            return
        start, end = self._document.begin_of_key(place.key), self._after_comment(place.end)
        if self._document.root.flow_style:
            yield self._out_of_braces(start, place.end)
        else:
            blank = _BLANK_LINES.match(self._text, end)  # they would count to a text block before the section
            start -= len(self._indent_of(start)) if self._begins_line(start) else 0
            yield _Edit(start, blank.end() if blank else end, "")

    def _out_of_braces(self, start: int, end: int) -> _Edit:
        """A pair is left out with the comma after it; if there is none, with the comma right before it."""
        comma = _TO_COMMA.match(self._text, end)
        if comma is not None:
            blank = _BLANKS.match(self._text, comma.end())
            return _Edit(start, blank.end() if blank else comma.end(), "")
        line = self._text[self._text.rfind("\n", 0, start) + 1 : start]
        before = line.rstrip()
        return _Edit(start - len(line) + len(before) - 1 if before.endswith(",") else start, end, "")

    def _alike(self) -> Iterator[_Edit]:
        """What loaders would read differently is written so that they do not."""
        for place in self._document.places.values():
            key = None if place.merged or self._document.places[place.holder].spot else place.key
            for node in (key, None if place.spot else place.node):
                if isinstance(node, yaml.ScalarNode) and not self._is_alike(node):
                    yield self._on_one_line(node)

    def _is_alike(self, node: yaml.ScalarNode) -> bool:
        """Whether every loader reads a scalar alike as it stands, or its tag is for one loader only."""
        return is_foreign(node) or (is_portable(node) and self._is_read_by_all(node) and self._ends_well(node))

    def _is_read_by_all(self, node: yaml.ScalarNode) -> bool:
        """Not what PyYAML's own parser or a YAML 1.2 loader splits in another way: tabs between words, rare breaks."""
        text = self._text[node.start_mark.index : node.end_mark.index]
        if _RARE_BREAK.search(text):
            return False
        properties = {None: text, "'": text.partition("'")[0], '"': text.partition('"')[0]}
        unlike = _UNLIKE_HEADER if node.style in ("|", ">") else _UNLIKE
        return not unlike.search(properties.get(node.style) or text.partition("\n")[0])

    def _tabs(self) -> Iterator[_Edit]:
        """Tabs between words become blanks: PyYAML's own parser takes none there."""
        if "\t" not in self._text:
            return
        position = 0
        for start, end in [*self._words(), (len(self._text), len(self._text))]:
            for match in _TAB_OR_COMMENT.finditer(self._text, position, start):
                if match[0][0] != "#":
                    yield _Edit(match.start(), match.end(), " " * len(match[0]))
            position = max(position, end)

    def _words(self) -> list[tuple[int, int]]:
        """Where scalars and aliases stand; blocks of text without the line that they begin on."""
        places = self._document.places.values()
        aliases = [(place.start, place.end) for place in places if self._is_alias(place)]
        scalars = [node for place in places for node in (place.key, place.node) if isinstance(node, yaml.ScalarNode)]
        return sorted(aliases + [(self._words_of(node), node.end_mark.index) for node in scalars])

    def _words_of(self, node: yaml.ScalarNode) -> int:
        start = int(node.start_mark.index)
        return self._line_end(start) if node.style in ("|", ">") else start

    def _ends_well(self, node: yaml.ScalarNode) -> bool:
        """Not a block of text that ends with the file in the middle of a line: a line after it would end it too."""
        at_end = node.style in ("|", ">") and _BLANK_TO_END.match(self._text, node.end_mark.index)
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

    def _header(self, start: int, place: Place) -> str:
        """The comment on the line on which a block mapping begins."""
        comment = _COMMENT.search(self._text, start, min(self._line_end(start), self._first_word(place)))
        return spaced(comment[0]) if comment else ""

    def _first_word(self, place: Place) -> int:
        return int(place.node.value[0][0].start_mark.index)

    def _is_alias(self, place: Place) -> bool:
        return place.spot == place.path and bool(place.path) and not place.merged

    def _items_of(self, place: Place) -> Iterator[Place]:
        return (self._document.places[f"{place.path}.{index}"] for index in range(len(place.node.value)))

    def _break(self, end: int, comment: str) -> str:
        """A line break after a comment, if something else than a comment follows on the line."""
        if not comment or _REST_OF_LINE.match(self._text, end):
            return ""
        return self._newline + self._indent_of(end)

    def _begins_line(self, position: int) -> bool:
        return not self._text[self._text.rfind("\n", 0, position) + 1 : position].strip()

    def _indent_of(self, position: int) -> str:
        """The blanks with which the line of a position begins."""
        start = self._text.rfind("\n", 0, position) + 1
        return " " * (len(self._text[start:position]) - len(self._text[start:position].lstrip()))

    def _line_end(self, position: int) -> int:
        end = self._text.find("\n", position)
        end = len(self._text) if end < 0 else end
        return end - 1 if self._text[end - 1 : end] == "\r" else end

    def _after_comment(self, position: int) -> int:
        """Past the comment that follows on the line, if nothing else does."""
        comment = _COMMENT.match(self._text, position)
        return comment.end() if comment else position


def _is_block(node: yaml.Node) -> bool:
    return isinstance(node, yaml.CollectionNode) and not node.flow_style


def _without_section(place: Place, node: yaml.MappingNode) -> list[tuple[yaml.Node, yaml.Node]]:
    return [pair for pair in node.value if place.path or pair[0].value != SECTION]


def _overlap(edits: Iterable[_Edit]) -> Callable[[_Edit], bool]:
    """Whether an edit shares characters with one of these."""
    whole = sorted((edit.start, edit.end) for edit in edits if edit.start < edit.end)
    starts = [start for start, _ in whole]
    ends = list(itertools.accumulate((end for _, end in whole), max))

    def overlaps(edit: _Edit) -> bool:
        before = bisect_left(starts, edit.end)
        return before > 0 and ends[before - 1] > edit.start

    return overlaps
