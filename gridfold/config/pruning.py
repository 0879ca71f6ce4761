"""How a search prunes: the setting ``prune``, and what ``--prune`` takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gridfold.config.key import Setting
from gridfold.core.errors import nearest
from gridfold.core.values import render

EXPECTED = "asha, hyperband or median, or a mapping such as {name: asha, eta: 3}"
_MOST = 10**9

Mistake = tuple[str, str, str]
"""Where, below the setting; the problem; a hint."""


def _is_number(least: float) -> Callable[[Any], bool]:
    return lambda found: type(found) in (int, float) and least <= found <= _MOST


_IS_STEPS, _STEPS = _is_number(1), f"a number of steps from 1 to {_MOST:,}"
SETTINGS: Mapping[str, Setting] = {
    "name": Setting(
        "the name of a pruner",
        lambda found: isinstance(found, str),
        "asha and hyperband let the best part go on, from rung to rung; median stops those below the median",
        "{name: asha}",
        "-",
    ),
    "min": Setting(_STEPS, _IS_STEPS, "no run is stopped before this step", "{name: asha, min: 2}", "1"),
    "eta": Setting(
        "a number from 2",
        _is_number(2),
        "one run in so many goes on to the next rung; of asha and hyperband",
        "{name: asha, eta: 4}",
        "3",
    ),
    "every": Setting(
        _STEPS, _IS_STEPS, "how many steps lie between two comparisons; of median", "{name: median, every: 2}", "1"
    ),
    "others": Setting(
        "a whole number from 1",
        lambda found: type(found) is int and 1 <= found <= _MOST,
        "how many other runs must have come as far; of median",
        "{name: median, others: 6}",
        "4",
    ),
    "max": Setting(
        _STEPS,
        _IS_STEPS,
        "the number of steps of the longest run; hyperband needs it",
        "{name: hyperband, max: 27}",
        "no last rung",
    ),
}
_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "asha": ("min", "eta", "max"),
    "hyperband": ("min", "eta", "max"),
    "median": ("min", "every", "others", "max"),
}
_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "asha": {"min": 1, "eta": 3},
    "hyperband": {"min": 1, "eta": 3},
    "median": {"min": 1, "every": 1, "others": 4},
}


def is_prune(value: Any) -> bool:
    """Whether a value of ``prune`` may be one; see `mistake`."""
    return isinstance(value, (str, Mapping))


def said(value: str | Mapping[str, Any]) -> dict[str, Any]:
    """All of it: the name, and every option that has a value; of what has no `mistake`."""
    options = {"name": value} if isinstance(value, str) else dict(value)
    name = options.pop("name")
    return {"name": name, **_DEFAULTS[name], **{key: found for key, found in options.items() if found is not None}}


def mistake(value: str | Mapping[str, Any]) -> Mistake | None:
    """What is wrong with a value; None if nothing is."""
    options = {"name": value} if isinstance(value, str) else dict(value)
    name = options.pop("name", None)
    if not isinstance(name, str) or name not in _OPTIONS:
        where = "" if isinstance(value, str) or name is None else ".name"
        found = f", found {render(name)}" if name is not None else ""
        hint = nearest(name, _OPTIONS) if isinstance(name, str) else "such as: prune: {name: asha}"
        return where, f"expected the name of a pruner: {', '.join(_OPTIONS)}{found}", hint
    for key, found in options.items():
        if key not in _OPTIONS[name]:
            return f".{key}", f"no option of {name}", nearest(str(key), _OPTIONS[name])
        known = SETTINGS[key]
        if found is not None and not known.accepts(found):
            return f".{key}", f"expected {known.expected}, found {render(found)}", ""
    return _mistake_of_all(said(value))


def _mistake_of_all(options: Mapping[str, Any]) -> Mistake | None:
    if options["name"] == "hyperband" and "max" not in options:
        hint = "the number of epochs that the longest run has, such as: --prune hyperband,max=27"
        return "", "hyperband has to know how many epochs a run has: its option max", hint
    if options.get("max", _MOST) <= options["min"]:
        return ".max", f"expected more than min, which is {render(options['min'])}, found {render(options['max'])}", ""
    return None
