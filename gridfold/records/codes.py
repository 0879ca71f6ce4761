"""Which code and data the results of a search are of: both may have been edited before the search was resumed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gridfold.identity.sources import Sources, changes, listed
from gridfold.runs.record import Record, code_of
from gridfold.runs.search import SearchDirectory

_Made = tuple[str | None, str]  # code, and what else a run depends on


@dataclass
class Codes:
    """The code that completed runs of a search were executed with, and the data that they have read.

    Attributes:
        search: the search.
        facts: what ``search.json`` says.
    """

    search: SearchDirectory
    facts: Mapping[str, Any]
    _made: dict[_Made, tuple[int, int]] = field(default_factory=dict)  # the first run, and how many there are

    def add(self, index: int, record: Record | None) -> None:
        """Count a run in."""
        if record and record.state == "completed" and (code := code_of(record, self.facts)):
            made = code, json.dumps(record.inputs)
            first, count = self._made.get(made, (index, 0))
            self._made[made] = first, count + 1

    @property
    def fingerprints(self) -> frozenset[str | None]:
        """Of the code of the runs."""
        return frozenset(code for code, _ in self._made)

    @property
    def warning(self) -> str:
        """That the runs cannot be compared, in words; "" if all are of one code, and no file has changed."""
        inputs = {made: Sources.said(json.loads(made[1])) or Sources() for made in self._made}
        unlike = sorted({path for path, known in _contents(inputs.values()).items() if len(known) > 1})
        alike: dict[tuple[str | None, ...], tuple[int, int]] = {}
        for made, (first, count) in self._made.items():
            key = (made[0], *(inputs[made].files.get(path) for path in unlike))
            before = alike.get(key, (first, 0))
            alike[key] = before[0], before[1] + count
        if len(alike) < 2:
            return ""
        counts = ", ".join(f"{count:,} like run {first}" for first, count in alike.values())
        one, other = [f"{self.search.name}:{first}" for first, _ in alike.values()][:2]
        edited = listed([*self._edited(), *unlike])
        return (
            f"the runs of {self.search.name} were made by different code, package versions or data files ({counts}"
            f"{f'; changed: {edited}' if edited else ''}), so they may not be comparable: gridfold diff {one} {other};"
            " to have all by one: a new search, with --reuse"
        )

    def _edited(self) -> Iterator[str]:
        """In what the codes differ from the first, in words."""
        known = self.search.codes()
        codes = [known[code] for code in dict.fromkeys(code for code, _ in self._made) if code in known]
        for other in codes[1:]:
            yield from changes(codes[0], other)


def _contents(inputs: Iterable[Sources]) -> dict[str, set[str | None]]:
    """What was in each file when runs read it."""
    found: dict[str, set[str | None]] = {}
    for each in inputs:
        for path, known in each.files.items():
            found.setdefault(path, set()).add(known)
    return found
