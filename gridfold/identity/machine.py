"""What the bits of numbers may depend on beside code: the processor, GPUs, variables."""

from __future__ import annotations

import os
import platform
from functools import cache
from pathlib import Path

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
    """A hash of the processor, GPUs and variables that the bits of numbers may depend on.

    Args:
        threads: whether the number of CPU threads counts.
    """
    variables = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(_VARIABLES) and (threads or not name.endswith("_NUM_THREADS"))
    }
    return of_value((_processor(), _gpus(), sorted(variables.items())))


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
