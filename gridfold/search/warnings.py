"""What of a plan is probably not as it was meant: said before the first run, which goes on all the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from gridfold.config.config import is_within
from gridfold.config.known import SECTION
from gridfold.config.number_like import texts_like_numbers
from gridfold.search.plan import Plan
from gridfold.space.space import Parameter

if TYPE_CHECKING:
    from gridfold.trainers.command import CommandTrainer

_MOST_WARNINGS = 10
_LOOKED_AT = 20  # trials
_PYTHON = {"None": "null", "True": "true", "False": "false"}  # and what YAML says for it


def warnings_of(plan: Plan) -> Iterator[str]:
    """All of them, in words."""
    for parameter in plan.space.parameters:
        yield from _spelling(parameter)
    yield from _unused_parameters(plan)
    if plan.most_repeats > 1:
        yield from unused_seed(plan)


def number_like(plan: Plan) -> Iterator[str]:
    """The texts that were probably meant as numbers."""
    given = [variation.path for variation in plan.variations]
    document = plan.config.document
    found = [
        f"{document.where(place.node)}: {place.path}: {said}"
        for place, said in texts_like_numbers(document)
        if not is_within(place.path, [SECTION, *given])
    ]
    found += [f"{variation.path}: {said}" for variation in plan.variations for said in variation.like_numbers]
    yield from found[:_MOST_WARNINGS]
    if len(found) > _MOST_WARNINGS:
        yield f"{len(found) - _MOST_WARNINGS:,} more texts look like numbers"


def unused_seed(plan: Plan) -> Iterator[str]:
    """That the repeats of a command are probably all the same."""
    command, path = _blind_command(plan), plan.seeds.path
    if command is None:
        return
    first, params = plan.repetitions[0], plan.first_trials[0].params
    configs = {repeat: plan.renderer_of(replace(first, repeat=repeat)).config(params) for repeat in range(2)}
    told = {command.told(config, plan.seeds[repeat]) for repeat, config in configs.items()}
    if len(told) == 1:
        which = f"{{{path}}}" if path else "{seed}"
        yield (
            f"no argument of the command has the seed of a repeat ({which}), so unless it reads $GRIDFOLD_SEED, or"
            " draws without a seed, its repeats are all the same and tell nothing of the noise"
        )


def _unused_parameters(plan: Plan) -> Iterator[str]:
    """The parameters that a command is probably not told."""
    if (command := _blind_command(plan)) is None:
        return
    sample = [trial.params for trial in plan.space.sample(_LOOKED_AT)]
    for parameter in plan.space.parameters:
        path = parameter.path
        having = [params for params in sample if path in params]
        values = parameter.values or [params[path] for params in having]
        configs = (plan.renderer.config({**having[0], path: value}) for value in values if having)
        if len({command.told(config, 0) for config in configs}) == 1:
            yield (
                f"no argument of the command has {path} ({{{path}}}), so unless it reads $GRIDFOLD_CONFIG, its values"
                " make no difference"
            )


def _blind_command(plan: Plan) -> CommandTrainer | None:
    """The command that trains, if it knows of a run what its arguments say, and nothing else."""
    if isinstance(plan.trainer, str):
        return None
    from gridfold.trainers.command import CommandTrainer  # a function needs nothing of it

    command = CommandTrainer(plan.trainer)
    return None if command.may_look else command


def _spelling(parameter: Parameter) -> Iterator[str]:
    """Texts that are no texts in Python, beside values that are none."""
    values = parameter.values or ()
    if all(isinstance(value, str) for value in values):
        return
    for value in values:
        if isinstance(value, str) and value in _PYTHON:
            yield f"{parameter.path}: '{value}' is a text in YAML; is {_PYTHON[value]} meant?"
