"""What a person sees of a search before it runs: what varies, how many runs that makes, what they would take."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.markup import escape
from rich.table import Column, Table

from gridfold.config.document import holders
from gridfold.config.one_value import to_paste
from gridfold.core.values import render
from gridfold.records.objective import is_finite
from gridfold.runs.names import RunNames
from gridfold.search.first_call import FirstCall
from gridfold.show.space_table import SpaceRow, counts, shortened, space_rows, words
from gridfold.space.space import size_text

if TYPE_CHECKING:
    from gridfold.search.forecast import Forecast
    from gridfold.search.plan import Plan

_MAX_VALUES = 12
_MAX_SEEDS = 5
_MAX_KEPT = 100


def plan_table(plan: Plan) -> Group:
    """What varies, what is set, what stays although it is a list, and how many runs that makes."""
    table = Table("parameter", "values", Column("", justify="right"))
    for row in space_rows(plan.space, plan.guesses):
        table.add_row(escape(row.path), escape(row.values), f"{escape(row.what)}{_doubt(row)}")
    table.add_section()
    if plan.seeds.are_listed and plan.seeds.path:
        table.add_row(escape(plan.seeds.path), _listed(plan.seeds.given), "seeds: repeats of each trial")
    pins = [variation for variation in plan.variations if variation.is_pin]
    for pin in pins:
        table.add_row(escape(pin.path), escape(render(pin.values[0])), "set")
    table.add_section()
    replaced = {variation.path for variation in plan.variations}
    kept = [each for each in plan.config.kept if replaced.isdisjoint((each.path, *holders(each.path)))]
    for each in kept[:_MAX_KEPT]:
        table.add_row(escape(each.path), escape(render(each.value)), escape(f"stays a list: {each.reason}"))
    if len(kept) > _MAX_KEPT:
        table.add_row("…", "", f"{len(kept) - _MAX_KEPT:,} more stay lists")
    said = [*counts(plan.space.explain()), *_keeping(plan)]
    return Group(f"[bold]{_title(plan)}", *([table] if table.row_count else []), *map(escape, said))


def _doubt(row: SpaceRow) -> str:
    return f" [yellow](one value? {escape(row.guess)})" if row.guess else ""


def _keeping(plan: Plan) -> list[str]:
    """How to keep the lists that look like one value."""
    marked, config = plan.guesses, plan.config
    if not marked:
        return []
    lists = "1 list looks like one value" if len(marked) == 1 else f"{len(marked)} lists look like one value each"
    fixed = [*config.settings.fixed, *plan.one_value]
    left = replace(plan, config=config.override(fixed=fixed)).most_runs
    where, line = to_paste(config.document, fixed)
    runs = f"{counted(left, 'run')} instead of {size_text(plan.most_runs)}"
    return [f"{lists}. To keep {'it' if len(marked) == 1 else 'them'} ({runs}), write {where}:", f"  {line}"]


def _title(plan: Plan) -> str:
    name, counts = escape(plan.config.document.name), [count for _, count in plan.space.factors]
    if not plan.strategy.is_grid:
        return f"{name}: {_drawn(plan)}"
    times, most = " × ".join(words(len(counts), lambda place: f"{counts[place]}", _MAX_VALUES)), _most(plan)
    if plan.size == plan.trials:
        product = f" = {times}" if len(counts) > 1 else ""
        size = f"{most}{counted(plan.size, 'run')}{product}"
        return f"{name}: {size}" if plan.space.parameters else f"{name}: nothing varies, so this is a search of one run"
    product = f" ({times})" if len(counts) > 1 else ""
    factors = [f"{most}{counted(plan.trials, 'trial')}{product}", *_repeats(plan)]
    least = f"{size_text(plan.size)} to " if plan.race else most
    return f"{name}: {' × '.join(factors)} = {least}{counted(plan.most_runs, 'run')}"


def _most(plan: Plan) -> str:
    """Whether there may be fewer trials than are counted, which only making all of them would tell."""
    return "at most " if plan.strategy.is_grid and not plan.space.is_exact else ""


def _drawn(plan: Plan) -> str:
    """How many trials a strategy takes, and how often each is run."""
    goals = [f"{name} ({'higher' if more else 'lower'})" for name, more in plan.strategy.metrics.items()]
    by = f"by {plan.strategy.name} (seed {plan.strategy.seed}{', for ' if goals else ''}{', '.join(goals)})"
    trials = f"trials {by}, as many as the budget allows" if plan.is_open else f"{counted(plan.trials, 'trial')} {by}"
    repeats = [*_repeats(plan)]
    runs = f" = {counted(plan.most_runs, 'run')}" if repeats and not plan.is_open else ""
    return f"{' × '.join([trials, *repeats])}{runs}"


def _repeats(plan: Plan) -> Iterator[str]:
    """How often each trial is run, in some words."""
    if plan.most_repeats > 1:
        count = f"{plan.repeats} to {plan.most_repeats}" if plan.race else f"{plan.most_repeats}"
        seeds = shortened(plan.most_repeats, lambda repeat: str(plan.seeds[repeat]), _MAX_SEEDS)
        yield f"{count} repeats (seeds {seeds})"
    if plan.folds:
        yield f"{plan.folds} folds"


def counted(count: int, what: str) -> str:
    """A number and its noun, in the singular for one."""
    return f"{size_text(count)} {what}{'' if count == 1 else 's'}"


def _listed(values: Sequence[Any]) -> str:
    return shortened(len(values), lambda place: render(values[place]), _MAX_VALUES)


def expectation(plan: Plan, names: RunNames, done: Forecast) -> Group:
    """What a search would do."""
    lines = [] if plan.is_open else [f"{_most(plan)}{size_text(done.runs)} to run"]
    if plan.strategy.learns:
        lines.append(f"the first {counted(plan.first_trials.count() or 0, 'trial')} at random, the others by results")
    if plan.prune:
        how = ", ".join(f"{name} {value:g}" for name, value in plan.prune.items() if is_finite(value))
        lines.append(f"runs that are worse than others wait, and may be stopped early: {plan.prune['name']} ({how})")
    if plan.most_runs > plan.limit:
        lines.append(f"that is more than {plan.limit:,}, so it needs --max-runs")
    if done.reusable:
        lines.append(f"{done.reusable:,} have results of earlier searches, which --reuse takes")
    if done.seconds is not None:
        known = done.seconds <= timedelta.max.total_seconds()
        lasts = f"about {timedelta(seconds=round(done.seconds))}" if known else "more than a million years"
        lines.append(f"{lasts} with {done.parallel} at a time, by earlier runs")
    if done.disk is not None:
        lines.append(f"about {done.disk / 1e6:,.1f} MB of disk, by earlier runs")
    lines += _first_command(plan, names)
    shown = [entry.run for entry, _ in islice(plan.runs(names), 3)]
    lines += [f"  {name}" for name in shown] + (["  …"] if plan.size > len(shown) else [])
    return Group(*map(escape, lines))


def _first_command(plan: Plan, names: RunNames) -> Iterator[str]:
    """How the first run of a command is started, and the lines of its script that are others."""
    if call := FirstCall.of(plan, names):
        yield f"first run: {shlex.join(call.arguments)}"
        for change in call.changes:
            yield f"  {change.where}: {change.before}"
            if change.after != change.before:
                yield f"  {' ' * len(change.where)}→ {change.after}"
