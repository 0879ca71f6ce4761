"""When a training ends, and which of its epochs counts.

``num_epochs``, ``early_stopping_patience`` and ``metric`` say nothing of how an epoch is trained. So they are not read
but asked about when an epoch is over: runs that differ only there are trained once, for as long as the longest of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gridfold.core.errors import ConfigError
from gridfold.text.data import DataFacts
from gridfold.text.section import Section, Setting
from gridfold.text.settings import METRIC, NUM_EPOCHS, PATIENCE, TrainingSettings, given_names
from gridfold.text.tasks import named

_FORGETS_THE_END = ("constant", "reduce_lr_on_plateau")
_FORGETS_IT_AFTER_THE_WARMUP = ("constant_with_warmup", "inverse_sqrt")


def counts_steps(training: TrainingSettings) -> bool:
    """Whether a number of steps says how long to train, and ``num_epochs`` does not."""
    return int(training.arguments.get("max_steps", -1)) > 0


def looks_ahead(training: TrainingSettings) -> bool:
    """Whether what is learned in the first epochs depends on how many there will be."""
    if counts_steps(training):
        return True
    if training.scheduler in _FORGETS_THE_END:
        return False
    share = training.arguments.get("warmup_steps", training.warmup_ratio)
    counted = isinstance(share, int) or share == 0
    return not (training.scheduler in _FORGETS_IT_AFTER_THE_WARMUP and counted)


@dataclass(frozen=True)
class EarlyStopping:
    """The three settings of the section ``training``.

    Args:
        section: where they are.
        counts_steps: whether the training ends after a number of steps, so that ``num_epochs`` does not count.
    """

    section: Section
    counts_steps: bool = False

    def check(self, data: DataFacts) -> None:
        """Raise ``ConfigError`` if one of them is wrong, or the metric does not fit the data."""
        settings = [self._setting(each) for each in (NUM_EPOCHS, PATIENCE, METRIC)]
        self.section.ask(settings, lambda _epochs, _patience, metric: _check_metric(data, metric))

    def epochs(self, *, looks_ahead: bool) -> int:
        """How many epochs to plan for: of this run if the training looks ahead, else of the longest that shares it."""
        setting = self._setting(NUM_EPOCHS)
        return int(self.section.get(*setting)) if looks_ahead else max(self.section.alternatives(setting))

    @property
    def metric(self) -> str:
        """The metric that decides which epoch is best, such as ``val_f1``."""
        return _full(self.section.get(*self._setting(METRIC)))

    @property
    def metrics(self) -> set[str]:
        """The metrics that may turn out to decide."""
        return {_full(name) for name in self.section.alternatives(self._setting(METRIC))}

    def is_over(self, epoch: int, best: Callable[[str], int]) -> bool:
        """Whether a training ends after an epoch; ``best`` gives the number of the best epoch by a metric."""

        def runs_out(patience: int | None, metric: str) -> bool:
            return patience is not None and epoch - best(_full(metric)) >= patience

        def ends(patience: int | None, metric: str, epochs: int) -> bool:
            return epoch >= epochs or runs_out(patience, metric)

        settings = [self._setting(PATIENCE), self._setting(METRIC)]
        if self.counts_steps:
            return self.section.ask(settings, runs_out)
        return self.section.ask([*settings, self._setting(NUM_EPOCHS)], ends)

    def _setting(self, setting: Setting) -> Setting:
        """The setting by the key that the config has for it."""
        name, kind, default = setting
        return given_names(self.section).get(name, name), kind, default


def _check_metric(data: DataFacts, metric: str) -> None:
    """Raise ``ConfigError`` where a metric cannot be computed of the data."""
    if metric.removeprefix("val_") != "roc_auc":
        return
    path = "training.metric"
    if len(data.labels) != 2:
        raise ConfigError(f"roc_auc needs 2 labels, but the data have {named(data.labels)}", path=path)
    if data.validation_classes != 2:
        raise ConfigError("roc_auc needs both labels among the validation examples", path=path)


def _full(metric: str) -> str:
    return f"val_{metric.removeprefix('val_')}"
