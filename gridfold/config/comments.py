"""The comments in a list that varies: which value each belongs to, and which are true of one value only."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gridfold.config.parser import Span

_COMMENT = re.compile(r"[ \t]*#[^\r\n]*")
_BLANK_LINE = re.compile(r"\n[ \t]*\r?\n")
_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_NOUNS = (
    "values?|options?|choices?|candidates?|settings?|alternatives?|variants?|rates?|sizes?|seeds?|runs?|trials?|of them"
)


@dataclass(frozen=True)
class Comments:
    """The comments of a list, each with the blanks before it.

    Attributes:
        before: on the line on which the list begins.
        items: for each value, those above it and the one after it.
        after: below the last value.
    """

    before: str
    items: tuple[str, ...]
    after: str


def comments_of(text: str, span: Span, items: Sequence[Span]) -> Comments:
    """The comments of a list that takes up ``span``, with the values ``items``."""
    starts = [*(item.start for item in items), span.end]
    ends = [span.start, *(item.end for item in items)]
    beside, above = [], []
    for end, start in zip(ends, starts, strict=True):
        gap = list(_in_gap(text, end, start, len(items)))
        beside.append("".join(comment for comment, own_line in gap if not own_line))
        above.append("".join(f"  {comment.lstrip()}" for comment, own_line in gap if own_line))
    header = beside[0]
    is_alone = above[0] and not any(above[1:-1])  # above the first value alone, it is about the list
    if is_alone and not _is_grouped(text, span.start, items):
        header, above[0] = header + above[0], ""
    return Comments(header, tuple(map(str.__add__, above, beside[1:])), above[-1])


def _is_grouped(text: str, start: int, items: Sequence[Span]) -> bool:
    """Whether blank lines keep a comment and the first value together, and apart from the others."""
    first, *others = items
    after_comment = text.rfind("#", start, first.start)
    is_apart = bool(others) and _BLANK_LINE.search(text, first.end, others[0].start)
    return bool(is_apart) and not _BLANK_LINE.search(text, after_comment, first.start)


def holds_for_one(comment: str, count: int) -> bool:
    """Whether a comment about a list of ``count`` values can be true of one of them, as far as is cheap to tell."""
    number = f"(?:{count}|{_WORDS[count]})" if count < len(_WORDS) else f"{count}"
    counted = rf"\b{number} (?:\w+ )?(?:{_NOUNS})\b|\b(?:these|those|all|the) {number}\b" + (
        r"|\bboth\b" * (count == 2)
    )
    return not re.search(counted, comment, re.IGNORECASE)


def spaced(comment: str) -> str:
    """A comment with blanks before it: as many as there are, and no tab."""
    text = comment.lstrip()
    return " " * (len(comment) - len(text) or 2) + text


def _in_gap(text: str, start: int, end: int, count: int) -> Iterator[tuple[str, bool]]:
    """The comments between two values that are to stay, and whether each stands on a line of its own."""
    for match in _COMMENT.finditer(text, start, end):
        comment = spaced(match[0])
        is_value = comment.lstrip().lstrip("#").lstrip().startswith("- ")  # one that is left out
        if not is_value and holds_for_one(comment, count):
            yield comment, "\n" in text[start : match.start()]
