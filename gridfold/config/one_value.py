"""Lists that vary by the rule and are probably one value each: a pair of betas, the sizes of layers, names.

A guess by name and values, which changes nothing: whoever sees the plan is told, with the setting that keeps the list.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import yaml

from gridfold.config.config import Config
from gridfold.config.document import Document, Place, holders
from gridfold.config.known import SECTION
from gridfold.config.tags import is_union
from gridfold.core.values import render
from gridfold.space.parameters import ListedParameter

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
# A number of something may well be varied: n_layers, num_heads, max_steps, epochs.
_COUNT = re.compile("n|num|nb|number|max|min|total|per|count|every")
_COUNTED = re.compile(
    "epochs|steps|iters|iterations|workers|estimators|neighbors|neighbours|rounds|samples|tokens|updates|threads|trees"
    "|heads|hours|minutes|seconds|episodes|generations|particles|clusters|bins|folds|experts|units|frames|trials|bits"
    "|batches|passes|warmups|restarts|negatives|components|points|topics|leaves"
)
_NO_PLURAL = re.compile(".*(ss|(?<!p)us|is|bias|alias|canvas|gas)|[gm]?bs|eps|wps|cls|pos|[be]os|rms|kwargs")
_MEANT = re.compile(
    "(.* )?(seeds|lrs|learning rates|batch sizes|dropouts|weight decays|long texts)"
)  # plural, and varied
_PARTS = re.compile("mults?|multipliers?|indices|vertices|stopwords|schema|vocab")
_SPAN = re.compile("range|bounds|limits|interval|span|extent|[xyc]?lim")
_MOMENT = re.compile("means?|stds?")
_SHARES = re.compile(".*(split|ratio|fractions?|proportions?|weights?)( .*)?")
_WHOLES = (1.0, 100.0)
_SHAPE = re.compile("(.* )?(shape|resolution|imgsz|imsize|(image|img|input|crop|video|frame|canvas|resize) size)")
_COLUMN = re.compile("(.* )?(column|col|field|feature)")
_BETAS = re.compile("(.* )?betas?")
# Beside lists of one length, these may have that length by chance.
_TUNED = re.compile("(.* )?(lr|learning rate|batch size|bs|dropout|p|weight decay|wd|momentum|seed|epochs?|steps?)")
_MANY_STRINGS = 9
_SIBLINGS = 4  # values that lists side by side have in common, to look like columns of one table


def guesses(config: Config, parameters: Iterable[ListedParameter]) -> dict[str, str]:
    """The parameters of a config that look like one value, with the reason."""
    parameters = list(parameters)
    found = {parameter.path: _reason(parameter) for parameter in parameters}
    lists = {kept.path: len(kept.value) for kept in config.kept if kept.reason.endswith("repeated")}
    lists |= {parameter.path: len(parameter.values) for parameter in parameters if found[parameter.path]}
    for parameter in parameters:
        found[parameter.path] = found[parameter.path] or _as_siblings(parameter, lists)
    return {path: reason for path, reason in found.items() if reason}


def shortest(config: Config, paths: Collection[str], others: Collection[str]) -> list[str]:
    """These paths, and instead of several in one section that section, if nothing else in it varies.

    Args:
        config: has them.
        paths: of lists to keep.
        others: what else varies, whether the config has it or not.
    """
    places = config.document.places
    kept = {places[path].node for path in paths if path in places}
    unions = (path for path, place in places.items() if is_union(place.node))
    varied = (path for path in config.varied_paths if places[path].node not in kept)
    of_others = {section for path in (*others, *unions, *varied) for section in holders(path)}
    sections = {path: [section for section in _sections(places, path) if section not in of_others] for path in paths}
    counts = Counter(section for found in sections.values() for section in found)
    return list(dict.fromkeys([path, *(each for each in sections[path] if counts[each] > 1)][-1] for path in paths))


def to_paste(document: Document, fixed: Sequence[str]) -> tuple[str, str]:
    """Where the setting ``fixed`` goes in a config, and how it is written there."""
    section, root = document.places.get(SECTION), document.root
    setting = {"fixed": [*fixed]} if section else {SECTION: {"fixed": [*fixed]}}
    line = (json.dumps(setting, ensure_ascii=False) if root.flow_style else render(setting))[1:-1]
    where = f"in the section {SECTION} of {document.name}" if section else f"in {document.name}"
    if f"{SECTION}.fixed" in document.places:
        return f"{where}, instead of its fixed", line
    holder = section.node if section else root
    if isinstance(holder, yaml.MappingNode) and holder.flow_style:
        return f"{where}, after the opening brace", f"{line},"
    return where if section else f"{where}, above {root.value[0][0].value:.40}", line


def _sections(places: Mapping[str, Place], path: str) -> Iterator[str]:
    """The sections that hold the value at a path, the nearest first; a dot may also be part of a key."""
    while path in places and (path := places[path].holder):
        yield path


def _reason(parameter: ListedParameter) -> str:
    name, values = _name(parameter.path), parameter.values
    numbers = all(map(_is_number, values))
    if numbers and (reason := _of_numbers(name, values)):
        return reason
    if all(isinstance(value, str) for value in values) and (reason := _of_texts(name, len(values))):
        return reason
    if all(isinstance(value, list) and _is_mixed(value) for value in values):
        return "a table"
    if _is_plural(name, numbers=numbers):
        return "a plural name"
    return "one number per level" if _PARTS.fullmatch(_last(name)) else ""


def _of_numbers(name: str, values: Sequence[float]) -> str:
    count = len(values)
    if count == 2 and _BETAS.fullmatch(name) and 0.5 <= values[0] < 1 and 0.9 <= values[1] < 1:  # not beta of DPO
        return "a pair of betas"
    if count % 2 == 0 and _SPAN.fullmatch(_last(name)):
        return "a range"
    if count in (3, 4) and _MOMENT.fullmatch(_last(name)):
        return "one number per channel"
    if _SHARES.fullmatch(name) and any(math.isclose(sum(values), whole) for whole in _WHOLES):
        return "shares of a whole"
    if name.endswith(" list"):
        return "called a list"
    return "a size" if count in (2, 3, 4) and _SHAPE.fullmatch(name) else ""


def _of_texts(name: str, count: int) -> str:
    return "columns" if _COLUMN.fullmatch(name) else "many texts" if count >= _MANY_STRINGS else ""


def _as_siblings(parameter: ListedParameter, lists: Mapping[str, int]) -> str:
    """Why a list looks like a column of a table that the lists beside it are columns of, too; "" if it does not."""
    section, count = parameter.path.rpartition(".")[0], len(parameter.values)
    if count < _SIBLINGS or _TUNED.fullmatch(_name(parameter.path)) or not all(map(_is_number, parameter.values)):
        return ""
    beside = [path for path, length in lists.items() if path.rpartition(".")[0] == section and length == count]
    return f"as long as {beside[0].rpartition('.')[2]}" if beside else ""


def _name(path: str) -> str:
    """The last name in a path, as words."""
    names = [name for name in path.split(".") if not name.isdigit()]
    return " ".join(_WORD.findall(names[-1])).casefold() if names else ""


def _last(name: str) -> str:
    return name.rpartition(" ")[2]


def _is_plural(name: str, *, numbers: bool) -> bool:
    *before, last = name.partition(" to ")[0].split() or [""]  # modules to save
    if len(last) < 3 or not last.endswith("s") or _NO_PLURAL.fullmatch(last) or _MEANT.fullmatch(name):
        return False
    is_counted = any(map(_COUNT.fullmatch, before)) or (_COUNTED.fullmatch(last) and before != ["hidden"])
    return not (numbers and is_counted)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_mixed(row: Sequence[Any]) -> bool:
    return len({isinstance(value, str) for value in row}) > 1 or any(isinstance(value, list) for value in row)
