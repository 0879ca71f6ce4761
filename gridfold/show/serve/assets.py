"""The files of the live page: the page itself, its scripts and its styles."""

from __future__ import annotations

from importlib.resources import files

_FOLDER = files("gridfold.show") / "assets"
_KINDS = {"css": "text/css", "js": "text/javascript"}

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
"""What a browser lets the page do: its own scripts, this server, nothing else."""


def page(token: str) -> str:
    """The page, the same for the list of searches and for each of them."""
    return (_FOLDER / "live.html").read_text(encoding="utf-8").replace("@ROOT@", f"/{token}/")


def asset(name: str) -> tuple[bytes, str] | None:
    """A script or a style of the page, and which of them it is; None if there is none of that name."""
    kind = _KINDS.get(name.rpartition(".")[2])
    served = {each.name for each in _FOLDER.iterdir() if each.name.startswith("live") or each.name == "page.css"}
    return ((_FOLDER / name).read_bytes(), kind) if kind and name in served else None
