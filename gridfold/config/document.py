"""A YAML document: what is at a dotted path, where it stands, and which text is its own."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple, cast

import yaml

from gridfold.config.origin import Origin
from gridfold.config.parser import Span, growing, parse
from gridfold.config.syntax import bad_character, root_error, syntax_error, template_hint
from gridfold.config.tags import OWN_TAGS, is_varying, shown
from gridfold.core.errors import ConfigError, nearest
from gridfold.core.values import Loader, Tagged, writable

_YAML = "tag:yaml.org,2002:"
_STR = f"{_YAML}str"
_MERGE_TAG = f"{_YAML}merge"
PLAIN_SCALARS = frozenset(f"{_YAML}{name}" for name in ("str", "int", "float", "bool", "null", "merge"))
PLAIN_COLLECTIONS = frozenset(f"{_YAML}{name}" for name in ("seq", "map"))
_KNOWN_TAGS = PLAIN_SCALARS | PLAIN_COLLECTIONS | OWN_TAGS
_BLANKS = re.compile(r"[ \t]+")
_TO_KEY = re.compile(r"(?:\s|#[^\r\n]*+)++")
# Aliases can make a small text stand for a huge tree; no config that a person wrote comes near this.
_MAX_VALUES = 100_000


class Place(NamedTuple):
    """One value of the document: where it is in the tree, and where in the text.

    A tuple, because a large config has tens of thousands: it is made in a third of a frozen dataclass's time.

    Attributes:
        path: dotted path, "" for the root.
        node: the node; the same object at every place that reaches it through an alias.
        holder: path of the collection that holds it.
        key: its key node, if it stands in a mapping.
        start: where its text begins; the text of the alias, if an alias stands here.
        end: where that ends, without what follows it on the line.
        spot: "" if the value has its own text. Else the path of the alias, or of the key that a merge (``<<``) brought
            in, by which it is reached; its own path if it is that alias or key.
        merged: a merge brought it here, so its key is not written in the holder.
    """

    path: str
    node: yaml.Node
    holder: str
    key: yaml.ScalarNode | None
    start: int
    end: int
    spot: str = ""
    merged: bool = False


@dataclass(frozen=True)
class Document:
    """A parsed YAML document whose root is a mapping.

    Attributes:
        text: the whole text.
        name: what to call it in messages, such as its file name.
        anchors: the names of the nodes that have an anchor.
        origin: where the text comes from, if it was made of another one.
    """

    text: str
    name: str
    root: yaml.MappingNode
    anchors: dict[yaml.Node, str]
    _aliases: dict[tuple[yaml.Node, Any], Span] = field(repr=False)
    _ends: dict[yaml.Node, int] = field(repr=False)
    origin: Origin | None = field(default=None, repr=False)

    @classmethod
    @growing()
    def parse(cls, text: str, name: str, origin: Origin | None = None) -> Document:
        """Parse a text, which may have been made of another one.

        Raises:
            ConfigError: it is not one YAML mapping, or holds what configs cannot hold (repeated keys, unknown tags).
        """
        try:
            parsed = parse(text)
        except yaml.MarkedYAMLError as error:
            raise syntax_error(error, name, text) from None
        except yaml.reader.ReaderError as error:
            raise bad_character(int(error.character), text, error.position, name) from None
        except UnicodeEncodeError as error:
            raise bad_character(ord(text[error.start]), text, error.start, name) from None
        except RecursionError:
            raise ConfigError("nested too deeply", where=name) from None
        if not isinstance(parsed.root, yaml.MappingNode) or parsed.root.tag not in PLAIN_COLLECTIONS:
            raise root_error(parsed.root, name)
        document = cls(text, name, parsed.root, parsed.anchors, parsed.aliases, parsed.ends, origin)
        document.places  # noqa: B018 - not too many values: aliases can make a few lines stand for millions
        document.value()  # every scalar can be read
        return document

    @cached_property
    def places(self) -> dict[str, Place]:
        """Every value by its dotted path, in the order of the text; "" is the root."""
        root = Place("", self.root, "", None, _mark(self.root.start_mark).index, self.end(self.root))
        found: dict[str, Place] = {"": root}
        stack = [self._children(root)]
        while stack:
            child = next(stack[-1], None)
            if child is None:
                stack.pop()
                continue
            if child.path in found:
                raise ConfigError("two values have this path", path=child.path, where=self.where(child.node))
            if len(found) > _MAX_VALUES:
                raise ConfigError(f"holds more than {_MAX_VALUES:,} values", where=self.name)
            found[child.path] = child
            stack.append(self._children(child))
        return found

    @cached_property
    def tags(self) -> dict[str, str]:
        """The tags that are for another loader, by path."""
        found = {path: place.node.tag for path, place in self.places.items() if is_foreign(place.node)}
        return {path: shown(tag) for path, tag in found.items()}

    def below(self, path: str) -> Iterator[Place]:
        """What is inside the value at a path, in the order of the text."""
        order, positions = self._order
        position, prefix = positions[path] + 1, f"{path}." if path else ""
        while position < len(order) and order[position].path.startswith(prefix):
            yield order[position]
            position += 1

    @cached_property
    def _order(self) -> tuple[list[Place], dict[str, int]]:
        return list(self.places.values()), {path: position for position, path in enumerate(self.places)}

    def where(self, node: yaml.Node) -> str:
        """``file:line:column`` of a node."""
        if self.origin:
            return self.origin(_mark(node.start_mark).index)
        return f"{self.name}:{_mark(node.start_mark).line + 1}:{_mark(node.start_mark).column + 1}"

    def where_at(self, index: int) -> str:
        """``file:line:column`` of a character."""
        if self.origin:
            return self.origin(index)
        line = bisect_right(self._lines, index)
        return f"{self.name}:{line}:{index - self._lines[line - 1] + 1}"

    @cached_property
    def _lines(self) -> list[int]:
        """Where each line begins."""
        return [0, *(match.end() for match in re.finditer("\n", self.text))]

    def find(self, path: str) -> Place:
        """The value at a dotted path.

        Raises:
            ConfigError: nothing is there; names the nearest path.
        """
        place = self.places.get(path)
        if place is None or not path:
            raise ConfigError(
                "no such path in the config", path=path, where=self.name, hint=nearest_path(path, self.places)
            )
        return place

    def value(
        self,
        node: yaml.Node | None = None,
        instead: Mapping[yaml.Node, Any] = MappingProxyType({}),
        tagged: Callable[[dict[str, Any]], Any] = dict,
    ) -> Any:
        """The node, or the whole document, as plain Python data.

        Args:
            node: which node; None for the whole document.
            instead: other values for some nodes.
            tagged: what to make of a value with a tag for another loader. Plain data have ``!ref x`` as
                ``{"!ref": "x"}``: a value without its tag would be another value.
        """
        node = self.root if node is None else node
        if node in instead:
            return instead[node]
        if is_foreign(node):
            return tagged({shown(node.tag): self._content(node, instead, tagged)})
        return self._content(node, instead, tagged)

    def _content(self, node: yaml.Node, instead: Mapping[yaml.Node, Any], tagged: Any) -> Any:
        if isinstance(node, yaml.MappingNode):
            return {self.key(key): self.value(value, instead, tagged) for key, value in self.items(node)}
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, instead, tagged) for item in node.value]
        return self._scalar(node)

    def tagged(self, node: yaml.Node) -> Any:
        """The node as plain data in which all tags stay, also those of gridfold: for its text in YAML."""
        if isinstance(node, yaml.MappingNode):
            content: Any = {self.key(key): self.tagged(value) for key, value in self.items(node)}
        elif isinstance(node, yaml.SequenceNode):
            content = [self.tagged(item) for item in node.value]
        else:
            content = self._scalar(node)
        return Tagged({shown(node.tag): content}) if is_foreign(node) or node.tag in OWN_TAGS else content

    def key(self, node: yaml.Node) -> Any:
        """The key that a key node stands for: a string, a number or a boolean."""
        if not isinstance(node, yaml.ScalarNode):
            hint = template_hint(self.text, _mark(node.start_mark).index)
            raise ConfigError("a list or mapping as a key", where=self.where(node), hint=hint)
        value = self._scalar(node)
        if value is None:
            problem, hint = "an empty key", "write a name before the colon"
            if node.value:
                problem, hint = f"the key {node.value:.60} is read as nothing", f"put it in quotes: '{node.value:.60}'"
            raise ConfigError(problem, where=self.where(node), hint=hint)
        return value

    def _scalar(self, node: yaml.Node) -> Any:
        if node.tag == _STR and node.value.isascii():
            return node.value
        try:
            return _constructed(node.tag, node.value)
        except (ValueError, KeyError, IndexError, OverflowError):
            kind = node.tag.removeprefix("tag:yaml.org,2002:")
            raise ConfigError(f"cannot be read as {kind}: {node.value!r:.60}", where=self.where(node)) from None

    def _children(self, place: Place) -> Iterator[Place]:
        prefix = f"{place.path}." if place.path else ""
        if isinstance(place.node, yaml.SequenceNode):
            for index, item in enumerate(place.node.value):
                yield self._child(place, f"{prefix}{index}", item, index, None)
        elif isinstance(place.node, yaml.MappingNode):
            own = {id(key) for key, _ in place.node.value}
            for key, value in self.items(place.node):
                name = key.value if isinstance(key, yaml.ScalarNode) else ""
                yield self._child(place, f"{prefix}{name}", value, key, key, merged=id(key) not in own)

    def _child(self, parent: Place, path: str, node: yaml.Node, index: Any, key: Any, *, merged: bool = False) -> Place:
        alias = self._aliases.get((parent.node, index))
        start, end = (alias.start, alias.end) if alias else (_mark(node.start_mark).index, self.end(node))
        spot = parent.spot or (path if alias or merged else "")
        return Place(path, node, parent.path, key, start, end, spot, merged)

    def items(self, node: yaml.MappingNode) -> list[tuple[yaml.Node, yaml.Node]]:
        """A mapping's keys and values, merges (``<<``) resolved: its own keys win, then the earlier merges."""
        if node not in self._known_items:
            self._known_items[node] = self._find_items(node)
        return self._known_items[node]

    @cached_property
    def _known_items(self) -> dict[yaml.Node, list[tuple[yaml.Node, yaml.Node]]]:
        return {}

    def _find_items(self, node: yaml.MappingNode) -> list[tuple[yaml.Node, yaml.Node]]:
        found: dict[Any, tuple[yaml.Node, yaml.Node]] = {}
        merged: dict[Any, tuple[yaml.Node, yaml.Node]] = {}
        merges = 0
        for key, value in node.value:
            if key.tag == _MERGE_TAG:
                merges += 1
                for source in self._merge_sources(node, key, value):
                    merged = {self.key(k): (k, v) for k, v in self.items(source)} | merged
            name = "<<" if key.tag == _MERGE_TAG else self.key(key)
            if merges > 1 if key.tag == _MERGE_TAG else name in found:
                raise ConfigError(
                    f"duplicate key '{key.value}'",
                    where=self.where(key),
                    hint="merge several at once: <<: [*one, *other]" if key.tag == _MERGE_TAG else "remove one of them",
                )
            if key.tag != _MERGE_TAG:
                found[name] = (key, value)
        return list((merged | found).values())

    def _merge_sources(self, node: yaml.Node, key: yaml.Node, merged: yaml.Node) -> list[yaml.MappingNode]:
        is_list = isinstance(merged, yaml.SequenceNode) and not is_varying(merged)
        sources = merged.value if is_list else [merged]
        for index, source in enumerate(sources):
            is_alias = (node, key) in self._aliases or (is_list and (merged, index) in self._aliases)
            if not isinstance(source, yaml.MappingNode) or not is_alias:
                hint = "write its keys where they belong" if isinstance(source, yaml.MappingNode) else ""
                problem = "'<<' takes aliases of mappings, such as *name or [*name, *other]"
                raise ConfigError(problem, where=self.where(source), hint=hint)
        return list(sources)

    def merging(self, node: yaml.Node) -> Iterator[Place]:
        """The mappings into which a node is merged (``<<``)."""
        for place in self.places.values():
            for key, value in place.node.value if isinstance(place.node, yaml.MappingNode) else ():
                sources = value.value if isinstance(value, yaml.SequenceNode) else [value]
                if key.tag == _MERGE_TAG and node in sources:
                    yield place

    def end(self, node: yaml.Node) -> int:
        """Where the text of a node ends, without the line breaks and comments after it."""
        return self._ends.get(node, _mark(node.end_mark).index)

    def begin_of_key(self, key: yaml.Node) -> int:
        """Where a key of the top level begins, with its question mark if it has one."""
        start: int = key.start_mark.index
        mark = self.text.rfind("?", 0, start)
        if mark < 0 or not (_BLANKS if self.root.flow_style else _TO_KEY).fullmatch(self.text, mark + 1, start):
            return start
        begins_line = mark - self.text.rfind("\n", 0, mark) - 1 == self.root.start_mark.column
        return mark if self.root.flow_style or begins_line else start

    def item_end(self, holder: yaml.Node, index: Any, item: yaml.Node) -> int:
        """Where the text of an item of a collection ends, or that of the alias that stands for it."""
        alias = self._aliases.get((holder, index))
        return alias.end if alias else self.end(item)

    def is_alias(self, holder: yaml.Node, index: Any) -> bool:
        """Whether an alias stands at a key or position of a collection."""
        return (holder, index) in self._aliases

    def uses(self, anchor: str) -> Iterator[int]:
        """Where aliases of an anchor stand."""
        return (span.start for span in self._aliases.values() if self.text[span.start + 1 : span.end] == anchor)


