"""How far a search is, as a document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from gridfold.export.json.document import document as new
from gridfold.export.json.document import exact_all
from gridfold.records.objective import Objective
from gridfold.records.trials import Results, RunResult
from gridfold.runs.failure import grouped
from gridfold.runs.search import SearchDirectory
from gridfold.runs.workers import Workers
from gridfold.search.placement import Jobs, jobs_of
from gridfold.search.status import Status, elapsed, is_worked_on

_MOST_RUNS = 20  # of one cause


def document(search: SearchDirectory) -> dict[str, Any]:
    """How far a search is: its states, the best so far, what runs now, what failed.

    Raises:
        ConfigError: the list of its runs cannot be read.
    """
    runs = list(search.records())
    results = Results.of([search], [(search, *run) for run in runs], Objective())
    found = Status.of(search, runs, results.objective)
    jobs = jobs_of(search) if Workers(search.dir).folder.is_dir() else []
    return new(
        "status/1",
        search=search.name,
        dir=str(search.dir),
        created=search.created or None,
        total=found.total,
        states=dict(found.states.most_common()),
        left=found.left,
        active=bool(found.running or found.waiting or any(each.living for each in jobs)) or is_worked_on(search),
        seconds_left=found.seconds_left(),
        metric=results.objective.metric or None,
        maximize=results.objective.maximize if results.objective.metric else None,
        caveat=results.caveat or None,
        best=_best(results),
        running=list(_running(found)),
        failures=list(_failures(results)),
        jobs=[_jobs(each) for each in jobs],
    )


def _best(results: Results) -> dict[str, Any] | None:
    """The best trial so far; None if none has a value."""
    for trial in results.ranked[:1]:
        return {
            "index": trial.runs[0].entry.index,
            "runs": [run.entry.run for run in trial.runs],
            "params": exact_all(trial.params),
            "value": trial.mean,
            "n": len(trial.values),
            "tie": asdict(results.tie) if results.tie else None,
        }
    return None


def _running(found: Status) -> Iterator[dict[str, Any]]:
    for entry, run in found.running:
        record = run.read()
        yield {
            "index": entry.index,
            "run": entry.run,
            "params": exact_all(entry.params),
            "seconds": elapsed(record) if record else None,
            "progress": run.read_progress(),
        }


def _failures(results: Results) -> Iterator[dict[str, Any]]:
    """The runs that failed, those of one cause together, the largest group first; the words are those of the first."""
    runs = [run for trial in results.trials for run in (*trial.runs, *trial.confirming) if run.record]
    failed: Mapping[int, RunResult] = {id(run.record): run for run in runs}
    for group in grouped(run.record for run in runs if run.record):
        error, indices = group[0].error or {}, sorted(failed[id(record)].entry.index for record in group)
        said = {name: str(error.get(name) or "") for name in ("type", "message", "place")}
        yield {**said, "count": len(indices), "runs": indices[:_MOST_RUNS]}


def _jobs(found: Jobs) -> Mapping[str, Any]:
    """What an engine says of the jobs of the search."""
    jobs = [{"id": job.id, "phase": job.phase, "reason": job.reason, "host": job.host} for job in found.jobs]
    return {"engine": found.engine, "problem": found.problem or None, "jobs": jobs}
