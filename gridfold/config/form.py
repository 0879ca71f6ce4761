"""The values of many configs that differ in those of a trial, for a process in which no config is parsed."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Params = Mapping[str, Any]
"""Path and value of each parameter that a trial has."""


@dataclass(frozen=True)
class Form:
    """The values of configs, with slots for those of a trial.

    Attributes:
        data: the values; a slot is a text.
        slot: matches a slot, and has its number.
        paths: whose value goes into the slot of that number.
    """

    data: dict[str, Any]
    slot: re.Pattern[str]
    paths: tuple[str, ...]

    def filled(self, params: Params) -> dict[str, Any]:
        """The values of one config, a fresh copy."""
        filled: dict[str, Any] = self._filled(self.data, params)
        return filled

    def _filled(self, data: Any, params: Params) -> Any:
        if isinstance(data, dict):
            return {key: self._filled(value, params) for key, value in data.items()}
        if isinstance(data, list):
            return [self._filled(value, params) for value in data]
        match = self.slot.fullmatch(data) if isinstance(data, str) else None
        return data if match is None else copy.deepcopy(params[self.paths[int(match[1])]])
