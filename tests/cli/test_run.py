"""What the commands do, run in a subprocess: failures, continuing, reusing, looking at a search."""

import json
import os
import re
import subprocess
import sys
import time

import pytest

from tests.conftest import ROOT

GRID = "gridfold: {trainer: 'toy:train'}\n"


@pytest.fixture
def search(command, write, project):
    """Runs a search of a config text, and gives the process's result; ``records(name)`` are then its records."""

    def run(text, *arguments, **options):
        return command("hyper_main.py", "--config", write("c.yaml", GRID + text), *arguments, **options)

    return run


@pytest.fixture
def gridfold(command):
    return lambda *arguments: command("gridfold/__main__.py", *arguments)


@pytest.fixture
def start(write, project):
    """Starts a search in the background."""
    started = []

    def run(text, *arguments):
        line = [sys.executable, str(ROOT / "hyper_main.py"), "--config", write("c.yaml", GRID + text), *arguments]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(line, cwd=project, env=environment, stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def searches(project):
    return sorted((path.parent for path in project.glob("runs/*/search.json")), key=lambda path: path.stat().st_ctime)


def records(project, which=-1):
    """The records of a search in the order of its runs; None for a run that was never started."""
    found = searches(project)[which]
    runs = [found.parent / json.loads(line)["run"] for line in (found / "runs.jsonl").read_text().splitlines()]
    return [json.loads((run / "run.json").read_text()) if (run / "run.json").exists() else None for run in runs]


def states(project, which=-1):
    return [record and record["state"] for record in records(project, which)]


def wait_for(condition, seconds=300):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class TestFailures:
    def test_failures_of_one_cause_are_one_line(self, search):
        result = search("what: [finish, raise, exit]\nlr: [1, 2]\n", "--parallel", "1")
        assert result.returncode == 1
        lines = result.stdout[result.stdout.index("4 failed") :].splitlines()
        assert re.match(
            r"  2 × ValueError at toy.py:\d+: this one fails \(runs 2, 3; see runs/run_\d+_what_raise", lines[1]
        )
        assert re.match(r"  2 × SystemExit at toy.py:\d+: 3 \(runs 4, 5; ", lines[2])

    def test_a_message_may_hold_what_no_file_can(self, search, gridfold, project, write):
        write(
            "names.py",
            "def train(config, run):\n"
            "    if config['lr'] == 1: raise ValueError('cannot read caf\\udce9.txt')\n"
            "    run.report(**{'caf\\udce9': 1})\n"
            "    return {'caf\\udce9': config['lr']}\n",
        )
        result = search("lr: [1, 2, 3]\n", "--trainer", "names:train")
        assert (result.returncode, result.stderr) == (1, "")
        assert states(project) == ["failed", "completed", "completed"]
        assert records(project)[0]["error"]["message"] == r"cannot read caf\udce9.txt"
        assert records(project)[1]["metrics"] == {r"caf\udce9": 2}
        for command in (["results", "--runs"], ["results", "--runs", "--format", "csv"]):
            result = gridfold(*command)
            assert (result.returncode, result.stderr) == (0, "")
            assert r"caf\udce9" in result.stdout

    def test_an_old_record_may_hold_what_no_file_can(self, search, gridfold, project):
        search("what: [raise, finish]\n")
        path = next(project.glob("runs/*raise/run.json"))
        record = json.loads(path.read_text())
        record["error"]["message"] = "caf\udce9"
        path.write_text(json.dumps(record))
        for command in (["results", "--runs", "--format", "csv"], ["status"], ["resume", "last", "--retries", "0"]):
            assert "Traceback" not in gridfold(*command).stderr

    def test_three_first_runs_that_fail_alike_stop_the_search(self, search, project):
        result = search("what: raise\nlr: [1, 2, 3, 4, 5]\n", "--parallel", "1")
        assert result.returncode == 1
        assert states(project) == ["failed"] * 3 + [None] * 2
        name = searches(project)[0].name
        assert result.stderr == (
            "Stopped: the first 3 runs all failed alike; --keep-going goes on all the same\n"
            f"To continue: python hyper_main.py --resume {name}\n"
        )

    def test_keep_going(self, search, project):
        assert search("what: raise\nlr: [1, 2, 3, 4, 5]\n", "--keep-going").returncode == 1
        assert states(project) == ["failed"] * 5

    def test_different_failures_do_not_stop_it(self, search, project):
        search("what: [raise, exit, die, finish]\n", "--parallel", "1")
        assert states(project) == ["failed"] * 3 + ["completed"]

    def test_fail_fast_stops_at_the_first_and_interrupts_the_others(self, search, project, write):
        write(
            "meets.py",
            "import time\nfrom pathlib import Path\n\n\ndef train(config):\n    if config['lr'] == 1:\n"
            "        Path('sleeps').touch()\n        time.sleep(3000)\n    while not Path('sleeps').exists():\n"
            "        time.sleep(0.01)\n    raise ValueError('this one fails')\n",
        )
        result = search("lr: [1, 2, 3]\n", "--fail-fast", "--parallel", "2", "--trainer", "meets:train", "--no-share")
        assert result.returncode == 1
        assert states(project) == ["interrupted", "failed", None]
        assert "Stopped: a run failed (ValueError: this one fails)" in result.stderr

    def test_a_killed_run_is_tried_again_and_an_exception_is_not(self, search, project, write):
        write(
            "once.py",
            "import os\ndef train(config, run):\n    mark = run.dir / 'mark'\n    if config['lr'] == 2: 1 / 0\n"
            "    if not mark.exists():\n        mark.touch()\n        os.kill(os.getpid(), 9)\n    return 1\n",
        )
        result = search("lr: [1, 2]\n", "--retries", "2", "--trainer", "once:train")
        assert result.returncode == 1
        assert states(project) == ["completed", "failed"]
        assert [record["attempt"] for record in records(project)] == [2, 1]
        assert "will be tried again" in result.stdout

    def test_a_run_that_takes_too_long(self, search, project):
        result = search("what: [sleep, finish]\n", "--timeout", "3")
        assert result.returncode == 1
        assert states(project) == ["failed", "completed"]
        assert records(project)[0]["error"]["message"] == "not done after 3 s"

    def test_a_budget(self, search, project, write):
        write("naps.py", "import time\ndef train(config):\n    time.sleep(1)\n    return 1\n")
        arguments = ("--trainer", "naps:train", "--budget", "4s", "--parallel", "1", "--no-share")
        result = search("lr: [1, 2, 3, 4, 5, 6, 7, 8]\n", *arguments)
        assert result.returncode == 0
        done = states(project).count("completed")  # how many depends on the machine
        assert states(project) == ["completed"] * done + [None] * (8 - done)
        assert 1 <= done <= 4
        assert "Stopped: the budget of 0:00:04 allows no further run (a run takes about" in result.stderr

    def test_a_nan_is_a_record(self, search, project):
        result = search("lr: [.nan, 1]\n")
        assert result.returncode == 0
        assert "Best run: " + "runs/" in result.stdout
        assert result.stdout.index("_lr_1\n") > 0


class TestContinuing:
    def test_what_is_not_completed_is_run(self, search, command, project, write):
        search("what: [finish, raise]\nlr: [1, 2]\n")
        before = [record["started"] for record in records(project)]
        write("toy.py", "def train(config): return config['lr']\n")
        result = command("hyper_main.py", "--resume", "last")
        assert result.returncode == 0, result.stderr
        assert "2 of 4 runs are completed, 2 to do" in result.stdout
        assert states(project) == ["completed"] * 4
        assert [record["attempt"] for record in records(project)] == [1, 1, 2, 2]
        assert [record["started"] for record in records(project)][:2] == before[:2]

    def test_only_what_failed(self, search, gridfold, project):
        search("what: [finish, raise]\nlr: [1, 2]\n", "--no-execute")
        search("what: [raise, finish]\nlr: [1, 2]\n", "--fail-fast", "--parallel", "1")
        assert states(project) == ["failed", None, None, None]
        assert gridfold("resume", searches(project)[1].name, "--failed").returncode == 1
        assert [record and record["attempt"] for record in records(project)] == [2, None, None, None]

    def test_a_search_that_was_only_created(self, search, command, project):
        search("lr: [1, 2]\n", "--no-execute", "--run-prefix", "made")
        assert command("hyper_main.py", "--resume", "last").returncode == 0
        assert states(project) == ["completed"] * 2
        assert json.loads((searches(project)[0] / "search.json").read_text())["fingerprint"]

    def test_with_the_options_that_it_began_with(self, search, command, project):
        search("what: [raise, sleep]\n", "--timeout", "0.5", "--fail-fast", "--parallel", "1")
        assert states(project) == ["failed", None]
        command("hyper_main.py", "--resume", "last", "--keep-going")
        facts = json.loads((searches(project)[0] / "search.json").read_text())
        assert facts["execution"]["timeout"] == 0.5
        assert facts["execution"]["parallel"] == 1

    def test_a_search_whose_creation_was_interrupted(self, search, command, project):
        search("lr: [1, 2, 3]\nlist: !fixed [a, b]\n", "--no-execute", "--param-variations", "+new=1,2", "lr=1,2")
        found = searches(project)[0]
        whole = {path.name: path.read_text() for path in project.glob("runs/*/config.yaml")}
        before = sorted(path.name for path in (project / "runs").iterdir())
        listing = (found / "runs.jsonl").read_text()
        (found / "runs.jsonl").unlink()
        for line in listing.splitlines()[2:]:
            (project / "runs" / json.loads(line)["run"] / "config.yaml").unlink()
            (project / "runs" / json.loads(line)["run"]).rmdir()
        assert command("hyper_main.py", "--resume", found.name).returncode == 0
        assert (found / "runs.jsonl").read_text() == listing
        assert sorted(path.name for path in (project / "runs").iterdir()) == before
        assert {path.name: path.read_text() for path in project.glob("runs/*/config.yaml")} == whole
        assert states(project) == ["completed"] * 4

    @pytest.mark.parametrize("creator", [None, {}, "me", {"host": "h", "pid": "1", "start": ""}])
    def test_a_search_of_which_nobody_knows_who_creates_it(self, search, command, project, creator):
        search("lr: [1, 2]\n", "--no-execute")
        found = searches(project)[0]
        facts = json.loads((found / "search.json").read_text())
        (found / "search.json").write_text(json.dumps(facts | {"creator": creator}))
        (found / "runs.jsonl").unlink()
        result = command("hyper_main.py", "--resume", "last")
        assert result.returncode == 2
        assert result.stderr == (
            f"error: runs/{found.name}: search.json does not say which process created it\n"
            "  nothing ran yet; start the search again\n"
        )

    def test_there_is_nothing_left_to_do(self, search, command):
        search("lr: [1, 2]\n")
        result = command("hyper_main.py", "--resume", "last")
        assert result.returncode == 0
        assert "2 of 2 runs are completed, 0 to do" in result.stdout

    @pytest.mark.parametrize("name", ["run_1", "last", "../runs", "x" * 5000, "a\nb"])
    def test_no_such_search(self, command, name):
        result = command("hyper_main.py", "--resume", name)
        assert result.returncode == 2
        assert result.stderr.startswith("error: runs: no search")

    def test_a_run_of_another_machine_is_left_alone_until_that_is_said_to_be_gone(self, search, gridfold, project):
        search("lr: [1, 2]\n", "--no-execute")
        run = next((project / "runs").glob("*lr_1"))
        (run / ".claim-1").write_text(json.dumps({"host": "far", "pid": 1, "process": "x"}))
        result = gridfold("resume", "last")
        name = searches(project)[0].name
        line = f"1 under way in other processes on far; if that machine or container is gone: gridfold resume {name}"
        assert f"{line} --gone far" in result.stdout
        assert states(project) == [None, "completed"]
        assert gridfold("resume", "last", "--gone", "far").returncode == 0
        assert states(project) == ["completed"] * 2

    def test_two_processes_share_a_search(self, search, gridfold, start, project):
        first = start("what: nap\nlr: [1, 2, 3, 4, 5, 6]\n", "--parallel", "1")
        wait_for(lambda: list(project.glob("runs/*/run.json")))
        assert gridfold("resume", "last", "--parallel", "1").returncode == 0
        assert first.wait(600) == 0
        assert states(project) == ["completed"] * 6
        assert [record["attempt"] for record in records(project)] == [1] * 6


class TestReuse:
    def test_a_value_more_runs_only_what_is_new(self, search, project):
        search("lr: [1, 2, 3]\nsize: [4, 5]\n")
        result = search("lr: [1, 2, 3, 7]\nsize: [5, 4]\n", "--reuse", "--run-prefix", "more")
        assert result.returncode == 0
        assert "Reused 6 results of earlier searches" in result.stdout
        assert [bool(record["reused"]) for record in records(project)] == [True] * 6 + [False] * 2
        assert [record["metrics"]["val_f1"] for record in records(project)] == [1, 1, 2, 2, 3, 3, 7, 7]
        assert (project / "runs" / records(project)[0]["reused"] / "log.txt").exists()

    def test_without_it_a_line_says_how_many(self, search, project):
        search("lr: [1, 2]\n")
        result = search("lr: [1, 2, 3]\n")
        line = "2 of these runs are completed in earlier searches, with the same code: --reuse takes the results"
        assert line in result.stdout
        assert not any(record["reused"] for record in records(project))

    def test_other_code_is_not_the_same(self, search, project, write):
        search("lr: [1, 2]\n")
        write("toy.py", "def train(config): return 9\n")
        assert "Reused" not in search("lr: [1, 2]\n", "--reuse", "--run-prefix", "b").stdout
        assert [record["metrics"] for record in records(project)] == [{"result": 9}] * 2

    def test_other_data_are_not_the_same(self, search, project, write):
        write("data.csv", "a")
        search("lr: [1, 2]\ndata: data.csv\n")
        write("data.csv", "a,b")
        assert "Reused" not in search("lr: [1, 2]\ndata: data.csv\n", "--reuse").stdout

    def test_failed_runs_are_not_reused(self, search, project):
        search("what: [raise, finish]\n")
        assert "Reused 1 result of" in search("what: [raise, finish]\n", "--reuse").stdout


class TestLooking:
    def test_a_plan_creates_nothing(self, search, gridfold, project, write):
        search("lr: [1, 2]\n")
        before = sorted((project / "runs").iterdir())
        for result in (
            gridfold("plan", "--config", write("c.yaml", GRID + "lr: [1, 2, 3]\n"), "--run-prefix", "x"),
            search("lr: [1, 2, 3]\n", "--dry-run", "--run-prefix", "x"),
        ):
            assert result.returncode == 0, result.stderr
            assert "3 to run\n2 have results of earlier searches, which --reuse takes" in result.stdout
            assert re.search(r"about 0:00:0\d with \d+ at a time", result.stdout)
            assert "  x_HHMMSS_lr_1\n" in result.stdout
            assert sorted((project / "runs").iterdir()) == before
        assert "1 to run\n" in search("lr: [1, 2, 3]\n", "--dry-run", "--reuse").stdout

    def test_status_of_a_search_in_another_process(self, start, gridfold, project):
        start("what: [finish, sleep, raise]\n", "--parallel", "1")
        wait_for(lambda: list(project.glob("runs/*sleep/progress.json")))
        time.sleep(0.3)
        result = gridfold("status")
        assert result.returncode == 0, result.stderr
        lines = result.stdout.splitlines()
        assert lines[0] == f"{searches(project)[0].name}: 3 runs: 1 completed, 1 running, 1 created"
        assert re.fullmatch(r"\d:\d\d:\d\d left", lines[1])
        assert lines[2].startswith("best run: val_f1 0.6000: run_")
        assert lines[3].startswith("  running: run_")
        assert re.search(r"what_sleep: epoch [12]/2  loss ", lines[3])

    def test_status_of_a_search_whose_process_died(self, start, gridfold, project):
        process = start("what: [finish, sleep]\n", "--parallel", "1")
        wait_for(lambda: list(project.glob("runs/*sleep/progress.json")))
        process.kill()
        process.wait()
        wait_for(lambda: "lost" in gridfold("status", "last").stdout)
        name = searches(project)[0].name
        assert f"To continue: gridfold resume {name}" in gridfold("status").stdout

    def test_logs(self, search, gridfold, project):
        search("what: [finish, raise]\n")
        name = searches(project)[0].name
        for run in ("0", f"{name}:0", f"{name}_what_finish", f"runs/{name}_what_finish"):
            assert gridfold("logs", run).stdout == f"trained {name}_what_finish 0\n"
        assert "ValueError" in gridfold("logs", "1").stdout
        assert gridfold("logs", "9" * 5000).stderr.startswith("error: runs: no run '999")
        assert gridfold("logs", f"{name}_what_finsh").stderr.endswith(f"did you mean '{name}_what_finish'?\n")

    def test_logs_are_followed_until_the_run_ends(self, start, gridfold, project, write):
        write(
            "slow.py",
            "import time\ndef train(config):\n    for i in range(5): print(i); time.sleep(0.2)\n    return 1\n",
        )
        start("lr: 1\n", "--trainer", "slow:train")
        wait_for(lambda: list(project.glob("runs/*/log.txt")))
        assert gridfold("logs", "0", "-f").stdout == "0\n1\n2\n3\n4\n"

    def test_a_run_is_reproduced(self, search, gridfold, project):
        search("lr: [1, 2]\n")
        result = gridfold("reproduce", "1")
        assert result.returncode == 0, result.stderr
        assert re.search(r"val_f1 +│ +2\.0+ +│ +2\.0+ +│ none", re.sub("2 ", "2.0 ", result.stdout))

    def test_a_run_that_comes_out_otherwise(self, search, gridfold, project, write):
        search("lr: [1, 2]\n")
        write("toy.py", "def train(config): return {'val_f1': 1.5}\n")
        result = gridfold("reproduce", "1")
        assert result.returncode == 1
        assert "-0.5" in result.stdout
        assert "missing" in result.stdout

    def test_quiet(self, search, project):
        result = search("what: [finish, raise]\n", "--quiet")
        assert result.stdout == f"runs/{searches(project)[0].name}\n"
        assert "1 × ValueError at toy.py" in result.stderr


BAD_OPTIONS = {
    "time": ["--timeout", "soon"],
    "no time": ["--budget", "0s"],
    "parallel": ["--parallel", "0"],
    "threads": ["--threads", "-1"],
    "kept": ["--keep-checkpoints", "best"],
    "trainer and command": ["--trainer", "toy:train", "--", "true"],
    "no command": ["--"],
    "misspelled function": ["--trainer", "toy:tarin"],
    "module that cannot be imported": ["--trainer", "wrong:train"],
    "module that exits": ["--trainer", "exits:train"],
    "module that kills": ["--trainer", "kills:train"],
    "unknown placeholder": ["--", "echo", "{lrr}"],
    "unknown program": ["--", "no-such-program"],
}


class TestOptions:
    def test_a_trainer_of_the_command_line(self, command, write, project):
        result = command("hyper_main.py", "--config", write("c.yaml", "lr: [1, 2]\n"), "--trainer", "toy:number")
        assert result.returncode == 0, result.stderr
        assert [record["metrics"] for record in records(project)] == [{"result": 1}, {"result": 2}]
        config = next(project.glob("runs/*lr_1/config.yaml"))
        assert config.read_text() == "lr: 1\n# gridfold: {trainer: 'toy:number'}\n"
        assert command("main.py", "--config", str(config)).returncode == 0

    def test_a_command(self, command, write, project):
        write("c.yaml", "lr: [1, 2]\nname: a b\n")
        script = 'echo "$1|$2|$GRIDFOLD_RUN_DIR" > "$GRIDFOLD_RUN_DIR/out"; echo "{\\"f1\\": $1}"'
        result = command("hyper_main.py", "--config", "c.yaml", "--", "sh", "-c", script, "sh", "{lr}", "{name}")
        assert result.returncode == 0, result.stderr
        assert [record["metrics"] for record in records(project)] == [{"f1": 1}, {"f1": 2}]
        run = next((project / "runs").glob("*lr_2"))
        assert (run / "out").read_text() == f"2|a b|{run}\n"
        assert command("main.py", "--config", str(run / "config.yaml")).returncode == 0

    def test_threads(self, search, command, project, write):
        write("count.py", "import os\ndef train(config): return int(os.environ['OMP_NUM_THREADS'])\n")
        search("lr: [1, 2]\n", "--trainer", "count:train")
        assert [record["metrics"]["result"] for record in records(project)] == [1, 1]
        search("lr: [1, 2]\n", "--trainer", "count:train", "--threads", "2", "--run-prefix", "two")
        assert [record["metrics"]["result"] for record in records(project)] == [2, 2]
        config = next(project.glob("runs/two*lr_1/config.yaml"))
        assert config.read_text() == "lr: 1\n# gridfold: {trainer: 'count:train', threads: 2}\n"

    def test_gpus_are_given_out_one_a_run(self, search, project, write, monkeypatch):
        smi = project / "bin" / "nvidia-smi"
        write("bin/nvidia-smi", "#!/bin/sh\nprintf 'GPU-a\\nGPU-b\\n'\n")
        smi.chmod(0o755)
        monkeypatch.setenv("PATH", f"{smi.parent}:{os.environ['PATH']}")
        monkeypatch.setenv("TMPDIR", str(project))
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        write(
            "gpu.py",
            "import os, time\ndef train(config):\n    print(os.environ['CUDA_VISIBLE_DEVICES'])\n"
            "    time.sleep(0.4)\n    return 1\n",
        )
        result = search("lr: [1, 2, 3, 4]\n", "--trainer", "gpu:train")
        assert result.returncode == 0, result.stderr
        used = [path.read_text().strip() for path in project.glob("runs/*/log.txt")]
        assert sorted(used) == ["GPU-a", "GPU-a", "GPU-b", "GPU-b"]
        begun = sorted(record["started"] for record in records(project))
        assert begun[2] >= min(record["ended"] for record in records(project))
        result = search("lr: [1, 2, 3, 4]\n", "--parallel", "4")
        assert result.returncode == 2
        assert result.stderr == (
            "error: --parallel: 4 runs at a time, but 2 GPUs with 1 each\n"
            "  let them share: --runs-per-gpu 2\n"
            "  or, if they use no GPU: --runs-per-gpu 0\n"
        )

    def test_only_the_best_keep_their_checkpoints(self, search, command, project, write):
        write(
            "weights.py",
            "def train(config, run):\n    for name in ('checkpoint.pt', 'plot'):\n        (run.dir / name).touch()\n"
            "    if config['lr'] == 3: 1 / 0\n    return config['lr']\n",
        )
        search("lr: [1, 4, 2, 5, 3]\n", "--trainer", "weights:train", "--keep-checkpoints", "best:2")
        assert sorted(path.parent.name[-4:] for path in project.glob("runs/*/checkpoint.pt")) == [
            "lr_3",
            "lr_4",
            "lr_5",
        ]
        assert len(list(project.glob("runs/*/plot"))) == 5
        search("lr: [1, 2]\n", "--trainer", "weights:train", "--keep-checkpoints", "none", "--run-prefix", "none")
        assert not list(project.glob("runs/none*/checkpoint.pt"))

    def test_everything_goes_by_the_best_epoch(self, search, gridfold, project, write):
        """Run 0 is the best in its first epoch and the worst in the end; a confirming run counts nowhere."""
        write(
            "curves.py",
            "def train(config, run):\n    (run.dir / 'checkpoint.pt').touch()\n"
            "    for f1 in [[0.9, 0.5], [0.6, 0.6], [0.7, 0.5]][config['lr']]:\n        run.report(f1=f1 + run.seed)\n",
        )
        arguments = ("--trainer", "curves:train", "--keep-checkpoints", "best:1", "--parallel", "1")
        result = search("lr: [0, 1, 2]\n", *arguments)
        (best,) = re.findall("^Best run: (.*)$", result.stdout, re.MULTILINE)
        assert best.endswith("_lr_0")
        assert "_lr_0: completed, f1 0.9000," in result.stdout
        assert "best run: f1 0.9000: " + best.removeprefix("runs/") in gridfold("status").stdout
        assert f"{best}\n" in gridfold("best").stdout
        assert re.search(r"f1 +│ 0\.900000 │ 0\.600000", gridfold("diff", "0", "1").stdout)
        rows = next(project.glob("runs/*/results.csv")).read_text().splitlines()
        assert [row.split(",")[4] for row in rows] == ["f1", "0.9", "0.6", "0.7"]
        assert [str(path.parent.relative_to(project)) for path in project.glob("runs/*/checkpoint.pt")] == [best]
        assert gridfold("confirm", "last").returncode == 0
        assert [str(path.parent.relative_to(project)) for path in project.glob("runs/*/checkpoint.pt")] == [best]
        assert re.search(r"f1 +│ 0\.900000 │ 0\.900000 │ none", gridfold("reproduce", "0").stdout)
        assert re.search(r"f1 +│ 0\.9000", gridfold("train", "--config", f"{best}/config.yaml").stdout)

    @pytest.mark.parametrize("name", BAD_OPTIONS)
    def test_bad_options(self, search, project, write, name, snapshot):
        write("wrong.py", "x = 1\ndef train(config) return 1\n")
        write("exits.py", "import sys\nsys.exit('no GPU')\n")
        write("kills.py", "import os\nos.abort()\n")
        result = search("lr: [1, 2]\n", *BAD_OPTIONS[name])
        assert result.returncode == 2
        assert result.stderr.replace(str(project), "PROJECT") == snapshot
        assert not (project / "runs").exists()
