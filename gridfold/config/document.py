"""A YAML document: what is at a dotted path, where it stands, and which text is its own."""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple, cast

import yaml

from gridfold.config.parser import MORE_THAN_ONE, Span, growing, parse
from gridfold.core.errors import ConfigError, nearest
from gridfold.core.values import Loader, writable

FIXED_TAG = "!fixed"
EMPTY = "the config is empty"
_YAML = "tag:yaml.org,2002:"
_STR = f"{_YAML}str"
_MERGE_TAG = f"{_YAML}merge"
_SCALAR_TAGS = frozenset(f"{_YAML}{name}" for name in ("str", "int", "float", "bool", "null", "merge"))
_COLLECTION_TAGS = frozenset(f"{_YAML}{name}" for name in ("seq", "map"))
_OWN_TAGS = _SCALAR_TAGS | _COLLECTION_TAGS | {FIXED_TAG}
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
    """

    text: str
    name: str
    root: yaml.MappingNode
    anchors: dict[yaml.Node, str]
    _aliases: dict[tuple[yaml.Node, Any], Span] = field(repr=False)
    _ends: dict[yaml.Node, int] = field(repr=False)

    @classmethod
    @growing()
    def parse(cls, text: str, name: str) -> Document:
        """Parse a text.

        Raises:
            ConfigError: it is not one YAML mapping, or holds what configs cannot hold (repeated keys, unknown tags).
        """
        try:
            parsed = parse(text)
        except yaml.MarkedYAMLError as error:
            raise _syntax_error(error, name, text) from None
        except yaml.reader.ReaderError as error:
            raise _bad_character(int(error.character), text, error.position, name) from None
        except UnicodeEncodeError as error:
            raise _bad_character(ord(text[error.start]), text, error.start, name) from None
        except RecursionError:
            raise ConfigError("nested too deeply", where=name) from None
        if not isinstance(parsed.root, yaml.MappingNode) or parsed.root.tag not in _COLLECTION_TAGS:
            raise _root_error(parsed.root, name)
        document = cls(text, name, parsed.root, parsed.anchors, parsed.aliases, parsed.ends)
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
            return {self.key(key): self.value(value, instead, tagged) for key, value in self._items(node)}
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, instead, tagged) for item in node.value]
        return self._scalar(node)

    def key(self, node: yaml.Node) -> Any:
        """The key that a key node stands for: a string, a number or a boolean."""
        if not isinstance(node, yaml.ScalarNode):
            hint = _template_hint(self.text, _mark(node.start_mark).index)
            raise ConfigError("a list or mapping as a key", where=self.where(node), hint=hint)
        value = self._scalar(node)
        if value is None:
            raise ConfigError("an empty key", where=self.where(node), hint="write a name before the colon")
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
            for key, value in self._items(place.node):
                name = key.value if isinstance(key, yaml.ScalarNode) else ""
                yield self._child(place, f"{prefix}{name}", value, key, key, merged=id(key) not in own)

    def _child(self, parent: Place, path: str, node: yaml.Node, index: Any, key: Any, *, merged: bool = False) -> Place:
        alias = self._aliases.get((parent.node, index))
        start, end = (alias.start, alias.end) if alias else (_mark(node.start_mark).index, self.end(node))
        spot = parent.spot or (path if alias or merged else "")
        return Place(path, node, parent.path, key, start, end, spot, merged)

    def _items(self, node: yaml.MappingNode) -> list[tuple[yaml.Node, yaml.Node]]:
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
                    merged = {self.key(k): (k, v) for k, v in self._items(source)} | merged
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
        is_list = isinstance(merged, yaml.SequenceNode)
        sources = merged.value if is_list else [merged]
        for index, source in enumerate(sources):
            is_alias = (node, key) in self._aliases or (is_list and (merged, index) in self._aliases)
            if not isinstance(source, yaml.MappingNode) or not is_alias:
                hint = "write its keys where they belong" if isinstance(source, yaml.MappingNode) else ""
                problem = "'<<' takes aliases of mappings, such as *name or [*name, *other]"
                raise ConfigError(problem, where=self.where(source), hint=hint)
        return list(sources)

    def end(self, node: yaml.Node) -> int:
        """Where the text of a node ends, without the line breaks and comments after it."""
        return self._ends.get(node, _mark(node.end_mark).index)

    def item_end(self, holder: yaml.Node, index: Any, item: yaml.Node) -> int:
        """Where the text of an item of a collection ends, or that of the alias that stands for it."""
        alias = self._aliases.get((holder, index))
        return alias.end if alias else self.end(item)

    def is_alias(self, holder: yaml.Node, index: Any) -> bool:
        """Whether an alias stands at a key or position of a collection."""
        return (holder, index) in self._aliases

    def _nearest(self, path: str) -> str:
        leaf = path.rpartition(".")[2]
        same_leaf = [known for known in self.places if known and known.rpartition(".")[2] == leaf]
        return nearest(path, same_leaf if len(same_leaf) == 1 and same_leaf[0] != path else filter(None, self.places))

    def check_tags(self, *, keep: bool = False) -> None:
        """Whether every tag can stand where it does; ``keep`` allows tags that are for another loader.

        Raises:
            ConfigError: one cannot.
        """
        for place in self.places.values():
            for node in filter(None, (place.key, place.node)):
                if not (_is_plain(node) or (keep and is_foreign(node) and node is not place.key)):
                    raise self._bad_tag(node, place)

    def _bad_tag(self, node: yaml.Node, place: Place) -> ConfigError:
        tag = shown(node.tag)
        problem = f"the tag {tag} cannot stand here"
        hint = "write the key without it" if node is place.key else _tag_hint(tag, node)
        return ConfigError(problem, path=place.path, where=self.where(node), hint=hint)


def holders(path: str) -> Iterator[str]:
    """The paths of what holds the value at a path, the nearest first."""
    while "." in path:
        path = path.rpartition(".")[0]
        yield path


def is_foreign(node: yaml.Node) -> bool:
    """Whether a node has a tag that is for another loader than those of plain values."""
    return node.tag not in _OWN_TAGS


def shown(tag: str) -> str:
    """A tag as people write it."""
    if tag.startswith(_YAML):
        return f"!!{tag.removeprefix(_YAML)}"
    return tag if tag.startswith("!") else f"!<{tag}>"


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


def _is_plain(node: yaml.Node) -> bool:
    """Whether a node is a value as every loader knows it, or a list or mapping that is ``!fixed``."""
    is_collection = isinstance(node, yaml.CollectionNode)
    return node.tag in (_COLLECTION_TAGS if is_collection else _SCALAR_TAGS) or (
        is_collection and node.tag == FIXED_TAG
    )


def _tag_hint(tag: str, node: yaml.Node) -> str:
    if not is_foreign(node):
        return f"configs hold plain values; the one tag of gridfold is {FIXED_TAG}, before a list"
    first = f"for a list that is one value, write {FIXED_TAG} [...]\n" if tag == "!!python/tuple" else ""
    return f"{first}to pass tags on to a loader of your own, write gridfold: {{tags: keep}}"


def _mark(mark: Any) -> yaml.Mark:
    """A mark; PyYAML's types have it that there may be none, which holds only for nodes that no text was read for."""
    return cast(yaml.Mark, mark)


