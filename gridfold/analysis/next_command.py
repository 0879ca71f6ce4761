"""The command of a search like one that was, but for what it varies."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from gridfold.analysis.next_values import text
from gridfold.config.config import Config
from gridfold.config.overrides import Variation, parse_arguments
from gridfold.config.strategy import Strategy
from gridfold.core.values import canonical, render
from gridfold.runs.search import BASE, SearchDirectory
from gridfold.search.plan import Plan
from gridfold.space.parameters import ListedParameter, RangeParameter
from gridfold.trainers.placeholders import spellings, values_in, with_values
from gridfold.trainers.protocol import BUILT_IN

Changed = Mapping[str, ListedParameter | RangeParameter]


@dataclass(frozen=True)
class NextCommand:
    """Writes the command.

    Attributes:
        search: the search that was.
        plan: what it ran.
        repeats: how many repeats each trial is to have.
    """

    search: SearchDirectory
    plan: Plan
    repeats: int

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What the search says of itself."""
        return self.search.facts()

    def text(self, variations: Sequence[Variation], changed: Changed) -> str:
        """The command.

        Args:
            variations: what is to be laid over its config.
            changed: the parameters that do not have the values that they had.
        """
        words = ["gridfold", "search", "--config", self._config()]
        trainer = self._trainer(changed)
        in_command = () if isinstance(trainer, str) else values_in(trainer)
        variations = [each for each in variations if each.path not in in_command]
        if variations:
            words += ["--param-variations", *map(_argument, variations)]
        words += ["--run-prefix", self.search.name.rpartition("_")[0], "--reuse", *self._settings(trainer)]
        return shlex.join(words)

    def _trainer(self, changed: Changed) -> str | tuple[str, ...]:
        """The trainer of the search; a command that has the values of a parameter that is changed has the new ones."""
        trainer = self.facts["trainer"]
        if isinstance(trainer, str):
            return trainer
        said = values_in(trainer)
        values = {path: _values(each, said[path]) for path, each in changed.items() if path in said}
        return tuple(with_values(argument, values) for argument in trainer)

    def _config(self) -> str:
        """The file that the search was made from, if it is as it was; else the copy."""
        original, copy = Path(self.facts["config"]), self.search.dir / BASE
        try:
            same = original.read_bytes() == copy.read_bytes()
        except OSError:
            same = False
        return str(original if same else copy)

    def _settings(self, trainer: str | tuple[str, ...]) -> list[str]:
        """What was said on the command line and not in the file."""
        config = Config.parse(self.search.base(), self.facts["config"])
        words = [] if self.facts["threads"] == config.threads else ["--threads", str(self.facts["threads"])]
        if not self.plan.seeds.are_listed and self.repeats != (config.settings.repeats or 1):
            words += ["--repeats", str(self.repeats)]
        for name in ("cwd", "folds", "metric", "max_runs"):
            said = self.facts.get(name)
            if said is not None and said != getattr(config.settings, name):
                words += [f"--{name.replace('_', '-')}", str(said)]
        words += [*self._strategy(config), *self._rules(config)]
        patterns = self.facts.get("patterns")
        if patterns and patterns != config.settings.metrics:
            words += ["--metrics", *(f"{name}={pattern}" for name, pattern in patterns.items())]
        words += ["--race"] if self.facts.get("race") else []
        words += self._only_vary(config.settings.vary)
        more = self.facts.get("maximize")
        if more is not None and more != config.settings.maximize:
            words.append("--maximize" if more else "--minimize")
        if trainer == (config.trainer or BUILT_IN):
            return words
        return [*words, "--trainer", trainer] if isinstance(trainer, str) else [*words, "--", *trainer]

    def _strategy(self, config: Config) -> list[str]:
        """The strategy, as far as the file does not say it."""
        now, before = self.plan.strategy, Strategy.read(config.settings.strategy)
        pairs = (
            ("--strategy", now.name, before.name),
            ("--trials", now.trials, before.trials),
            ("--strategy-seed", now.seed, before.seed),
        )
        return [word for option, value, said in pairs if value != said for word in (option, str(value))]

    def _rules(self, config: Config) -> list[str]:
        """Links, conditions and additions beside those of the file, and how runs are pruned."""
        now, before = self.plan.config.settings, config.settings
        said = {
            "--link": [",".join(paths) for paths in now.link if paths not in before.link],
            "--exclude": [text for text in now.exclude if text not in before.exclude],
            "--when": [f"{path}={text}" for path, text in (now.when or {}).items() if path not in (before.when or {})],
            "--add": [_added(params) for params in now.add if params not in before.add],
            "--prune": [_joined(self.plan.prune or {})] if now.prune and now.prune != before.prune else [],
        }
        return [word for option, words in said.items() if words for word in (option, *words)]

    def _only_vary(self, of_the_file: tuple[str, ...] | None) -> list[str]:
        vary = self.plan.config.settings.vary
        return ["--vary", *vary] if vary and vary != of_the_file else []


def _added(params: Mapping[str, Any]) -> str:
    return ",".join(f"{path}={render(value)}" for path, value in params.items())


def _joined(prune: Mapping[str, Any]) -> str:
    return ",".join([str(prune["name"]), *(f"{name}={value}" for name, value in prune.items() if name != "name")])


def _argument(variation: Variation) -> str:
    """A variation as a person would write it."""
    if not variation.values:
        return variation.argument
    values = ",".join(_written(value) for value in variation.values)
    short = f"{'+' if variation.add else ''}{variation.path}={values}"
    return short if parse_arguments([short]) == (variation,) else variation.argument


def _values(parameter: ListedParameter | RangeParameter, before: str) -> str:
    """The values of a parameter for a command, those that it had as they were written."""
    if isinstance(parameter, RangeParameter):
        return Variation(parameter).argument.partition("=")[2]
    known = spellings(before)
    return ",".join(known.get(canonical(value)) or _written(value) for value in parameter.values)


def _written(value: Any) -> str:
    return text(value) if isinstance(value, float) else render(value)
