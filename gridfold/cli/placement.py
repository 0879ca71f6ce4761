"""Searches whose runs execute elsewhere: workers are started by an engine, followed from here, and cancelled."""

from __future__ import annotations

import argparse
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gridfold.cli.execution import (
    output_of,
    read_pending,
    reuse_results,
    say_where,
    telling_of_trackers,
    to_the_end,
    warn,
)
from gridfold.config.settings import Settings
from gridfold.core.errors import EXIT_FAILED, ConfigError
from gridfold.core.process.interrupt import Interrupt
from gridfold.core.process.liveness import ENGINE
from gridfold.engines.options import options as options_said
from gridfold.engines.protocol import Order
from gridfold.executors.protocol import SafeWatcher
from gridfold.records.objective import Objective
from gridfold.runs.search import SearchDirectory
from gridfold.runs.store import Store
from gridfold.runs.workers import Workers
from gridfold.search import placement as placed
from gridfold.search.execute import SearchOutcome, schedule_of
from gridfold.search.execution import Execution
from gridfold.search.follow import Follower
from gridfold.search.loop import Policy
from gridfold.search.more_runs import adds_runs
from gridfold.search.pending import Pending
from gridfold.search.placement import Placement
from gridfold.search.tracking import tracked, untracked
from gridfold.show import live, terminal
from gridfold.show import workers as shown
from gridfold.show.plan_table import counted

_FILE = "sbatch-file"
_NOTHING = SearchOutcome(0, "", interrupted=False, unrecorded=[])


@dataclass(frozen=True)
class ByHand:
    """No engine: somebody starts the workers.

    Attributes:
        options: of the command.
    """

    options: argparse.Namespace

    def check(self, threads: int, resources: Mapping[str, Any]) -> None:
        """Nothing."""

    def script(self, search: Path, threads: int, resources: Mapping[str, Any]) -> str:  # noqa: ARG002
        """What would be printed, as markup."""
        return shown.by_hand(SearchDirectory(search))

    def note(self, search: SearchDirectory) -> None:
        """Nothing."""

    def begin(self, pending: Pending, execution: Execution, again: str) -> int:  # noqa: ARG002
        """Say how to start a worker."""
        _prepare(pending, execution, self.options)
        Workers(pending.search.dir).allow()
        output_of(self.options).print(shown.by_hand(pending.search), soft_wrap=True)
        warn(*untracked(pending.search))
        say_where(self.options, pending.search)
        return 0


@dataclass(frozen=True)
class Elsewhere:
    """An engine that starts the workers.

    Attributes:
        placement: which, and how.
        options: of the command.
    """

    placement: Placement
    options: argparse.Namespace

    def check(self, threads: int, resources: Mapping[str, Any]) -> None:
        """Whether workers can be started.

        Raises:
            ConfigError: they cannot; nothing was submitted.
        """
        prefix = Store().root / getattr(self.options, "run_prefix", "run")
        patience = {"patience": 0.0} if self.options.no_check else {}
        warn(*filter(None, [self.placement.start().check(self._order(prefix, threads, resources, **patience))]))

    def script(self, search: Path, threads: int, resources: Mapping[str, Any]) -> str:
        """What would be submitted, as markup."""
        return shown.script(self.placement.start().script(self._order(search, threads, resources)))

    def note(self, search: SearchDirectory) -> None:
        """Let a search know where it executes, for whoever continues it."""
        search.update(on=self.placement.facts)

    def begin(self, pending: Pending, execution: Execution, again: str) -> int:
        """Submit workers for what is left of a search; with ``--wait``, watch them to the end."""
        directory = pending.search
        self.note(directory)
        if living := sum(len(each.living) for each in placed.jobs_of(directory)):
            warn(f"{counted(living, 'job')} of an earlier submission not over yet; these come on top")
        _prepare(pending, execution, self.options)
        if not pending.has_more:
            return to_the_end(directory, lambda: _NOTHING, self.options, again)
        self._submit(pending)
        if not self.options.wait:
            warn(*untracked(directory))
            say_where(self.options, directory)
            return 0
        return to_the_end(directory, lambda: self._follow(pending, execution), self.options, again)

    def _order(self, search: Path, threads: int, resources: Mapping[str, Any], **how: Any) -> Order:
        more = ["--budget", f"{self.options.budget}s"] if self.options.budget else []
        for host in getattr(self.options, "gone", ()):
            more += ["--gone", host]
        return self.placement.order(search, threads, resources, more, **how)

    def _submit(self, pending: Pending) -> None:
        directory, facts = pending.search, pending.search.facts()
        placement = self.placement
        if not adds_runs(facts):
            placement = replace(placement, workers=min(placement.workers, len(pending)))
        order = replace(
            self._order(directory.dir, facts.get("threads", 1), facts.get("resources") or {}), count=placement.workers
        )
        ids = placed.submit(directory, placement, order)
        said = shown.submitted(directory, placement, ids, is_followed=self.options.wait)
        output_of(self.options).print(said, soft_wrap=True)

    def _follow(self, pending: Pending, execution: Execution) -> SearchOutcome:
        directory, facts = pending.search, pending.search.facts()
        policy = replace(execution.policy(), objective=Objective.said(facts))
        view_of = live.live(
            output_of(self.options),
            pending.total,
            pending.completed,
            policy.objective or Objective(),
            self.placement.workers,
            races=bool(facts.get("race")),
        )
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a connection that is lost cancels nothing
        interrupt = Interrupt()
        with view_of as view, interrupt.listening():
            view.warns = policy.keep_going
            with tracked(directory, view, telling_of_trackers(output_of(self.options))) as watcher:
                follower = Follower(directory, SafeWatcher(watcher, directory.log), policy.retries)
                return self._to_the_end(follower, policy, interrupt, pending.code)

    def _to_the_end(self, follower: Follower, policy: Policy, interrupt: Interrupt, code: str | None) -> SearchOutcome:
        """Watch the workers, and start others while that brings runs to an end and nothing says that it should not."""
        directory, before = follower.search, -1
        while True:
            follower.wait(lambda: _are_over(directory), interrupt)
            if interrupt.requests:
                placed.cancel(directory)
                follower.wait(lambda: _are_over(directory), interrupt)
                return SearchOutcome(follower.failed, "", interrupted=True, unrecorded=[])
            left = read_pending(directory, code, tried_again=Workers(directory.dir).tried_again())
            schedule, workers = schedule_of(left, policy), Workers(directory.dir)
            why = schedule.stopped or workers.why_cancelled
            if left.has_more and not (why or workers.is_cancelled):
                why = self._why_not_again(left, follower, policy, before)
            if why or workers.is_cancelled or not left.has_more:
                return SearchOutcome(
                    follower.failed, why, interrupted=workers.is_cancelled and not why, unrecorded=[],
                    choices=schedule.choices, unmeasured=schedule.unmeasured,
                )  # fmt: skip
            before = follower.ended
            left.release()
            follower.watcher.warned(f"all workers are over, and {counted(len(left), 'run')} left; more are started")
            self._submit(left)

    def _why_not_again(self, left: Pending, follower: Follower, policy: Policy, before: int) -> str:
        """Why no more workers are started although runs are left; "" if they are."""
        if policy.budget:
            return "the budget of the workers allows no further run"
        if follower.ended == max(before, 0) or not left.completed:
            return f"all workers are over, and {counted(len(left), 'run')} left (see {Workers(left.search.dir).folder})"
        return ""


