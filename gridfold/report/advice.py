"""What to run next, with the command that does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Advice:
    """One thing to run next.

    Attributes:
        kind: "extend", "fix", "refine" or "repeat".
        path: the parameter; None if it is about none.
        sentence: why.
        command: the shell command.
        runs: how many new runs it makes.
        seconds: what they would take one after another, as long as runs have taken so far; None if that is not known.
    """

    kind: str
    path: str | None
    sentence: str
    command: str
    runs: int
    seconds: float | None
