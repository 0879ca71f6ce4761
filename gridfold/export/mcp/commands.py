"""Commands in processes of their own: what a person would type, for an agent that may run searches."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gridfold.core.errors import ConfigError

_PROGRAM = (sys.executable, "-m", "gridfold")


def tell(words: Sequence[str], folder: Path) -> dict[str, Any]:
    """The document that a command tells.

    Raises:
        ConfigError: it tells an error.
    """
    done = _run([*words, "--json"], folder)
    try:
        said: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        raise ConfigError(
            done.stderr.decode("utf-8", "replace").strip()[-2000:] or "the command says nothing"
        ) from None
    if error := said.get("error"):
        raise ConfigError(**{name: error.get(name) or "" for name in ("problem", "path", "hint", "where")})
    return said


def say(words: Sequence[str], folder: Path) -> str:
    """What a command prints.

    Raises:
        ConfigError: it fails; with what it says.
    """
    done = _run(words, folder)
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().removeprefix("error: ")
        raise ConfigError(said[-2000:] or f"the command ended with exit code {done.returncode}")
    return done.stdout.decode("utf-8", "replace").strip()


def begin(words: Sequence[str], folder: Path) -> None:
    """Start a command that goes on whatever becomes of this process; what it does is in the search's directory."""
    quiet: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    process = subprocess.Popen([*_PROGRAM, *words], cwd=folder, start_new_session=True, **quiet)
    threading.Thread(target=process.wait, daemon=True).start()  # or its entry would stay in the table of processes


def _run(words: Sequence[str], folder: Path) -> subprocess.CompletedProcess[bytes]:
    # Standard input is the agent's: a child that reads it would take words from the protocol.
    return subprocess.run([*_PROGRAM, *words], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, check=False)
