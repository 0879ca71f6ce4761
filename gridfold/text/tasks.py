"""What is predicted of a text: one label of several, some labels, or a number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Label: TypeAlias = str | int | float | bool

Ids: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]

Targets: TypeAlias = NDArray[Any]
"""What is to be predicted of some texts.

Label ids, int64 of shape ``(n,)``; where several labels may hold, 1 for each that does and 0 for each that does not,
float32 of shape ``(n, labels)``; numbers, float32 of shape ``(n,)``.
"""

TASKS = ("multiclass", "binary", "multilabel", "regression")


@dataclass(frozen=True)
class Task:
    """What is predicted.

    Attributes:
        name: one of `TASKS`.
        labels: the label values in the order of their ids; none where a number is predicted.
    """

    name: str
    labels: tuple[Label, ...] = ()
