"""What was imported, as text: a config of its own, or a base config with it in place."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from gridfold.config.importing.imported import Choices, Form, Imported, Parameter, Remark, Word
from gridfold.config.known import SECTION
from gridfold.core.values import render

_WIDTH = 110  # of comments
_ORDER = ("trainer", "strategy", "prune", "metric", "maximize", "space", "when", "add")
_EXPONENT = re.compile(r"(?:\.0)?e([-+])0*(\d+)")


def config_text(imported: Imported, name: str) -> str:
    """A config that holds what was imported: settings, and each parameter in its place.

    Args:
        imported: what it holds.
        name: what the file is called, for the command that a comment shows.
    """
    settings = "".join(settings_text(imported, {}).values())
    said = comments(imported, name)
    section = f"{SECTION}:\n" + textwrap.indent(said + settings, "  ") if settings else said
    return "".join([section, *_block(_tree(imported), "")])


def comments(imported: Imported, name: str) -> str:
    """Where it comes from, how to run it, what is different; in the section, which is left out of the runs' configs."""
    lines = [f"Imported from {imported.source}"]
    lines.append(" ".join(["gridfold search --config", name, *imported.options]))
    if imported.remarks:
        lines += ["Not as it was:", *(line for remark in imported.remarks for line in _bullet(remark))]
    return "".join(f"# {line}".rstrip() + "\n" for line in lines)


def _bullet(remark: Remark) -> list[str]:
    """A remark as lines of a comment."""
    line = re.search(r":(\d+)(?::\d+)?$", remark.where)
    where = f"line {line[1]}, " if line else ""
    said = f"- {where}{remark.subject}: {remark.problem}"
    said += f"; {remark.todo}" if remark.todo else ""
    return textwrap.wrap(
        " ".join(said.split()), _WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )


def settings_text(imported: Imported, space: Mapping[str, Parameter]) -> dict[str, str]:
    """The lines of each setting of the section ``gridfold``, by its name.

    Args:
        imported: has the settings.
        space: the parameters that stand there, which a config lacks.
    """
    settings = imported.settings
    found = {name: _setting(name, settings[name]) for name in _ORDER if name in settings and name != "add"}
    if space:
        lines = [_line(f"+{each.path}", plain_form(each.form), each.said) for each in space.values()]
        found["space"] = "space:\n" + textwrap.indent("".join(lines), "  ")
    if imported.when:
        lines = [_line(path, render(condition), "") for path, condition in imported.when.items()]
        found["when"] = "when:\n" + textwrap.indent("".join(lines), "  ")
    if "add" in settings:
        found["add"] = "add:\n" + "".join(f"  - {text_of(each)}\n" for each in settings["add"])
    return {name: found[name] for name in _ORDER if name in found}


def _setting(name: str, value: Any) -> str:
    """A setting in one line; a long list in several."""
    line = f"{name}: {text_of(value)}\n"
    if len(line) <= _WIDTH or not isinstance(value, list):
        return line
    items = [text_of(each) for each in value]
    lines, current = [], ""
    for item in items:
        if current and len(current) + len(item) > _WIDTH - 8:
            lines.append(current)
            current = ""
        current += f"{item}, "
    return f"{name}: [\n" + "".join(f"  {each.rstrip()}\n" for each in (*lines, current.rstrip(", "))) + "]\n"


def plain_form(form: Form) -> str:
    """What a parameter takes, in YAML without tags."""
    if isinstance(form, Word):
        return f"{{{form.name}: {text_of(list(form.numbers))}}}"
    if isinstance(form, Choices) and _is_structure(form):
        return f"{{choice: {text_of(list(form.values))}}}"
    return text_of(list(form.values) if isinstance(form, Choices) else form.value)


def tagged_form(form: Form) -> str:
    """What a parameter takes, as it stands in its place in a config."""
    if isinstance(form, Word):
        return f"!{form.name} {text_of(list(form.numbers))}"
    if isinstance(form, Choices):
        tag = "!choice " if _is_structure(form) else ""
        return f"{tag}{text_of(list(form.values))}"
    return f"!fixed {text_of(form.value)}" if _has_list(form.value) else text_of(form.value)


def text_of(value: Any) -> str:
    """A value as a person writes it in one line of YAML: 1e-5, not 1.0e-05."""
    if isinstance(value, float):
        return _EXPONENT.sub(lambda found: f"e{found[1].strip('+')}{found[2]}", render(value))
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(text_of, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{render(key)}: {text_of(each)}" for key, each in value.items()) + "}"
    return render(value)


def _line(key: str, text: str, said: str) -> str:
    comment = f"  # {' '.join(said.split())}" if said else ""
    return f"{render(key)}: {text}{comment}\n"


def _is_structure(form: Choices) -> bool:
    """Whether a list of the values would not be swept: one of them is a mapping."""
    return any(isinstance(value, dict) for value in form.values)


def _has_list(value: Any) -> bool:
    """Whether a value holds a list that would be swept."""
    if isinstance(value, dict):
        return any(map(_has_list, value.values()))
    return isinstance(value, list) and (len(value) > 1 or any(map(_has_list, value)))


def _tree(imported: Imported) -> dict[str, Any]:
    """The parameters as a config has them, one section in another."""
    tree: dict[str, Any] = {}
    for parameter in imported.parameters.values():
        *sections, key = parameter.path.split(".")
        place = tree
        for section in sections:
            place = place.setdefault(section, {})
        place[key] = parameter
    return tree


def _block(tree: Mapping[str, Any], indent: str) -> Iterator[str]:
    for key, inner in tree.items():
        if isinstance(inner, Parameter):
            yield indent + _line(key, tagged_form(inner.form), inner.said)
        else:
            yield f"{indent}{render(key)}:\n"
            yield from _block(inner, f"{indent}  ")
