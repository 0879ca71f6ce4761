"""``gridfold collect`` reads the metrics of completed runs again, and touches nothing else."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace

import pytest

from gridfold.runs.record import started
from gridfold.runs.run import Run
from gridfold.runs.store import Store
from gridfold.search.collect import collect
from tests.conftest import ROOT

SCRIPT = """
import sys
for epoch in (1, 2):
    print("round", epoch, "quality", float(sys.argv[1]) / epoch)
"""
PATTERN = r"quality=quality ([\d.]+)"


@pytest.fixture
def searched(write, gridfold):
    """A search of three runs whose logs have a number that nothing knows for a metric."""
    write("c.yaml", "x: [1, 2, 3]\n")
    command = [sys.executable, write("t.py", SCRIPT), "{x}"]
    assert gridfold("search", "--config", "c.yaml", "--keep-going", "--", *command)[0] == 0
    return Store().find("last")


def records():
    return [record for _, record in Store().find("last").records()]


def runs():
    search = Store().find("last")
    return [search.run(entry) for entry in search.entries()]


def values():
    return [dict(record.metrics) for record in records()]


def files(project):
    """What is in all run directories."""
    return {path: path.read_bytes() for path in sorted(project.glob("runs/*_x_*/*")) if path.is_file()}


def later(run, name, text):
    """Put a file into a run directory by hand."""
    (run.dir / name).write_text(text)
    assert (run.dir / name).stat().st_mtime_ns > (run.dir / "run.json").stat().st_mtime_ns


def told(said):
    return re.sub(r"run_\d{6}", "run_HHMMSS", said)


def test_a_pattern(searched, gridfold, snapshot):
    code, said = gridfold("collect", "last", "--metrics", PATTERN)
    assert (code, told(said)) == (0, snapshot)
    assert values() == [{"quality": 0.5}, {"quality": 1.0}, {"quality": 1.5}]
    assert [report["quality"] for report in runs()[2].reports()] == [3.0, 1.5]
    assert "highest quality" in gridfold("best")[1]
    assert "3.0" in searched.results_path.read_text()
    assert searched.facts()["patterns"] == {"quality": r"quality ([\d.]+)"}


def test_a_pattern_that_finds_nothing(searched, gridfold, snapshot):
    code, said = gridfold("collect", "--metrics", r"quality=qality ([\d.]+)")
    assert (code, told(said)) == (0, snapshot)


def test_the_patterns_of_the_config_file_as_it_is_now(searched, gridfold, write):
    write("c.yaml", "x: [1, 2, 3]\ngridfold: {metrics: {quality: 'quality ([\\d.]+)'}}\n")
    assert gridfold("collect")[0] == 0
    assert values() == [{"quality": 0.5}, {"quality": 1.0}, {"quality": 1.5}]


def test_further_runs_are_read_with_them(searched, gridfold):
    gridfold("collect", "--metrics", PATTERN)
    assert gridfold("resume", "last", "--repeats", "2")[0] == 0
    assert values()[3:] == [{"quality": 0.5}, {"quality": 1.0}, {"quality": 1.5}]


def test_once_more_changes_nothing(searched, gridfold, project, snapshot):
    gridfold("collect", "--metrics", PATTERN)
    before = files(project)
    code, said = gridfold("collect")
    assert (code, told(said)) == (0, snapshot)
    assert files(project) == before


def test_files_put_there_by_hand(searched, gridfold, snapshot):
    later(runs()[1], "metrics.json", '{"quality": 7, "loss": 0.5}')
    code, said = gridfold("collect")
    assert (code, told(said)) == (0, snapshot)
    assert values() == [{}, {"quality": 7, "loss": 0.5}, {}]
    assert "7" in searched.results_path.read_text()


def test_a_file_that_cannot_be_read(searched, gridfold, snapshot):
    later(runs()[1], "metrics.json", "{quality: 7}")
    later(runs()[2], "metrics.json", '{"quality": 7}')
    code, said = gridfold("collect")
    assert (code, told(said)) == (1, snapshot)
    assert values() == [{}, {}, {"quality": 7}]


def test_a_function_has_what_it_returned(write, gridfold):
    write(
        "f.py", "def train(config, run):\n    open(run.dir / 'metrics.json', 'w').write('{\"a\": 1}')\n    return 5\n"
    )
    assert gridfold("search", "--config", write("c.yaml", "x: [1, 2]\n"), "--trainer", "f:train")[0] == 0
    assert gridfold("collect", "--metrics", PATTERN)[0] == 0
    assert values() == [{"result": 5}, {"result": 5}]
    later(runs()[0], "metrics.json", '{"result": 6}')
    assert gridfold("collect")[0] == 0
    assert values() == [{"result": 6}, {"result": 5}]


def test_metrics_that_nothing_new_is_known_of_stay(write, gridfold, project):
    command = ["sh", "-c", 'echo "{\\"loss\\": $1}" "quality 3"; echo "{\\"loss\\": $1}"', "sh", "{x}"]
    assert gridfold("search", "--config", write("c.yaml", "x: [1, 2]\n"), "--", *command)[0] == 0
    before = files(project)
    assert gridfold("collect")[0] == 0
    assert files(project) == before
    assert gridfold("collect", "--metrics", r"other=other ([\d.]+)")[0] == 0
    assert values() == [{"loss": 1}, {"loss": 2}]


def test_a_run_under_way_is_left_alone(searched, gridfold, project):
    run = runs()[1]
    assert run.claims.take(started(replace(run.read(), attempt=2)))  # by this process, which lives
    before = files(project)
    code, said = gridfold("collect", "--metrics", PATTERN)
    assert (code, "1 run is under way, and not read" in said) == (0, True)
    after = files(project)
    assert {path for path in after if after[path] != before.get(path)} == {
        each.dir.absolute() / name for each in (runs()[0], runs()[2]) for name in ("run.json", "metrics.jsonl")
    }


def test_only_the_last_attempt_is_read(write, gridfold):
    script = """
