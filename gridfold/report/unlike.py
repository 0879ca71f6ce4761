"""In what two runs differ: config, metrics, environment, code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from rich.console import Group
from rich.markup import escape
from rich.table import Table

from gridfold.config.base import Config
from gridfold.errors import ConfigError, cut
from gridfold.report.terminal import comparison
from gridfold.run import Record, Run, code_of
from gridfold.store import SearchDirectory
from gridfold.values import canonical, digest, render

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
        environment: package versions, machine, threads, seed.
        code: git commit, what the code differed from it in, fingerprint, trainer.
    """

    run: Run
    config: Mapping[str, Any]
    record: Record | None
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
        if search:
            with suppress(ConfigError):  # it was deleted: the run's own record has to do
                facts = search.facts()
        patch = search.patch if search else None
        config = Config.parse(run.read_config(), str(run.config_path)).data
        return cls(run, config, record, _environment(record, facts), _code(record, facts, patch))


def report(one: Run, other: Run) -> Group:
    """In what two runs differ.

    Raises:
        ConfigError: the config of one cannot be read.
    """
    first, second = Known.read(one), Known.read(other)
    return Group(
        escape(f"A: {one.dir}{_reused(first)}"),
        escape(f"B: {other.dir}{_reused(second)}"),
        *_section("Config", first.config, second.config),
        *_metrics(first.record, second.record),
        *_section("Environment", first.environment, second.environment),
        *_section("Code", first.code, second.code),
    )


def changed(one: Any, other: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """The dotted paths at which two values differ, with what is there in each; lists of unlike length are one value."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in dict.fromkeys([*one, *other]):
            yield from changed(one.get(key, _ABSENT), other.get(key, _ABSENT), f"{path}.{key}" if path else str(key))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for position, pair in enumerate(zip(one, other, strict=True)):
            yield from changed(*pair, f"{path}.{position}")
    elif one is _ABSENT or other is _ABSENT or canonical(one) != canonical(other):
        yield path, one, other


def _environment(record: Record | None, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Where it ran; what is not known is not there."""
    found = {"packages": facts["packages"]} if facts.get("packages") else {}
    found |= {name: value for name, value in (facts.get("machine") or {}).items() if name != "host"}
    return found | ({"host": record.host, "threads": record.threads, "seed": record.seed} if record else {})


def _code(record: Record | None, facts: Mapping[str, Any], patch: bytes | None) -> dict[str, Any]:
    """What code ran; what is not known is not there."""
    fingerprint = code_of(record, facts) if record else facts.get("fingerprint")
    said = {"fingerprint": fingerprint, "trainer": record.trainer if record else facts.get("trainer")}
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


def _metrics(one: Record | None, other: Record | None) -> Iterator[str | Table]:
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
    return escape(value if plain and isinstance(value, str) else render(value))


def _reused(known: Known) -> str:
    """Whose result it has, if it was not executed itself."""
    return f" (with the result of {known.record.reused})" if known.record and known.record.reused else ""
