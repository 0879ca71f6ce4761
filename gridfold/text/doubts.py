"""What of a data set is probably not as it was meant: said before the first run, which goes on all the same."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from gridfold.text.labels import Labelling, is_missing, is_number
from gridfold.text.sources import LabelledTexts
from gridfold.text.tasks import Label, Text

_MOST = 5  # of a kind that a line names


def doubts_of(table: LabelledTexts, labelling: Labelling) -> Iterator[str]:
    """What is odd in a source, in words."""
    if table.undecodable:
        yield f"not UTF-8, wrong bytes were replaced in {table.name}: {_some(table.undecodable)}"
    if table.name.lower().endswith(".tsv"):
        merged = [row for row, text in enumerate(table.texts, start=1) if any(map(_has_rows, _sides(text)))]
        if merged:
            yield f"texts of {table.name} with tabs and line breaks, in row {_some(merged)}: is a quote not closed?"
    empty = [row for row, text in enumerate(table.texts, start=1) if _is_empty(text)]
    if empty:
        yield f"{_counted(len(empty), 'text')} of {table.name} without a word, in row {_some(empty)}"
    for spellings in labelling.merged:
        yield f"{table.name} writes a number in several ways ({spellings}), which are read as one label"
    for gap in _gaps(labelling.task.labels):
        yield f"labels of {table.name} are numbers, but for '{gap}' (row {_first_row(table, gap)})"
    for alike in _alike(labelling.task.labels):
        rows = ", ".join(f"'{label}' (row {_first_row(table, label)})" for label in alike)
        yield f"labels of {table.name} that look like one: {rows}"


def doubts_of_split(train: Iterable[Text], validation: Iterable[Text]) -> Iterator[str]:
    """What is odd in how examples are split."""
    validation, known = list(validation), set(train)
    common = sum(text in known for text in validation)
    if common:
        yield f"{common:,} of {_counted(len(validation), 'validation text')} are among those to train on, too"


def _is_empty(text: Text) -> bool:
    return not any(side.strip() for side in _sides(text))


def _sides(text: Text) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else text


def _has_rows(text: str) -> bool:
    return "\t" in text and "\n" in text


def _gaps(labels: Sequence[Label]) -> Iterator[str]:
    """A label that says that there is none, where all others are numbers."""
    others = [label for label in labels if not is_number(label, written=True)]
    if len(others) == 1 and is_missing(others[0]):
        yield str(others[0])


def _alike(labels: Iterable[Label]) -> Iterator[list[str]]:
    """Labels that differ in case, spaces, or how a sign is encoded, and in nothing else."""
    found = defaultdict(list)
    for label in labels:
        if isinstance(label, str):
            found["".join(unicodedata.normalize("NFKC", label).casefold().split())].append(label)
    return (several for several in found.values() if len(several) > 1)


def _first_row(table: LabelledTexts, label: str) -> int:
    """The first row that has a label; where a row may have several, the first that has it among them."""
    found = (row for row, cell in enumerate(table.labels, start=1) if cell == label)
    return next(found, None) or next(row for row, cell in enumerate(table.labels, start=1) if label in cell)


def _some(values: Iterable[object]) -> str:
    shown = [str(value) for value in values]
    return ", ".join(shown[:_MOST]) + (", ..." if len(shown) > _MOST else "")


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
