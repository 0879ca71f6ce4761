"""Where a search came from: command line, code, package versions."""

from __future__ import annotations

import platform
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata

_GIT_SECONDS = 20
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
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def command() -> list[str]:
    """The command line of this process."""
    return list(sys.orig_argv)


def _git(*arguments: str) -> str:
    try:
        result = subprocess.run(
            ["git", *arguments], capture_output=True, timeout=_GIT_SECONDS, check=True, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return result.stdout.decode("utf-8", "surrogateescape")
