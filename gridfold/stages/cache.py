"""The folder ``.stages`` beside the runs: results of stages by their addresses, and the way that leads to each.

At a key there is either a result, or what is to be looked at in the config to get to the next key. Whatever is torn or
unreadable is not there, and a folder that cannot be written keeps nothing: neither is ever an error.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import mmap
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gridfold.core.files import replace_bytes, replace_file
from gridfold.core.logs import logger
from gridfold.stages.packing import Buffer, Classes, NotKeptError, pack, unpack
from gridfold.stages.trace import Question

_RESULT, _QUESTION, _LOCK = ".result", ".question", ".lock"
_MAGIC = b"gridfol2"  # before, results were pickles
_HEAD = struct.Struct("<8sQII")  # the magic, the size of the file, the check sum of what follows, the number of pieces
_ALIGNMENT = 64  # of arrays: what is loaded is where it could have been allocated, and kernels do the same with it


@dataclass(frozen=True)
class Hit:
    """A result; it may be None."""

    value: Any


class Cache:
    """The folder.

    Large arrays of a result are mapped into memory when it is loaded: processes share them, and what one changes in
    place neither reaches the file nor the others.

    Args:
        folder: it need not exist.
        limit: bytes that it may take; what was not used for the longest time goes first, but nothing that a process
            has mapped.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._limit = limit

    @property
    def folder(self) -> str:
        """Where it is."""
        return os.path.abspath(self._folder)  # noqa: PTH100

    def question(self, key: str) -> Question | None:
        """What to look at next at a key."""
        path = self._path(key, _QUESTION)
        try:
            kind, place = json.loads(path.read_bytes())
            question = str(kind), tuple(place)
        except (OSError, ValueError, TypeError, RecursionError):
            return None
        _touch(path)
        return question

    def result(self, key: str, classes: Classes) -> Hit | None:
        """What is kept at a key, a copy for whoever asks."""
        path = self._path(key, _RESULT)
        try:
            with path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH)  # for as long as it is mapped: the mapping holds the file
                box = Hit(_value_of(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY), classes))
        except FileNotFoundError:
            return None
        except Exception as error:  # there is no end to what a file of garbage raises
            logger().warning("%s cannot be read, recomputing it: %s", path.name, _told(error))
            return None
        _touch(path)
        return box

    def lead(self, key: str, question: Question) -> None:
        """Note what to look at next at a key."""
        try:
            text = json.dumps(question)
            if self.question(key) != question:
                replace_file(self._path(key, _QUESTION), text)
        except (OSError, TypeError, ValueError) as error:
            logger().debug("%s is not kept: %s", key, error)

    def put(self, key: str, value: Any, classes: Classes) -> None:
        """Keep a result.

        Raises:
            NotKeptError: it cannot be kept.
        """
        try:
            pieces, size = _file_of(value, classes)
            if size > self._limit:
                raise NotKeptError(f"it has {size} bytes, and the limit is {self._limit}")
            self._folder.mkdir(parents=True, exist_ok=True)
            replace_bytes(self._path(key, _RESULT), pieces)
            self._make_room()
        except (OSError, RecursionError) as error:
            raise NotKeptError(_told(error)) from error

    @contextlib.contextmanager
    def alone(self, key: str) -> Iterator[None]:
        """Be the only process at a key; waits until it is."""
        path = self._path(key, _LOCK)
        lock = self._lock(path)
        try:
            yield
        finally:
            if lock is not None:
                with contextlib.suppress(OSError):
                    if _is_at(path, lock):
                        path.unlink()
                with contextlib.suppress(OSError):
                    # Not only closed: a child that was forked meanwhile, or its parent, may still have it open.
                    fcntl.flock(lock, fcntl.LOCK_UN)
                os.close(lock)

    def _lock(self, path: Path) -> int | None:
        """The locked file; None where no file can be locked."""
        while True:
            lock = None
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
                fcntl.flock(lock, fcntl.LOCK_EX)
                if _is_at(path, lock):
                    return lock
                os.close(lock)  # it was removed by the one who had it
            except OSError:
                if lock is not None:
                    os.close(lock)
                return None

    def _make_room(self) -> None:
        entries = sorted(self._entries())
        size = sum(size for _, size, _ in entries)
        for _, freed, path in entries:
            if size <= self._limit:
                return
            if _remove_unused(path):
                size -= freed

    def _entries(self) -> Iterator[tuple[int, int, str]]:
        """When each file was used last, its size, and its path."""
        for entry in os.scandir(self._folder):
            with contextlib.suppress(FileNotFoundError):  # another process makes room, too
                stat = entry.stat()
                yield stat.st_mtime_ns, stat.st_size, entry.path

    def _path(self, key: str, kind: str) -> Path:
        return self._folder / (key + kind)


def _file_of(value: Any, classes: Classes) -> tuple[list[Buffer], int]:
    """The file of a value in pieces, and its size. Arrays are pieces of their own, not copied."""
    text, buffers = pack(value, classes)
    parts = [memoryview(text.encode()), *(memoryview(buffer) for buffer in buffers)]
    sizes = struct.pack(f"<{len(parts)}Q", *map(len, parts))
    pieces: list[Buffer] = [sizes]
    end = _HEAD.size + len(sizes)
    for part in parts:
        padding = bytes(-end % _ALIGNMENT)
        pieces += [padding, part]
        end += len(padding) + len(part)
    checksum = 0
    for piece in pieces:
        checksum = zlib.crc32(piece, checksum)
    return [_HEAD.pack(_MAGIC, end, checksum, len(parts)), *pieces], end


def _value_of(mapped: mmap.mmap, classes: Classes) -> Any:
    """The value of a file.

    Raises:
        Exception: it is not what was written.
    """
    content = memoryview(mapped)
    if len(content) < _HEAD.size:
        raise ValueError("it is torn")
    magic, size, checksum, count = _HEAD.unpack_from(content)
    if (magic, size, checksum) != (_MAGIC, len(content), zlib.crc32(content[_HEAD.size :])):
        raise ValueError("it is torn")
    end = _HEAD.size + 8 * count
    parts = []
    for length in struct.unpack_from(f"<{count}Q", content, _HEAD.size):
        start = end + -end % _ALIGNMENT
        end = start + length
        parts.append(content[start:end])
    return unpack(bytes(parts[0]), parts[1:], classes)


def _touch(path: Path) -> None:
    """It was used."""
    with contextlib.suppress(OSError):
        os.utime(path)


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _remove_unused(path: str) -> bool:
    """Remove a file that no process has locked; whether it is gone."""
    try:
        with open(path, "r+b") as file:  # noqa: PTH123 - NFS gives this lock only to who may write
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(path)  # noqa: PTH108
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _told(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
