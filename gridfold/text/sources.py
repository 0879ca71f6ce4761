"""Texts and labels read from wherever the config says: a file, a folder, a package, the hub."""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from gridfold.core.errors import ConfigError, nearest, nearest_file
from gridfold.core.logs import logger
from gridfold.text.encodings import encoding_of, not_decodable
from gridfold.text.location import is_hub_name, local_path
from gridfold.text.tasks import Text

_logger = logger()
_OTHER_SEPARATORS = (";", "\t", "|", ",")
_FORMATS = (".csv", ".tsv", ".jsonl", ".json", ".parquet")

Cells: TypeAlias = Mapping[str, Sequence[Any]]
"""The cells of every column, by its name."""


@dataclass(frozen=True)
class Columns:
    """Which columns hold what.

    Attributes:
        text: that of the texts, or the two of pairs.
        label: that of the labels, or those of 0 and 1 of several labels.
        group: that of the groups, or None.
    """

    text: str | tuple[str, ...]
    label: str | tuple[str, ...]
    group: str | None = None

    @property
    def keys(self) -> dict[str, str]:
        """Every column, and the key of ``data`` that names it."""
        found = dict.fromkeys(several(self.text), "text_column")
        found |= dict.fromkeys(several(self.label), "label_column")
        return found | ({self.group: "group_column"} if self.group is not None else {})


@dataclass(frozen=True)
class LabelledTexts:
    """Texts with their labels, in the order of the source, all as they stand there.

    Attributes:
        name: the source, as the config names it.
        path: dotted path of the config that names it.
        texts: the texts, or pairs of texts.
        labels: what stands in the column of labels; of several columns the names of those that hold a 1.
        groups: what stands in the column of groups; empty without one.
        written: whether labels are cells of a text file, in which a number has no type.
        columns: where all this was.
        undecodable: files in whose place of wrong bytes there is a sign for such.
    """

    name: str
    path: str
    texts: tuple[Text, ...]
    labels: tuple[Any, ...]
    groups: tuple[Any, ...]
    written: bool
    columns: Columns
    undecodable: tuple[str, ...] = ()

    def reject(self, values: Sequence[Any], wrong: Callable[[Any], bool], problem: str) -> None:
        """``ConfigError`` at the first row with a wrong value; ``problem`` goes on from ``'x' in row 3``."""
        for row, value in enumerate(values, start=1):
            if wrong(value):
                raise ConfigError(f"{value!r} in row {row} {problem} of {self.name}", path=self.path)


def read_table(name: str, columns: Columns, path: str, split: str) -> LabelledTexts:
    """Read texts and labels; nothing of them is changed.

    Args:
        name: a ``.csv``, ``.tsv``, ``.jsonl``, ``.json`` or ``.parquet`` file; a folder whose sub-folders are the
            classes; ``package:NAME/PATH`` to any of these; else a data set of the hub, as ``name`` or ``name:split``.
        columns: where the texts and labels are. A folder has the columns ``text`` and ``label``.
        path: dotted path of the config that holds ``name``, for errors.
        split: the split of a hub data set that is read when the name gives none.

    Raises:
        ConfigError: the source is not there, cannot be read, is empty, or lacks a column or a text.
    """
    location, undecodable = local_path(name, path), list[str]()
    cells = read_cells(name, path, split, list(columns.keys), undecodable)
    if cells:
        _require_columns(cells, columns, name)
    if not any(map(len, cells.values())):
        raise ConfigError(f"no examples in {name}", path=path)
    table = LabelledTexts(
        name,
        path,
        texts=tuple(_side_by_side(cells, columns.text)),
        labels=tuple(_labels(cells, columns.label, name, path)),
        groups=() if columns.group is None else tuple(cells[columns.group]),
        written=location is not None and location.suffix.lower() in {".csv", ".tsv"},
        columns=columns,
        undecodable=tuple(undecodable),
    )
    for column in several(columns.text):
        table.reject(cells[column], lambda v: not isinstance(v, str), f"is not a text in column '{column}'")
    if columns.group is not None:
        table.reject(table.groups, _is_missing, f"is not a group in column '{columns.group}'")
    return table


