"""A config that stands for several trials at once, and notices when code reads something in which they differ."""

from __future__ import annotations

import copy
import os
import sys
import sysconfig
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from gridfold.values import canonical

Split = Callable[[str, list[tuple[int, ...]], str], tuple[int, ...]]

_OWN = str(Path(__file__).parent)
_LIBRARY = sysconfig.get_path("stdlib")


class Group:
    """The trials that a process stands for.

    Args:
        configs: their configs, one value each.
        split: called with the path that was read, the groups of trials that have one value there, at least two, and
            the place where it was read; gives the group with which this process goes on.

    Attributes:
        trials: positions in ``configs`` of the trials that are left.
        config: stands for their configs.
    """

    def __init__(self, configs: Sequence[Mapping[str, Any]], split: Split) -> None:
        self._configs = configs
        self._split = split
        self.trials = tuple(range(len(configs)))
        self.config = FoldedDict(self, ())

    def separate(self, path: str) -> None:
        """Go on with one trial."""
        if len(self.trials) > 1:
            self._divide(path, [(trial,) for trial in self.trials])

    def agree(self, path: str, read: Callable[[Mapping[str, Any]], Hashable]) -> None:
        """Go on with trials for whose configs ``read`` gives the same."""
        if len(self.trials) == 1:
            return
        groups: dict[Hashable, list[int]] = {}
        for trial in self.trials:
            groups.setdefault(read(self._configs[trial]), []).append(trial)
        if len(groups) > 1:
            self._divide(path, [tuple(group) for group in groups.values()])

    def first(self) -> Mapping[str, Any]:
        """The config of the first trial that is left."""
        return self._configs[self.trials[0]]

    def _divide(self, path: str, groups: list[tuple[int, ...]]) -> None:
        self.trials = self._split(path, groups, _place())


class _Unread:
    """Stands in the storage of a mapping that nobody has looked into as a whole, for whoever reads past it."""

    def __repr__(self) -> str:
        return "<a value that was read past gridfold>"


