"""The files of a run that the links of a report lead to."""

from __future__ import annotations

from html import escape
from pathlib import Path
from urllib.parse import quote

from starlette.responses import FileResponse, HTMLResponse, Response

from gridfold.core.files import is_file
from gridfold.runs.record import RECORD
from gridfold.runs.reports import LOG, METRICS
from gridfold.runs.run import CONFIG
from gridfold.runs.search import RUNS

_SHOWN = (CONFIG, RECORD, METRICS, LOG)


def run_directory(root: Path, name: str) -> Path | None:
    """The directory of a run in a folder, by its name; None if there is none."""
    if name in ("", ".", "..") or {"/", "\\", "\0"} & {*name}:
        return None
    directory = root / name
    return directory if is_file(directory / CONFIG) and not is_file(directory / RUNS) else None


def listed(directory: Path) -> Response:
    """A page of links to a run's files."""
    names = [name for name in _SHOWN if is_file(directory / name)]
    links = "".join(f'<li><a href="{quote(name)}">{escape(name)}</a></li>' for name in names)
    title = escape(directory.name).encode("utf-8", "replace").decode()
    head = f'<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
    return HTMLResponse(f"{head}<h1>{title}</h1><ul>{links}</ul>")


def sent(directory: Path, name: str) -> Response | None:
    """A file of a run, as plain text; None if it has none of that name."""
    path = directory / name
    if name not in _SHOWN or not is_file(path):
        return None
    return FileResponse(path, media_type="text/plain; charset=utf-8")
