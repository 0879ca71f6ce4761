"""What the figures show, and where things stand in them."""

import math
from dataclasses import replace

import pytest

from gridfold.show import effect_figures, figures
from gridfold.show.axis import Axis, steps
from tests.show.searches import realistic, summary_of, write_search


@pytest.fixture(scope="module")
def summary(tmp_path_factory):
    return realistic(tmp_path_factory.mktemp("figures"))[1]


@pytest.fixture(scope="module")
def losses(tmp_path_factory):
    """Of a search whose metric is better when smaller: the same, but for the sign."""
    return replace(summary_of(write_search(tmp_path_factory.mktemp("losses"))), maximize=False)


def places(line):
    """The points of a line, from 0 to 1."""
    numbers = [float(number) for number in line.path.replace("M", " ").replace("L", " ").split()]
    return [(x / 1000, 1 - y / 1000) for x, y in zip(numbers[::2], numbers[1::2], strict=True)]


def drawn(figure):
    """The lines that something is said of."""
    return [line for line in figure.lines if line.said]


def luminance(color):
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


class TestAxis:
    @pytest.mark.parametrize(
        ("values", "kind"),
        [
            ([1e-5, 1e-4, 1e-3], "log"),
            ([1, 2, 4, 8], "log"),
            ([0.1, 0.3, 0.5], "linear"),
            ([0, 1, 10], "linear"),
            ([0, 0.001, 1], "even"),
            (["a", "b"], "even"),
            ([True, False], "even"),
            ([[256, 128], [512]], "even"),
            ([1], "linear"),
        ],
    )
    def test_kind(self, values, kind):
        assert Axis.of("p", "p", values).kind == kind

    def test_numbers_are_in_order_and_others_as_they_come(self):
        assert Axis.of("p", "p", [3, 1, 2, 1]).values == (1, 2, 3)
        assert Axis.of("p", "p", ["b", "a"]).values == ("b", "a")

    def test_equal_values_of_different_types_are_told_apart(self):
        assert Axis.of("p", "p", ["1", True, 1]).positions == (0, 0.5, 1)

    def test_numbers_are_written_as_a_person_writes_them(self):
        written = [text for _, text in Axis.of("p", "p", [5e-6, 1e-4, 2.5e-4, 0.01, 1.0, 3e20]).ticks(0)]
        assert written == ["5e-6", "1e-4", "2.5e-4", "0.01", "1.0", "3e20"]

    def test_ticks_are_few_and_hold_both_ends(self):
        ticks = Axis.of("p", "p", range(100)).ticks(0.12)
        assert len(ticks) == 9
        assert ticks[0] == (0.0, "0")
        assert ticks[-1] == (1.0, "99")


class TestSteps:
    @pytest.mark.parametrize(
        ("low", "high", "expected"),
        [
            (0.0, 1.0, [0, 0.2, 0.4, 0.6, 0.8, 1]),
            (0.83, 0.97, [0.85, 0.9, 0.95]),
            (-3, 41, [0, 10, 20, 30, 40]),
            (1, 8, [2, 4, 6, 8]),
        ],
    )
    def test_round_numbers(self, low, high, expected):
        assert steps(low, high, 5) == pytest.approx(expected)

    @pytest.mark.parametrize(("low", "high"), [(-1.7e308, 1.7e308), (0.0, 5e-324), (1e300, 2e300), (1.0, 1 + 2e-16)])
    def test_numbers_of_any_size(self, low, high):
        found = steps(low, high, 5)
        assert 1 <= len(found) <= 7
        assert all(map(math.isfinite, found))


class TestFigures:
    def test_the_best_trial_is_drawn_last(self, summary):
        lines = drawn(figures.parallel(summary))
        assert lines[-1].kind == "best"
        assert places(lines[-1])[-1] == (1, 1)
        assert len(lines) == len(summary.ranked)

    def test_a_line_says_which_values_it_goes_through(self, summary):
        line = drawn(figures.parallel(summary))[-1]
        axes = figures.axes(summary)
        params = summary.trials[0].params
        indices = map(int, line.places.split())
        assert [axis.values[at] for axis, at in zip(axes, indices, strict=True)] == [params[a.path] for a in axes]
        assert line.said == f"{figures.trial_text(params, summary)}\n{summary.trials[0].mean:.4f}"

    def test_text_on_a_heat_map_can_be_read(self):
        for back, front in figures.shades():
            light, dark = sorted([luminance(front), luminance(back)], reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5

    def test_the_best_cell_is_dark_in_either_direction(self, summary, losses):
        for each, pick in ((summary, max), (losses, min)):
            best = figures.pairs(each)[0].best
            cells = [cell for _, row in best.rows for cell in row if cell[1] is not None]
            text, shade, _ = next(cell for cell in cells if cell[2])
            assert text == pick(cells, key=lambda cell: float(cell[0]))[0]
            assert shade == max(shade for _, shade, _ in cells)
            assert luminance([*figures.shades()][shade][0]) < 0.2

    def test_geometric_values_stand_evenly(self, summary):
        effect = next(each for each in effect_figures.effects(summary) if each.title == "batch_size")
        assert [places(line)[0][0] for line in drawn(effect)] == pytest.approx((0.1, 0.5, 0.9))

    def test_means_and_intervals_stand_where_they_are(self, summary):
        shown = summary.effects[0]
        figure = effect_figures.effects(summary)[0]
        spans = [places(line) for line in figure.lines if line.kind == "interval"]
        dots = [places(line)[0] for line in drawn(figure)]
        assert len(spans) == len(dots) == len(shown.levels)
        for (low, high), dot, level in zip(spans, dots, shown.levels, strict=True):
            part = (level.mean - level.low) / (level.high - level.low)
            assert low[1] + part * (high[1] - low[1]) == pytest.approx(dot[1], abs=2e-3)

    def test_curves_of_the_best_trial_are_on_top(self, summary):
        lines = drawn(figures.curves(summary))
        assert [line.kind for line in lines[-3:]] == ["best"] * 3
        assert len(lines) == len(summary.curves)
        last = summary.curves[0]
        x, y = last.points[-1]
        assert lines[-1].points.split()[-2:] == [f"{x:.6g}", f"{y:.6g}"]

    def test_lines_that_are_too_many_are_left_out(self, tmp_path):
        search = write_search(tmp_path, {"a": [*range(1, 41)], "b": [*range(10)]}, 1, 2, lambda p: p["a"])
        found = summary_of(search)
        assert len(drawn(figures.parallel(found))) == 300
        assert "Of 400 trials, 300 are drawn" in figures.parallel(found).caption
        many = replace(found, curves=found.curves * 7)
        assert len(drawn(figures.curves(many))) == 300
