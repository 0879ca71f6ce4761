"""The searches of a folder that pages look at: each is watched while somebody looks, and a little longer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gridfold.core.errors import ConfigError
from gridfold.runs.search import SearchDirectory
from gridfold.runs.store import Store
from gridfold.show.serve.actions import Actions, command
from gridfold.show.serve.answers import Answers
from gridfold.show.serve.feed import Feed
from gridfold.show.serve.watch import Watch

_IDLE_SECONDS = 60.0
_MOST_WATCHED = 8
_LOOK_SECONDS = 1.0  # between two looks at commands


@dataclass
class Watched:
    """A search that pages look at.

    Attributes:
        search: the search.
        feed: tells them of it.
        answers: the analysis.
        actions: the commands that they have started.
    """

    search: SearchDirectory
    feed: Feed = field(init=False)
    answers: Answers = field(init=False)
    actions: Actions = field(default_factory=Actions)
    _looking: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        self.answers = Answers(str(self.search.dir), lambda version: self.feed.tell("answer", {"version": version}))
        self.feed = Feed(Watch(self.search), self.answers.want)

    def act(self, name: str, said: Mapping[str, Any]) -> dict[str, Any]:
        """Start a command, and tell all pages of it now and when it is over.

        Raises:
            ConfigError: the page says something that no command is made of.
            OSError: no process can be started.
        """
        self.actions.start(name, command(name, self.search, said))
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        return self.actions.document()[-1]

    async def _look(self) -> None:
        told: list[dict[str, Any]] = []
        while not self.actions.are_over or told != self.actions.document():
            if told != (told := self.actions.document()):
                self.feed.tell("actions", told)
            await asyncio.sleep(_LOOK_SECONDS)

    @property
    def is_idle(self) -> bool:
        """Whether nobody looks at it, and nothing that was started here goes on."""
        is_quiet = time.monotonic() - self.feed.idle > _IDLE_SECONDS
        return not self.feed.listeners and is_quiet and self.actions.are_over

    def close(self) -> None:
        """Look no longer."""
        self.feed.close()
        self.answers.close()


class Searches:
    """The searches of a folder, or one alone.

    Args:
        store: the folder.
        only: the search that is shown, if not all are.

    Attributes:
        root: the folder of the runs.
    """

    def __init__(self, store: Store, only: SearchDirectory | None = None) -> None:
        self.store = store
        self.only = only
        self.root = only.dir.parent if only else store.root
        self._watched: dict[str, Watched] = {}
        self._closing: asyncio.Task[None] | None = None

    def watched(self, name: str) -> Watched | None:
        """A search by its name, which is that of a directory in the folder; None if there is none."""
        if name in self._watched:
            return self._watched[name]
        search = self._found(name)
        if search is None:
            return None
        self._make_room()
        found = self._watched[name] = Watched(search)
        if self._closing is None or self._closing.done():
            self._closing = asyncio.create_task(self._close_idle())
        return found

    async def _close_idle(self) -> None:
        """Watch no longer what nobody looks at."""
        while self._watched:
            await asyncio.sleep(_IDLE_SECONDS / 4)
            for name in [name for name, each in self._watched.items() if each.is_idle]:
                self._close(name)

    def close(self) -> None:
        """Watch nothing any more."""
        for name in [*self._watched]:
            self._close(name)

    def _found(self, name: str) -> SearchDirectory | None:
        if self.only and self.only.name == name:
            return self.only
        if self.only or not name or name.startswith(".") or {"/", "\\", "\0"} & {*name}:
            return None
        try:
            found = self.store.find(name)
        except ConfigError:
            return None
        return found if found.name == name and found.dir.parent == self.store.root else None

    def _make_room(self) -> None:
        """Close what was looked at longest ago, if there is too much."""
        idle = [name for name, each in self._watched.items() if not each.feed.listeners and each.actions.are_over]
        if len(self._watched) >= _MOST_WATCHED and idle:
            self._close(min(idle, key=lambda name: self._watched[name].feed.idle))

    def _close(self, name: str) -> None:
        self._watched.pop(name).close()
