"""How a search stands as a whole: what it is compared by, who executes it, how long it takes, what can be done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from gridfold.core.errors import ConfigError
from gridfold.core.process.identity import Owner
from gridfold.core.process.liveness import SILENT_SECONDS
from gridfold.core.process.monitor import ChangeMonitor
from gridfold.records.objective import is_finite
from gridfold.runs.search import SearchDirectory
from gridfold.runs.workers import Workers, heart_of
from gridfold.search.status import to_be_named

DONE = ("completed", "stopped")
_MOST_HOSTS = 8


@dataclass
class Standing:
    """What ``search.json`` and the heartbeats of a search's processes say.

    Attributes:
        search: the search.
        facts: what it says of itself; empty if that cannot be read.
        problem: why it cannot.
        unlisted: why the list of its runs cannot be read.
        hosts: the machines on which processes execute its runs.
        parallel: how many runs these execute at a time.
    """

    search: SearchDirectory
    facts: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""
    unlisted: str = ""
    hosts: tuple[str, ...] = ()
    parallel: int = 0
    _more: int = 0  # runs that its strategy has still to name
    _hearts: ChangeMonitor = field(default_factory=ChangeMonitor)

    @property
    def is_alive(self) -> bool:
        """Whether a process is at it."""
        return bool(self.hosts)

    def read_facts(self) -> None:
        """Read ``search.json``."""
        try:
            self.facts, self.problem = self.search.facts(), ""
        except ConfigError as error:
            self.problem = str(error)

    def count(self, listed: int) -> None:
        """See how many runs it will have, of which some are listed."""
        self._more = 0
        with suppress(ConfigError):
            self._more = to_be_named(self.search, listed)

    def look(self) -> None:
        """See who executes it now."""
        found = [(owner, said) for said in Workers(self.search.dir).all() if (owner := self._living(said))]
        self.hosts = tuple(dict.fromkeys(owner.host for owner, _ in found))[:_MOST_HOSTS]
        numbers = (said.get("parallel") for _, said in found)
        self.parallel = sum(each for each in numbers if isinstance(each, int))

    def document(self, states: Counter[str], seconds: float, metric: str, *, maximize: bool) -> dict[str, Any]:
        """What a page shows of it.

        Args:
            states: how many runs are in each state.
            seconds: that the runs took which are done.
            metric: what they are compared by.
            maximize: whether more of it is better.
        """
        known = {state: count for state, count in states.items() if count}
        known |= {"not named yet": self._more} if self._more else {}
        total, done = sum(known.values()), sum(states[state] for state in DONE)
        left = total - done - states["failed"]
        running = states["running"]
        takes = seconds / done * left / running if done and running else None
        return {
            "name": self.search.name,
            "metric": metric,
            "maximize": maximize,
            "total": total,
            "states": known,
            "left_seconds": round(takes) if is_finite(takes) else None,
            "created": self.facts.get("created"),
            "started": self.facts.get("started"),
            "ended": self.facts.get("ended"),
            "host": ", ".join(self.hosts),
            "parallel": self.parallel,
            "is_alive": self.is_alive,
            "warnings": list(self.facts.get("warnings", {}).values()),
            "problem": self.problem or self.unlisted,
            "can": {
                "stop_run": running > 0,
                "stop": self.is_alive,
                "retry": states["failed"] > 0,
                "resume": left > 0 and not self.is_alive,
                "more": done > 0 and bool(metric),
            },
        }

    def _living(self, said: Mapping[str, Any]) -> Owner | None:
        """The process of a heartbeat; None if it is dead, or cannot be asked and its heart does not beat.

        An engine is not asked, for that would cost it something every few seconds.
        """
        heart = heart_of(str(self.search.dir), str(said.get("session")))
        owner = Owner.of(said.get("host"), said.get("pid"), said.get("process"))
        if owner is None or owner.life == "dead":
            return None
        is_quiet = owner.life != "alive" and self._hearts.quiet(heart) >= SILENT_SECONDS
        return None if is_quiet else owner
