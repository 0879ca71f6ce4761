"""The text of a config to start from."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gridfold.config.importing.section import text_of
from gridfold.config.key import REQUIRED, Key
from gridfold.core.values import render
from gridfold.trainers.starter.entry import UNKNOWN, Entry, Found

_WIDTH = 110
_SAID = 70  # of a comment beside a value
_SETTINGS = """\
  # metric: val_loss      # what runs are compared by; without it, the first metric that a run has
  # maximize: false       # whether higher is better; without it, as the name of the metric says
  # repeats: 3            # runs of different seeds for each combination, to tell a difference from noise
"""


def config_text(name: str, trainer: str, found: Found) -> str:
    """A config for a program or a function.

    Args:
        name: what the file will be called.
        trainer: the setting, as YAML.
        found: what it takes.
    """
    remarks = [f"# {line}\n" for each in found.remarks for line in textwrap.wrap(each, _WIDTH)]
    lines = _block(_tree(found.entries), "")
    settings = f"gridfold:\n  trainer: {trainer}\n{_SETTINGS}"
    return "".join([*_head(name, _example(found.entries)), settings, *remarks, *lines])


def command(words: Sequence[str], found: Found) -> str:
    """The setting ``trainer`` of a command, as YAML."""
    said = [*words, *(word for entry in found.entries for word in entry.words), *found.more]
    items = [f'"{each}"' if "{" in each else render(each) for each in said]
    line = f"[{', '.join(items)}]"
    if len(line) <= _WIDTH:
        return line
    lines = [""]
    for item in items:
        if len(lines[-1]) + len(item) > _WIDTH:
            lines.append("")
        lines[-1] += f"{item}, "
    return "[\n" + "".join(f"    {each.rstrip()}\n" for each in lines) + "  ]"


def trainer_text(name: str, keys: Sequence[Key]) -> str:
    """A config of the ready trainer: what must be given, what is usual to vary, and all else in comments."""
    lines = [*_head(name, "   learning_rate: [1e-5, 3e-5]"), f"gridfold:\n{_SETTINGS}"]
    section = ""
    for key in keys:
        if "." in key.path.partition(".")[2]:
            continue
        if section != (section := key.path.partition(".")[0]):
            lines.append(f"\n{section}:\n")
        lines += [_of_trainer(key), _HEAD if key.path == "model.name" else ""]
    return "".join(lines)


_USUAL = {"learning_rate": "[1e-5, 3e-5]", "batch_size": "16", "num_epochs": "3", "seed": "42", "max_length": "128"}
_HEAD = """\
  classification_head:
    architecture: # the layers of the head; the last one gets as many outputs as the labels need
      - {type: linear, out_features: 256}
      - {type: relu}
      - {type: dropout, p: 0.1}
      - {type: linear}
"""


def _of_trainer(key: Key) -> str:
    name = key.path.partition(".")[2]
    if key.default == REQUIRED:
        return f"  {name}: {key.example} # {key.meaning}\n"
    if name in _USUAL:
        return f"  {name}: {_USUAL[name]} # {key.meaning}\n"
    if " " in key.default:
        return f"  # {name}: {key.example} # {key.meaning}; default: {key.default}\n"
    return f"  # {name}: {key.default} # {key.meaning}\n"


def _head(name: str, example: str) -> list[str]:
    return [
        "# Where a value stands, write a list to try each value; of several lists, every combination is run:\n",
        f"#{example}\n",
        f"# check: gridfold plan --config {name}\n",
        f"# run:   gridfold search --config {name} --run-prefix NAME\n",
        "# settings and their meaning: gridfold explain\n",
    ]


def _example(entries: Sequence[Entry]) -> str:
    """A list in place of the first number with a fraction, or of any number; of zero only if there is no other."""
    numbers = [each for each in entries if isinstance(each.value, (int, float)) and not isinstance(each.value, bool)]
    if not numbers:
        return "   lr: [0.01, 0.1]"
    chosen = min(numbers, key=lambda each: (not each.value, isinstance(each.value, int)))
    value: Any = chosen.value
    other = value / 10 if isinstance(value, float) else value * 2
    other = other or (0.1 if isinstance(value, float) else 1)
    return f"   {chosen.path.rpartition('.')[2]}: {text_of(sorted([value, other]))}"


def _tree(entries: Sequence[Entry]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for entry in entries:
        *sections, key = entry.path.split(".")
        place = tree
        for section in sections:
            inner = place.setdefault(section, {})
            place = inner if isinstance(inner, dict) else place.setdefault(f"{section}_", {})
        place[key] = entry
    return tree


def _block(tree: Mapping[str, Any], indent: str) -> Iterator[str]:
    for key, inner in tree.items():
        if isinstance(inner, Entry):
            yield indent + _line(key, inner)
        else:
            all_missing = not any(_values(inner))
            yield f"{indent}{'# ' if all_missing else ''}{render(key)}:\n"
            yield from _block(inner, f"{indent}  ")


def _values(tree: Mapping[str, Any]) -> Iterator[Entry]:
    for inner in tree.values():
        if not isinstance(inner, Entry):
            yield from _values(inner)
        elif inner.value is not UNKNOWN:
            yield inner


def _line(key: str, entry: Entry) -> str:
    said = textwrap.shorten(" ".join(entry.said.split()), _SAID, placeholder=" …")
    if entry.value is UNKNOWN:
        required = "required" if entry.is_required else ""
        return f"# {render(key)}: {('# ' + '; '.join(filter(None, (required, said)))).rstrip(' #')}".rstrip() + "\n"
    mark = "!fixed " if _has_list(entry.value) else ""
    return f"{render(key)}: {mark}{text_of(entry.value)}{f' # {said}' if said else ''}\n"


def _has_list(value: Any) -> bool:
    """Whether a value is a list, which would be swept, or has one."""
    if isinstance(value, dict):
        return any(map(_has_list, value.values()))
    return isinstance(value, list) and len(value) > 1
