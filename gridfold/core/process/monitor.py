"""How long a file has not changed, as this process has seen it: by its own clock, whatever those of others say."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from gridfold.core.files import contents


@dataclass
class ChangeMonitor:
    """What was in files when this process looked, and since when.

    Attributes:
        clock: seconds that pass here.
    """

    clock: Callable[[], float] = time.monotonic
    _seen: dict[str, tuple[bytes, float]] = field(default_factory=dict, init=False)

    def quiet(self, path: str) -> float:
        """Seconds since a file was first seen with what is in it now; one that is not there is silent, too."""
        content, now = contents(path), self.clock()
        before = self._seen.get(path)
        if before is None or before[0] != content:
            self._seen[path] = before = content, now
        return now - before[1]
