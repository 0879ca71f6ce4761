"""Where a search came from: command line, commit, machine."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from gridfold.core.files import is_file

_SECONDS = 20
_MOST_BYTES = 1 << 20  # of a file that is code


def commit() -> str | None:
    """The commit that is checked out in the working directory; None outside a repository."""
    return _git("rev-parse", "HEAD").decode().strip() or None


def patch(trainer: str | Sequence[str], without: Path) -> bytes:
    """What the working tree differs from its commit in; b"" if in nothing, or outside a repository.

    Of the files that git does not have and does not ignore, those are in it that are code: Python files, and the files
    among a command's arguments.

    Args:
        trainer: as a record has it.
        without: a folder of which no new file counts.
    """
    difference = ("diff", "--no-ext-diff", "--no-color", "--binary", "HEAD")
    new = list(_new_code(trainer, without))
    if not new:
        return _git(*difference)
    with tempfile.TemporaryDirectory() as folder:  # for an index in which the new files are; the user's is left alone
        index = Path(folder) / "index"
        try:
            shutil.copyfile(os.fsdecode(_git("rev-parse", "--git-path", "index")).rstrip("\n"), index)
        except OSError:
            return _git(*difference)
        own = {"GIT_INDEX_FILE": str(index), "GIT_LITERAL_PATHSPECS": "1"}
        names = b"\0".join(map(os.fsencode, new))
        _git("add", "--intent-to-add", "--pathspec-from-file=-", "--pathspec-file-nul", said=names, variables=own)
        return _git(*difference, variables=own)


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


def _new_code(trainer: str | Sequence[str], without: Path) -> Iterator[Path]:
    """The code below the working directory that git does not have and does not ignore."""
    top = Path(os.fsdecode(_git("rev-parse", "--show-toplevel")).rstrip("\n"))
    left_out = ["--exclude=site-packages/"]
    if top in without.resolve().parents:
        left_out.append(f"--exclude=/{without.resolve().relative_to(top)}/")
    arguments = set() if isinstance(trainer, str) else {Path(os.path.normpath(argument)) for argument in trainer}
    for name in _git("ls-files", "--others", "--exclude-standard", "-z", *left_out).split(b"\0"):
        path = Path(os.fsdecode(name))
        is_code = path.suffix == ".py" or path in arguments
        if is_code and is_file(path) and path.stat().st_size <= _MOST_BYTES:
            yield path


def _gpus() -> list[str]:
    if not shutil.which("nvidia-smi"):
        return []
    found = _output(["nvidia-smi", "--query-gpu=name,uuid", "--format=csv,noheader"])
    return found.decode(errors="replace").splitlines()


def _git(*arguments: str, said: bytes = b"", variables: Mapping[str, str] = MappingProxyType({})) -> bytes:
    return _output(["git", *arguments], said, variables)


def _output(command: Sequence[str], said: bytes = b"", variables: Mapping[str, str] = MappingProxyType({})) -> bytes:
    """What a command prints that is told something; b"" if it fails."""
    environment = {**os.environ, **variables}
    try:
        result = subprocess.run(command, input=said, env=environment, capture_output=True, timeout=_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return b""
    return result.stdout
