"""Where a search came from: command line, code, package versions."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gridfold.files import is_file
from gridfold.stages.identity import versions

_SECONDS = 20
# What a result may depend on; others are in the user's own lock file.
_PACKAGES = ("gridfold", "torch", "transformers", "tokenizers", "datasets", "scikit-learn", "numpy", "pandas")


@dataclass(frozen=True)
class Code:
    """The state of the working directory's git repository.

    Attributes:
        commit: the commit checked out, None outside a repository.
        patch: what differs from it, as a patch; "" if nothing does.
    """

    commit: str | None
    patch: str


def code() -> Code:
    """The code that is about to run, as far as git knows it."""
    commit = _git("rev-parse", "HEAD").strip() or None
    return Code(commit, _git("diff", "--no-ext-diff", "--binary", "HEAD") if commit else "")


def packages() -> dict[str, str]:
    """The versions of Python and of the packages that results depend on, as far as they are installed."""
    return dict(versions(_PACKAGES))


def command() -> list[str]:
    """The command line of this process."""
    return list(sys.orig_argv)


def machine() -> dict[str, Any]:
    """The machine: host, system, processors, GPUs."""
    return {
        "host": platform.node(),
        "system": platform.platform(),
        "cpus": os.cpu_count(),
        "gpus": _gpus(),
    }


def fingerprint(trainer: str | Sequence[str], config: Mapping[str, Any]) -> str:
    """A hash of what a result depends on besides the config: the trainer's code, package versions, data files.

    Call it where the trainer is imported. Code is every file of the project that is imported now, or the files among a
    command's arguments; a data file is one that a value of the config names.

    Args:
        trainer: as a record has it.
        config: the base config.
    """
    known = hashlib.sha256(repr((trainer, sorted(packages().items()))).encode())
    for path in sorted(set(_code_files(trainer))):
        known.update(path.read_bytes())
    for path in sorted(set(_data_files(config))):
        stat = path.stat()
        known.update(repr((str(path), stat.st_size, stat.st_mtime_ns)).encode())
    return known.hexdigest()[:16]


def _code_files(trainer: str | Sequence[str]) -> Iterator[Path]:
    if not isinstance(trainer, str):
        yield from (Path(argument) for argument in trainer if is_file(argument))
        return
    top = trainer.partition(":")[0].partition(".")[0]
    here = Path.cwd()
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if not file or not is_file(file):
            continue
        own = here in Path(file).parents and "site-packages" not in file and not name.startswith("gridfold")
        if name.partition(".")[0] == top or own:
            yield Path(file)


def _data_files(value: Any) -> Iterator[Path]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _data_files(item)
    elif isinstance(value, str) and is_file(value):
        yield Path(value)


def _gpus() -> list[str]:
    if not shutil.which("nvidia-smi"):
        return []
    return _output("nvidia-smi", "--query-gpu=name,uuid", "--format=csv,noheader").splitlines()


def _git(*arguments: str) -> str:
    return _output("git", *arguments)


def _output(*command: str) -> str:
    """What a command prints; "" if it fails."""
    try:
        result = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=True, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError):
        return ""
    return result.stdout.decode("utf-8", "surrogateescape")
