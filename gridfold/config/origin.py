"""Where the characters of a text come from that was made of another text, so that messages name lines of the file."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple


class Piece(NamedTuple):
    """A piece of a text.

    Attributes:
        start: where it begins in the new text.
        source: where it begins in the text that it was taken from; or what stood where it was put in.
        copied: whether it was taken from there; else all of it stands for one place.
    """

    start: int
    source: int
    copied: bool


@dataclass(frozen=True)
class Origin:
    """The pieces of a text, in order, and how to name a place of the text that they come from."""

    pieces: tuple[Piece, ...]
    where: Callable[[int], str]

    def __call__(self, index: int) -> str:
        """``file:line:column`` of a character of the new text, in the file that a person has written."""
        piece = self.pieces[max(0, bisect_right(self.pieces, index, key=lambda each: each.start) - 1)]
        return self.where(piece.source + (index - piece.start if piece.copied else 0))
