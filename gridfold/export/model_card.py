"""The end of a model card: how a run was found, how good it is, and how sure that is, as Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from gridfold.analysis.answer import digits
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

_SEEN = "The test set was looked at before, for another run, so it is no longer unseen."
_Z = 1.96
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
        *_search(record, search),
        *_config(run),
        *_made(record),
    ]
    return "\n".join(lines)


def _results(run: Run, record: Record, search: SearchDirectory | None) -> Iterator[str]:
    """The metrics of the validation examples, and of the test set if somebody has looked at it."""
    try:
        objective = objective_of(search) if search else None
    except ConfigError:  # the search was removed: the run is there
        objective = None
    metrics = run_at_best(run, record, objective).metrics if objective else record.metrics
    known = looks.read(search.dir if search else run.dir)
    place = next((place for place, look in enumerate(known) if look.run == run.dir.name), None)
    of_test = {} if place is None else known[place].metrics
    yield "## Results\n\nValidation is at the best epoch of the training.\n"
    yield "| metric | validation | test |\n|---|---|---|" if of_test else "| metric | validation |\n|---|---|"
    names = dict.fromkeys(_bare(name) for name in (*metrics, *of_test) if is_result(name))
    for name in names:
        cells = [_value(metrics, name, ("val_", "")), *([_value(of_test, name, ("test_",))] if of_test else [])]
        yield f"| `{name}` | {' | '.join(cells)} |"
    yield ""
    if place is not None:
        seen = "No run had seen the test set, and nothing was chosen by it." if place == 0 else _SEEN
        yield f"{seen}{_interval(of_test)}\n"


def _bare(name: str) -> str:
    return name.removeprefix("val_").removeprefix("test_")


def _value(metrics: Mapping[str, float], name: str, prefixes: Sequence[str]) -> str:
    return next((number(metrics[prefix + name]) for prefix in prefixes if prefix + name in metrics), "")


def _interval(of_test: Mapping[str, float]) -> str:
    """How sure an accuracy is, of so many examples: Wilson's interval."""
    share, count = of_test.get("test_accuracy"), of_test.get("test_examples")
    if share is None or not count:
        return ""
    middle = (share + _Z**2 / (2 * count)) / (1 + _Z**2 / count)
    reach = _Z / (1 + _Z**2 / count) * math.sqrt(share * (1 - share) / count + (_Z / (2 * count)) ** 2)
    return f" Of {count:g} texts, the 95 % interval of the accuracy is {middle - reach:.3f} to {middle + reach:.3f}."


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
    said = f"Over {trial.n} runs of this combination `{found.metric}` is {digits(trial.mean, trial.std)}"
    if trial.std is not None:
        said += f" ± {digits(trial.std, trial.std)} (mean and standard deviation)"
    if trial.low is not None and trial.high is not None:
        low, high = digits(trial.low, trial.std), digits(trial.high, trial.std)
        said += f", and the 95 % interval of the mean is {low} to {high}"
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
