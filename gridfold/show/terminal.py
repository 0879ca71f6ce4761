"""What a person sees in the terminal: the plan, the results, the failures."""

from __future__ import annotations

import heapq
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.markup import escape
from rich.table import Column, Table

from gridfold.core.errors import nearest
from gridfold.core.process.liveness import PROCESS
from gridfold.core.values import render
from gridfold.identity.sources import Sources, listed
from gridfold.records.codes import Codes
from gridfold.records.compare import CLOSE, Difference
from gridfold.records.numbers import number
from gridfold.records.objective import Objective
from gridfold.records.ties import Leaders
from gridfold.records.trials import Results, objective_of, paths_in
from gridfold.runs.entries import RunEntry
from gridfold.runs.failure import grouped, headline
from gridfold.runs.names import label_parameters
from gridfold.runs.record import Record
from gridfold.runs.run import Run
from gridfold.runs.search import SearchDirectory
from gridfold.search.pending import Pending
from gridfold.show import trial_table
from gridfold.show.console import VisibleConsole
from gridfold.show.plan_table import counted
from gridfold.show.text_table import Heading, TextTable

if TYPE_CHECKING:  # tables need no search
    from gridfold.search.reuse import Reusable
    from gridfold.search.status import Status
    from gridfold.search.verify import Verification, Verified

MAX_ROWS = 20
_MAX_VALUES = 12
_MAX_SEEDS = 5
_MAX_METRICS = 3  # the others are in results.csv
_ONCE_MORE = {  # by whether it gives the same
    True: "the same as the first time alone",
    False: "another result again, so sharing need not be the cause: it may draw without a seed",
}


def console(*, stderr: bool = False, quiet: bool = False) -> Console:
    """Standard output, or standard error; as wide as it needs where it is no terminal, so that nothing is cut."""
    stream = sys.stderr if stderr else sys.stdout  # anything that a script or a notebook has put there
    width = None if getattr(stream, "isatty", bool)() else 160
    return VisibleConsole(highlight=False, width=width, stderr=stderr, quiet=quiet)


def created(run_dirs: Sequence[Path]) -> str:
    """What was created, as markup."""
    count = f"{len(run_dirs):,} run directories" if len(run_dirs) > 1 else "1 run directory"
    return escape(f"Created {count}: {run_dirs[0]}{' …' if len(run_dirs) > 1 else ''}")


def reused(count: int, found: Reusable, code: Sources | None) -> str:
    """How many runs were not executed because their results were there, and why others were; as markup."""
    lines = [f"Reused {_results(count)} of earlier searches"] if count else []
    if code and code.untold:
        lines.append(f"Nothing can be reused: nothing tells {code.untold}")
    else:
        lines += [f"Not reused: {_results(many)} of the same config: {why}" for why, many in found.reasons.items()]
    return escape("\n".join(lines))


def untold(code: Sources) -> list[str]:
    """That the code of a search cannot be told, if it cannot."""
    if not code.untold:
        return []
    return [f"nothing tells {code.untold}, so an edit of that goes unnoticed, and --reuse takes no such result"]


def _results(count: int) -> str:
    return f"{count:,} result{'s' if count != 1 else ''}"


def could_be_reused(count: int) -> str:
    """How many runs need not be executed."""
    runs = f"{count:,} of these runs are" if count > 1 else "1 of these runs is"
    return f"{runs} completed in earlier searches, with the same code: --reuse takes the results"


def pending(found: Pending) -> str:
    """What is left to do of a search, as markup."""
    lines = [f"{found.search.name}: {found.completed:,} of {found.total:,} runs are completed, {len(found):,} to do"]
    if found.damaged:
        names = ", ".join(entry.run for entry in found.damaged[:3]) + (", …" if len(found.damaged) > 3 else "")
        lines.append(f"{len(found.damaged)} with a record that cannot be read, so not done: {names}")
    return "\n".join([escape("\n".join(lines)), *([held(found)] if found.held else [])])


def added(count: int) -> str:
    """How many runs a search was given more."""
    return f"Added {counted(count, 'run')}"


def made_otherwise(found: Pending) -> str:
    """That runs of a search will not be comparable, because the code has changed."""
    count, changed = found.made.otherwise(found.code), found.made.changed(found.code)
    runs = "run was" if count == 1 else "runs were"
    said = f" (changed: {listed(changed)})" if changed else ""
    return (
        f"{count:,} completed {runs} made by other code, package versions or data files than the present"
        f" ones{said}, so the results will be mixed; for results of one code, start a new search with --reuse: it takes"
        " only those of the same code"
    )


