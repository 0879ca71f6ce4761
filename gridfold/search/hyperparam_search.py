"""A search in Python: where config, plan, store and executor meet."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from gridfold.config.config import Config
from gridfold.config.overrides import from_mapping
from gridfold.core.errors import ConfigError
from gridfold.core.logs import logger
from gridfold.executors.protocol import Options
from gridfold.executors.registry import start
from gridfold.records.objective import Objective
from gridfold.runs.entries import RunEntry
from gridfold.runs.names import check_prefix
from gridfold.runs.record import Record
from gridfold.runs.run import Run
from gridfold.runs.store import Store
from gridfold.search.directories import create
from gridfold.search.execute import execute_search
from gridfold.search.execution import check_parallel
from gridfold.search.loop import Policy
from gridfold.search.more_runs import proposer_of
from gridfold.search.pending import Pending
from gridfold.search.plan import Plan
from gridfold.search.said import plan_said
from gridfold.search.tracking import tracked
from gridfold.search.warnings import number_like
from gridfold.trainers.protocol import Remark


class Silent:
    """A watcher that shows nothing but warnings."""

    def running(self, run: Run) -> None:
        """Nothing."""

    def waits(self, run: Run) -> None:
        """Nothing."""

    def ended(self, run: Run, record: Record, *, again: bool = False) -> None:
        """Nothing."""

    def added(self, entries: Sequence[RunEntry]) -> None:
        """Nothing."""

    def warned(self, sentence: str) -> None:
        """Log it."""
        logger().warning(sentence)


class HyperParamSearch:
    """Every combination of the values that a config, or the caller, gives.

    Example::

        search = HyperParamSearch("config/mlp_hyperparam_config.yaml")
        run_dirs = search.run_grid_search(run_prefix="experiment")

    Args:
        config: path of a YAML file, or a mapping. A list in it is varied (see ``gridfold.config.config.Config``).
        runs_dir: the folder for the runs; created if it is not there.
        vary: dotted paths of the lists of the config that vary, or of sections that hold them; no others do (default:
            the config's, or all).
        trainer: what trains: a function, also one of a notebook, ``module:function``, or a command as a list of its
            arguments (default: the config's, or the ready trainer).
        metric: what runs are compared by (default: the config's, or the first that a run has).
        maximize: whether more of it is better (default: the config's, or by its name).

    Raises:
        ConfigError: the config cannot be read, or the trainer is none.
    """

    def __init__(
        self,
        config: str | os.PathLike[str] | Mapping[str, Any],
        runs_dir: str | os.PathLike[str] = "runs",
        *,
        vary: Sequence[str] | None = None,
        trainer: Callable[..., Any] | str | Sequence[str] | None = None,
        metric: str | None = None,
        maximize: bool | None = None,
    ) -> None:
        self.config = Config.load(config).override(vary=vary, metric=metric, maximize=maximize)
        self.store = Store(runs_dir)
        self.trainer = trainer
        if trainer is not None:
            from gridfold.trainers import saved  # it imports cloudpickle

            saved.check(trainer)

    def run_grid_search(  # noqa: PLR0913 - what a user may say
        self,
        param_variations: Mapping[str, Any] | None = None,
        run_prefix: str = "run",
        execute: bool = False,  # noqa: FBT001, FBT002 - the documented signature
        parallel: int = 1,
        *,
        repeats: int | None = None,
        folds: int | None = None,
        max_runs: int | None = None,
        keep_going: bool = False,
        link: Sequence[Sequence[str]] = (),
        exclude: Sequence[str] = (),
        when: Mapping[str, str] = MappingProxyType({}),
        add: Sequence[Mapping[str, Any]] = (),
        strategy: str | Mapping[str, Any] | None = None,
        prune: str | Mapping[str, Any] | None = None,
        learn_from: str | Sequence[str] = (),
    ) -> Sequence[Path]:
        """Create a run directory with its config for every combination, and execute the runs if asked to.

        Args:
            param_variations: dotted path to its values, laid over what varies in the config: a path given here takes
                these values instead (one value pins it); other lists of the config still vary. ``+path`` adds a path.
                A range is `gridfold.log` and the like, or the same in words: ``{"log": [1e-6, 1e-3]}``.
            run_prefix: what the names of the directories begin with.
            execute: run them too; a run that fails is recorded, the others go on.
            parallel: how many runs at a time.
            repeats: how many runs of different seeds each combination has (default: the config's, or 1).
            folds: into how many parts to split the training data, each of which is held out in a run of its own
                (default: the config's, or not at all).
            max_runs: how many runs there may be (default: the config's, or 10,000).
            keep_going: go on although the first runs all fail alike, or the first has nothing to be compared by.
            link: groups of dotted paths that vary together, value by value; like the next three beside the config's.
            exclude: conditions; a combination of which one holds is left out.
            when: for a dotted path the condition under which it varies; else it keeps its first value.
            add: more combinations, by the values of some paths; the others have their first values.
            strategy: how trials are chosen: its name, or a mapping such as ``{"name": "tpe", "trials": 60, "seed": 0}``
                (default: the config's, or all combinations).
            learn_from: earlier searches by whose results a strategy chooses, too.
            prune: how runs that do worse than others wait: ``asha``, ``hyperband`` or ``median``, or a mapping such as
                ``{"name": "asha", "min": 1, "eta": 3}`` (default: the config's, or not at all).

        Returns:
            The run directories, last parameter fastest; all of the first repeat before those of the next. With a
            strategy that lists runs while it goes on, those that it begins with.

        Raises:
            ConfigError: bad input, and nothing was created; or the first run has nothing to be compared by.
            KeyboardInterrupt: it was stopped; ``gridfold resume`` continues it.
        """
        config = self.config.override(repeats=repeats, folds=folds, max_runs=max_runs, strategy=strategy, prune=prune)
        config = config.adding(link=link, exclude=exclude, when=when, add=add)
        check_parallel(parallel)
        check_prefix(run_prefix)
        plan = planned(config, param_variations or {}, self.trainer, self.store, learn_from)
        for warning in number_like(plan):
            logger().warning(warning)
        if not execute:
            return create(plan, run_prefix, self.store)[1]
        options = Options(plan.config.threads, parallel, runs_per_gpu=0)
        return self._execute(plan, run_prefix, options, keep_going=keep_going)

    def _execute(self, plan: Plan, run_prefix: str, options: Options, *, keep_going: bool) -> Sequence[Path]:
        with start(plan.executor, options) as executor:
            code = plan.check(executor, _log)
            search, run_dirs = create(plan, run_prefix, self.store, code)
            policy = Policy(keep_going=keep_going, objective=Objective.said(search.facts()))
            pending = Pending.read(search, code.fingerprint, proposer_of(search))
            with tracked(search, Silent(), logger().info) as watcher:
                outcome = execute_search(pending, executor, watcher, policy)
        if outcome.interrupted:
            raise KeyboardInterrupt
        if outcome.asks:
            hint = f"in Python: keep_going=True; when it is clear: gridfold resume {search.name}"
            raise ConfigError(outcome.stopped, where=search.name, hint=hint)
        return run_dirs


def _log(remarks: Sequence[Remark]) -> None:
    for remark in remarks:
        (logger().warning if remark.is_warning else logger().info)(remark.text)


def planned(
    config: Config, variations: Mapping[str, Any], trainer: Any, store: Store, learn_from: str | Sequence[str] = ()
) -> Plan:
    """The plan of a search by a trainer that may be a function; if that is in no module, it is saved now.

    Args:
        config: the base config.
        variations: what is laid over it.
        trainer: see `HyperParamSearch`.
        store: where the runs will be.
        learn_from: names of earlier searches (see `Plan`).

    Raises:
        ConfigError: bad input; nothing was created.
    """
    names = [learn_from] if isinstance(learn_from, str) else learn_from
    plan = plan_said(config, from_mapping(variations)).learning_from(names, store)
    plan.check_size()
    plan.check_end()
    if trainer is None:
        return plan
    from gridfold.trainers import saved  # it imports cloudpickle

    plan.space  # noqa: B018 - errors before a function is saved
    return replace(plan, config=config.override(trainer=saved.name_of(trainer, store.root)))
