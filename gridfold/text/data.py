"""The examples of a run: texts and label ids, limited and split."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from gridfold.core.errors import ConfigError
from gridfold.text.location import local_path, stamp
from gridfold.text.settings import DataSettings
from gridfold.text.sources import Columns, LabelledTexts, read_table
from gridfold.text.tasks import Label, Targets, Task

T = TypeVar("T")


@dataclass(frozen=True)
class Examples:
    """Texts and what is to be predicted of each."""

    texts: tuple[str, ...]
    targets: Targets

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: NDArray[np.int64]) -> Examples:
        """The examples at some rows."""
        return Examples(tuple(self.texts[row] for row in rows), self.targets[rows])


@dataclass(frozen=True)
class Dataset:
    """What a run learns from.

    Attributes:
        task: what is predicted.
        train: the examples to learn from.
        validation: the examples that every epoch is judged by.
        rows: where both are among all examples, if these are split into folds.
    """

    task: Task
    train: Examples
    validation: Examples
    rows: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None

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
    """The examples before it is known what is held out.

    Attributes:
        task: what is predicted.
        parts: the examples to learn from and those to judge by; all together, if they are split into folds.
    """

    task: Task
    parts: tuple[Examples, ...]

    def dataset(self, settings: DataSettings) -> Dataset:
        """The examples with what is held out."""
        if settings.folds is None:
            train, validation = self.parts
            return Dataset(self.task, train, validation)
        (examples,) = self.parts
        held_out = folds_of(examples.targets, settings.folds, [settings.split_seed, 2]) == settings.fold
        rows = (~held_out).nonzero()[0], held_out.nonzero()[0]
        return Dataset(self.task, examples.take(rows[0]), examples.take(rows[1]), rows)


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
    return _describe(settings, _stamps(settings))


def _stamps(settings: DataSettings) -> tuple[Any, ...]:
    named = [(settings.train, "data.train")]
    if settings.folds is None and isinstance(settings.validation, str):
        named.append((settings.validation, "data.validation"))
    places = [local_path(name, path) for name, path in named]
    return tuple(stamp(place) for place in places if place is not None)


@lru_cache(maxsize=64)
def _describe(settings: DataSettings, _stamps: tuple[Any, ...]) -> DataFacts:
    return facts_of(load_data(settings))


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
        ConfigError: a source cannot be read; there are fewer than two labels; a label of the validation set is not
            in the training set; a class is too small to be split; ``limit`` is smaller than the classes need.
    """
    columns = Columns(settings.text_column, settings.label_column)
    table = read_table(settings.train, columns, "data.train", split="train")
    labels = _sorted_labels(table)
    train = _limited(_examples(table, labels), labels, settings)
    if settings.folds is not None:
        _check_folds(train, labels, settings.folds)
        return Pool(_task(labels), (train,))
    if isinstance(settings.validation, str):
        other = read_table(settings.validation, columns, "data.validation", split="validation")
        _reject_unknown_labels(other, labels)
        return Pool(_task(labels), (train, _examples(other, labels)))
    return _split(train, labels, settings.validation, settings.split_seed)


def _task(labels: tuple[Label, ...]) -> Task:
    return Task("binary" if len(labels) == 2 else "multiclass", labels)


def _sorted_labels(table: LabelledTexts) -> tuple[Label, ...]:
    try:
        labels = tuple(sorted(set(table.labels)))
    except TypeError:
        kinds = sorted({type(label).__name__ for label in table.labels})
        raise ConfigError(f"labels of different types: {', '.join(kinds)}", path="data.label_column") from None
    if len(labels) < 2:
        raise ConfigError(f"at least 2 labels are needed, found {named(labels)}", path="data.label_column")
    return labels


def named(labels: Sequence[Label]) -> str:
    """How messages count and list labels: ``3: a, b, c``."""
    shown = ", ".join(str(label) for label in labels[:20])
    return f"{len(labels)}: {shown}" + (", ..." if len(labels) > 20 else "")


def _examples(table: LabelledTexts, labels: tuple[Label, ...]) -> Examples:
    place = {label: index for index, label in enumerate(labels)}
    return Examples(table.texts, np.array([place[label] for label in table.labels], dtype=np.int64))