def read_cells(
    name: str, path: str, split: str, columns: Sequence[str] | None = None, undecodable: list[str] | None = None
) -> Cells:
    """The cells of some columns of a source, unchanged.

    Args:
        name: as `read_table` takes it.
        path: dotted path of the config that holds ``name``, for errors.
        split: the split of a hub data set that is read when the name gives none.
        columns: which columns to read; None for all. Of others there may be some, too; where one is not there, no
            cells are.
        undecodable: gets the names of files in whose place of wrong bytes there is a sign for such.

    Raises:
        ConfigError: the source is not there, or cannot be read.
    """
    location, replaced = local_path(name, path), [] if undecodable is None else undecodable
    if location is None:
        return _read_hub(name, path, split, columns)
    if not location.is_dir():
        return _read_file(location, path, columns)
    cells = _read_folder(location, path, replaced)
    if replaced:
        some = ", ".join(replaced[:5]) + (", ..." if len(replaced) > 5 else "")
        _logger.warning("not UTF-8, wrong bytes were replaced: %s", some)
    return cells


def several(column: str | tuple[str, ...]) -> tuple[str, ...]:
    """One column or more, as several."""
    return (column,) if isinstance(column, str) else column


def _require_columns(cells: Cells, columns: Columns, name: str) -> None:
    for column, key in columns.keys.items():
        if column not in cells:
            problem = f"no column '{column}' in {name}; columns: {', '.join(map(str, cells))}"
            near = nearest(column, map(str, cells))
            hint = near if near.startswith("did") else _separated_otherwise(next(iter(cells)), len(cells))
            raise ConfigError(problem, path=f"data.{key}", hint=hint)


def _separated_otherwise(first: str, columns: int) -> str:
    """A hint for a file that is taken to have one column; "" for any other."""
    sign = next((sign for sign in _OTHER_SEPARATORS if sign in str(first)), None)
    if columns > 1 or sign is None:
        return ""
    return f"its cells seem to be separated by {sign!r}: .csv files are read with ',' and .tsv files with tabs"


def _side_by_side(cells: Cells, column: str | tuple[str, ...]) -> Iterable[Any]:
    return cells[column] if isinstance(column, str) else zip(*(cells[name] for name in column), strict=True)


def _labels(cells: Cells, column: str | tuple[str, ...], name: str, path: str) -> Iterable[Any]:
    """The labels; of columns of 0 and 1, the names of those that hold a 1."""
    if isinstance(column, str):
        yield from cells[column]
        return
    for row, values in enumerate(_side_by_side(cells, column), start=1):
        signs = [_SIGNS.get(str(value).lower()) for value in values]
        if None in signs:
            place = signs.index(None)
            problem = f"{values[place]!r} in row {row} is neither 0 nor 1 in column '{column[place]}' of {name}"
            raise ConfigError(problem, path=path, hint="each of several label columns says whether that label holds")
        yield [label for label, sign in zip(column, signs, strict=True) if sign]


_SIGNS = {"0": False, "0.0": False, "false": False, "1": True, "1.0": True, "true": True}


def _is_missing(value: Any) -> bool:
    return value is None or value == "" or value != value  # noqa: PLR0124 (NaN)


def _read_folder(folder: Path, path: str, undecodable: list[str]) -> Cells:
    texts, labels = [], []
    for kind in sorted(entry for entry in folder.iterdir() if entry.is_dir() and entry.name[0] not in "._"):
        for file in sorted(entry for entry in kind.iterdir() if entry.is_file() and entry.name[0] != "."):
            content = file.read_bytes()
            encoding = encoding_of(content)
            try:
                text = content.decode(encoding)
            except UnicodeDecodeError:
                text = content.decode(encoding, errors="replace")
                undecodable.append(f"{kind.name}/{file.name}")
            texts.append(text)
            labels.append(kind.name)
    if not texts:
        raise ConfigError(f"{folder} has no class folders with files in them", path=path)
    return {"text": texts, "label": labels}


def _read_file(file: Path, path: str, columns: Sequence[str] | None) -> Cells:
    suffix = file.suffix.lower()
    if suffix not in _FORMATS:
        problem = f"cannot read {file}: unknown format '{file.suffix}'"
        raise ConfigError(problem, path=path, hint=f"valid: {', '.join(_FORMATS)}, or a folder of class folders")
    try:
        if suffix == ".parquet":
            return _parquet_cells(file, columns)
        return _json_cells(file) if suffix in {".json", ".jsonl"} else _csv_cells(file, columns)
    except UnicodeDecodeError:
        raise not_decodable(file, path) from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read {file}: {_first_line(error)}", path=path) from error


