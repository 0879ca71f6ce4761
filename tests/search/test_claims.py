"""Who has a run, who may record its end, and what is left of a search: judged from outside, by real processes.

``python -m tests.search.test_claims --runs 200 --seed N`` is the long form of the test of searchers in containers.
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter

import pytest

from tests.test_survival import Project, finish, in_a_container, kill_one_after_another, place, wait_for  # noqa: F401

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")

TRAINERS = '''
import os, subprocess, time
from pathlib import Path

from ledgers import note


def leaves(config, run):
    """Leaves a child in a session of its own, a daemon, and a child in a group of its own."""
    subprocess.Popen(["sleep", "300"], start_new_session=True)
    subprocess.Popen(["sleep", "300"], process_group=0)
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(300)
        os._exit(0)
    note("start", run)
    return float(config["x"])


def leaves_and_waits(config, run):
    value = leaves(config, run)
    time.sleep(300)
    return value


def removes(config, run):
    if config["x"] == 1:
        for name in os.environ["REMOVED"].split():
            for path in Path("runs").glob(f"s_*/{name}"):
                path.unlink()
    return float(config["x"])


def fails_late(config, run):
    note("start", run)
    if config["x"] > 3:
        raise ValueError("too large")
    return 1.0


def waits_once(config, run):
    note("start", run)
    time.sleep(300 if config["x"] == 1 and len(open(os.environ["LEDGER"]).readlines()) == 1 else 0)
    return float(config["x"])


def naps(config, run):
    note("start", run)
    time.sleep(0.05)
    note("end", run)
    return float(config["x"])
'''


@pytest.fixture
def project(place):  # noqa: F811
    """Makes a project with these trainers, in a module ``claims``."""

    return lambda runs: with_trainers(place(runs))


def with_trainers(made):
    (made.folder / "claims.py").write_text(TRAINERS)
    return made


def search(project, trainer, *options, before=(), prefix="s"):
    said = ("--config", "c.yaml", "--run-prefix", prefix, "--trainer", f"claims:{trainer}", *options)
    return project.start(*said, before=before)


def needs_containers():
    if subprocess.run(["unshare", "-fp", "--mount-proc", "true"], check=False, capture_output=True).returncode:
        pytest.skip("unshare is not allowed")


# What runs leave behind


@pytest.mark.parametrize("options", [(), ("--no-share", "--parallel", "2")])
def test_nothing_that_a_run_has_started_outlives_the_search(project, options):
    made = project(3)
    assert finish(search(made, "leaves", *options)).returncode == 0
    made.wait_until_gone()


def test_what_a_run_has_left_ends_with_it_and_not_with_the_search(project):
    """The second run begins when nothing of the first is left, and its own children live."""
    made = project(2)
    running = search(made, "leaves_and_waits", "--parallel", "1", "--no-share", "--timeout", "2")
    made.wait_for_notes(1)
    first = set(made.processes())
    made.wait_for_notes(2)
    kept = first & set(made.processes())
    assert len(kept) == 2, "the search and the process that imports"
    running.kill()
    running.wait()
    made.wait_until_gone()


@pytest.mark.parametrize("victim", ["search", "template", "both"])
def test_nothing_is_left_whoever_is_killed(project, victim):
    made = project(2)
    running = search(made, "leaves_and_waits", "--parallel", "2", "--no-share")
    made.wait_for_notes(2)
    if victim == "search":
        running.kill()
        running.wait()
    elif victim == "template":
        (template,) = [pid for pid, parent in made.processes().items() if parent == running.pid]
        os.kill(template, signal.SIGKILL)
        finish(running)
    else:
        kill_one_after_another(made, running)
        (made.folder / "claims.py").write_text(TRAINERS.replace("time.sleep(300)", "pass"))
        assert finish(made.start("--resume", "last")).returncode == 0
    made.wait_until_gone()


def test_a_process_is_tied_to_its_search_before_python_has_begun(project):
    made = project(2)
    (made.folder / "sitecustomize.py").write_text(
        "import os, sys, time\nif sys.argv[0] == '-c':\n    open('begun', 'w').close()\n    time.sleep(300)\n"
    )
    made.variables["PYTHONPATH"] = f"{made.folder}:{made.variables['PYTHONPATH']}"
    running = search(made, "naps")
    wait_for((made.folder / "begun").exists)
    running.kill()
    running.wait()
    made.wait_until_gone()


# What a user removes


def test_a_run_directory_that_was_removed_is_made_again(project):
    made = project(3)
    assert finish(search(made, "naps", "--repeats", "2")).returncode == 0
    gone = sorted(made.folder.glob("runs/s_*_x_*"))[1:4]
    configs = [(run / "config.yaml").read_bytes() for run in gone]
    for run in gone:
        shutil.rmtree(run)
    assert finish(made.start("--resume", "last")).returncode == 0
    assert [(run / "config.yaml").read_bytes() for run in gone] == configs
    assert made.states() == {"completed": 6}


@pytest.mark.parametrize(
    "names", ["search.json", "runs.jsonl", "base.yaml", "results.csv search.log", "search.json base.yaml runs.jsonl"]
)
def test_what_is_removed_while_a_search_runs_does_not_hide_its_end(project, names):
    made = project(3)
    made.variables["REMOVED"] = names
    said = finish(search(made, "removes", "--no-share"))
    assert made.states() == {"completed": 3}
    assert "Traceback" not in said.stderr
    assert said.returncode == 0
    assert ("Results" in said.stdout) == ("base.yaml runs.jsonl" not in names), said.stdout + said.stderr
    for command in ("status", "results", "resume"):
        later = made.gridfold(command, "last")
        assert "Traceback" not in later.stderr
        assert later.returncode == 0 or later.stderr.count("error: ") == 1


# What a search says of itself


def test_failures_alike_are_not_the_first_where_a_run_is_completed(project):
    made = project(7)
    assert finish(search(made, "fails_late", "--parallel", "1")).returncode == 1
    said = finish(made.start("--resume", "last", "--failed", "--parallel", "1"))
    assert "failed alike" not in said.stderr
    assert Counter(record["attempt"] for record in made.records().values()) == {1: 3, 2: 4}


def test_runs_that_are_left_to_others_have_an_exit_code_and_a_name_to_give_them_up_by(project):
    needs_containers()
    made = project(2)
    inside = ["unshare", "-fp", "--mount-proc", "--kill-child"]
    elsewhere = search(made, "waits_once", "--parallel", "1", "--no-share", before=inside)
    made.wait_for_notes(1)
    for pid in made.processes():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    finish(elsewhere)
    said = finish(made.start("--resume", "last"))
    assert said.returncode == 3
    assert made.states() == {"running": 1, "completed": 1}
    (option,) = {line.partition("--gone ")[2] for line in said.stdout.splitlines() if "--gone" in line}
    assert ":" in option, "it is told from this machine, which has the same name"
    assert made.gridfold("resume", "last", "--gone", option).returncode == 0
    assert made.states() == {"completed": 2}


def test_a_living_run_of_this_machine_is_not_given_up_with_its_name(project):
    made = project(2)
    running = search(made, "waits_once", "--parallel", "1", "--no-share")
    made.wait_for_notes(1)
    (record,) = made.records().values()
    assert made.gridfold("resume", "last", "--gone", record["host"]).returncode == 3
    running.kill()
    assert Counter(attempt for _, attempt in made.notes()) == {"1": 2}


def test_searchers_with_equal_process_numbers_share_a_search(project):
    """Each in a container, with the name of the host; runs and import processes are killed all the time."""
    needs_containers()
    share_between_containers(project(24), random.Random(1), kills=6)


def test_an_import_process_that_is_killed_before_the_first_run_is_replaced(project):
    made = project(2)
    waits = "\nif not os.path.exists('begun'):\n    open('begun', 'w').close()\n    time.sleep(300)\n"
    (made.folder / "claims.py").write_text(TRAINERS + waits)
    running = search(made, "naps")
    wait_for((made.folder / "begun").exists)
    (template,) = [pid for pid, parent in made.processes().items() if parent == running.pid]
    os.kill(template, signal.SIGKILL)
    assert finish(running).returncode == 0
    made.check_ledger(2)


def share_between_containers(made, draw, kills):
    """Three searchers on one search, and so many kills of what is below them."""
    finish(search(made, "naps", "--no-execute"))
    runs = len(list(made.folder.glob("runs/*_x_*")))
    resume = ("--resume", "last", "--parallel", "2", "--retries", "9", "--quiet")
    together = [in_a_container(made, *resume) for _ in range(3)]
    failed = set()
    for strike in range(kills):
        aim = (strike + 1) * runs // (kills + 1)
        wait_for(lambda aim=aim: len(made.notes("end")) >= aim)
        kill_below(made, together[strike % len(together)].pid, draw)
        failed |= {name for name, record in made.records().items() if _is_false(record)}
    ends = [finish(process, 300) for process in together]
    made.check_ledger(runs)
    assert ([end.returncode for end in ends], failed) == ([0, 0, 0], set()), ends
    made.wait_until_gone()


def kill_below(made, container, draw):
    """Kill an import process or a run: something whose parent has a parent here, in a container, if there is one."""
    parents = made.processes()
    victims = [pid for pid, parent in parents.items() if parents.get(parent) in parents]
    inside = [pid for pid in victims if container in ancestors(pid, parents)]
    if victims:
        with contextlib.suppress(ProcessLookupError):
            os.kill(draw.choice(inside or victims), signal.SIGKILL)


def ancestors(pid, parents):
    while pid := parents.get(pid):
        yield pid


def _is_false(record):
    return record["state"] == "failed" and "signal" not in (record["error"] or {}) and record["error"]["type"] != "Lost"


def test_a_record_names_who_had_it(project):
    made = project(2)
    assert finish(search(made, "naps")).returncode == 0
    claims = [json.loads(path.read_text()) for path in made.folder.glob("runs/*/.claim-1")]
    sessions = {record["session"] for record in (*made.records().values(), *claims)}
    assert len(sessions) == 1
    assert None not in sessions


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--kills", type=int, default=30)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="claims-") as folder:
        made, start = with_trainers(Project(folder, options.runs)), time.monotonic()
        try:
            share_between_containers(made, random.Random(options.seed), options.kills)
        except AssertionError:
            shutil.copytree(folder, f"/tmp/claims-failed-{options.seed}", dirs_exist_ok=True)
            raise
        finally:
            made.end()
        attempts, seconds = len(made.notes()), time.monotonic() - start
        print(f"seed {options.seed}: {options.runs} runs, {options.kills} kills, {attempts} attempts, {seconds:.0f} s")  # noqa: T201


if __name__ == "__main__":
    main()
