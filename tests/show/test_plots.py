"""What the figures show, and where things stand in them."""

from itertools import pairwise

import pytest

from gridfold.show import plots
from gridfold.show.axis import Axis
from tests.show.searches import realistic, tables_of, write_search

graph_objects = pytest.importorskip("plotly.graph_objects")


def drawn(figure):
    """A figure as plotly takes it: it knows every name in it, and refuses others."""
    return graph_objects.Figure(figure["data"], figure["layout"] | {"template": plots.template()})


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    return realistic(tmp_path_factory.mktemp("plots"))[1]


@pytest.fixture(scope="module")
def losses(tmp_path_factory):
    """Of a search whose metric is better when smaller: the same, but for the sign."""
    search = write_search(tmp_path_factory.mktemp("losses"))
    found = tables_of(search)
    objective = type(found.results.objective)("val_f1", maximize=False)
    results = type(found.results)(found.results.searches, objective, found.results.trials)
    return type(found)(**vars(found) | {"results": results})


def luminance(color):
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def mixed(scale, part):
    """The colour at a part of a scale."""
    part = min(1.0, max(0.0, part))
    (low, before), (high, after) = next(pair for pair in pairwise(scale) if pair[0][0] <= part <= pair[1][0] + 1e-12)
    share = (part - low) / (high - low)
    pairs = [(int(before[at : at + 2], 16), int(after[at : at + 2], 16)) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(a + share * (b - a)):02x}" for a, b in pairs)


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


class TestFigures:
    def test_the_best_trial_is_drawn_last(self, tables):
        lines = [trace for trace in drawn(plots.parallel(tables)).data if trace.mode == "lines"]
        assert lines[-1].line.color == plots.COLORS["best"]
        assert lines[-1].y[-1] == 1
        assert len(lines) == len(tables.contenders)

    def test_a_line_says_which_values_it_goes_through(self, tables):
        line = [trace for trace in drawn(plots.parallel(tables)).data if trace.mode == "lines"][-1]
        axes = plots.axes(tables)
        params = tables.contenders[0].estimate.trial.params
        assert [axis.values[at] for axis, at in zip(axes, line.meta, strict=True)] == [params[a.path] for a in axes]

    def test_text_on_a_heat_map_can_be_read(self, tables, losses):
        for each in (tables, losses):
            figure = drawn(plots.heatmap(each, each.heatmaps[0], best=True))
            tiles, words = figure.data
            for color, x, y in zip(words.textfont.color, words.x, words.y, strict=True):
                part = (tiles.z[y][x] - tiles.zmin) / (tiles.zmax - tiles.zmin)
                light, dark = sorted([luminance(color), luminance(mixed(tiles.colorscale, part))], reverse=True)
                assert (light + 0.05) / (dark + 0.05) >= 4.5

    def test_the_best_cell_is_dark_in_either_direction(self, tables, losses):
        for each, pick in ((tables, max), (losses, min)):
            tiles = drawn(plots.heatmap(each, each.heatmaps[0], best=True)).data[0]
            best = pick(value for row in tiles.z for value in row if value is not None)
            part = (best - tiles.zmin) / (tiles.zmax - tiles.zmin)
            assert luminance(mixed(tiles.colorscale, part)) < 0.2

    def test_geometric_values_stand_evenly(self, tables):
        effect = next(effect for effect in tables.effects if effect.path == "training.batch_size")
        assert drawn(plots.effect(tables, effect)).data[0].x == pytest.approx((0, 0.5, 1))

    def test_curves_of_the_best_trial_are_on_top(self, tables):
        figure = drawn(plots.curves(tables))
        assert [trace.line.color for trace in figure.data[-3:]] == [plots.COLORS["best"]] * 3
        assert len(figure.data) == len(tables.curves)

    def test_lines_that_are_too_many_are_left_out(self, tmp_path):
        found = tables_of(write_search(tmp_path, {"a": [*range(1, 41)], "b": [*range(10)]}, 1, 2, lambda p: p["a"]))
        assert len(drawn(plots.curves(found)).data) == plots.drawn_lines(400) == 300
        assert len(drawn(plots.parallel(found)).data) == 301

    def test_text_is_no_markup(self, tmp_path):
        found = tables_of(write_search(tmp_path, {"<b>a": ["<i>x", "y"]}, 1, 2, lambda _: 1))
        text = drawn(plots.parallel(found)).to_json()
        assert "&lt;i&gt;x" in text or "\\u0026lt;i" in text
        assert "<i>" not in text
