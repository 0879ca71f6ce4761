"""A YAML document with the place of every value in its text.

PyYAML's composer gives nodes with positions; this module adds what it drops (which anchor a node has, where an alias
stands) and answers three questions: what is at a dotted path, where does it stand, and which text is its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, cast

import yaml

from gridfold.errors import ConfigError, nearest
from gridfold.values import Loader, writable

FIXED_TAG = "!fixed"
_MERGE_TAG = "tag:yaml.org,2002:merge"
_SCALAR_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "merge")}
_COLLECTION_TAGS = {"tag:yaml.org,2002:seq", "tag:yaml.org,2002:map"}
# Aliases can make a small text stand for a huge tree; no config that a person wrote comes near this.
_MAX_VALUES = 100_000


class _Loader(Loader):
    """Keeps the anchor of each node and the place of each alias."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.anchor_names: dict[yaml.Node, str] = {}
        self.aliases: dict[tuple[yaml.Node, Any], yaml.AliasEvent] = {}
        self._open: set[str] = set()

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        anchor = event.anchor
        if isinstance(event, yaml.AliasEvent):
            if anchor in self._open:
                raise yaml.MarkedYAMLError(problem=f"*{anchor} contains itself", problem_mark=_mark(event.start_mark))
            if index is None:
                raise yaml.MarkedYAMLError(problem="an alias as a key", problem_mark=_mark(event.start_mark))
            self.aliases[parent, index] = event  # type: ignore[index]
            return super().compose_node(parent, index)
        if anchor is not None:
            self._open.add(anchor)
        node = super().compose_node(parent, index)
        if anchor is not None and node is not None:
            self._open.discard(anchor)
            self.anchor_names[node] = anchor
        return node


@dataclass(frozen=True)
class Place:
    """One value of the document: where it is in the tree, and where in the text.

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
    """

    text: str
    name: str
    root: yaml.MappingNode
    anchors: dict[yaml.Node, str]
    _aliases: dict[tuple[yaml.Node, Any], yaml.AliasEvent] = field(repr=False)

    @classmethod
    def parse(cls, text: str, name: str) -> Document:
        """Parse a text.

        Raises:
            ConfigError: it is not one YAML mapping, or holds what configs cannot hold (repeated keys, unknown tags).
        """
        try:
            loader = _Loader(text)
            root = loader.get_single_node()
        except yaml.MarkedYAMLError as error:
            raise _syntax_error(error, name, text) from None
        except yaml.reader.ReaderError as error:
            line = text.count("\n", 0, error.position) + 1
            problem = f"the character U+{int(error.character):04X} is not allowed in YAML"
            raise ConfigError(problem, where=f"{name}:{line}") from None
        except RecursionError:
            raise ConfigError("nested too deeply", where=name) from None
        if not isinstance(root, yaml.MappingNode):
            raise _root_error(root, name)
        document = cls(text, name, root, loader.anchor_names, loader.aliases)
        document._check_tags()
        document.value()  # every scalar can be read
        return document

    @cached_property
    def places(self) -> dict[str, Place]:
        """Every value by its dotted path, in the order of the text; "" is the root."""
        root = Place("", self.root, "", None, _mark(self.root.start_mark).index, self._end(self.root))
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

    def where(self, node: yaml.Node) -> str:
        """``file:line:column`` of a node."""
        return f"{self.name}:{_mark(node.start_mark).line + 1}:{_mark(node.start_mark).column + 1}"

    def find(self, path: str) -> Place:
        """The value at a dotted path.

        Raises:
            ConfigError: nothing is there; names the nearest path.
        """
        place = self.places.get(path)
        if place is None or not path:
            raise ConfigError("no such path in the config", path=path, where=self.name, hint=self._nearest(path))
        return place

    def value(self, node: yaml.Node | None = None, instead: Mapping[yaml.Node, Any] = MappingProxyType({})) -> Any:
        """The node, or the whole document, as plain Python data; ``instead`` has other values for some nodes."""
        node = self.root if node is None else node
        if node in instead:
            return instead[node]
        if isinstance(node, yaml.MappingNode):
            return {self.key(key): self.value(value, instead) for key, value in self._items(node)}
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, instead) for item in node.value]
        return self._scalar(node)

    def key(self, node: yaml.Node) -> Any:
        """The key that a key node stands for: a string, a number or a boolean."""
        if not isinstance(node, yaml.ScalarNode):
            raise ConfigError("a list or mapping as a key", where=self.where(node))
        value = self._scalar(node)
        if value is None:
            raise ConfigError("an empty key", where=self.where(node), hint="write a name before the colon")
        return value

    def _scalar(self, node: yaml.Node) -> Any:
        constructors = cast(Mapping[str, Callable[..., Any]], Loader.yaml_constructors)
        try:
            return writable(constructors[node.tag](_CONSTRUCTOR, node))
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
            for key, value in self._items(place.node):
                name = key.value if isinstance(key, yaml.ScalarNode) else ""
                yield self._child(place, f"{prefix}{name}", value, key, key, merged=id(key) not in own)

    def _child(self, parent: Place, path: str, node: yaml.Node, index: Any, key: Any, *, merged: bool = False) -> Place:
        alias = self._aliases.get((parent.node, index))
        start = _mark(alias.start_mark).index if alias else _mark(node.start_mark).index
        end = _mark(alias.end_mark).index if alias else self._end(node)
        spot = parent.spot or (path if alias or merged else "")
        return Place(path, node, parent.path, key, start, end, spot, merged)

    def _items(self, node: yaml.MappingNode) -> list[tuple[yaml.Node, yaml.Node]]:
        """A mapping's keys and values, merges (``<<``) resolved: its own keys win, then the earlier merges."""
        found: dict[Any, tuple[yaml.Node, yaml.Node]] = {}
        merged: dict[Any, tuple[yaml.Node, yaml.Node]] = {}
        merges = 0
        for key, value in node.value:
            if key.tag == _MERGE_TAG:
                merges += 1
                for source in self._merge_sources(node, key, value):
                    merged = {self.key(k): (k, v) for k, v in self._items(source)} | merged
            name = "<<" if key.tag == _MERGE_TAG else self.key(key)
            if merges > 1 if key.tag == _MERGE_TAG else name in found:
                raise ConfigError(
                    f"the key '{key.value}' stands twice in one mapping",
                    where=self.where(key),
                    hint="remove one of them",
                )
            if key.tag != _MERGE_TAG:
                found[name] = (key, value)
        return list((merged | found).values())

    def _merge_sources(self, node: yaml.Node, key: yaml.Node, merged: yaml.Node) -> list[yaml.MappingNode]:
        is_list = isinstance(merged, yaml.SequenceNode)
        sources = merged.value if is_list else [merged]
        for index, source in enumerate(sources):
            is_alias = (node, key) in self._aliases or (is_list and (merged, index) in self._aliases)
            if not isinstance(source, yaml.MappingNode) or not is_alias:
                hint = "write its keys where they belong" if isinstance(source, yaml.MappingNode) else ""
                problem = "'<<' takes aliases of mappings, such as *name or [*name, *other]"
                raise ConfigError(problem, where=self.where(source), hint=hint)
        return list(sources)

    def _end(self, node: yaml.Node) -> int:
        """Where the text of a node ends, without the line breaks and comments after it."""
        if isinstance(node, yaml.CollectionNode) and not node.flow_style:
            return max(self._item_ends(node), default=_mark(node.end_mark).index)
        if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
            return _mark(node.start_mark).index + len(
                self.text[_mark(node.start_mark).index : _mark(node.end_mark).index].rstrip()
            )
        return int(_mark(node.end_mark).index)

    def _item_ends(self, node: yaml.CollectionNode) -> Iterator[int]:
        pairs = node.value if isinstance(node, yaml.MappingNode) else enumerate(node.value)
        for index, item in pairs:
            alias = self._aliases.get((node, index))
            yield _mark(alias.end_mark).index if alias else self._end(item)
            if isinstance(index, yaml.Node):
                yield _mark(index.end_mark).index

    def _nearest(self, path: str) -> str:
        leaf = path.rpartition(".")[2]
        same_leaf = [known for known in self.places if known and known.rpartition(".")[2] == leaf]
        return nearest(path, same_leaf if len(same_leaf) == 1 and same_leaf[0] != path else filter(None, self.places))

    def _check_tags(self) -> None:
        for place in self.places.values():
            for node in filter(None, (place.key, place.node)):
                is_collection = isinstance(node, yaml.CollectionNode)
                if node.tag == FIXED_TAG and is_collection and place.path:
                    continue
                if node.tag not in (_COLLECTION_TAGS if is_collection else _SCALAR_TAGS):
                    raise ConfigError(
                        f"the tag {node.tag.replace('tag:yaml.org,2002:', '!!')} cannot stand here",
                        path=place.path,
                        where=self.where(node),
                        hint=f"configs hold plain values; the one tag of gridfold is {FIXED_TAG}, before a list",
                    )


