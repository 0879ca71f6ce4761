"""Which code the results of a search are of: it may have been edited before the search was resumed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gridfold.run import Record, code_of


@dataclass
class Codes:
    """The code that completed runs of a search were executed with.

    Attributes:
        search: the name of the search.
        facts: what ``search.json`` says.
        runs: by fingerprint, the index of the first run, and how many there are.
    """

    search: str
    facts: Mapping[str, Any]
    runs: dict[str, tuple[int, int]] = field(default_factory=dict)

    def add(self, index: int, record: Record | None) -> None:
        """Count a run in."""
        if record and record.state == "completed" and (code := code_of(record, self.facts)):
            first, count = self.runs.get(code, (index, 0))
            self.runs[code] = first, count + 1

    @property
    def warning(self) -> str:
        """That the runs cannot be compared, in words; "" if all are of one code."""
        if len(self.runs) < 2:
            return ""
        counts = ", ".join(f"{count:,} like run {first}" for first, count in self.runs.values())
        one, other = [f"{self.search}:{first}" for first, _ in self.runs.values()][:2]
        return (
            f"the runs of {self.search} were made by different code, package versions or data files ({counts}), so they"
            f" may not be comparable: gridfold diff {one} {other}; to have all by one: a new search, with --reuse"
        )
