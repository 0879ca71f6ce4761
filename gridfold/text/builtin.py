"""The ready trainer: config in, metrics and a saved run out."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gridfold.core.errors import ConfigError, nearest
from gridfold.text.section import LazyConfig

if TYPE_CHECKING:
    from gridfold.config.key import Key
    from gridfold.runs.run import Run
    from gridfold.trainers.protocol import Remark
    from gridfold.trainers.uses import NewData

_SECTIONS = ("model", "data", "training")
_PACKAGES = (
    "torch",
    "transformers",
    "accelerate",
    "numpy",
    "pandas",
    "safetensors",
    "matplotlib",
    "omegaconf",
)


class TextTrainer:
    """Trains a Hugging Face encoder with a classification head.

    Attributes:
        preload: modules that every run needs; imported once for all, when they are installed.
        checkpoints: patterns of the files in a run's directory that hold weights. Of a completed run they can be
            deleted to save disk: the metrics, the plots and the mistakes stay.
    """

    preload: tuple[str, ...] = ("gridfold.text.pipeline", "gridfold.text.saved")
    checkpoints: tuple[str, ...] = (
        "head.safetensors",
        "encoder/*.safetensors",
        "adapter/*.safetensors",
        "checkpoint.pt",
    )

    def check(self, config: Mapping[str, Any]) -> None:
        """Raise ``ConfigError`` if a run of this config could only fail.

        Data and models are looked at once per distinct settings, however many configs are checked.
        """
        _require_packages()
        _check_sections(config)
        from gridfold.text.compatibility import check  # imports pandas

        check(LazyConfig(config))

    def remarks(self, config: Mapping[str, Any]) -> Sequence[Remark]:
        """What to know of a config that passes `check`: its task, how many texts are cut, and what is odd."""
        from gridfold.text.remarks import remarks_on  # imports pandas

        return remarks_on(LazyConfig(config))

    def train(self, config: Mapping[str, Any], run: Run) -> dict[str, float]:
        """Train a config and save the result in ``run.dir``, unless the search has stopped the run for others.

        Full fine-tuning goes on from where an earlier attempt in the same directory was interrupted.

        Returns:
            The metrics of the best epoch, that of ``training.metric`` first, then ``best_epoch`` and ``epochs``.

        Raises:
            ConfigError: as `check` does.
            FloatingPointError: the loss became nan or infinite.
            KeyboardInterrupt: SIGTERM came; what was fine-tuned until then is saved.
        """
        _require_packages()
        from gridfold.text.checkpoint import discard  # imports torch
        from gridfold.text.pipeline import run_pipeline
        from gridfold.text.saved import save

        try:
            trained = run_pipeline(LazyConfig(config), run)
        except FloatingPointError:
            discard(run)  # whatever continued from it would end the same
            raise
        if not run.is_pruned:  # of many, nobody looks at those
            save(trained, run.dir)
        discard(run)
        return trained.history.metrics()

    def predict(self, run_dir: Path, data: NewData) -> str:
        """Predict the texts of a file, as ``gridfold predict`` asks; see `predict_file`."""
        _require_packages()
        from gridfold.text.new_texts import predict_file  # imports torch

        return predict_file(run_dir, data)

    def export(self, run_dir: Path, folder: Path, about: str) -> Sequence[str]:
        """Write the classifier of a run as a model of ``transformers``, as ``gridfold export`` asks."""
        _require_packages()
        from gridfold.text.export import export  # imports torch

        return export(run_dir, folder, about)

    def test(self, run_dir: Path) -> Mapping[str, float]:
        """The metrics of a run on ``data.test``, as ``gridfold test`` asks for them."""
        _require_packages()
        from gridfold.text.test_set import measure  # imports torch

        return measure(run_dir)

    def keys(self) -> Sequence[Key]:
        """The keys of its configs, as ``gridfold explain`` asks for them."""
        from gridfold.text.keys import keys  # few ask

        return list(keys())

    def key(self, path: str) -> Key | None:
        """A key that is not among `keys`: a field of ``transformers.TrainingArguments``."""
        from gridfold.text.keys import key  # as above

        return key(path)


trainer = TextTrainer()


def _check_sections(config: Mapping[str, Any]) -> None:
    """Other sections are the user's own, but one that is almost called as one of ours, which is missing, is a typo."""
    for name in config:
        hint = nearest(str(name), _SECTIONS)
        if name not in _SECTIONS and hint.startswith("did you mean") and not any(f"'{own}'" in hint for own in config):
            raise ConfigError("unknown section", path=name, hint=hint)


def _require_packages() -> None:
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        problem = f"the ready trainer needs packages that are not installed: {', '.join(missing)}"
        raise ConfigError(problem, hint='pip install "gridfold[text]"')
