"""Texts and labels read from wherever the config says: a file, a folder, a package, the hub."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from gridfold.core.errors import ConfigError, nearest, nearest_file
from gridfold.core.logs import logger
from gridfold.text.location import is_hub_name, local_path
from gridfold.text.tasks import Label

_FORMATS = (".csv", ".tsv", ".jsonl", ".json", ".parquet")
_logger = logger()


@dataclass(frozen=True)
class Columns:
    """Which columns hold the texts and the labels."""

    text: str
    label: str


@dataclass(frozen=True)
class LabelledTexts:
    """Texts with their labels, in the order of the source."""

    texts: tuple[str, ...]
    labels: tuple[Label, ...]


def read_table(name: str, columns: Columns, path: str, split: str) -> LabelledTexts:
    """Read texts and labels.

    Args:
        name: a ``.csv``, ``.tsv``, ``.jsonl``, ``.json`` or ``.parquet`` file; a folder whose sub-folders are the
            classes; ``package:NAME/PATH`` to any of these; else a data set of the hub, as ``name`` or ``name:split``.
        columns: where the texts and labels are. A folder has the columns ``text`` and ``label``.
        path: dotted path of the config that holds ``name``, for errors.
        split: the split of a hub data set that is read when the name gives none.

    Raises:
        ConfigError: the source is not there, cannot be read, is empty, or lacks a column, a text or a label.
    """
    return _table(read_frame(name, columns, path, split), columns, name, path)


def read_frame(name: str, columns: Columns, path: str, split: str) -> pd.DataFrame:
    """All columns of a source, as `read_table` finds it; ``ConfigError`` if it is not there or cannot be read."""
    location = local_path(name, path)
    if location is None:
        return _read_hub(name, path, split, columns.label)
    return _read_folder(location, path) if location.is_dir() else _read_file(location, path, columns)


def _table(frame: pd.DataFrame, columns: Columns, name: str, path: str) -> LabelledTexts:
    for key, column in (("text_column", columns.text), ("label_column", columns.label)):
        if column not in frame.columns:
            found = [str(other) for other in frame.columns]
            problem = f"no column '{column}' in {name}; columns: {', '.join(found)}"
            near = nearest(column, found)
            raise ConfigError(problem, path=f"data.{key}", hint=near if near.startswith("did") else "")
    if frame.empty:
        raise ConfigError(f"no examples in {name}", path=path)
    texts, labels = frame[columns.text].tolist(), frame[columns.label].tolist()
    _reject(texts, lambda v: not isinstance(v, str), f"is not a text in column '{columns.text}' of {name}", path)
    _reject(labels, _is_no_label, f"is not a label in column '{columns.label}' of {name}", path)
    return LabelledTexts(tuple(texts), tuple(labels))


def _reject(values: list[Any], wrong: Any, problem: str, path: str) -> None:
    for row, value in enumerate(values, start=1):
        if wrong(value):
            raise ConfigError(f"{value!r} in row {row} {problem}", path=path)


def _is_no_label(value: Any) -> bool:
    return value == "" or value != value or not isinstance(value, str | int | float | bool)  # noqa: PLR0124 (NaN)


def _read_folder(folder: Path, path: str) -> pd.DataFrame:
    rows, undecodable = [], []
    for kind in sorted(entry for entry in folder.iterdir() if entry.is_dir() and entry.name[0] not in "._"):
        for file in sorted(entry for entry in kind.iterdir() if entry.is_file() and entry.name[0] != "."):
            content = file.read_bytes()
            try:
                text = content.decode("utf-8-sig")
            except UnicodeDecodeError:
                text = content.decode("utf-8-sig", errors="replace")
                undecodable.append(f"{kind.name}/{file.name}")
            rows.append((text, kind.name))
    if not rows:
        raise ConfigError(f"{folder} has no class folders with files in them", path=path)
    if undecodable:
        some = ", ".join(undecodable[:5]) + (", ..." if len(undecodable) > 5 else "")
        _logger.warning("not UTF-8, wrong bytes were replaced: %s", some)
    return pd.DataFrame(rows, columns=["text", "label"])


def _read_file(file: Path, path: str, columns: Columns) -> pd.DataFrame:
    suffix = file.suffix.lower()
    if suffix not in _FORMATS:
        problem = f"cannot read {file}: unknown format '{file.suffix}'"
        raise ConfigError(problem, path=path, hint=f"valid: {', '.join(_FORMATS)}, or a folder of class folders")
    try:
        if suffix == ".parquet":
            return pd.read_parquet(file)
        if suffix in {".json", ".jsonl"}:
            return _json_frame(file)
        return _csv_frame(file, columns)
    except pd.errors.EmptyDataError:
        raise ConfigError(f"no examples in {file}", path=path) from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read {file}: {_first_line(error)}", path=path) from error


def _csv_frame(file: Path, columns: Columns) -> pd.DataFrame:
    """Cells are text, "NA" and "null" too. Labels are whole numbers where all of them are written as such."""
    separator = "\t" if file.suffix.lower() == ".tsv" else ","
    frame = pd.read_csv(file, sep=separator, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    if columns.label in frame.columns and frame[columns.label].str.fullmatch("0|-?[1-9][0-9]*").all():
        frame[columns.label] = frame[columns.label].astype("int64")
    return frame


def _json_frame(file: Path) -> pd.DataFrame:
    """JSON lines, or one JSON array of objects. Read by the standard library: pandas would guess at types."""
    content = file.read_text(encoding="utf-8-sig")
    rows = json.loads(content) if content.lstrip().startswith("[") else list(_json_lines(content.split("\n")))
    return pd.DataFrame(rows, dtype=object)


def _json_lines(lines: Iterable[str]) -> Iterable[dict[str, Any]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(f"line {number}: {error}") from error
        if not isinstance(row, dict):
            raise ValueError(f"line {number} is not an object")  # noqa: TRY004 (what a broken file raises)
        yield row


def _read_hub(name: str, path: str, split: str, label_column: str) -> pd.DataFrame:
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
    frame: pd.DataFrame = loaded.to_pandas()
    names = getattr(loaded.features.get(label_column), "names", None)
    if names is not None:
        frame[label_column] = [names[index] for index in frame[label_column]]
    return frame


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
