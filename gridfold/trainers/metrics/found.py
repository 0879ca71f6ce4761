"""The metrics of a program, from the first of its sources that has some: its files, then what it printed."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gridfold.identity.writes import Written
from gridfold.runs.reports import METRICS, METRICS_JSON
from gridfold.trainers.metrics.names import bare, is_result
from gridfold.trainers.metrics.printed import (
    Mark,
    Metrics,
    MetricsUnreadable,
    block_of_json,
    has_known,
    has_measured,
    list_of_json,
    printed_metrics,
    reported_metrics,
    written_epochs,
    written_metrics,
)

if TYPE_CHECKING:
    from gridfold.trainers.metrics.curves import Curves

BY_PATTERNS = "the log (by gridfold.metrics)"  # in a source

_LOG_BYTES = 32 << 20  # the end of a longer log has the final metrics
_SEEN_BYTES = 64 << 10
_MOST_NAMED = 3
_MOST_SEEN = 12
_NAMED = re.compile(r"([^\W\d][\w @/.%-]{0,40}?)['\"]?\s*[:=]\s*['\"]?[-+]?\d[\d.]*(?![\w:/.])")


@dataclass(frozen=True)
class ProgramOutput:
    """What a program wrote and printed.

    Attributes:
        run_dir: the directory of its run.
        reported: where in ``metrics.jsonl`` its reports begin; None if it did not write that file.
        printed: where in the log its output begins.
        written: the files that it wrote, those in the run directory first.
        is_over: whether it has ended.
    """

    run_dir: Path
    reported: Mark | None
    printed: Mark
    written: Sequence[Written] = ()
    is_over: bool = True

    def reports_of(self, curves: Curves) -> Sequence[Metrics]:
        """The epochs of what it said."""
        return curves.reports(is_over=self.is_over)


@dataclass(frozen=True)
class Found:
    """The metrics of a run.

    Attributes:
        metrics: the final ones; empty if there are none.
        reports: those of its epochs, where gridfold has to write them into ``metrics.jsonl``.
        source: what they were read from, such as ``eval_loss from out/all_results.json``; "" if there are none.
        candidates: where there are none, names with numbers in what it printed, and files that could not be read.
    """

    metrics: Metrics = field(default_factory=dict)
    reports: Sequence[Metrics] = ()
    source: str = ""
    candidates: Sequence[str] = ()


def find_metrics(
    output: ProgramOutput, patterns: Mapping[str, str] | None = None, given: Collection[str] = ()
) -> Found:
    """The metrics of a program, from the first source that has some.

    Of files and lines that the program did not make for gridfold, the first counts that tells how good the result is;
    one that only tells how the training went counts if there is no other. A file that knows only
    steps, which may be batches of the validation, does not count if lines say the same of each epoch.

    Args:
        output: what it wrote and printed.
        patterns: regular expressions of one group for numbers in the log, by the names of their metrics; they come
            first (the setting ``gridfold.metrics``).
        given: `bare` names of the numbers that the program was given, which it may print, too.

    Raises:
        MetricsUnreadable: it wrote ``metrics.json`` or ``metrics.jsonl``, which cannot be read.
    """
    found = _by_patterns(output, patterns or {}) or _written_for_us(output)
    if found:
        return found
    printed, is_made = _in_json(output)
    if is_made and has_measured(printed.metrics, given):
        return printed
    other = Found()
    for tells, found in _others(output, given):
        if tells:
            return found
        other = other if other.metrics else found
    if has_known(printed.metrics):
        return printed
    if other.metrics or printed.metrics:
        return other if other.metrics else printed
    return Found(candidates=_candidates(output))


def numbers_of(config: Mapping[str, Any]) -> Collection[str]:
    """The `bare` names of the numbers in a config, which a program may print, too."""
    return {bare(name) for name in _names_of_numbers(config)}


def _names_of_numbers(config: Mapping[Any, Any]) -> Iterator[str]:
    for name, value in config.items():
        if isinstance(value, Mapping):
            yield from _names_of_numbers(value)
        elif isinstance(value, (int, float)):
            yield str(name)


def _by_patterns(output: ProgramOutput, patterns: Mapping[str, str]) -> Found | None:
    if not patterns:
        return None
    from gridfold.trainers.metrics.patterns import match_lines  # of few searches

    metrics, reports = match_lines(output.printed.shown_after(_LOG_BYTES), patterns)
    return _found(metrics, reports, BY_PATTERNS) if metrics else None


def _written_for_us(output: ProgramOutput) -> Found | None:
    """What the files say that gridfold asks for."""
    metrics: Metrics | None = None
    if os.path.lexists(output.run_dir / METRICS_JSON):
        try:
            metrics = written_metrics(output.run_dir / METRICS_JSON)
        except MetricsUnreadable:
            if found := _written_by_lines(output):
                return found
            raise
        return _found(metrics, (), METRICS_JSON) if metrics else None
    metrics = reported_metrics(output.reported) if output.reported else None
    return _found(metrics, (), METRICS) if metrics else None


def _written_by_lines(output: ProgramOutput) -> Found | None:
    """What a file says that has our name, and a line for each epoch, or a list of them, as detectron2's has."""
    from gridfold.trainers.metrics.logged import read_entries  # what programs that write for gridfold need nothing of

    curves = read_entries(written_epochs(output.run_dir / METRICS_JSON))
    return _found(curves.final(), output.reports_of(curves), METRICS_JSON) if curves else None


