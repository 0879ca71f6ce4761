"""Texts of more tokens than the encoder is given at a time. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

TRUNCATE, HEAD_TAIL, CHUNK_MEAN = LONG_TEXTS = ("truncate", "head_tail", "chunk_mean")


def fitted(
    tokenizer: Any, sides: Sequence[list[str]], max_length: int, *, head_tail: bool
) -> Mapping[str, list[list[int]]]:
    """The tokens of all texts, in columns, as the tokenizer gives them; of long texts what fits.

    Args:
        tokenizer: that of ``transformers``.
        sides: the texts; of pairs, the first texts and the second ones.
        max_length: tokens that fit.
        head_tail: keep the beginning and the end of a long text, of a pair those of both texts. Else a long text
            becomes pieces of ``max_length`` tokens, one after another, the last of which may be shorter. Each begins
            and ends with the special tokens of a text.
    """
    columns: dict[str, list[list[int]]] = dict(tokenizer(*sides, verbose=False))
    frame = _Frame.of(tokenizer, pairs=len(sides) == 2)
    firsts = tokenizer(sides[0], add_special_tokens=False, verbose=False)["input_ids"] if len(sides) == 2 else None
    for index, tokens in enumerate(columns["input_ids"]):
        if len(tokens) > max_length:
            first = len(firsts[index]) if firsts else len(tokens) - frame.size
            kept = (
                frame.head_tail(len(tokens), first, max_length) if head_tail else frame.pieces(len(tokens), max_length)
            )
            for column in columns.values():
                column[index] = [value for start, end in kept for value in column[index][start:end]]
    return columns


@dataclass(frozen=True)
class _Frame:
    """How many special tokens stand before a text, after it, and between the two of a pair."""

    before: int
    between: int
    after: int

    @classmethod
    def of(cls, tokenizer: Any, *, pairs: bool) -> _Frame:
        text = tokenizer("a", add_special_tokens=False)["input_ids"]
        framed = tokenizer("a", "a")["input_ids"] if pairs else tokenizer("a")["input_ids"]
        places = [start for start in range(len(framed)) if framed[start : start + len(text)] == text]
        between = places[-1] - places[0] - len(text) if pairs else 0
        return cls(places[0], between, len(framed) - places[-1] - len(text))

    @property
    def size(self) -> int:
        return self.before + self.between + self.after

    def head_tail(self, length: int, first: int, max_length: int) -> list[tuple[int, int]]:
        """What is kept of a row of tokens, as starts and ends.

        Args:
            length: of the row, special tokens included.
            first: tokens of the text, or of the first one of a pair.
            max_length: tokens to keep.
        """
        room, second = max_length - self.size, length - self.size - first
        of_first = min(first, max(room - second, room - room // 2))  # the longer of a pair is cut first
        start = self.before + first
        return [
            (0, self.before),
            *_ends(self.before, start, of_first),
            (start, start + self.between),
            *_ends(start + self.between, length - self.after, room - of_first),
            (length - self.after, length),
        ]

    def pieces(self, length: int, max_length: int) -> list[tuple[int, int]]:
        """The pieces of a row of tokens, one after another, as starts and ends."""
        room, end = max_length - self.size, length - self.after
        kept = []
        for start in range(self.before, end, room):
            kept += [(0, self.before), (start, min(start + room, end)), (end, length)]
        return kept


def _ends(start: int, end: int, kept: int) -> list[tuple[int, int]]:
    """The beginning and the end of a part of a row."""
    tail = kept // 2
    return [(start, start + kept - tail), (end - tail, end)] if kept < end - start else [(start, end)]