def _mark(mark: Any) -> yaml.Mark:
    """A mark; PyYAML's types have it that there may be none, which holds only for nodes that no text was read for."""
    return cast(yaml.Mark, mark)


_CONSTRUCTOR = Loader("")


def parse_values(text: str) -> Document:
    """A document whose ``values`` are those in the text, separated by commas: ``1e-3, "a, b", [1, 2]``.

    Raises:
        ConfigError: the text is something else.
    """
    document = Document.parse(f"values: [{text}]", "")
    if document.places["values"].end != len(document.text):
        raise ConfigError("not a list of values, or a comment in it")
    return document


def _syntax_error(error: yaml.MarkedYAMLError, name: str, text: str) -> ConfigError:
    mark = error.problem_mark or error.context_mark
    where = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
    problem = f"not valid YAML: {error.problem or error.context}"
    line = text.splitlines()[mark.line] if mark and mark.line < len(text.splitlines()) else ""
    if re.match(r" *\t", line):
        return ConfigError("not valid YAML: a tab in the indentation", where=where, hint="indent with spaces")
    if "expected a single document" in str(error.context):
        return ConfigError("more than one YAML document", where=where, hint="keep one; remove the '---' between them")
    return ConfigError(problem, where=where, hint=f"in the line: {line.strip():.100}" if line.strip() else "")


def _root_error(root: yaml.Node | None, name: str) -> ConfigError:
    if root is None:
        return ConfigError("the config is empty", where=name, hint="expected a mapping, such as 'training: {...}'")
    found = "a list" if isinstance(root, yaml.SequenceNode) else f"the single value '{root.value:.40}'"
    return ConfigError(
        f"the top level is {found}, not a mapping", where=name, hint="expected a mapping, such as 'training: {...}'"
    )
