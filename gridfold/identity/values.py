"""What plain values, and the files that they name, are known by."""

from __future__ import annotations

import dataclasses
import enum
import functools
import hashlib
import math
import os
import struct
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, time, timedelta, timezone
from pathlib import Path
from typing import Any

from gridfold.identity.data import content

Known = Callable[[object], str | None]  # the address of what a stage has made


class UnknownError(Exception):
    """Nothing tells what a thing is by its content."""


def _moment(moment: Any) -> bytes:
    """A moment, of which the text tells the zone as well."""
    zone = getattr(moment, "tzinfo", None)
    if zone is not None and type(zone) is not timezone:
        from zoneinfo import ZoneInfo  # few values have one

        if type(zone) is not ZoneInfo or not zone.key:
            raise UnknownError(f"a time in the zone {zone}, a {type(zone).__qualname__}")
    return repr(moment).encode()


def _text(value: Any) -> bytes:
    return repr(value).encode()


_WRITERS: Mapping[type, Callable[[Any], bytes]] = {
    **dict.fromkeys((type(None), bool, int, range, timedelta), _text),
    **dict.fromkeys((date, datetime, time), _moment),
    float: lambda value: struct.pack("<d", value) if math.isnan(value) else value.hex().encode(),
    complex: lambda value: struct.pack("<2d", value.real, value.imag),
    str: lambda value: value.encode("utf-8", "surrogatepass"),
    bytes: lambda value: value,
}
_EXACT = ("decimal.Decimal", "fractions.Fraction")  # of which the text tells all


def of_value(value: Any, known: Known = lambda _: None) -> str:
    """A hash of what a value is.

    Plain values, and dataclasses, lists and mappings of them, are known by content; a ``Path`` by the content and the
    name of the file or folder; what has a method ``stage_id`` by what that returns.

    Args:
        value: the value.
        known: gives the address of what a stage has made, which is then not looked into.

    Raises:
        UnknownError: none of these, or a file that cannot be read.
    """
    digest = hashlib.sha256()
    try:
        for piece in _pieces(value, known):
            digest.update(f"{len(piece)}:".encode() + piece)
    except UnknownError:
        raise
    except Exception as error:  # whatever an object does that is looked into
        raise UnknownError(f"a {type(value).__qualname__}: {error}") from error
    return digest.hexdigest()


def _pieces(value: Any, known: Known) -> Iterator[bytes]:
    """What tells a value from every other; types and orders count."""
    kind = type(value)
    name = f"{kind.__module__}.{kind.__qualname__}"
    yield name.encode()
    if address := known(value):
        yield address.encode()
    elif write := _WRITERS.get(kind):
        yield write(value)
    elif name in _EXACT:
        yield _text(value)
    elif isinstance(value, Path):
        yield from _file_pieces(value)
    elif isinstance(value, enum.Enum):
        yield str(value.name).encode()
        yield from _pieces(value.value, known)
    else:
        yield from _parts(value, known)


def _parts(value: Any, known: Known) -> Iterator[bytes]:
    if hasattr(type(value), "stage_id"):  # an object may give something for any name
        yield str(value.stage_id()).encode()
        return
    if type(value) in (set, frozenset):
        yield from sorted(of_value(item, known).encode() for item in value)
        return
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        parts = list({**fields, **_attributes(value)}.items())
    elif isinstance(value, Mapping):
        parts = [*value.items(), *_besides(value)]
    elif type(value) in (list, tuple):
        parts = value
    else:
        raise UnknownError(f"a {type(value).__qualname__}")
    yield str(len(parts)).encode()
    for part in parts:
        yield from _pieces(part, known)


def _besides(mapping: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    """What a kind of dict has beside its items."""
    if isinstance(mapping, dict):
        yield from _attributes(mapping).items()
        factory = getattr(mapping, "default_factory", None)
        yield from [("default_factory", factory.__qualname__)] if isinstance(factory, type) else ()


def _attributes(value: Any) -> dict[str, Any]:
    """What was set on an object, but for what follows from the rest."""
    found, kind = getattr(value, "__dict__", {}), type(value)
    kept = (name for name in found if not isinstance(getattr(kind, name, None), functools.cached_property))
    return {name: found[name] for name in kept}


def _file_pieces(path: Path) -> Iterator[bytes]:
    try:
        yield path.name.encode("utf-8", "surrogateescape")
        for file in sorted(_files_in(path)) if path.is_dir() else [path]:
            stat = file.stat()
            yield str(file.relative_to(path)).encode("utf-8", "surrogateescape")
            yield content(str(file), stat.st_size, stat.st_mtime_ns, stat.st_ino).encode()
    except OSError as error:
        raise UnknownError(f"a file that cannot be read: {error}") from None


def _files_in(folder: Path) -> Iterator[Path]:
    """All files, those behind links to folders, too."""
    entered = set()
    for parent, folders, names in os.walk(folder, followlinks=True):
        place = Path(parent).stat()
        if (place.st_dev, place.st_ino) in entered:
            folders.clear()  # a link that leads back
        entered.add((place.st_dev, place.st_ino))
        yield from (file for file in map(Path(parent).joinpath, names) if file.is_file())
