"""Executing what is left of a search: its schedule, the executor and those who watch; and a run of no search."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gridfold.config.render import Renderer
from gridfold.core.errors import ConfigError
from gridfold.core.logs import logger
from gridfold.core.process.identity import new_session
from gridfold.core.process.interrupt import Interrupt
from gridfold.executors.protocol import Executor, SafeWatcher, Watcher
from gridfold.records.objective import Objective
from gridfold.records.trials import write_results
from gridfold.runs.failure import is_disk_full
from gridfold.runs.record import Record, code_of, now
from gridfold.runs.run import Attempt, Run
from gridfold.runs.search import SearchDirectory
from gridfold.runs.workers import Workers
from gridfold.search.checkpoints import KeepBest
from gridfold.search.directories import relist
from gridfold.search.job_end import JobEnd
from gridfold.search.loop import Policy, Schedule, is_of, misses
from gridfold.search.outside import Outside
from gridfold.search.pending import Pending
from gridfold.search.plan import Plan
from gridfold.search.pruning import SearchPruner


@dataclass(frozen=True)
class SearchOutcome:
    """How the execution of a search ended.

    Attributes:
        failed: how many runs failed in it, or were interrupted.
        stopped: why it ended although runs are left; "" if none are, or a signal ended it.
        interrupted: whether a signal ended it.
        unrecorded: the runs that failed and whose directories do not say so, because they cannot be written.
        choices: the metrics of which somebody has to name one before the search goes on.
        unmeasured: the first completed run, if it has nothing to be compared by.
        following: in a job of an engine: what goes on where it ended.
        aborted: whether that holds for whoever else executes the search, such as that a run failed with `fail_fast`.
    """

    failed: int
    stopped: str
    interrupted: bool
    unrecorded: list[tuple[Run, Record]]
    choices: Sequence[str] = ()
    unmeasured: tuple[Run, Record] | None = None
    following: str = ""
    aborted: bool = False

    @property
    def asks(self) -> bool:
        """Whether it ended because nothing tells what runs are compared by."""
        return bool(self.choices or self.unmeasured)


def execute_search(
    pending: Pending,
    executor: Executor,
    watcher: Watcher,
    policy: Policy = Policy(),  # noqa: B008 - it is frozen
    keep: KeepBest | None = None,
) -> SearchOutcome:
    """Execute what is left to do of a search; in the end, write ``results.csv``.

    Raises:
        OSError, ConfigError: a run could not be made, or listed; those under way were brought to their end.
    """
    search = pending.search
    watcher = SafeWatcher(watcher, search.log)
    pending.on_added.append(watcher.added)
    facts = search.facts()
    search.update(started=facts.get("started") or now(), codes=_codes(facts, pending.code))
    search.log(f"process {os.getpid()} starts on {len(pending)} runs")
    outside, schedule, end = Outside(search), schedule_of(pending, policy), policy.end

    def is_over() -> bool:
        if end and end.has_come():
            interrupt.request()
        return schedule.is_over()

    interrupt = Interrupt(is_over, end.grace_of) if end else Interrupt(is_over)
    pruner = _pruner(pending, schedule, executor)
    heard = _Heard()
    session = getattr(executor, "session", "") or new_session()
    pending.share_with(session)
    pending.places, pending.asleep = executor.parallel, lambda: getattr(executor, "asleep", 0)
    beating = Workers(search.dir).beating(session, pending.asks, executor.parallel, interrupt.cancel)
    with interrupt.listening(), beating:
        try:
            for attempt, found in _executed(executor, schedule, watcher, interrupt, pruner):
                again = schedule.ended(attempt, found)
                record = end.judge(attempt, found) if end else found
                watcher.ended(attempt.run, record, again=again)
                outside.look(record, watcher)
                search.log(_line(record, attempt))
                heard.ended(attempt, record, again=again)
                if keep:
                    keep.ended(attempt.run, record)
                if schedule.aborts:
                    interrupt.request()
            outside.end(watcher)
        finally:
            following = _leave(pending, end, interrupt.signal, has_begun=schedule.has_begun) if end else ""
            unwritten = _finish(search)
            stopped = schedule.stopped or unwritten
            search.log(f"process {os.getpid()} ends{f': {stopped}' if stopped else ''}")
    if schedule.error:
        raise schedule.error
    return SearchOutcome(
        heard.failed,
        stopped,
        interrupt.by_signal,
        heard.unrecorded,
        schedule.choices,
        schedule.unmeasured,
        following,
        aborted=schedule.aborts,
    )


@dataclass
class _Heard:
    """What came of the attempts of a search that have ended.

    Attributes:
        failed: how many failed, or were interrupted, and are not tried again.
        unrecorded: the failures that cannot be read in the directory of their run.
    """

    failed: int = 0
    unrecorded: list[tuple[Run, Record]] = field(default_factory=list)

    def ended(self, attempt: Attempt, record: Record, *, again: bool) -> None:
        self.failed += record.is_final and not record.is_done and not again and is_of(record, attempt)
        if _is_unrecorded(attempt.run, record):
            self.unrecorded.append((attempt.run, record))


def _pruner(pending: Pending, schedule: Schedule, executor: Executor) -> SearchPruner | None:
    """What says which runs go on, if the search prunes.

    Raises:
        ConfigError: runs cannot wait here.
    """
    search, policy = pending.search, schedule.policy
    has_time = policy.budget is None and policy.end is None
    pruner = SearchPruner.of(search, finishes=policy.finishes, has_time=has_time)
    if pruner is None:
        return None
    if not getattr(executor, "prunes", False) or sys.platform != "linux":
        hint = "leave out --prune, or use: --executor local (on Linux)"
        raise ConfigError("this executor cannot let runs wait, which --prune needs", where=search.name, hint=hint)
    pruner.awaits = lambda: schedule.awaits_more
    pending.on_over.append(pruner.heard)
    return pruner


def _executed(
    executor: Executor, schedule: Schedule, watcher: Watcher, interrupt: Interrupt, pruner: SearchPruner | None
) -> Iterator[tuple[Attempt, Record]]:
    if pruner is None:  # executors that cannot let runs wait need not know of it
        yield from executor.execute(schedule, watcher, interrupt)
        return
    for attempt, record in executor.execute(schedule, watcher, interrupt, pruner):
        pruner.ended(attempt.run, record)
        yield attempt, record


def _leave(pending: Pending, end: JobEnd, number: int, *, has_begun: bool) -> str:
    """Let another job go on, if that is to be; what to say of it."""
    said = end.leave(number, lambda: pending.is_left, has_begun=has_begun)
    if said:
        pending.search.log(f"process {os.getpid()}: {said}")
    return said


def _first_measured(pending: Pending, objective: Objective) -> tuple[Run, Record] | None:
    """The first completed run that has what runs are compared by; if none has, the first that this code made."""
    search, without = pending.search, None
    facts = search.facts()
    for entry, record in search.records():
        if record is None or not record.is_done:
            continue
        run = Run(search.dir.parent / (record.reused or entry.run))
        if not misses(objective, run, record):
            return run, record
        if without is None and code_of(record, facts) == pending.code:
            without = run, record
    return without


def schedule_of(pending: Pending, policy: Policy) -> Schedule:
    """What comes next in a search; it is stopped already if its runs have nothing to be compared by."""
    search, objective = pending.search, None if policy.keep_going else policy.objective
    schedule = Schedule(pending, policy, has_completed=lambda: _has_completed(search))
    if objective and pending.completed and (first := _first_measured(pending, objective)):
        schedule.measured(*first)
    return schedule


def _has_completed(search: SearchDirectory) -> bool:
    return any(record is not None and record.is_done for _, record in search.records())


def _codes(facts: Mapping[str, Any], code: str | None) -> list[str]:
    """Fingerprints of all code that runs of a search were executed with, the present one last."""
    before = [facts.get("fingerprint"), *facts.get("codes", ())]
    return [*dict.fromkeys(each for each in before if each and each != code), *([code] if code else [])]


def _is_unrecorded(run: Run, record: Record) -> bool:
    """Whether a failure cannot be read in its run's directory; a full disk is the search's failure, not the run's."""
    is_full = is_disk_full(record.error or {}, run.dir.parent)
    return record.state == "failed" and not is_full and run.read() is None