import pathlib
if pathlib.Path("again").exists():
    print("quality 5")
else:
    print("quality 1\\nquality 2")
    pathlib.Path("again").touch()
    raise SystemExit(3)
"""
    write("c.yaml", "x: [1, 2]\n")
    command = [sys.executable, write("t.py", script), "{x}"]
    assert gridfold("search", "--config", "c.yaml", "--keep-going", "--parallel", "1", "--", *command)[0] == 1
    assert gridfold("resume", "last")[0] == 0
    gridfold("collect", "--metrics", PATTERN)
    assert values() == [{"quality": 5}, {"quality": 5}]
    assert runs()[0].reports() in ([], [{"quality": 5}])


def test_results_of_another_search(searched, gridfold):
    gridfold("collect", "--metrics", PATTERN)
    again = ["search", "--config", "c.yaml", "--run-prefix", "again", "--reuse", "--", sys.executable, "t.py", "{x}"]
    assert gridfold(*again)[0] == 0
    assert all(record.reused for record in records())
    later(Store().run(records()[0].reused), "metrics.json", '{"quality": 9}')
    gridfold("collect", searched.name)
    assert gridfold("collect")[0] == 0
    assert values() == [{"quality": 9}, {"quality": 1.0}, {"quality": 1.5}]


@pytest.mark.parametrize("moment", range(1, 7))
def test_it_can_be_killed_at_any_moment(searched, gridfold, project, monkeypatch, moment):
    import gridfold.runs.run as of_runs
    import gridfold.search.collect as collecting

    write, count = of_runs.replace_file, iter(range(1, 99))

    def killed(*arguments, **options):
        if next(count) == moment:
            raise KeyboardInterrupt
        write(*arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(of_runs, "replace_file", killed)
        patched.setattr(collecting, "replace_file", killed)
        with pytest.raises(KeyboardInterrupt):
            list(collect(searched, {"quality": r"quality ([\d.]+)"}))
    assert all(record.state == "completed" for record in records())
    assert gridfold("collect")[0] == 0
    killed_and_again = files(project)
    for run in runs():
        record = json.loads((run.dir / "run.json").read_text())
        Run(run.dir).write(replace(run.read(), metrics={}, source=None, patterns=None))
        assert record["metrics"]
        (run.dir / "metrics.jsonl").unlink()
    assert gridfold("collect")[0] == 0
    assert files(project) == killed_and_again


@pytest.mark.parametrize("said", ["quality", "=x", "quality="])
def test_what_is_no_pattern(gridfold, said):
    code, message = gridfold("collect", "--metrics", said)
    assert code == 2
    assert "expected NAME=PATTERN" in message


def test_two_at_once_give_what_one_gives(searched, gridfold, project):
    line = [sys.executable, "-m", "gridfold", "collect", "--metrics", PATTERN]
    both = [subprocess.Popen(line, env=os.environ | {"PYTHONPATH": str(ROOT)}, text=True) for _ in range(2)]
    assert [each.wait(600) for each in both] == [0, 0]
    found = files(project)
    assert gridfold("collect", "--metrics", PATTERN)[0] == 0
    assert files(project) == found
    assert values() == [{"quality": 0.5}, {"quality": 1.0}, {"quality": 1.5}]
