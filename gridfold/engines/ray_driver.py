"""What talks to Ray: a short process of its own, told what to do by JSON over standard input, which prints JSON.

Ray brings 20 threads and a second of imports, of which processes that fork runs want none. This is started by its path,
and imports nothing but Ray and the standard library. So does the actor, whose class is sent to Ray's nodes.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ray
from ray._private.services import canonicalize_bootstrap_address
from ray._private.state import GlobalState
from ray._raylet import GcsClientOptions  # type: ignore[attr-defined,unused-ignore]
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

NAMESPACE = "gridfold"
_REACH_SECONDS = 5.0

# What becomes the worker, in a session of its own. It gets SIGTERM when the actor's end of a pipe is closed, however
# the actor ended. The kernel does that once; PR_SET_PDEATHSIG would signal once for each thread of the actor.
_TIED = """
import fcntl, os, select, signal, sys
end = int(sys.argv[1])
signal.pthread_sigmask(signal.SIG_SETMASK, [])
fcntl.fcntl(end, fcntl.F_SETOWN, os.getpid())
fcntl.fcntl(end, fcntl.F_SETSIG, signal.SIGTERM)
fcntl.fcntl(end, fcntl.F_SETFL, fcntl.fcntl(end, fcntl.F_GETFL) | os.O_ASYNC)
if select.select([end], [], [], 0)[0]:
    os._exit(128 + signal.SIGTERM)
os.execvp(sys.argv[2], sys.argv[2:])
"""
_REGISTERED = "DEPENDENCIES_UNREADY"  # what Ray calls an actor that it knows and has not begun to create
_OF_NODE = ("CUDA_VISIBLE_DEVICES", "HOSTNAME", "TMPDIR")  # variables that the machine sets, not the submitter


def state(asked: dict[str, Any]) -> dict[str, Any]:
    """How actors stand, by their names; asks the cluster's head alone, also from a machine that is no node."""
    address, names = _gcs_address(asked), set(asked["names"])
    seen = GlobalState()
    seen._initialize_global_state(GcsClientOptions.create(address, None, True, False))  # noqa: FBT003
    hosts = {node["NodeID"]: node["NodeManagerHostname"] for node in seen.node_table()}
    actors = [each for each in seen.actor_table(None, None, None).values() if each["Name"] in names]
    return {each["Name"]: _standing(each, hosts) for each in actors}


def _standing(actor: dict[str, Any], hosts: dict[str, str]) -> dict[str, Any]:
    alive = actor["State"] == "ALIVE"
    node = actor["Address"]["NodeID"] if alive else ""
    context = getattr(actor["DeathCause"], "actor_died_error_context", None)
    lines = [line.strip() for line in getattr(context, "error_message", "").splitlines() if line.strip()]
    return {
        "state": actor["State"],
        "host": hosts.get(node, ""),
        "incarnation": f"{node[:12]}-{actor['Pid']}" if alive else "",
        "reason": lines[-1] if lines else "",
    }


def check(asked: dict[str, Any]) -> dict[str, Any]:
    """What nodes there are, and what a tiny task on each of them sees of a file."""
    _connect(asked)
    nodes = sorted((node for node in ray.nodes() if node["Alive"]), key=lambda node: str(node["NodeManagerHostname"]))
    found = {"nodes": [_resources(node) for node in nodes]}
    if not asked.get("seconds"):
        return {**found, "looks": []}
    look = ray.remote(num_cpus=0, max_retries=0)(_look())
    looks = [
        look.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)).remote(
            asked["file"], asked["folder"], asked["python"]
        )
        for node in nodes
    ]
    ready, _ = ray.wait(looks, num_returns=len(looks), timeout=asked["seconds"])
    return {**found, "looks": [ray.get(each) if each in ready else None for each in looks]}


def _resources(node: dict[str, Any]) -> dict[str, Any]:
    has = node["Resources"]
    return {"host": node["NodeManagerHostname"], "cpus": has.get("CPU", 0.0), "gpus": has.get("GPU", 0.0)}


def _look() -> Callable[[str, str, str], list[str]]:
    def look(file: str, folder: str, python: str) -> list[str]:
        """What a node sees of a file, whether the folder is there, and what importing gridfold says."""
        import subprocess

        seen = Path(file).read_text() if os.path.exists(file) else ""  # noqa: PTH110
        where = folder if os.path.isdir(folder) else ""  # noqa: PTH112
        try:
            command = [python, "-c", "import gridfold"]
            ended = subprocess.run(command, cwd=where or "/", capture_output=True, text=True, check=False)
        except OSError as error:
            return [seen, where, str(error)]
        said = ended.stderr.strip().splitlines()
        return [seen, where, (said or ["it fails"])[-1] if ended.returncode else ""]

    return look


def submit(asked: dict[str, Any]) -> dict[str, Any]:
    """Start the actors, each of which starts a worker; they go on when this process ends."""
    _connect(asked)
    actor = ray.remote(_actor())
    environment = {name: value for name, value in asked["environment"].items() if name not in _OF_NODE}
    for name in asked["names"]:
        actor.options(
            name=name,
            lifetime="detached",
            max_restarts=-1,  # on another node, if its own is gone
            max_concurrency=2,  # waits, and hears
            num_cpus=asked["cpus"],
            num_gpus=asked["gpus"],
            scheduling_strategy="SPREAD",
        ).remote(name, {**asked, "environment": environment}, _TIED, _OF_NODE)
    _wait_until_taken(asked)
    return {}


