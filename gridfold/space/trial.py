"""A trial: one point of a space, as values (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Trial:
    """One point of a space.

    Attributes:
        index: its position in the space, from 0; None where the space cannot tell, as for values out of a range.
        params: path and value of each parameter that it has.
    """

    index: int | None
    params: Mapping[str, Any]
