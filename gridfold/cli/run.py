"""What the commands do that run something: call, print, and say how it went by an exit code."""

from __future__ import annotations

import argparse
import contextlib
import shlex
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rich.console import Console, RenderableType

from gridfold.cli.execution import (
    contention,
    execute,
    left_in_the_end,
    output_of,
    read_pending,
    say_where,
    telling,
    warn,
)
from gridfold.cli.planning import ALONE, execution_of, plan, planned_of, start_new
from gridfold.cli.strategy import allow_trials, learned
from gridfold.cli.where import needs, note_where, where_before, where_of_new
from gridfold.config.config import Config
from gridfold.config.overrides import parse_arguments
from gridfold.config.space import space_of
from gridfold.core.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_LEFT, ConfigError
from gridfold.core.process.threads import physical_cores
from gridfold.executors.protocol import Executor
from gridfold.executors.registry import LOCAL, start
from gridfold.identity.fingerprint import Code
from gridfold.records.objective import Objective
from gridfold.records.trials import objective_of, run_at_best, write_results
from gridfold.runs.entries import RunEntry
from gridfold.runs.names import check_prefix
from gridfold.runs.record import Record
from gridfold.runs.run import Run
from gridfold.runs.search import SearchDirectory
from gridfold.runs.store import Store
from gridfold.search.directories import complete, create
from gridfold.search.execute import execute_run
from gridfold.search.execution import Execution
from gridfold.search.loop import misses
from gridfold.search.more_runs import add_fresh_seeds, add_repeats, results_of
from gridfold.search.pending import Pending
from gridfold.search.plan import Plan, plan_of
from gridfold.search.said import plan_said
from gridfold.search.warnings import number_like, unused_seed, warnings_of
from gridfold.show import live, plan_table, terminal
from gridfold.show import sharing as shared_work
from gridfold.show.confirmation import confirmation, confirming
from gridfold.show.unfinished import no_metric
from gridfold.space.axes import paths_of

if TYPE_CHECKING:  # most searches execute here
    from gridfold.cli.placement import ByHand, Elsewhere
    from gridfold.search.verify import Verification

# What `hyper_main.py` takes for a new search only, and for one that is continued only, as it is if it was not said.
_OF_A_NEW: dict[str, Any] = {
    "config": None,
    "no_config": False,
    "param_variations": [],
    "set": [],
    "metrics": [],
    "link": [],
    "exclude": [],
    "when": [],
    "add": [],
    "vary": None,
    "run_prefix": "run",
    "trainer": None,
    "threads": None,
    "cwd": None,
    "folds": None,
    "race": False,
    "strategy": None,
    "strategy_seed": None,
    "learn_from": [],
    "prune": None,
    "no_execute": False,
}
_OF_A_CONTINUED: dict[str, Any] = {"failed": False, "top": None}


def search(options: argparse.Namespace, again: str) -> int:
    """Run a search, or continue one."""
    if hasattr(options, "resume"):  # hyper_main.py
        _check_resume(options)
        if options.resume is not None:
            options.search, options.gone = options.resume, []
            return resume(options, again)
    if options.dry_run:
        return plan(options, again)
    check_prefix(options.run_prefix)
    planned, output, execution = planned_of(options), output_of(options), execution_of(options)
    where = where_of_new(planned, options)
    if options.race:
        contention()  # what it needs may not be installed
    output.print(plan_table.plan_table(planned))
    planned.check_size()
    output.print(*learned(planned), sep="\n", end="\n" if planned.learn_from else "")
    warn(*number_like(planned))
    with contextlib.ExitStack() as stack:
        code = None
        if not options.no_execute:
            executor = stack.enter_context(start_new(execution, planned, is_alone=where is not None))
            code = _checked(planned, executor, where, output)
        warn(*warnings_of(planned))
        directory, run_dirs = create(planned, options.run_prefix, Store(), code)
        note_where(directory, where)
        options.search = str(directory.dir)  # as of a search that is continued
        output.print(terminal.created(run_dirs), soft_wrap=True)
        if code is None:
            say_where(options, directory)
            return 0
        warn(*terminal.untold(code.sources))
        pending = read_pending(directory, code.fingerprint)
        if where:
            return where.begin(pending, execution, again)
        return execute(pending, executor, execution, options, again)


