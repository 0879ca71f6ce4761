"""The report of a search: one file, ``report.html``, that needs nothing else and asks for nothing."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from gridfold.analysis.summary import SUMMARY, RunSummary, Summary, TrialSummary
from gridfold.core.errors import ConfigError, visible
from gridfold.core.files import replace_file
from gridfold.records.numbers import cut, duration, number, plus_minus, value_text
from gridfold.runs.failure import headline
from gridfold.runs.search import SearchDirectory
from gridfold.show import effect_figures, figures, sharing

if TYPE_CHECKING:
    from jinja2 import BytecodeCache, Environment
    from jinja2.bccache import Bucket
    from markupsafe import Markup

_ASSETS = files("gridfold.show") / "assets"
_SIGNED = re.compile(r"\d[\d.]*e-\d+")
_TIED = re.compile(r" (?=[%±])|(?<=±) ")  # spaces at which no line breaks
_MAX_LETTERS = 300  # of a message
_MAX_TEXT = 4_000  # of a command
_MAX_CONFIG = 100_000
_MAX_LOGS = 12
_MAX_RUNS = 6  # of a trial
_MAX_GROUPS = 50
_NOTHING = "–"


@dataclass(frozen=True)
class Cell:
    """A text, and what it is sorted by: by itself if that is None. A dash and "" are last in either order."""

    text: str
    key: float | str | None = None


@dataclass(frozen=True)
class TrialRow:
    """A trial in the table: its standing and rank, the other cells, and its first runs."""

    standing: str
    rank: str
    cells: tuple[Cell, ...]
    runs: tuple[RunSummary, ...]
    more: int


def write(summary: Summary, search: SearchDirectory) -> Path:
    """Write the report of a search into its directory, and its numbers beside it, as ``summary.json``.

    Raises:
        ConfigError: a package that it takes is not installed.
    """
    text = render(summary, search)
    replace_file(search.dir / SUMMARY, summary.json())
    replace_file(search.report_path, text)
    return search.report_path


def render(summary: Summary, search: SearchDirectory) -> str:
    """The report as a text of HTML.

    Raises:
        ConfigError: a package that it takes is not installed.
    """
    try:
        environment = _environment(search)
    except ImportError as error:
        hint = 'pip install "gridfold[report]"'
        name = (error.name or "").partition(".")[0]
        raise ConfigError(f"the package {name} is not installed", hint=hint) from None
    script, pairs, known = _asset("page.js"), figures.pairs(summary), summary.knows_noise
    text = environment.get_template("page.html").render(
        summary=summary,
        title=search.name,
        subtitle=_subtitle(summary),
        metric=cut(str(summary.metric), 60),
        known=known,
        warnings=list(search.facts().get("warnings", {}).values()),
        facts=_facts(summary),
        headings=list(_headings(summary)),
        rows=(_row(summary, known, trial) for trial in summary.trials),
        parallel=figures.parallel(summary),
        choices=figures.choices(summary),
        pairs=pairs,
        left_out=len(summary.heatmaps) - len(pairs),
        effects=effect_figures.effects(summary),
        at_step=figures.at_step(summary),
        shares=figures.shares(summary),
        curves=figures.curves(summary),
        front=figures.front(summary),
        failures=summary.failures[:_MAX_GROUPS],
        regions=list(_regions(summary)),
        shared=sharing.in_words(search),
        shared_headings=sharing.HEADINGS,
        provenance=list(_provenance(search)),
        base=_base(search),
        script=script,
        style=_asset("page.css"),
        shades=list(figures.shades()),
        policy=_policy(script),
        max_runs=_MAX_LOGS,
        trial_text=lambda params: figures.trial_text(params, summary),
    )
    return text.encode("utf-8", "replace").decode()  # what runs say may hold halves of characters


def _bytecode() -> BytecodeCache | None:
    """Where Jinja keeps a compiled template, which takes longer than to fill it in; None where it finds no place."""
    from jinja2 import FileSystemBytecodeCache

    class Cache(FileSystemBytecodeCache):
        def dump_bytecode(self, bucket: Bucket) -> None:
            with suppress(OSError):  # the disk may be full
                super().dump_bytecode(bucket)

    try:
        changed = Path(__file__).stat().st_mtime_ns  # the options below have a part in the code, and none in its name
        return Cache(pattern=f"gridfold-{changed:x}-%s.cache")
    except (OSError, RuntimeError):  # the folder of temporary files is not to be trusted
        return None


def _environment(search: SearchDirectory) -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        loader=FunctionLoader(_asset),
        autoescape=True,
        finalize=_seen,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        bytecode_cache=_bytecode(),
    )
    beside = os.path.relpath(search.dir.parent, search.dir)
    environment.filters |= {
        "number": number,
        "plus_minus": plus_minus,
        "p_text": figures.p_text,
        "whole": _whole,
        "cut": cut,
        "headline": lambda text: cut(headline(text), _MAX_LETTERS),
        "address": lambda run, file="": quote(f"{beside}/{run.run}/{file}"),
    }
    return environment


def _seen(value: Any) -> Any:
    """What runs say, with its control characters shown; what is written by the page itself stays."""
    return visible(value.replace("\r\n", "\n")) if type(value) is str else value


def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


def _policy(script: str) -> str:
    """What a browser lets the page do: run this script, nothing else, and ask nobody for anything."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


