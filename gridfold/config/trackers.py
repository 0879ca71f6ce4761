"""The setting ``track``: which tools see a search while it runs."""

from __future__ import annotations

from typing import Any

from gridfold.core.errors import nearest

TRACKERS = ("tensorboard", "mlflow", "wandb", "trackio")
EXPECTED = "a list of trackers, such as [tensorboard, mlflow]"


def are_trackers(value: Any) -> bool:
    """Whether a value may be one; see `mistake`."""
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(name, str) for name in value))


def mistake(value: str | list[str]) -> tuple[str, str, str] | None:
    """What is wrong with some trackers: where, the problem, and a hint; None if nothing is."""
    for name in [value] if isinstance(value, str) else value:
        if name not in TRACKERS:
            return "", f"unknown tracker '{name:.80}'", nearest(name, TRACKERS)
    return None