def resume(options: argparse.Namespace, again: str) -> int:
    """Continue a search, together with whoever else is at it."""
    directory, output = Store().find(options.search), output_of(options)
    complete(directory)
    _compare_by(directory, options)
    if options.track is not None:
        directory.update(track=options.track)
    if options.trials:
        allow_trials(directory, options.trials)
    how: dict[str, Any] = {}
    if options.repeats or options.top or options.max_runs:
        added = _add_repeats(directory, options)
        output.print(terminal.added(added))
        warn(*(unused_seed(plan_of(directory)) if options.repeats > 1 else ()))
        how["only"] = _not_failed(directory, added)
    execution = continued(directory, options)
    where = where_before(directory, options)
    how |= {"only_failed": options.failed, "gone": options.gone, "finishes": bool(execution.finish_all)}
    pending = read_pending(directory, **how)
    answer = None if len(pending) or options.dry_run else pending.ask()
    output.print(terminal.pending(pending), soft_wrap=True)
    if options.dry_run:
        if where and len(pending):
            output.print(where.script(directory.dir, *needs(directory)), soft_wrap=True)
        return 0
    if (answer == "done" and not pending.awaits_others(answer)) or (answer == "later" and not pending.held):
        write_results(directory)
        left = left_in_the_end(directory)
        output.print(shared_work.results(directory), soft_wrap=True)
        return EXIT_LEFT if left.held else 0
    if where:
        with start(LOCAL, ALONE) as executor:
            describe(pending, executor)
        where.check(*needs(directory))
        return where.begin(pending, execution, again)
    with start_again(execution, directory, options) as executor:
        describe(pending, executor)
        return execute(pending, executor, execution, options, again)


def confirm(options: argparse.Namespace, again: str) -> int:
    """Train the best two trials again, on fresh seeds."""
    directory, output = Store().find(options.search), output_of(options)
    complete(directory)
    chosen = add_fresh_seeds(directory, options.repeats)
    pending = Pending.read(directory, only=lambda entry: entry.confirms)
    execution = continued(directory, options)

    def compare(search: SearchDirectory) -> RenderableType:
        return confirmation(chosen, results_of(search))

    if not len(pending):
        from gridfold.show import summary  # a plan needs no page

        output.print(compare(directory), summary.conclusion(directory, confirms=True), soft_wrap=True)
        return 0
    output.print(confirming(chosen, pending), soft_wrap=True)
    warn(*unused_seed(plan_of(directory)))
    with start_again(execution, directory, options) as executor:
        describe(pending, executor)
        return execute(pending, executor, execution, options, again, compare)


def reproduce(options: argparse.Namespace, again: str) -> int:  # noqa: ARG001
    """Run a run again, and compare."""
    store = Store()
    old = store.find_run(options.run)
    record = old.read()
    if record is None:
        raise ConfigError("has no readable record to compare with", where=str(old.dir))
    config = Config.parse(old.read_config(), str(old.config_path)).override(threads=record.threads, cwd=record.cwd)
    trainer = record.trainer if isinstance(record.trainer, str) else tuple(record.trainer)
    planned, objective = Plan(config.override(trainer=trainer)), _objective_of(old, record)
    output = output_of(options)
    with start(LOCAL, ALONE) as executor:
        code = planned.check(executor)
        run = store.create_run(old.read_config())
        output.print(f"Run directory: {run.dir}", soft_wrap=True)
        with live.live(output, 1, objective=objective) as view:
            new = execute_run(run, planned, code.fingerprint, executor, view)
    before, now = run_at_best(old, record, objective), run_at_best(run, new, objective)
    terminal.console().print(terminal.comparison(before, now))
    metrics = [(dict(each.metrics), dict(final.metrics)) for each, final in ((before, record), (now, new))]
    return 0 if record.state == new.state and repr(metrics[0]) == repr(metrics[1]) else EXIT_FAILED


