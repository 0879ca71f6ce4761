"""Advice: how lists go on, what is advised when, and that the command runs exactly what it says."""

import math
import shlex
import zlib

import numpy as np
import pytest

from gridfold.analysis.next_values import between, extended, nice
from gridfold.analysis.next_values import text as written
from gridfold.analysis.summary import Summary
from gridfold.records.trials import Results
from gridfold.runs.search import SearchDirectory
from gridfold.search.more_runs import add_repeats
from tests.show.synthetic import grid, noise, on_disk, results

CONFIG = "lr: [1e-4, 1e-3, 1e-2]\nsize: [16, 32]\n"


def advised(search):
    return {each.kind: each for each in Summary.of(Results.read([search])).advice}


def jitter(params, repeat, scale=0.001):
    seed = zlib.crc32(f"{sorted(params.items(), key=str)} {repeat}".encode())
    return scale * np.random.default_rng(seed).standard_normal()


class TestHowListsGoOn:
    @pytest.mark.parametrize(
        ("values", "path", "up", "down"),
        [
            ([1e-7, 5e-7, 1e-6, 5e-6, 1e-5], "lr", 5e-5, 5e-8),
            ([1e-5, 1e-4, 1e-3], "lr", 1e-2, 1e-6),
            ([1e-3, 3e-3, 1e-2], "lr", 3e-2, 3e-4),
            ([1e-3, 1e-4], "lr", 1e-2, 1e-5),
            ([16, 32, 64], "batch_size", 128, 8),
            ([16, 32], "batch_size", 64, 8),
            ([1, 2, 4], "layers", 8, None),
            ([1, 2, 3], "layers", 4, None),
            ([128, 256, 512], "hidden", 1024, 64),
            ([0.1, 0.2, 0.3], "dropout", 0.4, 0.05),
            ([0.1, 0.3], "architecture.2.p", 0.5, 0.05),
            ([0.5, 0.7, 0.9], "head.dropout", 0.95, 0.3),
            ([0, 0.01, 0.1], "weight_decay", 1.0, None),
            ([0.0, 0.1, 0.2], "dropout", 0.3, None),
            ([-1, 0, 1], "shift", 2, -2),
            ([3, 5, 10], "epochs", 20, 2),
        ],
    )
    def test_up_and_down(self, values, path, up, down):
        found_up, found_down = (extended(values, path, upward=upward) for upward in (True, False))
        assert found_up == pytest.approx(up)
        assert isinstance(found_up, type(values[-1]))
        assert found_down == (None if down is None else pytest.approx(down))

    @pytest.mark.parametrize(
        ("low", "high", "values", "expected"),
        [
            (1e-4, 1e-3, [1e-4, 1e-3, 1e-2], 3e-4),
            (0.1, 0.2, [0.1, 0.2, 0.3], 0.15),
            (32, 64, [32, 64, 128], 48),
            (1, 2, [1, 2, 3], None),
            (0.8, 0.9, [0.7, 0.8, 0.9], 0.85),
        ],
    )
    def test_between(self, low, high, values, expected):
        assert between(low, high, values) == (None if expected is None else pytest.approx(expected))

    @pytest.mark.parametrize(("value", "expected"), [(3.16e-4, 3e-4), (0.0091, 0.009), (47.0, 50), (0.87, 0.8)])
    def test_nice_numbers(self, value, expected):
        assert nice(value) == pytest.approx(expected, rel=0.13)
        assert len(f"{nice(value):e}".split("e")[0].rstrip("0").rstrip(".")) <= 3

    @pytest.mark.parametrize(
        ("value", "expected"),
        [(5e-6, "5e-6"), (0.0005, "5e-4"), (0.001, "0.001"), (0.1, "0.1"), (16, "16"), ("a", "a"), (None, "null")],
    )
    def test_values_as_a_person_writes_them(self, value, expected):
        assert written(value) == expected


