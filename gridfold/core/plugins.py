"""What other packages bring, by name: entry points of a group, beside gridfold's own."""

from __future__ import annotations

from collections.abc import Mapping
from pkgutil import resolve_name
from typing import Any

from gridfold.core.errors import ConfigError, nearest, shown


def load(group: str, kind: str, name: str, own: Mapping[str, str]) -> Any:
    """The object of a name: gridfold's, else that of the package that registers the name.

    Args:
        group: of the entry points, such as ``gridfold.executors``.
        kind: what such an object is called, in errors.
        name: which.
        own: ``module:object`` by the names that gridfold has itself, also where it is not installed.

    Raises:
        ConfigError: there is none of that name, or it cannot be imported.
    """
    if name in own:
        return resolve_name(own[name])
    from importlib.metadata import entry_points  # most searches need no other package

    others = {each.name: each for each in entry_points(group=group)}
    if name not in others:
        raise ConfigError(f"no {kind} {shown(name)}", hint=nearest(name, {*own, *others}))
    try:
        return others[name].load()
    except Exception as error:  # whatever a package does when it is imported
        problem = f"the {kind} {shown(name)} cannot be loaded: {type(error).__name__}: {error}"
        raise ConfigError(problem, where=others[name].value) from error