def _in_json(output: ProgramOutput) -> tuple[Found, bool]:
    """What it printed as JSON, and whether that is more than a lone line of a log, or of settings."""
    metrics, reports, is_made = printed_metrics(output.printed)
    if block := block_of_json(output.printed):
        return _found(block, reports, "the JSON at the end of the log"), True
    return (_found(metrics, reports, "the log (lines of JSON)") if metrics else Found()), is_made


def _others(output: ProgramOutput, given: Collection[str]) -> Iterator[tuple[int, Found]]:
    """What files of libraries and printed lines say, each with how much that is (see ``Curves.tells``)."""
    from gridfold.trainers.metrics.lines import read_lines  # what programs that write for gridfold need nothing of

    printed = cache(lambda: read_lines(output.printed.shown_after(_LOG_BYTES), given))
    if written := _paths(output):
        from gridfold.trainers.metrics.logged import read_logged  # as above

        for curves, files in read_logged(written):
            if not curves.is_behind(lambda: printed()[0]):
                place = " and ".join(map(_name, files[:2]))
                yield curves.tells, _found(curves.final(), output.reports_of(curves), place)
    if entries := list_of_json(output.printed):
        from gridfold.trainers.metrics.logged import read_entries

        curves = read_entries(entries)
        yield curves.tells, _found(curves.final(), output.reports_of(curves), "the JSON at the end of the log")
    curves, example = printed()
    if curves:
        yield curves.tells, _found(curves.final(), output.reports_of(curves), f'the log (lines such as "{example}")')


def _paths(output: ProgramOutput) -> list[Path]:
    """The files that no other run can have written."""
    return [Path(each.path) for each in output.written if each.heard]


def _name(path: Path) -> str:
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


def _found(metrics: Metrics, reports: Sequence[Metrics], place: str) -> Found:
    names = [name for name in metrics if is_result(name)] or list(metrics)
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return Found(metrics, reports, f"{', '.join(names[:_MOST_NAMED])}{more} from {place}")


def _candidates(output: ProgramOutput) -> Sequence[str]:
    """What a person may look at for metrics, where none were found."""
    seen = dict.fromkeys(
        name.strip() for line in output.printed.shown_after(_SEEN_BYTES) for name in _NAMED.findall(line)
    )
    unread: Sequence[Path] = ()
    if written := _paths(output):
        from gridfold.trainers.metrics.logged import needs_tensorboard

        unread = needs_tensorboard(written)[:1]
    hint = "needs: pip install 'gridfold[tensorboard]'"
    return [*(f"{_name(path)} ({hint})" for path in unread), *list(seen)[-_MOST_SEEN:]]
