"""The answer of a report, as a document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

from gridfold.analysis.summary import SUMMARY, Summary
from gridfold.export.json.document import document as new
from gridfold.export.json.document import exact_all
from gridfold.runs.search import SearchDirectory

_MOST_NEAR = 100


def document(search: SearchDirectory, found: Summary, path: Path) -> dict[str, Any]:
    """What a search has found, how sure that is, and what to run next.

    Args:
        search: the search.
        found: its numbers, all of which are in ``summary.json``.
        path: the report.
    """
    return new(
        "report/1",
        search=search.name,
        dir=str(search.dir),
        report=str(path),
        summary=str(search.dir / SUMMARY),
        metric=found.metric or None,
        maximize=found.maximize if found.metric else None,
        answer=list(found.answer),
        knows_noise=found.knows_noise,
        near_best=list(islice(_near_best(found), _MOST_NEAR)),
        advice=[asdict(each) for each in found.advice],
        confirmation=list(found.confirmation.answer) if found.confirmation else [],
    )


def _near_best(found: Summary) -> Iterator[dict[str, Any]]:
    """The best trials, and those that cannot be told from them."""
    for trial in found.ranked:
        if trial.standing == "best" or (found.knows_noise and trial.standing == "near"):
            yield {
                "index": trial.runs[0].index,
                "params": exact_all(trial.params),
                "rank": trial.rank,
                "mean": trial.mean,
                "std": trial.std,
                "low": trial.low,
                "high": trial.high,
                "n": trial.n,
                "p": trial.p,
            }