def _reject_unknown_labels(table: LabelledTexts, labels: tuple[Label, ...]) -> None:
    unknown = sorted(set(table.labels) - set(labels), key=str)
    if unknown:
        problem = f"labels that the training examples do not have, {named(unknown)}"
        raise ConfigError(problem, path="data.validation", hint=f"labels of data.train, {named(labels)}")


def _limited(examples: Examples, labels: tuple[Label, ...], settings: DataSettings) -> Examples:
    limit = settings.limit
    if limit is None or limit >= len(examples):
        return examples
    least = 1 if settings.folds is None and isinstance(settings.validation, str) else 2
    if limit < least * len(labels):
        problem = f"{limit} is too few for {len(labels)} labels, at least {least * len(labels)} are needed"
        raise ConfigError(problem, path="data.limit")
    return examples.take(stratified(examples.targets, limit, [settings.split_seed, 0], least=least))


def _single(examples: Examples, labels: tuple[Label, ...]) -> str:
    """What is wrong if a label has one example only; "" if none has."""
    counts = np.bincount(examples.targets, minlength=len(labels))
    single = [labels[index] for index in np.flatnonzero(counts < 2)]
    return f"a stratified split needs 2 examples of every label, there is only 1 of {named(single)}" if single else ""


def _check_folds(examples: Examples, labels: tuple[Label, ...], folds: int) -> None:
    problem = _single(examples, labels)
    if folds > len(examples):
        problem = f"{len(examples)} examples cannot be split into {folds} parts"
    if problem:
        raise ConfigError(problem, path="data.folds", hint="give more examples")


def _split(examples: Examples, labels: tuple[Label, ...], fraction: float, seed: int) -> Pool:
    if problem := _single(examples, labels):
        raise ConfigError(problem, path="data.validation", hint="give a validation set of its own, or more examples")
    size = max(round(fraction * len(examples)), len(labels))
    rows = stratified(examples.targets, size, [seed, 1], least=1, spared=1)
    left = np.setdiff1d(np.arange(len(examples)), rows)
    return Pool(_task(labels), (examples.take(left), examples.take(rows)))


def folds_of(ids: NDArray[np.int64], folds: int, seed: Sequence[int]) -> NDArray[np.int64]:
    """For each row the part that it belongs to; every class is spread evenly over the parts, and so are all rows.

    Args:
        ids: the class of every row, shape ``(n,)``.
        folds: how many parts.
        seed: what the choice within the classes is drawn from.
    """
    generator = np.random.RandomState(list(seed))  # as in `stratified`
    order = np.concatenate([generator.permutation(np.flatnonzero(ids == index)) for index in range(ids.max() + 1)])
    parts = np.empty(len(ids), dtype=np.int64)
    parts[order] = np.arange(len(ids)) % folds
    return parts


def stratified(
    ids: NDArray[np.int64], size: int, seed: Sequence[int], *, least: int = 0, spared: int = 0
) -> NDArray[np.int64]:
    """Rows of a sample in which every class has its share, in ascending order.

    Our own, because a config must give the same split under every version of every library, and because small
    classes must not vanish from a small sample.

    Args:
        ids: the class of every row, shape ``(n,)``.
        size: rows to take.
        seed: what the choice within the classes is drawn from.
        least: rows taken of every class at the least, if it has as many.
        spared: rows left of every class at the least.
    """
    # Not default_rng: numpy promises of this one that its stream never changes.
    generator = np.random.RandomState(list(seed))
    quotas = _quotas(np.bincount(ids), size, least, spared)
    picked = [
        generator.permutation(np.flatnonzero(ids == index))[:quota] for index, quota in enumerate(quotas.tolist())
    ]
    return np.sort(np.concatenate(picked))


def _quotas(counts: NDArray[np.int64], size: int, least: int, spared: int) -> NDArray[np.int64]:
    """How many rows to take of every class: proportional, largest remainders first, within the bounds."""
    share = counts * size / counts.sum()
    highest = np.maximum(counts - spared, 0)
    lowest = np.minimum(least, highest)
    quotas: NDArray[np.int64] = np.clip(np.floor(share).astype(np.int64), lowest, highest)
    while (missing := size - int(quotas.sum())) != 0:
        step = 1 if missing > 0 else -1
        movable = quotas < highest if step > 0 else quotas > lowest
        if not movable.any():
            break
        # The class whose quota is farthest from its share moves one towards it.
        distance = np.where(movable, step * (share - quotas), -np.inf)
        quotas[int(np.argmax(distance))] += step
    return quotas
