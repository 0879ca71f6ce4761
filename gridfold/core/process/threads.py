"""CPU threads: how many the machine has room for, and those of one run.

A process starts with ``environment``, a forked child changes its number with ``limit``.
"""

from __future__ import annotations

import os
import sys
from types import ModuleType

# Each is read by its library when that is loaded, or when its threads start.
_VARIABLES = (
    "OMP_NUM_THREADS",  # OpenMP: torch, scikit-learn, XGBoost, LightGBM; and Arrow
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",  # numpy, scipy
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",  # numpy on a Mac
    "NUMBA_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "RAYON_NUM_THREADS",  # tokenizers, safetensors and others written in Rust
    "POLARS_MAX_THREADS",
    "OPENCV_FOR_THREADS_NUM",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)
_NUMEXPR_MAX = 64  # what numexpr has unless told otherwise
_TOLD_BY_THREADPOOLCTL = ("numpy", "scipy", "sklearn")


def physical_cores() -> int:
    """Physical cores this process may use; where affinity, a cgroup or LOKY_MAX_CPU_COUNT gives less, that number.

    In a job of an engine, which need not bind it to cores, the CPUs that the job got.
    """
    if (given := _cpus_of_job()) is not None:
        return given
    from loky import cpu_count  # joblib has the same function, and takes three times as long to import

    return int(cpu_count(only_physical_cores=True))


def _cpus_of_job() -> int | None:
    """The CPUs of this process's job on this machine; None if it is in none, or its engine does not say."""
    own = os.environ
    is_one_of_many = int(own.get("SLURM_STEP_NUM_TASKS", "1")) > 1  # by srun
    step = own.get("SLURM_CPUS_PER_TASK", "1") if is_one_of_many else None
    given = own.get("GRIDFOLD_CPUS") or (own.get("SLURM_JOB_ID") and (step or own.get("SLURM_CPUS_ON_NODE")))
    return max(1, int(float(given))) if given else None


def environment(threads: int) -> dict[str, str]:
    """The variables that keep the libraries of a new process to a number of threads."""
    if threads < 1:
        raise ValueError(f"threads must be at least 1, got {threads}")
    variables = dict.fromkeys(_VARIABLES, str(threads))
    # Not below the number, which numexpr fails to be imported with; not at it, for it could not be raised later.
    variables["NUMEXPR_MAX_THREADS"] = str(max(threads, _NUMEXPR_MAX))
    if threads == 1 and "TOKENIZERS_PARALLELISM" not in os.environ:
        # A pool of one is a thread all the same, and with a second thread a process can no longer be forked.
        variables["TOKENIZERS_PARALLELISM"] = "false"
    return variables


def limit(threads: int) -> None:
    """Keep this process to a number of threads: what is loaded, what will be, and the processes it starts.

    No library is loaded to be told. Call it after the last fork: once a library has used two threads, a forked child
    of this process can hang.
    """
    variables = environment(threads)
    if _loaded("numba"):  # it keeps the number it has, and once its threads run it fails to compile under another one
        del variables["NUMBA_NUM_THREADS"]
    told = all(os.environ.get(name) == value for name, value in variables.items())
    if not told:
        os.environ.update(variables)
        _tell_numexpr(threads)
        _tell_pools(threads)
    # Last, and asked each time: threadpoolctl knows the OpenMP of torch, not the number that torch itself keeps.
    _tell_torch(threads)


def _tell_torch(threads: int) -> None:
    torch = _loaded("torch")
    # The question takes less than a microsecond; setting the number also makes a pool of threads.
    if torch is not None and torch.get_num_threads() != threads:
        torch.set_num_threads(threads)


def _tell_numexpr(threads: int) -> None:
    numexpr = _loaded("numexpr")
    if numexpr is not None:
        numexpr.set_num_threads(min(threads, numexpr.MAX_THREADS))


def _tell_pools(threads: int) -> None:
    """Tell the BLAS and OpenMP libraries that numpy and those built on it have brought."""
    if not any(_loaded(name) for name in _TOLD_BY_THREADPOOLCTL):
        return
    try:
        import threadpoolctl
    except ImportError:  # it comes with scikit-learn; without it these libraries keep the number they started with
        return
    threadpoolctl.threadpool_limits(threads)


def _loaded(name: str) -> ModuleType | None:
    return sys.modules.get(name)
