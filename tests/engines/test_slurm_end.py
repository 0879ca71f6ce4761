"""The end of a Slurm job, seen from within, on a real Slurm of three nodes."""

import subprocess
import sys

import pytest

from gridfold.engines.slurm_end import seconds_of
from tests.conftest import ROOT
from tests.engines.contract import until
from tests.engines.slurm_cluster import cluster, slurm  # noqa: F401 - fixtures

JOB = """
import signal, sys, time
from pathlib import Path
from gridfold.engines.slurm_end import SlurmJob

name, job = sys.argv[1], SlurmJob()
signal.signal(signal.SIGTERM, lambda *_: (Path(name + ".cause").write_text(job.cause()), sys.exit()))
if name == "follows":
    Path("following").write_text(job.follow(Path.cwd()))
limit = job.limit()
Path(name + ".limit").write_text(repr(limit and (limit.seconds, limit.seconds - limit.left < 60, job.id)))
while True:
    time.sleep(0.1)
"""


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("01:00", 60), ("1-02:30:00", 95400), ("10:00:00", 36000), ("UNLIMITED", None), ("Partition_Limit", None)],
)
def test_times_are_read(said, seconds):
    assert seconds_of(said) == seconds


def call(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def job(slurm, project, write, monkeypatch):  # noqa: F811
    """Starts a job that says how long it may take and, when it is ended, why; gives its name."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    write("job.py", JOB)

    ids = []

    def submit(name, *options):
        write(f"{name}.sh", f"#!/bin/bash\nexec {sys.executable} job.py {name}\n")
        said = call("sbatch", "--parsable", "--output=job.out", *options, f"{name}.sh")
        ids.append(said)
        until((project / f"{name}.limit").exists)
        return said

    yield submit
    call("scancel", *ids)


def test_a_job_knows_its_limit_and_why_it_ends(job, project):
    """All at once, as each takes Slurm some seconds. The number of an array's last task is that of the array."""
    array = job("again", "--array=3-3", "--time=2")
    job("cancelled", "--array=0-0")
    job("preempted", "--no-requeue", "--cpus-per-task=2", "--nodelist=n3", "--time=1-00")
    assert (project / "again.limit").read_text() == repr((120.0, True, f"{array}_3"))
    assert (project / "cancelled.limit").read_text() == "None"
    assert (project / "preempted.limit").read_text().startswith("(86400.0, True,")
    call("scontrol", "requeue", f"{array}_3")
    call("scancel", "--name=cancelled.sh")
    call("sbatch", "--partition=high", "--cpus-per-task=2", "--nodelist=n3", "--output=/dev/null", "--wrap=true")
    for cause in ("again", "cancelled", "preempted"):
        until(lambda cause=cause: (project / f"{cause}.cause").exists())
        assert (project / f"{cause}.cause").read_text() == cause


def test_another_job_goes_on_when_this_one_is_over(job, project, write):
    write("slurm.sh", '#!/bin/bash\necho "$SLURM_JOB_ID $SLURM_RESTART_COUNT" > followed\n')
    first = job("follows")
    following = (project / "following").read_text()
    assert call("squeue", "--noheader", "--format=%E", f"--jobs={following}").startswith(f"afterany:{first}")
    call("scancel", first)
    until(lambda: (project / "followed").exists() and (project / "followed").read_text())
    assert (project / "followed").read_text() == f"{following} \n"
    assert (project / f"slurm-{following}.out").read_text() == ""
