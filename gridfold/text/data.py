"""The examples of a run: texts and what is to be predicted of them, limited and split."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from gridfold.core.errors import ConfigError
from gridfold.text.data_settings import DataSettings
from gridfold.text.doubts import doubts_of, doubts_of_split
from gridfold.text.labels import Labelling, labelling_of
from gridfold.text.location import local_path, stamp
from gridfold.text.sources import Columns, LabelledTexts, read_table, several
from gridfold.text.splits import folds_of, sample, strata_of
from gridfold.text.tasks import Label, Targets, Task, Text, named

T = TypeVar("T")


@dataclass(frozen=True)
class Examples:
    """Texts and what is to be predicted of each.

    Attributes:
        texts: the texts, or pairs of texts.
        targets: what is to be predicted.
        places: in which row of its source each example is, 1 for the first.
        groups: the group that each belongs to; None where there are none.
    """

    texts: tuple[Text, ...]
    targets: Targets
    places: NDArray[np.int64]
    groups: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: NDArray[np.int64]) -> Examples:
        """The examples at some rows."""
        groups = None if self.groups is None else self.groups[rows]
        return Examples(tuple(self.texts[row] for row in rows), self.targets[rows], self.places[rows], groups)

    def without(self, rows: NDArray[np.int64]) -> Examples:
        """The examples at all other rows."""
        return self.take(np.setdiff1d(np.arange(len(self)), rows))


@dataclass(frozen=True)
class Dataset:
    """What a run learns from.

    Attributes:
        task: what is predicted.
        train: the examples to learn from.
        validation: the examples that every epoch is judged by.
        rows: where both are among all examples, if these are split into folds.
        doubts: what of all this is probably not as it was meant, in words.
    """

    task: Task
    train: Examples
    validation: Examples
    rows: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None
    doubts: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[Label, ...]:
        """The label values, sorted; the id of a label is its place here."""
        return self.task.labels

    def parted(self, made: Sequence[T], take: Callable[[T, NDArray[np.int64]], T]) -> tuple[T, T]:
        """What was made of the parts of a pool, for the examples to learn from and for those to judge by."""
        if self.rows is None:
            return made[0], made[1]
        train, validation = self.rows
        return take(made[0], train), take(made[0], validation)


@dataclass(frozen=True)
class Pool:
    """The examples before it is known what is held out; those of a test set are not among them.

    Attributes:
        task: what is predicted.
        parts: the examples to learn from and those to judge by; all together, if they are split into folds.
        doubts: what of all this is probably not as it was meant, in words.
    """

    task: Task
    parts: tuple[Examples, ...]
    doubts: tuple[str, ...] = ()

    def dataset(self, settings: DataSettings) -> Dataset:
        """The examples with what is held out."""
        if settings.folds is None:
            train, validation = self.parts
            return Dataset(self.task, train, validation, doubts=self.doubts)
        (examples,) = self.parts
        strata = strata_of(self.task, examples.targets)
        held_out = folds_of(strata, settings.folds, [settings.split_seed, 2], examples.groups) == settings.fold
        rows = (~held_out).nonzero()[0], held_out.nonzero()[0]
        return Dataset(self.task, examples.take(rows[0]), examples.take(rows[1]), rows, self.doubts)


@dataclass(frozen=True)
class DataFacts:
    """What a config is checked against: a `Dataset` without its texts.

    Attributes:
        task: what is predicted.
        train_size: training examples.
        validation_classes: labels that validation examples have; where several may hold, that some have and some not.
    """

    task: Task
    train_size: int
    validation_classes: int

    @property
    def labels(self) -> tuple[Label, ...]:
        """The label values, sorted."""
        return self.task.labels


def describe(settings: DataSettings) -> DataFacts:
    """The facts about a data set, read once per distinct settings as long as its files do not change."""
    return _describe(settings, stamps(settings))


def stamps(settings: DataSettings) -> tuple[Any, ...]:
    """What tells whether the sources of a data set have changed."""
    sources = [(settings.train, "data.train")]
    if settings.folds is None and isinstance(settings.validation, str):
        sources.append((settings.validation, "data.validation"))
    if isinstance(settings.test, str):
        sources.append((settings.test, "data.test"))
    places = [local_path(name, path) for name, path in sources]
    return tuple(stamp(place) for place in places if place is not None)


@lru_cache(maxsize=64)
def _describe(settings: DataSettings, stamps: tuple[Any, ...]) -> DataFacts:
    data = loaded(settings, stamps)
    if isinstance(settings.test, str):
        load_test(settings, data.task)  # for the errors
    return facts_of(data)


@lru_cache(maxsize=1)
def loaded(settings: DataSettings, _stamps: tuple[Any, ...]) -> Dataset:
    """A data set, kept until another one is asked for; `stamps` say that its files have not changed."""
    return load_data(settings)


def facts_of(data: Dataset) -> DataFacts:
    """The facts about a data set that is loaded."""
    targets = data.validation.targets
    varying = int((targets.min(axis=0) < targets.max(axis=0)).sum()) if targets.ndim > 1 else len(np.unique(targets))
    return DataFacts(data.task, len(data.train), varying)


def load_data(settings: DataSettings) -> Dataset:
    """Read, label, limit and split the examples; ``ConfigError`` as `load_pool` has it."""
    return load_pool(settings).dataset(settings)


def load_pool(settings: DataSettings) -> Pool:
    """Read, label and limit the examples, and split them as far as that is the same for all folds.

    Raises:
        ConfigError: a source cannot be read; the labels do not make a task; a label of the validation set is not in
            the training set; a class is too small to be split; ``limit`` is smaller than the classes need.
    """
    table, labelling, all_of_train = _training(settings)
    task, doubts = labelling.task, tuple(doubts_of(table, labelling))
    train = _limited(_without_test(all_of_train, task, settings), task, settings)
    if settings.folds is not None:
        _check_folds(train, task, settings.folds)
        return Pool(task, (train,), doubts)
    if isinstance(settings.validation, str):
        validation = _others(settings, settings.validation, "validation", labelling, table)
    else:
        rows = _held_out(train, task, settings.validation, [settings.split_seed, 1], "data.validation")
        train, validation = train.without(rows), train.take(rows)
    doubts += tuple(doubts_of_split(train.texts, validation.texts))
    return Pool(task, (train, validation), doubts)


def load_test(settings: DataSettings, task: Task) -> Examples:
    """The examples of ``data.test``, which neither training nor validation sees.

    Args:
        settings: those of the run.
        task: what the run predicts.

    Raises:
        ConfigError: there is no test set, it cannot be read or has labels of its own; the training examples, by whose
            labels it is read, are not those that the run had.
    """
    if settings.test is None:
        raise ConfigError("no test set", path="data.test", hint="give a path, a data set name, or a fraction")
    table, labelling, train = _training(settings)
    if labelling.task != task:
        problem = f"other labels than the run was trained with, {named(labelling.task.labels)}"
        raise ConfigError(problem, path="data.train", hint=f"labels of the run, {named(task.labels)}")
    if isinstance(settings.test, str):
        return _others(settings, settings.test, "test", labelling, table)
    return train.take(_test_rows(train, task, settings))


def _columns(settings: DataSettings) -> Columns:
    columns = Columns(settings.text_column, settings.label_column, settings.group_column)
    for column in {*several(columns.text)} & {*several(columns.label)}:
        problem = f"'{column}' is what is to be predicted (data.label_column)"
        raise ConfigError(problem, path="data.text_column", hint="name the column of the texts")
    if columns.group in several(columns.label):
        problem = f"'{columns.group}' is what is to be predicted (data.label_column)"
        hint = "no label would be on both sides of a split; name the column of what belongs together"
        raise ConfigError(problem, path="data.group_column", hint=hint)
    return columns


def _training(settings: DataSettings) -> tuple[LabelledTexts, Labelling, Examples]:
    """What ``data.train`` holds, how its labels are read, and both together."""
    table = read_table(settings.train, _columns(settings), "data.train", split="train")
    labelling = labelling_of(table, settings.task)
    return table, labelling, _examples(table, labelling)


def _others(settings: DataSettings, name: str, split: str, labelling: Labelling, train: LabelledTexts) -> Examples:
    """The examples of a source of its own."""
    table = read_table(name, _columns(settings), f"data.{split}", split)
    examples = _examples(table, labelling)
    common = sorted(set(table.groups) & set(train.groups), key=str)
    if common:
        problem = f"groups that the training examples have, too, {named(common)}"
        hint = "leave them out of one of the two, or leave out data.group_column"
        raise ConfigError(problem, path=f"data.{split}", hint=hint)
    return examples


def _examples(table: LabelledTexts, labelling: Labelling) -> Examples:
    ids = {group: place for place, group in enumerate(dict.fromkeys(table.groups))}
    groups = np.array([ids[group] for group in table.groups], dtype=np.int64) if ids else None
    places = np.arange(1, len(table.texts) + 1)
    return Examples(table.texts, labelling.targets(table), places, groups)


def _without_test(examples: Examples, task: Task, settings: DataSettings) -> Examples:
    return examples.without(_test_rows(examples, task, settings)) if isinstance(settings.test, float) else examples


def _test_rows(examples: Examples, task: Task, settings: DataSettings) -> NDArray[np.int64]:
    """The rows of a test set that is a fraction. It is taken before ``limit``, so that it is the same for any."""
    splits_again = settings.folds is not None or isinstance(settings.validation, float)
    seed, spared = [settings.split_seed, 3], 2 if splits_again else 1
    return _held_out(examples, task, float(settings.test or 0), seed, "data.test", spared)


def _limited(examples: Examples, task: Task, settings: DataSettings) -> Examples:
    limit = settings.limit
    if limit is None or limit >= len(examples):
        return examples
    least = 1 if settings.folds is None and isinstance(settings.validation, str) else 2
    classes = len(task.labels) if task.name in {"binary", "multiclass"} else 1
    if limit < least * classes:
        problem = f"{limit} is too few for {classes} labels, at least {least * classes} are needed"
        raise ConfigError(problem, path="data.limit")
    strata = strata_of(task, examples.targets)
    return examples.take(sample(strata, limit, [settings.split_seed, 0], least=least))


def _held_out(
    examples: Examples, task: Task, fraction: float, seed: list[int], path: str, spared: int = 1
) -> NDArray[np.int64]:
    """The rows of a fraction; of every label at least ``spared`` are left, and one is taken."""
    name = path.removeprefix("data.")
    if problem := _too_few(examples, task, spared + 1, 2):
        raise ConfigError(problem, path=path, hint=f"give a {name} set of its own, or more examples")
    strata = strata_of(task, examples.targets)
    classes = len(task.labels) if task.name in {"binary", "multiclass"} else 1
    size = max(round(fraction * len(examples)), classes)
    rows = sample(strata, size, seed, groups=examples.groups, least=1, spared=spared)
    if not 0 < len(rows) < len(examples):
        problem = f"{fraction} of {len(examples)} examples leaves nothing on one side"
        raise ConfigError(problem, path=path, hint="give another fraction, or more examples")
    return rows


def _check_folds(examples: Examples, task: Task, folds: int) -> None:
    problem = _too_few(examples, task, 2, folds)
    if folds > len(examples):
        problem = f"{len(examples)} examples cannot be split into {folds} parts"
    if problem:
        raise ConfigError(problem, path="data.folds", hint="give more examples")


def _too_few(examples: Examples, task: Task, least: int, parts: int) -> str:
    """What is wrong if examples cannot be split; "" if they can."""
    if examples.groups is not None:
        groups = len(np.unique(examples.groups))
        return f"{groups} groups cannot be split into {parts} parts" if groups < parts else ""
    if task.name not in {"binary", "multiclass"}:
        return "" if len(examples) >= parts else f"{len(examples)} examples cannot be split into {parts} parts"
    counts = np.bincount(examples.targets, minlength=len(task.labels))
    few = [task.labels[index] for index in np.flatnonzero(counts < least)]
    found = "there is only 1" if least == 2 else "there are fewer"
    return f"a stratified split needs {least} examples of every label, {found} of {named(few)}" if few else ""
