"""A figure as a picture by itself, for where there is no page around it."""

from __future__ import annotations

from html import escape

from gridfold.core.errors import visible
from gridfold.show.axis import Tick
from gridfold.show.figures import Figure

_WIDTH, _HEIGHT = 760, 300  # of the drawn part, in pixels
_AROUND, _ABOVE, _BELOW = 90, 48, 36
# Of this picture only: where it stands in a page, styles hold for the whole page.
_STYLE = """
.gridfold { font: 12px system-ui, sans-serif; } .gridfold .back { fill: #ffffff; } .gridfold text {
  fill: #57606a; stroke: #ffffff; stroke-width: 4px; stroke-linejoin: round; paint-order: stroke; }
.gridfold text.title { fill: #1b1f24; font-weight: 600; }
.gridfold path { fill: none; stroke: #9aa1ab; stroke-linecap: round; vector-effect: non-scaling-stroke; opacity: 0.6; }
.gridfold .grid { opacity: 0.3; } .gridfold .near { stroke: #2b7bba; stroke-width: 1.3; opacity: 0.8; }
.gridfold .best { stroke: #d55e00; stroke-width: 3; opacity: 1; } .gridfold .dot { stroke-width: 9; opacity: 1; }
"""
_SIDES = {"left": ("end", -7, 4), "right": ("start", 7, 4), "below": ("middle", 0, 18), "title": ("middle", 0, -22)}


def picture(figure: Figure) -> str:
    """A figure as SVG; its colours are those of the report."""
    inner = max(_WIDTH, figure.least_width)
    width, height = inner + 2 * _AROUND, _HEIGHT + _ABOVE + _BELOW
    paths = "\n".join(
        f'<path class="{escape(line.kind)}" d="{line.path}">{_title(line.said)}</path>' for line in figure.lines
    )
    texts = "\n".join(_text(tick, inner) for tick in figure.ticks)
    return (
        f'<svg class="gridfold" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"'
        f' height="{height}" role="img">\n{_title(f"{figure.title}. {figure.caption}")}\n<style>{_STYLE}</style>\n'
        f'<rect class="back" width="{width}" height="{height}"/>\n'
        f'<svg x="{_AROUND}" y="{_ABOVE}" width="{inner}" height="{_HEIGHT}" viewBox="0 0 1000 1000"'
        f' preserveAspectRatio="none" overflow="visible">\n{paths}\n</svg>\n{texts}\n</svg>\n'
    )


def _text(tick: Tick, width: int) -> str:
    anchor, right, down = _SIDES[tick.side]
    x, y = _AROUND + tick.x / 100 * width + right, _ABOVE + tick.y / 100 * _HEIGHT + down
    kind = ' class="title"' if tick.side == "title" else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{kind}>{escape(visible(tick.text))}</text>'


def _title(said: str) -> str:
    return f"<title>{escape(visible(said))}</title>" if said else ""
