"""What the bits of numbers may depend on beside code: the processor, GPUs, variables, how torch was told to compute."""

from __future__ import annotations

import os
import platform
import sys
from functools import cache
from pathlib import Path
from typing import Any

from gridfold.identity.values import of_value

# What tells numerical libraries which kernels to use, or how many threads; and the order of sets.
_VARIABLES = (
    "ATEN_CPU_CAPABILITY",
    "CUBLAS_WORKSPACE_CONFIG",
    "DNNL_",
    "MKL_",
    "NPY_DISABLE_CPU_FEATURES",
    "NVIDIA_TF32_OVERRIDE",
    "OMP_NUM_THREADS",
    "ONEDNN_",
    "OPENBLAS_",
    "PYTHONHASHSEED",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
)


def of_machine(*, threads: bool) -> str:
    """A hash of the processor, GPUs, variables and modes of torch that the bits of numbers may depend on.

    Args:
        threads: whether the number of CPU threads counts.
    """
    variables = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(_VARIABLES) and (threads or not name.endswith("_NUM_THREADS"))
    }
    return of_value((_processor(), _gpus(), sorted(variables.items()), *_modes(threads=threads)))


def _modes(*, threads: bool) -> list[str]:
    """How torch was told to compute, but for what is as it is when it has been imported: it may be imported later."""
    torch: Any = sys.modules.get("torch")
    if not hasattr(torch, "compile"):  # nor while it is being imported
        return []
    first = {
        torch.get_default_dtype: torch.float32,
        torch.get_default_device: torch.device("cpu"),
        torch.get_float32_matmul_precision: "highest",
        torch.are_deterministic_algorithms_enabled: False,
    }
    found = [f"{ask.__name__} {ask()}" for ask, known in first.items() if ask() != known]
    autocast = [kind for kind in ("cpu", "cuda") if torch.is_autocast_enabled(kind)]
    found += [f"autocast {kind} {torch.get_autocast_dtype(kind)}" for kind in autocast]
    count = str(torch.get_num_threads())
    return found + ([f"threads {count}"] if threads and count != os.environ.get("OMP_NUM_THREADS", count) else [])


@cache
def _processor() -> tuple[str, ...]:
    """What libraries choose their kernels by."""
    lines = {platform.machine()}
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            lines |= {line.strip() for line in file if line.startswith(("model name", "flags", "Features"))}
    except OSError:
        pass  # another system than Linux
    return tuple(sorted(lines))


def _gpus() -> list[str]:
    """The kinds of NVIDIA GPUs that this process may see; which of them, where there are several kinds."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "all")
    if visible in ("", "-1"):
        return []
    kinds = _kinds_of_gpus()
    return [*kinds, visible] if len(kinds) > 1 else list(kinds)


@cache
def _kinds_of_gpus() -> tuple[str, ...]:
    kinds = set()
    for file in Path("/proc/driver/nvidia/gpus").glob("*/information"):
        kinds |= {line for line in file.read_text(errors="replace").splitlines() if line.startswith("Model:")}
    return tuple(sorted(kinds))
