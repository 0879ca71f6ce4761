"""A search: where plan, store, schedule and executor meet."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from gridfold.config.config import Config
from gridfold.config.overrides import from_mapping
from gridfold.config.render import Renderer
from gridfold.core.errors import ConfigError
from gridfold.core.logs import logger
from gridfold.core.process.identity import new_session
from gridfold.core.process.interrupt import Interrupt
from gridfold.executors.protocol import Executor, Options, SafeWatcher, Watcher
from gridfold.executors.registry import start
from gridfold.records.objective import Objective
from gridfold.records.trials import write_results
from gridfold.runs.entries import RunEntry
from gridfold.runs.failure import is_disk_full
from gridfold.runs.names import check_prefix
from gridfold.runs.record import Record, code_of, now
from gridfold.runs.run import Attempt, Run
from gridfold.runs.search import SearchDirectory
from gridfold.runs.store import Store
from gridfold.runs.workers import Workers
from gridfold.search.checkpoints import KeepBest
from gridfold.search.directories import create, relist
from gridfold.search.execution import check_parallel
from gridfold.search.job_end import JobEnd
from gridfold.search.loop import Policy, Schedule, is_of, misses
from gridfold.search.more_runs import proposer_of
from gridfold.search.outside import Outside
from gridfold.search.pending import Pending
from gridfold.search.plan import Plan
from gridfold.search.pruning import SearchPruner
from gridfold.search.said import plan_said
from gridfold.search.warnings import number_like


class Silent:
    """A watcher that shows nothing but warnings."""

    def running(self, run: Run) -> None:
        """Nothing."""

    def waits(self, run: Run) -> None:
        """Nothing."""

    def ended(self, run: Run, record: Record, *, again: bool = False) -> None:
        """Nothing."""

    def added(self, entries: Sequence[RunEntry]) -> None:
        """Nothing."""

    def warned(self, sentence: str) -> None:
        """Log it."""
        logger().warning(sentence)


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


class HyperParamSearch:
    """Every combination of the values that a config, or the caller, gives.

    Example::

        search = HyperParamSearch("config/mlp_hyperparam_config.yaml")
        run_dirs = search.run_grid_search(run_prefix="experiment")

    Args:
        config: path of a YAML file, or a mapping. A list in it is varied (see ``gridfold.config.config.Config``).
        runs_dir: the folder for the runs; created if it is not there.
        vary: dotted paths of the lists of the config that vary, or of sections that hold them; no others do (default:
            the config's, or all).
        trainer: what trains: a function, also one of a notebook, ``module:function``, or a command as a list of its
            arguments (default: the config's, or the ready trainer).
        metric: what runs are compared by (default: the config's, or the first that a run has).
        maximize: whether more of it is better (default: the config's, or by its name).

    Raises:
        ConfigError: the config cannot be read, or the trainer is none.
    """

    def __init__(
        self,
        config: str | os.PathLike[str] | Mapping[str, Any],
        runs_dir: str | os.PathLike[str] = "runs",
        *,
        vary: Sequence[str] | None = None,
        trainer: Callable[..., Any] | str | Sequence[str] | None = None,
        metric: str | None = None,
        maximize: bool | None = None,
    ) -> None:
        self.config = Config.load(config).override(vary=vary, metric=metric, maximize=maximize)
        self.store = Store(runs_dir)
        self.trainer = trainer
        if trainer is not None:
            from gridfold.trainers import saved  # it imports cloudpickle

            saved.check(trainer)

    def run_grid_search(  # noqa: PLR0913 - what a user may say
        self,
        param_variations: Mapping[str, Any] | None = None,
        run_prefix: str = "run",
        execute: bool = False,  # noqa: FBT001, FBT002 - the documented signature
        parallel: int = 1,
        *,
        repeats: int | None = None,
        folds: int | None = None,
        max_runs: int | None = None,
        keep_going: bool = False,
        link: Sequence[Sequence[str]] = (),
        exclude: Sequence[str] = (),
        when: Mapping[str, str] = MappingProxyType({}),
        add: Sequence[Mapping[str, Any]] = (),
        strategy: str | Mapping[str, Any] | None = None,
        prune: str | Mapping[str, Any] | None = None,
        learn_from: str | Sequence[str] = (),
    ) -> Sequence[Path]:
        """Create a run directory with its config for every combination, and execute the runs if asked to.

        Args:
            param_variations: dotted path to its values, laid over what varies in the config: a path given here takes
                these values instead (one value pins it); other lists of the config still vary. ``+path`` adds a path.
                A range is `gridfold.log` and the like, or the same in words: ``{"log": [1e-6, 1e-3]}``.
            run_prefix: what the names of the directories begin with.
            execute: run them too; a run that fails is recorded, the others go on.
            parallel: how many runs at a time.
            repeats: how many runs of different seeds each combination has (default: the config's, or 1).
            folds: into how many parts to split the training data, each of which is held out in a run of its own
                (default: the config's, or not at all).
            max_runs: how many runs there may be (default: the config's, or 10,000).
            keep_going: go on although the first runs all fail alike, or the first has nothing to be compared by.
            link: groups of dotted paths that vary together, value by value; like the next three beside the config's.
            exclude: conditions; a combination of which one holds is left out.
            when: for a dotted path the condition under which it varies; else it keeps its first value.
            add: more combinations, by the values of some paths; the others have their first values.
            strategy: how trials are chosen: its name, or a mapping such as ``{"name": "tpe", "trials": 60, "seed": 0}``
                (default: the config's, or all combinations).
            learn_from: earlier searches by whose results a strategy chooses, too.
            prune: how runs that do worse than others wait: ``asha``, ``hyperband`` or ``median``, or a mapping such as
                ``{"name": "asha", "min": 1, "eta": 3}`` (default: the config's, or not at all).

        Returns:
            The run directories, last parameter fastest; all of the first repeat before those of the next. With a
            strategy that lists runs while it goes on, those that it begins with.

        Raises:
            ConfigError: bad input, and nothing was created; or the first run has nothing to be compared by.
            KeyboardInterrupt: it was stopped; ``gridfold resume`` continues it.
        """
        config = self.config.override(repeats=repeats, folds=folds, max_runs=max_runs, strategy=strategy, prune=prune)
        config = config.adding(link=link, exclude=exclude, when=when, add=add)
        check_parallel(parallel)
        check_prefix(run_prefix)
        plan = planned(config, param_variations or {}, self.trainer, self.store, learn_from)
        for warning in number_like(plan):
            logger().warning(warning)
        if not execute:
            return create(plan, run_prefix, self.store)[1]
        options = Options(plan.config.threads, parallel, runs_per_gpu=0)
        return self._execute(plan, run_prefix, options, keep_going=keep_going)

    def _execute(self, plan: Plan, run_prefix: str, options: Options, *, keep_going: bool) -> Sequence[Path]:
        with start(plan.executor, options) as executor:
            code = plan.check(executor)
            search, run_dirs = create(plan, run_prefix, self.store, code)
            policy = Policy(keep_going=keep_going, objective=Objective.said(search.facts()))
            pending = Pending.read(search, code.fingerprint, proposer_of(search))
            outcome = execute_search(pending, executor, Silent(), policy)
        if outcome.interrupted:
            raise KeyboardInterrupt
        if outcome.asks:
            hint = f"in Python: keep_going=True; when it is clear: gridfold resume {search.name}"
            raise ConfigError(outcome.stopped, where=search.name, hint=hint)
        return run_dirs


def planned(
    config: Config, variations: Mapping[str, Any], trainer: Any, store: Store, learn_from: str | Sequence[str] = ()
) -> Plan:
    """The plan of a search by a trainer that may be a function; if that is in no module, it is saved now.

    Args:
        config: the base config.
        variations: what is laid over it.
        trainer: see `HyperParamSearch`.
        store: where the runs will be.
        learn_from: names of earlier searches (see `Plan`).

    Raises:
        ConfigError: bad input; nothing was created.
    """
    names = [learn_from] if isinstance(learn_from, str) else learn_from
    plan = plan_said(config, from_mapping(variations)).learning_from(names, store)
    plan.check_size()
    plan.check_end()
    if trainer is None:
        return plan
    from gridfold.trainers import saved  # it imports cloudpickle

    plan.space  # noqa: B018 - errors before a function is saved
    return replace(plan, config=config.override(trainer=saved.name_of(trainer, store.root)))


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
    outside, schedule, end = Outside(search), _schedule(pending, policy), policy.end

    def is_over() -> bool:
        if end and end.has_come():
            interrupt.request()
        return schedule.is_over()

    interrupt = Interrupt(is_over, end.grace_of) if end else Interrupt(is_over)
    pruner = _pruner(pending, schedule, executor)
    failed, unrecorded = 0, []
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
                failed += record.is_final and not record.is_done and not again and is_of(record, attempt)
                if _is_unrecorded(attempt.run, record):
                    unrecorded.append((attempt.run, record))
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
    by_signal, unmeasured = interrupt.by_signal, schedule.unmeasured
    return SearchOutcome(
        failed, stopped, by_signal, unrecorded, schedule.choices, unmeasured, following, aborted=schedule.aborts
    )


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


def _schedule(pending: Pending, policy: Policy) -> Schedule:
    search, objective = pending.search, None if policy.keep_going else policy.objective
    schedule = Schedule(pending, policy, has_completed=lambda: _has_completed(search))
    if objective and pending.completed and (first := _first_measured(pending, objective)):
        schedule.measured(*first)
    return schedule


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


def stopped_for(pending: Pending, policy: Policy) -> Schedule:
    """Whether a search stops for want of what its runs are compared by, as each of its workers would."""
    schedule = Schedule(pending, policy)
    objective = None if policy.keep_going else policy.objective
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
    record = replace(record, cwd=config.cwd, patterns=config.metrics)
    record = replace(record, data_fold=[config.fold.index, config.fold.count] if config.fold else None)
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
