"""A document in which unions are replaced by one of their branches: the config of some trials, as a person writes it.

The text of the branch stands where the union stood, with its comments, and in a block with its lines moved to the left.
So a union is nothing to whatever reads the result.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from gridfold.config.comments import comments_of, holds_for_one, spaced
from gridfold.config.document import Document, Place, is_foreign
from gridfold.config.origin import Origin, Piece
from gridfold.config.parser import Span
from gridfold.config.tags import FIXED_TAG, UNION_TAG, is_structure, is_union, shown
from gridfold.core.errors import ConfigError
from gridfold.core.values import canonical, render

_AFTER = re.compile(r"[ \t]*#[^\r\n]*")
_REST_OF_LINE = re.compile(r"[ \t]*(?:#[^\r\n]*)?(?=\r?\n|\Z)")
_BLANKS = re.compile(r"[ \t]*")


def unions_of(document: Document) -> Iterator[Place]:
    """The unions of a document that are in no other one, each where its own text stands."""
    inside = None
    for path, place in document.places.items():
        if inside is not None and path.startswith(inside):
            continue
        inside = None
        if is_union(place.node):
            inside = f"{path}."
            if not place.spot:
                yield place


def with_branches(document: Document, chosen: Mapping[str, int]) -> Document:
    """The document with one branch each instead of some unions, which are in no other one.

    Args:
        document: has the unions.
        chosen: which branch, by the path of the union.

    Raises:
        ConfigError: a branch cannot stand there.
    """
    try:
        return _spliced(document, [_Branch(document, path, index).written() for path, index in chosen.items()])
    except (ConfigError, _NotAsMeant):
        return _spliced(document, [_Branch(document, path, index).rendered() for path, index in chosen.items()])


class _NotAsMeant(Exception):  # noqa: N818 - nobody but this module sees it
    """The text of a branch means something else where the union stood."""


@dataclass(frozen=True)
class _Splice:
    """A text instead of a piece of the document, as pieces with where each comes from; None where it is new."""

    branch: _Branch
    start: int
    end: int
    pieces: list[tuple[str, int | None]]


def _spliced(document: Document, splices: list[_Splice]) -> Document:
    """The document with other texts in it.

    Raises:
        ConfigError: it is no document any more.
        _NotAsMeant: a branch is not what it was.
    """
    texts: list[str] = []
    pieces: list[Piece] = []
    position = length = 0

    def put(text: str, source: int, *, copied: bool) -> None:
        nonlocal length
        if text:
            pieces.append(Piece(length, source, copied))
            texts.append(text)
            length += len(text)

    for splice in sorted(splices, key=lambda each: each.start):
        put(document.text[position : splice.start], position, copied=True)
        for text, source in splice.pieces:
            put(text, splice.start if source is None else source, copied=source is not None)
        position = splice.end
    put(document.text[position:], position, copied=True)
    made = Document.parse("".join(texts), document.name, Origin(tuple(pieces), document.where_at))
    for splice in splices:
        if not splice.branch.is_at(made):
            raise _NotAsMeant
    if canonical(made.value()) != canonical(document.value(instead=_meant(document, splices))):
        raise _NotAsMeant
    return made


def _meant(document: Document, splices: list[_Splice]) -> dict[yaml.Node, Any]:
    return {each.branch.union.node: document.value(each.branch.node) for each in splices}


class _Branch:
    """A branch of a union, and how its text is put where the union stands."""

    def __init__(self, document: Document, path: str, index: int) -> None:
        self.union = document.places[path]
        self.place = document.places[f"{path}.{index}"]
        self.node = self.place.node
        self._document = document
        self._text = document.text
        self._index = index
        self._newline = "\r\n" if "\r\n" in self._text else "\n"
        self._is_value = isinstance(self.node, yaml.SequenceNode) and not is_structure(self.node)

    def is_at(self, document: Document) -> bool:
        """Whether a document has the branch where the union was."""
        place = document.places.get(self.union.path)
        return place is not None and _is_same(self.node, place.node, FIXED_TAG if self._is_value else None)

    def rendered(self) -> _Splice:
        """The branch in one line, whatever it looked like."""
        text = render(self._document.tagged(self.node))
        text = f"{FIXED_TAG} {text}" if self._is_value and self.node.tag != FIXED_TAG else text
        return _Splice(self, self.union.start, self.union.end, [(self._properties() + text, None)])

    def written(self) -> _Splice:
        """The text of the branch as it stands.

        Raises:
            _NotAsMeant: it cannot stand there.
        """
        if self.place.spot or (isinstance(self.node, yaml.ScalarNode) and self.node.style in ("|", ">")):
            if self.place.spot and not self._properties() and not self._is_value:
                return self._in_line(self._text[self.place.start : self.place.end])
            raise _NotAsMeant
        if self._properties() and self.node in self._document.anchors:
            raise _NotAsMeant
        if _is_block(self.node):
            return self._in_lines()
        text = self._text[self.place.start : self.place.end] or "null"
        if isinstance(self.node, yaml.MappingNode) and not text.endswith("}"):  # [key: value]
            raise _NotAsMeant
        return self._in_line(text)

    def _in_line(self, text: str) -> _Splice:
        """The branch after the key of the union, on its line."""
        comment, end = self._comments()
        value = f"{FIXED_TAG} " if self._is_value and self.node.tag != FIXED_TAG else ""
        head = self._properties() + value
        pieces: list[tuple[str, int | None]] = [(head, None), (text, self.place.start)]
        if comment:
            rest = "" if _REST_OF_LINE.match(self._text, end) else self._newline + self._indent(end)
            pieces.append((comment + rest, None))
        return _Splice(self, self.union.start, end, pieces)

    def _comments(self) -> tuple[str, int]:
        """The comments that go with the branch, and where what they are taken from ends."""
        count, is_block = len(self.union.node.value), _is_block(self.union.node)
        last = _AFTER.match(self._text, self.union.end)
        end = last.end() if last and is_block else self.union.end - (not is_block)
        paths = [f"{self.union.path}.{index}" for index in range(count)]
        items = [Span(place.start, place.end) for place in map(self._document.places.__getitem__, paths)]
        found = comments_of(self._text, Span(self.union.start, end), items)
        comment = found.before + found.items[self._index] + ("" if is_block else found.after)
        if last is None or not (comment or is_block):
            return comment, self.union.end
        own = "" if is_block or not holds_for_one(last[0], count) else spaced(last[0])
        return own + comment, last.end()

    def _in_lines(self) -> _Splice:
        """The branch below the key of the union, its lines moved to the left by what a dash took."""
        start, own = self._content()
        comment, end = self._comments()
        after = _AFTER.match(self._text, self.place.end)
        tail = after[0] if after else ""
        comment = comment.removesuffix(spaced(tail)) if tail else comment
        head = (self._properties() + own).rstrip() + comment
        pieces: list[tuple[str, int | None]] = [(head if own else head.lstrip(), None)]
        begins_line = bool(head) or self.union.key is not None
        for position, line in self._lines(start):
            cut, indent = self._cut(start, position, line)
            pieces.append((self._newline + indent if begins_line and position == start else "", None))
            pieces.append((line[cut:], position + cut))
        begin = self.union.start if head else self._without_blanks(self.union.start)
        return _Splice(self, begin, end, [*pieces, (tail, self.place.end)])

    def _lines(self, start: int) -> Iterator[tuple[int, str]]:
        """The lines of a block, with where each begins."""
        for line in self._text[start : self.place.end].splitlines(keepends=True):
            yield start, line
            start += len(line)

    def _cut(self, start: int, position: int, line: str) -> tuple[int, str]:
        """How many blanks a line loses at its head; of the first, which begins behind a dash, what it begins with."""
        column, dash = self._column(start), self._dash()
        shift = column - dash if dash > self._column_of_key() else 0
        if position == start:
            return 0, " " * (column - shift)
        return min(shift, len(line) - len(line.lstrip(" "))), ""

    def _without_blanks(self, position: int) -> int:
        """Before the blanks before a position, but for the one after a dash."""
        return position if self.union.key is None else len(self._text[:position].rstrip(" "))

    def _content(self) -> tuple[int, str]:
        """Where the first line of a block begins, behind its anchor and tag; and those."""
        node, own = self.node, ""
        if anchor := self._document.anchors.get(node):
            own += f"&{anchor} "
        if node.tag == FIXED_TAG or is_foreign(node):
            own += f"{shown(node.tag)} "
        if not own:
            return self.place.start, ""
        first = node.value[0][0] if isinstance(node, yaml.MappingNode) else node.value[0]
        line = self._text.rfind("\n", 0, first.start_mark.index) + 1
        return line + len(self._indent(first.start_mark.index)), own

    def _properties(self) -> str:
        anchor = self._document.anchors.get(self.union.node)
        return f"&{anchor} " if anchor else ""

    def _dash(self) -> int:
        """The column of the dash before the branch."""
        line = self._text.rfind("\n", 0, self.place.start) + 1
        return line and self._text.rfind("-", line, self.place.start) - line

    def _column_of_key(self) -> int:
        key = self.union.key
        if key is not None:
            return self._column(key.start_mark.index)
        line = self._text.rfind("\n", 0, self.union.start) + 1
        return self._text.rfind("-", line, self.union.start) - line

    def _column(self, position: int) -> int:
        return position - self._text.rfind("\n", 0, position) - 1

    def _indent(self, position: int) -> str:
        start = self._text.rfind("\n", 0, position) + 1
        return _BLANKS.match(self._text, start)[0]  # type: ignore[index]


def _is_block(node: yaml.Node) -> bool:
    return isinstance(node, yaml.CollectionNode) and not node.flow_style


def _is_same(one: yaml.Node, other: yaml.Node, tag: str | None = None) -> bool:
    """Whether two nodes have the same tags and the same form; or the second one that tag."""
    if type(one) is not type(other) or other.tag != (tag or one.tag):
        return False
    return isinstance(one, yaml.ScalarNode) or (
        len(one.value) == len(other.value) and all(map(_is_same_item, one.value, other.value))
    )


def _is_same_item(one: Any, other: Any) -> bool:
    return all(map(_is_same, one, other)) if isinstance(one, tuple) else _is_same(one, other)


def check_anchors(document: Document) -> None:
    """Whether what stands in a branch is used in that branch only: trials without the branch would lack it.

    Raises:
        ConfigError: an alias outside uses it.
    """
    for union in unions_of(document):
        for index in range(len(union.node.value)):
            branch = document.places[f"{union.path}.{index}"]
            for node, name in document.anchors.items():
                if branch.start <= node.start_mark.index < branch.end:
                    _check_uses(document, branch, name)


def _check_uses(document: Document, branch: Place, name: str) -> None:
    for start in document.uses(name):
        if not branch.start <= start < branch.end:
            problem = f"*{name} stands for a value in a branch of {UNION_TAG}, which other branches lack"
            hint = f"move &{name} out of the branches, to a place above them"
            raise ConfigError(problem, where=document.where_at(start), path=branch.holder, hint=hint)