def _whole(text: str) -> Markup:
    """A text in which no number is broken at its sign, or off its unit."""
    from markupsafe import Markup, escape

    tied = _TIED.sub("\N{NO-BREAK SPACE}", str(escape(visible(text))))
    return Markup(_SIGNED.sub(r'<span class="whole">\g<0></span>', tied))


def _subtitle(summary: Summary) -> str:
    if not summary.metric:
        return "no metric"
    unsure = " (if not, say so by --minimize)" if summary.guessed else ""
    return f"compared by {cut(summary.metric, 60)}, {'higher' if summary.maximize else 'lower'} is better{unsure}"


def _facts(summary: Summary) -> Iterator[tuple[str, str, str]]:
    """Something in one or two words, its value, and what is to know about it."""
    for best in summary.ranked[:1]:
        between = _interval(best)
        noise = f"n = {best.n}, 95 % interval {between}" if between else "one run: noise is unknown"
        yield f"best {cut(str(summary.metric), 40)}", plus_minus(best.mean, best.std), noise
    repeats = max((len(trial.runs) for trial in summary.trials), default=0)
    of_a_trial = f", up to {repeats} of a trial" if repeats > 1 else ""
    yield "trials", f"{len(summary.trials):,}", f"{sum(summary.states.values()):,} runs{of_a_trial}"
    failed, completed, stopped = (summary.states.get(state, 0) for state in ("failed", "completed", "stopped"))
    early = f"{stopped:,} stopped early, " if stopped else ""
    yield "completed", f"{completed:,}", early + (f"{failed:,} failed" if failed else "none failed")
    yield "time of all runs", duration(summary.seconds), "one after another"


def _headings(summary: Summary) -> Iterator[tuple[str, str]]:
    """The columns of the table: their words, and the path of a parameter."""
    yield "rank", ""
    yield from ((label, path) for path, label in summary.labels.items())
    yield cut(str(summary.metric), 60), ""
    yield from ((name, "") for name in list(summary.goals)[1:])
    yield from ([("front", "")] if summary.goals else [])
    yield from ([(summary.course, "")] if _has_stopped(summary) else [])
    yield from ((word, "") for word in ("worse than best", "n", "seconds", "state"))


def _row(summary: Summary, knows_noise: bool, trial: TrialSummary) -> TrialRow:  # noqa: FBT001
    cells = (
        *(Cell(value_text(trial.params[path], 60) if path in trial.params else _NOTHING) for path in summary.labels),
        Cell(plus_minus(trial.mean, trial.std) or _NOTHING, trial.mean),
        *([Cell(_interval(trial))] if knows_noise else []),
        *(Cell(number(trial.goals.get(name)) or _NOTHING, trial.goals.get(name)) for name in list(summary.goals)[1:]),
        *([Cell("front" if trial.front else "")] if summary.goals else []),
        *([Cell(_step(trial), trial.step)] if _has_stopped(summary) else []),
        _against(trial, is_alone=summary.tie is None),
        Cell(str(trial.n)),
        Cell(number(trial.seconds, 1) or _NOTHING, trial.seconds),
        Cell(_state(trial)),
    )
    rank, more = str(trial.rank or _NOTHING), len(trial.runs) - _MAX_RUNS
    return TrialRow(trial.standing or "without", rank, cells, trial.runs[:_MAX_RUNS], more)


