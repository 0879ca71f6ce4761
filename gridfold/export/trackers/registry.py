"""Which trackers there are."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import cast

from gridfold.core.errors import ConfigError, nearest
from gridfold.export.trackers.protocol import Tracker

# The class of each, which takes the folder to write to; None for where it is by default.
_TRACKERS = {
    "tensorboard": "gridfold.export.trackers.tensorboard:TensorBoard",
    "mlflow": "gridfold.export.trackers.mlflow:MLflow",
    "wandb": "gridfold.export.trackers.wandb:WandB",
    "trackio": "gridfold.export.trackers.trackio:Trackio",
    "optuna": "gridfold.export.trackers.optuna:OptunaStudy",
}
EXPORTED = tuple(_TRACKERS)


def tracker(name: str, folder: Path | None = None) -> Tracker:
    """The tracker of a name.

    Args:
        name: of it.
        folder: where it writes; None for where the tool has its data by default, beside the runs of the search.

    Raises:
        ConfigError: there is none of that name, which then names the nearest; or its package is not installed.
    """
    if name not in _TRACKERS:
        raise ConfigError(f"no tracker '{name}'", hint=nearest(name, _TRACKERS))
    module, _, kind = _TRACKERS[name].partition(":")
    try:
        return cast(Tracker, getattr(import_module(module), kind)(folder))
    except ModuleNotFoundError as error:
        if error.name and error.name.startswith("gridfold"):
            raise
        extra = "search" if name == "optuna" else name
        raise ConfigError(f"needs the package {error.name}", hint=f'pip install "gridfold[{extra}]"') from None
