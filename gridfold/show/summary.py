"""What is said when a search has ended: the answer in words, what to run next, and where the report is."""

from __future__ import annotations

import os

from rich.console import Group
from rich.markup import escape

from gridfold.analysis.summary import Summary
from gridfold.core.errors import ConfigError
from gridfold.records.objective import Objective
from gridfold.records.trials import Results
from gridfold.runs.search import SearchDirectory
from gridfold.show import page

REPORT = "GRIDFOLD_REPORT"  # an environment variable: 0 for neither answer nor report at the end of a search
MOST_RUNS = 10_000  # beyond that, memory and time are for the search, and ``gridfold report`` is asked for


def conclusion(search: SearchDirectory, *, confirms: bool = False) -> Group:
    """What a search has found, in words; writes its report. What goes wrong with that is a line, not an exception.

    Args:
        search: the search.
        confirms: only what its best trials did on fresh seeds is new.
    """
    caveat = [] if confirms else _caveat(search)
    if os.environ.get(REPORT) == "0":
        return Group(*caveat)
    if (count := sum(1 for _ in search.entries())) > MOST_RUNS:
        said = f"No report of {count:,} runs unless it is asked for: gridfold report {search.name}"
        return Group(*caveat, escape(said))
    try:
        found = Summary.of(Results.read([search]))
        again = found.confirmation.answer if found.confirmation else ()
        return Group(*caveat, *map(escape, again if confirms else _said(found)), _written(found, search))
    except Exception as error:
        search.log(f"no report: {type(error).__name__}: {error}"[:1000])
        return Group(*caveat, _no_report(error))


def answer(search: SearchDirectory, *, confirms: bool = False) -> list[str]:
    """What a search has found, in sentences; none where that is not wanted, or cannot be computed.

    Args:
        search: the search.
        confirms: what its best trials did on fresh seeds.
    """
    if os.environ.get(REPORT) == "0" or sum(1 for _ in search.entries()) > MOST_RUNS:
        return []
    try:
        found = Summary.of(Results.read([search]))
    except Exception:  # `conclusion` has said so
        return []
    again = found.confirmation.answer if found.confirmation else ()
    return list(again if confirms else found.answer)


def write(results: Results) -> str:
    """Write the report of a search; where it is, as markup."""
    return _written(Summary.of(results), results.searches[0])


def _written(found: Summary, search: SearchDirectory) -> str:
    return escape(f"Report: {page.write(found, search)}")


def _caveat(search: SearchDirectory) -> list[str]:
    """What is to know of how its runs are compared, as markup."""
    metrics = next((record.metrics for _, record in search.records() if record and record.metrics), {})
    said = Objective.said(search.facts()).of(metrics).caveat(metrics)
    return [f"[yellow]{escape(said)}"] if said else []


def _said(found: Summary) -> list[str]:
    """The answer, and the first advice."""
    if len(found.ranked) < 2 and all(trial.n == 1 for trial in found.ranked):
        return []
    lines = list(found.answer)
    for each in found.advice[:1]:
        lines += [] if each.kind == "repeat" else [f"{each.sentence} That makes {each.cost}:"]
        lines.append(f"  {each.command}")  # to repeat is what the answer ends with
    return ["\n".join(lines)]


def _no_report(error: Exception) -> str:
    """Why there is no report, in one line of markup."""
    said = str(error) if isinstance(error, ConfigError) else f"{type(error).__name__}: {error}"
    lines = (" ".join(line.split()) for line in said.splitlines())
    return escape(f"No report: {': '.join(lines):.300}")
