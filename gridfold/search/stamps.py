"""Names that programs give to what they write, by the second in which they begin (see ``gridfold.runs.seconds``)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from gridfold.identity.sources import Sources

_TIME = re.compile(r"(?<!\d)(?=([01]\d|2[0-3])[-_.:h]?([0-5]\d)[-_.:m]?([0-5]\d)(?!\d))")
_DATE_AND_TIME = re.compile(r"(?<!\d)\d{8}([01]\d|2[0-3])([0-5]\d)([0-5]\d)(?!\d)")
_EPOCH = re.compile(r"(?<!\d)1\d{9}(?!\d)")
_UNIQUE = "events.out.tfevents."  # TensorBoard's, which name machine and process, too
_IN_SOURCE = re.compile(rb"%H[^\s:]?%M[^\s:]?%S|\b(?:int|round)\(time(?:\.time)?\(\)\)|time\(\):\.0f")
_BY_DEFAULT = "hydra-core"  # a package that makes a folder for each second
_MOST_BYTES, _MOST_FILES = 1 << 20, 200  # of source
_SECONDS = 60  # after its start that a program names what it writes


def stamp_in(path: str, began: int) -> str:
    """The name in a path that tells the second in which a run began, or one soon after; "" if none does.

    Args:
        path: the path.
        began: when the run began, in nanoseconds.
    """
    names = (name for name in Path(path).parts if not name.startswith(_UNIQUE))
    return next((name for name in names if any(map(_is_soon_after(began), _told(name, began)))), "")


def names_seconds(codes: Iterable[Sources]) -> bool:
    """Whether a program may name what it writes by the second, as far as its source tells."""
    return any(_BY_DEFAULT in code.packages or any(map(_tells, islice(code.files, _MOST_FILES))) for code in codes)


def _tells(path: str) -> bool:
    with suppress(OSError), Path(path).open("rb") as file:
        return bool(_IN_SOURCE.search(file.read(_MOST_BYTES)))
    return False


def _is_soon_after(began: int) -> Callable[[int], bool]:
    return lambda second: 0 <= second - began // 10**9 <= _SECONDS


def _told(name: str, began: int) -> Iterator[int]:
    """The seconds that a name may tell, since 1970."""
    yield from map(int, _EPOCH.findall(name))
    for hour, minute, second in (*_TIME.findall(name), *_DATE_AND_TIME.findall(name)):
        for zone in (None, UTC):
            day = datetime.fromtimestamp(began / 1e9, zone)
            yield int(day.replace(hour=int(hour), minute=int(minute), second=int(second)).timestamp())