def _csv_cells(file: Path, columns: Sequence[str] | None) -> Cells:
    """Cells are text, "NA" and "null" too."""
    import pandas as pd  # the other formats do without

    content = file.read_bytes()
    how: dict[str, Any] = {"sep": "\t" if file.suffix.lower() == ".tsv" else ",", "encoding": encoding_of(content)}
    if b"\n" in content and b"\r" in content and b"\r\n" not in content:
        how["lineterminator"] = "\n"  # a carriage return in a text, which many writers do not quote, ends no row then
    how |= {"dtype": str, "na_filter": False}
    try:
        names = pd.read_csv(io.BytesIO(content), header=None, nrows=1, **how).iloc[0].tolist()  # all, as they are
        _require_once(names, names if columns is None else columns)
        with warnings.catch_warnings(action="error", category=pd.errors.ParserWarning):
            # Without index_col, rows that have a cell more than the header move by a column.
            frame = pd.read_csv(io.BytesIO(content), index_col=False, **how)
    except pd.errors.EmptyDataError:
        return {}
    except pd.errors.ParserWarning:
        raise ValueError("its rows have more cells than its first line, which names the columns") from None
    return {str(name): frame[name].tolist() for name in frame.columns}


def _require_once(names: Sequence[str], wanted: Iterable[str]) -> None:
    for name in wanted:
        if names.count(name) > 1:
            raise ValueError(f"it has {names.count(name)} columns called '{name}'")


def _json_cells(file: Path) -> Cells:
    """JSON lines, one JSON array of objects, or one object of columns."""
    raw = file.read_bytes()
    content = raw.decode(encoding_of(raw))
    if file.suffix.lower() == ".json" and (columns := _json_columns(content)):
        return columns
    rows = list(_json_array(content) if content.lstrip().startswith("[") else _json_lines(content.split("\n")))
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def _json_columns(content: str) -> Cells:
    """The columns of an object of lists, or of objects as pandas writes them; none if it is something else."""
    try:
        found = json.loads(content)
    except json.JSONDecodeError:  # lines, or an error that is told of a line
        return {}
    if not isinstance(found, dict) or not all(isinstance(column, list | dict) for column in found.values()):
        return {}
    rows = {tuple(column) if isinstance(column, dict) else len(column) for column in found.values()}
    if len(rows) > 1:
        raise ValueError("its columns do not have the same rows")
    return {name: list(column.values()) if isinstance(column, dict) else column for name, column in found.items()}


def _json_array(content: str) -> Iterable[dict[str, Any]]:
    for number, row in enumerate(json.loads(content), start=1):
        yield _object(row, f"item {number}")


def _json_lines(lines: Iterable[str]) -> Iterable[dict[str, Any]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(f"line {number}: {error}") from error
        yield _object(row, f"line {number}")


def _object(row: Any, where: str) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise ValueError(f"{where} is not an object")  # noqa: TRY004 (what a broken file raises)
    return row


def _parquet_cells(file: Path, columns: Sequence[str] | None) -> Cells:
    """Cells of the types that the file has for them: pandas would make 1.0 of a 1 beside a missing value."""
    from pyarrow import parquet  # type: ignore[import-untyped]  # slow, and needed only here

    with parquet.ParquetFile(file) as content:
        names = content.schema_arrow.names
        wanted = names if columns is None else columns
        if not set(wanted) <= set(names):
            return {name: [] for name in names}  # which is an error
        _require_once(names, wanted)
        table = content.read(columns=list(wanted))
    return {name: table.column(name).to_pylist() for name in wanted}


def _read_hub(name: str, path: str, split: str, columns: Sequence[str] | None) -> Cells:
    dataset, _, wanted = name.partition(":")
    if not is_hub_name(dataset) or Path(name).suffix in _FORMATS:
        raise ConfigError(f"no such file or folder: {name}", path=path, hint=nearest_file(Path(name)))
    import datasets  # slow, and needed only for the hub

    datasets.disable_progress_bars()
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # it tells of every retry
    try:
        loaded = datasets.load_dataset(dataset, split=wanted or split)
    except Exception as error:
        problem = f"no file or folder '{name}' here, and no data set of the hub: {_first_line(error)}"
        hint = nearest_file(Path(name)) or "offline? give the path of a file or folder"
        raise ConfigError(problem, path=path, hint=hint) from error
    names = loaded.column_names if columns is None else columns
    if not set(names) <= set(loaded.column_names):
        return {column: [] for column in loaded.column_names}  # which is an error
    found = loaded.select_columns(list(names)).with_format(None).to_dict()
    return {column: _with_names(cells, loaded.features[column]) for column, cells in found.items()}


def _with_names(cells: list[Any], feature: Any) -> list[Any]:
    """The cells of a column; the names of classes instead of their numbers. -1 stands for a class that is missing."""
    if getattr(feature, "feature", None) is not None:
        return [None if cell is None else _with_names(cell, feature.feature) for cell in cells]
    names = getattr(feature, "names", None)
    if names is None:
        return cells
    return [None if cell is None or cell < 0 else names[cell] for cell in cells]


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
