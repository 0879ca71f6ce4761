"""What the options say of a search, and what it would do: nothing is run."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gridfold.cli.execution import telling, warn
from gridfold.cli.strategy import checked, said_of_strategy
from gridfold.cli.where import where_of_new
from gridfold.config.config import Config
from gridfold.config.overrides import parse_arguments
from gridfold.config.patterns import check_given
from gridfold.config.rules import addition_said, link_said, when_said
from gridfold.core.errors import ConfigError
from gridfold.executors.protocol import Executor, Options
from gridfold.executors.registry import LOCAL, start
from gridfold.runs.names import RunNames, check_prefix
from gridfold.runs.store import Store
from gridfold.search.execution import Execution
from gridfold.search.forecast import Forecast
from gridfold.search.plan import Plan
from gridfold.search.said import plan_said
from gridfold.search.warnings import number_like, warnings_of
from gridfold.show import plan_table, terminal
from gridfold.trainers.protocol import Remark

if TYPE_CHECKING:  # most searches execute here
    from gridfold.cli.placement import ByHand, Elsewhere

ALONE = Options(parallel=1, runs_per_gpu=0, share=False)
_OF_TRIALS = ("repeats", "folds", "vary", "max_runs")
_SETTINGS = ("trainer", "threads", "cwd", "executor", *_OF_TRIALS, "metric", "maximize", "prune", "track")


@dataclass(frozen=True)
class Foreseen:
    """What a search would do.

    Attributes:
        plan: its plan.
        names: the names of its runs.
        forecast: what it would take.
        where: what would start its workers; None if it would execute here.
        remarks: what its trainer has to say, and warnings.
    """

    plan: Plan
    names: RunNames
    forecast: Forecast
    where: ByHand | Elsewhere | None
    remarks: Sequence[Remark]


def plan(options: argparse.Namespace, again: str) -> int:  # noqa: ARG001
    """Say what a search would do."""
    found, output = foresee(options), terminal.console()
    output.print(plan_table.expectation(found.plan, found.names, found.forecast), soft_wrap=True)
    if found.where:
        search = Store().root / f"{options.run_prefix}_HHMMSS"
        script = found.where.script(search, found.plan.config.threads, found.plan.resources)
        output.print(script, soft_wrap=True)
    return 0


def foresee(options: argparse.Namespace) -> Foreseen:
    """What a search would do; prints its table, and warnings.

    Raises:
        ConfigError: the search could not be begun.
    """
    check_prefix(options.run_prefix)
    planned, execution, output = planned_of(options), execution_of(options), terminal.console()
    where, heard = where_of_new(planned, options), list[Remark]()
    output.print(plan_table.plan_table(planned))
    warn(*(doubts := [*number_like(planned)]))
    with start_new(execution, planned, is_alone=False) as executor:
        code = planned.check(executor, telling(output, heard))
        forecast = Forecast.read(planned, Store(), code, executor.parallel, reuse=options.reuse)
    warn(*(more := [*warnings_of(planned)]))
    names = planned.names(options.run_prefix, "HHMMSS")
    warnings = [Remark(each, is_warning=True) for each in (*doubts, *more)]
    return Foreseen(planned, names, forecast, where, [*warnings, *heard])


def start_new(execution: Execution, planned: Plan, *, is_alone: bool) -> Executor:
    """The executor of a new search; where workers execute it, one that only imports the trainer."""
    if is_alone:
        return start(LOCAL, ALONE)
    return execution.start(planned.executor, planned.config.threads, planned.resources)


def planned_of(options: argparse.Namespace) -> Plan:
    """The plan that the options and the config say.

    Raises:
        ConfigError: something in them cannot be used.
    """
    patterns = dict(options.metrics)
    check_given(patterns)
    settings = {name: getattr(options, name) for name in _SETTINGS} | {"metrics": patterns or None}
    settings["strategy"] = said_of_strategy(options) or None
    said = parse_arguments(options.param_variations), parse_arguments(options.set)
    planned = plan_said(_config(options), *said, race=options.race, rules=_rules(options), **settings)
    planned.space  # noqa: B018 - errors before the first print
    return checked(planned, options)


def _rules(options: argparse.Namespace) -> dict[str, Any]:
    """What the options say of which combinations are run."""
    when: dict[str, str] = {}
    for path, text in map(when_said, options.when):
        if path in when:
            raise ConfigError("has two conditions", path=path, where="--when", hint="join them by 'and' or 'or'")
        when[path] = text
    return {
        "link": [*map(link_said, options.link)],
        "exclude": options.exclude,
        "when": when,
        "add": [*map(addition_said, options.add)],
    }


def _config(options: argparse.Namespace) -> Config | None:
    """The config that a search begins from: the one that is named, or the first of ``config/``; None if it has none."""
    if options.no_config and options.config:
        raise ConfigError("both --config and --no-config", hint="leave one of them out")
    path = options.config or (None if options.no_config else _first_config())
    if path is None and options.trainer is None:
        if options.no_config:
            raise ConfigError("--no-config, and nothing says what trains", hint=f"give {_COMMAND}")
        file = "config.yaml" if Path("config.yaml").is_file() else "FILE"
        raise ConfigError(_no_config(), hint=f"give one: --config {file}\nor {_COMMAND}")
    return Config.load(path) if path else None


def execution_of(options: argparse.Namespace) -> Execution:
    """How the options say that a search is executed."""
    said = {name: getattr(options, name) for name in Execution.__dataclass_fields__}
    return Execution(**said)


_COMMAND = "a command with values: -- python train.py --lr '{lr=0.1,0.2}'"


def _first_config() -> Path | None:
    """The first config of ``config/``, alphabetically; None if there is none."""
    configs = sorted(path for path in Path("config").glob("*") if path.suffix in (".yaml", ".yml") and path.is_file())
    return configs[0] if configs else None


def _no_config() -> str:
    found = "has no *.yaml or *.yml file" if Path("config").is_dir() else "is not there"
    return f"no --config given, and the folder config/ {found}"
