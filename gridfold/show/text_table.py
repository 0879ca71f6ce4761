"""Columns of text, as wide as they need, or as the terminal is: then without those that matter least.

Not rich's own table, which measures and wraps each cell: of ten thousand rows that takes many seconds.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

from gridfold.core.errors import visible

_SEAM = re.compile(r"(?<=[/_,\s])|(?<=[A-Za-z]{2}-)|(?<=[A-Za-z]{2}\.)")  # where words end, and no number is torn
_LONGEST = 24  # of a word that should stay in one line
_SHORTEST = 12  # to which such a word is broken where there is no other way; no number is as long
_HEAD, _BEST = Style(bold=True), Style(bold=True, color="green")


@dataclass(frozen=True)
class Heading:
    """What stands over a column.

    Attributes:
        label: its words.
        kind: what the column holds: how much it matters depends on that.
        left: texts stand to the left, numbers to the right.
    """

    label: str
    kind: str = "fact"
    left: bool = False


@dataclass(frozen=True)
class TextTable:
    """A table for people.

    Attributes:
        headings: one for each column.
        rows: the cells.
        bold: how many of the first rows stand out: the best one, or all that are equally good.
        hint: how to see the columns for which there is no room; "" if none is to be left out.
    """

    headings: Sequence[Heading]
    rows: Sequence[Sequence[str]]
    bold: int = 0
    hint: str = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The lines; where there is no terminal, as long as they need to be."""
        labels = [heading.label for heading in self.headings]
        cells = [[*map(_printable, column)] for column in zip(labels, *self.rows, strict=True)]
        widths = self._fit(cells, options.max_width if console.is_terminal else None)
        shown = [(cells[place], width, self.headings[place].left) for place, width in widths.items()]
        columns = [[_padded(cell, width, left) for cell in column] for column, width, left in shown]
        style = box.HEAVY_HEAD.substitute(options)
        ruled = [width + 2 for width in widths.values()]
        yield from _line(style.get_top(ruled))
        for place, row in enumerate(zip(*columns, strict=True)):
            for texts in zip_longest(*row):
                filled = (text or " " * width for text, width in zip(texts, widths.values(), strict=True))
                if place == 0:
                    sides, between = (style.head_left, style.head_right), style.head_vertical
                else:
                    sides, between = (style.mid_left, style.mid_right), style.mid_vertical
                line = f"{sides[0]} {f' {between} '.join(filled)} {sides[1]}"
                yield from _line(line, _HEAD if place == 0 else _BEST if place <= self.bold else None)
            if place == 0:
                yield from _line(style.get_row(ruled, "head"))
        yield from _line(style.get_bottom(ruled))
        if left := [label for place, label in enumerate(labels) if place not in widths]:
            yield Text(f"No room in this terminal for {', '.join(left)}.")
            yield Text(self.hint, no_wrap=True, overflow="ignore")

    def _fit(self, columns: Sequence[Sequence[str]], room: int | None) -> dict[int, int]:
        """The columns to show, and how wide each is."""
        full = {place: max(map(_width, set(column))) for place, column in enumerate(columns)}
        if room is None or _whole(full.values()) <= room:
            return full
        least = {place: max(map(_least, set(column))) for place, column in enumerate(columns)}
        for place in self._dispensable():
            if _whole(least.values()) > room:
                del least[place]
        spare = room - _whole(least.values())
        if spare < 0:
            widest = max(least, key=lambda place: least[place])
            least[widest] = max(least[widest] + spare, min(least[widest], _SHORTEST))
        for place, width in least.items():
            if width < full[place] <= width + spare:
                least[place], spare = full[place], spare - (full[place] - width)
        return least

    def _dispensable(self) -> list[int]:
        """The columns that may be left out, what matters least first: the first metric and parameter stay."""
        if not self.hint:
            return []
        of_kind = {kind: [place for place, each in enumerate(self.headings) if each.kind == kind] for kind in _KINDS}
        return [*of_kind["metric"][:0:-1], *of_kind["seconds"], *of_kind["parameter"][:0:-1]]


_KINDS = ("metric", "seconds", "parameter")


def _whole(widths: Collection[int]) -> int:
    """How wide a table is, with its lines."""
    return sum(widths) + 3 * len(widths) + 1


def _width(text: str) -> int:
    return len(text) if text.isascii() else cell_len(text)


def _least(text: str) -> int:
    """How wide a text is whose words stand in lines of their own."""
    return min(max(_width(word.rstrip()) for word in _SEAM.split(text)), _LONGEST)


def _printable(text: str) -> str:
    """The text in one line, in which what a terminal would act on is shown."""
    return text if text.isprintable() else "".join(filter(str.isprintable, " ".join(visible(text).split())))


def _padded(text: str, width: int, left: bool) -> tuple[str, ...]:  # noqa: FBT001
    """The lines of a cell."""
    if _width(text) > width:
        return tuple(_filled(line, width, left) for line in _wrapped(text, width))
    return (_filled(text, width, left),)


def _filled(text: str, width: int, left: bool) -> str:  # noqa: FBT001
    space = " " * (width - _width(text))
    return text + space if left else space + text


def _wrapped(text: str, width: int) -> Iterator[str]:
    """Lines of a text, broken between words where that is possible."""
    line = ""
    for word in _SEAM.split(text):
        if line and _width(line + word.rstrip()) > width:
            yield line.rstrip()
            line = ""
        line += word
        while _width(line.rstrip()) > width:
            count = next(size for size in range(len(line), 0, -1) if size == 1 or _width(line[:size]) <= width)
            yield line[:count]
            line = line[count:]
    yield line.rstrip()


def _line(text: str, style: Style | None = None) -> Iterator[Segment]:
    yield Segment(text, style)
    yield Segment.line()
