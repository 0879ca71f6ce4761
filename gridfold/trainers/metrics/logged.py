"""Files in which libraries for training keep their metrics."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from gridfold.trainers.metrics.curves import Curves
from gridfold.trainers.metrics.labels import is_result_name, position_of
from gridfold.trainers.metrics.names import is_cost, is_result
from gridfold.trainers.metrics.pairs import read_number

_MOST_BYTES = 64 << 20
_MOST_FILES = 200  # of one kind
_RESULTS = ("all_results.json", "eval_results.json", "test_results.json")
_STATE = "trainer_state.json"
_LOGGERS = ("metrics.csv", "summary.csv", "history.csv", "training.csv", "train_log.csv", "results.csv")
_EVENTS = "events.out.tfevents."
_NO_METRICS = ("hp_metric", "total_flos", "best_metric")
_PARENTHESES = re.compile(r"\([^()]*\)")


def read_logged(written: Sequence[Path]) -> Iterator[tuple[Curves, Sequence[Path]]]:
    """The metrics in files of each kind, in the order in which they are to be asked, and in which files they are.

    Args:
        written: files that one run wrote, those nearest to it first.
    """
    for read in (_results, _state, _tables, _events):
        curves, files = read(written)
        if files:
            yield curves, files


def read_entries(entries: Sequence[Mapping[str, Any]]) -> Curves:
    """The metrics in a log that is a list, with an entry for each epoch or step."""
    curves = Curves()
    for entry in entries:
        if metrics := _kept(entry):
            curves.add(metrics, {name: entry[name] for name in ("epoch", "step") if _is_number(entry.get(name))})
    return curves


def needs_tensorboard(written: Sequence[Path]) -> Sequence[Path]:
    """The files that only the package ``tensorboard`` reads, if it is not installed."""
    from importlib.util import find_spec

    events = [path for path in written if _EVENTS in path.name]
    return events if events and find_spec("tensorboard") is None else ()


def _results(written: Sequence[Path]) -> tuple[Curves, Sequence[Path]]:
    """What the examples of transformers leave at their end, with the curves beside it."""
    for name in _RESULTS:
        for path in _called(written, name):
            metrics = _kept(_json(path))
            if any(map(_is_known, metrics)):
                curves = _state([each for each in written if each.parent == path.parent])[0]
                curves.conclude(metrics)
                return curves, [path]
    return Curves(), ()


def _state(written: Sequence[Path]) -> tuple[Curves, Sequence[Path]]:
    """The log of transformers' Trainer that goes furthest."""
    found = [(_json(path), path) for path in _called(written, _STATE)]
    found = [(state, path) for state, path in found if isinstance(state.get("log_history"), list)]
    if not found:
        return Curves(), ()
    state, path = max(found, key=lambda each: _step(each[0]))  # of equals the first, which is the nearest
    curves = read_entries([entry for entry in state["log_history"] if isinstance(entry, dict)])
    return curves, [path] if curves else ()


def _step(state: Mapping[str, Any]) -> float:
    step = state.get("global_step")
    return step if isinstance(step, (int, float)) else -1


def _tables(written: Sequence[Path]) -> tuple[Curves, Sequence[Path]]:
    """CSV files with a line for each epoch or step, as loggers of Lightning, timm and Keras write them."""
    tables = [path for path in written if path.suffix == ".csv"][:_MOST_FILES]
    for path in sorted(tables, key=lambda each: each.name not in _LOGGERS):
        with suppress(OSError, ValueError, csv.Error):
            if path.stat().st_size <= _MOST_BYTES and (curves := _read_table(path)):
                return curves, [path]
    return Curves(), ()


def _read_table(path: Path) -> Curves:
    curves = Curves()
    with path.open(encoding="utf-8", errors="strict", newline="") as file:
        rows = csv.reader(file)
        names = [name.strip() for name in next(rows, [])]
        positions = [position_of([name]) if name else "" for name in names]
        is_logger = path.name in _LOGGERS
        kept = [bool(name) and not positions[index] and _is_column(name, is_logger) for index, name in enumerate(names)]
        if not any(position in ("epoch", "step") for position in positions) or not any(map(_is_known, names)):
            return curves
        place = positions.index("epoch") if "epoch" in positions else positions.index("step")
        last = -1.0
        for row in rows:
            at = read_number(row[place]) if place < len(row) else None
            if at is not None and at < last and "epoch" in positions:
                raise ValueError("the rows of several runs")
            last = last if at is None else at
            _read_row(row, names, positions, kept, curves)
    return curves


def _read_row(
    row: Sequence[str], names: Sequence[str], positions: Sequence[str], kept: Sequence[bool], curves: Curves
) -> None:
    metrics, place = {}, {}
    for cell, name, position, is_kept in zip(row, names, positions, kept, strict=False):
        value = read_number(cell) if is_kept or position in ("epoch", "step") else None
        if value is not None and is_kept:
            metrics[name] = value
        elif value is not None and position not in place:
            place[position] = value
    if metrics:
        curves.add(metrics, place)


def _is_column(name: str, is_logger: bool) -> bool:  # noqa: FBT001
    return _is_kept(name) if is_logger else _is_known(name)


def _events(written: Sequence[Path]) -> tuple[Curves, Sequence[Path]]:
    """TensorBoard's event files."""
    events = [path for path in written if _EVENTS in path.name][:_MOST_FILES]
    events = [path for path in events if path.stat().st_size <= _MOST_BYTES]
    if not events or needs_tensorboard(events):
        return Curves(), ()
    from gridfold.trainers.metrics.tensorboard import scalars  # takes a second, and is an extra

    points = [point for path in sorted(events, key=lambda each: each.stat().st_mtime_ns) for point in scalars(path)]
    known = {name for _, name, _ in points if _is_kept(name)}
    if not any(map(_is_known, known)):
        return Curves(), ()
    curves = Curves()
    moments: dict[tuple[float, str], dict[str, float]] = {}
    for step, name, value in points:
        if name in known:
            moments.setdefault((step, name.rpartition("/")[0]), {})[name] = value
    for (step, _), metrics in moments.items():
        curves.add(metrics, {"step": step})
    return curves, list(dict.fromkeys(path.parent for path in events))


def _called(written: Sequence[Path], name: str) -> list[Path]:
    """The files of a name, those in the uppermost folder first."""
    found = [path for path in written if path.name == name]
    return sorted(found, key=lambda path: len(path.parts))[:_MOST_FILES]


def _json(path: Path) -> Mapping[str, Any]:
    with suppress(OSError, ValueError, RecursionError):
        if path.stat().st_size <= _MOST_BYTES:
            content = json.loads(path.read_bytes())
            return content if isinstance(content, dict) else {}
    return {}


def _kept(content: Mapping[str, Any]) -> dict[str, float]:
    return {name: value for name, value in content.items() if _is_number(value) and _is_kept(name)}


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_kept(name: str) -> bool:
    """Whether a number that a library has logged may be a result."""
    return is_result(name) and not is_cost(name) and name.rpartition("/")[2] not in _NO_METRICS


def _is_known(name: str) -> bool:
    return _is_kept(name) and is_result_name(_PARENTHESES.sub("", name))
