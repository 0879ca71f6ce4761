"""How a search ended, as a document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gridfold.export.json import status
from gridfold.export.json.document import document as new
from gridfold.runs.search import SearchDirectory


def document(search: SearchDirectory, exit_code: int, answer: Sequence[str], unfinished: str = "") -> dict[str, Any]:
    """How a search ended, or was begun where others execute it.

    Args:
        search: the search.
        exit_code: that of the command.
        answer: what it has found, in sentences; empty where that was not computed.
        unfinished: why it ended before its runs were done, and how to go on; "" if it did not.
    """
    said = status.document(search)
    del said["schema"]
    return new("search/1", **said, exit_code=exit_code, answer=list(answer), unfinished=unfinished or None)
