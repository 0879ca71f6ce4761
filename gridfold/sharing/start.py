"""What the first process of a batch is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gridfold.worker import Task


@dataclass(frozen=True)
class Shared:
    """Trials that one process begins with.

    Attributes:
        name: of the batch, and so of its first process; no other batch has it.
        tasks: what each is to execute, by the key that the search knows it by.
        token: the token that the process begins with.
        trusted: whether the trainer may write files while it stands for many trials; else it splits before.
        gpus: the GPUs of its processes, by the numbers of tokens; see ``gridfold.sharing.gpus``.
    """

    name: str
    tasks: Mapping[int, Task]
    token: int
    trusted: bool
    gpus: Sequence[str] = ()


@dataclass(frozen=True)
class Pipes:
    """File descriptors that all processes of a batch inherit.

    Attributes:
        tokens: where they take a token, one byte each.
        events: where they tell the search what happens: a line each, of a word and numbers.
        lifeline: what ties them to the search.
    """

    tokens: int
    events: int
    lifeline: int
