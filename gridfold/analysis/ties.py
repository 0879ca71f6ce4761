"""Ties in words."""

from __future__ import annotations

from gridfold.analysis.numbers import number
from gridfold.records.ties import Tie
from gridfold.trainers.metrics.names import higher_is_better


def tied(tie: Tie, measured: str, what: str = "trials") -> str:
    """How many have the best value: ``4 trials tie at val_f1 0.9805``."""
    return f"{tie.count:,} {what} tie at {measured}"


def settled(tie: Tie, name: str) -> str:
    """What tells the first of them from the others: ``of these p 0.3 has the lowest val_loss (0.0907)``."""
    if not tie.metrics:
        return f"no other metric tells them apart; the first is {name}"
    if len(tie.metrics) == 1:
        best = "highest" if higher_is_better(tie.metrics[0]) else "lowest"
        return f"of these {name} has the {best} {tie.metrics[0]} ({number(tie.values[0])})"
    return f"of these {name} is the best by {', then '.join(tie.metrics)}"
