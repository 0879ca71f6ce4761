"""Predictions for a file of new texts: its columns, and beside them what a classifier says."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from gridfold.core.errors import ConfigError, nearest
from gridfold.core.files import replacing
from gridfold.text.encodings import encoding_of, not_decodable
from gridfold.text.predictions import cell, csv_row, probability_columns
from gridfold.text.saved import TextClassifier, load, read_description
from gridfold.text.sources import Cells, read_cells
from gridfold.text.tasks import Text
from gridfold.trainers.uses import NewData

_STDIN = "-"
_PREDICTION = "prediction"


def predict_file(run_dir: Path, data: NewData) -> str:
    """Predict the texts of a file with the classifier of a run; the result in a sentence.

    Every row and column of the file is kept as it is, and in its place. Added are ``prediction``, and for each label a
    column ``probability_LABEL``.

    Args:
        run_dir: the run.
        data: a source as ``data.train`` takes one, a ``.txt`` file with a text in every line, or ``-``, the same on
            standard input; the output is CSV, TSV, JSON lines or Parquet by its name.

    Raises:
        ConfigError: the run holds no trained classifier; the source cannot be read, lacks a column, or has something
            in it that is no text; the output cannot be of that kind, or is the source itself.
    """
    columns = _columns(read_description(run_dir), data)
    write = _writer(data)
    cells = _read(data.source, columns)
    texts = _texts(cells, columns, data.source)
    classifier = load(run_dir, use_cpu=data.use_cpu)
    taken = {_PREDICTION, *probability_columns(classifier.outputs)} & set(cells)
    if taken:
        hint = "rename it, or leave it out"
        raise ConfigError(f"has a column '{min(taken)}' already, which predictions need", where=data.source, hint=hint)
    write({**cells, **_predicted(classifier, texts)})
    said = f"Predicted {len(texts):,} text{'s' * (len(texts) != 1)}"
    return f"{said}: {data.output}" if data.output else said


def _columns(described: Mapping[str, Any], data: NewData) -> tuple[str, ...]:
    """The column of the texts, or the two of pairs."""
    trained = described.get("text_column", "text")
    known = (trained,) if isinstance(trained, str) else tuple(trained)
    if data.columns and len(data.columns) != len(known):
        expected = "one column" if len(known) == 1 else "two columns, as it was trained on pairs"
        raise ConfigError(f"{expected} expected, found {len(data.columns)}", where="--column")
    return data.columns or known


def _predicted(classifier: TextClassifier, texts: Sequence[Text]) -> dict[str, Sequence[Any]]:
    predicted, chances = classifier.predict(texts)
    probabilities = zip(probability_columns(classifier.outputs), chances.T.tolist(), strict=True)
    return {_PREDICTION: predicted, **dict(probabilities)}


def _read(source: str, columns: tuple[str, ...]) -> Cells:
    if source == _STDIN or (Path(source).suffix.lower() == ".txt" and Path(source).is_file()):
        if len(columns) > 1:
            raise ConfigError("lines are no pairs of texts", where=source, hint="give a file with two columns")
        return {columns[0]: _lines(sys.stdin.read() if source == _STDIN else _decoded(Path(source)))}
    return read_cells(source, "", "test")


def _lines(content: str) -> list[str]:
    """Not ``splitlines``: a text may have other signs in it that begin a line, such as U+2028, or a form feed."""
    return content.replace("\r\n", "\n").removesuffix("\n").split("\n") if content else []


def _decoded(file: Path) -> str:
    content = file.read_bytes()
    try:
        return content.decode(encoding_of(content))
    except UnicodeDecodeError:
        raise not_decodable(file, "") from None


def _texts(cells: Cells, columns: tuple[str, ...], source: str) -> list[Text]:
    for column in columns:
        if column not in cells:
            near = nearest(column, map(str, cells))
            hint = f"{near if near.startswith('did') else ''}\nname the column of the texts: --column NAME".strip()
            raise ConfigError(f"no column '{column}'; columns: {', '.join(map(str, cells))}", where=source, hint=hint)
        for row, text in enumerate(cells[column], start=1):
            if not isinstance(text, str):
                raise ConfigError(f"{text!r} in row {row} is not a text in column '{column}'", where=source)
    if len(columns) == 1:
        return list(cells[columns[0]])
    return list(zip(cells[columns[0]], cells[columns[1]], strict=True))


def _writer(data: NewData) -> Callable[[Cells], object]:
    """What writes the predictions; ``ConfigError`` if they could not be written there."""
    output = data.output
    if output is None:
        return lambda cells: _write_csv(cells, sys.stdout, ",")
    suffix = output.suffix.lower()
    if suffix not in _WRITERS:
        hint = nearest(suffix, _WRITERS) if suffix else f"valid: {', '.join(_WRITERS)}"
        raise ConfigError(f"unknown file extension '{suffix}'", where=str(output), hint=hint)
    if output.exists() and Path(data.source).exists() and output.samefile(data.source):
        raise ConfigError("is the file of the texts", where=str(output), hint="name another file for predictions")
    if not output.absolute().parent.is_dir():
        raise ConfigError(f"no such folder: {output.parent}", where=str(output))
    return lambda cells: _WRITERS[suffix](cells, output)


def _write_csv(cells: Cells, stream: TextIO, separator: str) -> None:
    stream.write(csv_row(cells, separator))
    stream.writelines(csv_row(map(_cell, row), separator) for row in _rows(cells))


def _cell(value: Any) -> str:
    return "" if value is None else cell(value)


def _rows(cells: Cells) -> Iterable[Sequence[Any]]:
    return zip(*cells.values(), strict=True)


def _write_lines(cells: Cells, stream: TextIO) -> None:
    """Rows as JSON lines; what JSON does not have, such as dates, is text."""
    for row in _rows(cells):
        stream.write(json.dumps(dict(zip(cells, row, strict=True)), ensure_ascii=False, default=str) + "\n")


def _to_file(write: Callable[[Cells, TextIO], None]) -> Callable[[Cells, Path], None]:
    def write_file(cells: Cells, file: Path) -> None:
        with replacing(file) as stream:
            write(cells, stream)

    return write_file


def _write_parquet(cells: Cells, file: Path) -> None:
    import pyarrow as pa  # type: ignore[import-untyped]  # slow, and needed only here
    from pyarrow import parquet

    try:
        table = pa.table({str(name): list(values) for name, values in cells.items()})
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:  # a column of values of several kinds
        hint = "JSON lines hold anything: name a .jsonl file"
        raise ConfigError(f"cannot be written as Parquet: {error}", where=str(file), hint=hint) from error
    temporary = file.with_name(f".{file.name}")
    parquet.write_table(table, temporary)
    temporary.replace(file)


_WRITERS: Mapping[str, Callable[[Cells, Path], None]] = {
    ".csv": _to_file(lambda cells, stream: _write_csv(cells, stream, ",")),
    ".tsv": _to_file(lambda cells, stream: _write_csv(cells, stream, "\t")),
    ".jsonl": _to_file(_write_lines),
    ".parquet": _write_parquet,
}