def _finish(search: SearchDirectory) -> str:
    """Write what a search says in the end; why it cannot, "" if it can."""
    try:
        relist(search)
        write_results(search)
        search.update(ended=now(), runs=sum(1 for _ in search.entries()))
    except (OSError, ConfigError) as error:
        return f"its results cannot be written: {error}"
    return ""


def execute_run(run: Run, plan: Plan, code: str, executor: Executor, watcher: Watcher) -> Record:
    """Execute one run that belongs to no search.

    Args:
        run: the run.
        plan: its config, and what trains.
        code: the fingerprint of that.
        executor: executes it.
        watcher: sees it.

    Raises:
        KeyboardInterrupt: it was stopped.
    """
    config, identity = plan.config, Renderer(plan.config, plan.variations).identity({})
    record = Record(identity, 0, None, {}, plan.trainer, config.run_seed, config.threads, attempt=1, code=code)
    fold = [config.fold.index, config.fold.count] if config.fold else None
    record = record.changed(cwd=config.cwd, patterns=config.metrics, data_fold=fold)
    watcher = SafeWatcher(watcher, logger().warning)
    interrupt = Interrupt()
    with interrupt.listening():
        for _, ended in executor.execute([Attempt(run, record)], watcher, interrupt):
            record = ended
            watcher.ended(run, record)
    if interrupt.requests:
        raise KeyboardInterrupt
    return record


def _line(record: Record, attempt: Attempt) -> str:
    said = f": {record.error['type']}: {record.error['message']}"[:300] if record.error else ""
    if record.state == "created" or not record.is_final or not is_of(record, attempt):
        return f"run {record.index} is taken by another process"
    return f"run {record.index} attempt {attempt.record.attempt} {record.state} after {record.seconds} s{said}"
