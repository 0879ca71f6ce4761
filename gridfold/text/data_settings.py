"""What the section ``data`` of a config says. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from gridfold.core.errors import ConfigError
from gridfold.text.long_texts import CHUNK_MEAN, HEAD_TAIL, LONG_TEXTS, TRUNCATE
from gridfold.text.objectives import TASKS
from gridfold.text.section import (
    SEED,
    TEXT,
    Kind,
    LazyConfig,
    choice,
    is_number,
    one_or_several,
    optional,
    setting,
    whole,
)

_FRACTION = "a path, a data set name, or a fraction between 0 and 1"
_HELD_OUT: Kind[str | float] = Kind(
    _FRACTION,
    lambda v: TEXT.accepts(v) or (isinstance(v, float) and is_number(v) and 0 < v < 1),
    lambda v: v,
)
_TOKENIZING = ("max_length", "long_texts")


@dataclass(frozen=True)
class DataSettings:
    """The examples.

    Attributes:
        train: a file, a folder of class folders, ``package:NAME/PATH``, or a hub data set name.
        validation: the same, or the fraction of ``train`` to split off.
        text_column: the column of texts, or the two columns of pairs.
        label_column: the column of labels, or the columns of 0 and 1 of several labels that may hold together.
        max_length: tokens kept of a text.
        limit: take this many examples of ``train``, stratified by label, before a validation split; null takes all.
            A validation set of its own is never limited.
        split_seed: seed of ``limit`` and of the split. It is not ``training.seed``: seeds are compared on one split.
        folds: into how many parts to split ``train``, stratified by label, of which one is the validation set;
            ``validation`` is not used then. Null for no parts.
        fold: which part that is, from 0.
        task: one of `TASKS`; null where the labels tell.
        test: as ``validation``; examples that neither training nor validation sees. Null for none.
        group_column: the column of groups, none of which is on both sides of a split; null for none.
        long_texts: what becomes of texts of more than ``max_length`` tokens: ``truncate`` keeps their beginning,
            ``head_tail`` beginning and end, ``chunk_mean`` all, in pieces whose vectors are averaged.
    """

    train: str = setting(TEXT)
    validation: str | float = setting(_HELD_OUT, 0.2)
    text_column: str | tuple[str, ...] = setting(one_or_several("a column, or a list of two", least=2, most=2), "text")
    label_column: str | tuple[str, ...] = setting(
        one_or_several("a column, or a list of two or more", least=2), "label"
    )
    max_length: int = setting(whole(1), 128)
    limit: int | None = setting(optional(whole(1)), None)
    split_seed: int = setting(SEED, 0)
    folds: int | None = setting(optional(whole(2)), None)
    fold: int | None = setting(optional(whole(0)), None)
    task: str | None = setting(optional(choice("a task", TASKS)), None)
    test: str | float | None = setting(optional(_HELD_OUT), None)
    group_column: str | None = setting(optional(TEXT), None)
    long_texts: str = setting(choice("a way with long texts", LONG_TEXTS), TRUNCATE)


def read_data(config: LazyConfig) -> DataSettings:
    """The data settings but for ``data.fold``; ``ConfigError`` where one is wrong."""
    return read_tokenizing(config, read_examples(config))


def read_examples(config: LazyConfig) -> DataSettings:
    """The data settings that say what the examples are. What becomes of their texts is not looked at."""
    return config.section("data").read(DataSettings, later=(*_TOKENIZING, "fold"))


def read_tokenizing(config: LazyConfig, settings: DataSettings) -> DataSettings:
    """The data settings with those that say how many tokens of a text are kept."""
    section, known = config.section("data"), {each.name: each for each in fields(DataSettings)}
    values = {name: section.get(name, known[name].metadata["kind"], known[name].default) for name in _TOKENIZING}
    settings = replace(settings, **values)
    if settings.long_texts == CHUNK_MEAN and not isinstance(settings.text_column, str):
        problem, hint = f"{CHUNK_MEAN} is for texts, not for pairs of them", f"give {TRUNCATE} or {HEAD_TAIL}"
        raise ConfigError(problem, path=section.path_of("long_texts"), hint=hint)
    return settings


def read_fold(config: LazyConfig, settings: DataSettings) -> DataSettings:
    """The data settings with ``data.fold``. It is read late: what comes before is the same for all parts."""
    section = config.section("data")
    fold = section.get("fold", optional(whole(0)), None)
    path = section.path_of("fold")
    if settings.folds is None:
        if fold is not None:
            raise ConfigError("given without data.folds, the number of parts", path=path, hint="give both, or none")
    elif fold is None:
        hint = "to hold out each part in a run of its own: --folds"
        raise ConfigError("required with data.folds: which part is held out", path=path, hint=hint)
    elif fold >= settings.folds:
        problem = f"expected a part from 0 to {settings.folds - 1}, found {fold}"
        raise ConfigError(problem, path=path, hint=f"data.folds is {settings.folds}")
    return replace(settings, fold=fold)
