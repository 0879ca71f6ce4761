"""In what two runs differ: config, metrics, environment, code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from rich.console import Group
from rich.markup import escape
from rich.table import Table

from gridfold.config.config import Config
from gridfold.core.errors import ConfigError, cut
from gridfold.core.values import canonical, digest
from gridfold.core.values import render as value_text
from gridfold.identity.sources import Sources
from gridfold.records.objective import Objective
from gridfold.records.trials import objective_of, run_at_best
from gridfold.runs.record import Record, code_of
from gridfold.runs.run import Run
from gridfold.runs.search import SearchDirectory
from gridfold.show.terminal import comparison

_MOST_SHOWN = 2_000  # characters of a text
_ABSENT = object()
_LATER = "not known: executed after the code was changed"


@dataclass(frozen=True)
class Known:
    """What is known of a run.

    Attributes:
        run: the run.
        config: the values of its config.
        record: what it says; None if it was never started.
        objective: what the runs of its search are compared by.
        environment: package versions, machine, threads, seed.
        code: git commit, what the code differed from it in, fingerprint, trainer, files of code and data.
    """

    run: Run
    config: Mapping[str, Any]
    record: Record | None
    objective: Objective
    environment: Mapping[str, Any]
    code: Mapping[str, Any]

    @classmethod
    def read(cls, run: Run) -> Known:
        """All that the run's directory and that of its search say.

        Raises:
            ConfigError: the run's config cannot be read.
        """
        record = run.read()
        search = SearchDirectory(run.dir.parent / record.search) if record and isinstance(record.search, str) else None
        facts: Mapping[str, Any] = {}
        objective = Objective()
        if search:
            with suppress(ConfigError):  # it was deleted: the run's own record has to do
                facts, objective = search.facts(), objective_of(search)
        patch = search.patch if search else None
        config = Config.parse(run.read_config(), str(run.config_path)).data
        code = code_of(record, facts) if record else facts.get("fingerprint")
        sources = (search.codes() if search else {}).get(code or "") or Sources()
        inputs = Sources.said(record.inputs) if record else None
        sources += inputs or Sources()
        told = _code(record, facts, patch, sources)
        return cls(run, config, record, objective, _environment(record, facts, sources), told)


def render(one: Run, other: Run) -> Group:
    """In what two runs differ.

    Raises:
        ConfigError: the config of one cannot be read.
    """
    first, second = Known.read(one), Known.read(other)
    return Group(
        escape(f"A: {one.dir}{_reused(first)}"),
        escape(f"B: {other.dir}{_reused(second)}"),
        *_section("Config", first.config, second.config),
        *_metrics(first, second),
        *_section("Environment", first.environment, second.environment),
        *_section("Code", first.code, second.code),
    )


def changed(one: Any, other: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """The dotted paths at which two values differ, with what is there in each; lists of unlike length are one value."""
    if isinstance(one, Mapping) and isinstance(other, Mapping) and (keys := _keys(one, other)) is not None:
        for key in keys:
            yield from changed(one.get(key, _ABSENT), other.get(key, _ABSENT), f"{path}.{key}" if path else str(key))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for position, pair in enumerate(zip(one, other, strict=True)):
            yield from changed(*pair, f"{path}.{position}")
    elif one is _ABSENT or other is _ABSENT or canonical(one) != canonical(other):
        yield path, one, other


def _keys(one: Mapping[Any, Any], other: Mapping[Any, Any]) -> list[Any] | None:
    """The keys of both; None if a path would not tell some apart, as 1 and '1', or Python, as 1 and true."""
    keys = {canonical(key): key for key in (*one, *other)}
    same = len({str(key) for key in keys.values()}) == len(keys) == len(set(keys.values()))
    return list(keys.values()) if same else None


def _environment(record: Record | None, facts: Mapping[str, Any], sources: Sources) -> dict[str, Any]:
    """Where it ran; what is not known is not there."""
    packages = sources.packages or facts.get("packages")
    found = {"packages": packages} if packages else {}
    found |= {name: value for name, value in (facts.get("machine") or {}).items() if name != "host"}
    return found | ({"host": record.host, "threads": record.threads, "seed": record.seed} if record else {})


def _code(record: Record | None, facts: Mapping[str, Any], patch: bytes | None, sources: Sources) -> dict[str, Any]:
    """What code ran; what is not known is not there."""
    fingerprint = code_of(record, facts) if record else facts.get("fingerprint")
    said = {"fingerprint": fingerprint, "trainer": record.trainer if record else facts.get("trainer")}
    said |= {path: known or "not known" for path, known in sources.files.items()}
    if facts and fingerprint == facts.get("fingerprint"):
        return {"git commit": facts.get("git_commit"), "code.patch": _told_apart(patch)} | said
    if facts:  # what git said when the search began is not true of this run
        return dict.fromkeys(("git commit", "code.patch"), _LATER) | said
    return said if fingerprint else {}


def _told_apart(patch: bytes | None) -> str:
    if patch is None:
        return "none"
    return f"{len(patch.splitlines()):,} lines, {digest(patch.decode(errors='replace'), 8)}"


def _section(title: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[str | Table]:
    found = list(changed(one, other))
    unknown = [name for name, said in (("A", one), ("B", other)) if not said]
    if unknown or not found:
        known = f"not known of {' and '.join(unknown)}" if unknown else "the same"
        yield f"[bold]{title}[/]: {known}"
        return
    table = Table(title=title, title_justify="left", title_style="bold")
    for heading in ("path" if title == "Config" else "", "A", "B"):
        table.add_column(heading, overflow="fold")
    for path, before, after in found:
        table.add_row(escape(path), *(_said(value, plain=title != "Config") for value in (before, after)))
    yield table


def _metrics(first: Known, second: Known) -> Iterator[str | Table]:
    """In what the metrics of their best epochs differ, by the metric that the runs of the first's search go by."""
    one, other = (each.record and run_at_best(each.run, each.record, first.objective) for each in (first, second))
    if one is None or other is None:
        yield "[bold]Metrics[/]: not known"
    elif not one.metrics and not other.metrics:
        yield f"[bold]Metrics[/]: there are none (A is {one.state}, B is {other.state})"
    elif one.state == other.state and repr(dict(one.metrics)) == repr(dict(other.metrics)):
        yield "[bold]Metrics[/]: the same"
    else:
        yield comparison(one, other, title="Metrics", headings=("A", "B"))


def _said(value: Any, *, plain: bool) -> str:
    """A value as the config has it, in which '16' is not 16, or plain."""
    if value is _ABSENT or (plain and value is None):
        return "[dim]not there"
    if isinstance(value, str):
        value = cut(value, _MOST_SHOWN)
    return escape(value if plain and isinstance(value, str) else value_text(value))


def _reused(known: Known) -> str:
    """Whose result it has, if it was not executed itself."""
    return f" (with the result of {known.record.reused})" if known.record and known.record.reused else ""
