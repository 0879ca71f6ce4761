"""Metrics that have the same names, but are of several things: parts of the data, models, datasets, folds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from gridfold.trainers.metrics.labels import position_of, split_in, split_of
from gridfold.trainers.metrics.names import NUMBERED, is_cost, is_result

_MOST_WORDS = 4  # of a label; more are prose
_MOST_THINGS = 50  # more are names that each line has of its own
_OF_LOGGERS = frozenset(("level", "levelname", "severity"))
_LABEL = re.compile(r"\W*([^\W\d][\w./-]*(?: [^\W\d][\w./-]*)*)\s*(?:\]?\s*[:|>]|\]|-+\s)\s*(?=[^\W\d]|['\"{(\[])")
_NUMBERED = re.compile(rf"\b({NUMBERED})(?:\s*[:=]\s*|[ #]+)(\d+)\b", re.IGNORECASE)
_PART = re.compile(r"\b(fold|seed|repeat)[\W_]*(\d+)\b", re.IGNORECASE)
_DIGITS = re.compile(r"[\W_]*\d+$")


@dataclass(frozen=True)
class Said:
    """Metrics that were said together.

    Attributes:
        metrics: at least one.
        position: where in the training.
        label: of what they are, maybe with the kind of such things: ``mnli``, ``Dataset: mnli``; "" if it is not said.
        progress: after which part of the epoch, of how many.
        text: the line that says so.
        continues: whether it stands right below what was said before.
    """

    metrics: Mapping[str, float]
    position: Mapping[str, float]
    label: str = ""
    progress: tuple[int, int] | None = None
    text: str = ""
    continues: bool = False


def told_apart(said: Sequence[Said]) -> Sequence[Said]:
    """The same, but names have labels where at one place in the training they have other values for other things.

    No others keep their labels.
    """
    values: dict[tuple[Any, ...], dict[str, Mapping[str, float]]] = {}
    for each in said:
        if each.label:
            kind = each.label.rpartition(": ")[0]
            place = frozenset(each.metrics), frozenset(each.position.items()), each.progress, kind
            values.setdefault(place, {})[each.label] = each.metrics
    several = ((place, found) for place, found in values.items() if len(found) <= _MOST_THINGS)
    unlike = {place[0] for place, found in several if len({*map(repr, found.values())}) > 1}
    return [_labelled(each) if frozenset(each.metrics) in unlike else replace(each, label="") for each in said]


def _labelled(said: Said) -> Said:
    prefix = f"{said.label.rpartition(': ')[2]}/" if said.label else ""
    metrics = {f"{prefix}{name}" if is_result(name) else name: value for name, value in said.metrics.items()}
    return replace(said, metrics=metrics)


def label_of_line(text: str) -> str:
    """Of what a line says metrics: ``mnli: acc 0.8``, ``fold=1 acc=0.8``."""
    if numbered := _NUMBERED.search(text):
        return f"{numbered[1].lower()}_{numbered[2]}"
    found = _LABEL.match(text)
    return _joined(found[1].split()) if found else ""


def label_of_heading(text: str) -> str:
    """Of what the lines below a line without a number say metrics: ``Evaluating on mnli``, ``Score-Function: dot``."""
    kind, _, rest = text.strip().rpartition(": ")
    words = [word for word in rest.split() if any(map(str.isalpha, word))]
    label = _joined(words[words.index("on") + 1 :] if "on" in words else words)
    return f"{kind}: {label}" if kind and label else label


def part_begun_by(text: str) -> str:
    """The part of a cross-validation that a line without metrics begins: ``=== Fold 1 ===``."""
    found = _PART.search(text)
    return f"{found[1].lower()}_{found[2]}" if found else ""


def label_of_object(content: Mapping[str, Any]) -> str:
    """Of what a JSON object says metrics: ``{"dataset": "mnli", "acc": 0.8}``, ``{"fold": 1, "acc": 0.8}``."""
    found = []
    for name, value in content.items():
        if isinstance(value, int) and name.lower() in NUMBERED.split("|"):
            found.append(f"{name}_{value}")
        elif isinstance(value, str) and name.lower() not in _OF_LOGGERS:
            found.append(_said_by(value)[1])
    return "_".join(filter(None, found))


def split_of_texts(content: Mapping[str, Any]) -> str:
    """The part of the data that a text in a JSON object names: ``{"split": "val", "loss": 0.5}``."""
    return next((split for text in content.values() if isinstance(text, str) and (split := _said_by(text)[0])), "")


@lru_cache(maxsize=1024)  # the lines of a log have the same texts
def _said_by(text: str) -> tuple[str, str]:
    """The part of the data that a text names, and what else it may be a label of."""
    return split_of([text]), _joined(text.split())


def of_split(metrics: Mapping[str, float], split: str) -> dict[str, float]:
    """Metrics with the part of the data that they are of in their names."""
    if not split or any(split_in([name]) for name in metrics):
        return dict(metrics)
    results = {name for name in metrics if is_result(name) and not is_cost(name)}
    return {f"{split}_{name}" if name in results else name: value for name, value in metrics.items()}


def _joined(words: Sequence[str]) -> str:
    """A label of some words; "" if they are prose, a part of the data, a time, or a place in the training."""
    if len(words) > _MOST_WORDS or split_of(words) or any(word[0].isdigit() for word in words):
        return ""
    if any(position_of([_DIGITS.sub("", word)]) for word in words):
        return ""
    return re.sub(r"\W+", "_", " ".join(words)).strip("_")
