"""Loaded by Python in the program of a command: says what the program reads; then it is as if this were not there."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_TELLS = "GRIDFOLD_READS"
_HERE = os.path.dirname(os.path.abspath(__file__))


def _listen(told: str) -> None:
    heard = _load("reads")["Reads"]()
    heard.tell(told)
    _load("lookups")["watch"](heard.looked_up, heard.besides)


def _load(name: str) -> dict[str, Any]:
    file = os.path.join(os.path.dirname(_HERE), f"{name}.py")
    name = f"gridfold_{name}"
    module = {"__name__": name, "__file__": file}
    loader = type(__spec__.loader)  # reads what is compiled already
    exec(loader(name, file).get_code(name), module)  # type: ignore
    return module


def _leave() -> None:
    """Let the program see the path and the variables that it would have."""
    sys.path_importer_cache.pop(_HERE, None)
    sys.path[:] = [folder for folder in sys.path if os.path.abspath(folder) != _HERE]
    others = [folder for folder in os.environ.pop("PYTHONPATH", "").split(os.pathsep) if folder != _HERE]
    if any(others):
        os.environ["PYTHONPATH"] = os.pathsep.join(others)


_leave()
if _told := os.environ.pop(_TELLS, ""):
    try:  # noqa: SIM105 - what is imported here, each program pays for
        _listen(_told)
    except Exception:  # of an older Python, which has no such hooks
        pass
_self = sys.modules.pop(__name__)
try:  # noqa: SIM105 - as above
    __import__(__name__)  # the one that would have been loaded
except ImportError:
    pass
sys.modules.setdefault(__name__, _self)
