"""When a training ends, and which of its epochs counts.

``num_epochs``, ``early_stopping_patience`` and ``metric`` say nothing of how an epoch is trained. So they are not read
but asked about when an epoch is over: runs that differ only there are trained once, for as long as the longest of them.
``threshold`` does not either, but the metrics of every epoch depend on it: it is read when the first one is over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gridfold.core.errors import ConfigError
from gridfold.text.data import DataFacts
from gridfold.text.objectives import METRICS, NEED_ALL_LABELS
from gridfold.text.section import Section, Setting
from gridfold.text.settings import METRIC, NUM_EPOCHS, PATIENCE, THRESHOLD, TrainingSettings, given_names

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
    """The four settings of the section ``training``.

    Args:
        section: where they are.
        task: what is predicted, by its name.
        counts_steps: whether the training ends after a number of steps, so that ``num_epochs`` does not count.
    """

    section: Section
    task: str
    counts_steps: bool = False

    def check(self, data: DataFacts) -> None:
        """Raise ``ConfigError`` if one of them is wrong, or does not fit the data."""
        settings = [self._setting(each) for each in (NUM_EPOCHS, PATIENCE, METRIC, THRESHOLD)]
        self.section.ask(settings, lambda _epochs, _patience, metric, _threshold: _check_metric(data, metric))
        if THRESHOLD[0] in self.section and self.task not in {"binary", "multilabel"}:
            problem = f"has no effect in the task {self.task}, where no threshold decides"
            raise ConfigError(problem, path=self.section.path_of(THRESHOLD[0]), hint="remove it")

    def epochs(self, *, looks_ahead: bool) -> int:
        """How many epochs to plan for: of this run if the training looks ahead, else of the longest that shares it."""
        setting = self._setting(NUM_EPOCHS)
        return int(self.section.get(*setting)) if looks_ahead else max(self.section.alternatives(setting))

    @property
    def metric(self) -> str:
        """The metric that decides which epoch is best, such as ``val_f1``."""
        return self._full(self.section.get(*self._setting(METRIC)))

    @property
    def metrics(self) -> set[str]:
        """The metrics that may turn out to decide."""
        return {self._full(name) for name in self.section.alternatives(self._setting(METRIC))}

    @property
    def threshold(self) -> float | str:
        """The probability above which a label holds, or ``best_f1``."""
        threshold: float | str = self.section.get(*THRESHOLD)
        return threshold

    def is_over(self, epoch: int, best: Callable[[str], int]) -> bool:
        """Whether a training ends after an epoch; ``best`` gives the number of the best epoch by a metric."""

        def runs_out(patience: int | None, metric: str | None) -> bool:
            return patience is not None and epoch - best(self._full(metric)) >= patience

        def ends(patience: int | None, metric: str | None, epochs: int) -> bool:
            return epoch >= epochs or runs_out(patience, metric)

        settings = [self._setting(PATIENCE), self._setting(METRIC)]
        if self.counts_steps:
            return self.section.ask(settings, runs_out)
        return self.section.ask([*settings, self._setting(NUM_EPOCHS)], ends)

    def _setting(self, setting: Setting) -> Setting:
        """The setting by the key that the config has for it."""
        name, kind, default = setting
        return given_names(self.section).get(name, name), kind, default

    def _full(self, metric: str | None) -> str:
        """A metric by the name that it is reported by."""
        return f"val_{_bare(metric, self.task)}"


def _bare(metric: str | None, task: str) -> str:
    name = (metric or METRICS[task][0]).removeprefix("val_")
    return "f1" if name == "macro_f1" else name


def _check_metric(data: DataFacts, metric: str | None) -> None:
    """Raise ``ConfigError`` where a metric cannot be computed of the data."""
    task, path = data.task.name, "training.metric"
    name = _bare(metric, task)
    if name not in METRICS[task]:
        raise ConfigError(
            f"{name} is no metric of the task {task}", path=path, hint=f"valid: {', '.join(METRICS[task])}"
        )
    if name in NEED_ALL_LABELS and data.validation_classes != len(data.labels):
        needed = "both labels among the validation examples"
        if task != "binary":
            needed = "validation examples with and without each label"
        raise ConfigError(f"{name} needs {needed}", path=path)
    if name in {"r2", "spearman"} and data.validation_classes < 2:
        raise ConfigError(f"{name} needs validation examples with different numbers", path=path)
