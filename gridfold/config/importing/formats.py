"""Which tool a file is of, and what it says."""

from __future__ import annotations

from pathlib import Path

from gridfold.config.importing import hydra, optuna_study, wandb
from gridfold.config.importing.imported import Imported
from gridfold.config.importing.source import Source
from gridfold.core.errors import ConfigError

_EXPECTED = (
    "expected a W&B sweep (with method and parameters), a Hydra config (with hydra.sweeper.params), or an Optuna "
    "storage (a SQLite file, a journal, or sqlite:///...)"
)
_PYTHON = "for a W&B sweep that is a dict in Python, write it as YAML: yaml.safe_dump(sweep, open('sweep.yaml', 'w'))"
_PICKLE = "a pickle is not read: copy the study to a storage with optuna.copy_study, and give that"


def read(file: str, study: str | None = None) -> Imported:
    """Read a search space of another tool.

    Args:
        file: a file, or the address of a database.
        study: the name of an Optuna study; None if there is only one.

    Raises:
        ConfigError: it cannot be read, or is of no tool that is known.
    """
    path = Path(file)
    if optuna_study.is_storage(file):
        imported = Imported(f"{path.name}, an Optuna storage")
        optuna_study.read(file, study, imported)
        imported.settle()
        return imported
    if path.suffix in (".pkl", ".pickle", ".joblib"):
        raise ConfigError("is a pickle", where=file, hint=_PICKLE)
    if path.suffix in (".py", ".ipynb"):
        raise ConfigError("is a program", where=file, hint=_PYTHON)
    root = Source.read(path).root
    if wandb.is_sweep(root):
        imported = Imported(f"{path.name}, a W&B sweep")
        wandb.read(root, imported)
        return imported
    if hydra.is_sweeper(root):
        imported = Imported(f"{path.name}, a Hydra sweeper")
        hydra.read(root, imported)
        imported.settle()
        return imported
    raise ConfigError("of no tool that gridfold can import from", where=file, hint=_EXPECTED)
