"""What is left to do of a search: which runs, and which attempt at each."""

from __future__ import annotations

import json
import os
import time
from array import array
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from gridfold.core.process.identity import Owner
from gridfold.identity.sources import Sources, changes
from gridfold.runs.entries import RunEntry
from gridfold.runs.record import Record, code_of
from gridfold.runs.run import Attempt, Run
from gridfold.runs.search import SearchDirectory
from gridfold.search.plan import Plan, plan_of, restore

_WAIT_SECONDS = 0.2


@dataclass
class Backlog:
    """The runs of a search that are not done, and what is known of the others.

    Attributes:
        search: the search.
        total: how many runs it has.
        completed: how many are done.
        failed: how many failed, whether they are to be tried again or not.
        held: the runs that other living processes execute, or processes of machines that cannot be asked.
        damaged: the runs whose record cannot be read; they count as not done.
        code: the fingerprint of the code that the others are to be executed with; None if it is not known yet.
        made: with what the completed runs were made, their code and what else they depend on, and how many were.
        longest: how many seconds the longest of them took.
    """

    search: SearchDirectory
    code: str | None = None
    total: int = 0
    completed: int = 0
    failed: int = 0
    held: list[tuple[RunEntry, Owner]] = field(default_factory=list)
    damaged: list[RunEntry] = field(default_factory=list)
    made: Counter[tuple[str | None, str]] = field(default_factory=Counter)
    longest: float = 0.0
    _facts: Mapping[str, Any] = field(default_factory=dict)
    _sessions: set[str] = field(default_factory=set)  # of earlier attempts, of which nothing is left
    _attempts: array[int] = field(default_factory=lambda: array("I"))  # for each run the attempt to make; 0 for none

    @classmethod
    def read(
        cls,
        search: SearchDirectory,
        code: str | None = None,
        *,
        only_failed: bool = False,
        only: Callable[[RunEntry], bool] = lambda _: True,
        gone: Collection[str] = (),
    ) -> Backlog:
        """Look at every run of a search.

        Args:
            search: the search.
            code: what the runs are to be executed with.
            only: leave those for which it says no.
            only_failed: try those again that failed, and leave those that were never tried or were interrupted.
            gone: names of machines and containers that are known to be gone, so that whatever ran there is dead.
        """
        backlog = cls(search, code, _facts=search.facts())
        for entry in search.entries():
            backlog._add(entry, only_failed, gone)
            if not only(entry):
                backlog._attempts[-1] = 0
        return backlog

    def __len__(self) -> int:
        return sum(attempt > 0 for attempt in self._attempts)

    @property
    def made_otherwise(self) -> int:
        """How many completed runs were made by other code, or of other data, as far as that is known."""
        moment = time.monotonic()
        return sum(count for made, count in self.made.items() if self._is_other(*made, moment))

    @property
    def changed(self) -> list[str]:
        """What is not as it was when completed runs were made, in words."""
        moment = time.monotonic()
        known, inputs = self.search.codes(), [Sources.said(json.loads(inputs)) for _, inputs in self.made]
        now = known.get(self.code or "")
        codes = [known[code] for code, _ in self.made if code in known and now]
        found = [word for each in codes if now for word in changes(each, now)]
        return sorted({*found, *(word for each in inputs if each for word in changes(each, each.now(moment)))})

    def _is_other(self, code: str | None, inputs: str, moment: float) -> bool:
        if not code or not self.code:
            return False
        said = Sources.said(json.loads(inputs))
        return code != self.code or bool(said and any(changes(said, said.now(moment))))

    def entries(self) -> Iterator[RunEntry]:
        """The runs that are to be executed."""
        return (entry for entry, attempt in zip(self.search.entries(), self._attempts, strict=False) if attempt)

    def attempts(self) -> Iterator[Attempt]:
        """The attempts to make, each made when it is asked for; those that another process took first are left out."""
        facts = self.search.facts()
        for entry, attempt in zip(self.search.entries(), self._attempts, strict=False):
            if not attempt:
                continue
            run = self.search.run(entry)
            if run.claims.has(attempt):
                continue
            if not os.path.exists(run.config_path):  # noqa: PTH110 - asked for each run
                restore(self.search, self._plan, entry)
            if attempt > 1 and not self._is_clean(run, attempt - 1):
                self.search.log(f"run {entry.index} is left: processes of its attempt {attempt - 1} do not end")
                continue
            yield Attempt(
                run,
                Record(
                    id=entry.id,
                    index=entry.index,
                    search=self.search.name,
                    params=entry.params,
                    trainer=facts["trainer"],
                    seed=facts["seed"] + (0 if facts.get("seed_path") else entry.repeat),
                    threads=facts.get("threads", 1),
                    attempt=attempt,
                    repeat=entry.repeat,
                    data_fold=None if entry.fold is None else [entry.fold, facts.get("folds") or entry.fold + 1],
                    code=self.code,
                ),
            )

    def left_to_others(self, most_seconds: float) -> list[RunEntry]:
        """The runs of `held` that are not done; waits for so long at most for those that are about to be."""
        deadline = time.monotonic() + most_seconds
        while True:
            left = [entry for entry, _ in self.held if not _is_over(self.search.run(entry))]
            if not left or time.monotonic() > deadline:
                return left
            time.sleep(_WAIT_SECONDS)

    def drop(self, index: int) -> None:
        """Take a run off the list, because it is done."""
        self._attempts[index] = 0
        self.completed += 1

    def _is_clean(self, run: Run, attempt: int) -> bool:
        """Whether nothing of an earlier attempt is left; what is, is killed."""
        owner, session = run.claims.owner(attempt), run.claims.session(attempt)
        if owner is None or owner.life != "dead":
            return True
        if session not in self._sessions:
            self._sessions.add(session)
            if search := Owner.of_session(owner.host, session):
                search.kill_marked(session)
        return owner.kill_remains()

    @cached_property
    def _plan(self) -> Plan:
        """What the search was created from: only where a config is to be made again."""
        return plan_of(self.search)

    def _add(self, entry: RunEntry, only_failed: bool, gone: Collection[str]) -> None:  # noqa: FBT001
        run = self.search.run(entry)
        self.total += 1
        record, attempt, owner = run.standing()
        if record and record.is_done:
            self.completed += 1
            self.made[code_of(record, self._facts), json.dumps(record.inputs)] += 1
            self.longest = max(self.longest, record.seconds or 0.0)
            self._attempts.append(0)
            return
        if record is None and run.is_damaged:
            self.damaged.append(entry)
        failed = record is not None and record.state == "failed"
        self.failed += failed
        if owner and not _is_dead(owner, gone):
            self.held.append((entry, owner))
            self._attempts.append(0)
            return
        self._attempts.append(attempt + 1 if failed or not only_failed else 0)


def _is_over(run: Run) -> bool:
    record, attempt, _ = run.standing()
    return record is not None and record.is_final and record.attempt == attempt


def _is_dead(owner: Owner, gone: Collection[str]) -> bool:
    """Whether a process is dead, as far as this machine can tell, or the user said of where it was that it is gone."""
    life = owner.life
    return life == "dead" or (life == "elsewhere" and (owner.host in gone or owner.place in gone))
