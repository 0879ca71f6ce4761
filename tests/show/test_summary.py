"""What is said when a search has ended: in words, with one advice and the report, whatever came of it."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from rich.console import Console

from gridfold.analysis.summary import Summary
from gridfold.records.trials import Results
from gridfold.runs.store import Store
from gridfold.show import summary
from tests.conftest import ROOT

TRAINERS = """
import json, os, random, sys, time


def rises(config, run):
    \"\"\"The more of lr the better; the noise is of the seed.\"\"\"
    seed = (config.get("training") or {}).get("seed", run.seed)
    return {"acc": 0.7 + config["lr"] / 10 + random.Random(f"{seed} {config['lr']} {config['size']}").random() / 100}


def exact(config):
    return {"acc": config["lr"]}


def tests(config):
    return {"test_acc": config["lr"]}


def odd(config):
    return {"foo": config["lr"]}


def silent(config):
    return {}


def fails(config):
    raise ValueError("too large")


def sleeps(config):
    open("ready", "w").close()
    time.sleep(3000)


if __name__ == "__main__":
    lr, size, seed = sys.argv[1:]
    noise = random.Random(f"{seed} {lr} {size}").random() / 100
    print(json.dumps({"acc": 0.7 + float(lr) / 10 + noise}))
"""
GRID = "lr: [1, 2, 3]\nsize: [16, 32]\n"


@pytest.fixture(autouse=True)
def with_report(project, monkeypatch):
    monkeypatch.setenv("GRIDFOLD_REPORT", "1")
    (project / "trainers.py").write_text(TRAINERS)


@pytest.fixture
def search(gridfold, write):
    """Runs a search of a config with one of the trainers."""

    def run(text, trainer="exact", *arguments):
        return gridfold("search", "--config", write("c.yaml", text), "--trainer", f"trainers:{trainer}", *arguments)

    return run


def report():
    return Store().find("last").report_path


def after_the_table(said):
    """The lines of the ending."""
    return said.partition("All results: ")[2].splitlines()[1:]


@pytest.mark.parametrize("asked", ["1", "0"])
def test_the_answer_one_advice_and_the_report(command, write, project, monkeypatch, asked):
    monkeypatch.setenv("GRIDFOLD_REPORT", asked)
    options = ["--config", write("c.yaml", GRID), "--trainer", "trainers:rises", "--repeats", "3"]
    done = command("hyper_main.py", *options, "--run-prefix", "toy")
    assert (done.returncode, done.stderr) == (0, "")
    lines = after_the_table(done.stdout)
    if asked == "0":
        assert not any(re.match("Best|Report|Not|No ", line) for line in lines)
        assert not report().exists()
        return
    best = next(line for line in lines if line.startswith("Best: "))
    assert re.fullmatch(r"Best: lr 3, size \d+: acc 1\.0\d+ ± 0\.00\d+ \(mean of 3, 95 % interval .* to .*\)\.", best)
    assert sum("gridfold search" in line for line in lines) == 1
    *_, why, what, where = lines
    assert why.startswith("The best lr, 3, is the largest that was tried: try 4 too. That makes 6 new runs, about ")
    assert what == (
        "  gridfold search --config c.yaml --param-variations lr=1,2,3,4 --run-prefix toy --reuse --repeats 3 "
        "--trainer trainers:rises"
    )
    assert where == f"Report: {report()}"
    page = report().read_text()
    assert best in json.loads((report().parent / "summary.json").read_text())["answer"]
    assert best in page.replace("\N{NO-BREAK SPACE}", " ")
    assert "6 new runs, about " in page
    rows = [line for line in done.stdout.splitlines() if re.match(r"│ +\d+ │ +\d │ +\d+ │", line)]
    assert len(rows) == 6  # one for each trial, not for each of 18 runs
    assert all(re.search(r"│ 1?0?\.\d{4} ± 0\.\d{4} │ 3 │ completed", row) for row in rows), rows


def test_identical_repeats_tell_nothing(command, write, project):
    write("r.sh", 'echo "{\\"loss\\": $1}"\n')
    options = ["--config", write("c.yaml", "x: [1, 2, 3]\n"), "--repeats", "3", "--", "sh", "r.sh", "{x}"]
    lines = after_the_table(command("hyper_main.py", *options).stdout)
    assert lines[:2] == [
        "Best: x 1: loss 1 (the same in 3 runs).",
        "All repeats of a trial are identical, so nothing is known of the noise: does the trainer use its seed?",
    ]
    assert not any(word in line for line in lines for word in ("beyond the noise", "mattered", "interval"))
    said = command("gridfold/__main__.py", "confirm", "--repeats", "2").stdout
    unsure = "whether the difference is more than noise cannot be said."
    assert f"The runner-up, x 2, has 2 (the same in 2 runs): {unsure}" in said


def test_quiet_says_only_where_it_is(search):
    code, said = search(GRID, "exact", "--quiet")
    assert (code, said) == (0, f"{Store().find('last').dir}\n")
    assert report().exists()


class TestWhateverCameOfIt:
    def test_one_run(self, search):
        code, said = search("lr: 1\nsize: 2\n")
        assert (code, after_the_table(said)) == (0, [f"Report: {report()}"])

    def test_one_trial_with_repeats(self, search):
        code, said = search("lr: 1\nsize: 2\n", "rises", "--repeats", "3")
        assert code == 0
        assert re.match(r"Best: \S+: acc 0\.80\d+ ± 0\.00\d+ \(mean of 3", after_the_table(said)[0])
        assert "\nIt is the only trial that has a value.\nReport: " in said

    def test_one_run_of_each_trial(self, search):
        code, said = search(GRID)
        name = Store().find("last").name
        assert (code, said.count("noise")) == (0, 1)
        assert re.search(
            "so the noise is unknown: repeat the best 5, 3 runs each. That makes 10 new runs, about .* one after "
            rf"another\.\n  gridfold resume {name} --repeats 3 --top 5\n",
            said,
        )

    def test_no_metric(self, search):
        code, said = search(GRID, "silent", "--keep-going")
        assert (code, after_the_table(said)[-1]) == (0, f"Report: {report()}")
        assert "6 completed without metrics" in said
        assert "No run has a value of a metric yet." in report().read_text()

    @pytest.mark.parametrize("asked", ["1", "0"])
    def test_only_metrics_of_the_test_set(self, search, gridfold, monkeypatch, asked):
        monkeypatch.setenv("GRIDFOLD_REPORT", asked)
        sentence = (
            "The runs have only metrics of the test set (test_acc), and are not compared by those unless you say so: "
            "--metric test_acc."
        )
        code, said = search(GRID, "tests")
        assert code == 0
        assert sentence in after_the_table(said)
        code, said = gridfold("results")
        assert (code, said.splitlines()[-1]) == (0, sentence)
        code, said = gridfold("best")
        assert code == 2
        assert sentence in said
        code, said = gridfold("best", "--metric", "test_acc")
        assert "highest test_acc 3" in said
        code, said = search(GRID, "tests", "--metric", "test_acc")
        assert "The runs have only" not in said
        assert "(highest test_acc)" in said

    @pytest.mark.parametrize("asked", ["1", "0"])
    def test_a_metric_whose_name_says_no_direction(self, search, gridfold, monkeypatch, asked):
        monkeypatch.setenv("GRIDFOLD_REPORT", asked)
        sentence = "The highest foo counts as the best: if lower is better, say so by --minimize."
        code, said = search(GRID, "odd")
        assert (code, said.count(sentence), said.count("--minimize")) == (0, 1, 1)
        for command in ("results", "best"):
            assert gridfold(command)[1].count(sentence) == 1
            assert sentence not in gridfold(command, "--minimize")[1]
            assert sentence not in gridfold(command, "--maximize")[1]
        assert sentence not in gridfold("results", "--format", "csv")[1]
        if asked == "1":
            assert "compared by foo, higher is better (if not, say so by --minimize)" in report().read_text()
        assert sentence not in search(GRID, "odd", "--minimize")[1]

    def test_another_metric_than_there_is(self, search):
        code, said = search(GRID, "exact", "--metric", "f1", "--keep-going")
        assert (code, after_the_table(said)[-1]) == (0, f"Report: {report()}")
        assert "No run has f1: " in said

    def test_all_failed(self, search):
        code, said = search(GRID, "fails", "--keep-going")
        assert (code, after_the_table(said)[-1]) == (1, f"Report: {report()}")
        assert "6 × ValueError" in said
        assert "6 of 6 runs failed." in report().read_text()

    @pytest.mark.parametrize("package", ["scipy", "jinja2"])
    def test_a_package_is_missing(self, search, monkeypatch, package):
        for module in [name for name in sys.modules if name.partition(".")[0] == package]:
            monkeypatch.delitem(sys.modules, module)
        monkeypatch.setitem(sys.modules, package, None)
        code, said = search(GRID)
        assert code == 0
        line = after_the_table(said)[-1]
        assert re.fullmatch(rf"No report: .*{package} is not installed.*: pip install \"gridfold\[report\]\"", line)

    def test_the_report_cannot_be_written(self, search, monkeypatch):
        def full(*_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(summary.page, "write", full)
        code, said = search(GRID)
        assert (code, after_the_table(said)[-1]) == (0, "No report: OSError: [Errno 28] No space left on device")
        assert "no report: OSError" in (Store().find("last").dir / "search.log").read_text()

    def test_so_many_runs_that_it_is_to_be_asked_for(self, search, gridfold, monkeypatch):
        monkeypatch.setattr(summary, "MOST_RUNS", 5)
        code, said = search(GRID)
        name = Store().find("last").name
        assert code == 0
        assert after_the_table(said)[-1] == f"No report of 6 runs unless it is asked for: gridfold report {name}"
        assert not report().exists()
        assert gridfold("report", name) == (0, f"Report: {report()}\n")
        assert report().exists()

    def test_interrupted(self, write, project):
        line = [sys.executable, str(ROOT / "hyper_main.py"), "--config", write("c.yaml", GRID)]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        with subprocess.Popen(
            [*line, "--trainer", "trainers:sleeps"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as process:
            while not (project / "ready").exists():
                assert process.poll() is None
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            said = process.communicate(timeout=600)[0].decode()
        assert process.returncode == 130
        assert "\nStopped: interrupted; finished runs are kept\n" in said
        assert "Report:" not in said
        assert not report().exists()


class TestConfirmation:
    def test_what_is_new_is_said_once(self, search, gridfold):
        search(GRID, "rises", "--repeats", "3")
        code, said = gridfold("confirm", "--repeats", "2")
        assert code == 0
        table, *lines = said.partition("Mean acc\n")[2].partition("\nOn fresh seeds ")[::2]
        first, second, where = f"On fresh seeds {lines[0]}".splitlines()
        assert re.fullmatch(
            r"On fresh seeds the best has acc .* \(mean of 2, .*\), against .* when it was chosen\.", first
        )
        assert re.fullmatch(
            r"The runner-up, lr 3, size \d+, has .* \(mean of 2, .*\): they .* apart \(p = .*\)\.", second
        )
        assert where == f"Report: {report()}"
        assert table.count("lr 3, size") == 2
        assert "Confirmation on fresh seeds" in report().read_text()
        again, said_again = gridfold("confirm", "--repeats", "2")
        assert (again, said_again) == (0, said[said.index("Mean acc\n") :])


class TestAdvice:
    """The advised command runs as it is printed, and makes as many new runs as were announced."""

    def advised(self, said):
        ((most, count, line),) = re.findall(r"That makes (at most )?(\d+) new runs.*:\n  (gridfold search .*)", said)
        return int(count), bool(most), shlex.split(line)

    def executed(self):
        records = [record for _, record in Store().find("last").records()]
        assert all(record.state == "completed" for record in records)
        return sum(not record.reused for record in records), len(records)

    def check(self, said, gridfold, *, total):
        announced, _, words = self.advised(said)
        code, said = gridfold(*words[1:])
        assert code == 0, said
        assert self.executed() == (announced, total)
        return announced, words

    def test_repeats(self, search, gridfold):
        _, said = search(GRID, "rises", "--repeats", "3")
        announced, words = self.check(said, gridfold, total=24)
        assert announced == 6
        assert words[words.index("--repeats") + 1] == "3"

    def test_seeds_that_are_listed(self, search, gridfold):
        _, said = search(f"{GRID}training: {{seed: [1, 2, 3]}}\n", "rises")
        announced, words = self.check(said, gridfold, total=24)
        assert announced == 6
        assert "--repeats" not in words

    def test_seeds_that_are_listed_on_the_command_line(self, search, gridfold):
        text = f"{GRID}training: {{seed: 0}}\n"
        _, said = search(text, "rises", "--param-variations", "training.seed=7,3,5", "size=16,32,64")
        announced, words = self.check(said, gridfold, total=36)
        assert announced == 9
        assert "--repeats" not in words
        assert "training.seed=7,3,5" in words

    def test_repeats_in_the_file_and_others_on_the_command_line(self, search, gridfold):
        _, said = search(f"{GRID}gridfold: {{repeats: 3}}\n", "rises")
        assert "--repeats" not in self.check(said, gridfold, total=24)[1]
        search(f"{GRID}gridfold: {{repeats: 3}}\n", "exact", "--repeats", "1", "--run-prefix", "one")
        found = next(each for each in Summary.of(Results.read([Store().find("last")])).advice if each.path == "lr")
        assert found.runs == 2
        assert "--run-prefix one --reuse --repeats 1 " in found.command

    def test_some_trials_have_more_repeats_and_some_failed(self, search, gridfold):
        _, said = search(GRID, "rises", "--repeats", "2")
        gridfold("resume", "last", "--repeats", "4", "--top", "2")
        directory = Store().find("last")
        lost = next(directory.run(entry) for entry in directory.entries() if entry.params["lr"] == 3)
        lost.write(replace(lost.read(), state="failed", error=ERROR))
        said = gridfold_ending(directory)
        announced, words = self.check(said, gridfold, total=32)
        assert (announced, words[words.index("--repeats") + 1]) == (17, "4")

    def test_what_other_searches_have_is_not_new(self, search, gridfold):
        search(GRID, "rises", "--repeats", "3")
        _, said = search(GRID, "rises", "--repeats", "3", "--param-variations", "lr=1,2", "size=16,32,64")
        assert "The best lr, 2, is the largest that was tried: try 3 too. That makes 3 new runs" in said
        assert self.check(said, gridfold, total=27)[0] == 3
        _, said = search(GRID, "rises", "--repeats", "3", "--param-variations", "lr=1,2")
        assert "try 3 too" not in said

    def test_a_command_that_trains(self, gridfold, write):
        line = ["--", sys.executable, "trainers.py", "{lr}", "{size}", "{seed}"]
        _, said = gridfold("search", "--config", write("c.yaml", GRID), "--repeats", "3", *line)
        announced, words = self.check(said, gridfold, total=24)
        assert announced == 6
        assert words[-6:] == line

    def test_a_race_says_how_many_at_most(self, search, gridfold):
        _, said = search(GRID, "rises", "--repeats", "4", "--race")
        announced, most, words = self.advised(said)
        assert (most, words[words.index("--repeats") + 1]) == (True, "4")
        assert "--race" in words
        before, _ = self.executed()
        assert 12 <= before <= 24
        assert gridfold(*words[1:])[0] == 0
        executed, total = self.executed()
        assert 4 <= executed <= announced
        assert total <= 32


ERROR = {"type": "ValueError", "message": "lost", "traceback": "", "place": ""}


def gridfold_ending(directory):
    console = Console(width=160, highlight=False)
    with console.capture() as captured:
        console.print(summary.conclusion(directory), soft_wrap=True)
    return captured.get()
