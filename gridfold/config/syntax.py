"""What is wrong with a text that is no config, in words that say what to do."""

from __future__ import annotations

import io
import itertools
import re
from typing import cast

import yaml

from gridfold.config.parser import MORE_THAN_ONE
from gridfold.config.tags import shown
from gridfold.core.errors import ConfigError

EMPTY = "the config is empty"


def syntax_error(error: yaml.MarkedYAMLError, name: str, text: str) -> ConfigError:
    """What is wrong with a text that is not YAML."""
    mark = cast(yaml.Mark, error.problem_mark or error.context_mark)
    where = f"{name}:{mark.line + 1}:{mark.column + 1}"
    line = next(itertools.islice(io.StringIO(text), mark.line, None), "")
    if error.problem == MORE_THAN_ONE:
        return ConfigError(MORE_THAN_ONE, where=where, hint="keep one; remove the '---' between them")
    if re.match(r" *\t", line):
        return ConfigError("not valid YAML: a tab in the indentation", where=where, hint="indent with spaces")
    hints = (
        template_hint(text, mark.index),
        _begun(error, mark),
        f"in the line: {line.strip():.100}" if line.strip() else "",
    )
    return ConfigError(
        f"not valid YAML: {_problem(error, mark, line)}", where=where, hint="\n".join(filter(None, hints))
    )


def _problem(error: yaml.MarkedYAMLError, mark: yaml.Mark, line: str) -> str:
    """What is wrong, in libyaml's words but for those that say too little."""
    problem = str(error.problem or error.context).replace("did not find expected", "expected")
    found = line[mark.column : mark.column + 1].strip()
    if problem == "found character that cannot start any token":
        return f"a value cannot start with {found!r}; put it in quotes"
    got = repr(found) if found else "the end" if not line else ""
    return problem + (f", but got {got}" if got and problem.startswith("expected") else "")


def _begun(error: yaml.MarkedYAMLError, mark: yaml.Mark) -> str:
    """Where the bracket or quote is that lacks its end, if it is not in the same line."""
    begun = error.context_mark
    opening = next((text for what, text in _OPENINGS.items() if str(error.context).endswith(what)), None)
    return f"the {opening} is in line {begun.line + 1}" if begun and opening and begun.line < mark.line else ""


_OPENINGS = {"a flow sequence": "'['", "a flow mapping": "'{'", "a quoted scalar": "quote"}


def template_hint(text: str, position: int) -> str:
    """What to do about a template that is to be filled in before it is YAML."""
    start = text.rfind("\n", 0, position) + 1
    line = text[start : text.find("\n", position) % (len(text) + 1)]
    if not re.search(r"\{\{|\{%|\{#", line):
        return ""
    return "this looks like a Jinja template: render it first, or put text with '{{' in quotes"


def bad_character(character: int, text: str, position: int, name: str) -> ConfigError:
    """That a character cannot be in YAML."""
    where = f"{name}:{text.count(chr(10), 0, position) + 1}"
    return ConfigError(f"the character U+{character:04X} is not allowed in YAML", where=where)


def root_error(root: yaml.Node | None, name: str) -> ConfigError:
    """What is wrong with a document that is no mapping."""
    if isinstance(root, yaml.MappingNode):
        return ConfigError(
            f"the tag {shown(root.tag)} cannot stand here, before the whole config", where=name, hint="remove it"
        )
    if root is None:
        return ConfigError(EMPTY, where=name, hint="expected a mapping, such as 'training: {...}'")
    found = "a list" if isinstance(root, yaml.SequenceNode) else f"the single value '{root.value:.40}'"
    return ConfigError(
        f"the top level is {found}, not a mapping", where=name, hint="expected a mapping, such as 'training: {...}'"
    )
