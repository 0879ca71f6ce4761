"""Workers as actors of a Ray cluster that runs: each starts a worker as a process of its own, and waits for its end."""

from __future__ import annotations

import importlib.util
import os
import secrets
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gridfold.core.errors import ConfigError, nearest
from gridfold.engines import ray_jobs
from gridfold.engines.probe import new_token
from gridfold.engines.protocol import EngineError, Job, Order

_OPTIONS = ("address", "cpus", "gpus")
_INSTALL = "pip install 'gridfold[ray]'"
_GRACE_SECONDS = 45.0  # that a worker may take to end; its runs have 30 s of that to write checkpoints
_START_SECONDS = 60.0  # that Ray may take to know of new actors


@dataclass(frozen=True)
class Ray:
    """Starts workers in a Ray cluster.

    Attributes:
        options: ``address`` of the cluster, as Ray takes it (default: ``RAY_ADDRESS``, or the cluster of this machine);
            ``cpus`` and ``gpus`` that a worker gets, for several runs at a time (default: what a run needs).
    """

    options: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.options:
            if name not in _OPTIONS:
                raise ConfigError("no such option", path=f"ray.{name}", hint=nearest(name, _OPTIONS))
        if self._address.startswith("ray://"):
            hint = "give that of its head, such as address=10.0.0.1:6379, on a machine where `ray start` has run"
            raise ConfigError("is an address of Ray Client, by which jobs cannot be asked about", "ray.address", hint)

    def check(self, order: Order) -> str:
        """Let Ray say what it has, and a tiny task on each node look at the folder."""
        cpus, gpus = self._size(order)
        if importlib.util.find_spec("ray") is None:
            raise ConfigError("Ray is not installed here", hint=_INSTALL)
        with new_token(order) as (path, token):
            asked = {"file": str(path), "folder": str(order.folder), "python": order.command[0]}
            found = self._call("check", {**asked, "seconds": order.patience}, ray_jobs.ASK_SECONDS + order.patience)
            _judge_resources(found["nodes"], cpus, gpus)
            for node, look in zip(found["nodes"], found["looks"], strict=False):
                _judge_look(node["host"], look, (path.parent, token), order)
        return ""

    def script(self, order: Order) -> str:
        """What is asked of Ray, in words: there is no script."""
        cpus, gpus = self._size(order)
        workers = "a detached actor" if order.count == 1 else f"{order.count} detached actors"
        cluster = self._address or "the Ray cluster of RAY_ADDRESS, or of this machine"
        return "\n".join([
            f"# {cluster}: {workers}, {'' if order.count == 1 else 'each '}with num_cpus={cpus:g}, num_gpus={gpus:g}",
            "# starts again elsewhere if its node is gone; prints to " + str(order.logs / "ray-JOB.out"),
            f"cd {shlex.quote(str(order.folder))}",
            f"exec {shlex.join(order.command)}",
            "",
        ])  # fmt: skip

    def submit(self, order: Order) -> list[str]:
        """Start the actors; they go on when this process ends."""
        cpus, gpus = self._size(order)
        order.logs.mkdir(parents=True, exist_ok=True)
        token = secrets.token_hex(3)
        names = [f"{token}_{number}" for number in range(order.count)]
        asked = {
            "names": names,
            "command": [*order.command],
            "folder": str(order.folder),
            "logs": str(order.logs),
            "environment": dict(os.environ),
            "cpus": cpus,
            "gpus": gpus,
        }
        self._call("submit", asked, _START_SECONDS)
        return names

    def jobs(self, ids: Iterable[str]) -> list[Job]:
        """How jobs stand; a job that Ray does not know is over."""
        asked = list(ids)
        seen = ray_jobs.look(asked, self._address) if asked else {}
        return [ray_jobs.job_of(name, seen.get(name)) for name in asked]

    def cancel(self, ids: Iterable[str]) -> None:
        """End jobs: SIGTERM to their workers, which have time to write checkpoints."""
        asked = {"names": list(ids), "address": self._address, "grace": _GRACE_SECONDS}
        ray_jobs.call("cancel", asked, _GRACE_SECONDS + ray_jobs.ASK_SECONDS)

    @property
    def _address(self) -> str:
        return self.options.get("address", "")

    def _size(self, order: Order) -> tuple[float, float]:
        """The CPUs and GPUs of a worker."""
        cpus, gpus = self._number("cpus", order.cpus), self._number("gpus", order.gpus)
        if gpus > 1 and gpus != int(gpus):
            raise ConfigError(f"expected a part of a GPU, or a number of whole ones, found {gpus:g}", path="ray.gpus")
        return cpus, gpus

    def _number(self, name: str, default: float) -> float:
        said = self.options.get(name, str(default))
        try:
            number = float(said)
        except ValueError:
            number = -1.0
        if not 0 <= number < float("inf"):
            raise ConfigError(f"expected a number, found {said!r:.80}", path=f"ray.{name}")
        return number

    def _call(self, what: str, asked: Mapping[str, Any], seconds: float) -> Any:
        try:
            return ray_jobs.call(what, {**asked, "address": self._address}, seconds)
        except EngineError as error:
            cluster = f"at {self._address}" if self._address else "here"
            hint = "give its address: --address HOST:6379\nthis machine must be a node of it (`ray start --address …`)"
            raise ConfigError(f"no Ray cluster answers {cluster}: {error}", path="ray.address", hint=hint) from None


def _judge_resources(nodes: Iterable[Mapping[str, Any]], cpus: float, gpus: float) -> None:
    """See that some node is large enough for a worker.

    Raises:
        ConfigError: none is.
    """
    sizes = [(node["cpus"], node["gpus"]) for node in nodes]
    if not any(cpus <= has[0] and gpus <= has[1] for has in sizes):
        nodes_have = ", ".join(sorted({f"{has[0]:g} and {has[1]:g}" for has in sizes}))
        hint = f"CPUs and GPUs of the nodes: {nodes_have}"
        raise ConfigError(f"no node of the Ray cluster has {cpus:g} CPUs and {gpus:g} GPUs for a worker", hint=hint)


def _judge_look(host: str, look: list[str] | None, file: tuple[Path, str], order: Order) -> None:
    if look is None:
        raise ConfigError(f"a tiny task on {host} did not end within {order.patience:g} s", hint="see `ray status`")
    seen, folder, says = look
    if seen != file[1] or not folder:
        unseen = order.folder if not folder else file[0]
        hint = "work in a folder that all nodes of the cluster share, at the same path"
        raise ConfigError(f"{host} does not see what is in this folder here", where=str(unseen), hint=hint)
    if says:
        hint = f"install gridfold where the nodes see it\nit says: {says:.300}"
        raise ConfigError(f"{host} cannot import gridfold with it", where=order.command[0], hint=hint)
