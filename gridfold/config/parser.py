"""From text to nodes: YAML as libyaml reads it, with the place of every node, its anchor, and where aliases stand.

OmegaConf reads with libyaml, and so do most programs that want speed; PyYAML's own parser reads a few texts otherwise
(tabs between words) and takes thirty times as long. Where PyYAML was built without libyaml, its own parser is used.
"""

from __future__ import annotations

import contextlib
import gc
import os
import re
import select
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from gridfold.core.errors import ConfigError, nearest_file
from gridfold.core.values import Loader

_PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MARK: Any = yaml.Mark
# JSON writes characters such as emoji as two escapes, which libyaml takes for none.
_ESCAPE = "found invalid Unicode character escape code"
_TAG = "tag:yaml.org,2002:"
_BOM = "\ufeff"  # the parsers drop it; libyaml does not count it
# Nobody writes a config this deep, and what works on values calls itself for each level.
_MAX_DEPTH = 100
_MOST_BYTES = 1 << 26
_PIPE_SECONDS = 1.0  # until somebody writes into a pipe
# Between two words of a document there are blanks, breaks and comments; here up to a colon.
TO_COLON = re.compile(r"(?:\s|#[^\r\n]*+)*+:")


@contextlib.contextmanager
def growing() -> Iterator[None]:
    """While a tree grows nothing of it is garbage, but Python would look through all of it again and again."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


@dataclass(frozen=True)
class Span:
    """A piece of the text, from ``start`` to ``end``."""

    start: int
    end: int


@dataclass
class Parsed:
    """The nodes of a document.

    Attributes:
        root: the node of the whole document; None if there is none.
        anchors: the names of the nodes that have an anchor.
        aliases: where an alias stands, by the collection it is in and by its key or position there.
        ends: where the text of a block ends: after its last character that is no blank, break or comment.
    """

    root: yaml.Node | None = None
    anchors: dict[yaml.Node, str] = field(default_factory=dict)
    aliases: dict[tuple[yaml.Node, Any], Span] = field(default_factory=dict)
    ends: dict[yaml.Node, int] = field(default_factory=dict)


def parse(text: str) -> Parsed:
    """Parse a text of one document.

    Raises:
        yaml.YAMLError: it is not YAML, or more than one document.
        RecursionError: it is nested too deeply.
        UnicodeEncodeError: a character that is none.
    """
    try:
        return _Composer(text, _PARSER).compose()
    except yaml.MarkedYAMLError as error:
        if error.problem != _ESCAPE:
            raise
        return _Composer(text, yaml.SafeLoader).compose()


class _Composer:
    """Makes nodes of a parser's events."""

    def __init__(self, text: str, parser: Any) -> None:
        self._text = text
        self._skipped = len(_BOM) if text.startswith(_BOM) else 0
        self._parser = parser(text[self._skipped :])
        self._found = Parsed()
        self._named: dict[str, yaml.Node] = {}
        self._open: list[_Open] = []
        self._last = 0  # where the last event that has text ended

    def compose(self) -> Parsed:
        try:
            while (event := self._parser.get_event()) is not None:
                self._take(event)
        finally:
            self._parser.dispose()
        return self._found

    def _take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._start_collection(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._end_collection(event)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.DocumentStartEvent) and self._found.root is not None:
            raise yaml.composer.ComposerError(problem=MORE_THAN_ONE, problem_mark=self._mark(event.start_mark))

    def _scalar(self, event: Any) -> None:
        tag = event.tag
        if tag is None or tag == "!":
            tag = _resolved(event.value) if event.implicit[0] else f"{_TAG}str"
        start, end = self._mark(event.start_mark), self._mark(event.end_mark)
        if start.index == end.index:
            start = end = self._nothing(start)
        node = yaml.ScalarNode(tag, event.value, start, end, event.style or None)
        if node.style in ("|", ">"):
            self._found.ends[node] = start.index + len(self._text[start.index : end.index].rstrip())
        self._last = max(self._last, self._found.ends.get(node, end.index))
        self._place(node, event)

    def _nothing(self, mark: Any) -> Any:
        """Where a key's value is that is not written: after the colon, or after the key if there is none.

        The parsers have it at the next word, which may be lines away.
        """
        key = self._open[-1].key if self._open else None
        if key is None:
            return mark
        colon = TO_COLON.match(self._text, key.end_mark.index, mark.index)
        if colon is None:
            return key.end_mark
        line = key.end_mark.line + self._text.count("\n", key.end_mark.index, colon.end())
        column = colon.end() - self._text.rfind("\n", 0, colon.end()) - 1
        return _MARK("", colon.end(), line, column, None, None)

    def _start_collection(self, event: Any) -> None:
        if len(self._open) >= _MAX_DEPTH:
            raise RecursionError
        kind, usual = (
            (yaml.MappingNode, "map") if isinstance(event, yaml.MappingStartEvent) else (yaml.SequenceNode, "seq")
        )
        tag = f"{_TAG}{usual}" if event.tag is None or event.tag == "!" else event.tag
        start, end = self._mark(event.start_mark), self._mark(event.end_mark)
        node = kind(tag, [], start, end, event.flow_style)
        self._last = end.index
        self._place(node, event)
        self._open.append(_Open(node, event.anchor))

    def _end_collection(self, event: Any) -> None:
        node = self._open.pop().node
        node.end_mark = self._mark(event.end_mark)
        if node.flow_style:
            self._last = node.end_mark.index
        else:
            self._found.ends[node] = self._last

    def _alias(self, event: Any) -> None:
        name = event.anchor
        start, end = self._mark(event.start_mark), self._mark(event.end_mark)
        if any(each.anchor == name for each in self._open):
            raise yaml.composer.ComposerError(problem=f"*{name} contains itself", problem_mark=start)
        if name not in self._named:
            raise yaml.composer.ComposerError(problem=f"found undefined alias '{name}'", problem_mark=start)
        holder = self._open[-1]
        if holder.awaits_key:
            raise yaml.composer.ComposerError(problem="an alias as a key", problem_mark=start)
        self._last = end.index
        self._found.aliases[holder.node, holder.position] = Span(start.index, end.index)
        holder.add(self._named[name])

    def _place(self, node: yaml.Node, event: Any) -> None:
        """Put a node where it belongs."""
        if self._open:
            self._open[-1].add(node)
        else:
            self._found.root = node
        if (name := event.anchor) is not None:
            if name in self._named:
                problem = f"a second anchor &{name}; give it another name"
                raise yaml.composer.ComposerError(problem=problem, problem_mark=self._mark(event.start_mark))
            self._named[name] = node
            self._found.anchors[node] = name

    def _mark(self, mark: Any) -> Any:
        if not self._skipped:
            return mark
        return _MARK("", mark.index + self._skipped, mark.line, mark.column, None, None)


