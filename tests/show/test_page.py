"""The report as a file: what it holds, that nothing in it runs which is not its own, and when it cannot be written."""

import base64
import hashlib
import json
import math
import re
import sys
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from gridfold.analysis.summary import SUMMARY, Summary
from gridfold.cli import main
from gridfold.core.errors import ConfigError
from gridfold.show import figures, page
from tests import made
from tests.show.searches import ERROR, realistic, summary_of, write_search

pytest.importorskip("jinja2")

HOSTILE = "</script><script>document.title = 'taken'</script><img src=x onerror=\"document.title = 'taken'\">'\"`${1}"
VOID = {"meta", "link", "input", "img", "br"}


class Parsed(HTMLParser):
    """The elements of a page, each with its attributes and its own text."""

    def __init__(self, text):
        super().__init__()
        self.elements, self._open = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs), []))
        if tag not in VOID:
            self._open.append(self.elements[-1])

    def handle_endtag(self, tag):
        assert self._open[-1][0] == tag, (self._open[-1][:2], tag, self.getpos())
        self._open.pop()

    def handle_data(self, data):
        if self._open:
            self._open[-1][2].append(data)

    def all(self, tag):
        return [(attributes, "".join(text)) for name, attributes, text in self.elements if name == tag]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    search, summary = realistic(tmp_path_factory.mktemp("realistic"))
    return page.write(summary, search)


@pytest.fixture(scope="module")
def parsed(written):
    return Parsed(written.read_text())


def render(search):
    return page.render(summary_of(search), search)


def hostile(folder):
    error = ERROR | {"type": HOSTILE, "message": HOSTILE, "traceback": HOSTILE * 1000, "place": HOSTILE}
    space = {HOSTILE: [HOSTILE, "b", "c"], "lr": [1, 2]}
    name = HOSTILE.replace("/", "|")
    search = write_search(
        folder, space, 2, 2, lambda params: params["lr"], lambda params, _: params["lr"] == 2 and error, name
    )
    search.write_base(HOSTILE.encode())
    search.write_facts(search.facts() | {"command": [HOSTILE], "git_commit": HOSTILE, "machine": {HOSTILE: HOSTILE}})
    return search


class TestContent:
    def test_the_sections_in_their_order(self, parsed):
        assert len(parsed.all("h1")) == 1
        headings = [text for _, text in parsed.all("h2")]
        assert headings == [
            "Answer",
            "Trials",
            "At a glance",
            "Pairs of parameters",
            "Main effects",
            "Shares and interactions",
            "Learning curves",
            "Failures",
            "Sharing",
            "Advice",
            "Confirmation on fresh seeds",
            "Provenance",
        ]

    def test_a_row_for_each_trial_the_best_first(self, written):
        table = re.search(r'<table id="table".*?</table>', written.read_text(), re.DOTALL)[0]
        rows = re.findall(r"<tr class.*?</tr>", table, re.DOTALL)
        assert len(rows) == 45
        assert '<tr class="best">' in rows[0]
        assert '<td data-key="-1.0">best</td>' in rows[0]
        assert re.search(r"0\.9\d\d\d ± 0\.0\d\d\d", rows[0])
        assert "failed" in rows[-1]
        assert 'href="../bbc_news_212845_' in rows[0]

    def test_every_figure_has_words_and_is_or_has_a_table(self, parsed):
        images = [attributes for attributes, _ in parsed.all("div") if attributes.get("role") == "img"]
        assert [each["data-figure"] for each in images] == ["parallel", "effect-0", "effect-1", "effect-2", "curves"]
        assert all(len(attributes["aria-label"]) > 40 for attributes in images)
        figures = len(parsed.all("figure"))
        assert figures == len(images) + 2 * 3 + 2  # with the heat maps of three pairs, and the shares
        captions = [text for _, text in parsed.all("figcaption")]
        assert len(captions) == figures
        tables = [attributes for attributes, _ in parsed.all("table")]
        assert len(tables) == figures + 4  # that of the trials, failures, sharing, confirmation

    def test_failures_and_where_they_are(self, parsed):
        text = " ".join(text for _, _, texts in parsed.elements for text in texts)
        assert "OutOfMemoryError" in text
        assert "CUDA out of memory" in text
        assert "batch_size = 64" in text

    def test_commands_are_there_whole(self, parsed):
        codes = [text for _, text in parsed.all("code")]
        assert any(code.endswith("training.learning_rate=5e-6,7e-6,1e-5,2e-5,5e-5") for code in codes)

    def test_ids_are_there_once(self, parsed):
        ids = [attributes["id"] for _, attributes, _ in parsed.elements if "id" in attributes]
        assert len(ids) == len(set(ids))


