"""What is predicted of a text: one label of several, some labels, or a number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Text: TypeAlias = str | tuple[str, str]
"""A text, or a pair of texts, such as a premise and a hypothesis."""

Label: TypeAlias = str | int | float | bool

Ids: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]

Targets: TypeAlias = NDArray[Any]
"""What is to be predicted of some texts.

Label ids, int64 of shape ``(n,)``; where several labels may hold, 1 for each that does and 0 for each that does not,
float32 of shape ``(n, labels)``; numbers, float32 of shape ``(n,)``.
"""


@dataclass(frozen=True)
class Task:
    """What is predicted.

    Attributes:
        name: one of `gridfold.text.objectives.TASKS`.
        labels: the label values in the order of their ids; none where a number is predicted.
    """

    name: str
    labels: tuple[Label, ...] = ()


def named(labels: Sequence[Label]) -> str:
    """How messages count and list labels: ``3: a, b, c``."""
    shown = ", ".join(str(label) for label in labels[:20])
    return f"{len(labels)}: {shown}" + (", ..." if len(labels) > 20 else "")
