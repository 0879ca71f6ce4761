"""Predictions for a file of texts: its columns, and beside them what the classifier says."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from gridfold.core.errors import ConfigError, nearest
from gridfold.core.files import replacing
from gridfold.text.saved import TextClassifier, load, read_description
from gridfold.text.sources import Columns, read_frame
from gridfold.trainers.uses import NewData

STDIN = "-"
_PREDICTION, _PROBABILITY = "prediction", "probability_"


def predict_file(run_dir: Path, data: NewData) -> str:
    """Predict the texts of a file with the classifier of a run; the result in a sentence.

    Every row and column of the file is kept as it is, and in its place. Added are ``prediction``, the label, and for
    each label a column ``probability_LABEL``.

    Args:
        run_dir: the run.
        data: a source as ``data.train`` takes one, a ``.txt`` file with a text in every line, or ``-``, the same on
            standard input; the output is CSV, TSV, JSON lines or Parquet by its name.

    Raises:
        ConfigError: the run holds no trained classifier; the source cannot be read, lacks a column, or has something
            in it that is no text; the output cannot be of that kind, or is the source itself.
    """
    said = read_description(run_dir)
    column = data.columns[0] if data.columns else str(said.get("text_column", "text"))
    write = _writer(data)
    frame = _read(data.source, column)
    texts = _texts(frame, column, data.source)
    classifier = load(run_dir, use_cpu=data.use_cpu)
    added = columns_of(classifier, texts)
    if taken := [name for name in added if name in frame.columns]:
        hint = "rename it, or leave it out"
        raise ConfigError(f"has a column '{taken[0]}' already, which predictions need", where=data.source, hint=hint)
    write(pd.concat([frame, pd.DataFrame(added, index=frame.index)], axis=1))
    texts_said = f"{len(frame):,} text{'s' * (len(frame) != 1)}"
    return f"Predicted {texts_said}: {data.output}" if data.output else f"Predicted {texts_said}"


def columns_of(classifier: TextClassifier, texts: Sequence[str]) -> dict[str, Sequence[Any]]:
    """What is predicted, by the names of the columns that hold it in a file."""
    labels, chances = classifier.predict(texts)
    probabilities: dict[str, Any] = {
        f"{_PROBABILITY}{label}": chances[:, place] for place, label in enumerate(classifier.labels)
    }
    return {_PREDICTION: labels, **probabilities}


def _read(source: str, column: str) -> pd.DataFrame:
    if source == STDIN:
        return pd.DataFrame({column: sys.stdin.read().splitlines()}, dtype=object)
    if Path(source).suffix.lower() == ".txt" and Path(source).is_file():
        return pd.DataFrame({column: _lines(Path(source))}, dtype=object)
    return read_frame(source, Columns(column, ""), "", split="test").reset_index(drop=True)


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8-sig").removesuffix("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}", where=str(file)) from error


def _texts(frame: pd.DataFrame, column: str, source: str) -> list[str]:
    if column not in frame.columns:
        found = [str(name) for name in frame.columns]
        near = nearest(column, found)
        hint = f"{near if near.startswith('did') else ''}\nname the column of the texts: --column NAME".strip()
        raise ConfigError(f"no column '{column}'; columns: {', '.join(found)}", where=source, hint=hint)
    texts: list[Any] = frame[column].tolist()
    for row, text in enumerate(texts, start=1):
        if not isinstance(text, str):
            raise ConfigError(f"{text!r} in row {row} is not a text in column '{column}'", where=source)
    return texts


def _writer(data: NewData) -> Callable[[pd.DataFrame], object]:
    """What writes the predictions."""
    if data.output is None:
        return lambda frame: sys.stdout.write(_csv(frame, ","))
    suffix = data.output.suffix.lower()
    if suffix not in _WRITERS:
        hint = nearest(suffix, _WRITERS) if suffix else f"valid: {', '.join(_WRITERS)}"
        raise ConfigError(f"unknown file extension '{suffix}'", where=str(data.output), hint=hint)
    if data.output.exists() and Path(data.source).exists() and data.output.samefile(data.source):
        raise ConfigError("is the file of the texts", where=str(data.output), hint="name another file for predictions")
    if not data.output.absolute().parent.is_dir():
        raise ConfigError(f"no such folder: {data.output.parent}", where=str(data.output))
    output = data.output
    return lambda frame: _WRITERS[suffix](frame, output)


def _csv(frame: pd.DataFrame, separator: str) -> str:
    text: str = frame.to_csv(index=False, sep=separator, lineterminator="\n")
    return text


def _write_text(make: Callable[[pd.DataFrame], str]) -> Callable[[pd.DataFrame, Path], None]:
    def write(frame: pd.DataFrame, file: Path) -> None:
        text = make(frame)
        with replacing(file) as stream:
            stream.write(text)

    return write


def _json_lines(frame: pd.DataFrame) -> str:
    rows = (
        {name: value for name, value in row.items() if value == value}  # noqa: PLR0124 (NaN: a key that a row has not)
        for row in frame.to_dict(orient="records")
    )
    return "".join(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows)


def _parquet(frame: pd.DataFrame, file: Path) -> None:
    temporary = file.with_name(f".{file.name}")
    try:
        frame.to_parquet(temporary, index=False)
        temporary.replace(file)
    except (ValueError, TypeError) as error:  # a column of values of several kinds
        hint = "JSON lines hold anything: name a .jsonl file"
        raise ConfigError(f"cannot be written as Parquet: {error}", where=str(file), hint=hint) from error
    finally:
        temporary.unlink(missing_ok=True)


_WRITERS: Mapping[str, Callable[[pd.DataFrame, Path], None]] = {
    ".csv": _write_text(lambda frame: _csv(frame, ",")),
    ".tsv": _write_text(lambda frame: _csv(frame, "\t")),
    ".jsonl": _write_text(_json_lines),
    ".parquet": _parquet,
}
