"""Connections of the server: whoever sends nothing, or half of something, does not keep others out."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

MOST = 100  # connections
_MOST_SILENT = 48  # of them for which nothing is to do: no request has come whole, or all were answered
_HEAD_SECONDS = 5.0  # that the head of a request may take


class Connection(H11Protocol):
    """A connection that is closed if the head of a request does not come, or makes room for others while it is idle.

    uvicorn ends connections that are idle between two requests; one that sends a letter now and then it would keep, and
    refuse all others once there are too many.
    """

    _silent: dict[Connection, None] = {}  # noqa: RUF012 - of all connections, in the order in which they came
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._heard()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Read what has come."""
        before = self.cycle
        super().handle_events()
        if self.cycle is not before:
            self._heard()
        elif self._timer is None and (self.cycle is None or self.cycle.response_complete):
            self._wait()

    def on_response_complete(self) -> None:
        """Be idle until the next request."""
        super().on_response_complete()
        if not self.transport.is_closing() and self.cycle.response_complete:
            self._be_silent()

    def _be_silent(self) -> None:
        self._silent[self] = None
        if len(self._silent) > _MOST_SILENT:
            next(iter(self._silent))._drop()

    def _wait(self) -> None:
        self._be_silent()
        self._timer = self.loop.call_later(_HEAD_SECONDS, self._drop)

    def _heard(self) -> None:
        self._silent.pop(self, None)
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _drop(self) -> None:
        self._heard()
        self.transport.abort()


def settings() -> dict[str, Any]:
    """How uvicorn is to serve."""
    return {
        "http": Connection,
        "ws": "none",
        "lifespan": "off",
        "loop": "asyncio",
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "date_header": False,
        "proxy_headers": False,
        "limit_concurrency": MOST,
        "timeout_keep_alive": 20,
        "timeout_graceful_shutdown": 1,
        "h11_max_incomplete_event_size": 16_384,
    }
