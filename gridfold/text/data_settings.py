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
    """The examples: what the section says."""

    train: str = setting(
        TEXT,
        "a .csv, .tsv, .jsonl, .json or .parquet file, a folder of class folders, package:NAME/PATH, or a hub data set",
        "data/train.csv",
    )
    validation: str | float = setting(
        _HELD_OUT, "the same, or the fraction of train to split off, stratified", "0.1", 0.2
    )
    text_column: str | tuple[str, ...] = setting(
        one_or_several("a column, or a list of two", least=2, most=2),
        "the column of the texts, or the two columns of pairs",
        "!fixed [premise, hypothesis]",
        "text",
    )
    label_column: str | tuple[str, ...] = setting(
        one_or_several("a column, or a list of two or more", least=2),
        "the column of the labels, or one column of 0 and 1 per label",
        "!fixed [toxic, insult]",
        "label",
    )
    max_length: int = setting(whole(1), "tokens that the encoder is given at a time", "256", 128)
    limit: int | None = setting(
        optional(whole(1)),
        "use only this many examples of train, stratified, before the split; a validation set is never limited",
        "1000",
        None,
    )
    split_seed: int = setting(
        SEED, "seed of limit and split; not training.seed, so that seeds are compared on one split", "1", 0
    )
    folds: int | None = setting(
        optional(whole(2)), "split train into this many stratified parts; validation is not used then", "5", None
    )
    fold: int | None = setting(optional(whole(0)), "which part is held out to validate on, from 0", "0", None)
    task: str | None = setting(
        optional(choice("a task", TASKS)), "what is predicted", "multilabel", None, "as the labels say"
    )
    test: str | float | None = setting(
        optional(_HELD_OUT), "as validation; examples that neither training nor validation sees", "data/test.csv", None
    )
    group_column: str | None = setting(
        optional(TEXT),
        "a column such as the author or the document: no group is on two sides of a split",
        "author",
        None,
    )
    long_texts: str = setting(
        choice("a way with long texts", LONG_TEXTS),
        f"longer texts: {TRUNCATE} keeps their beginning, {HEAD_TAIL} beginning and end, {CHUNK_MEAN} all, in pieces "
        "whose vectors are averaged",
        HEAD_TAIL,
        TRUNCATE,
    )


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
