"""With what code and data the completed runs of a search were made, and what of that has changed since."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from gridfold.identity.sources import Sources, changes
from gridfold.runs.record import Record, code_of
from gridfold.runs.search import SearchDirectory


@dataclass
class Made:
    """What completed runs were made with.

    Attributes:
        search: the search.
    """

    search: SearchDirectory
    _runs: Counter[tuple[str | None, str]] = field(default_factory=Counter)  # by their code, and what else they used

    def add(self, record: Record) -> None:
        """Count a completed run."""
        self._runs[code_of(record, self._facts), json.dumps(record.inputs)] += 1

    def otherwise(self, code: str | None) -> int:
        """How many runs were made by other code than this, or of other data than there are now, if that is known."""
        moment = time.monotonic()
        return sum(count for made, count in self._runs.items() if _is_other(*made, code, moment))

    def changed(self, code: str | None) -> list[str]:
        """What is not as it was when they were made, in words."""
        moment = time.monotonic()
        known, inputs = self.search.codes(), [Sources.said(json.loads(inputs)) for _, inputs in self._runs]
        now = known.get(code or "")
        codes = [known[made] for made, _ in self._runs if made in known and now]
        found = [word for each in codes if now for word in changes(each, now)]
        return sorted({*found, *(word for each in inputs if each for word in changes(each, each.now(moment)))})

    @cached_property
    def _facts(self) -> Mapping[str, Any]:
        return self.search.facts()


def _is_other(made: str | None, inputs: str, code: str | None, moment: float) -> bool:
    if not made or not code:
        return False
    said = Sources.said(json.loads(inputs))
    return made != code or bool(said and any(changes(said, said.now(moment))))
