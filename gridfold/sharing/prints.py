"""Printing arguments in which runs differ, as many scripts do first of all: each run prints its own, later.

Where ``print`` is given what stands for many runs, a mark is printed. What is printed for all is kept until a process
stands for one run: then the text of that run takes the place of the mark.
"""

from __future__ import annotations

import argparse
import builtins
import enum
import os
import re
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import PurePath
from types import BuiltinFunctionType, FunctionType
from typing import Any

from gridfold.sharing.columns import SCALARS
from gridfold.sharing.group import Group
from gridfold.sharing.mapping import SharedDict
from gridfold.sharing.shared_list import SharedList
from gridfold.sharing.shared_object import shared_attributes

_PRINTED_AS_THEY_ARE = (bytes, PurePath, enum.Enum, FunctionType, BuiltinFunctionType, type)


class CannotBeKeptError(Exception):
    """What is printed cannot be told without a look at what differs, or does more than print."""


class Prints:
    """What is printed of that in which runs differ, until it is told to stop.

    Args:
        group: the trials.
        is_kept: whether what is written to a descriptor is kept.
    """

    def __init__(self, group: Group, is_kept: Callable[[int], bool]) -> None:
        self._group, self._is_kept = group, is_kept
        self._mark = f"\0{os.urandom(16).hex()}:"
        self._texts: list[Mapping[int, bytes]] = []
        self._print = builtins.print
        builtins.print = self._watched()

    def stop(self) -> None:
        """Print at once from now on."""
        builtins.print = self._print

    def of(self, trial: int, printed: bytes) -> bytes:
        """What a trial has printed."""
        pattern = re.escape(self._mark.encode()) + rb"(\d+)\0"
        return re.sub(pattern, lambda found: self._texts[int(found[1])][trial], printed) if self._texts else printed

    def replace_held(self, trial: int) -> None:
        """The same for what streams hold and have not written: they go on to hold it."""
        for stream in (sys.__stdout__, sys.__stderr__) if self._texts else ():
            with suppress(AttributeError, ValueError):  # it is closed, or there is none
                if held := _taken_from(stream):
                    stream.buffer.write(self.of(trial, held))  # type: ignore[union-attr]

    def _watched(self) -> Any:
        original = self._print

        def watched(*values: Any, **options: Any) -> None:
            if len(self._group.trials) > 1 and any(map(_is_shared, values)):
                try:
                    mark = self._keep(values, **options)
                except (CannotBeKeptError, TypeError, ValueError):
                    mark = ""
                if mark:
                    values, options = (mark,), {**options, "end": ""}
            original(*values, **options)

        watched.__name__ = watched.__qualname__ = "print"
        return watched

    def _keep(
        self, values: tuple[Any, ...], sep: str | None = None, end: str | None = None, file: Any = None, **_: Any
    ) -> str:
        stream: Any = sys.stdout if file is None else file
        if stream is None or stream not in (sys.__stdout__, sys.__stderr__) or not self._is_kept(stream.fileno()):
            raise CannotBeKeptError
        between, after = " " if sep is None else sep, "\n" if end is None else end
        texts: dict[int, bytes] = {}
        for trial in self._group.trials:
            words = [str(_plain(value, trial)) for value in values]
            texts[trial] = f"{between.join(words)}{after}".encode(stream.encoding, stream.errors)
        self._texts.append(texts)
        return f"{self._mark}{len(self._texts) - 1}\0"


def _taken_from(stream: Any) -> bytes:
    """What a stream holds and has not written."""
    descriptor = stream.fileno()
    before, memory = os.dup(descriptor), os.memfd_create("held")
    os.dup2(memory, descriptor)
    try:
        stream.flush()
        return os.pread(memory, os.fstat(memory).st_size, 0)
    finally:
        os.dup2(before, descriptor)
        os.close(before)
        os.close(memory)


def _is_shared(value: Any) -> bool:
    return type(value) in (SharedDict, SharedList) or shared_attributes(value) is not None


def _plain(value: Any, trial: int) -> Any:
    """What a value is for a trial, if its text depends on nothing else."""
    kind = type(value)
    if kind in SCALARS or isinstance(value, _PRINTED_AS_THEY_ARE):
        return value
    if kind in (list, tuple):
        return kind(_plain(item, trial) for item in value)
    if kind is SharedList:
        return [_plain(item, trial) for item in value._tracking.of(trial)]
    if kind in (dict, SharedDict):
        items = value._tracking.items_of(trial) if kind is SharedDict else value.items()
        if items is not None:
            return {key: _plain(item, trial) for key, item in items}
    elif (attributes := shared_attributes(value)) is not None and _prints_attributes(value.__class__):
        plain = object.__new__(value.__class__)
        vars(plain).update(_plain(attributes, trial))
        return plain
    raise CannotBeKeptError


def _prints_attributes(kind: Any) -> bool:
    """Whether the text of an object is that of its attributes."""
    written = getattr(kind.__repr__, "__wrapped__", None)
    by_dataclass = written is not None and written.__code__.co_filename == "<string>"
    return kind.__str__ is object.__str__ and (kind is argparse.Namespace or by_dataclass)
