"""The record that an attempt at a run of a search begins with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gridfold.runs.entries import RunEntry
from gridfold.runs.record import Record


def record_of(facts: Mapping[str, Any], entry: RunEntry, attempt: int, code: str | None, asks: str) -> Record:
    """The record to begin with.

    Args:
        facts: what ``search.json`` says.
        entry: the run.
        attempt: which attempt at it.
        code: the fingerprint of the code.
        asks: who is asked whether its process lives.
    """
    return Record(
        id=entry.id,
        index=entry.index,
        search=facts["search"],
        params=entry.params,
        trainer=facts["trainer"],
        seed=facts["seed"] + (0 if facts.get("seed_path") else entry.repeat),
        threads=facts.get("threads", 1),
        cwd=facts.get("cwd"),
        patterns=facts.get("patterns"),
        attempt=attempt,
        repeat=entry.repeat,
        data_fold=None if entry.fold is None else [entry.fold, facts.get("folds") or entry.fold + 1],
        code=code,
        asks=asks,
    )
