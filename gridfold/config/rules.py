"""The settings that say which trials are made: ``link``, ``exclude``, ``when`` and ``add``; and the same as options."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gridfold.config.document import Document, parse_values
from gridfold.config.tag_checks import TYPED, check_tags
from gridfold.config.tags import is_varying
from gridfold.core.errors import ConfigError
from gridfold.core.values import render

LINK_EXPECTED = "groups of dotted paths, such as [[model.hidden, model.layers]]"
EXCLUDE_EXPECTED = "a list of conditions, such as ['batch_size > 64 and lr > 1e-4']"
WHEN_EXPECTED = "dotted paths with conditions under which they vary, such as {warmup: \"optimizer.name == 'adamw'\"}"
ADD_EXPECTED = "a list of trials, such as [{lr: 3e-4, batch_size: 48}]"
_QUOTED = "write the condition in quotes"

Mistake = tuple[str, str, str]
"""Where in a setting something is wrong, what, and a hint."""


def mistakes(name: str, value: Any) -> Iterator[Mistake]:
    """What is wrong with one of these settings, each entry for itself."""
    if name in _OF:
        yield from _OF[name](value)


def _of_link(value: Any) -> Iterator[Mistake]:
    if not isinstance(value, list):
        yield "", f"expected {LINK_EXPECTED}, found {render(value)}", ""
    elif len(value) > 1 and all(isinstance(path, str) for path in value):
        yield "", f"expected {LINK_EXPECTED}, found one group", f"write {render([value])}"
    else:
        for index, group in enumerate(value):
            if not isinstance(group, list) or len(group) < 2 or not all(map(_is_text, group)):
                problem = f"expected two dotted paths or more that vary together, found {render(group)}"
                yield f".{index}", problem, "such as [model.hidden, model.layers]"


def _of_exclude(value: Any) -> Iterator[Mistake]:
    if not isinstance(value, list):
        hint = f"write {render([value])}" if _is_text(value) else ""
        yield "", f"expected {EXCLUDE_EXPECTED}, found {render(value)}", hint
    else:
        for index, text in enumerate(value):
            if not _is_text(text):
                yield f".{index}", f"expected a condition as text, found {render(text)}", _QUOTED


def _of_when(value: Any) -> Iterator[Mistake]:
    if not isinstance(value, Mapping):
        yield "", f"expected {WHEN_EXPECTED}, found {render(value)}", ""
    else:
        for path, text in value.items():
            if not _is_text(path) or not _is_text(text):
                yield f".{path}", f"expected a condition as text, found {render(text)}", _QUOTED


def _of_add(value: Any) -> Iterator[Mistake]:
    if not isinstance(value, list):
        hint = f"write {render([value])}" if isinstance(value, Mapping) else ""
        yield "", f"expected {ADD_EXPECTED}, found {render(value)}", hint
    else:
        for index, trial in enumerate(value):
            if not isinstance(trial, Mapping) or not trial or not all(map(_is_text, trial)):
                problem = f"expected a trial as a mapping of dotted paths to values, found {render(trial)}"
                yield f".{index}", problem, "such as {lr: 3e-4, batch_size: 48}"


_OF: Mapping[str, Callable[[Any], Iterator[Mistake]]] = {
    "link": _of_link,
    "exclude": _of_exclude,
    "when": _of_when,
    "add": _of_add,
}


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def link_said(said: str) -> list[str]:
    """The paths of ``--link a,b``.

    Raises:
        ConfigError: there are fewer than two.
    """
    paths = [path.strip() for path in said.split(",")]
    if len(paths) < 2 or not all(paths):
        problem = f"expected two paths or more with commas between them, found '{said:.100}'"
        raise ConfigError(problem, where="--link", hint="such as --link model.hidden,model.layers")
    return paths


def when_said(said: str) -> tuple[str, str]:
    """The path and the condition of ``--when PATH=CONDITION``.

    Raises:
        ConfigError: it has another form.
    """
    path, is_given, text = said.partition("=")
    if not is_given or not path.strip() or not text.strip() or text.startswith("="):
        problem = f"expected PATH=CONDITION, found '{said:.100}'"
        raise ConfigError(problem, where="--when", hint="such as --when \"training.warmup=optimizer.name == 'adamw'\"")
    return path.strip(), text.strip()


def addition_said(said: str) -> dict[str, Any]:
    """The values of ``--add a=1,b=2``, by path.

    Raises:
        ConfigError: it has another form, or a path has several values.
    """
    found: dict[str, Any] = {}
    for part in _parts(said):
        path, _, text = part.partition("=")
        try:
            (value,) = _values(text)
        except ConfigError as error:
            raise ConfigError(error.problem, path=path.strip(), where="--add", hint=error.hint) from None
        except ValueError:
            problem = f"expected one value, found '{text:.100}'"
            hint = "write --add once for each trial; a list in brackets is one value"
            raise ConfigError(problem, path=path.strip(), where="--add", hint=hint) from None
        if path.strip() in found:
            raise ConfigError("given twice", path=path.strip(), where="--add")
        found[path.strip()] = value
    return found


def _values(text: str) -> list[Any]:
    document: Document = parse_values(text)
    for node in document.places["values"].node.value:
        if is_varying(node):
            raise ConfigError(f"one trial is added, so {node.tag} cannot stand here", hint="give one value")
    check_tags(document, foreign=TYPED)
    values: list[Any] = document.value()["values"]
    return values


_SEPARATOR = re.compile(r",(?=\s*[^\s,=\[\]{}'\"]+\s*=)")  # the comma before PATH=
_NESTING = {"[": 1, "{": 1, "]": -1, "}": -1}


def _parts(said: str) -> list[str]:
    """The text, taken apart at the commas before ``PATH=`` that are in no brackets or quotes."""
    starts = [match.start() for match in _SEPARATOR.finditer(said) if _is_outside(said[: match.start()])]
    parts = [said[start:end].lstrip(",") for start, end in zip([0, *starts], [*starts, len(said)], strict=True)]
    if not all("=" in part and part.partition("=")[0].strip() and part.partition("=")[2].strip() for part in parts):
        problem = f"expected PATH=VALUE,PATH=VALUE, found '{said:.100}'"
        raise ConfigError(
            problem, where="--add", hint="such as --add training.learning_rate=3e-4,training.batch_size=48"
        )
    return parts


def _is_outside(before: str) -> bool:
    """Whether what follows a text is in no brackets or quotes of it."""
    depth, quote = 0, ""
    for character in before:
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        else:
            depth += _NESTING.get(character, 0)
    return depth <= 0 and not quote
