"""Files that are whole or not there, whoever is killed at whatever moment, on disks of one machine or of many."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

_CHUNK = 2**16
_UNLINKABLE = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)  # what a disk without hard links says


def write_new(path: str, text: str) -> None:
    """Write a file that is not there yet.

    Raises:
        FileExistsError: it is there; it is not touched.
    """
    _write(path, text.encode(), os.O_EXCL)


def replace_file(
    path: str | Path, text: str, *, durable: bool = False, unless: Callable[[], bool] = lambda: False
) -> bool:
    """Write a file in one step: whoever reads it sees the old text or the new one, whole.

    Args:
        path: the file.
        text: what it shall hold.
        durable: wait until it is on the disk, so that a loss of power does not take it.
        unless: asked last, in which case nothing is written. A network disk has nothing in its cache of a folder then,
            as a file was just made there.

    Returns:
        Whether it was written.
    """
    temporary = _beside(path)
    try:
        _write(temporary, text.encode(), os.O_TRUNC, durable=durable)
        if is_not := unless():
            _remove(temporary)
        else:
            os.replace(temporary, path)  # noqa: PTH105 - a Path costs as much again, and this is done several times a run
    except BaseException:
        _remove(temporary)
        raise
    return not is_not


def replace_bytes(path: Path, pieces: Iterable[bytes | memoryview]) -> None:
    """Write a file in one step, as `replace_file` does; it is on the disk then."""
    temporary = _beside(path)
    try:
        with open(temporary, "wb") as file:  # noqa: PTH123
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)  # noqa: PTH105
    except BaseException:
        _remove(temporary)
        raise


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[TextIO]:
    """A file to write that takes the place of ``path`` when it is whole, and vanishes if an exception comes.

    What cannot be encoded, such as an old record may hold, becomes a question mark.
    """
    temporary = _beside(path)
    try:
        with open(temporary, "w", encoding="utf-8", errors="replace", newline="") as file:  # noqa: PTH123
            yield file
        os.replace(temporary, path)  # noqa: PTH105
    except BaseException:
        _remove(temporary)
        raise


def replace_if_first(path: str, claim: str, text: str) -> bool:
    """Write a file in one step, and with it a claim, which is made once; False if the claim is there already.

    Of all processes that try, on all machines, one gets the claim. ``link`` brings it into being with all its text in
    one step, on network disks too.
    """
    temporary = _beside(path)
    try:
        _write(temporary, text.encode(), os.O_TRUNC)
        is_first = _link(temporary, claim, text)
        if is_first:
            os.replace(temporary, path)  # noqa: PTH105
    except BaseException:
        _remove(temporary)
        raise
    if not is_first:
        _remove(temporary)
    return is_first


def disk_time(path: str) -> float:
    """This moment by the clock of the disk, which may be another machine's: the time of a new file beside ``path``.

    Where none can be made, it is this machine's.
    """
    fresh = _beside(path)
    try:
        _write(fresh, b"", os.O_EXCL)
        return os.stat(fresh).st_mtime  # noqa: PTH116
    except OSError:
        return time.time()
    finally:
        _remove(fresh)


def write_first(path: str, text: str) -> bool:
    """Write a file that is made once, in one step; False if it is there already.

    Of all processes that try, on all machines, one makes it: see `replace_if_first`.
    """
    temporary = _beside(path)
    try:
        _write(temporary, text.encode(), os.O_TRUNC)
        return _link(temporary, path, text)
    finally:
        _remove(temporary)


def is_file(path: str | os.PathLike[str]) -> bool:
    """Whether there is such a file; False for what cannot be a path."""
    try:
        return Path(path).is_file()
    except (OSError, ValueError):  # too long, or with a NUL
        return False


def regular(path: str | os.PathLike[str], flags: int) -> int:
    """Open a regular file, as the ``opener`` of ``open``: a pipe would make the reader wait, a device never end.

    Raises:
        OSError: there is none, or it is something else.
    """
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EINVAL, "not a regular file", str(path))


def read_regular(path: str | os.PathLike[str]) -> bytes:
    """What a regular file holds.

    Raises:
        OSError: there is none, it is something else, or it cannot be read.
    """
    descriptor = regular(path, os.O_RDONLY)  # half of what `open` costs, and a search has many files
    try:
        return b"".join(iter(lambda: os.read(descriptor, _CHUNK), b""))
    finally:
        os.close(descriptor)


def read_mapping(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The JSON mapping that a file holds; empty if it holds none, or cannot be read."""
    return mapping_of(contents(path))


def mapping_of(content: bytes) -> dict[str, Any]:
    """The JSON mapping that a file's content is; empty if it is none."""
    found = _parsed(content)
    return found if isinstance(found, dict) else {}


def read_mappings(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """The mappings that a file of JSON lines holds. Torn lines are left out, as is a file that cannot be read."""
    return mappings_of(contents(path))


def mappings_of(content: bytes) -> list[dict[str, Any]]:
    """The mappings that JSON lines are; torn lines are left out."""
    lines = content.splitlines()
    together = _parsed(b"[" + b",".join(lines) + b"]")  # faster than one by one
    found = map(_parsed, lines) if together is None else together
    return [each for each in found if isinstance(each, dict)]


def contents(path: str | os.PathLike[str]) -> bytes:
    """What is in a file; nothing if it cannot be read."""
    try:
        return read_regular(path)
    except (OSError, ValueError):
        return b""


def _parsed(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _link(source: str, claim: str, text: str) -> bool:
    try:
        os.link(source, claim)
    except FileExistsError:
        # A network disk may say so of a link that it has made, when its first answer was lost.
        return os.stat(source).st_nlink > 1  # noqa: PTH116
    except OSError as error:
        if error.errno not in _UNLINKABLE:
            raise
        try:
            write_new(claim, text)
        except FileExistsError:
            return False
    return True


def _write(path: str, content: bytes, flag: int, *, durable: bool = False) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | flag, 0o666)
    try:
        while content:  # a disk that is almost full takes a part, and says so the next time
            content = content[os.write(descriptor, content) :]
        if durable:
            os.fsync(descriptor)
    except OSError as error:
        error.filename = path  # else nobody is told which disk
        raise
    finally:
        os.close(descriptor)


def _beside(path: str | Path) -> str:
    """A name for what will take the place of a file, which no other process uses, on no machine, in no container."""
    folder, slash, name = str(path).rpartition(os.sep)
    return f"{folder}{slash}.{name}.{socket.gethostname()}.{os.getpid()}.{os.urandom(4).hex()}"


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)  # noqa: PTH108
