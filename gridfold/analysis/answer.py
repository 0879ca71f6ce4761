"""The answer in words: what won, how sure that is, what it costs, what mattered."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence

from gridfold.analysis.advice import Advice, mattering, text
from gridfold.analysis.effects import Effect, Interaction
from gridfold.analysis.numbers import duration
from gridfold.analysis.significance import Confirmation, Contender, Estimate, repeats_are_identical
from gridfold.names import label_parameters
from gridfold.records.result import Results

_MOST_NAMED = 5
_IDENTICAL = "All repeats of a trial are identical, so nothing is known of the noise: does the trainer use its seed?"
_FREE = 1.2  # times as long is about the same


def answer(
    results: Results,
    contenders: Sequence[Contender],
    effects: Sequence[Effect],
    interactions: Sequence[Interaction],
    advice: Sequence[Advice],
    confirmation: Confirmation | None,
) -> tuple[str, ...]:
    """Sentences that say what a search found."""
    words, repeat = _Words(results, contenders), [each for each in advice if each.kind == "repeat"]
    if not contenders:
        return (f"No run has a value of {results.objective.metric or 'a metric'} yet.", *_failures(results))
    return (
        words.best(contenders[0].estimate),
        *([_IDENTICAL] if repeats_are_identical(results) else [] if repeat else words.others(contenders)),
        *confirmed(results, contenders, confirmation),
        *words.mattered(effects, interactions),
        *_failures(results),
        *(f"{each.sentence} That makes {each.cost}." for each in repeat),
    )


def confirmed(results: Results, contenders: Sequence[Contender], confirmation: Confirmation | None) -> tuple[str, ...]:
    """Sentences that say how the winner did on fresh seeds; none if it was not run on any."""
    return tuple(_Words(results, contenders).confirmed(confirmation)) if confirmation else ()


class _Words:
    """Trials, parameters and numbers of some results in words."""

    def __init__(self, results: Results, contenders: Sequence[Contender]) -> None:
        noise = [each.estimate.std for each in contenders if each.estimate.std and not each.distinguishable]
        self._best = contenders[0].estimate.trial if contenders else None
        self._counts = len({each.estimate.n for each in contenders}) > 1
        self._noise = statistics.median(noise) if noise else None
        self._metric = results.objective.metric or ""
        paths = results.paths
        self._labels: Mapping[str, str] = dict(zip(paths, label_parameters(paths), strict=True))

    def best(self, of: Estimate) -> str:
        """What won."""
        return f"Best: {self._trial(of)}: {self._metric} {_measured(of, self._noise)}."

    def others(self, contenders: Sequence[Contender]) -> list[str]:
        """What cannot be told apart from the best, and which of these is the cheapest."""
        best, others = contenders[0], contenders[1:]
        if not others or all(each.p is None for each in others):
            return (
                ["It is the only trial that has a value."]
                if not others
                else ["Whether that is more than noise cannot be said."]
            )
        alike = [each for each in others if not each.distinguishable]
        if not alike:
            return [f"It is better than {_all_of(len(others))}, beyond the noise."]
        group = [best.estimate, *(each.estimate for each in alike)]
        return [self._alike(group[1:], len(others)), *self._cheapest(group)]

    def confirmed(self, found: Confirmation) -> list[str]:
        """How the winner did on fresh seeds."""
        first = found.estimates[0]
        is_best = first.trial is self._best  # else more repeats have changed that
        which = "the best" if is_best else self._trial(first)
        said = [
            f"On fresh seeds {which} has {self._metric} {_measured(first, self._noise)}, "
            f"against {digits(found.selected[0], self._noise)} when it was chosen."
        ]
        if len(found.estimates) > 1:
            second = found.estimates[1]
            sure = {None: "what that means is not known", True: "they are apart", False: "they cannot be told apart"}
            verdict = sure[None if found.p is None else found.p < 0.05]
            p = "" if found.p is None else f" (p = {_p(found.p)})"
            which = "runner-up" if is_best else "other"
            said.append(f"The {which}, {self._trial(second)}, has {_measured(second, self._noise)}: {verdict}{p}.")
        return said

    def mattered(self, effects: Sequence[Effect], interactions: Sequence[Interaction]) -> list[str]:
        """Which parameters made a difference."""
        if not effects or all(each.p is None for each in effects):
            return []
        sure, together = mattering(effects, interactions)
        rest = [each for each in effects if each not in sure]
        said = [f"What mattered: {', '.join(self._effect(each) for each in sure)}."] if sure else []
        said += [
            f"{self._labels[a]} and {self._labels[b]} depend on each other." for a, b in (i.paths for i in together)
        ]
        if not sure and not together:
            return ["No parameter makes a difference that shows beyond the noise."]
        joined = {path for each in together for path in each.paths}
        silent = [self._labels[each.path] for each in rest if each.path not in joined]
        return [*said, *([f"No difference shows for {_listed(silent)}."] if silent else [])]

    def _alike(self, alike: Sequence[Estimate], of: int) -> str:
        if len(alike) == of:
            which = f"none of the {of} others is" if of > 1 else "the other is not"
            return f"Nothing can be told apart: {which} distinguishable from it."
        named = [f"{self._trial(each)} ({self._value(each)})" for each in alike[:_MOST_NAMED]]
        more = f"; and {len(alike) - len(named)} more" if len(alike) > len(named) else ""
        return (
            f"Not distinguishable from it: {len(alike)} of {of} other{'s' if of > 1 else ''}: {'; '.join(named)}{more}."
        )

    def _value(self, of: Estimate) -> str:
        """A mean, and of how many runs, where those differ."""
        runs = f", {of.n} run{'s' if of.n > 1 else ''}" if self._counts else ""
        return f"{digits(of.mean, self._noise)}{runs}"

    def _cheapest(self, group: Sequence[Estimate]) -> list[str]:
        timed = [each for each in group if each.seconds is not None]
        if len(timed) < 2:
            return []
        cheapest = min(timed, key=lambda each: each.seconds or 0.0)
        if _FREE * (cheapest.seconds or 0.0) >= max(each.seconds or 0.0 for each in timed):
            return [f"They take about the same time: {duration(cheapest.seconds or 0.0)} a run."]
        if cheapest is group[0]:
            return [f"It is also the cheapest of these: {duration(cheapest.seconds or 0.0)} a run."]
        return [f"The cheapest of these is {self._trial(cheapest)}: {duration(cheapest.seconds or 0.0)} a run."]

    def _effect(self, effect: Effect) -> str:
        share = "" if effect.importance is None else f" ({100 * effect.importance:.0f} % of the variance)"
        return f"{self._labels[effect.path]}{share}"

    def _trial(self, of: Estimate) -> str:
        if not of.trial.params:
            return of.trial.runs[0].entry.run
        return ", ".join(f"{self._labels[path]} {text(value)}" for path, value in of.trial.params.items())


def digits(value: float, noise: float | None) -> str:
    """A number with the digits that its noise leaves a meaning: to the first of the noise, or the second after a 1."""
    if not noise or not math.isfinite(noise):
        return f"{value:.4g}"
    first = math.floor(math.log10(noise))
    places = -first + (noise / 10.0**first < 2)
    return f"{value:.{places}f}" if 0 <= places <= 12 and abs(value) < 1e9 else f"{value:.4g}"


def _measured(of: Estimate, noise: float | None) -> str:
    """A mean with its spread; ``noise`` is what trials like it have, and decides how many digits have a meaning."""
    noise = noise or of.std
    if of.std is None or of.low is None or of.high is None:
        return f"{digits(of.mean, noise)} ({'1 run' if of.n == 1 else f'the same in {of.n} runs'})"
    interval = f"95 % interval {digits(of.low, noise)} to {digits(of.high, noise)}"
    return f"{digits(of.mean, noise)} ± {digits(of.std, noise)} (mean of {of.n}, {interval})"


def _failures(results: Results) -> list[str]:
    runs = [run for trial in results.trials for run in trial.runs]
    failed = sum(run.state == "failed" for run in runs)
    lost = sum(run.state == "completed" and run.value is None for run in runs)
    said = [f"{failed:,} of {len(runs):,} runs failed."] if failed else []
    return [*said, *([f"{lost:,} of {len(runs):,} runs gave no finite {results.objective.metric}."] if lost else [])]


def _p(p: float) -> str:
    return f"{p:.2g}"


def _all_of(count: int) -> str:
    return f"all {count:,} others" if count > 1 else "the other"


def _listed(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)
