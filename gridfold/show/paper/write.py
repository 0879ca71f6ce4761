"""Write the figures of a search for print, and its table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gridfold.analysis.summary import Summary
from gridfold.core.errors import ConfigError
from gridfold.core.files import replace_bytes
from gridfold.show.paper.latex import MADE_BY, Manuscript, ResultsTable
from gridfold.show.paper.letters import Letters
from gridfold.show.paper.pictures import Picture, pictures, texts
from gridfold.show.paper.style import figure_of, is_ours, saved, styled

TABLE, MANUSCRIPT = "results.tex", "figures.tex"


@dataclass(frozen=True)
class Paper:
    """What is written.

    Attributes:
        formats: of each figure.
        column: the width of a column, in millimetres.
        page: the width of what goes across the page.
        rows: how many trials the table has at most.
    """

    formats: Sequence[str] = ("pdf",)
    column: float = 84.0
    page: float = 174.0
    rows: int = 10


@dataclass(frozen=True)
class Written:
    """The names of the files, and what is to know of them."""

    files: tuple[str, ...]
    remarks: tuple[str, ...]


def write(summary: Summary, search: str, folder: Path, paper: Paper) -> Written:
    """Write all figures and the table of a search into a folder, which is made if it is not there.

    Args:
        summary: the numbers.
        search: its name.
        folder: where to.
        paper: what is wanted.

    Raises:
        ConfigError: no trial has a value, matplotlib is not installed, or a file that is not gridfold's is in the way.
    """
    _check(summary, search)
    drawn = list(pictures(summary))
    wide = [(each, paper.page if each.is_wide else paper.column) for each in drawn]
    table = ResultsTable(summary, paper.rows)
    manuscript = Manuscript(search, wide, table, is_svg=set(paper.formats) == {"svg"})
    written = {TABLE: table.render(search), MANUSCRIPT: manuscript.render()}
    names = [f"{each.name}.{form}" for each in drawn for form in paper.formats]
    _check_folder(folder, [*names, *written])
    folder.mkdir(parents=True, exist_ok=True)
    letters = Letters.of(texts(summary))
    for name, content in _drawn(wide, paper, letters):
        replace_bytes(folder / name, [content])
    for name, text in written.items():
        replace_bytes(folder / name, [text.encode("utf-8", "replace")])
    return Written((*names, *written), tuple(filter(None, [letters.said])))


def _drawn(wide: Sequence[tuple[Picture, float]], paper: Paper, letters: Letters) -> Iterator[tuple[str, bytes]]:
    with styled(list(letters.families)):
        for picture, width in wide:
            figure = figure_of(width, picture.height)
            picture.draw(figure, width, letters.write)
            for form in paper.formats:
                yield f"{picture.name}.{form}", saved(figure, form, letters.write(picture.caption))


def _check(summary: Summary, search: str) -> None:
    if not summary.ranked:
        raise ConfigError("no trial has a value, so there is nothing to draw", where=search)
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        hint = 'pip install "gridfold[figures]"'
        raise ConfigError(f"figures need the package {error.name}", hint=hint) from None


def _check_folder(folder: Path, names: Sequence[str]) -> None:
    """What an earlier call wrote is replaced, and nothing else."""
    if folder.exists() and not folder.is_dir():
        raise ConfigError("is a file; figures go into a folder", where=str(folder))
    for name in names:
        path = folder / name
        if path.exists() and not _is_replaceable(path):
            hint = "name another folder: --output DIR"
            raise ConfigError("is in the way, and was not written by gridfold figures", where=str(path), hint=hint)


def _is_replaceable(path: Path) -> bool:
    if not path.is_file():
        return False
    content = path.read_bytes()
    return content.startswith(MADE_BY.encode()) if path.suffix == ".tex" else is_ours(content)
