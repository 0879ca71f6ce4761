"""Who may ask the server for what: only pages of its own, on this machine, that know its token."""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 16_384  # of a body
METHODS = ("GET", "HEAD", "POST")
_SENT = {
    b"referrer-policy": b"no-referrer",
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"cross-origin-embedder-policy": b"require-corp",
    b"permissions-policy": b"camera=(), geolocation=(), microphone=()",
    b"cache-control": b"no-store",
}
_POLICY = b"content-security-policy"
_NOTHING = b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


class Guard:
    """Lets through what a page of this server asks for.

    A page of another site can reach a server on this machine, by its address or by a name that it lets point there (DNS
    rebinding). It does not know the token, and its requests bear its name as ``Host`` or ``Origin``.

    Args:
        app: answers what is let through; paths begin behind the token.
        token: the first part of every path.
        port: where the server listens.
    """

    def __init__(self, app: ASGIApp, token: str, port: int) -> None:
        self._app = app
        self._token = token
        self._hosts = frozenset(f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return
        refused = self._refusal(scope)
        app = refused or self._app
        if not refused:
            scope["root_path"] = f"/{self._token}"
        await app(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope) -> Response | None:
        """Why a request is not answered; None if it is."""
        headers = Headers(scope=scope)
        host = headers.getlist("host")
        if len(host) != 1 or host[0].lower() not in self._hosts:
            port = next(iter(self._hosts)).rpartition(":")[2]
            return PlainTextResponse(f"This server answers at 127.0.0.1:{port} only.\n", 403, {"connection": "close"})
        if scope["method"] not in METHODS:
            return PlainTextResponse("Method not allowed\n", 405, {"allow": ", ".join(METHODS), "connection": "close"})
        if _length(headers) > MOST_BYTES:
            return PlainTextResponse("Too large\n", 413, {"connection": "close"})
        given = scope["path"].partition("/")[2].partition("/")[0]
        if not hmac.compare_digest(given.encode("utf-8", "replace"), self._token.encode()):
            return PlainTextResponse("Not found\n", 404)
        if not self._is_own(headers, scope["method"], f"http://{host[0].lower()}"):
            return PlainTextResponse("Not a page of this server\n", 403, {"connection": "close"})
        return None

    def _is_own(self, headers: Mapping[str, str], method: str, origin: str) -> bool:
        """Whether a page of this server asks, or a person by a link."""
        site, mode = headers.get("sec-fetch-site", "none"), headers.get("sec-fetch-mode", "navigate")
        is_link = method != "POST" and mode == "navigate"
        if site not in ("none", "same-origin") and not is_link:
            return False
        if "origin" in headers and headers["origin"].lower() != origin:
            return False
        return method != "POST" or hmac.compare_digest(headers.get("x-gridfold", "").encode(), self._token.encode())


async def body_of(receive: Receive) -> bytes | None:
    """The body of a request; None if it is too large, which is seen before it is read."""
    found: bytes = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        found += message.get("body", b"")
        if len(found) > MOST_BYTES:
            return None
        if not message.get("more_body"):
            return found


def _length(headers: Mapping[str, str]) -> int:
    said = headers.get("content-length", "0")
    return int(said) if said.isascii() and said.isdecimal() and len(said) < 16 else MOST_BYTES + 1


def _with_headers(send: Send) -> Send:
    """Let each answer say what a browser may do with it."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = message.setdefault("headers", [])
            known = {name.lower() for name, _ in headers}
            headers += [pair for pair in _SENT.items() if pair[0] not in known]
            if _POLICY not in known:
                headers.append((_POLICY, _NOTHING))
        await send(message)

    return sending
