"""Where many workers on one search stop to scale: a simulation of their claims and leases.

Each worker decides by gridfold's own code (``gridfold.search.leases.Chooser``, on the log of leases); what files cost
is a model: seconds of one worker, measured here or those of a network disk, which serves so many calls a second.
"""

from __future__ import annotations

import heapq
import os
import random
import resource
import tempfile
import time
from argparse import ArgumentParser
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from measure import table

from gridfold.core.files import write_first
from gridfold.runs.entries import RunEntry
from gridfold.runs.leases import EVERY, Lease, Views
from gridfold.search.leases import Chooser
from gridfold.search.subtrees import Reading, Tree


@dataclass(frozen=True)
class Disk:
    """What files cost.

    Attributes:
        name: of it.
        link: seconds to make a file that is made once: a new file, a link, an unlink.
        read: seconds to open a small file and read it.
        stat: seconds to see whether a file is there.
        listing: seconds to list a folder, for each thousand names.
        calls: how many of these the disk serves in a second, of all workers together.
        late: seconds by which a file of another machine may be seen late.
    """

    name: str
    link: float
    read: float
    stat: float
    listing: float
    calls: float
    late: float = 0.0


# A call is a round trip of 0.5 ms in a data centre: LOOKUP, GETATTR; OPEN, READ and CLOSE; CREATE, WRITE, CLOSE, LINK,
# REMOVE. Attributes, and that a file is not there, are known for 3 to 60 s (acregmin to acdirmax, nfs(5)); 30 s is
# acdirmin. 20,000 calls a second is a usual server.
NFS = Disk("NFS, from its documentation", 5 * 0.5e-3, 3 * 0.5e-3, 0.5e-3, 10 * 0.5e-3, 20_000, 30.0)
_CALLS = {"link": 5, "read": 3, "stat": 1, "listing": 10}  # to a server


def this_disk(folder: Path, count: int = 2000) -> Disk:
    """The disk of a folder, measured."""

    def each(do: Callable[[int], object]) -> float:
        took = []
        for number in range(count):
            begin = time.perf_counter()
            do(number)
            took.append(time.perf_counter() - begin)
        return median(took)  # others may use the machine

    link = each(lambda number: write_first(f"{folder}/{number:06}.json", '{"worker": "w", "runs": "0-99"}\n'))
    read = each(lambda number: Path(f"{folder}/{number:06}.json").read_bytes())
    stat = each(lambda number: os.path.exists(f"{folder}/{number:06}-not.json"))
    begin = time.perf_counter()
    os.listdir(folder)
    listing = (time.perf_counter() - begin) / count * 1000
    return Disk("this disk, measured", link, read, stat, listing, 1 / max(stat, 1e-9))


@dataclass
class World:
    """The shared folder, and the clock.

    Attributes:
        disk: what files cost.
        views: what the log says.
        claimed: of each run, whether somebody has begun it.
        left: how many nobody has.
        calls: how many were made.
    """

    disk: Disk
    runs: int
    views: Views = field(default_factory=Views)
    claimed: bytearray = field(init=False)
    left: int = field(init=False)
    calls: int = 0
    free_at: float = 0.0
    now: float = 0.0
    living: int = 0

    def __post_init__(self) -> None:
        self.claimed = bytearray(self.runs)
        self.left = self.runs

    def pay(self, what: str, times: float = 1.0) -> float:
        """The seconds until some calls are served, if they are made now."""
        calls = times * (_CALLS[what] if self.disk.late else 1)
        self.calls += round(calls)
        self.free_at = max(self.free_at, self.now) + calls / self.disk.calls
        return max(self.free_at - self.now, times * float(getattr(self.disk, what)))

    def count(self) -> int:
        """How many workers live."""
        return self.living

    def lives(self, worker: str) -> bool:  # noqa: ARG002
        """All do, to the end."""
        return True


