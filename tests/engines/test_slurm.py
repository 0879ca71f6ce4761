"""The engine Slurm, on a real one of three nodes."""

import subprocess
from contextlib import contextmanager
from dataclasses import replace
from itertools import count

import pytest

from gridfold.core.errors import ConfigError
from gridfold.engines import slurm_jobs
from gridfold.engines.slurm import Slurm
from gridfold.engines.slurm_jobs import SlurmLiveness
from gridfold.runs.store import Store
from tests.engines.contract import EngineContract, phases, until
from tests.engines.executor import WorkerContract
from tests.engines.slurm_cluster import cluster, slurm  # noqa: F401 - fixtures


@contextmanager
def unseen_by_nodes(folder):
    """What is in a folder here only: the nodes have their own mounts."""
    subprocess.run(["mount", "-t", "tmpfs", "none", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


class TestSlurm(EngineContract):
    name = "slurm"

    @pytest.fixture
    def engine(self, slurm):  # noqa: F811
        return Slurm({"time": "5"})

    def test_a_folder_that_the_nodes_do_not_see_is_bad_input(self, engine, order, project, snapshot):
        (project / "runs").mkdir()
        with unseen_by_nodes(project / "runs"), pytest.raises(ConfigError) as error:
            engine.check(order())
        assert str(error.value).replace(str(project), "PROJECT").replace(engine_host(error), "NODE") == snapshot

    @pytest.mark.parametrize(
        "options",
        [
            {"partition": "mian"},
            {"tiem": "5"},
            {"time": "soon"},
            {"cpus-per-task": "9"},
            {"exclusive": "not"},
            {"array": "1-4"},
        ],
        ids=lambda options: next(iter(options)),
    )
    def test_what_slurm_refuses_is_bad_input(self, slurm, order, snapshot, options):  # noqa: F811
        with pytest.raises(ConfigError) as error:
            Slurm(options).check(order())
        assert str(error.value) == snapshot

    def test_what_gridfold_asks_for_by_itself_is_named_when_it_is_refused(self, slurm, order):  # noqa: F811
        with pytest.raises(ConfigError) as error:
            Slurm().check(replace(order(), gpus=1.0))
        assert error.value.hint == "asked for: --cpus-per-task=1 --gres=gpu:1"

    @pytest.mark.parametrize("line", ["--wait", "-W", "--array=0-5", "--test-only"])
    def test_what_would_change_how_jobs_are_started_is_bad_input(self, order, project, write, line):
        write("site.sh", f"#!/bin/bash\n#SBATCH {line}\n")
        name, _, value = line.lstrip("-").partition("=")
        for options in ({"sbatch-file": str(project / "site.sh")}, {name: value}):
            with pytest.raises(ConfigError) as error:
                Slurm(options).check(order())
            said = f"slurm.{name}: gridfold starts the jobs, so this option cannot be given"
            assert str(error.value).startswith(said)

    def test_a_job_that_makes_no_sense_hides_no_other(self, engine, submit, project):
        (job,) = submit()
        for garbage in ("foo", "None", "{}", "99999999999999999999", "1_x", "4294967294"):
            found = engine.jobs([garbage, job])
            assert [each.phase == "over" for each in found] == [True, False]

    def test_a_job_that_slurm_did_not_look_at_yet_waits_for_no_reason(self):
        said = slurm_jobs._read("5_0|PENDING|0|0||None|\n5_1|PENDING|0|0||Priority|")
        assert [seen.job.reason for seen in said.values()] == ["", "Priority"]

    def test_a_busy_cluster_is_no_reason_to_wait_long(self, slurm, order, project):  # noqa: F811
        late = Slurm({"begin": "now+1hour"})
        assert late.check(replace(order(), patience=0.1)) == (
            f"no job began within 0 s (BeginTime), so whether the nodes see {project} is not known yet"
        )
        until(lambda: not slurm_jobs.answer("squeue", "--noheader", "--name=gridfold-check"))

    def test_a_site_s_own_header_comes_first(self, slurm, submit, order, project, write):  # noqa: F811
        write("site.sh", "#!/bin/bash -l\n#SBATCH --comment='of the site' -n 1\n\nexport SAID_BEFORE=site\n")
        engine = Slurm({"sbatch-file": str(project / "site.sh"), "time": "5"})
        assert engine.check(order()) == ""
        assert engine.script(order()).startswith('#!/bin/bash -l\n#SBATCH --job-name="a search"\n')
        ids = engine.submit(order())
        (project / "end").touch()
        until(lambda: phases(engine, ids) == {"over"})
        (log,) = order().logs.glob("*.out")
        assert log.read_text() == f"{project} slurm site\n"

    def test_an_incarnation_of_a_job_lives_until_slurm_starts_it_again(self, engine, submit, project):
        (job,) = submit()
        liveness = SlurmLiveness(clock=count(0, 10).__next__)  # each answer is an old one
        until(lambda: phases(engine, [job]) == {"running"})
        assert liveness.life(f"{job}.0@mini") == "alive"
        slurm_jobs.answer("scontrol", "requeue", job)
        until(lambda: liveness.life(f"{job}.0@mini") == "dead")
        assert liveness.life(f"{job}.1@mini") == "alive"
        until(lambda: phases(engine, [job]) == {"waiting"})  # after a moment in which the old one ends
        with pytest.raises(slurm_jobs.EngineError, match="cluster other"):
            liveness.life(f"{job}.0@other")


class TestWorker(WorkerContract):
    @pytest.fixture
    def engine(self, slurm):  # noqa: F811
        return Slurm({"time": "5"})


SCRIPT = """
import argparse, pathlib, time
parser = argparse.ArgumentParser()
for option in ("--lr", "--depth", "--seed"):
    parser.add_argument(option, type=float)
parser.add_argument("--out", type=pathlib.Path)
args = parser.parse_args()
time.sleep(1)
(args.out / "weights").write_bytes(repr(args.lr / 3 + args.depth).encode())
print("val_loss:", args.lr / 3 + args.depth)
"""
SWEEP = ["--", "python", "train.py", "--lr", "{lr=0.1,0.2,0.3}", "--depth", "{depth=1,2}", "--seed", "{seed}"]
SWEEP += ["--out", "{run_dir}"]


def results():
    """Of the last search: metrics and files of each run, and the machines."""
    search = Store().find("last")
    found = [(search.run(entry), record) for entry, record in search.records()]
    same = [
        (record.state, repr(record.metrics), {name: (run.dir / name).read_bytes() for name in run.results()})
        for run, record in found
    ]
    return same, {record.host for _, record in found}


def test_a_script_gives_the_same_on_three_nodes(slurm, command, write):  # noqa: F811
    write("train.py", SCRIPT)
    assert command("gridfold/__main__.py", "search", "--run-prefix", "here", *SWEEP).returncode == 0
    here = results()[0]
    on = ["--on", "slurm", "--workers", "3", "--slurm", "time=5,ntasks-per-node=1,exclusive", "--wait"]
    ended = command("gridfold/__main__.py", "search", "--run-prefix", "there", *on, *SWEEP)
    assert ended.returncode == 0, ended.stderr
    there, hosts = results()
    assert there == here
    assert hosts <= {"node1", "node2", "node3"}
    assert len(hosts) > 1
    assert all(len(files) == 1 for _, _, files in there)


def test_runs_of_a_job_that_slurm_ended_are_taken_by_other_jobs(slurm, command, write):  # noqa: F811
    ends = "import os, subprocess\n\ndef ends_first():\n    if args.lr == 0.2 and not os.path.exists('seen'):\n"
    ends += "        open('seen', 'w').close()\n"
    ends += "        subprocess.run(['scancel', os.environ['SLURM_JOB_ID']], check=True)\n        time.sleep(60)\n"
    write("train.py", ends + SCRIPT.replace("time.sleep(1)", "ends_first()"))
    on = ["--on", "slurm", "--slurm", "time=5", "--wait", "--no-check"]
    ended = command("gridfold/__main__.py", "search", *on, *SWEEP)
    assert ended.returncode == 0, ended.stderr
    assert "all workers are over, and" in ended.stdout
    assert {state for state, _, _ in results()[0]} == {"completed"}


def engine_host(error):
    return str(error.value).split(": ")[1].split(" does")[0]
