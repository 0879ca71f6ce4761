"""What a search says of itself in ``search.json``: of which kind each part is. The file may be anybody's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gridfold.core.errors import ConfigError, shown


def checked(facts: Any, where: str) -> dict[str, Any]:
    """The parts that are what they should be. What is not known here stays; what is not needed is left out if wrong.

    Raises:
        ConfigError: what it takes to go on with the search is not there, or something else.
    """
    said = facts if isinstance(facts, dict) else {}
    if missing := [name for name in _NEEDED if name not in said]:
        raise ConfigError(f"missing: {', '.join(missing)}", where=where)
    for name, (is_right, expected) in _NEEDED.items():
        if not is_right(said[name]):
            raise ConfigError(f"expected {expected}, found {shown(said[name])}", path=name, where=where)
    right = {name: value for name, value in said.items() if name not in _MORE or _MORE[name](value)}
    if "execution" in right:
        said = right["execution"].items()
        right["execution"] = {_RENAMED.get(name, name): value for name, value in said if _is_plain(value)}
    return right


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_positive(value: Any) -> bool:
    return _is_number(value) and value > 0


def _is_mapping(value: Any) -> bool:
    return isinstance(value, dict)


def _is_list_of_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, (bool, int, float))


def _is_machine(value: Any) -> bool:
    return _is_mapping(value) and all(
        isinstance(each, (str, int)) or _is_list_of_texts(each) for each in value.values()
    )


def _or_none(is_right: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or is_right(value)


_RENAMED = {"fold": "share"}  # options of a search that an older gridfold began
_NEEDED: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "search": (_is_text, "a text"),
    "config": (_is_text, "the name of a file"),
    "variations": (_is_list_of_texts, "a list of texts"),
    "runs": (_is_number, "a whole number"),
    "trainer": (
        lambda value: _is_text(value) or (_is_list_of_texts(value) and bool(value)),
        "module:function, or a command as a list",
    ),
    "threads": (_is_positive, "a whole number of at least 1"),
    "seed": (_is_number, "a whole number"),
    "creator": (lambda _: True, ""),
}
_MORE: Mapping[str, Callable[[Any], bool]] = {
    **dict.fromkeys(
        ("metric", "executor", "git_commit", "seed_path", "fingerprint", "created", "started", "ended", "cwd"),
        _or_none(_is_text),
    ),
    **dict.fromkeys(("maximize", "race", "race_waits"), _or_none(lambda value: isinstance(value, bool))),
    "patterns": _or_none(lambda value: _is_mapping(value) and all(map(_is_text, (*value, *value.values())))),
    **dict.fromkeys(("repeats", "folds"), _or_none(_is_positive)),
    **dict.fromkeys(("command", "codes", "track"), _is_list_of_texts),
    **dict.fromkeys(("packages", "warnings"), lambda value: _is_mapping(value) and all(map(_is_text, value.values()))),
    "parameters": lambda value: _is_mapping(value) and all(isinstance(each, list) for each in value.values()),
    "machine": _is_machine,
    "execution": _is_mapping,
}
