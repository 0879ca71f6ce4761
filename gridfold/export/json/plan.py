"""What a search would do, as a document."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from gridfold.export.json.document import document as new
from gridfold.export.json.document import exact, exact_all
from gridfold.runs.names import RunNames
from gridfold.search.first_call import FirstCall
from gridfold.search.forecast import Forecast
from gridfold.search.plan import Plan
from gridfold.space.axes import Axis, Linked, Union
from gridfold.space.parameters import Interval, ListedParameter, RangeParameter
from gridfold.trainers.protocol import Remark

_MOST_VALUES = 1000  # of a parameter
_FIRST_RUNS = 3


def document(plan: Plan, names: RunNames, forecast: Forecast, remarks: Sequence[Remark]) -> dict[str, Any]:
    """What a search would do.

    Args:
        plan: its plan.
        names: the names of its runs, which have HHMMSS for the time.
        forecast: what it would take.
        remarks: what its trainer has to say, and warnings.
    """
    call = FirstCall.of(plan, names)
    return new(
        "plan/1",
        config=plan.config.document.name,
        trainer=plan.trainer if isinstance(plan.trainer, str) else list(plan.trainer),
        parameters=list(_parameters(plan.space.axes, plan.guesses)),
        fixed=[{"path": each.path, "value": exact(each.value), "reason": each.reason} for each in plan.config.kept],
        strategy=plan.strategy.said,
        open=plan.is_open,
        trials=None if plan.is_open else plan.trials,
        repeats=plan.most_repeats,
        folds=plan.folds,
        race=plan.race,
        prune=dict(plan.prune) if plan.prune else None,
        runs=None if plan.is_open else plan.most_runs,
        exact=plan.is_exact,
        limit=plan.limit,
        needs_max_runs=plan.most_runs > plan.limit,
        metric=plan.config.settings.metric,
        maximize=plan.config.settings.maximize,
        to_run=None if plan.is_open else forecast.runs,
        reusable=forecast.reusable,
        parallel=forecast.parallel,
        seconds=forecast.seconds,
        bytes=forecast.disk,
        first_runs=list(_first_runs(plan, names)),
        first_command=shlex.join(call.arguments) if call else None,
        remarks=[{"text": each.text, "warning": each.is_warning} for each in remarks],
    )


def _first_runs(plan: Plan, names: RunNames) -> Iterator[dict[str, Any]]:
    for entry, _ in islice(plan.runs(names), _FIRST_RUNS):
        yield {"index": entry.index, "run": entry.run, "params": exact_all(entry.params)}


def _parameters(
    axes: Iterable[Axis], guesses: Mapping[str, str], branch: Mapping[str, Any] | None = None
) -> Iterator[dict[str, Any]]:
    """What varies; ``branch`` says in which branch of a union."""
    for axis in axes:
        if isinstance(axis, Union):
            yield _listed(axis.selector, guesses, branch)
            for value, inner in zip(axis.selector.values, axis.branches, strict=True):
                yield from _parameters(inner, guesses, {"path": axis.selector.path, "value": exact(value)})
        elif isinstance(axis, Linked):
            paths = [parameter.path for parameter in axis.parameters]
            for parameter in axis.parameters:
                yield {**_listed(parameter, guesses, branch), "linked": paths}
        elif isinstance(axis, RangeParameter):
            yield {"path": axis.path, "range": _range(axis), "branch": branch}
        else:
            yield _listed(axis, guesses, branch)


def _listed(axis: ListedParameter, guesses: Mapping[str, str], branch: Mapping[str, Any] | None) -> dict[str, Any]:
    values = [exact(value) for value in axis.values[:_MOST_VALUES]]
    said = {"path": axis.path, "values": values, "count": len(axis.values), "branch": branch}
    return {**said, "maybe_one_value": guesses.get(axis.path)}


def _range(parameter: RangeParameter) -> dict[str, Any]:
    found = parameter.distribution
    if isinstance(found, Interval):
        return {"low": found.low, "high": found.high, "log": found.log, "whole": found.whole}
    return {"mean": found.mean, "deviation": found.deviation}
