"""How a figure for print looks: sizes in millimetres, letters, colours that hold in grey, and bytes without a date."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LETTER = 1.4  # the width of a usual letter, in millimetres
SLANTED = 4.4  # millimetres from a text that stands aslant to the next
_INCH = 25.4
_MAKER = "gridfold"
_METADATA: dict[str, dict[str, Any]] = {
    "pdf": {"Creator": _MAKER, "Producer": None, "CreationDate": None},
    "svg": {"Creator": _MAKER, "Date": None},
    "png": {"Software": _MAKER},
}
_STYLE: dict[str, Any] = {
    "font.family": ["DejaVu Sans"],  # comes with matplotlib, so that a figure is the same everywhere
    "font.size": 7,
    "axes.labelsize": 7,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "legend.fontsize": 6.5,
    "axes.linewidth": 0.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#57606a",
    "xtick.major.width": 0.5,
    "ytick.major.width": 0.5,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.color": "#57606a",
    "ytick.color": "#57606a",
    "xtick.labelcolor": "#1b1f24",
    "ytick.labelcolor": "#1b1f24",
    "axes.labelcolor": "#1b1f24",
    "text.color": "#1b1f24",
    "legend.frameon": False,
    "text.parse_math": False,  # a dollar sign in a name is a dollar sign
    "pdf.fonttype": 42,  # fonts are embedded as TrueType; publishers refuse Type 3, matplotlib's default
    "svg.fonttype": "path",  # letters are outlines: an SVG cannot count on fonts
    "svg.hashsalt": _MAKER,  # else identifiers are random
    "savefig.dpi": 300,
}


@dataclass(frozen=True)
class Ink:
    """How a kind of line or dot is drawn; kinds differ in width or shape, too, so that they are told apart in grey."""

    color: str
    width: float = 0.8
    order: float = 2.0
    marker: str = "o"
    size: float = 3.0
    is_open: bool = False


INKS = {
    "grid": Ink("#d9dde2", 0.4, 0.5),
    "upright": Ink("#57606a", 0.5, 1.0),
    "course": Ink("#9aa1ab", 0.6, 1.5),
    "interval": Ink("#57606a", 0.7, 2.0),
    "band": Ink("#c3daee", 0.0, 1.0),
    "fitted": Ink("#1f5f99", 1.2, 3.0),
    "other": Ink("#9aa1ab", 0.5, 1.6, size=2.4, is_open=True),
    "near": Ink("#1f5f99", 0.7, 3.0, size=3.2),
    "best": Ink("#d55e00", 1.7, 4.0, marker="D", size=4.2),
}


def fitted(text: str, room: float) -> str:
    """A text in one line for a room in millimetres; of a long one head and tail: ends tell names apart."""
    line, most = " ".join(text.split()), max(4, int(room / LETTER))
    if len(line) <= most:
        return line
    tail = (most - 1) // 2
    return f"{line[: most - 1 - tail]}…{line[len(line) - tail :]}"


@contextmanager
def styled(families: list[str] | None = None) -> Iterator[None]:
    """Draw in the style of this module, whatever the user's own ``matplotlibrc`` says; both are as before, afterwards.

    Args:
        families: fonts for what the usual one does not have.
    """
    import matplotlib as mpl

    fonts = logging.getLogger("matplotlib.font_manager")
    with mpl.rc_context(), _silent(fonts):
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE | {"font.family": [*_STYLE["font.family"], *(families or [])]})
        yield


@contextmanager
def _silent(logger: logging.Logger) -> Iterator[None]:
    """Without its warnings, such as that a font of rare letters has no bold ones."""
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def figure_of(width: float, height: float) -> Figure:
    """An empty figure of a size in millimetres; what is put into it is moved so that nothing of it is cut off."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width / _INCH, height / _INCH), layout="constrained")


def saved(figure: Figure, form: str, title: str) -> bytes:
    """A figure as a file, with a title for those who do not see it: the same bytes for the same figure."""
    content = io.BytesIO()
    figure.savefig(content, format=form, metadata=_METADATA[form] | {"Title": title})
    return content.getvalue()


def is_ours(content: bytes) -> bool:
    """Whether a file was written by `saved`."""
    return _MAKER.encode() in content


def usual_font() -> str:
    """The file of the font that comes with matplotlib."""
    from matplotlib.font_manager import findfont

    return str(findfont(_STYLE["font.family"][0]))
