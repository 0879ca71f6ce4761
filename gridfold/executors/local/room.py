"""How many runs there is room for on this machine, or in the job that this process is in."""

from __future__ import annotations

from collections.abc import Sequence

from gridfold.core.process.threads import physical_cores
from gridfold.executors.local.devices import GpuGroups, GpuSlots, gpus_of_job
from gridfold.executors.protocol import Options


def slots(found: Sequence[str], needed: int, per_gpu: int) -> GpuSlots | GpuGroups | None:
    """The slots on GPUs; None if there are none."""
    if not found:
        return None
    return GpuGroups(found, needed) if needed > 1 else GpuSlots(found, per_gpu)


def gpus_of_run(options: Options) -> tuple[int, int]:
    """How many GPUs a run needs, and how many runs share one; 0 if they use none."""
    if options.runs_per_gpu is not None or options.gpus is None:
        return 1, 1 if options.runs_per_gpu is None else options.runs_per_gpu
    if 0 < options.gpus < 1:
        return 1, int(1 / options.gpus)
    return max(1, int(options.gpus)), 1 if options.gpus else 0


def room(options: Options, slots: int) -> int:
    """How many runs at a time this machine has room for, or the job that this process is in."""
    if slots and not options.cpus:
        return slots
    by_cpus = max(1, physical_cores() // (options.cpus or options.threads))
    if options.gpus and not slots and (given := gpus_of_job()):  # GPUs that only the engine can count
        slots = max(1, int(given / options.gpus))
    return min(by_cpus, slots) if slots else by_cpus
