"""What a trainer is: it turns a config into metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from gridfold.runs.run import Run

BUILT_IN = "gridfold.text:trainer"
CHECKPOINTS = ("checkpoint*", "*.ckpt", "*.pt", "*.pth", "*.safetensors")


@dataclass(frozen=True)
class Remark:
    """What a trainer has to say of a config before its run.

    Attributes:
        text: the remark.
        is_warning: whether something is probably not as it was meant.
    """

    text: str
    is_warning: bool = False


class Trainer(Protocol):
    """Turns a config into metrics.

    It may have two more attributes. ``preload`` names modules that every run needs, which are then imported once for
    all. ``checkpoints`` are patterns of the files in a run directory that hold weights, such as ``"*.safetensors"``:
    what ``--keep-checkpoints`` may delete (default: `CHECKPOINTS`).

    And it may have a method ``remarks(config)`` that returns `Remark` objects, for whoever starts a search: what is to
    be known of a config that was not refused.
    """

    def check(self, config: Mapping[str, Any]) -> None:
        """Refuse a config that cannot be trained, before any run of the search starts.

        Raises:
            ConfigError: what is wrong, with the dotted path.
        """

    def train(self, config: Mapping[str, Any], run: Run) -> Mapping[str, float]:
        """Train, and return the final metrics; the first is the one to compare runs by."""