class Worker:
    """One of them: a generator of the seconds until it does something next."""

    def __init__(self, world: World, tree: Tree, number: int, seconds: Callable[[], float]) -> None:
        self.world, self.tree, self.seconds = world, tree, seconds
        self.seen = 0  # leases
        self.chooser = Chooser(f"w{number}", world.views, world, lambda: world.now)
        self.attempts = array("B")
        self.busy = self.cpu = 0.0
        self.own: list[int] = []
        self.looked = self.lost = 0

    def live(self) -> Iterator[float]:
        """Look at all runs, then take some into view and execute them, until none is left."""
        world = self.world
        yield world.pay("stat", 2 * world.runs)
        self.attempts = array("B", bytes(not claimed for claimed in world.claimed))
        wait = 0.2
        while True:
            runs = yield from self._take()
            if runs:
                wait = 0.2
                yield from self._execute(runs)
            elif world.left:  # the last look of each at the runs of others is not counted
                yield wait
                wait = min(wait * 1.5, 5.0)
            else:
                return

    def _take(self) -> Iterator[float]:
        """Take runs into view."""
        tries = 0
        while True:
            yield from self._look()
            begin = time.process_time()
            self.looked = 0
            runs = self.chooser.choose(self.tree, self.attempts, self._waits, 1.0)
            self.cpu += time.process_time() - begin
            if self.looked:
                yield self.world.pay("stat", self.looked)
            if not runs:
                return []
            yield self.world.pay("link")
            if self.world.views.count == self.seen:
                self.world.views.add(Lease(self.chooser.worker, runs))
                self.seen += 1
                return runs
            self.lost += 1
            yield random.random() * min(1.0, 0.001 * 2**tries)
            tries += 1

    def _waits(self, run: int) -> bool:
        self.looked += 1
        self.attempts[run] = not self.world.claimed[run]
        return bool(self.attempts[run])

    def _look(self) -> Iterator[float]:
        """Read what is new in the log, from the last lease on that says all."""
        known, last = self.seen, self.world.views.count
        self.seen = last
        if last == known:
            yield self.world.pay("stat")
        elif last // EVERY > known // EVERY + 1:
            yield self.world.pay("listing", last / 1000)
            yield self.world.pay("read", last % EVERY + 1)
        else:
            yield self.world.pay("read", last - known)

    def _execute(self, runs: list[int]) -> Iterator[float]:
        world, looked_at = self.world, self.world.now
        for run in runs:
            if world.now - looked_at > 1.0:
                yield from self._look()
                looked_at = world.now
            if world.views.worker_of(run) != self.chooser.worker:
                continue
            self.attempts[run] = 0
            if world.claimed[run]:
                yield world.pay("stat")
                continue
            world.claimed[run] = 1
            world.left -= 1
            took = self.seconds()
            self.busy += took
            yield took + world.pay("link") + world.pay("link")  # the claim, and the record at the end


def simulate(disk: Disk, tree: Tree, runs: int, workers: int, mean: float) -> dict[str, Any]:
    """Let workers that start within a second execute all runs."""
    random.seed(workers)
    world = World(disk, runs)
    world.living = workers
    found = [Worker(world, tree, number, lambda: random.uniform(0.5, 1.5) * mean) for number in range(workers)]
    queue = [(random.random(), number, worker.live()) for number, worker in enumerate(found)]
    heapq.heapify(queue)
    end = 0.0
    while queue:
        world.now, number, life = heapq.heappop(queue)
        for pause in life:
            heapq.heappush(queue, (world.now + pause, number, life))
            break
        else:
            end = max(end, world.now)
    assert all(world.claimed)
    busy = sum(worker.busy for worker in found)
    return {
        "seconds": end,
        "used": busy / (end * workers),
        "leases": world.views.count,
        "lost": sum(worker.lost for worker in found),
        "calls": world.calls,
        "cpu": sum(worker.cpu for worker in found) / workers,
    }


def grid(runs: int) -> Iterator[RunEntry]:
    """A search with three parameters."""
    first, second = max(1, round(runs ** (1 / 3))), max(1, round(runs ** (1 / 3)))
    for index in range(runs):
        rest, third = divmod(index, -(-runs // (first * second)))
        yield RunEntry(index, f"r{index}", {"a": rest // second, "b": rest % second, "c": third}, "")


def main() -> None:
    """Print the table."""
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--workers", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--seconds", type=float, nargs="+", default=[1.0, 10.0, 100.0])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--disks", nargs="+", choices=["here", "nfs"], default=["here", "nfs"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        local = this_disk(Path(folder))
    print({name: f"{value * 1e6:.0f} µs" for name, value in vars(local).items() if isinstance(value, float)})
    splits = [{"split": "b" + ".0" * depth, "path": path, "seconds": 0.1} for depth, path in enumerate("abc")]
    tree = Tree(grid(options.runs), Reading.learn(splits))
    rows = []
    for disk in [{"here": local, "nfs": NFS}[name] for name in options.disks]:
        for workers in options.workers:
            for mean in options.seconds:
                begin = time.monotonic()
                found = simulate(disk, tree, options.runs, workers, mean)
                rows.append((disk.name, f"{workers:,}", f"{mean:g} s", f"{found['seconds']:,.0f} s",
                             f"{100 * found['used']:.0f} %", f"{found['leases']:,}", f"{found['lost']:,}",
                             f"{found['calls'] / options.runs:.1f}", f"{found['cpu']:.1f} s"))  # fmt: skip
                print(*rows[-1], f"({time.monotonic() - begin:.0f} s)", flush=True)
    names = ("disk", "workers", "a run", "all", "used", "leases", "lost races", "calls a run", "CPU a worker")
    print(table(names, rows))
    print(f"memory of the simulation: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
