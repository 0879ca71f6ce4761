"""``gridfold verify``, run in a subprocess: what is the same alone, what is not, and what it leaves behind."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest

from tests.conftest import ROOT

GRID = "gridfold: {trainer: 'mine:train'}\nwhat: some\nlr: [1, 2, 3, 4, 5, 6]\n"

SAME = """
import math, random


def train(config, run):
    noise = random.random()
    for epoch in (1, 2):
        run.report(epoch=epoch, val_f1=config["lr"] / epoch + noise)
    (run.dir / "sub").mkdir()
    (run.dir / "sub" / "place.txt").write_text(f"{run.dir} {run.dir.absolute()} {run.index}")
    print("printed", random.SystemRandom().random())
    return {"val_f1": config["lr"] / 7, "nan": math.nan, "zero": -0.0, "count": 3}
"""


@pytest.fixture
def gridfold(command, write, project):
    """Runs a search with a trainer of this text, when it is called; then commands: ``gridfold("verify")``."""

    def run(*arguments):
        return command("gridfold/__main__.py", *arguments)

    def search(code, config=GRID, *arguments):
        write("mine.py", code)
        result = run("search", "--config", write("c.yaml", config), "--quiet", *arguments)
        assert result.returncode == 0, result.stderr
        return project / result.stdout.strip()

    run.search = search
    return run


def noted(search):
    """What ``verify.json`` says, by the index of the run."""
    return {run["index"]: run for run in json.loads((search / "verify.json").read_text()).values()}


def verdicts(search):
    return {index: run["verdict"] for index, run in noted(search).items()}


class TestSame:
    @pytest.mark.parametrize("how", ["--share", "--no-share"])
    def test_a_run_that_gives_the_same_alone(self, gridfold, project, how):
        search = gridfold.search(SAME, GRID, how)
        before = sorted(path for path in (project / "runs").rglob("*"))
        result = gridfold("verify", "-n", "3")
        assert result.returncode == 0, result.stdout + result.stderr
        assert result.stdout.endswith("\n3 of 3 runs give the same alone, to the last bit\n")
        assert result.stderr == ""
        assert set(verdicts(search).values()) == {"bitwise"}
        assert "bitwise │ none" in result.stdout
        assert search.joinpath("search.log").read_text().count(": bitwise\n") == 3
        assert sorted(path for path in (project / "runs").rglob("*")) == sorted([*before, search / "verify.json"])

    def test_the_runs_are_spread_and_the_best_is_among_them(self, gridfold):
        search = gridfold.search(SAME)
        for _ in range(2):
            assert gridfold("verify", search.name, "-n", "3", "--quiet").returncode == 0
            (first, second, third) = sorted(noted(search))
            assert first in (0, 1)
            assert second in (2, 3)
            assert third == 5

    @pytest.mark.parametrize("which", [["--all"], ["-n", "100"]])
    def test_all_runs(self, gridfold, which):
        search = gridfold.search(SAME)
        assert "6 of 6 runs" in gridfold("verify", *which).stdout
        assert len(noted(search)) == 6

    def test_these_runs(self, gridfold):
        search = gridfold.search(SAME)
        assert gridfold("verify", "--runs", "4", "1", "4").returncode == 0
        assert gridfold("verify", "--runs", "2").returncode == 0
        assert sorted(noted(search)) == [1, 2, 4]

    def test_each_run_has_a_process_that_imports_for_itself(self, gridfold, project):
        gridfold.search("open('imported', 'a').write('x')\ndef train(config): return config['lr']\n")
        (project / "imported").unlink()
        assert gridfold("verify", "-n", "3").returncode == 0
        assert (project / "imported").read_text() == "x" * 4  # one is the check of the code

    def test_what_was_reused_is_compared_with_where_it_came_from(self, gridfold):
        gridfold.search(SAME)
        search = gridfold.search(SAME, GRID, "--reuse", "--run-prefix", "again")
        assert gridfold("verify", search.name, "-n", "2").returncode == 0
        assert set(verdicts(search).values()) == {"bitwise"}

    def test_a_command(self, gridfold, write):
        script = 'echo "{\\"f1\\": $1}"; date +%s%N; echo "$1 $GRIDFOLD_RUN_DIR" > "$GRIDFOLD_RUN_DIR/out"'
        script += '; echo "{\\"f1\\": $1}"'
        search = gridfold.search("", "lr: [1, 2]\n", "--", "sh", "-c", script, "sh", "{lr}")
        assert gridfold("verify").returncode == 0
        assert verdicts(search) == {0: "bitwise", 1: "bitwise"}

    def test_weights_that_were_deleted_are_not_compared(self, gridfold):
        code = (
            "def train(config, run):\n    (run.dir / 'checkpoint-1').mkdir()\n"
            "    for name in ('checkpoint-1/w.bin', 'w.pt', 'plot'):\n        (run.dir / name).write_text('x')\n"
            "    return config['lr']\n"
        )
        search = gridfold.search(code, GRID, "--keep-checkpoints", "best:2")
        result = gridfold("verify", "--all")
        assert result.returncode == 0
        assert "8 files not compared: deleted\n6 of 6 runs" in result.stdout
        assert noted(search)[0]["not_compared"] == {"checkpoint-1/w.bin": "deleted", "w.pt": "deleted"}
        assert noted(search)[5]["not_compared"] == {}

    def test_what_an_attempt_that_was_killed_left_is_not_compared(self, gridfold):
        code = (
            "import os\ndef train(config, run):\n    run.report(epoch=1)\n"
            "    if config['lr'] == 2 and not os.path.exists('killed'):\n"
            "        open('killed', 'w')\n        (run.dir / 'half').touch()\n        os.kill(os.getpid(), 9)\n"
            "    return config['lr']\n"
        )
        search = gridfold.search(code, GRID, "--retries", "1")
        result = gridfold("verify", "--all")
        assert result.returncode == 0, result.stdout
        assert noted(search)[1]["not_compared"] == {"half": "may be of an earlier attempt"}


class TestDifferent:
    def test_a_run_that_depends_on_what_ran_before(self, gridfold, project):
        """What the import has found out is of another process when the run is alone."""
        code = "import os\npid = os.getpid()\ndef train(config): return {'f1': config['lr'], 'began': pid}\n"
        search = gridfold.search(code)
        result = gridfold("verify", "--runs", "3")
        assert result.returncode == 1
        assert result.stdout.endswith("\n0 of 1 runs give the same alone\n")
        (kept,) = project.glob("runs/.verify/*/*")
        assert f"run 3 ({kept.name}): different; kept: {kept.relative_to(project)}\n  metrics: began: " in result.stdout
        assert (kept / "run.json").exists()
        assert noted(search)[3]["kept"] == str(kept.relative_to(project))
        assert noted(search)[3]["repeats"] is False
        assert "verified run 3: different: metrics: began: " in (search / "search.log").read_text()

    @pytest.mark.parametrize("repeats", [False, True])
    def test_two_runs_that_differ_are_run_alone_once_more(self, gridfold, project, repeats):
        draw = "1" if repeats else "random.SystemRandom().random()"
        code = f"import random\ndef train(config): return {{'f1': config['lr'], 'drawn': {draw}}}\n"
        search = gridfold.search(code)
        (project / "mine.py").write_text(code.replace("1}", "2}"))  # what differs once, and is the same ever after
        result = gridfold("verify", "-n", "3")
        assert result.returncode == 1
        assert result.stdout.count("alone once more: ") == 2
        again = "the same as the first time alone" if repeats else "another result again, so sharing need not be"
        assert f"\n  alone once more: {again}" in result.stdout
        assert Counter(run["repeats"] for run in noted(search).values()) == {repeats: 2, None: 1}
        assert len(list(project.glob("runs/.verify/*/*"))) == 3

    def test_what_differs_is_named(self, gridfold):
        """Each run differs alone, which it can tell by its directory, in something of its own."""
        search = gridfold.search(
            "import json\ndef train(config, run):\n"
            "    alone, what = '.verify' in str(run.dir), config['what']\n"
            "    run.report(epoch=1, f1=1.0)\n"
            "    run.report(epoch=2, f1=2.0 if alone and what == 'report' else 1.0)\n"
            "    if what == 'file': (run.dir / 'text').write_text(str(alone))\n"
            "    if what == 'missing' and not alone: (run.dir / 'text').touch()\n"
            "    if what == 'extra' and alone: (run.dir / 'text').touch()\n"
            "    if what == 'json': (run.dir / 'a.json').write_text(json.dumps({'x': [0, {'y': alone}]}))\n"
            "    if what == 'csv': (run.dir / 'a.csv').write_text(f'a,b\\n1,{2.0 + alone}\\n')\n"
            "    if what == 'fails' and alone: raise ValueError('not alone\\nplease')\n"
            "    found = {'f1': 1.0, 'loss': 1 if alone and what == 'type' else 1.0}\n"
            "    if alone and what == 'metric': del found['loss']\n"
            "    if what == 'nan' and alone: found['f1'] = float('nan')\n"
            "    if what == 'zero': found['f1'] = -0.0 if alone else 0.0\n"
            "    if what == 'near': found['f1'] = 1.0 + alone * 1e-6\n"
            "    if what == 'count': found['count'] = 10**6 + alone\n"
            "    return dict(reversed(found.items())) if what == 'order' and alone else found\n",
            GRID.replace(
                "some", "[report, file, missing, extra, json, csv, fails, metric, nan, order, type, zero, near, count]"
            ).replace("[1, 2, 3, 4, 5, 6]", "1"),
        )
        result = gridfold("verify", "--all")
        assert result.returncode == 1
        found = noted(search)
        first = {
            run["index"]: (run["verdict"], *(run["differences"][0][key] for key in ("where", "said")))
            for run in found.values()
            if run["differences"]
        }
        assert first == {
            0: ("different", "metrics.jsonl: line 2: f1", "2.0 instead of 1.0"),
            1: ("different", "text", "differs"),
            2: ("different", "text", "only in the search"),
            3: ("different", "text", "only alone"),
            4: ("different", "a.json: x: 1: y", "True instead of False"),
            5: ("different", "a.csv: row 2: column 2", "3.0 instead of 2.0"),
            7: ("different", "metrics: loss", "only in the search"),
            8: ("different", "metrics: f1", "nan instead of 1.0"),
            9: ("different", "metrics", "in another order"),
            10: ("close", "metrics: loss", "1 instead of 1.0"),
            11: ("close", "metrics: f1", "-0.0 instead of 0.0"),
            12: ("close", "metrics: f1", "1.000001 instead of 1.0"),
            13: ("different", "metrics: count", "1000001 instead of 1000000"),
        }
        assert found[12]["differences"][0]["relative"] == pytest.approx(1e-6, rel=1e-3)
        assert found[6]["verdict"] == "failed alone"
        assert found[6]["error"]["message"] == "not alone\nplease"
        assert "  ValueError: not alone\n" in result.stdout
        assert (
            "3 of 14 runs give the same alone, 3 of them but for rounding (at most 1e-05 of a value)" in result.stdout
        )
        assert {index for index, run in found.items() if run["kept"]} == {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 13}

    def test_code_that_was_changed_is_said(self, gridfold, project, write):
        git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c"]
        for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "one"]):
            subprocess.run([*git, *command], cwd=project, check=True)
        gridfold.search(SAME)
        write("mine.py", SAME + "\n")
        result = gridfold("verify", "-n", "1")
        assert result.returncode == 0
        assert result.stderr == ("warning: the trainer's code has changed since the search began: mine.py\n")
        first = subprocess.run([*git, "rev-parse", "HEAD"], cwd=project, check=True, capture_output=True, text=True)
        subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "two"], cwd=project, check=True)
        second = subprocess.run([*git, "rev-parse", "HEAD"], cwd=project, check=True, capture_output=True, text=True)
        assert gridfold("verify", "-n", "1").stderr == (
            f"warning: the code was at commit {first.stdout.strip()} when the search began, "
            f"now at commit {second.stdout.strip()}\n"
            "warning: the trainer's code has changed since the search began: mine.py\n"
        )


class TestRefused:
    def test_no_such_search(self, gridfold, project):
        result = gridfold("verify", "nothing")
        assert result.returncode == 2
        assert result.stderr == (
            "error: runs: no search 'nothing'\n"
            "  begin one: gridfold search --config FILE; or go to the folder that has runs/\n"
        )

    def test_no_run_is_completed(self, gridfold, project):
        search = gridfold.search(SAME, GRID, "--no-execute")
        result = gridfold("verify")
        assert result.returncode == 2
        assert result.stderr == (
            f"error: {search.name}: no completed run to compare with\n  gridfold resume {search.name}\n"
        )
        result = gridfold("verify", "--runs", "0")
        assert "run 0 is not completed, so it cannot be compared" in result.stderr
        assert "no run 9" in gridfold("verify", "--runs", "9").stderr
        assert not (project / "runs" / ".verify").exists()


def test_ctrl_c_leaves_nothing_of_what_was_under_way(gridfold, project):
    search = gridfold.search(
        "import time\ndef train(config, run):\n"
        "    if '.verify' in str(run.dir) and config['lr'] > 1: time.sleep(3000)\n    return config['lr']\n"
    )
    before = sorted(path.name for path in (project / "runs").iterdir())
    line = [sys.executable, "-m", "gridfold", "verify", "--all", "--parallel", "2"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(line, cwd=project, env=environment, stdout=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 300
        while len(list(project.glob("runs/.verify/*/*lr_[23]/run.json"))) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        output = process.communicate(timeout=600)[0]
    assert process.returncode == 130
    assert output.endswith("1 of 1 runs give the same alone, to the last bit; 5 were not run any more\n")
    assert verdicts(search) == {0: "bitwise"}
    assert sorted(path.name for path in (project / "runs").iterdir()) == before


def test_other_commands_do_not_take_its_directories_for_runs(gridfold, project):
    search = gridfold.search("import time\ndef train(config): return {'f1': time.time_ns() % 10**9}\n")
    gridfold("verify", "-n", "2")
    assert len(list(project.glob("runs/.verify/*/*/run.json"))) == 2
    assert gridfold("status").stdout.startswith(f"{search.name}: 6 runs: 6 completed\n")
    assert "6 of 6 runs are completed, 0 to do" in gridfold("resume", "last").stdout
    assert gridfold("logs", "0").returncode == 0
    assert len((search / "results.csv").read_text().splitlines()) == 7


CONTAINERS = """
import gzip, io, time, zipfile
import numpy as np


def train(config, run):
    values = io.BytesIO()
    np.save(values, np.array([1.0, np.nan, -0.0]))
    with zipfile.ZipFile(run.dir / "values.npz", "w") as archive:
        archive.writestr(zipfile.ZipInfo("x.npy", time.localtime(time.time() + 2 * alone(run))[:6]), values.getvalue())
    with gzip.GzipFile(run.dir / "table.csv.gz", "w", mtime=1 + alone(run)) as file:
        file.write(b"a,b")
    return 1


def alone(run):
    return ".verify" in str(run.dir)
"""


def test_containers_that_hold_a_time_are_compared_by_what_they_hold(gridfold, project):
    pytest.importorskip("numpy")
    search = gridfold.search(CONTAINERS, "gridfold: {trainer: 'mine:train'}\nlr: [1, 2]\n", "--keep-checkpoints", "all")
    (packed, other) = sorted(project.glob("runs/*/table.csv.gz"))
    assert gzip.decompress(packed.read_bytes()) == gzip.decompress(other.read_bytes())
    assert gridfold("verify").returncode == 0
    assert verdicts(search) == {0: "bitwise", 1: "bitwise"}
