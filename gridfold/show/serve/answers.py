"""When the analysis of a search is made again: seldom enough to leave the machine to the runs."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any

from gridfold.show.serve.child import calling
from gridfold.show.serve.feed import as_json

_LEAST_SECONDS = 5.0  # between two
_SHARE = 30  # it takes at most this part of a core
_TIMEOUT = 600.0
_MOST_LETTERS = 1000


class Answers:
    """The latest analysis of a search.

    Args:
        directory: of the search.
        tell: called with the number of a new one.

    Attributes:
        version: of the latest; 0 before the first.
        document: the latest, as JSON.
    """

    def __init__(self, directory: str, tell: Callable[[int], None]) -> None:
        self.version = 0
        self.document = b""
        self._directory, self._tell = directory, tell
        self._is_wanted = asyncio.Event()
        self._is_last = asyncio.Event()
        self._is_there = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    def want(self, is_last: bool) -> None:  # noqa: FBT001
        """Runs have ended: a new one is wanted, at once if it may be the last."""
        self._is_wanted.set()
        if is_last:
            self._is_last.set()
        else:
            self._is_last.clear()

    async def latest(self) -> bytes:
        """The latest, once there is one."""
        await self._is_there.wait()
        return self.document

    def close(self) -> None:
        """Make none any more; whoever waits for one waits no longer."""
        self._task.cancel()
        self.document = self.document or as_json({"schema": "gridfold/answer/1", "version": 0, "problem": "not made"})
        self._is_there.set()

    async def _run(self) -> None:
        while True:
            await self._is_wanted.wait()
            self._is_wanted.clear()
            self.document, seconds = await self._made()
            self.version += 1
            self._is_there.set()
            self._tell(self.version)
            await asyncio.sleep(_LEAST_SECONDS)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._is_last.wait(), _SHARE * seconds)

    async def _made(self) -> tuple[bytes, float]:
        """A new one, and the CPU seconds that it took."""
        version = self.version + 1
        try:
            found: dict[str, Any] = json.loads(await printed("answer", self._directory))
        except (RuntimeError, ValueError) as error:
            found = {"problem": str(error)}
        seconds = found.pop("cpu_seconds", 1.0)
        return as_json({"schema": "gridfold/answer/1", "version": version, **found}), seconds


async def printed(what: str, directory: str) -> bytes:
    """What a process prints that makes the analysis.

    Raises:
        RuntimeError: it failed; says why.
    """
    process = await asyncio.create_subprocess_exec(
        *calling("gridfold.show.serve.analysis", what, directory),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        output, said = await asyncio.wait_for(process.communicate(), _TIMEOUT)
    except TimeoutError:
        raise RuntimeError(f"took more than {_TIMEOUT:.0f} seconds") from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
    if process.returncode:
        lines = said.decode("utf-8", "replace").strip().splitlines()
        raise RuntimeError("\n".join(lines[-3:])[-_MOST_LETTERS:] or f"ended with exit code {process.returncode}")
    return output
