"""What came of running runs again, as a document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gridfold.export.json.document import document as new
from gridfold.search.verify import Verification, noted


def document(found: Verification, changes: Sequence[str], exit_code: int) -> dict[str, Any]:
    """The runs of a search, compared with what they give alone.

    Args:
        found: the comparison.
        changes: what has changed since the search, in sentences.
        exit_code: that of the command.
    """
    return new(
        "verify/2",
        search=found.search.name,
        dir=str(found.search.dir),
        exit_code=exit_code,
        same=found.is_same,
        asked=found.asked,
        verdicts=dict(found.verdicts),
        runs=[{"run": each.entry.run, **noted(each)} for each in found.runs],
        changes=list(changes),
    )
