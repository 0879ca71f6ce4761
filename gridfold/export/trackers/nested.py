"""The config of a run for tools that keep JSON, such as W&B and Trackio: nested as it is, with values as they are.

What a tool does not give back as it was is a text of YAML: ``.nan``, ``[256, .inf]``, ``{1: x}``. Of a parameter that
takes such a value all values are texts, so that no two are one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from gridfold.core.values import canonical, render

_LARGEST = 2**53  # to which whole numbers are the same in JavaScript


class NestedConfig:
    """Configs of runs as a tool can keep them.

    Args:
        parameters: all values of each parameter.
        keeps_text: whether the tool gives back a text as it was.
        given_back: what the tool gives back of a value that JSON can hold.
    """

    def __init__(
        self,
        parameters: Mapping[str, Iterable[Any]],
        keeps_text: Callable[[str], bool],
        given_back: Callable[[Any], Any] = lambda value: value,
    ) -> None:
        self._keeps_text = keeps_text
        self._given_back = given_back
        self._as_texts = {path for path, values in parameters.items() if not self._are_kept(list(values))}

    def of(self, config: Mapping[str, Any], params: Mapping[str, Any]) -> dict[str, Any]:
        """The config of a run; a parameter inside a list, where tools do not look, is at the top, too, by its path.

        Args:
            config: of the run.
            params: path and value of what varies.
        """
        found: dict[str, Any] = {key: self._kept(value, key) for key, value in config.items()}
        inside = set(_paths(config, ""))
        return found | {path: self._kept(value, path) for path, value in params.items() if path not in inside}

    def text_of(self, value: Any) -> str:
        """The value as a text of YAML, in quotes if the tool would not keep that text."""
        text = render(value)
        return text if self._keeps_text(text) else "'" + text.replace("'", "''") + "'"

    def _kept(self, value: Any, path: str) -> Any:
        if path in self._as_texts:
            return self.text_of(value)
        if _is_section(value):
            return {key: self._kept(item, f"{path}.{key}") for key, item in value.items()}
        return value if self._keeps(value) else self.text_of(value)

    def _keeps(self, value: Any) -> bool:
        if isinstance(value, str):
            return self._keeps_text(value)
        if isinstance(value, float):
            return math.isfinite(value) and (value != 0 or math.copysign(1, value) > 0)
        if isinstance(value, list):
            return all(map(self._keeps, value))
        if isinstance(value, dict):
            return _is_section(value) and all(map(self._keeps, value.values()))
        return not isinstance(value, int) or abs(value) <= _LARGEST

    def _are_kept(self, values: list[Any]) -> bool:
        if not all(map(self._keeps, values)):
            return False
        return len({canonical(self._given_back(value)) for value in values}) == len(set(map(canonical, values)))


def _is_section(value: Any) -> bool:
    """Whether it is a mapping that a tool would show as a part of the config."""
    return isinstance(value, dict) and bool(value) and all(isinstance(key, str) for key in value)


def _paths(config: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for key, value in config.items():
        yield f"{prefix}{key}"
        if _is_section(value):
            yield from _paths(value, f"{prefix}{key}.")