def _objective_of(run: Run, record: Record) -> Objective:
    """What a run is compared by with the others of its search, if that is still there."""
    with contextlib.suppress(ConfigError):
        if record.search:
            return objective_of(SearchDirectory(run.dir.parent / record.search))
    return Objective()


def verify(options: argparse.Namespace, again: str) -> int:  # noqa: ARG001
    """Run some runs of a search again, each alone, and compare."""
    found, _ = verified(options)
    return ended(found)


def ended(found: Verification) -> int:
    """The exit code of a comparison."""
    if found.interrupted:
        return EXIT_INTERRUPTED
    return 0 if found.is_same else EXIT_FAILED


def verified(options: argparse.Namespace) -> tuple[Verification, list[str]]:
    """Run some runs of a search again; what came of them, which is printed, and what has changed since."""
    from gridfold.search.verify import changes, choose, choose_these, run_again  # a search needs nothing of it

    directory, output = Store().find(options.search), output_of(options)
    facts = directory.facts()
    chosen = choose_these(directory, options.runs) if options.runs else choose(directory, options.count)
    planned = plan_of(directory)
    with start(LOCAL, ALONE) as executor:
        changed = [*changes(directory, planned.check(executor))]
    warn(*changed)
    said = Execution(parallel=options.parallel, share=False)
    execution = replace(said.or_else(facts.get("execution") or {}), timeout=options.timeout)
    with (
        execution.start(LOCAL, planned.config.threads, cold=True) as executor,
        live.live(output, len(chosen), parallel=executor.parallel) as view,
    ):
        found = run_again(directory, chosen, executor, view)
    terminal.console().print(terminal.verification(found), soft_wrap=True)
    return found, changed


def train(options: argparse.Namespace, again: str) -> int:  # noqa: ARG001
    """Train one config."""
    config, constants = Config.load(options.config) if options.config else None, parse_arguments(options.set)
    said = {name: getattr(options, name) for name in ("trainer", "threads", "cwd")}
    planned = plan_said(config, constants=constants, **said)
    several = space_of(planned.config, planned.variations)
    if several.axes or several.added:
        paths, count = ", ".join(paths_of(several.axes)), several.count()
        raise ConfigError(
            f"{'this config' if config else 'the command'} has lists to sweep ({paths}), but {options.called} trains a "
            "single config",
            where=options.config or "",
            hint=f"to run all{f' {count:,}' if count else ''} combinations: {_searching(options)} "
            f"{shlex.join(options.words)}\nto keep a list as one value, write !fixed before it",
        )
    output = output_of(options)
    objective = Objective(planned.config.settings.metric, planned.config.settings.maximize)
    warn(*number_like(planned))
    cores = physical_cores()
    if planned.config.threads == 1 < cores:
        output.print(f"Uses 1 CPU thread, as in a search; --threads {cores} is faster and may change the last digits")
    with start(LOCAL, replace(ALONE, timeout=options.timeout)) as executor:
        code = planned.check(executor, telling(output))
        run = Store().create_run(planned.renderer.text({}))
        output.print(f"Run directory: {run.dir}", soft_wrap=True)
        with live.live(output, 1, objective=objective) as view:
            view.warns = False  # it is said below
            record = execute_run(run, planned, code.fingerprint, executor, view)
    output.print(terminal.metrics_table(run_at_best(run, record, objective)))
    if record.is_done and misses(objective, run, record):
        what = f" '{objective.metric:.80}'" if objective.metric else ""
        warn("\n".join([f"the run has no metric{what}", *no_metric(run, record, objective)]))
    if options.quiet:
        sys.stdout.write(f"{run.dir}\n")
    return 0 if record.is_done else EXIT_FAILED


