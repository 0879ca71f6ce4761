"""A section of a config, read key by key, every value checked as it is read.

Nothing is read before it is needed: what several runs have in common must be computable before the first value in
which they differ is looked at.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from functools import cached_property
from types import MappingProxyType
from typing import Any, Generic, TypeAlias, TypeVar

from gridfold.config.importing.section import text_of
from gridfold.config.key import REQUIRED, Key
from gridfold.core.errors import ConfigError, nearest
from gridfold.sharing.questions import alternatives, ask

T = TypeVar("T")

Setting: TypeAlias = "tuple[str, Kind[Any], Any]"
"""A key, what its value must be, and the value where the key is absent."""

_ABSENT = object()


@dataclass(frozen=True)
class Kind(Generic[T]):
    """What a value must be.

    Attributes:
        expected: the words for it in an error message, such as "a number above 0".
        accepts: whether a value is one.
        convert: makes the value what the annotation says (an int given for a float becomes a float).
        choices: the valid values, where they can be listed.
        structure: whether what is inside is read later, key by key.
    """

    expected: str
    accepts: Callable[[Any], bool]
    convert: Callable[[Any], T]
    choices: tuple[str, ...] = ()
    structure: bool = False

    def check(self, value: Any, path: str) -> T:
        """The converted value; ``ConfigError`` at ``path`` if it is not of this kind."""
        if self.accepts(value):
            return self.convert(value)
        raise ConfigError(f"expected {self.expected}, found {shown(value)}", path=path, hint=self._hint(value))

    def _hint(self, value: Any) -> str:
        if self.choices:
            return nearest(value, self.choices) if isinstance(value, str) else f"valid: {', '.join(self.choices)}"
        if isinstance(value, str) and _parses(value, self.accepts):
            return f"a number in quotes is text: write {value} without quotes"
        if _is_list(value) and len(value) == 1 and self.accepts(value[0]):
            return f"a list of one value stays a list: write {value[0]} without brackets"
        return ""


def shown(value: Any) -> str:
    """A value as error messages show it: its YAML name, and whether it is text."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f"the text '{value}'"
    if isinstance(value, Mapping):
        return "a mapping"
    return "a list" if _is_list(value) else repr(value)


