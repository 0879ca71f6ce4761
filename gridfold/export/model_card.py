"""The end of a model card: how a run was found, how good it is, and how sure that is, as Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from gridfold.analysis.summary import Summary, TrialSummary
from gridfold.core.errors import ConfigError
from gridfold.core.values import render
from gridfold.records import looks
from gridfold.records.numbers import number
from gridfold.records.trials import Results, objective_of, run_at_best
from gridfold.runs.record import Record
from gridfold.runs.run import Run
from gridfold.runs.search import SearchDirectory
from gridfold.trainers.metrics.names import is_result

_ONE_RUN = (
    "It is one run, so how much of its result is luck (of the seed, of the split) is not known; repeats with other "
    "seeds would tell."
)

_CHOSEN = "The best of many noisy results looks better than it is; results on fresh seeds or on a test set do not."


def about(run: Run, record: Record) -> str:
    """How a run was found and how good it is.

    Args:
        run: the run.
        record: what it says.
    """
    search = SearchDirectory(run.dir.parent / record.search) if record.search else None
    lines = [
        *_results(run, record, search),
        *_of_test(run, search),
        *_search(record, search),
        *_config(run),
        *_made(record),
    ]
    return "\n".join(lines)


def _results(run: Run, record: Record, search: SearchDirectory | None) -> Iterator[str]:
    yield "## Results\n"
    try:
        objective = objective_of(search) if search else None
    except ConfigError:  # the search was removed: the run is there
        objective = None
    metrics = run_at_best(run, record, objective).metrics if objective else record.metrics
    yield "On the validation examples, at the best epoch:\n\n| metric | value |\n|---|---|"
    yield from (f"| `{name}` | {number(value)} |" for name, value in metrics.items() if is_result(name))
    yield ""


def _of_test(run: Run, search: SearchDirectory | None) -> Iterator[str]:
    """What is known of the run on a test set."""
    known = looks.read(search.dir if search else run.dir)
    for place, look in enumerate(known):
        if look.run == run.dir.name:
            seen = (
                "which no run had seen, and by which nothing was chosen" if place == 0 else "which was looked at before"
            )
            yield f"On a test set, {seen}:\n\n| metric | value |\n|---|---|"
            yield from (f"| `{name}` | {number(value)} |" for name, value in look.metrics.items())
            yield ""
            return


def _search(record: Record, search: SearchDirectory | None) -> Iterator[str]:
    """What the search says of the run, and how sure that is."""
    if search is None:
        yield f"{_ONE_RUN}\n"
        return
    try:
        found = Summary.of(Results.read([search]))
    except ConfigError:
        return
    trial = next((each for each in found.trials if dict(each.params) == dict(record.params)), None)
    runs = sum(found.states.values())
    yield "## How it was chosen\n"
    if trial is not None:
        yield f"{_sure(found, trial)}\n"
    if len(found.trials) > 1:
        varied = ", ".join(f"`{path}` {render(value)}" for path, value in record.params.items())
        of = f"{runs:,} runs of the search `{search.name}` ({len(found.trials):,} combinations)"
        yield f"It is one of {of}: {varied}."
        yield from ("", "The search says:\n", *(f"- {line}" for line in found.answer), "")
        yield f"{_CHOSEN}\n"


def _sure(found: Summary, trial: TrialSummary) -> str:
    """How sure the value of a trial is."""
    if trial.mean is None or trial.n < 2:
        return _ONE_RUN
    said = f"Over {trial.n} runs of this combination `{found.metric}` is {number(trial.mean)}"
    if trial.std is not None:
        said += f" ± {number(trial.std)} (mean and standard deviation)"
    if trial.low is not None and trial.high is not None:
        said += f", and the 95 % interval of the mean is {number(trial.low)} to {number(trial.high)}"
    return f"{said}."


def _config(run: Run) -> Iterator[str]:
    yield from ("## Config\n", "```yaml", run.read_config().rstrip(), "```\n")


def _made(record: Record) -> Iterator[str]:
    """What it was made with."""
    packages = (record.inputs or {}).get("packages")
    made = (record.ended or "").partition("T")[0] or "at an unknown time"
    yield f"Trained by gridfold ({record.trainer}), {made}."
    if isinstance(packages, dict) and packages:
        yield "\nPackages: " + ", ".join(f"{name} {version}" for name, version in packages.items()) + "."
