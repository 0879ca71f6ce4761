"""The settings that say where workers run and what a run needs: ``on``, ``workers`` and ``resources``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from gridfold.config.key import Setting
from gridfold.core.errors import nearest
from gridfold.core.limits import MOST_THREADS
from gridfold.core.values import render

ON_EXPECTED = "'local', or an engine with its options, such as {slurm: {partition: gpu, time: \"4:00:00\"}}"
RESOURCES_EXPECTED = "what a run needs, such as {cpus: 4, gpus: 1}"
_MOST_GPUS = 64
SETTINGS: Mapping[str, Setting] = {
    "cpus": Setting(
        f"a number of CPUs from 1 to {MOST_THREADS:,}",
        lambda found: type(found) is int and found >= 1,
        "CPUs of a run",
        "{cpus: 4}",
        "as many as gridfold.threads",
    ),
    "gpus": Setting(
        f"a number of GPUs up to {_MOST_GPUS}, or a part of one, such as 0.5",
        lambda found: type(found) in (int, float) and 0 <= found <= _MOST_GPUS and (found <= 1 or found == int(found)),
        "GPUs of a run",
        "{gpus: 0.5}",
        "one for each run here, if there are any; 0 for the workers of an engine",
    ),
}


def is_engine(value: Any) -> bool:
    """Whether a value of ``on`` names an engine, with options or without."""
    if isinstance(value, Mapping):
        return len(value) == 1 and all(isinstance(options, Mapping) for options in value.values())
    return isinstance(value, str) and bool(value.strip())


def is_resources(value: Any) -> bool:
    """Whether a value of ``resources`` may be one; see `mistake`."""
    return isinstance(value, Mapping)


def mistake(resources: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """What is wrong with what a run needs: where, the problem, and a hint; None if nothing is."""
    for name, value in resources.items():
        if name not in SETTINGS:
            return f".{name}", "unknown resource", nearest(str(name), SETTINGS)
        known = SETTINGS[name]
        if not known.accepts(value):
            return f".{name}", f"expected {known.expected}, found {render(value)}", ""
    return None


def said_of_engine(node: yaml.Node) -> Any:
    """The value of ``on``, its options as they are written: YAML reads ``4:00:00`` as a number of seconds.

    A flag is ``true``, or has no value; several values may be a list.
    """
    if isinstance(node, yaml.MappingNode):
        return {key.value: _options(value) for key, value in node.value}
    return None if node.tag.endswith(":null") else _plain(node)


def _options(node: yaml.Node) -> Any:
    if not isinstance(node, yaml.MappingNode):
        return {} if node.tag.endswith(":null") else _plain(node)
    found = {key.value: _option(value) for key, value in node.value}
    return {name: value for name, value in found.items() if value is not None}


def _option(node: yaml.Node) -> str | None:
    """The text of an option; None if it is a flag that is not set."""
    if node.tag.endswith((":bool", ":null")):
        return None if str(node.value).lower() in ("false", "no", "off") else ""
    return _plain(node)


def _plain(node: yaml.Node) -> str:
    """What is written, with commas where it is a list."""
    return ",".join(_plain(item) for item in node.value) if isinstance(node, yaml.SequenceNode) else str(node.value)
