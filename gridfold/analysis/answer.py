"""The answer in words: what won, how sure that is, what it costs, what mattered."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import TypeVar

from gridfold.analysis.advice import Advice
from gridfold.analysis.effects import SURE, Effect, Interaction
from gridfold.analysis.next_values import text
from gridfold.analysis.significance import Comparison, Contender, Estimate, repeats_are_identical
from gridfold.records import front, looks, reach
from gridfold.records.numbers import duration, p_text, percent, significant
from gridfold.records.ties import Tie
from gridfold.records.trials import Results
from gridfold.runs.names import label_parameters

_MOST_NAMED = 3
_IDENTICAL = "All repeats of a trial are identical, so nothing is known of the noise: does the trainer use its seed?"
_FREE, _NOTHING = 1.2, 0.1  # times as long, seconds more: about the same
_Found = TypeVar("_Found", Effect, Interaction)


def answer(
    results: Results,
    contenders: Sequence[Contender],
    effects: Sequence[Effect],
    interactions: Sequence[Interaction],
    advice: Sequence[Advice],
    confirmation: Comparison | None,
    step: float | None = None,
) -> tuple[str, ...]:
    """Sentences that say what a search found; effects are those at a step, or where that is None, in the end."""
    words, repeat = _Words(results, contenders), [each for each in advice if each.kind == "repeat"]
    if not contenders:
        nothing = f"No run has a value of {results.objective.metric or 'a metric'} yet."
        return (results.caveat or nothing, *_failures(results))
    identical = repeats_are_identical(results)
    compared = [each for each in contenders if not each.stopped]
    tells = len(compared) == 1 or any(each.p is not None for each in compared)
    return (
        words.best(contenders[0].estimate, results.tie),
        *filter(None, [reach.said(results), front.said(results), looks.said(results), looks.awaited(results)]),
        *([_IDENTICAL] if identical else words.others(compared) if tells or not repeat else []),
        *confirmed(results, contenders, confirmation),
        *words.mattered(effects, interactions, step),
        *_failures(results),
        *(f"{each.sentence} That makes {each.cost}." for each in repeat),
    )


def confirmed(results: Results, contenders: Sequence[Contender], confirmation: Comparison | None) -> tuple[str, ...]:
    """Sentences that say how the winner did on fresh seeds; none if it was not run on any."""
    return tuple(_Words(results, contenders).confirmed(confirmation)) if confirmation else ()


class _Words:
    """Trials, parameters and numbers of some results in words."""

    def __init__(self, results: Results, contenders: Sequence[Contender]) -> None:
        noise = [each.estimate.std for each in contenders if each.estimate.std and not each.distinguishable]
        self._best = contenders[0].estimate.trial if contenders and not results.tie else None
        self._has = "came so far" if any(each.stopped for each in contenders) else "has a value"
        self._course = results.course
        self._counts = len({each.estimate.n for each in contenders}) > 1
        self._noise = statistics.median(noise) if noise else None
        unlike = (each.estimate.mean for each in contenders[max(len(results.tied), 1) :])
        self._next = next(unlike, None)
        self._runs = _runs_of([len(trial.values) for trial in results.tied])
        self._metric = results.objective.metric or ""
        paths = results.paths
        self._labels: Mapping[str, str] = dict(zip(paths, label_parameters(paths), strict=True))

    def best(self, of: Estimate, tie: Tie | None) -> str:
        """What won; or that several did, and what tells them apart."""
        if tie:
            measured = f"{self._metric} {digits(of.mean, self._noise or of.std, self._next)} ({self._runs})"
            return f"{tie.at(measured, self._trial(of))}."
        return f"Best: {self._trial(of)}: {self._metric} {_measured(of, self._noise, self._next)}."

    def others(self, contenders: Sequence[Contender]) -> list[str]:
        """What cannot be told apart from the best, and which of these is the cheapest."""
        best, others = contenders[0], contenders[1:]
        if not others or all(each.p is None for each in others):
            return (
                [f"It is the only trial that {self._has}."]
                if not others
                else ["Whether that is more than noise cannot be said."]
            )
        alike = [each for each in others if not each.distinguishable]
        if not alike:
            return [f"It is better than {_all_of(len(others))}, beyond the noise."]
        group = [best.estimate, *(each.estimate for each in alike)]
        return [self._alike(group[1:], len(others)), *self._cheapest(group)]

    def confirmed(self, found: Comparison) -> list[str]:
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
            unsure = "whether the difference is more than noise cannot be said"
            sure = {None: unsure, True: "they are apart", False: "they cannot be told apart"}
            verdict = sure[None if found.p is None else found.p < 0.05]
            p = "" if found.p is None else f" (p {p_text(found.p)})"
            which = "runner-up" if is_best else "other"
            said.append(f"The {which}, {self._trial(second)}, has {_measured(second, self._noise)}: {verdict}{p}.")
        return said

    def mattered(
        self, effects: Sequence[Effect], interactions: Sequence[Interaction], step: float | None = None
    ) -> list[str]:
        """Which parameters made a difference: for sure, perhaps, and those without a sign of it."""
        both: list[Effect | Interaction] = [*effects, *interactions]
        if all(each.verdict in ("unknown", "no sign") for each in both):
            is_known = any(each.verdict == "no sign" for each in effects)
            return ["No parameter makes a difference that shows beyond the noise."] if is_known else []
        names = effect_names(effects, self._labels)
        sure = [f"{names[each.path]} ({percent(each.share)} of the variance{_among(each)})" for each in _sure(effects)]
        shown = {path for each in interactions if each.verdict in ("sure", "not certain") for path in each.paths}
        silent = [names[each.path] for each in effects if each.verdict == "no sign" and each.path not in shown]
        what = "What" if step is None else f"At {self._course} {step:g}, which all came to, what"
        return [
            *([f"{what} mattered: {', '.join(sure)}."] if sure else []),
            *(f"{_called(each, names, ' and ')} depend on each other." for each in _sure(interactions)),
            *_not_certain(both, names),
            *([f"No difference shows for {_listed(silent)}."] if silent else []),
        ]

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
        timed = [(seconds, each) for each in group if (seconds := each.trial.lone_seconds) is not None]
        if len(timed) < 2:
            return []
        least, cheapest = min(timed, key=itemgetter(0))
        most, _ = max(timed, key=itemgetter(0))
        shares = ", with what it shares" if any(each.trial.shared_seconds for each in group) else ""
        took = f"{duration(least)} a run{shares}"
        if most == least:
            return [f"They take the same time: {took}."]
        if most <= max(_FREE * least, least + _NOTHING):
            which = "the best" if cheapest.trial is self._best else self._trial(cheapest)
            return [f"They take about the same time, {took}; the cheapest by a little is {which}."]
        if cheapest is group[0]:
            return [f"It is also the cheapest of these: {took}."]
        return [f"The cheapest of these: {self._trial(cheapest)}: {self._metric} {self._value(cheapest)}, {took}."]

    def _trial(self, of: Estimate) -> str:
        if not of.trial.params:
            return of.trial.runs[0].entry.run
        return ", ".join(f"{self._labels[path]} {text(value)}" for path, value in of.trial.params.items())


def _not_certain(both: Sequence[Effect | Interaction], names: Mapping[str, str]) -> list[str]:
    """What may be an effect, and what would tell; no parameter that matters with another for sure."""
    joined = {path for each in both if isinstance(each, Interaction) and each.verdict == "sure" for path in each.paths}
    found = sorted(
        (each.p or 0.0, place)
        for place, each in enumerate(both)
        if each.verdict == "not certain" and not (isinstance(each, Effect) and each.path in joined)
    )
    if not found:
        return []
    named = [f"{_called(both[place], names)} (p {p_text(p)})" for p, place in found[:_MOST_NAMED]]
    named += [f"{len(found) - len(named)} more"] if len(found) > len(named) else []
    tests = sum(each.p is not None for each in both)
    corrected = f" after correction for {tests} tests" if tests > 1 else ""
    return [f"Not certain yet, as p is to be below {SURE}{corrected}: {_listed(named)}. More repeats would tell."]


def _called(of: Effect | Interaction, names: Mapping[str, str], between: str = " with ") -> str:
    return between.join(names[path] for path in ([of.path] if isinstance(of, Effect) else of.paths))


def effect_names(effects: Sequence[Effect], labels: Mapping[str, str]) -> dict[str, str]:
    """What each parameter is called that has an effect: one that others are linked with, with them."""
    return {each.path: " with ".join(labels[path] for path in (each.path, *each.linked)) for each in effects}


def _among(effect: Effect) -> str:
    """Of which trials a share is, if not of all."""
    return f" among the {effect.n} trials that have it" if effect.n < effect.of else ""


def digits(value: float, noise: float | None, other: float | None = None) -> str:
    """A number with the digits that its noise leaves a meaning: to the first of the noise, or the second after a 1.

    Without noise it has those that tell it from another number.
    """
    if not noise or not math.isfinite(noise):
        return f"{value:.4g}" if other is None else significant(value, other)
    first = math.floor(math.log10(noise))
    places = -first + (noise / 10.0**first < 2)
    return f"{value:.{places}f}" if 0 <= places <= 12 and abs(value) < 1e9 else f"{value:.4g}"


def _measured(of: Estimate, noise: float | None, other: float | None = None) -> str:
    """A mean with its spread; ``noise`` is what trials like it have, and decides how many digits have a meaning."""
    noise = noise or of.std
    mean = digits(of.mean, noise, other)
    if of.std is None or of.low is None or of.high is None:
        return f"{mean} ({'1 run' if of.n == 1 else f'the same in {of.n} runs'})"
    low, high = digits(of.low, noise, other), digits(of.high, noise, other)
    return f"{mean} ± {digits(of.std, noise)} (mean of {of.n}, 95 % interval {low} to {high})"


def _runs_of(counts: Sequence[int]) -> str:
    """How many runs trials have that tie."""
    fewest, most = min(counts, default=0), max(counts, default=0)
    if fewest < most:
        return f"means of {fewest} to {most} runs"
    return "1 run each" if most == 1 else f"mean of {most} each"


def _failures(results: Results) -> list[str]:
    runs = [run for trial in results.trials for run in trial.runs]
    failed = sum(run.state == "failed" for run in runs)
    lost = sum(run.is_done and run.value is None for run in runs)
    said = [f"{failed:,} of {len(runs):,} runs failed."] if failed else []
    metric = results.objective.metric
    return [*said, *([f"{lost:,} of {len(runs):,} runs gave no finite {metric}."] if lost and metric else [])]


def _sure(found: Sequence[_Found]) -> list[_Found]:
    return [each for each in found if each.verdict == "sure"]


def _all_of(count: int) -> str:
    return f"all {count:,} others" if count > 1 else "the other"


def _listed(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)
