"""Which of two runs is the better one."""

from __future__ import annotations

import re
from math import isnan

from gridfold.run import Record

_LOWER_IS_BETTER = frozenset(["loss", "error", "err", "perplexity", "ppl", "nll", "mae", "mse", "rmse", "wer", "cer"])


def rank(record: Record | None, index: int) -> tuple[bool, float, int]:
    """A key that sorts runs best first, by their first metric; those without it come last."""
    name, value = next(iter(record.metrics.items()), ("", None)) if record else ("", None)
    if value is None or isnan(value):
        return True, 0.0, index
    return False, value if lower_is_better(name) else -value, index


def lower_is_better(metric: str) -> bool:
    """Whether a metric of this name gets better by getting smaller."""
    return not _LOWER_IS_BETTER.isdisjoint(re.split(r"[^a-z]+", metric.lower()))
