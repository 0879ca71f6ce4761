"""What a trained classifier predicts of examples, as tables."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gridfold.text.data import Examples
from gridfold.text.outputs import Outputs, Prediction
from gridfold.text.tasks import Floats, Targets, Text


def write_predictions(file: Path, examples: Examples, outputs: Outputs, logits: Floats) -> None:
    """Write for every example: its row in the source, its text, the truth, the prediction, and all probabilities.

    Probabilities are written with all their digits, so that every metric can be computed of them again.
    """
    predicted, chances = outputs.predict(logits)
    named = zip(outputs.named(examples.targets), outputs.named(predicted), strict=True)
    header = ["row", *text_columns(examples.texts), "truth", "prediction", *probability_columns(outputs)]
    rows = (
        [row, *text_cells(text), cell(truth), cell(guess), *map(repr, probabilities)]
        for row, text, (truth, guess), probabilities in zip(
            examples.places.tolist(), examples.texts, named, chances.tolist(), strict=True
        )
    )
    write_table(file, header, rows)


def write_mistakes(file: Path, examples: Examples, outputs: Outputs, logits: Floats) -> None:
    """Write a row for every example whose labels are not predicted; where one label holds, how sure of that it was."""
    predicted, chances = outputs.predict(logits)
    sure = outputs.task.name != "multilabel"
    header = [*text_columns(examples.texts), "truth", "prediction", *(["probability"] if sure else [])]
    rows = []
    for row in mistakes(examples.targets, predicted):
        (truth,), (guess,) = outputs.named(examples.targets[[row]]), outputs.named(predicted[[row]])
        probability = [f"{chances[row, predicted[row]]:.6f}"] if sure else []
        rows.append([*text_cells(examples.texts[row]), cell(truth), cell(guess), *probability])
    write_table(file, header, rows)


def mistakes(truth: Targets, predicted: Targets) -> list[int]:
    """Which examples do not have the label, or just the labels, that are predicted."""
    wrong = truth != predicted
    rows: list[int] = np.flatnonzero(wrong.any(axis=1) if wrong.ndim > 1 else wrong).tolist()
    return rows


def text_columns(texts: Sequence[Text]) -> list[str]:
    """The names of the columns with the texts: one, or two where texts are pairs."""
    return ["text"] if not texts or isinstance(texts[0], str) else ["text_1", "text_2"]


def text_cells(text: Text) -> list[str]:
    """A text, or the two of a pair."""
    return [text] if isinstance(text, str) else list(text)


def probability_columns(outputs: Outputs) -> list[str]:
    """The names of the columns with the probability of each label."""
    return [f"probability_{label}" for label in outputs.task.labels]


def cell(value: Prediction) -> str:
    """A label as it is, several as a JSON list, a number with all its digits."""
    if isinstance(value, list):
        return json.dumps(value, ensure_ascii=False)
    return repr(value) if isinstance(value, float) else str(value)


def write_table(file: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a CSV file in UTF-8."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        stream.write(csv_row(header))
        stream.writelines(map(csv_row, rows))


def csv_row(cells: Iterable[Any], separator: str = ",") -> str:
    """A row of a CSV file.

    A cell with a carriage return is quoted, too: Python before 3.11.9 does so only if lines end with one, but whatever
    reads the file takes it for the end of a row.
    """
    line = io.StringIO()
    csv.writer(line, delimiter=separator).writerow(cells)
    return line.getvalue().removesuffix("\r\n") + "\n"
