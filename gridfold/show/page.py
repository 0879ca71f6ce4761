"""The report of a search: one file, ``report.html``, that needs nothing else and asks for nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gridfold.analysis.summary import Estimate, Tables
from gridfold.core.errors import ConfigError, visible
from gridfold.core.files import replace_file
from gridfold.records.numbers import duration, number, plus_minus
from gridfold.records.trials import RunResult
from gridfold.runs.search import SearchDirectory
from gridfold.show import charts, page_trials, plots, sharing
from gridfold.show.axis import cut, value_text

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

_ASSETS = files("gridfold.show") / "assets"
_SIGNED = re.compile(r"\d[\d.]*e-\d+")
_TIED = re.compile(r" (?=[%±])|(?<=±) ")  # spaces at which no line breaks
_MAX_LETTERS = 300  # of a message
_MAX_TEXT = 4_000  # of a traceback, a command
_MAX_CONFIG = 100_000
_MAX_RUNS = 12
_MAX_GROUPS = 50


@dataclass(frozen=True)
class Fact:
    """Something in one or two words, and what is to know about it."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Failure:
    """Failures of one cause."""

    count: int
    kind: str
    place: str
    message: str
    traceback: str
    logs: tuple[page_trials.Link, ...]
    more: int


@dataclass(frozen=True)
class Confirmed:
    """A trial on fresh seeds: what it had when it was chosen, and what it has now."""

    trial: str
    selected: str
    fresh: str
    n: int


def write(tables: Tables, search: SearchDirectory) -> Path:
    """Write the report of a search into its directory.

    Raises:
        ConfigError: a package that it takes is not installed.
    """
    replace_file(search.report_path, render(tables, search))
    return search.report_path


def render(tables: Tables, search: SearchDirectory) -> str:
    """The report as a text of HTML.

    Raises:
        ConfigError: a package that it takes is not installed.
    """
    try:
        environment, library = _environment(), _library()
    except ImportError as error:
        hint = 'pip install "gridfold[report]"'
        name = (error.name or "").partition(".")[0]
        raise ConfigError(f"the package {name} is not installed", hint=hint) from None
    script = _asset("page.js")
    shown = _charts(tables)
    text = environment.get_template("page.html").render(
        **shown,
        figures=_figures(shown),
        library=library,
        script=script,
        style=_asset("page.css"),
        policy=_policy(library, script),
        colors=plots.COLORS,
        labels=list(plots.labels(tables).items()),
        metric=cut(str(tables.results.objective.metric), 60),
        up=tables.results.objective.maximize,
        title=search.name,
        subtitle=_subtitle(tables),
        facts=_facts(tables),
        answer=tables.answer,
        rows=page_trials.rows(tables, search),
        count=len(tables.results.trials),
        left_out=len(tables.heatmaps) - len(shown["heatmaps"]),
        known=any(contender.p is not None for contender in tables.contenders),
        choices=charts.choices(tables),
        failures=[_failure(group, search) for group in tables.failures[:_MAX_GROUPS]],
        regions=list(_regions(tables)),
        sharing_headings=sharing.HEADINGS,
        sharing=sharing.in_words(search),
        advice=tables.advice,
        whole=_whole,
        confirmed=_confirmed(tables),
        confirmation=tables.confirmation,
        p_text=charts.p_text,
        provenance=list(_provenance(search)),
        base=_base(search),
    )
    return text.encode("utf-8", "replace").decode()  # what runs say may hold halves of characters


def _environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    return Environment(
        loader=FunctionLoader(_asset),
        autoescape=True,
        finalize=_seen,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )


def _seen(value: Any) -> Any:
    """What runs say, with its control characters shown; what is written by the page itself stays."""
    return visible(value.replace("\r\n", "\n")) if type(value) is str else value


def _library() -> str:
    """plotly.js, 4.8 MB: the largest part of the page."""
    plotly = find_spec("plotly")  # not imported, which would take longer than the whole page
    if plotly is None or plotly.origin is None:
        raise ModuleNotFoundError(name="plotly")
    return (Path(plotly.origin).parent / "package_data" / "plotly.min.js").read_text(encoding="utf-8")


def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


def _policy(*scripts: str) -> str:
    """What a browser lets the page do: run these scripts, nothing else, and ask nobody for anything."""
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes)
    return f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {allowed}"


def _charts(tables: Tables) -> dict[str, Any]:
    return {
        "parallel": charts.parallel(tables),
        "heatmaps": charts.heatmaps(tables),
        "effects": charts.effects(tables),
        "shares": charts.shares(tables),
        "interactions": charts.interactions(tables),
        "curves": charts.curves(tables),
    }