def _interval(trial: TrialSummary) -> str:
    """The 95 % interval of the mean; "" where the noise is unknown."""
    if trial.low is None or trial.high is None:
        return ""
    return f"{number(trial.low)} to {number(trial.high)}"


def _against(trial: TrialSummary, *, is_alone: bool) -> Cell:
    """How a trial compares with the best."""
    if trial.rank is None:
        return Cell(_NOTHING)
    if trial.rank == 1:
        return Cell("best" if is_alone else "tied", -1.0)
    if trial.stopped:
        return Cell("stopped before", "")
    if trial.p is None or trial.difference is None:
        return Cell("unknown", "")
    word = "yes" if trial.distinguishable else "unclear"
    return Cell(f"{word}, p {figures.p_text(trial.p)}", trial.difference)


def _has_stopped(summary: Summary) -> bool:
    return "stopped" in summary.states


def _step(trial: TrialSummary) -> str:
    return _NOTHING if trial.step is None else f"{trial.step:g}"


def _state(trial: TrialSummary) -> str:
    if len(trial.states) == 1:
        return next(iter(trial.states))
    return ", ".join(f"{count} {state}" for state, count in trial.states.items())


def _regions(summary: Summary) -> Iterator[tuple[str, int, int, int]]:
    """Where runs failed, the worst first: the value, how many, of how many, in percent."""
    worst = sorted(summary.regions, key=lambda region: -region.failed / region.of)
    for region in worst[:_MAX_GROUPS]:
        said = f"{summary.labels[region.path]} = {value_text(region.value, 60)}"
        yield said, region.failed, region.of, round(100 * region.failed / region.of)


def _provenance(search: SearchDirectory) -> Iterator[tuple[str, str]]:
    """Where the search came from, as far as ``search.json`` says it."""
    try:
        facts = search.facts()
    except ConfigError as error:
        yield "search.json", str(error)
        return
    changed = " with changes (code.patch)" if search.patch_path.exists() else ""
    commit = facts.get("git_commit")
    said: dict[str, Any] = {
        "Command": _command(facts.get("command")),
        "Config": facts["config"],
        "Variations": _command(facts["variations"]),
        "Trainer": _command(facts["trainer"]),
        "Commit": f"{commit}{changed}" if commit else None,
        "Seed": facts["seed"],
        "Threads of a run": facts["threads"],
        "Execution": _pairs(facts.get("execution")),
        "Created": facts.get("created"),
        "Started": facts.get("started"),
        "Ended": facts.get("ended"),
        "Machine": _pairs(facts.get("machine")),
        "Packages": _pairs(facts.get("packages")),
        "Fingerprint of the code": _joined(facts.get("codes") or facts.get("fingerprint") or ""),
    }
    for name, value in said.items():
        if value not in (None, ""):
            yield name, cut(str(value), _MAX_TEXT)


def _command(said: Any) -> str:
    """A command line as one would type it."""
    return shlex.join(map(str, said)) if isinstance(said, (list, tuple)) else str(said or "")


def _pairs(said: Any) -> str:
    if not isinstance(said, Mapping):
        return ""
    return ", ".join(f"{name} {_joined(value)}" for name, value in said.items() if value not in (None, [], ""))


def _joined(value: Any) -> str:
    return "; ".join(map(str, value)) if isinstance(value, Iterable) and not isinstance(value, str) else str(value)


def _base(search: SearchDirectory) -> str:
    with suppress(ConfigError):
        text = search.base()
        return text if len(text) <= _MAX_CONFIG else f"{text[:_MAX_CONFIG]}\n… ({len(text):,} characters in all)"
    return ""
