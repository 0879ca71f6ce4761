"""What people see of a search's workers: what was submitted, how jobs stand, what to do."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

from rich.markup import escape

from gridfold.engines.protocol import Job
from gridfold.runs.search import SearchDirectory
from gridfold.runs.workers import Workers
from gridfold.search.placement import Jobs, Placement, SilentWorkers, command, listed
from gridfold.show.plan_table import counted

_MOST_JOBS = 8


def submitted(search: SearchDirectory, placement: Placement, ids: Sequence[str], *, is_followed: bool) -> str:
    """What was submitted, and what to type next unless the search is followed, as markup."""
    name, said = search.name, f"Submitted {counted(len(ids), 'worker')} to {placement.engine}: {listed(ids)}"
    lines = [
        said,
        f"  gridfold status {name}      progress, workers, jobs",
        f"  gridfold logs -f {name}:0   what a run prints",
        f"  gridfold results {name}     results so far",
        f"  gridfold cancel {name}      end all workers; finished runs are kept",
    ]
    return escape(said if is_followed else "\n".join(lines))


def by_hand(search: SearchDirectory) -> str:
    """The line that starts a worker on any machine, as markup."""
    line = f"cd {shlex.quote(str(Path.cwd()))} && exec {shlex.join(command(search.dir))}"
    return escape(f"To start a worker, on any machine that sees this folder:\n  {line}")


def script(text: str) -> str:
    """What would be submitted, as markup."""
    return escape(f"Each worker would be started by:\n\n{text}")


def cancelled(search: SearchDirectory, found: Sequence[Jobs], others: int, again: str) -> str:
    """What was cancelled, as markup."""
    lines = [f"{each.engine}: {_ended(each)}" for each in found if each.living and not each.problem]
    lines += [line for each in found if each.problem for line in _unasked(each, search.name)]
    if others and not lines:
        lines.append(f"{counted(others, 'worker')} asked to end, at the next heartbeat")
    if not lines:
        lines.append(f"No worker of {search.name} is known")
    return escape("\n".join([*lines, f"Finished runs are kept. To continue: {again} {search.name}"]))


def status(search: SearchDirectory, found: Sequence[Jobs], silence: SilentWorkers) -> list[str]:
    """How the workers of a search stand, as markup.

    Args:
        search: the search.
        found: its jobs, by engine.
        silence: which of them have no heartbeat.
    """
    why = Workers(search.dir).why_cancelled
    lines = [f"Stopped: {why}"] if why else []
    for each in found:
        if each.problem:
            lines += _unasked(each, search.name)
        else:
            lines.append(f"{each.engine}: {_counts(each)}")
            lines += [f"  {_line(job, silence.jobs.get(job.id))}" for job in each.living[:_MOST_JOBS]]
            lines += ["  …"] if len(each.living) > _MOST_JOBS else []
    for place, seconds in silence.elsewhere.items():
        lines.append(f"a worker on {place}: no heartbeat for {_seconds(seconds)}")
        lines.append(f"  if that machine is gone for good: gridfold resume {search.name} --gone {place}")
    return [escape(line) for line in lines]


def _seconds(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))


def _counts(found: Jobs) -> str:
    counts = Counter(job.phase for job in found.jobs)
    said = [f"{counts[phase]} {phase}" for phase in ("running", "waiting", "over") if counts[phase]]
    ends = Counter(job.reason for job in found.jobs if job.phase == "over" and job.reason not in ("COMPLETED", ""))
    why = ", ".join(f"{count} {reason}" for reason, count in ends.most_common(3))
    return f"{counted(len(found.jobs), 'job')}: {', '.join(said)}{f' ({why})' if why else ''}"


def _line(job: Job, silent: float | None) -> str:
    where = f" on {job.host}" if job.host and job.phase == "running" else ""
    why = f" ({job.reason})" if job.reason else ""
    heart = f", no heartbeat for {_seconds(silent)}" if silent is not None and job.phase == "running" else ""
    return f"{job.id} {job.phase}{where}{why}{heart}"


def _ended(found: Jobs) -> str:
    ids = [job.id for job in found.living]
    return f"{counted(len(ids), 'job')} cancelled: {listed(ids)}"


def _unasked(found: Jobs, name: str) -> Iterator[str]:
    yield f"{found.engine} cannot be asked about {counted(len(found.ids), 'job')} ({found.problem})"
    yield "  ask on a machine from which jobs are submitted; nothing is taken over from its workers until then"
    yield f"  if a machine is gone for good, with all that ran there: gridfold resume {name} --gone HOST"