def _parses(text: str, accepts: Callable[[Any], bool]) -> bool:
    for parse in (int, float):
        try:
            if accepts(parse(text)):
                return True
        except ValueError:
            continue
    return False


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def is_whole(value: Any) -> bool:
    """Whether a value is a whole number; true and false are not."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    """Whether a value is a finite number; true and false are not."""
    return is_whole(value) or (isinstance(value, float) and math.isfinite(value))


def whole(minimum: int) -> Kind[int]:
    """A whole number, ``minimum`` or more."""
    return Kind(f"a whole number, {minimum} or more", lambda v: is_whole(v) and v >= minimum, int)


def number(expected: str, accepts: Callable[[float], bool]) -> Kind[float]:
    """A finite number for which ``accepts`` holds, an int or a float, read as a float."""
    return Kind(expected, lambda v: is_number(v) and accepts(v), float)


def choice(noun: str, names: Iterable[str]) -> Kind[str]:
    """One of some names."""
    valid = tuple(names)
    return Kind(noun, lambda v: isinstance(v, str) and v in valid, str, valid)


def optional(kind: Kind[T]) -> Kind[T | None]:
    """``kind``, or null."""
    return Kind(
        f"{kind.expected}, or null",
        lambda v: v is None or kind.accepts(v),
        lambda v: None if v is None else kind.convert(v),
        kind.choices,
        kind.structure,
    )


def one_or_several(expected: str, least: int, most: int | None = None) -> Kind[str | tuple[str, ...]]:
    """A text, or a list of different texts, ``least`` to ``most`` of them, read as a tuple."""

    def accepts(value: Any) -> bool:
        if not _is_list(value):
            return TEXT.accepts(value)
        texts = list(value)
        right = least <= len(texts) <= (most or len(texts))
        return right and all(map(TEXT.accepts, texts)) and len(set(texts)) == len(texts)

    return Kind(expected, accepts, lambda value: tuple(value) if _is_list(value) else str(value))


def setting(kind: Kind[Any], meaning: str, example: str, default: Any = MISSING, usual: str = "") -> Any:
    """A field of a dataclass for `Section.read`; required unless there is a default.

    Args:
        kind: what its value must be.
        meaning: what it is for, for `keys_of`.
        example: a value, as YAML.
        default: what the field is where the key is absent.
        usual: the same in the words of a config, if those of YAML do not say it.
    """
    return field(default=default, metadata={"kind": kind, "meaning": meaning, "example": example, "usual": usual})


def settings_of(fields_of: type[Any]) -> Iterator[Setting]:
    """The `setting` fields of a dataclass, each by itself."""
    for each in fields(fields_of):
        yield each.name, each.metadata["kind"], each.default


def keys_of(path: str, fields_of: type[Any], others: Mapping[str, str] = MappingProxyType({})) -> Iterator[Key]:
    """The `setting` fields of a dataclass, for whoever asks what they are for.

    Args:
        path: of the section.
        fields_of: the dataclass.
        others: other names of some fields.
    """
    for each in fields(fields_of):
        if kind := each.metadata.get("kind"):
            default = REQUIRED if each.default is MISSING else text_of(each.default)
            yield Key(
                f"{path}.{each.name}",
                each.metadata["meaning"],
                kind.expected,
                each.metadata["usual"] or default,
                each.metadata["example"],
                kind.choices,
                tuple(name for name, short in others.items() if short == each.name),
            )


FLAG: Kind[bool] = Kind("true or false", lambda v: isinstance(v, bool), bool)
TEXT: Kind[str] = Kind("a text", lambda v: isinstance(v, str) and v != "", str)
ANY_TEXT: Kind[str] = Kind("a text", lambda v: isinstance(v, str), str)
SEED = Kind("a whole number from 0 to 4294967295", lambda v: is_whole(v) and 0 <= v < 2**32, int)
OPTIONS: Kind[dict[str, Any]] = Kind("a mapping", lambda v: isinstance(v, Mapping), lambda v: dict(plain(v)))
NOT_NEGATIVE = number("a number, 0 or more", lambda v: v >= 0)
POSITIVE = number("a number above 0", lambda v: v > 0)
BELOW_ONE = number("a number from 0 up to, but not including, 1", lambda v: 0 <= v < 1)
_ITEM: Kind[Mapping[str, Any]] = Kind("a mapping", lambda v: isinstance(v, Mapping), lambda v: v, structure=True)
_SECTION: Kind[Mapping[str, Any]] = Kind(
    "a mapping", lambda v: v is None or isinstance(v, Mapping), lambda v: v or {}, structure=True
)
_LIST: Kind[Sequence[Any]] = Kind("a list of mappings", _is_list, lambda v: v, structure=True)


def plain(value: Any) -> Any:
    """A value with every mapping in it a dict and every sequence a list."""
    if isinstance(value, Mapping):
        return {key: plain(value[key]) for key in value}
    if _is_list(value):
        return [plain(item) for item in value]
    return value


def _interpolates(value: Any, *, inside: bool) -> bool:
    if isinstance(value, str):
        return "${" in value
    if not inside:
        return False
    values = [value[key] for key in value] if isinstance(value, Mapping) else value if _is_list(value) else []
    return any(_interpolates(item, inside=True) for item in values)


class LazyConfig:
    """A whole config and its ``${...}`` interpolations, resolved only when one is met."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values

    @cached_property
    def _resolvable(self) -> Any:
        from omegaconf import OmegaConf  # needed only by configs that interpolate

        return OmegaConf.create(plain(self.values), flags={"allow_objects": True})

    def resolve(self, value: Any, path: str) -> Any:
        """What the value at a path stands for, by the interpolations in it."""
        from omegaconf import OmegaConf  # needed only by configs that interpolate
        from omegaconf.errors import OmegaConfBaseException

        try:
            found = OmegaConf.select(self._resolvable, path, throw_on_missing=True)
            return OmegaConf.to_container(found, resolve=True) if OmegaConf.is_config(found) else found
        except OmegaConfBaseException as error:
            problem = f"cannot resolve {shown(value)}: {str(error).splitlines()[0]}"
            raise ConfigError(problem, path=path, hint="an interpolation names another path of this config") from error

    def section(self, name: str) -> Section:
        """A top-level section; an empty one where the config has none."""
        return Section(self, self.values, "").section(name)


