"""Workers in a real Ray cluster: two nodes in a network namespace of its own (see `ray.sh`)."""

import ctypes
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from gridfold.core.errors import ConfigError
from gridfold.engines.protocol import Order
from gridfold.engines.ray import Ray
from gridfold.engines.ray_jobs import RayLiveness
from tests.conftest import ROOT
from tests.engines.contract import EngineContract, phases, until
from tests.engines.executor import WorkerContract

SCRIPT = ROOT / "tests/engines/ray.sh"
ADDRESS = "10.9.9.1:6390"
CAN = os.geteuid() == 0 and shutil.which("nsenter") and shutil.which("ip") and importlib.util.find_spec("ray")

# Says in which environment it is, and waits for a signal, and then for a second one.
TOLD = """
import json, os, pathlib, signal, time

job = os.environ["GRIDFOLD_JOB"].partition("@")[0]
signals = []
signal.signal(signal.SIGTERM, lambda *_: signals.append("SIGTERM"))
pathlib.Path("new").write_text(json.dumps(dict(os.environ)))
pathlib.Path("new").rename(f"{job}.json")
while not signals:
    time.sleep(0.02)
time.sleep(0.5)
pathlib.Path(f"{job}.signals").write_text(" ".join(signals))
"""


def ray_sh(*arguments):
    return subprocess.run([SCRIPT, *arguments], check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def cluster():
    if not CAN:
        pytest.skip("needs root, nsenter, ip, and the package ray")
    folder = tempfile.mkdtemp(prefix="ray")  # a short path, for sockets lie in it
    os.environ.update(RAY_PYTHON=sys.executable, RAY_AUTH_MODE="disabled")
    try:
        ray_sh("start", folder)
        yield folder
    finally:
        ray_sh("stop", folder)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def inside(cluster):
    """This process is in the network of the cluster, with all that it starts."""
    outer = Path(cluster, "all.pid").read_text().strip()
    first = Path(f"/proc/{outer}/task/{outer}/children").read_text().strip()
    own = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(f"/proc/{first}/ns/net", os.O_RDONLY)
    assert ctypes.CDLL(None).setns(there, 0) == 0
    yield cluster
    assert ctypes.CDLL(None).setns(own, 0) == 0
    os.close(own)
    os.close(there)


class TestWorker(WorkerContract):
    @pytest.fixture
    def engine(self, inside):
        return Ray({"address": ADDRESS})


class TestRay(EngineContract):
    name = "ray"

    @pytest.fixture
    def engine(self, inside):
        return Ray({"address": ADDRESS})

    @pytest.fixture
    def told(self, project, order):
        """An order of two workers that say in which environment they are."""
        (project / "worker.py").write_text(TOLD)
        return order(count=2)

    def test_a_worker_whose_actor_is_killed_ends_and_another_starts(self, inside, engine, told, monkeypatch):
        monkeypatch.setenv("OMP_NUM_THREADS", "7")  # Ray sets it, too
        (job,) = engine.submit(replace(told, count=1))
        until(lambda: starts(told, job))
        (actor,) = ray_sh("enter", inside, "pgrep", "--full", "^ray::WorkerActor").split()
        ray_sh("enter", inside, "kill", "-9", actor)
        first, second = until(lambda: len(starts(told, job)) == 2 and starts(told, job))
        assert until(lambda: [path.read_text() for path in told.folder.glob("*.signals")]) == ["SIGTERM"]
        liveness = RayLiveness()
        assert [liveness.life(each["GRIDFOLD_JOB"]) for each in (first, second)] == ["dead", "alive"]
        names = ("GRIDFOLD_ENGINE", "GRIDFOLD_CPUS", "GRIDFOLD_GPUS", "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS")
        assert [first[name] for name in names] == [second[name] for name in names] == ["ray", "1", "0", "", "7"]
        engine.cancel([job])

    def test_a_worker_whose_node_is_gone_starts_elsewhere(self, inside, told):
        engine = Ray({"address": ADDRESS, "cpus": "2"})
        jobs = engine.submit(told)
        until(lambda: all(starts(told, job) for job in jobs))
        hosts = {job.id: job.host for job in engine.jobs(jobs)}
        other, lost = sorted(jobs, key=lambda job: hosts[job])
        assert (hosts[other], hosts[lost]) == ("node1", "node2")
        ray_sh("kill-node", inside, "2")
        first = starts(told, lost)[0]["GRIDFOLD_JOB"]
        until(lambda: RayLiveness().life(first) == "dead")
        assert phases(engine, [lost]) == {"waiting"}  # the other one has all of the node that is left
        engine.cancel([other])
        until(lambda: len(starts(told, lost)) == 2)
        assert engine.jobs([lost])[0].host == "node1"
        ray_sh("node", inside, "2")
        (waits,) = Ray({"address": ADDRESS, "cpus": "3"}).submit(replace(told, count=1))
        engine.cancel([lost, waits])
        assert phases(engine, [lost, waits]) == {"over"}
        assert not starts(told, waits)

    def test_what_no_node_has_or_sees_is_bad_input(self, inside, engine, order):
        with pytest.raises(ConfigError) as refused:
            Ray({"address": ADDRESS, "cpus": "3"}).check(order())
        assert str(refused.value) == (
            "no node of the Ray cluster has 3 CPUs and 0 GPUs for a worker\n  CPUs and GPUs of the nodes: 2 and 0"
        )
        folder = Path(inside, "private")
        with pytest.raises(ConfigError) as refused:
            engine.check(replace(order(), folder=folder, logs=folder / "logs"))
        assert str(refused.value) == (
            f"{folder}: node1 does not see what is in this folder here\n"
            "  work in a folder that all nodes of the cluster share, at the same path"
        )

    def test_nobody_answers(self, inside, order, snapshot):
        with pytest.raises(ConfigError) as refused:
            Ray({"address": "10.9.9.1:6399"}).check(order())
        assert str(refused.value) == snapshot

    def test_a_search_gives_what_it_gives_here(self, inside, project, command):
        (project / "config.yaml").write_text("gridfold: {trainer: 'toy:train'}\nlr: [0.1, 0.2, 0.3, 0.4]\n")
        where = ["--on", "ray", "--address", ADDRESS, "--workers", "2", "--wait"]
        for prefix, more in (("here", []), ("there", where)):
            ended = command("hyper_main.py", "--config", "config.yaml", "--run-prefix", prefix, *more)
            assert ended.returncode == 0, ended.stdout + ended.stderr
        records = {prefix: records_of(project, prefix) for prefix in ("here", "there")}
        names = ("metrics", "state", "seed", "attempt")
        here, there = ([[each[name] for name in names] for each in found] for found in records.values())
        assert there == here
        assert {each["host"] for each in records["there"]} <= {"node1", "node2"}


def starts(order, job):
    """What the starts of a job say, the first one first."""
    files = sorted(order.folder.glob(f"{job}.*.json"), key=lambda path: path.stat().st_mtime_ns)
    return [json.loads(path.read_text()) for path in files]


def records_of(project, prefix):
    found = [json.loads(path.read_text()) for path in project.glob(f"runs/{prefix}_*_lr_*/run.json")]
    return sorted(found, key=lambda record: record["index"])


ORDER = Order(["python", "work"], Path("/"), "a search", Path("/logs"))


def test_where_ray_is_not_installed(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError) as refused:
        Ray({}).check(ORDER)
    assert str(refused.value) == "Ray is not installed here\n  pip install 'gridfold[ray]'"


@pytest.mark.parametrize(
    "options",
    [{"adress": ADDRESS}, {"address": "ray://10.9.9.1:10001"}, {"cpus": "many"}, {"gpus": "1.5"}],
    ids=lambda options: next(iter(options)),
)
def test_options_that_cannot_be(options, snapshot):
    with pytest.raises(ConfigError) as refused:
        Ray(options).script(ORDER)
    assert str(refused.value) == snapshot
