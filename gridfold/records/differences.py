"""In what two runs differ: config, environment, code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from gridfold.config.config import Config
from gridfold.core.errors import ConfigError
from gridfold.core.values import canonical, digest
from gridfold.identity.sources import Sources
from gridfold.records.objective import Objective
from gridfold.records.table import ABSENT
from gridfold.records.trials import objective_of
from gridfold.runs.record import Record, code_of
from gridfold.runs.run import Run
from gridfold.runs.search import SearchDirectory

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


def changed(one: Any, other: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """The dotted paths at which two values differ, with what is there in each; lists of unlike length are one value."""
    if isinstance(one, Mapping) and isinstance(other, Mapping) and (keys := _keys(one, other)) is not None:
        for key in keys:
            yield from changed(one.get(key, ABSENT), other.get(key, ABSENT), f"{path}.{key}" if path else str(key))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for position, pair in enumerate(zip(one, other, strict=True)):
            yield from changed(*pair, f"{path}.{position}")
    elif one is ABSENT or other is ABSENT or canonical(one) != canonical(other):
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