class FoldedDict(dict[Any, Any]):
    """A mapping in several trials' configs.

    To ask for a key, for the keys or for their number splits if the trials differ in that. To look at the mapping as a
    whole (its items, a copy), or to change it, splits if they differ in any of it but in what nested mappings hold, and
    from then on it is an ordinary dict. To compare, print or pickle it reads nested mappings too.
    """

    def __init__(self, group: Group, path: tuple[Any, ...]) -> None:
        super().__init__()
        self._group, self._path = group, path
        self._seen: dict[Any, Any] = {}  # what was given out: the same object each time
        self._settled = False
        super().__setitem__(_Unread(), _Unread())  # not empty, for C code that looks at the size first

    # One key

    def __getitem__(self, key: Any) -> Any:
        if self._settled:
            return super().__getitem__(key)
        if key not in self._seen:
            self._group.agree(self._name(key), lambda config: _form(_at(config, self._path), key))
            self._seen[key] = self._value(key)
        return self._seen[key]

    def get(self, key: Any, default: Any = None) -> Any:
        """As of a dict."""
        return self[key] if key in self else default  # noqa: SIM401 - this is get

    def __contains__(self, key: object) -> bool:
        if self._settled:
            return super().__contains__(key)
        self._group.agree(self._name(key), lambda config: key in _at(config, self._path))
        return key in _at(self._group.first(), self._path)

    def _value(self, key: Any) -> Any:
        value = _at(self._group.first(), self._path)[key]
        return FoldedDict(self._group, (*self._path, key)) if isinstance(value, Mapping) else copy.deepcopy(value)

    def _name(self, key: Any) -> str:
        return ".".join(map(str, (*self._path, key)))

    # The whole

    def _settle(self) -> FoldedDict:
        """Become an ordinary dict, but for nested mappings."""
        if not self._settled:
            name = ".".join(map(str, self._path)) or "the config"
            self._group.agree(name, lambda config: _forms(config, self._path))
            found = {key: self._seen.get(key, _MISSING) for key in _at(self._group.first(), self._path)}
            found = {key: self._value(key) if value is _MISSING else value for key, value in found.items()}
            self._settled = True
            super().clear()
            super().update(found)
        return self

    def _plain(self) -> dict[Any, Any]:
        """All of it as plain dicts."""
        settled = self._settle()
        return {key: _as_plain(dict.__getitem__(settled, key)) for key in dict.keys(settled)}

    def __iter__(self) -> Iterator[Any]:  # also turns off the short cuts that ``dict(...)`` and ``**`` take for dicts
        return super().__iter__() if self._settled else iter(self._keys())

    def __reversed__(self) -> Iterator[Any]:
        return super().__reversed__() if self._settled else reversed(self._keys())

    def __len__(self) -> int:
        if self._settled:
            return super().__len__()
        self._group.agree(self._name("(length)"), lambda config: len(_at(config, self._path)))
        return len(_at(self._group.first(), self._path))

    def _keys(self) -> list[Any]:
        """The keys in their order; splits if the trials differ in that, but not by values."""
        self._group.agree(self._name("(keys)"), lambda config: _exact(list(_at(config, self._path))))
        return list(_at(self._group.first(), self._path))

    def keys(self) -> Any:
        """As of a dict."""
        return super(FoldedDict, self._settle()).keys()

    def values(self) -> Any:
        """As of a dict."""
        return super(FoldedDict, self._settle()).values()

    def items(self) -> Any:
        """As of a dict."""
        return super(FoldedDict, self._settle()).items()

    def __bool__(self) -> bool:
        if self._settled:
            return len(self) > 0
        self._group.agree(self._name("(emptiness)"), lambda config: bool(_at(config, self._path)))
        return bool(_at(self._group.first(), self._path))

    # Changes

    def __setitem__(self, key: Any, value: Any) -> None:
        super(FoldedDict, self._settle()).__setitem__(key, value)

    def __delitem__(self, key: Any) -> None:
        super(FoldedDict, self._settle()).__delitem__(key)

    def pop(self, *arguments: Any) -> Any:
        """As of a dict."""
        return super(FoldedDict, self._settle()).pop(*arguments)

    def popitem(self) -> tuple[Any, Any]:
        """As of a dict."""
        return super(FoldedDict, self._settle()).popitem()

    def setdefault(self, key: Any, default: Any = None) -> Any:
        """As of a dict."""
        return super(FoldedDict, self._settle()).setdefault(key, default)

    def update(self, *arguments: Any, **named: Any) -> None:
        """As of a dict."""
        super(FoldedDict, self._settle()).update(*map(_spread, arguments), **named)

    def clear(self) -> None:
        """As of a dict."""
        super(FoldedDict, self._settle()).clear()

    # All, nested mappings too

    def __eq__(self, other: object) -> bool:
        return bool(self._plain() == _as_plain(other))

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None

    def __repr__(self) -> str:
        return repr(self._plain())

    def __or__(self, other: Any) -> Any:
        return self.copy() | _spread(other) if isinstance(other, dict) else NotImplemented

    def __ror__(self, other: Any) -> Any:
        return _spread(other) | self.copy() if isinstance(other, dict) else NotImplemented

    def __ior__(self, other: Any) -> Any:
        self.update(other)
        return self

    def copy(self) -> dict[Any, Any]:
        """As of a dict: the nested mappings are the same objects."""
        settled = self._settle()
        return {key: dict.__getitem__(settled, key) for key in dict.keys(settled)}

    __copy__ = copy

    def __deepcopy__(self, memo: Any) -> dict[Any, Any]:
        return copy.deepcopy(self._plain(), memo)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return dict, (self._plain(),)


_MISSING = object()


def _at(config: Mapping[str, Any], path: tuple[Any, ...]) -> Mapping[Any, Any]:
    for key in path:
        config = config[key]
    return config


def _form(mapping: Mapping[Any, Any], key: Any) -> Hashable:
    """Equal for mappings that have the same there, as far as nested mappings are not looked into."""
    if key not in mapping:
        return None
    value = mapping[key]
    return "a mapping" if isinstance(value, Mapping) else (type(value).__name__, _exact(value))


def _forms(config: Mapping[str, Any], path: tuple[Any, ...]) -> Hashable:
    mapping = _at(config, path)
    return tuple((type(key).__name__, key, _form(mapping, key)) for key in mapping)


def _exact(value: Any) -> str:
    """One text for each value; the order of keys counts, since code can see it."""
    return canonical(value) + repr(value)


def _as_plain(value: Any) -> Any:
    return value._plain() if isinstance(value, FoldedDict) else value


def _spread(value: Any) -> Any:
    return value.copy() if isinstance(value, FoldedDict) else value


def _place() -> str:
    """``file:line`` of the code that read, outside of gridfold's core and the standard library."""
    frame = sys._getframe(1)
    while frame.f_back and _is_passed_over(frame.f_code.co_filename):
        frame = frame.f_back
    return f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"


def _is_passed_over(file: str) -> bool:
    return file.startswith((_LIBRARY, "<")) or os.path.dirname(file) == _OWN  # noqa: PTH120


# As plain dicts are: these look at the very type, and would write a Python object.
for _representer in (yaml.representer.SafeRepresenter, yaml.representer.Representer):
    _representer.add_representer(FoldedDict, lambda dumper, data: dumper.represent_dict(data._plain()))
