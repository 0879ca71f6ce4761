"""The script of a command such as ``python train.py``: whether it is there, asked before the first run."""

from __future__ import annotations

import functools
import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from gridfold.core.errors import ConfigError, nearest_file
from gridfold.identity.programs import PythonCall

_SETTING = "gridfold.trainer"
_PYTHON = re.compile(r"python[\d.]*(\.exe)?|pypy[\d.]*")
_OTHERS = re.compile(
    r"(ba|da|z|k)?sh|Rscript|node|julia|perl|ruby|php|lua[\d.]*|torchrun|accelerate|deepspeed|uv|env|nice"
)
_SCRIPT = re.compile(r"[^-].*\.(py|sh|bash|r|R|js|mjs|jl|pl|rb|php|lua)")
_CODE = ("-c", "-e", "-m")  # what follows is no file
# Run by the interpreter that is to run the module, which need not be this one; it imports nothing of the module.
_FIND = """
import sys
from importlib.machinery import BuiltinImporter, FrozenImporter, PathFinder
name, places = "", None
for part in sys.argv[1].split("."):
    finders = [PathFinder] if name else [BuiltinImporter, FrozenImporter, PathFinder]
    name = f"{name}.{part}".lstrip(".")
    found = next(filter(None, (finder.find_spec(name, places) for finder in finders)), None)
    if found is None:
        sys.exit(f"no module '{name}'")
    places = found.submodule_search_locations
if places is not None and PathFinder.find_spec(f"{name}.__main__", places) is None:
    sys.exit(f"the package '{name}' has no __main__")
"""


def check_script(program: str, arguments: Sequence[str | None]) -> None:
    """Whether the script or the module that a program is to run is there, as far as its arguments tell.

    Args:
        program: the program.
        arguments: its arguments; None for those that only the run knows.

    Raises:
        ConfigError: it is not.
    """
    name = Path(program).name
    if _PYTHON.fullmatch(name):
        _check_python(program, arguments)
    elif _OTHERS.fullmatch(name):
        _check_other(arguments)


def _check_python(program: str, arguments: Sequence[str | None]) -> None:
    call = PythonCall.of(arguments)
    if call.what and call.kind == "m":
        _check_module(program, tuple(map(str, call.options)), call.what)
    elif call.what and not call.kind:
        _check_file(call.what)


def _check_other(arguments: Sequence[str | None]) -> None:
    for argument in arguments:
        if argument is None or argument in _CODE:
            return
        if _SCRIPT.fullmatch(argument):
            _check_file(argument)
            return


def _check_file(script: str) -> None:
    path = Path(script)
    if not os.path.exists(script):  # noqa: PTH110 - Path.exists raises for a name that is too long
        raise ConfigError(f"no such script: '{script}'", path=_SETTING, hint=nearest_file(path))
    if path.is_dir() and not (path / "__main__.py").exists():
        raise ConfigError(f"a folder, not a script: '{script}'", path=_SETTING, hint="write the script in it")


@functools.lru_cache(maxsize=64)  # a search asks for each of its trials
def _check_module(program: str, options: tuple[str, ...], module: str) -> None:
    asking = [program, *options, "-c", _FIND, module]
    try:
        asked = subprocess.run(asking, check=False, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return
    said = asked.stderr.decode(errors="replace").strip().rpartition("\n")[2]
    if asked.returncode == 1 and said.startswith(("no module", "the package")):
        raise ConfigError(said, path=_SETTING, hint=f"needed for: {program} -m {module}")