def held(found: Pending) -> str:
    """The runs that other processes have, as markup."""
    held = Counter((owner.place, owner.life, owner.asks.partition(":")[0]) for _, owner in found.held.values())
    said = (
        f"{count} under way in other processes on {place}{_what_to_do(found.search.name, *each)}"
        for each, count in held.items()
        for place in each[:1]
    )
    return escape("\n".join(said))


def _what_to_do(search: str, place: str, life: str, engine: str) -> str:
    """What to do about runs of which it is not known whether they go on."""
    if life == "undecided":
        return "; their job is over: started again once their heartbeat has been silent for a while"
    if life != "elsewhere":
        return ""
    gone = f"gridfold resume {search} --gone {place}"
    if engine == PROCESS:
        return f"; if that machine or container is gone: {gone}"
    return f"; {engine} cannot be asked here whether they go on: resume where it can be, or, if they are gone: {gone}"


def status(found: Status, again: str, workers: Sequence[str] = (), *, has_jobs: bool = False) -> Group:
    """How far a search is.

    Args:
        found: its runs.
        again: the command that continues a search.
        workers: lines about them, as markup.
        has_jobs: whether an engine has jobs of it that are not over, so that somebody will work on it.
    """
    states = ", ".join(f"{count:,} {state}" for state, count in found.states.most_common())
    lines = [f"[bold]{escape(found.search.name)}[/]: {found.total:,} runs: {states}"]
    seconds = found.seconds_left()
    if seconds is not None:
        lines.append(f"{timedelta(seconds=round(seconds))} left")
    if found.is_repeated:
        lines += _best_trial(Results.read([found.search]))
    elif found.best and found.best[1].metrics:
        lines += _best_so_far(found, *found.best)
    for entry, run in found.running[:MAX_ROWS]:
        lines.append(escape(f"  running: {entry.run}: {progress_note(run.read_progress())}"))
    lines += workers
    if not (found.running or found.waiting or has_jobs) and found.left:
        lines.append(escape(f"Nobody works on it. To continue: {again} {found.search.name}"))
    return Group(*lines)


def progress_note(state: Mapping[str, float]) -> str:
    """How far a run says it is, in some words."""
    parts = []
    if "epoch" in state:
        parts.append(f"epoch {state['epoch']:g}" + (f"/{state['epochs']:g}" if "epochs" in state else ""))
    if "loss" in state:
        parts.append(f"loss {state['loss']:.4f}")
    return "  ".join(parts) or "preparing"


def _best_so_far(found: Status, entry: RunEntry, record: Record) -> list[str]:
    """A line about the run that is the best so far, or those that are."""
    name, value = found.objective.value(record.metrics)
    if value is None:
        return []
    measured = f"{name} {number(value)}"
    if tie := found.leaders.tie:
        return [escape(f"best so far: {tie.at(measured, entry.run)}")]
    return [escape(f"best run: {measured}: {entry.run}")]


def _best_trial(found: Results) -> list[str]:
    """A line about the trial that is the best so far, over its repeats."""
    for trial in found.ranked[:1]:
        params = zip(label_parameters(list(trial.params)), trial.params.values(), strict=True)
        said = ", ".join(f"{label} {render(value)}" for label, value in params)
        mean = f"{found.objective.metric} {number(trial.mean)} (mean of {len(trial.values)})"
        if tie := found.tie:
            return [escape(f"best so far: {tie.at(mean, said)}")]
        return [escape(f"best so far: {mean}: {said}")]
    return []


def comparison(
    old: Record, new: Record, *, headings: tuple[str, str] = ("before", "now"), title: str | None = None
) -> Table:
    """The metrics of two runs side by side."""
    table = Table("metric", *headings, "difference", title=title, title_justify="left", title_style="bold")
    for name in dict.fromkeys([*old.metrics, *new.metrics]):
        before, after = old.metrics.get(name), new.metrics.get(name)
        same = repr(before) == repr(after)  # a nan equals itself
        differ = "none" if same else "missing" if before is None or after is None else f"{after - before:.3g}"
        table.add_row(escape(name), number(before, 6), number(after, 6), differ)
    if old.state != new.state:
        table.add_row("state", old.state, new.state, "")
    return table


def written(path: str, rows: int) -> str:
    """What was written where, as markup."""
    return escape(f"{rows:,} row{'s' if rows != 1 else ''}: {path}")


def warning(change: str) -> str:
    """Something that may make results come out otherwise, as markup."""
    return f"[yellow]warning: {escape(change)}"


