"""What was imported, laid over a base config: in place where the base has the path, its text and comments kept."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from typing import NamedTuple

import yaml

from gridfold.config.document import Document, Place
from gridfold.config.importing.imported import Choices, Constant, Imported, Parameter
from gridfold.config.importing.section import comments, plain_form, settings_text, tagged_form
from gridfold.config.known import SECTION
from gridfold.config.parser import TO_COLON
from gridfold.core.errors import nearest
from gridfold.core.values import canonical

_COMMENT = re.compile(r"[ \t]*#[^\r\n]*")
_NEXT_LINE = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")


class _Edit(NamedTuple):
    start: int
    end: int
    text: str


def laid_over(imported: Imported, base: Document, name: str) -> str:
    """The text of a base config with what was imported.

    What the base has gets its values in place; what it has not stands in the section ``gridfold``, and a remark says
    so.

    Args:
        imported: what is laid over it.
        base: the base config.
        name: what the new file is called, for the command that a comment shows.
    """
    edits, elsewhere = [], {}
    for parameter in imported.parameters.values():
        edit = _in_place(parameter, imported, base)
        if edit is not None:
            edits.append(edit)
        elif not isinstance(parameter.form, Constant) and _can_be_added(parameter, base):
            elsewhere[parameter.path] = parameter
    edits.append(_section(imported, base, elsewhere, name))
    text = base.text
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    text = text.removeprefix("\ufeff")
    return re.sub("\r?\n", "\r\n", text) if "\r\n" in base.text else text


def _in_place(parameter: Parameter, imported: Imported, base: Document) -> _Edit | None:
    """The edit that puts a parameter where the base has it; None if the base has it not, or not as text of its own."""
    place = base.places.get(parameter.path)
    if place is None or place.spot or place.key is None:
        imported.remark(parameter.path, *_absent(parameter, place, base))
        return None
    if isinstance(place.node, yaml.MappingNode) and not _is_mapping(parameter):
        problem = f"is a section of {base.name}, and its values are {plain_form(parameter.form)}"
        todo = f"if they choose a config of a group, write its configs as branches: {place.path}: !one_of [...]"
        imported.remark(parameter.path, problem, todo, where=base.where(place.node))
        return None
    text = tagged_form(parameter.form) + (f"  # {parameter.said}" if parameter.said and _is_last(place, base) else "")
    start = place.start
    colon = TO_COLON.match(base.text, place.key.end_mark.index)
    if colon is not None and (start <= colon.end() or not getattr(place.node, "flow_style", True)):
        start, text = colon.end(), f" {text}"
    return _Edit(start, place.end, text)


def _absent(parameter: Parameter, place: Place | None, base: Document) -> tuple[str, str]:
    """What is wrong with a path that cannot be given in place, and what to do."""
    if place is not None:
        return f"stands behind an alias or in a list of {base.name}", f"write {tagged_form(parameter.form)} there"
    is_added = not isinstance(parameter.form, Constant)
    problem = f"is not in {base.name}" + (f", so {SECTION}.space adds it" if is_added else "")
    hint = nearest(parameter.path, filter(None, base.places))
    near = f"{hint} " if hint.startswith("did you mean") else ""
    return problem, f"{near}write {tagged_form(parameter.form)} where it belongs"


def _can_be_added(parameter: Parameter, base: Document) -> bool:
    """Whether the section ``gridfold`` can name the path: nothing of the base is in its way."""
    place = base.places.get(parameter.path)
    return place is None or not isinstance(place.node, yaml.MappingNode) or _is_mapping(parameter)


def _is_mapping(parameter: Parameter) -> bool:
    form = parameter.form
    values = form.values if isinstance(form, Choices) else (form.value,) if isinstance(form, Constant) else ()
    return any(isinstance(value, dict) for value in values)


def _is_last(place: Place, base: Document) -> bool:
    """Whether nothing follows a value on its line."""
    return base.text[place.end :].partition("\n")[0].strip() == ""


def _section(imported: Imported, base: Document, space: Mapping[str, Parameter], name: str) -> _Edit:
    """The settings, in the section that the base has, or in a new one at its top."""
    known = base.places.get(SECTION)
    settings = settings_text(imported, space)
    for setting, place in _settings_of(base).items():
        if setting in settings:
            if canonical(base.value(place.node)) != canonical(imported.settings.get(setting)):
                problem = f"the base says it too; left out here: {settings[setting].strip()}"
                imported.remark(f"{SECTION}.{setting}", problem, where=base.where(place.node))
            del settings[setting]
    lines = comments(imported, name) + "".join(settings.values())
    if not settings:
        return _Edit(0, 0, lines)
    if known is None or not isinstance(known.node, yaml.MappingNode):
        return _new_section(base, known, lines)
    if known.node.flow_style:
        own = "".join(f"{base.text[_key_start(place) : place.end]}\n" for place in _settings_of(base).values())
        start = len(base.text[: known.start].rstrip(" "))
        comment = _COMMENT.match(base.text, known.end)
        end, said = (comment.end(), comment[0]) if comment else (known.end, "")
        return _Edit(start, end, f"{said}\n{textwrap.indent(own + lines, '  ')}".rstrip("\n"))
    column = known.node.start_mark.column
    after = _NEXT_LINE.match(base.text, known.end)
    end = after.end() if after else known.end
    newline = "" if base.text[:end].endswith("\n") else "\n"
    return _Edit(end, end, newline + textwrap.indent(lines, " " * column))


def _settings_of(base: Document) -> dict[str, Place]:
    """The settings that the base has in its section."""
    places = [place for place in base.places.values() if place.holder == SECTION and place.key is not None]
    return {str(base.key(place.key)): place for place in places if place.key is not None}


def _key_start(place: Place) -> int:
    return int(place.key.start_mark.index) if place.key is not None else place.start


def _new_section(base: Document, known: Place | None, lines: str) -> _Edit:
    text = f"{SECTION}:\n{textwrap.indent(lines, '  ')}"
    if known is not None and known.key is not None:  # a key without a value
        return _Edit(known.key.start_mark.index, known.end, text.rstrip("\n"))
    start = base.root.start_mark.index
    return _Edit(start, start, text)
