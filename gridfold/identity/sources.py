"""What a result depends on besides its config: files, packages, and what cannot be told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from gridfold.identity import packages
from gridfold.identity.data import LISTED, hash_of, is_listed


@dataclass(frozen=True)
class Sources:
    """What a piece of code, or a run, depends on.

    Attributes:
        files: what is in them (see ``data.hash_of``), by path, relative to the working directory; None if that
            cannot be told.
        packages: versions of installed packages, by name; None if it is not installed.
        untold: why more than that may matter, in words; "" if nothing more is known to.
    """

    files: Mapping[str, str | None] = field(default_factory=dict)
    packages: Mapping[str, str | None] = field(default_factory=dict)
    untold: str = ""

    @classmethod
    def said(cls, found: Any) -> Self | None:
        """What a file says; None if it is nothing of the kind."""
        if not isinstance(found, Mapping):
            return None
        files, versions, untold = (found.get(name) for name in ("files", "packages", "untold"))
        return cls(_texts(files), _texts(versions), untold if isinstance(untold, str) else "")

    def __add__(self, other: Sources) -> Sources:
        untold = self.untold or other.untold
        return Sources({**self.files, **other.files}, {**self.packages, **other.packages}, untold)

    def __bool__(self) -> bool:
        return bool(self.files or self.packages or self.untold)

    def as_dict(self) -> dict[str, Any]:
        """What there is of it, for a file."""
        return {name: value for name, value in vars(self).items() if value}

    def now(self, moment: float | None = None) -> Sources:
        """The same files and packages as they are now, or at a moment (see ``data.hash_of``)."""
        return replace(
            self, files={path: hash_of(path, moment) for path in self.files}, packages=packages.now(self.packages)
        )


def changes(before: Sources, after: Sources) -> Iterator[str]:
    """In what two differ, each in words: ``model.py``, ``torch 2.4.0 → 2.5.0``."""
    for path in sorted({*before.files, *after.files}):
        if before.files.get(path) is None or before.files.get(path) != after.files.get(path):
            yield (f"the files in {path.removesuffix(LISTED) or 'the working directory'}" if is_listed(path) else path)
    for name in sorted({*before.packages, *after.packages}):
        one, other = before.packages.get(name), after.packages.get(name)
        if one != other:
            yield f"{Path(name).name} {one or 'not used'} → {other or 'not used'}"


def listed(words: Iterable[str]) -> str:
    """The first of them, and how many more there are."""
    first, *more = [*dict.fromkeys(words)] or [""]
    return ", ".join([first, *more[:2]]) + (f" and {len(more) - 2:,} more" if len(more) > 2 else "")


def _texts(found: Any) -> dict[str, str | None]:
    pairs = found.items() if isinstance(found, Mapping) else ()
    return {str(name): value if isinstance(value, str) else None for name, value in pairs}
