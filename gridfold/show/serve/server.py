"""The server: a socket on this machine, a token that nobody guesses, and the app behind its guard."""

from __future__ import annotations

import contextlib
import errno
import logging
import secrets
import socket
import string
from collections.abc import Callable
from urllib.parse import quote

from gridfold.core.errors import ConfigError
from gridfold.show.serve.searches import Searches

HOST = "127.0.0.1"
USUAL_PORT = 8157
_TOKEN_LETTERS = 32


def serve(searches: Searches, port: int | None, told: Callable[[str], None]) -> None:
    """Serve until Ctrl-C or SIGTERM.

    Args:
        searches: what is shown.
        port: where; None for the usual one, or any if that is taken.
        told: called with the address once it is there.

    Raises:
        ConfigError: a package is not installed, or the port is taken.
    """
    try:
        import starlette  # noqa: F401
        import uvicorn
    except ImportError as error:
        name = (error.name or "").partition(".")[0]
        raise ConfigError(f"the package {name} is not installed", hint='pip install "gridfold[serve]"') from None

    from gridfold.show.serve.app import App
    from gridfold.show.serve.connections import settings
    from gridfold.show.serve.guard import Guard

    token = "".join(secrets.choice(string.ascii_letters) for _ in range(_TOKEN_LETTERS))
    with _bound(port) as listening:
        port = listening.getsockname()[1]
        app = Guard(App(searches, token).asgi, token, port)
        logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
        server = uvicorn.Server(uvicorn.Config(app, **settings()))
        where = f"s/{quote(searches.only.name)}/" if searches.only else ""
        told(f"http://{HOST}:{port}/{token}/{where}")
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[listening])
    searches.close()


def _bound(port: int | None) -> socket.socket:
    """A socket that listens.

    Raises:
        ConfigError: the port that was asked for is taken, or not allowed.
    """
    for tried in [port] if port is not None else [USUAL_PORT, 0]:
        found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind((HOST, tried))
            found.listen(128)
        except OSError as error:
            found.close()
            if port is None and tried:
                continue
            said = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used: {error.strerror}"
            raise ConfigError(
                f"port {tried} {said}", where="--port", hint="leave --port out, for one that is free"
            ) from None
        return found
    raise ConfigError("no port is free", where="--port")
