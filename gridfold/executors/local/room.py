"""How many runs there is room for on this machine, or in the job that this process is in."""

from __future__ import annotations

from gridfold.core.errors import ConfigError
from gridfold.core.process.threads import physical_cores
from gridfold.executors.local.devices import GpuGroups, GpuSlots, gpus, gpus_of_job
from gridfold.executors.protocol import Options


def room(options: Options) -> tuple[int, GpuSlots | GpuGroups | None]:
    """How many runs at a time there is room for, and their slots on GPUs; None if they are given none.

    Raises:
        ConfigError: more runs at a time than the GPUs take, or a run needs more GPUs than there are.
    """
    needed, per_gpu = _gpus_of_run(options)
    found = gpus() if per_gpu else ()
    if 0 < len(found) < needed:
        raise ConfigError(f"a run needs {needed} GPUs, found {len(found)}", path="gridfold.resources.gpus")
    count = len(found) // needed * per_gpu
    if found and options.parallel and options.parallel > count:
        which = f"{len(found)} GPU{'s' if len(found) > 1 else ''}"
        raise ConfigError(
            f"{options.parallel} runs at a time, but {which} with {per_gpu} each",
            where="--parallel",
            hint=f"let them share: --runs-per-gpu {-(-options.parallel // len(found))}\n"
            "or, if they use no GPU: --runs-per-gpu 0",
        )
    parallel = options.parallel or _places(options, count)
    if not found:
        return parallel, None
    return parallel, GpuGroups(found, needed) if needed > 1 else GpuSlots(found, per_gpu)


def _gpus_of_run(options: Options) -> tuple[int, int]:
    """How many GPUs a run needs, and how many runs share one; 0 if they use none."""
    if options.runs_per_gpu is not None or options.gpus is None:
        return 1, 1 if options.runs_per_gpu is None else options.runs_per_gpu
    if 0 < options.gpus < 1:
        return 1, int(1 / options.gpus)
    return max(1, int(options.gpus)), 1 if options.gpus else 0


def _places(options: Options, slots: int) -> int:
    """How many runs at a time this machine has room for, or the job that this process is in."""
    if slots and not options.cpus:
        return slots
    by_cpus = max(1, physical_cores() // (options.cpus or options.threads))
    if options.gpus and not slots and (given := gpus_of_job()):  # GPUs that only the engine can count
        slots = max(1, int(given / options.gpus))
    return min(by_cpus, slots) if slots else by_cpus
