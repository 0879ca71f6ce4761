"""Letters that the usual font does not have: another font that has them, or else their codes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gridfold.core.errors import visible
from gridfold.show.paper.style import usual_font

if TYPE_CHECKING:
    from matplotlib.font_manager import FontEntry

_REGULAR = (400, "normal", "regular")
_TRUETYPE = (b"\x00\x01\x00\x00", b"true")  # how a file begins that a PDF can embed as it is


@dataclass(frozen=True)
class Letters:
    """What fonts can write of some texts.

    Attributes:
        families: fonts for what the usual one does not have.
        missing: what none has.
    """

    families: tuple[str, ...] = ()
    missing: frozenset[str] = frozenset()

    @classmethod
    def of(cls, texts: Iterable[str]) -> Letters:
        """Find fonts for all texts, among those that are installed."""
        needed = {letter for text in texts for letter in _clean(text) if not letter.isascii()}
        needed -= _letters(usual_font()) if needed else set()
        families = []
        for font in _fonts() if needed else ():
            if found := needed & _letters(font.fname):
                families.append(font.name)
                needed -= found
            if not needed:
                break
        return cls(tuple(families), frozenset(needed))

    def write(self, text: str) -> str:
        """A text as it can be drawn."""
        return "".join(map(self._written, _clean(text)))

    def _written(self, letter: str) -> str:
        return letter.encode("unicode_escape").decode() if letter in self.missing else letter

    @property
    def said(self) -> str:
        """What is to know of it, in a sentence; "" if all can be written."""
        if not self.missing:
            return ""
        shown = " ".join(sorted(self.missing)[:10])
        return f"No TrueType font here has these letters, so figures show their codes: {shown}"


def _clean(text: str) -> str:
    return visible(text).encode("utf-8", "backslashreplace").decode()


def _letters(file: str) -> set[str]:
    from matplotlib.font_manager import get_font

    return set(map(chr, get_font(file).get_charmap()))


def _fonts() -> list[FontEntry]:
    """The upright fonts that are installed, in a fixed order; matplotlib's own others are placeholders and formulas."""
    from matplotlib import get_data_path
    from matplotlib.font_manager import fontManager

    own = Path(get_data_path())
    usual = [font for font in fontManager.ttflist if font.style == "normal" and font.weight in _REGULAR]
    found = [font for font in usual if own not in Path(font.fname).parents and _is_truetype(font.fname)]
    return sorted(found, key=lambda font: (font.name, font.fname))


def _is_truetype(file: str) -> bool:
    try:
        with Path(file).open("rb") as opened:
            return opened.read(4) in _TRUETYPE
    except OSError:
        return False