class Section:
    """A mapping of the config at a dotted path."""

    def __init__(self, config: LazyConfig, values: Mapping[str, Any], path: str) -> None:
        self._config = config
        self._values = values
        self.path = path

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def path_of(self, key: str) -> str:
        """The dotted path of a key."""
        return f"{self.path}.{key}" if self.path else str(key)

    def __iter__(self) -> Iterator[str]:
        return iter([str(key) for key in self._values])

    def get(self, key: str, kind: Kind[T], default: T) -> T:
        """A value, checked; ``default`` where the key is absent."""
        return self.require(key, kind) if key in self else default

    def require(self, key: str, kind: Kind[T]) -> T:
        """A value, checked; ``ConfigError`` where the key is absent."""
        if key not in self:
            raise ConfigError(f"required, but missing: give {kind.expected}", path=self.path_of(key))
        value, path = self._values[key], self.path_of(key)
        if _interpolates(value, inside=not kind.structure):
            value = self._config.resolve(value, path)
        return kind.check(value, path)

    def read(self, settings: type[T], later: Collection[str] = ()) -> T:
        """A dataclass of `setting` fields, read in their order; ``ConfigError`` where one is wrong, or unknown.

        Args:
            settings: the dataclass.
            later: keys that are valid, but not looked at now.
        """
        values = {}
        self.reject_unknown({*(each.name for each in fields(settings)), *later})  # type: ignore[arg-type]
        for each in fields(settings):  # type: ignore[arg-type]
            if each.name not in later and (each.default is MISSING or each.name in self):
                values[each.name] = self.require(each.name, each.metadata["kind"])
        return settings(**values)

    def ask(self, settings: Sequence[Setting], question: Callable[..., T]) -> T:
        """What a question about some values gives; see ``gridfold.ask``. The values are checked first."""
        if any(self._interpolates(setting) for setting in settings):
            return question(*(self.get(*setting) for setting in settings))

        def about_checked(*values: Any) -> T:
            return question(*map(self._checked, settings, values))

        return ask(self._values, tuple(key for key, _, _ in settings), about_checked, default=_ABSENT)

    def alternatives(self, setting: Setting) -> list[Any]:
        """All values of the runs that this process stands for, checked; see ``gridfold.alternatives``."""
        if self._interpolates(setting):
            return [self.get(*setting)]
        return [self._checked(setting, value) for value in alternatives(self._values, setting[0], _ABSENT)]

    def _interpolates(self, setting: Setting) -> bool:
        return any(_interpolates(value, inside=True) for value in alternatives(self._values, setting[0]))

    def _checked(self, setting: Setting, value: Any) -> Any:
        key, kind, default = setting
        return default if value is _ABSENT else kind.check(value, self.path_of(key))

    def section(self, key: str) -> Section:
        """A mapping below this one; an empty one where the key is absent or null."""
        return Section(self._config, self.get(key, _SECTION, {}), self.path_of(key))

    def sections(self, key: str) -> list[Section]:
        """The items of a list of mappings; ``ConfigError`` where the key is absent or holds anything else."""
        items = self.require(key, _LIST)
        section = Section(self._config, {str(index): item for index, item in enumerate(items)}, self.path_of(key))
        return [Section(self._config, section.require(index, _ITEM), section.path_of(index)) for index in section]

    def mapping(self, key: str, kind: Kind[T]) -> dict[str, T]:
        """A mapping of names, which may look like numbers, to values that are all of one kind."""
        values = self.require(key, _ITEM)
        named = Section(self._config, {str(name): values[name] for name in values}, self.path_of(key))
        return {name: named.require(name, kind) for name in named}

    def reject_unknown(self, valid: Iterable[str]) -> None:
        """``ConfigError`` at the first key that is not a valid one, with the nearest that is."""
        names = set(valid)
        for key in self:
            if key not in names:
                raise ConfigError("unknown key", path=self.path_of(key), hint=nearest(key, names))