def nearest_path(path: str, known: Iterable[str]) -> str:
    """A hint for a path that is not there: the one that ends alike, or the nearest one."""
    known, leaf = list(filter(None, known)), path.rpartition(".")[2]
    same_leaf = [each for each in known if each.rpartition(".")[2] == leaf]
    return nearest(path, same_leaf if len(same_leaf) == 1 and same_leaf[0] != path else known)


def holders(path: str) -> Iterator[str]:
    """The paths of what holds the value at a path, the nearest first."""
    while "." in path:
        path = path.rpartition(".")[0]
        yield path


def is_foreign(node: yaml.Node) -> bool:
    """Whether a node has a tag that is for another loader than those of plain values."""
    return node.tag not in _KNOWN_TAGS


def nodes(node: yaml.Node) -> Iterator[yaml.Node]:
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


def _mark(mark: Any) -> yaml.Mark:
    """A mark; PyYAML's types have it that there may be none, which holds only for nodes that no text was read for."""
    return cast(yaml.Mark, mark)


_CONSTRUCTOR = Loader("")
_CONSTRUCTORS = cast(Mapping[str, Callable[..., Any]], Loader.yaml_constructors)


@lru_cache(maxsize=8192)
def _constructed(tag: str, value: str) -> Any:
    """The value of a scalar; the text itself if its tag is for another loader."""
    if tag not in PLAIN_SCALARS:
        return writable(value)
    return writable(_CONSTRUCTORS[tag](_CONSTRUCTOR, yaml.ScalarNode(tag, value)))


def parse_values(text: str) -> Document:
    """A document whose ``values`` are those in the text, separated by commas: ``1e-3, "a, b", [1, 2]``.

    Raises:
        ConfigError: the text is something else.
    """
    document = Document.parse(f"values: [{text} ]", "")
    if document.places["values"].end != len(document.text):
        raise ConfigError("not a list of values, or a comment in it")
    return document