def verification(found: Verification) -> Group:
    """How runs of a search compare with what they give alone, the most different first."""
    shown = sorted(found.runs, key=_severity, reverse=True)[:MAX_ROWS]
    table = Table(Column("run", justify="right"), "verdict", "largest difference", "where")
    for heading in ("seconds alone", "in the search"):
        table.add_column(heading, justify="right")
    for verified in shown:
        first = verified.differences[0] if verified.differences else None
        apart = _apart(first) if verified.alone.error is None else verified.alone.error["type"]
        cells = [str(verified.entry.index), verified.verdict, apart, first.where if first else ""]
        cells += [number(record.seconds, 1) for record in (verified.alone, verified.recorded)]
        table.add_row(*map(escape, cells), style="" if verified.is_same else "bold red")
    lines = [*(line for verified in shown for line in _unlike(verified)), *_not_compared(found.runs), _verdict(found)]
    return Group(*([table] if shown else []), *map(escape, lines))


def _severity(verified: Verified) -> tuple[bool, tuple[bool, float], int]:
    worst = verified.differences[0].severity if verified.differences else (False, -1.0)
    return verified.verdict == "failed alone", worst, -verified.entry.index


def _apart(difference: Difference | None) -> str:
    """How large a difference is."""
    if difference is None:
        return "none"
    if difference.relative is None:
        return difference.said
    return f"{difference.absolute:.1e}, relative {difference.relative:.1e}"


def _unlike(verified: Verified) -> list[str]:
    """What is to say of a run that is not the same alone."""
    if verified.is_same:
        return []
    lines = [f"run {verified.entry.index} ({verified.entry.run}): {verified.verdict}; kept: {verified.kept}"]
    if error := verified.alone.error:
        return [*lines, f"  {error['type']}: {error['message'].strip().partition(chr(10))[0]:.200}"]
    more = len(verified.differences) - _MAX_VALUES
    lines += [f"  {difference.where}: {difference.said}" for difference in verified.differences[:_MAX_VALUES]]
    lines += [f"  and {more} more"] if more > 0 else []
    return lines + ([] if verified.repeats is None else [f"  alone once more: {_ONCE_MORE[verified.repeats]}"])


def _not_compared(runs: Sequence[Verified]) -> list[str]:
    """How many files were not compared, and why."""
    reasons = Counter(reason for verified in runs for reason in verified.not_compared.values())
    return [f"{count} file{'s' if count > 1 else ''} not compared: {reason}" for reason, count in reasons.items()]


def _verdict(found: Verification) -> str:
    """The sum of it, in a sentence."""
    verdicts, total = found.verdicts, len(found.runs)
    same, close = verdicts["bitwise"] + verdicts["close"], verdicts["close"]
    how = f", {close} of them but for rounding (at most {CLOSE:g} of a value)" if close else ", to the last bit"
    sentence = f"{same} of {total} runs give the same alone" + (how if same else "")
    left = found.asked - total
    return sentence + (f"; {left} were not run any more" if left else "")


def results(search: SearchDirectory, records: Iterable[tuple[RunEntry, Record | None]]) -> Group:
    """The best runs, or trials where they are repeated, best first; failures; and where the results are.

    Args:
        search: the search.
        records: its runs, with the metrics of their best epochs; they are read once.
    """
    seen = Counter[str]()
    failed: list[tuple[Run, Record]] = []
    codes, leaders = Codes(search, search.facts()), Leaders(objective := objective_of(search))
    watched = _watched(search, records, seen, failed, codes, leaders)
    best = heapq.nsmallest(MAX_ROWS, watched, key=lambda row: objective.rank(row[1], row[0].index))
    more = f"{seen['runs'] - len(best):,} more, " if seen["runs"] > len(best) and not seen["repeats"] else ""
    lines = [f"All results: {more}{escape(str(search.results_path))}", *_silent(seen["silent"], search.name)]
    lines += _without_metric(objective, [record for _, record in best if record])
    lines += [warning(codes.warning)] if codes.warning else []
    if seen["repeats"]:
        return Group(trial_table.TrialTable.of(search).render(), *_failures(failed, "failed"), *lines)
    entry, record = best[0] if best else (None, None)
    if entry and record and objective.value(record.metrics)[1] is not None:
        place = str(search.dir.parent / (record.reused or entry.run))
        lines.insert(0, escape(_best_run(leaders, record, place)))
    table = _results_table(search, best, objective, max(leaders.count, 1))
    return Group(*table, *_failures(failed, "failed"), *lines)


def _best_run(leaders: Leaders, record: Record, place: str) -> str:
    """Where the best run is, or what is to know of those that are equally good."""
    if (tie := leaders.tie) is None:
        return f"Best run: {place}"
    name, value = leaders.objective.value(record.metrics)
    return tie.at(f"{name} {number(value)}", place)