MORE_THAN_ONE = "more than one YAML document"


class _Open:
    """A collection whose items are being read."""

    __slots__ = ("_is_mapping", "anchor", "key", "node")

    def __init__(self, node: Any, anchor: str | None) -> None:
        self.node = node
        self.anchor = anchor
        self._is_mapping = isinstance(node, yaml.MappingNode)
        self.key: yaml.Node | None = None

    @property
    def awaits_key(self) -> bool:
        return self._is_mapping and self.key is None

    @property
    def position(self) -> Any:
        """The key or the position of the item that comes next."""
        return self.key if self._is_mapping else len(self.node.value)

    def add(self, node: yaml.Node) -> None:
        if not self._is_mapping:
            self.node.value.append(node)
        elif self.key is None:
            self.key = node
        else:
            self.node.value.append((self.key, node))
            self.key = None


@lru_cache(maxsize=4096)
def _resolved(value: str) -> str:
    """The tag of a plain scalar."""
    resolvers: Any = Loader.yaml_implicit_resolvers
    for tag, regexp in resolvers.get(value[:1], ()):
        if regexp.match(value):
            return str(tag)
    return f"{_TAG}str"


def read_text(path: Path) -> str:
    """The text of a config file.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        content = _content(path)
        if len(content) > _MOST_BYTES:
            raise ConfigError(f"more than {_MOST_BYTES:,} bytes, so it is no config", where=str(path))
        return content.decode("utf-8")
    except FileNotFoundError:
        raise ConfigError("no such file", where=str(path), hint=nearest_file(path)) from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"not UTF-8 text: {error.reason} at byte {error.start}", where=str(path)) from None
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=str(path)) from None


def _content(path: Path) -> bytes:
    """What is in a file, as far as it is of use; of a pipe, what is written into it, if anybody does."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # else a pipe that nobody writes into is waited for
    with open(descriptor, "rb") as file:  # noqa: PTH123
        if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            select.select([file], [], [], _PIPE_SECONDS)
        os.set_blocking(descriptor, True)
        return file.read(_MOST_BYTES + 1)