class TestWhatIsAdvised:
    def test_one_repeat_of_each(self):
        (first, *_) = Summary.of(results(grid(lr=[1, 2, 3, 4, 5, 6]), noise(6, 1, 0), seconds=3.0)).advice
        assert (first.kind, first.path, first.runs, first.seconds) == ("repeat", None, 10, 30.0)
        assert first.command == "gridfold resume synthetic_000000 --repeats 3 --top 5"

    def test_the_best_value_is_on_the_edge(self, tmp_path):
        value = lambda params, repeat: 0.8 + 0.02 * math.log10(params["lr"]) + jitter(params, repeat)  # noqa: E731
        found = advised(on_disk(tmp_path, CONFIG, value, repeats=3))
        assert set(found) == {"extend"}
        assert found["extend"].path == "lr"
        assert found["extend"].command == (
            f"gridfold search --config {tmp_path}/config.yaml --param-variations lr=1e-4,0.001,0.01,0.1 "
            "--run-prefix synthetic --reuse --repeats 3"
        )
        assert (found["extend"].runs, found["extend"].seconds) == (6, 6.0)

    def test_a_clear_optimum_inside(self, tmp_path):
        value = lambda params, repeat: 0.8 - 0.05 * (params["lr"] != 1e-3) + jitter(params, repeat)  # noqa: E731
        found = advised(on_disk(tmp_path, CONFIG, value, repeats=3))
        assert "extend" not in found
        assert "lr=1e-4,3e-4,0.001,0.003,0.01" in found["refine"].command
        assert found["refine"].runs == 2 * 2 * 3

    def test_a_lower_edge_of_a_loss_and_a_falling_list(self, tmp_path):
        value = lambda params, repeat: params["p"] + jitter(params, repeat)  # noqa: E731
        found = advised(on_disk(tmp_path, "p: [0.3, 0.2, 0.1]\n", value, repeats=3, metric="val_loss"))
        assert "p=0.3,0.2,0.1,0.05" in found["extend"].command

    def test_where_larger_values_failed_the_best_is_not_on_the_edge(self, tmp_path):
        value = lambda params, repeat: None if params["lr"] > 5e-3 else params["lr"] + jitter(params, repeat, 1e-5)  # noqa: E731
        assert "extend" not in advised(on_disk(tmp_path, CONFIG, value, repeats=3))

    def test_on_noise_no_parameter_is_extended(self):
        kinds = [each.kind for each in Summary.of(results(grid(lr=[1, 2, 3]), noise(3, 3, 0))).advice]
        assert "extend" not in kinds

    def test_a_changed_config_is_not_named(self, tmp_path):
        search = on_disk(tmp_path, CONFIG, lambda params, repeat: params["lr"] + jitter(params, repeat), repeats=3)
        (tmp_path / "config.yaml").write_text(CONFIG + "more: 1\n")
        assert f"--config {search.dir}/base.yaml" in advised(search)["extend"].command

    def test_variations_trainer_and_threads_of_the_search_are_kept(self, tmp_path):
        config = CONFIG + "name: none\n"
        value = lambda params, repeat: params["lr"] + jitter(params, repeat, 1e-5)  # noqa: E731
        search = on_disk(tmp_path, config, value, repeats=3, variations=["name='a b, c'", "+new=1,2", "size=16"])
        search.write_facts(search.facts() | {"trainer": ["python", "my train.py", "{lr}"], "threads": 2})
        words = shlex.split(advised(search)["extend"].command)
        assert words[5:9] == ["name='a b, c'", "+new=1,2", "size=16", "lr=1e-4,0.001,0.01,0.1"]
        assert words[-6:] == ["--repeats", "3", "--", "python", "my train.py", "{lr}"]
        assert words[words.index("--threads") + 1] == "2"

    def test_nothing_is_advised_that_makes_no_new_run(self, tmp_path):
        search = on_disk(tmp_path, "a: [1, 2]\nb: [1, 2]\n", jitter, repeats=9)
        assert Summary.of(Results.read([search])).advice == ()


class TestMoreRepeats:
    def first(self, folder, repeats, spread=0.001, facts=None):
        value = lambda params, repeat: 0.8 + jitter(params, repeat, spread)  # noqa: E731
        search = on_disk(folder, "lr: [1e-4, 1e-3, 1e-2]\nsize: [16, 32, 64]\n", value, repeats=repeats)
        search.write_facts(search.facts() | (facts or {}))
        return [each for each in Summary.of(Results.read([search])).advice if each.kind == "repeat"], search

    @pytest.mark.parametrize(("repeats", "more"), [(2, 5), (3, 6), (5, 10)])
    def test_where_most_cannot_be_told_from_the_best(self, tmp_path, repeats, more):
        (found,), search = self.first(tmp_path, repeats)
        assert found.sentence == (
            f"With {repeats} runs each, most of the others cannot be told from the best, which may be luck: "
            f"repeat the best 5, {more} runs each."
        )
        assert found.command == f"gridfold resume {search.name} --repeats {more} --top 5"
        assert (found.runs, found.seconds) == (5 * (more - repeats), 5.0 * (more - repeats))
        assert add_repeats(search, more, 5) == found.runs

    def test_it_comes_before_the_grid_goes_on(self, tmp_path):
        value = lambda params, repeat: 0.8 + 0.0012 * (params["lr"] > 1e-3) + jitter(params, repeat)  # noqa: E731
        search = on_disk(tmp_path, "lr: [1e-3, 1e-2]\nsize: [16, 32, 64, 128, 256]\n", value, repeats=5)
        kinds = [each.kind for each in Summary.of(Results.read([search])).advice]
        assert kinds[0] == "repeat"
        assert {"extend", "refine"} & set(kinds[1:])

    def test_not_with_many_repeats_or_in_a_race_or_without_noise(self, tmp_path):
        for place, (repeats, spread, facts) in enumerate([(6, 0.001, {}), (3, 0.001, {"race": True}), (3, 0.0, {})]):
            folder = tmp_path / str(place)
            folder.mkdir()
            assert self.first(folder, repeats, spread, facts)[0] == []