def _watched(
    search: SearchDirectory,
    records: Iterable[tuple[RunEntry, Record | None]],
    seen: Counter[str],
    failed: list[tuple[Run, Record]],
    codes: Codes,
    leaders: Leaders,
) -> Iterator[tuple[RunEntry, Record | None]]:
    """The search's runs; counts them, and collects those that failed, on the way: they are read once."""
    for entry, record in records:
        seen["runs"] += 1
        seen["repeats"] += entry.repeat > 0 or bool(entry.fold)
        seen["silent"] += record is not None and record.is_done and not record.metrics
        if record and record.state == "failed":
            failed.append((search.run(entry), record))
        codes.add(entry.index, record)
        if not entry.confirms:
            leaders.add(record)
            yield entry, record


def _silent(count: int, search: str) -> list[str]:
    """A line about completed runs without metrics, if there are any."""
    again = f"gridfold collect {search} reads them again"
    return [f"[yellow]{escape(f'{count:,} completed without metrics; {again}')}"] if count else []


def _without_metric(objective: Objective, records: list[Record]) -> list[str]:
    """A line if runs are to be compared by a metric that none has."""
    names = {name for record in records for name in record.metrics}
    if not names or not objective.metric or objective.metric in names:
        return []
    return [f"[yellow]{escape(f'No run has {objective.metric}: {nearest(objective.metric, names)}')}"]


def failures(search: SearchDirectory) -> list[str]:
    """The failures, those of one cause in one line, as markup."""
    found = [(search.run(entry), record) for entry, record in search.records() if record and record.state == "failed"]
    return _failures(found, "failed")


def unrecorded(found: list[tuple[Run, Record]]) -> list[str]:
    """The failures that the directories of their runs do not tell of, as markup."""
    return _failures(found, "failed, and cannot say so in their directories")


def _failures(found: list[tuple[Run, Record]], what: str) -> list[str]:
    if not found:
        return []
    groups = grouped(record for _, record in found)
    logs = {record.index: run.log_path for run, record in found}
    lines = [f"[bold red]{len(found)} {what}"]
    for group in groups[:MAX_ROWS]:
        record = group[0]
        error = record.error or {}
        said = headline(error["message"])
        place = f" at {error['place']}" if error.get("place") else ""
        indices = ", ".join(str(failed.index) for failed in group[:_MAX_VALUES])
        runs = f"run{'s' if len(group) > 1 else ''} {indices}{', …' if len(group) > _MAX_VALUES else ''}"
        lines.append(escape(f"  {len(group)} × {error['type']}{place}: {said:.200} ({runs}; see {logs[record.index]})"))
    return lines


def _results_table(
    search: SearchDirectory, best: list[tuple[RunEntry, Record | None]], objective: Objective, leaders: int
) -> tuple[str, TextTable]:
    entries = [entry for entry, _ in best]
    paths = paths_in(entry.params for entry in sorted(entries, key=lambda entry: entry.index))
    which = [name for name in ("repeat", "fold") if any(getattr(entry, name) for entry in entries)]
    found = dict.fromkeys((name for _, record in best if record for name in record.metrics), 0.0)
    first = objective.of(found)
    metrics = sorted(found, key=lambda name: name != first.metric)[:_MAX_METRICS]
    rule = f" ({'highest' if first.maximize else 'lowest'} {first.metric})" if first.metric else ""
    headings = [Heading("run"), *(Heading(label, "parameter") for label in label_parameters(paths))]
    headings += [*map(Heading, which), *(Heading(name, "metric") for name in metrics)]
    reached = [Heading("reached")] if any(record and record.state == "stopped" for _, record in best) else []
    headings += [*reached, Heading("state", left=True), Heading("seconds", "seconds")]
    rows = []
    for entry, record in best:
        cells = [str(entry.index), *(render(entry.params[path]) if path in entry.params else "" for path in paths)]
        cells += [str(getattr(entry, name)) for name in which]
        cells += [number(record.metrics.get(name)) if record else "" for name in metrics]
        cells += ["" if record is None or record.step is None else f"{record.step:g}" for _ in reached]
        cells += [record.state if record else "created", number(record.seconds, 1) if record else ""]
        rows.append(cells)
    first_record = best[0][1] if best else None
    has_best = first_record is not None and objective.value(first_record.metrics)[1] is not None
    title = f"[bold]{escape(f'Results, best first{rule}')}"
    return title, TextTable(headings, rows, leaders if has_best else 0, trial_table.see_all([search.name]))


def metrics_table(record: Record) -> Table:
    """The metrics of one run."""
    table = Table("metric", "value")
    for name, value in record.metrics.items():
        table.add_row(escape(name), number(value))
    return table