def _searching(options: argparse.Namespace) -> str:
    """The command that runs a search, as whoever trains one config would call it."""
    return "python hyper_main.py" if options.called == "main.py" else "gridfold search"


def _compare_by(directory: SearchDirectory, options: argparse.Namespace) -> None:
    """Let a search that is continued be told what to compare by."""
    said = {name: getattr(options, name) for name in ("metric", "maximize")}
    if options.metric is not None:
        directory.update(**said)
    elif options.maximize is not None:
        directory.update(maximize=options.maximize)


def _not_failed(directory: SearchDirectory, added: int) -> Callable[[RunEntry], bool]:
    """Whether a run is not one that failed before the last were added: those are not tried again with them."""
    before = sum(1 for _ in directory.entries()) - added

    def is_wanted(entry: RunEntry) -> bool:
        record = directory.run(entry).read() if entry.index < before else None
        return record is None or record.state != "failed"

    return is_wanted


def _add_repeats(directory: SearchDirectory, options: argparse.Namespace) -> int:
    if not options.repeats:
        what = "--top says which combinations get" if options.top else "--max-runs is for what a search is given:"
        raise ConfigError(f"{what} more repeats", hint="say how many: --repeats 5")
    if options.dry_run:
        raise ConfigError("--repeats adds runs, but --dry-run changes nothing", hint="leave one of them out")
    return add_repeats(directory, options.repeats, options.top, options.max_runs)


def _checked(planned: Plan, executor: Executor, where: ByHand | Elsewhere | None, output: Console) -> Code:
    """The code of a trainer that accepts the plan, as does whoever starts workers."""
    code = planned.check(executor, telling(output))
    if where:
        where.check(planned.config.threads, planned.resources)
    return code


def continued(directory: SearchDirectory, options: argparse.Namespace) -> Execution:
    """How a search is executed by whoever continues it."""
    saved = directory.facts().get("execution")
    return execution_of(options).or_else(saved if isinstance(saved, dict) else {})


def start_again(execution: Execution, directory: SearchDirectory, options: argparse.Namespace) -> Executor:
    """The executor that continues a search: the one that is named now, or that the search had before."""
    facts = directory.facts()
    name = options.executor or facts.get("executor") or LOCAL
    executor = execution.start(name, facts.get("threads", 1), facts.get("resources"))
    directory.update(executor=name)
    return executor


def describe(pending: Pending, executor: Executor) -> None:
    """Check a search that is continued, note what code it runs, and warn if that has changed."""
    directory, planned = pending.search, plan_of(pending.search)
    code = planned.check(executor)
    directory.note_code(code.fingerprint, code.sources)
    warn(*terminal.untold(code.sources))
    pending.code = code.fingerprint
    if directory.facts().get("fingerprint") is None:  # it was only created so far
        directory.update(fingerprint=pending.code, packages=code.sources.packages)
    warn(*([terminal.made_otherwise(pending)] if pending.made.otherwise(pending.code) else []))


def _check_resume(options: argparse.Namespace) -> None:
    """Refuse what would be ignored: a search that is continued is what it was when it began."""
    of_others = _OF_A_NEW if options.resume is not None else _OF_A_CONTINUED
    name = next((name for name, unsaid in of_others.items() if getattr(options, name) != unsaid), None)
    if name is None:
        return
    option = "a command after --" if name == "trainer" and options.trainer_command else f"--{name.replace('_', '-')}"
    if options.resume is None:
        hint = f"name the search to continue: --resume last {option}"
        raise ConfigError(f"{option} needs --resume", hint=hint)
    hint = "leave it out; or leave out --resume, to begin a new search"
    raise ConfigError(f"{option} cannot be combined with --resume, which continues a search as it began", hint=hint)