_CONSTRUCTOR = Loader("")
_CONSTRUCTORS = cast(Mapping[str, Callable[..., Any]], Loader.yaml_constructors)


@lru_cache(maxsize=8192)
def _constructed(tag: str, value: str) -> Any:
    """The value of a scalar; the text itself if its tag is for another loader."""
    if tag not in _SCALAR_TAGS:
        return writable(value)
    return writable(_CONSTRUCTORS[tag](_CONSTRUCTOR, yaml.ScalarNode(tag, value)))


def parse_values(text: str) -> Document:
    """A document whose ``values`` are those in the text, separated by commas: ``1e-3, "a, b", [1, 2]``.

    Raises:
        ConfigError: the text is something else.
    """
    document = Document.parse(f"values: [{text} ]", "")
    document.check_tags()
    if document.places["values"].end != len(document.text):
        raise ConfigError("not a list of values, or a comment in it")
    return document


def _syntax_error(error: yaml.MarkedYAMLError, name: str, text: str) -> ConfigError:
    mark = cast(yaml.Mark, error.problem_mark or error.context_mark)
    where = f"{name}:{mark.line + 1}:{mark.column + 1}"
    line = next(itertools.islice(io.StringIO(text), mark.line, None), "")
    if error.problem == MORE_THAN_ONE:
        return ConfigError(MORE_THAN_ONE, where=where, hint="keep one; remove the '---' between them")
    if re.match(r" *\t", line):
        return ConfigError("not valid YAML: a tab in the indentation", where=where, hint="indent with spaces")
    hints = (
        _template_hint(text, mark.index),
        _begun(error, mark),
        f"in the line: {line.strip():.100}" if line.strip() else "",
    )
    return ConfigError(
        f"not valid YAML: {_problem(error, mark, line)}", where=where, hint="\n".join(filter(None, hints))
    )


def _problem(error: yaml.MarkedYAMLError, mark: yaml.Mark, line: str) -> str:
    """What is wrong, in libyaml's words but for those that say too little."""
    problem = str(error.problem or error.context).replace("did not find expected", "expected")
    found = line[mark.column : mark.column + 1].strip()
    if problem == "found character that cannot start any token":
        return f"a value cannot start with {found!r}; put it in quotes"
    got = repr(found) if found else "the end" if not line else ""
    return problem + (f", but got {got}" if got and problem.startswith("expected") else "")


def _begun(error: yaml.MarkedYAMLError, mark: yaml.Mark) -> str:
    """Where the bracket or quote is that lacks its end, if it is not in the same line."""
    begun = error.context_mark
    opening = next((text for what, text in _OPENINGS.items() if str(error.context).endswith(what)), None)
    return f"the {opening} is in line {begun.line + 1}" if begun and opening and begun.line < mark.line else ""


_OPENINGS = {"a flow sequence": "'['", "a flow mapping": "'{'", "a quoted scalar": "quote"}


def _template_hint(text: str, position: int) -> str:
    """What to do about a template that is to be filled in before it is YAML."""
    start = text.rfind("\n", 0, position) + 1
    line = text[start : text.find("\n", position) % (len(text) + 1)]
    if not re.search(r"\{\{|\{%|\{#", line):
        return ""
    return "this looks like a Jinja template: render it first, or put text with '{{' in quotes"


def _bad_character(character: int, text: str, position: int, name: str) -> ConfigError:
    where = f"{name}:{text.count(chr(10), 0, position) + 1}"
    return ConfigError(f"the character U+{character:04X} is not allowed in YAML", where=where)


def _root_error(root: yaml.Node | None, name: str) -> ConfigError:
    if isinstance(root, yaml.MappingNode):
        return ConfigError(
            f"the tag {shown(root.tag)} cannot stand here, before the whole config", where=name, hint="remove it"
        )
    if root is None:
        return ConfigError(EMPTY, where=name, hint="expected a mapping, such as 'training: {...}'")
    found = "a list" if isinstance(root, yaml.SequenceNode) else f"the single value '{root.value:.40}'"
    return ConfigError(
        f"the top level is {found}, not a mapping", where=name, hint="expected a mapping, such as 'training: {...}'"
    )