class TestAlone:
    def test_it_asks_for_nothing(self, parsed):
        for tag, attributes, _ in parsed.elements:
            assert tag not in ("iframe", "object", "embed", "base")
            assert "src" not in attributes
            if tag == "link":
                assert attributes["href"] == "data:,"

    def test_only_its_own_scripts_may_run(self, parsed):
        policy = next(attributes["content"] for attributes, _ in parsed.all("meta") if "http-equiv" in attributes)
        scripts = [text for attributes, text in parsed.all("script") if "type" not in attributes]
        hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts]
        assert len(hashes) == 1
        assert policy.startswith("default-src 'none'; ")
        assert all(f"'sha256-{digest}'" in policy for digest in hashes)

    def test_text_of_runs_is_text(self, tmp_path):
        parsed = Parsed(render(hostile(tmp_path)))
        assert len(parsed.all("script")) == 1
        assert not parsed.all("img")
        assert not [attributes for _, attributes, _ in parsed.elements if "onerror" in attributes]

    def test_control_characters_are_shown(self, tmp_path):
        error = ERROR | {"message": "a\x1b[2J", "traceback": "b\u202e"}
        search = write_search(tmp_path, {"name\x1b": ["c\x9b", "d"]}, 1, 2, lambda _: 1, lambda *_: error)
        text = render(search)
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text)
        assert "a\\x1b[2J" in text

    def test_text_that_cannot_be_written_or_is_huge(self, tmp_path):
        error = ERROR | {"message": "\ud800 " + "x" * 10**6, "traceback": "y" * 10**6, "place": ""}
        search = write_search(tmp_path, {"name": ["z" * 10**5, "a"]}, 1, 2, lambda _: 1, lambda *_: error)
        assert page.write(summary_of(search), search).stat().st_size < 5e5


class TestSize:
    def test_500_runs(self, tmp_path):
        space = {f"part.parameter_{position}": [0.1, 0.2, 0.3, 0.4, 0.5] for position in range(3)}
        search = write_search(tmp_path, space | {"size": [1, 2, 4, 8]}, 1, 20, lambda params: params["size"])
        written = page.write(summary_of(search), search)
        assert written.stat().st_size < 1e6


class TestLittle:
    """Searches of which there is not much to say."""

    def test_nothing_varies(self, tmp_path):
        text = render(write_search(tmp_path, {"lr": [1]}, 1, 2, lambda _: 1))
        assert "There are no two parameters to show together." in text

    def test_no_run_is_completed(self, tmp_path):
        text = render(write_search(tmp_path, {"lr": [1, 2]}, 1, 2, lambda _: 1, lambda *_: ERROR))
        assert "No run has a value of a metric yet." in text
        assert "OutOfMemoryError" in text

    def test_one_report_a_run(self, tmp_path):
        text = render(write_search(tmp_path, {"lr": [1, 2]}, 1, 1, lambda _: 1))
        assert "No run reported the metric more than once." in text

    def test_all_are_alike(self, tmp_path):
        search = write_search(tmp_path, {"lr": [1, 2]}, 1, 2, lambda _: 1)
        assert not re.search(r"\bnan\b", render(search).partition("<main")[2].partition("<script")[0].lower())


