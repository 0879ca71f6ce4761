"""Run a search from Python: what `gridfold.search` calls."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from rich.markup import escape

from gridfold.core.errors import ConfigError
from gridfold.core.limits import MOST_SECONDS
from gridfold.executors.protocol import Executor
from gridfold.identity.fingerprint import Code
from gridfold.interactive.progress import shown
from gridfold.interactive.search import Search
from gridfold.interactive.words import in_python, said_in_python
from gridfold.records.objective import Objective
from gridfold.runs.names import check_prefix
from gridfold.runs.search import SearchDirectory
from gridfold.runs.store import Store
from gridfold.search.directories import create
from gridfold.search.execute import SearchOutcome, execute_search
from gridfold.search.execution import Execution, check_parallel
from gridfold.search.hyperparam_search import HyperParamSearch, planned
from gridfold.search.more_runs import proposer_of
from gridfold.search.pending import Pending
from gridfold.search.plan import Plan
from gridfold.search.reuse import find_reusable
from gridfold.search.reuse import reuse as take_results
from gridfold.search.tracking import tracked
from gridfold.search.warnings import number_like, warnings_of
from gridfold.show import terminal
from gridfold.show.unfinished import no_metric
from gridfold.trainers.protocol import Remark
from gridfold.trainers.saved import label_of


def search(  # noqa: PLR0913 - each is a word that a person may say
    trainer: Callable[..., Any] | str | Sequence[str],
    config: str | os.PathLike[str] | Mapping[str, Any],
    *,
    name: str | None = None,
    metric: str | None = None,
    maximize: bool | None = None,
    repeats: int | None = None,
    folds: int | None = None,
    vary: Sequence[str] | None = None,
    link: Sequence[Sequence[str]] = (),
    exclude: Sequence[str] = (),
    when: Mapping[str, str] = MappingProxyType({}),
    add: Sequence[Mapping[str, Any]] = (),
    max_runs: int | None = None,
    parallel: int | None = None,
    threads: int | None = None,
    timeout: float | None = None,
    reuse: bool = False,
    keep_going: bool = False,
    strategy: str | Mapping[str, Any] | None = None,
    prune: str | Mapping[str, Any] | None = None,
    learn_from: str | Sequence[str] = (),
    runs_dir: str | os.PathLike[str] = "runs",
    quiet: bool = False,
) -> Search:
    """Run every combination of the lists in a config, and give the results.

    Example::

        def train(config):
            return {"loss": (config["lr"] - 0.1) ** 2}

        found = gridfold.search(train, {"lr": [0.01, 0.1, 1.0]})
        found.best.values

    Args:
        trainer: what a run does: a function ``train(config, run)`` or ``train(config)``, also one of a notebook; or
            ``"module:function"``, or a command as a list of its arguments.
        config: a mapping, or the path of a YAML file. A list in it is swept, except one from `gridfold.fixed`; and what
            `gridfold.log`, `gridfold.one_of` and the like make.
        name: what the names of the directories begin with (default: the name of the function).
        metric: what to compare runs by (default: the config's, or the first one that a run has).
        maximize: whether more of it is better (default: the config's, or by its name).
        repeats: how many runs of different seeds each combination has.
        folds: into how many parts to split the training data, each of which is held out in a run of its own.
        vary: dotted paths of the lists that are swept, or of sections that hold them (default: all lists).
        link: groups of dotted paths that vary together, value by value; like the next three beside the config's.
        exclude: conditions; a combination of which one holds is left out.
        when: for a dotted path the condition under which it varies; else it keeps its first value.
        add: more combinations, by the values of some paths; the others have their first values.
        max_runs: how many runs there may be (default: 10,000).
        parallel: how many runs at a time (default: one per GPU, or per CPU core).
        threads: CPU threads of each run.
        timeout: how many seconds a run may take.
        reuse: take the results that earlier searches have of the same config, code and data.
        keep_going: go on although the first runs all fail alike, or the first has no metric.
        strategy: how trials are chosen: its name, or a mapping such as ``{"name": "tpe", "trials": 60, "seed": 0}``
            (default: the config's, or all combinations).
        learn_from: earlier searches by whose results a strategy chooses, too.
        prune: how runs that do worse than others wait: ``asha``, ``hyperband`` or ``median``, or a mapping such as
            ``{"name": "asha", "min": 1, "eta": 3}`` (default: the config's, or not at all).
        runs_dir: the folder for the runs.
        quiet: show no progress.

    Returns:
        The results. A run that fails is one of them; the others go on. If the first run has no metric, the search stops
        and the results say what to do.

    Raises:
        ConfigError: bad input; no run was created.
        KeyboardInterrupt: it was stopped; ``gridfold resume`` continues it.
    """
    execution = Execution(parallel=parallel, timeout=timeout, keep_going=keep_going or None)
    with said_in_python():
        base = HyperParamSearch(config, runs_dir, vary=vary, trainer=trainer, metric=metric, maximize=maximize)
        chosen = base.config.override(
            repeats=repeats, folds=folds, max_runs=max_runs, threads=threads, strategy=strategy, prune=prune
        )
        chosen = chosen.adding(link=link, exclude=exclude, when=when, add=add)
        prefix = name or ("run" if isinstance(trainer, (str, Sequence)) else label_of(trainer))
        check_prefix(prefix)
        _check(parallel, timeout)
        plan = planned(chosen, {}, trainer, base.store, learn_from)
        with execution.start(plan.executor, plan.config.threads, plan.resources) as executor:
            code = plan.check(executor, lambda remarks: None if quiet else _tell(remarks))
            if not quiet:
                _warn(plan, code)
            directory, _ = create(plan, prefix, base.store, code)
            directory.update(execution=vars(execution))
            pending = Pending.read(directory, code.fingerprint, proposer_of(directory))
            reused = _reuse(pending, code) if reuse else 0
            outcome = _execute(pending, executor, execution, quiet=quiet)
    if outcome.interrupted:
        raise KeyboardInterrupt
    return Search(directory.dir, runs_dir, notes=_notes(directory, outcome, reused))


def _check(parallel: int | None, timeout: float | None) -> None:
    """Whether runs may be executed like this.

    Raises:
        ConfigError: they may not.
    """
    if parallel is not None:
        check_parallel(parallel)
    if timeout is not None and not (isinstance(timeout, (int, float)) and 0 < timeout <= MOST_SECONDS):
        problem = f"expected a number of seconds from 0 to {MOST_SECONDS:,}, found {timeout!r:.80}"
        raise ConfigError(problem, path="timeout")


def _tell(remarks: Sequence[Remark]) -> None:
    output = terminal.console(stderr=True)
    for remark in remarks:
        output.print(terminal.warning(remark.text) if remark.is_warning else escape(remark.text), soft_wrap=True)


def _warn(plan: Plan, code: Code) -> None:
    output = terminal.console(stderr=True)
    on = plan.config.settings.on
    here = ["gridfold.on is for gridfold search on the command line; these runs execute here"] if on else []
    for said in (*here, *number_like(plan), *warnings_of(plan), *terminal.untold(code.sources)):
        output.print(terminal.warning(said), soft_wrap=True)


def _reuse(pending: Pending, code: Code) -> int:
    """Take the results that there are; how many."""
    directory, entries = pending.search, list(pending.entries())
    found = find_reusable((entry.id for entry in entries), directory.facts(), code, Store(directory.dir.parent))
    return take_results(pending, entries, found.runs)


def _execute(pending: Pending, executor: Executor, execution: Execution, *, quiet: bool) -> SearchOutcome:
    objective = Objective.said(pending.search.facts())
    policy = replace(execution.policy(), objective=objective)
    with (
        shown(pending, objective, executor.parallel, quiet=quiet) as view,
        tracked(pending.search, view, _say_of(quiet=quiet)) as watcher,
    ):
        return execute_search(pending, executor, watcher, policy, execution.keep(pending.search))


def _say_of(*, quiet: bool) -> Callable[[str], None]:
    """Prints where trackers have written."""
    output = terminal.console(stderr=True, quiet=quiet)
    return lambda line: output.print(escape(line), soft_wrap=True)


def _notes(directory: SearchDirectory, outcome: SearchOutcome, reused: int) -> list[str]:
    """What is to know of how a search went, beside its results."""
    lines = [f"{reused:,} of these results are of earlier searches"] if reused else []
    if outcome.stopped:
        lines.append(in_python(f"Stopped: {outcome.stopped}"))
        if outcome.unmeasured:
            lines += no_metric(*outcome.unmeasured, Objective.said(directory.facts()), directory.name)
        lines.append(f"To continue: gridfold resume {directory.name}")
    return lines
