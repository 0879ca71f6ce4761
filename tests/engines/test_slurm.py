"""The engine Slurm, on a real one of three nodes."""

import subprocess
from contextlib import contextmanager

import pytest

from gridfold.core.errors import ConfigError
from gridfold.engines import slurm_jobs
from gridfold.engines.slurm import Slurm
from gridfold.engines.slurm_jobs import SlurmLiveness
from tests.engines.contract import EngineContract, phases, until
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
        [{"partition": "mian"}, {"tiem": "5"}, {"time": "soon"}, {"cpus-per-task": "9"}, {"exclusive": "not"}],
        ids=lambda options: next(iter(options)),
    )
    def test_what_slurm_refuses_is_bad_input(self, slurm, order, snapshot, options):  # noqa: F811
        with pytest.raises(ConfigError) as error:
            Slurm(options).check(order())
        assert str(error.value) == snapshot

    def test_a_busy_cluster_is_no_reason_to_wait_long(self, slurm, order, project):  # noqa: F811
        from dataclasses import replace

        late = Slurm({"begin": "now+1hour"})
        assert late.check(replace(order(), patience=0.1)) == (
            f"no job began within 0 s (BeginTime), so whether the nodes see {project} is not known yet"
        )
        assert not [seen for seen in slurm_jobs.mine().values() if seen.job.phase == "waiting"]

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
        liveness = SlurmLiveness(clock=iter(range(0, 1000, 10)).__next__)  # each answer is an old one
        until(lambda: phases(engine, [job]) == {"running"})
        assert liveness.life(f"{job}.0@mini") == "alive"
        slurm_jobs.answer("scontrol", "requeue", job)
        until(lambda: liveness.life(f"{job}.0@mini") == "dead")
        assert liveness.life(f"{job}.1@mini") == "alive"
        assert phases(engine, [job]) == {"waiting"}
        with pytest.raises(slurm_jobs.EngineError, match="cluster other"):
            liveness.life(f"{job}.0@other")


def engine_host(error):
    return str(error.value).split(": ")[1].split(" does")[0]