def chosen(
    options: argparse.Namespace, saved: Placement | None, workers: int | None = None
) -> ByHand | Elsewhere | None:
    """Where the workers of a search run; None if its runs execute here.

    Args:
        options: of the command.
        saved: what the config says, or the search that is continued.
        workers: how many there are if the command does not say.

    Raises:
        ConfigError: options are of another engine than the one that is named.
    """
    if options.workers_by_hand:
        if options.wait:
            hint = "leave --wait out, and look with: gridfold status last"
            raise ConfigError("--wait is for workers that an engine starts, not for --workers-by-hand", hint=hint)
        return ByHand(options)
    of_engines = {"slurm": options.slurm or options.sbatch_file, "ray": options.ray or options.address}
    named = next((name for name, given in of_engines.items() if given), None)
    name = options.on or named or (saved.engine if saved else placed.HERE)
    if named and named != name:
        what = {"slurm": "--slurm and --sbatch-file", "ray": "--ray and --address"}[named]
        raise ConfigError(f"{what} are for --on {named}, not for --on {name}", hint="leave one of them out")
    if name == placed.HERE or (os.environ.get(ENGINE) and not options.on):
        if options.workers:
            hint = f"name one: --on slurm, or --on ray; for several runs at a time here: --parallel {options.workers}"
            raise ConfigError("--workers is for an engine that starts them", hint=hint)
        return None
    count = options.workers or workers or (saved.workers if saved else 1)
    placement = Placement(name, count, _options(options)).or_else(saved)
    if file := placement.options.get(_FILE):
        absolute = {**placement.options, _FILE: str(Path(file).absolute())}
        placement = replace(placement, options=absolute)
    placement.start()  # errors before the first print
    return Elsewhere(placement, options)


def chosen_in(options: argparse.Namespace, settings: Settings) -> ByHand | Elsewhere | None:
    """Where the workers of a new search run; see `chosen`."""
    return chosen(options, Placement.said(settings.on, settings.workers), settings.workers)


def chosen_before(options: argparse.Namespace, facts: Mapping[str, Any]) -> ByHand | Elsewhere | None:
    """Where the workers of a search run that is continued; see `chosen`."""
    return chosen(options, Placement.of(facts))


def _options(options: argparse.Namespace) -> dict[str, str]:
    """The options of jobs that the command gives."""
    found = options_said(options.slurm, "--slurm") if options.slurm else {}
    found |= options_said(options.ray, "--ray") if options.ray else {}
    given = {_FILE: options.sbatch_file, "address": options.address}
    return found | {name: value for name, value in given.items() if value}


def _prepare(pending: Pending, execution: Execution, options: argparse.Namespace) -> None:
    """Let workers know how runs are executed, and which failed ones are tried again; take what is there already."""
    directory = pending.search
    directory.update(execution=vars(execution))
    pending.release()
    reuse_results(pending, pending.entries, options)
    failed = [(entry.index, record) for entry in pending.entries() if (record := directory.run(entry).read())]
    again = [(index, record.attempt) for index, record in failed if record.state == "failed"]
    if again:
        Workers(directory.dir).try_again(again)


def _are_over(directory: SearchDirectory) -> bool:
    """Whether all workers are over that engines have started; of an engine that cannot be asked, none is."""
    found = placed.jobs_of(directory)
    return not any(each.living or each.problem for each in found)


def cancel(options: argparse.Namespace, again: str) -> int:
    """End all workers of a search."""
    directory = Store().find(options.search)
    others = len(Workers(directory.dir).all())
    found = placed.cancel(directory)
    if not others and not any(each.living or each.problem for each in found):
        with suppress(OSError):
            Workers(directory.dir).allow()
    terminal.console().print(shown.cancelled(directory, found, others, again), soft_wrap=True)
    return EXIT_FAILED if any(each.problem for each in found) else 0