def test_the_advised_command_runs_exactly_the_new_trials(command, project, write):
    write("good.py", "def train(config):\n    return {'f1': config['lr'] * 10 + config['size'] / 1e4 * config['lr']}\n")
    write("c.yaml", "lr: [1e-4, 1e-3, 1e-2]\nsize: [16, 32, 64]\n")
    result = command("hyper_main.py", "--config", "c.yaml", "--trainer", "good:train", "--run-prefix", "first")
    assert result.returncode == 0, result.stderr
    search = SearchDirectory(next(project.glob("runs/*/search.json")).parent)
    found = advised(search)["extend"]
    words = shlex.split(found.command)
    assert words[:2] == ["gridfold", "search"]
    result = command("hyper_main.py", *words[2:])
    assert result.returncode == 0, result.stderr
    assert "Reused 9 results of earlier searches" in result.stdout
    assert found.runs == 3
    again = max((SearchDirectory(path.parent) for path in project.glob("runs/*/search.json")), key=lambda s: s.created)
    records = [record for _, record in again.records()]
    assert sum(not record.reused for record in records) == found.runs
    assert len(records) == 12


def test_the_advised_command_has_new_values_where_the_command_had_them(command, project, write):
    write("t.py", "import sys\nprint('quality', float(sys.argv[1]) + len(sys.argv[2]) / 1e6)\n")
    said = ["--metrics", r"quality=quality ([\d.e-]+)", "--maximize", "--run-prefix", "first"]
    swept = ["--", "python", "t.py", "{lr=1e-3,0.010}", "{name=a,bb}"]
    result = command("hyper_main.py", *said, *swept)
    assert result.returncode == 0, result.stderr
    found = advised(SearchDirectory(next(project.glob("runs/*/search.json")).parent))["extend"]
    words = shlex.split(found.command)
    assert words[words.index("--") :] == ["--", "python", "t.py", "{lr=1e-3,0.010,0.1}", "{name=a,bb}"]
    result = command("hyper_main.py", *words[2:])
    assert result.returncode == 0, result.stderr
    assert "Reused 4 results of earlier searches" in result.stdout
    assert found.runs == 2


def all_advice(search):
    return Summary.of(Results.read([search])).advice


class TestAnySpace:
    """What is advised has to be possible in the search, and to make sense for its strategy."""

    BRANCHES = (
        "lr: [0.01, 0.1]\noptimizer: !one_of\n  - {name: adamw, decay: [0.0, 0.1]}\n"
        "  - {name: sgd, momentum: [0.5, 0.9]}\n"
    )

    def drawn(self, folder, peak, strategy="random"):
        text = f"gridfold: {{strategy: {{name: {strategy}, trials: 30, seed: 1}}}}\nlr: !log [1e-6, 1e-3]\n"
        text += "width: [16, 32]\n"
        return on_disk(folder, text, lambda params, _: -abs(math.log10(params["lr"] / peak)))

    def test_the_range_is_extended_where_the_best_is_at_its_end(self, tmp_path):
        moves = [each for each in all_advice(self.drawn(tmp_path, 1e-2)) if each.kind != "repeat"]
        (move,) = moves
        assert move.sentence.endswith("is near the upper end of its range: extend that to 0.03.")
        assert "--param-variations 'lr=!log [1.0e-06, 0.03]'" in move.command
        assert (move.runs, move.at_most) == (30, True)

    def test_inside_of_it_a_strategy_looks_itself(self, tmp_path):
        assert {each.kind for each in all_advice(self.drawn(tmp_path, 3e-5))} == {"repeat"}

    def test_linked_parameters_are_left_alone(self, tmp_path):
        text = "gridfold: {link: [[hidden, layers]]}\nhidden: [8, 16, 32]\nlayers: [1, 2, 3]\nlr: [0.1, 0.2]\n"
        found = all_advice(on_disk(tmp_path, text, lambda params, _: params["hidden"] + params["lr"]))
        assert {each.path for each in found} <= {None, "lr"}

    def test_what_is_excluded_is_not_all_advice(self, tmp_path):
        text = "gridfold: {exclude: [lr > 0.2 or (lr > 0.1 and size == 3)]}\nlr: [0.1, 0.2]\nsize: [1, 2, 3]\n"
        found = all_advice(on_disk(tmp_path, text, lambda params, _: params["lr"] + jitter(params, 0)))
        assert "lr" not in {each.path for each in found}

    def test_a_parameter_of_a_branch(self, tmp_path):
        def value(params, repeat):
            return params.get("optimizer.momentum", 0) + params["lr"] / 10 + jitter(params, repeat)

        search = on_disk(tmp_path, self.BRANCHES, value, repeats=3)
        for each in all_advice(search):
            assert each.path != "optimizer.decay"

    def test_what_was_said_on_the_command_line_is_said_again(self, tmp_path):
        search = on_disk(tmp_path, "lr: [0.1, 0.2]\nsize: [1, 2]\n", lambda p, _: p["lr"] + jitter(p, 0))
        facts = {"exclude": ["size == 2 and lr == 0.1"], "when": {"size": "lr > 0"}, "add": [{"lr": 0.15}], "link": []}
        search.write_facts(search.facts() | facts)
        commands = " ".join(each.command for each in all_advice(search) if each.kind == "extend")
        assert "--exclude 'size == 2 and lr == 0.1' --when 'size=lr > 0' --add lr=0.15" in commands
