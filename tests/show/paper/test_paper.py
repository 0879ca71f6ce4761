"""Figures for print: which files there are, what is in them, and that they are the same anywhere."""

import math
import os
import re
import subprocess
import sys
import zlib

import pytest
from PIL import Image

from gridfold.analysis.summary import Summary
from gridfold.cli import main
from gridfold.core.errors import ConfigError
from gridfold.records.trials import Results
from gridfold.show.paper.letters import Letters
from gridfold.show.paper.write import Paper, write
from tests.conftest import ROOT
from tests.made import completed
from tests.made import search as made
from tests.show.searches import is_large, summary_of, write_search
from tests.show.test_extremes import SEARCHES

MM = 300 / 25.4  # dots
RC = "text.usetex: True\nfont.family: serif\nfigure.figsize: 1, 1\nsavefig.bbox: tight\n"
EXTREMES = [
    "never started",
    "values far apart",
    "huge repeats of both signs",
    "values of all kinds",
    "texts",
    "tiny differences",
    "parameters that some do not have",
]
HARD = ["p_$x$", "100%", "a & b", "<i>", "学习率", "💥", "x^{2}\\", "--a ``b'' ~"]


def objects(pdf):
    """What is in a PDF, unpacked."""
    packed = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    return b"".join(zlib.decompress(each) for each in packed if each[:1] == b"x")


@pytest.fixture(scope="module")
def search(tmp_path_factory):
    """Of two parameters, with repeats; some runs failed, and all of one trial."""
    space = {"training.learning_rate": [1e-6, 1e-5, 1e-4], "training.batch_size": [16, 64]}
    return write_search(tmp_path_factory.mktemp("paper"), space, error=is_large, value=truth)


def truth(params):
    return 0.9 - 0.03 * abs(math.log10(params["training.learning_rate"]) + 5) - params["training.batch_size"] / 1e4


@pytest.fixture(scope="module")
def folder(search, tmp_path_factory):
    to = tmp_path_factory.mktemp("written") / "new" / "figures"
    write(summary_of(search), search.name, to, Paper(("pdf", "png", "svg")))
    return to


class TestFiles:
    def test_command(self, search, folder, tmp_path, snapshot):
        """In a process of its own, with a matplotlibrc that would change everything, each byte is the same."""
        (tmp_path / "rc").write_text(RC)
        said = subprocess.run(
            [sys.executable, "-m", "gridfold", "figures", search.dir, "-o", "out", "--format", "pdf,png,svg"],
            env=os.environ | {"PYTHONPATH": str(ROOT), "MATPLOTLIBRC": str(tmp_path / "rc")},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (said.returncode, said.stdout) == snapshot  # matplotlib may say that it looks for fonts, the first time
        written = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
        assert written == {path.name: path.read_bytes() for path in folder.iterdir()}

    def test_texts(self, folder, snapshot):
        assert {path.name: path.read_text() for path in sorted(folder.glob("*.tex"))} == snapshot

    def test_fonts_are_embedded_and_nothing_says_when_it_was_made(self, folder):
        for path in folder.glob("*.pdf"):
            content = path.read_bytes() + objects(path.read_bytes())
            assert b"/FontFile2" in content
            assert b"/Type3" not in content
            assert b"Date" not in content
        for path in folder.glob("*.svg"):
            assert "<text" not in path.read_text()
            assert "<dc:date>" not in path.read_text()

    def test_widths(self, folder):
        widths = {}
        for path in folder.glob("*.png"):
            with Image.open(path) as image:
                widths[path.stem] = image.size[0]
        assert widths["curves"] == widths["shares"] == pytest.approx(84 * MM, abs=1)
        assert widths["effects"] == widths["parallel"] == pytest.approx(174 * MM, abs=1)

    def test_what_an_earlier_call_wrote_is_replaced_and_nothing_else(self, search, tmp_path, snapshot):
        summary = summary_of(search)
        write(summary, "a", tmp_path, Paper(("svg",)))
        write(summary, "b", tmp_path, Paper(("svg",)))
        assert "from b" in (tmp_path / "results.tex").read_text()
        (tmp_path / "figures.tex").write_text("mine")
        with pytest.raises(ConfigError) as error:
            write(summary, "c", tmp_path, Paper(("svg",)))
        assert str(error.value).replace(str(tmp_path), "DIR") == snapshot
        assert "from b" in (tmp_path / "results.tex").read_text()


class TestSearches:
    @pytest.mark.parametrize("name", EXTREMES)
    def test_nothing_fails(self, tmp_path, name):
        search = made(tmp_path / "runs", "a_000000", SEARCHES[name])
        summary = Summary.of(Results.read([search]))
        if not summary.ranked:
            with pytest.raises(ConfigError, match="no trial has a value"):
                write(summary, search.name, tmp_path / "out", Paper())
            assert not (tmp_path / "out").exists()
            return
        assert "results.tex" in write(summary, search.name, tmp_path / "out", Paper()).files

    def test_one_parameter(self, tmp_path):
        search = write_search(tmp_path, {"training.learning_rate": [1e-6, 1e-5]}, value=lambda params: 0.5)
        files = write(summary_of(search), "a", tmp_path / "out", Paper()).files
        assert files == ("effects.pdf", "parallel.pdf", "curves.pdf", "results.tex", "figures.tex")

    def test_names_of_any_letters(self, tmp_path, snapshot):
        """Dollar signs are no formulas, LaTeX prints what is there, and letters without a font are codes."""
        runs = [{"params": {"x": text}, "metrics": {"f1_$": place / 8}} for place, text in enumerate(HARD)]
        search = made(tmp_path / "runs", "a_000000", runs)
        written = write(Summary.of(Results.read([search])), search.name, tmp_path / "out", Paper())
        assert (tmp_path / "out" / "results.tex").read_text() == snapshot  # the letters need another LaTeX, as it says
        assert all(re.fullmatch(r"[A-Za-z0-9-]+\.(pdf|tex)", name) for name in written.files)

    def test_letters_of_no_font(self):
        letters = Letters(missing=frozenset("学"))
        assert letters.write("学 α $") == r"\u5b66 α $"
        assert letters.said.endswith("these letters, so figures show their codes: 学")
        assert not Letters.of(["α $ ü"]).said

    def test_values_that_were_drawn_have_four_digits(self, tmp_path):
        search = made(tmp_path / "runs", "a_000000", [completed(0.1234567, f1=0.5), completed(5.84161838e-5, f1=0.6)])
        write(Summary.of(Results.read([search])), search.name, tmp_path, Paper())
        table = (tmp_path / "results.tex").read_text()
        assert r"$5.842\times10^{-5}$ & " in table
        assert "0.1235 & " in table


class TestErrors:
    @pytest.mark.parametrize(
        "options", [["--format", "pfd"], ["--format", ","], ["--column", "3"], ["--page", "wide"], ["--rows", "0"]]
    )
    def test_options(self, capsys, snapshot, options):
        assert main(["figures", *options]) == 2
        assert capsys.readouterr().err == snapshot

    def test_without_matplotlib(self, search, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "matplotlib", None)
        with pytest.raises(ConfigError) as error:
            write(summary_of(search), "a", tmp_path / "out", Paper())
        assert str(error.value) == 'figures need the package matplotlib\n  pip install "gridfold[figures]"'
        assert not (tmp_path / "out").exists()

    def test_a_file_where_the_folder_should_be(self, search, tmp_path):
        (tmp_path / "out").write_text("")
        with pytest.raises(ConfigError, match="is a file; figures go into a folder"):
            write(summary_of(search), "a", tmp_path / "out", Paper())
