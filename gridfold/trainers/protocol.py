"""What a trainer is: it turns a config into metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from gridfold.runs.run import Run

BUILT_IN = "gridfold.text:trainer"
CHECKPOINTS = ("checkpoint*", "*.ckpt", "*.pt", "*.pth", "*.safetensors")


class Trainer(Protocol):
    """Turns a config into metrics.

    It may have two more attributes. ``preload`` names modules that every run needs, which are then imported once for
    all. ``checkpoints`` are patterns of the files in a run directory that hold weights, such as ``"*.safetensors"``:
    what ``--keep-checkpoints`` may delete (default: `CHECKPOINTS`).
    """

    def check(self, config: Mapping[str, Any]) -> None:
        """Refuse a config that cannot be trained, before any run of the search starts.

        Raises:
            ConfigError: what is wrong, with the dotted path.
        """

    def train(self, config: Mapping[str, Any], run: Run) -> Mapping[str, float]:
        """Train, and return the final metrics; the first is the one to compare runs by."""