def _wait_until_taken(asked: dict[str, Any]) -> None:
    """Wait until Ray has begun to create the actors: those that it has only registered end with this process."""
    deadline = time.monotonic() + asked["limit"] / 2
    while not_taken := {*asked["names"]} - {
        name for name, each in state(asked).items() if each["state"] != _REGISTERED
    }:
        if time.monotonic() > deadline:
            raise TimeoutError(f"it has not taken {len(not_taken)} of {len(asked['names'])} workers")
        time.sleep(0.02)


def _actor() -> type:
    """The class of the actors. As one of a function it is sent as it is, so nodes need not have gridfold to load it."""

    class WorkerActor:
        """Starts a worker, waits for its end, and ends; if it is started again, starts it again."""

        def __init__(self, name: str, asked: dict[str, Any], tied: str, of_node: tuple[str, ...]) -> None:
            import subprocess

            context = ray.get_runtime_context()
            incarnation = f"{context.get_node_id()[:12]}-{os.getpid()}"
            environment = {
                **asked["environment"],
                **{name: os.environ[name] for name in of_node if name in os.environ},
                "GRIDFOLD_ENGINE": "ray",
                "GRIDFOLD_JOB": f"{name}.{incarnation}@{context.gcs_address}",
                "GRIDFOLD_CPUS": f"{asked['cpus']:g}",
                "GRIDFOLD_GPUS": f"{asked['gpus']:g}",
            }
            if not asked["gpus"]:
                environment["CUDA_VISIBLE_DEVICES"] = ""  # the machine's are for others
            end, self.held = os.pipe()
            with open(f"{asked['logs']}/ray-{name}.out", "ab") as log:  # noqa: PTH123
                self.process = subprocess.Popen(
                    [asked["command"][0], "-S", "-E", "-c", tied, str(end), *asked["command"]],
                    cwd=asked["folder"],
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=[end],
                    start_new_session=True,
                )
            os.close(end)
            context.current_actor.wait.remote()

        def wait(self) -> None:
            """Wait for the worker's end, and end for good."""
            self.process.wait()
            ray.actor.exit_actor()

        def stop(self) -> None:
            """Tell the worker to end, and wait for that."""
            self.process.terminate()
            self.process.wait()

    return WorkerActor


def cancel(asked: dict[str, Any]) -> dict[str, Any]:
    """End actors: those that run tell their workers to end, and what has not ended in time is killed."""
    standing = _not_dead(asked)
    if not standing:
        return {}
    _connect(asked)
    actors = {name: _find(name) for name in standing}
    running = [each for name, each in actors.items() if each and standing[name] == "ALIVE"]
    stops = [each.stop.remote() for each in running]
    if stops:
        ray.wait(stops, num_returns=len(stops), timeout=asked["grace"])
    deadline = time.monotonic() + (asked["limit"] - asked["grace"]) / 2
    while standing := _not_dead(asked):  # Ray sends a kill later, and this process ends at once
        for each in filter(None, map(_find, standing)):
            ray.kill(each)
        if time.monotonic() > deadline:
            raise TimeoutError(f"it has not ended {len(standing)} of {len(asked['names'])} workers")
        time.sleep(0.1)
    return {}


def _not_dead(asked: dict[str, Any]) -> dict[str, str]:
    return {name: each["state"] for name, each in state(asked).items() if each["state"] != "DEAD"}


def _find(name: str) -> Any:
    try:
        return ray.get_actor(name)
    except ValueError:  # it has ended
        return None


def _connect(asked: dict[str, Any]) -> None:
    ray.init(
        address=_gcs_address(asked),
        namespace=NAMESPACE,
        log_to_driver=False,
        logging_level="ERROR",
    )


def _gcs_address(asked: dict[str, Any]) -> str:
    address = canonicalize_bootstrap_address(asked.get("address") or "auto", None)
    if not address:
        raise ConnectionError("no address is given, and no cluster runs on this machine")
    host, _, port = str(address).rpartition(":")
    socket.create_connection((host.strip("[]"), int(port)), _REACH_SECONDS).close()  # Ray would try for a minute
    return str(address)


def _said_by(error: Exception) -> str:
    if "InvalidAuthToken" in f"{error} {error.__cause__}":
        return "it asks for a token; set RAY_AUTH_MODE=token, with the cluster's token in ~/.ray/auth_token"
    text = getattr(error, "strerror", None) or str(error).strip() or type(error).__name__
    return str(text).splitlines()[0]


def main() -> None:
    """Do what standard input says, and print what came of it."""
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what Ray prints is no answer
    asked = json.load(sys.stdin)
    signal.alarm(asked["limit"])
    try:
        said = {"found": globals()[asked["what"]](asked)}
    except Exception as error:  # whatever comes of a cluster that is not there
        said = {"error": _said_by(error)}
    json.dump(said, answer)
    answer.flush()
    os._exit(0)  # in an orderly end, Ray waits for what no longer answers


if __name__ == "__main__":
    main()
