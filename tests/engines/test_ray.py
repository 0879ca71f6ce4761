"""Workers in a real Ray cluster: two nodes in a network namespace of its own (see `ray.sh`)."""

import ctypes
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from gridfold.core.errors import ConfigError
from gridfold.engines import ray_jobs
from gridfold.engines.protocol import Order
from gridfold.engines.ray import Ray
from gridfold.engines.ray_jobs import RayLiveness
from tests.conftest import ROOT

SCRIPT = ROOT / "tests/engines/ray.sh"
ADDRESS = "10.9.9.1:6390"
CAN = os.geteuid() == 0 and shutil.which("nsenter") and shutil.which("ip") and importlib.util.find_spec("ray")

WORKER = """
import json, os, signal, sys, time
from pathlib import Path

me = f"{os.environ['GRIDFOLD_JOB'].rpartition('@')[0]}"
signals = []
signal.signal(signal.SIGTERM, lambda *_: signals.append("SIGTERM"))
said = dict(os.environ) | {"cwd": os.getcwd(), "host": os.uname().nodename}
Path(f"{me}.new").write_text(json.dumps(said))
Path(f"{me}.new").rename(f"{me}.json")
print("prints", flush=True)
while not signals and not Path("end").exists():
    time.sleep(0.02)
if signals:
    time.sleep(0.5)  # for a second one
    Path(f"{me}.signals").write_text(" ".join(signals))
"""


