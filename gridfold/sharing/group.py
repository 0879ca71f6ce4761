"""The trials that a process stands for: it goes on with those that see the same.

One process calls a trainer with a config that stands for all remaining trials (see ``gridfold.sharing.mapping``). The
first read of something in which they differ calls ``split``, which says with which trials this process goes on;
everything else narrows to them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from sys import getrefcount
from typing import Any

from gridfold.sharing.call_site import place
from gridfold.sharing.columns import Observation
from gridfold.sharing.disguise import teach_picklers
from gridfold.sharing.mapping import combine
from gridfold.sharing.tracking import WHOLE, Tracking, settle

Split = Callable[[str, list[tuple[int, ...]], str], tuple[int, ...]]


class Group:
    """The trials that a process stands for, and their config.

    Attributes:
        config: stands for their configs.
        trials: positions of those that are left.
        reads: for each split that this process has gone through, the path that was read and where.
        unread: of the paths at which trials differed when they were separated, those that nobody has read until now.
        asked: paths of which a question was asked.
    """

    def __init__(self, configs: Sequence[Mapping[str, Any]], split: Split) -> None:
        """Combine configs.

        Args:
            configs: plain YAML data, one mapping for each trial, at least one; they are neither kept nor changed.
            split: called with the path that was read, the groups of trials that see the same there (at least two, in
                order of their first trials) and the place in the code, such as ``train.py:12``. Gives the group with
                which this process goes on.
        """
        if not configs:
            raise ValueError("a group needs at least one trial")
        self.trials = tuple(range(len(configs)))
        self.reads: list[tuple[str, str]] = []
        self.unread: set[str] = set()
        self.asked: set[str] = set()
        self._split = split
        self._mappings: list[Tracking] = []
        self._plain: list[Callable[[], object]] = []
        self._room = 1000  # for more, see which are still in use
        teach_picklers()
        self.config = combine(self, configs)
        self.become_plain()

    def add(self, mapping: Tracking) -> None:
        """Let a mapping narrow with the others."""
        if len(self._mappings) >= self._room:
            self._room = 2 * len(self._in_use()) + 1000
        self._mappings.append(mapping)

    def _in_use(self) -> list[Tracking]:
        """The mappings, without those that only this list still has."""
        unused = Tracking(self, {}, "", frozenset())
        spare = getrefcount(unused.mapping)
        before, self._mappings = self._mappings, []
        for each in before:
            if getrefcount(each.mapping) > spare:
                self._mappings.append(each)
            else:
                each.let_go()
        return self._mappings

    def agree(self, path: str, observe: Observation) -> None:
        """Go on with trials for which ``observe`` gives the same."""
        groups: dict[Hashable, list[int]] = {}
        for trial in self.trials:
            groups.setdefault(observe(trial), []).append(trial)
        if len(groups) > 1:
            self._go_on(path, [tuple(group) for group in groups.values()])

    def separate(self, path: str) -> None:
        """Go on with one trial, which goes on to watch what of it is read."""
        if len(self.trials) > 1:
            unread = self._unread()
            self._go_on(path, [(trial,) for trial in self.trials], unread)

    def settle(self) -> None:
        """Split over everything in which trials differ, and watch no longer what is read."""
        self.unread.clear()
        settle(self._in_use(), WHOLE)
        self.become_plain()

    def _unread(self) -> set[str]:
        """The paths at which trials differ.

        Of paths at which they differ alike, such as those of an alias, none: to read one of them is to read all.
        """
        found: dict[str, tuple[int, ...]] = {}
        for mapping in filter(_is_watched, self._in_use()):
            for key, column in mapping.columns.items():
                codes = [column.code(trial) for trial in self.trials]
                found[mapping.at(key)] = tuple(map(codes.index, codes))
        alike = Counter(found.values())
        return {path for path, codes in found.items() if alike[codes] == 1 and path not in self.asked}

    def saw(self, path: str) -> None:
        """Note a read after the trials were separated."""
        if path in self.unread:
            self.unread.discard(path)
            self.become_plain()

    def _go_on(self, path: str, groups: list[tuple[int, ...]], unread: set[str] | None = None) -> None:
        before, where = self.trials, place()
        chosen = tuple(self._split(path, groups, where))
        if self.trials is not before:
            raise RuntimeError(f"the config was split again while it was being split over {path}")
        if chosen not in groups:
            raise ValueError(f"split over {path} gave {chosen}, which is none of {groups}")
        self.reads.append((path, where))
        self.trials = chosen
        self.unread = unread or set()
        for mapping in list(self._in_use()):
            mapping.narrow()
        self.become_plain()

    def become_plain(self) -> None:
        """Where nothing is left to see, let the mappings be what they stand for."""
        if any(mapping.is_open for mapping in self._in_use()):
            return
        mappings, self._mappings = self._mappings, []
        for mapping in mappings:
            if self.unread and mapping.is_watched:
                self._mappings.append(mapping)
            else:
                mapping.end()
        while self._plain:
            self._plain.pop()()

    def when_plain(self, do: Callable[[], object]) -> None:
        """Do something as soon as the trials that are left differ in nothing that is known of them."""
        self._plain.append(do)


def _is_watched(mapping: Tracking) -> bool:
    return mapping.is_watched
