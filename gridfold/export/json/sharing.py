"""What the runs of a search shared, as a document."""

from __future__ import annotations

from typing import Any

from gridfold.export.json.document import document as new
from gridfold.runs.search import SearchDirectory
from gridfold.sharing.report import EarlyRead, Part, Sharing
from gridfold.worker import Spent


def document(search: SearchDirectory) -> dict[str, Any]:
    """What was computed once, what it would have taken alone, what was not shared and why, what was read too early."""
    found = Sharing.of(search)
    parameters = search.facts().get("parameters") or {}
    unread = [] if found.unknown else [path for path in parameters if _is_in(path, found)]
    return new(
        "sharing/1",
        search=search.name,
        dir=str(search.dir),
        shared=bool(found.batched),
        runs={
            "shared": found.batched,
            "alone": found.alone,
            "reused": found.reused,
            "unknown": found.unknown,
        },
        spent=_spent(found.spent),
        alone=_spent(found.lone),
        imports={"spent": _spent(found.imports), "alone": _spent(found.imports_alone)},
        parts=[_part(depth, part) for depth, part in found.first.walk()],
        own=_spent(found.own),
        reasons=[{"reason": reason, "runs": count or None} for reason, count in found.reasons.most_common()],
        early_reads=[_early(read) for read in found.early_reads()],
        unread=unread,
    )


def _is_in(path: str, found: Sharing) -> bool:
    return any(f"{path}.".startswith(f"{read}.") for read in found.unread)


def _spent(spent: Spent) -> dict[str, float]:
    return spent.as_dict()


def _part(depth: int, part: Part) -> dict[str, Any]:
    return {
        "depth": depth,
        "until": part.path,
        "place": part.place or None,
        "times": part.times,
        "runs": part.runs,
        "spent": _spent(part.spent),
        "alone": _spent(part.alone),
    }


def _early(read: EarlyRead) -> dict[str, Any]:
    reads = [{"path": part.path, "place": part.place, "first_use": part.first_use} for part in read.parts]
    return {
        "reads": reads,
        "is_question": any(part.is_question for part in read.parts),
        "times": read.times,
        "ways": read.ways,
        "each": _spent(read.each),
        "loss": _spent(read.loss),
    }