class TestMuch:
    def test_the_pairs_of_twelve_parameters(self, tmp_path):
        space = {f"p{position}": [1, 2] if position < 3 else [1] for position in range(12)}
        search = write_search(tmp_path, space, 1, 2, lambda params: params["p0"])
        summary = summary_of(search)
        text = page.render(replace(summary, heatmaps=summary.heatmaps * 22), search)
        assert text.count('<option value="') == 15 + 1 + 45
        assert "21 more are left out" in text

    def test_reports_that_are_no_numbers(self, tmp_path):
        search = write_search(tmp_path, {"lr": [1, 2, 3]}, 1, 4, lambda params: params["lr"])
        broken = [((1, math.nan), (2, 0.5)), ((1, math.inf), (2, math.nan)), ((1, 9.1), (2, 9.2))]
        for entry, points in zip(search.entries(), broken, strict=True):
            lines = [json.dumps({"epoch": epoch, "val_f1": value}) for epoch, value in points]
            (search.run(entry).dir / "metrics.jsonl").write_text("\n".join(lines))
        text = render(search)
        assert "NaN" not in text.partition("<script")[0]
        assert "9.2000 at epoch 2" in text


class TestUnions:
    """Trials that do not have all parameters."""

    @pytest.fixture
    def search(self, tmp_path):
        runs = [
            *({"params": {"kind": "a", "lr": lr}, "metrics": {"f1": lr}} for lr in (0.1, 0.2)),
            *({"params": {"kind": "b", "depth": depth}, "metrics": {"f1": depth / 100}} for depth in (2, 10)),
        ]
        return made.search(tmp_path / "runs", "a_000000", runs)

    def test_the_table_has_empty_cells_and_numbers_stay_numbers(self, search):
        rows = re.findall(r"<tr class=.*?</tr>", render(search), re.DOTALL)
        first, *_, last = (re.findall(r"<td>([^<]*)", row)[:3] for row in rows)
        assert first == ["a", "0.2", "–"]
        assert last == ["b", "–", "2"]

    def test_lines_go_below_an_axis_of_which_they_have_no_value(self, search):
        parallel = figures.parallel(summary_of(search))
        best = parallel.lines[-1]
        assert len(parallel.lines) == 4 + 4
        assert sorted(best.places.split())[0] == "-1"
        assert best.path.count("M") == 1
        assert "L666.7 1080" in best.path
        assert [tick.text for tick in parallel.ticks if tick.y == 108.0] == ["absent", "absent"]


class TestWriting:
    def test_by_the_command(self, tmp_path, monkeypatch, capsys):
        search, summary = realistic(tmp_path)
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(Summary, "of", classmethod(lambda cls, results: summary))
        assert main(["report"]) == 0
        assert capsys.readouterr().out == "Report: runs/bbc_news_212845/report.html\n"
        assert search.report_path.exists()
        assert json.loads((search.dir / SUMMARY).read_text())["answer"] == list(summary.answer)

    def test_without_jinja2_it_says_how_to_get_it(self, tmp_path, monkeypatch):
        search, summary = realistic(tmp_path)
        monkeypatch.setitem(sys.modules, "jinja2", None)
        with pytest.raises(ConfigError) as error:
            page.write(summary, search)
        assert str(error.value) == 'the package jinja2 is not installed\n  pip install "gridfold[report]"'

    def test_a_search_does_not_fail_by_it(self, command, write, project, monkeypatch):
        monkeypatch.setenv("GRIDFOLD_REPORT", "1")
        write(
            "blocks.py",
            "def train(config, run):\n    for path in run.dir.parent.glob('*/search.json'):\n"
            "        (path.parent / 'report.html').mkdir(exist_ok=True)\n    return config['lr']\n",
        )
        result = command("hyper_main.py", "--config", write("c.yaml", "lr: [1, 2]\n"), "--trainer", "blocks:train")
        assert result.returncode == 0, result.stderr
        assert "\nNo report: " in result.stdout
