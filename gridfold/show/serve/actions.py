"""What the buttons of the page do: the same commands that a person types, in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

from gridfold.core.errors import ConfigError, cut, nearest
from gridfold.core.limits import MOST_REPEATS
from gridfold.runs.search import SearchDirectory
from gridfold.show.serve.child import calling

ACTIONS = ("stop-run", "stop", "retry", "resume", "more")
_MOST_LETTERS = 600  # of what a command says
_KEPT = 8  # commands that are over
_MOST_TOP = 1000


def command(name: str, search: SearchDirectory, said: Mapping[str, Any]) -> list[str]:
    """The command, without the name of the program.

    Args:
        name: which of the `ACTIONS`.
        search: what it is about.
        said: what the page says of it: ``run``, or ``repeats`` and ``top``.

    Raises:
        ConfigError: the page says something else, or too little.
    """
    if unknown := [key for key in said if key not in _SAID.get(name, ())]:
        raise ConfigError(f"unknown: {unknown[0]!r:.80}", where=name, hint=nearest(unknown[0], _SAID.get(name, ())))
    directory = str(search.dir)
    if name == "stop-run":
        run = _number(said, "run", 0, None, sys.maxsize)
        return ["stop", f"{directory}:{run}"]
    if name == "more":
        repeats, top = _number(said, "repeats", 1, None, MOST_REPEATS), _number(said, "top", 1, 2, _MOST_TOP)
        return ["resume", directory, "--repeats", str(repeats), "--top", str(top), "--quiet"]
    return {
        "stop": ["cancel", directory],
        "retry": ["resume", directory, "--failed", "--quiet"],
        "resume": ["resume", directory, "--quiet"],
    }[name]


_SAID = {"stop-run": ("run",), "more": ("repeats", "top")}


def _number(said: Mapping[str, Any], name: str, least: int, usual: int | None, most: int) -> int:
    value = said.get(name, usual)
    if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
        return value
    raise ConfigError(f"expected a whole number from {least} to {most:,}, found {value!r:.80}", path=name)


@dataclass
class _Started:
    """A command that was started."""

    name: str
    words: Sequence[str]
    process: subprocess.Popen[bytes]
    output: IO[bytes]
    exit_code: int | None = None
    said: str = ""

    def look(self) -> None:
        """See whether it is over, and what it said last."""
        if self.exit_code is None and (code := self.process.poll()) is not None:
            self.exit_code = code
            self.output.seek(0)
            self.said = cut(self.output.read().decode("utf-8", "replace").strip(), _MOST_LETTERS)
            self.output.close()

    def document(self) -> dict[str, Any]:
        """What a page shows of it."""
        return {"name": self.name, "command": ["gridfold", *self.words], "exit_code": self.exit_code, "said": self.said}


@dataclass
class Actions:
    """The commands that pages have started for a search. They go on when the server ends."""

    _started: list[_Started] = field(default_factory=list)

    def start(self, name: str, words: Sequence[str]) -> None:
        """Start a command in a session of its own, so that Ctrl-C ends the server and not the search.

        Raises:
            OSError: no process can be started.
        """
        output = tempfile.TemporaryFile()  # noqa: SIM115 - it is closed when the command is over
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        process = subprocess.Popen(
            calling("gridfold.cli", *words),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=environment,
        )
        self._started = [*self._started[1 - _KEPT :], _Started(name, words, process, output)]

    def document(self) -> list[dict[str, Any]]:
        """How they stand, the latest last."""
        for each in self._started:
            each.look()
        return [each.document() for each in self._started]

    @property
    def are_over(self) -> bool:
        """Whether all of them are, as far as was seen."""
        return all(each.exit_code is not None for each in self._started)