def ray_sh(*arguments):
    return subprocess.run([SCRIPT, *arguments], check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def cluster():
    if not CAN:
        pytest.skip("needs root, nsenter, ip, and the package ray")
    folder = tempfile.mkdtemp(prefix="ray")  # a short path, for sockets lie in it
    os.environ["RAY_PYTHON"] = sys.executable
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


@pytest.fixture
def order(tmp_path, monkeypatch):
    (tmp_path / "worker.py").write_text(WORKER)
    monkeypatch.setenv("OF_TEST", "here")
    return Order([sys.executable, "worker.py"], tmp_path, "toy", tmp_path / "logs")


def wait_for(look, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "it does not come"
        time.sleep(0.05)
    return found


def said_by(order, job):
    """What the starts of a job say, the first one first."""
    files = sorted(order.folder.glob(f"{job}.*.json"), key=lambda path: path.stat().st_mtime_ns)
    return [json.loads(path.read_text()) for path in files]


def test_workers_run_where_ray_has_room_until_they_are_done(inside, order):
    engine = Ray({"address": ADDRESS, "cpus": "2"})
    assert engine.check(order) == ""
    jobs = engine.submit(Order(order.command, order.folder, order.name, order.logs, count=2))
    said = [wait_for(lambda job=job: said_by(order, job))[0] for job in jobs]
    assert {each["host"] for each in said} == {"node1", "node2"}
    for each in said:
        told = [each[name] for name in ("GRIDFOLD_ENGINE", "GRIDFOLD_CPUS", "GRIDFOLD_GPUS", "CUDA_VISIBLE_DEVICES")]
        assert told == ["ray", "2.0", "0.0", ""]
        assert (each["cwd"], each["OF_TEST"]) == (str(order.folder), "here")
        assert each.get("OMP_NUM_THREADS") == os.environ.get("OMP_NUM_THREADS")  # Ray sets it for what it starts
    assert [job.phase for job in engine.jobs(jobs)] == ["running", "running"]
    assert [job.host for job in engine.jobs(jobs)] == [each["host"] for each in said]
    assert {RayLiveness().life(each["GRIDFOLD_JOB"]) for each in said} == {"alive"}
    (order.folder / "end").touch()
    wait_for(lambda: {(job.phase, job.reason) for job in engine.jobs(jobs)} == {("over", "ended")})
    assert {RayLiveness().life(each["GRIDFOLD_JOB"]) for each in said} == {"dead"}
    assert {path.read_text() for path in order.logs.glob("ray-*.out")} == {"prints\n"}


def test_cancel_lets_workers_end(inside, order):
    engine = Ray({"address": ADDRESS, "cpus": "3", "gpus": "0"})
    with pytest.raises(ConfigError) as refused:
        engine.check(order)
    assert str(refused.value) == (
        "no node of the Ray cluster has 3 CPUs and 0 GPUs for a worker\n  CPUs and GPUs of the nodes: 2 and 0"
    )
    engine = Ray({"address": ADDRESS})
    runs = engine.submit(order)[0]
    waits = Ray({"address": ADDRESS, "cpus": "3"}).submit(order)[0]
    wait_for(lambda: said_by(order, runs))
    assert [job.phase for job in engine.jobs([waits, "unknown"])] == ["waiting", "over"]
    engine.cancel([runs, waits, "unknown"])
    assert [path.read_text() for path in order.folder.glob("*.signals")] == ["SIGTERM"]
    wait_for(lambda: {job.phase for job in engine.jobs([runs, waits])} == {"over"})
    assert len(said_by(order, runs)) == 1


def test_a_worker_whose_actor_is_killed_ends_and_another_starts(inside, order):
    engine = Ray({"address": ADDRESS})
    job = engine.submit(order)[0]
    first = wait_for(lambda: said_by(order, job))[0]
    actors = ray_sh("enter", inside, "pgrep", "--full", "^ray::WorkerActor").split()
    ray_sh("enter", inside, "kill", "-9", *actors)
    wait_for(lambda: len(said_by(order, job)) == 2)
    assert wait_for(lambda: [path.read_text() for path in order.folder.glob("*.signals")]) == ["SIGTERM"]
    liveness = RayLiveness()
    lives = [liveness.life(each["GRIDFOLD_JOB"]) for each in said_by(order, job)]
    assert (lives, first["GRIDFOLD_JOB"]) == (["dead", "alive"], said_by(order, job)[0]["GRIDFOLD_JOB"])
    engine.cancel([job])


def test_a_worker_whose_node_is_gone_starts_elsewhere(inside, order):
    engine = Ray({"address": ADDRESS, "cpus": "2"})
    jobs = engine.submit(Order(order.command, order.folder, order.name, order.logs, count=2))
    wait_for(lambda: all(said_by(order, job) for job in jobs))
    lost, other = sorted(jobs, key=lambda job: said_by(order, job)[0]["host"], reverse=True)
    ray_sh("kill-node", inside, "2")
    was = said_by(order, lost)[0]["GRIDFOLD_JOB"]
    assert wait_for(lambda: RayLiveness().life(was) == "dead")
    assert engine.jobs([lost])[0].phase == "waiting"  # the other one has all of the node that is left
    engine.cancel([other])
    assert wait_for(lambda: said_by(order, lost)[1:])[0]["host"] == "node1"
    engine.cancel([lost])
    ray_sh("node", inside, "2")


def test_a_folder_that_a_node_does_not_see(inside, order):
    folder = Path(inside, "private")
    with pytest.raises(ConfigError) as refused:
        Ray({"address": ADDRESS}).check(Order(order.command, folder, "toy", folder / "logs"))
    assert str(refused.value) == (
        f"{folder}: node1 does not see what is in this folder here\n"
        "  work in a folder that all nodes of the cluster share, at the same path"
    )


def test_search_gives_what_it_gives_here(inside, project, command):
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


def records_of(project, prefix):
    found = [json.loads(path.read_text()) for path in project.glob(f"runs/{prefix}_*_lr_*/run.json")]
    return sorted(found, key=lambda record: record["index"])


def test_where_ray_is_not_installed(order, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError) as refused:
        Ray({}).check(order)
    assert str(refused.value) == "Ray is not installed here\n  pip install 'gridfold[ray]'"


@pytest.mark.parametrize(
    "options",
    [{"adress": ADDRESS}, {"address": "ray://10.9.9.1:10001"}, {"cpus": "many"}, {"gpus": "1.5"}],
    ids=lambda options: next(iter(options)),
)
def test_options_that_cannot_be(order, options, snapshot):
    with pytest.raises(ConfigError) as refused:
        Ray(options).script(order)
    assert str(refused.value) == snapshot


def test_an_address_where_nobody_answers(inside, order, snapshot):
    with pytest.raises(ConfigError) as refused:
        Ray({"address": "10.9.9.1:6399"}).check(order)
    assert str(refused.value) == snapshot
    assert ray_jobs.job_of("a", None).phase == "over"