def _figures(shown: Mapping[str, Any]) -> str:
    """The figures as JSON that is safe in a page; the look that all have in common is there once."""
    single = [shown[name] for name in ("parallel", "shares", "interactions", "curves")]
    pairs = [chart for pair in shown["heatmaps"] for chart in (pair.mean, pair.best)]
    found = {chart.name: chart.figure for chart in [*single, *pairs, *shown["effects"]] if chart}
    text = json.dumps({"template": plots.template(), "figures": found})
    if "NaN" in text or "Infinity" in text:  # which no browser reads
        text = json.dumps(json.loads(text, parse_constant=lambda _: None))
    return text.replace("<", "\\u003c")


def _subtitle(tables: Tables) -> str:
    metric, up = tables.results.objective.metric, tables.results.objective.maximize
    if not metric:
        return "no metric"
    unsure = " (if not, say so by --minimize)" if tables.results.objective.guessed else ""
    return f"compared by {cut(str(metric), 60)}, {'higher' if up else 'lower'} is better{unsure}"


def _facts(tables: Tables) -> Iterator[Fact]:
    trials = tables.results.trials
    runs = [run for trial in trials for run in trial.runs]
    for best in tables.estimates[:1]:
        metric, mean = cut(str(tables.results.objective.metric), 40), plus_minus(best.mean, best.std)
        yield Fact(f"best {metric}", mean, _noise(best))
    repeats = max((len(trial.runs) for trial in trials), default=0)
    counts = f"{len(runs):,} runs" + (f", up to {repeats} of a trial" if repeats > 1 else "")
    yield Fact("trials", f"{len(trials):,}", counts)
    failed, done = (sum(run.state == state for run in runs) for state in ("failed", "completed"))
    yield Fact("completed", f"{done:,}", f"{failed:,} failed" if failed else "none failed")
    seconds = [run.record.seconds or 0.0 for run in runs if run.record]
    yield Fact("time of all runs", duration(math.fsum(seconds)), "one after another")


def _noise(estimate: Estimate) -> str:
    """What is known of the noise of an estimate."""
    between = page_trials.interval(estimate)
    return f"n = {estimate.n}, 95 % interval {between}" if between else "one run: noise is unknown"


def _whole(text: str) -> Markup:
    """A text in which no number is broken at its sign, or off its unit."""
    from markupsafe import Markup, escape

    tied = _TIED.sub("\N{NO-BREAK SPACE}", str(escape(visible(text))))
    return Markup(_SIGNED.sub(r'<span class="whole">\g<0></span>', tied))


def _failure(group: tuple[RunResult, ...], search: SearchDirectory) -> Failure:
    error = (group[0].record.error if group[0].record else None) or {}
    kind, place, message, traceback = (str(error.get(name) or "") for name in ("type", "place", "message", "traceback"))
    logs = tuple(page_trials.link(run, search, "log.txt") for run in group[:_MAX_RUNS])
    said = cut(message.strip().partition("\n")[0], _MAX_LETTERS)
    whole = traceback if len(traceback) <= _MAX_TEXT else f"…{traceback[-_MAX_TEXT:]}"
    return Failure(len(group), cut(kind, 80), cut(place, 160), said, whole, logs, len(group) - len(logs))


def _regions(tables: Tables) -> Iterator[tuple[str, int, int, int]]:
    """Where runs failed, the worst first: the value, how many, of how many, in percent."""
    called = plots.labels(tables)
    worst = sorted(tables.regions, key=lambda region: -region.failed / max(1, region.of))
    for region in worst[:_MAX_GROUPS]:
        said = f"{called.get(region.path, region.path)} = {value_text(region.value, 60)}"
        yield said, region.failed, region.of, round(100 * region.failed / max(1, region.of))


def _confirmed(tables: Tables) -> list[Confirmed]:
    if tables.confirmation is None:
        return []
    called = plots.labels(tables)
    pairs = zip(tables.confirmation.estimates, tables.confirmation.selected, strict=False)
    return [
        Confirmed(plots.trial_text(fresh.trial, called), number(selected), plus_minus(fresh.mean, fresh.std), fresh.n)
        for fresh, selected in pairs
    ]


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
        "Fingerprint of the code": _listed(facts.get("codes") or facts.get("fingerprint") or ""),
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
    return ", ".join(f"{name} {_listed(value)}" for name, value in said.items() if value not in (None, [], ""))


def _listed(value: Any) -> str:
    return "; ".join(map(str, value)) if isinstance(value, Iterable) and not isinstance(value, str) else str(value)


def _base(search: SearchDirectory) -> str:
    with suppress(ConfigError):
        text = search.base()
        return text if len(text) <= _MAX_CONFIG else f"{text[:_MAX_CONFIG]}\n… ({len(text):,} characters in all)"
    return ""
