"""The pages, and what they ask for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from gridfold.core.errors import ConfigError
from gridfold.runs.search import SearchDirectory
from gridfold.show.serve.actions import ACTIONS
from gridfold.show.serve.answers import printed
from gridfold.show.serve.assets import POLICY, asset, page
from gridfold.show.serve.feed import as_json
from gridfold.show.serve.guard import body_of
from gridfold.show.serve.listing import Listing
from gridfold.show.serve.run_files import listed, run_directory, sent
from gridfold.show.serve.searches import Searches, Watched
from gridfold.show.serve.under_way import tail_of

_MOST_STREAMS = 32
_MOST_TAIL, _TAIL = 1 << 20, 8192  # bytes of a log
_BODY_SECONDS = 5.0
_MOST_REPORTS = 2  # that are made at a time


class App:
    """Answers requests that the `Guard` has let through.

    Args:
        searches: what is shown.
        token: what a page has to say when it asks for something to be done.
    """

    def __init__(self, searches: Searches, token: str) -> None:
        self._searches = searches
        self._listing = Listing(searches.store, searches.only)
        self._token = token
        self._streams = 0
        self._reports = asyncio.Semaphore(_MOST_REPORTS)
        one = "/api/s/{search}"
        self.asgi = Starlette(
            routes=[
                Route("/", self._page),
                Route("/s/{search}/", self._page),
                Route("/assets/{name}", self._asset),
                Route("/s/{search}/report", self._report),
                Route("/s/{run}/{file}", self._file),
                Route("/api/searches", self._list),
                Route(f"{one}/state", self._state),
                Route(f"{one}/events", self._events),
                Route(f"{one}/answer", self._answer),
                Route(f"{one}/curve/{{run:int}}", self._curve),
                Route(f"{one}/log/{{run:int}}", self._log),
                Route(f"{one}/{{action}}", self._act, methods=["POST"]),
            ],
            exception_handlers={HTTPException: _plain},
        )
        self.asgi.router.redirect_slashes = False

    async def _page(self, request: Request) -> Response:
        if name := request.path_params.get("search"):
            if run := run_directory(self._searches.root, name):
                return listed(run)
            self._watched(request)
        text = await asyncio.to_thread(page, self._token)
        return HTMLResponse(text, headers={"content-security-policy": POLICY})

    async def _asset(self, request: Request) -> Response:
        found = await asyncio.to_thread(asset, request.path_params["name"])
        if found is None:
            raise HTTPException(404)
        content, kind = found
        return Response(content, media_type=kind)

    async def _list(self, request: Request) -> Response:  # noqa: ARG002 - what Starlette calls
        return _data(as_json(await asyncio.to_thread(self._listing.document)))

    async def _state(self, request: Request) -> Response:
        return _data(await self._watched(request).feed.state())

    async def _events(self, request: Request) -> Response:
        if self._streams >= _MOST_STREAMS:
            raise HTTPException(503, "Too many pages are open")
        events = self._watched(request).feed.events(request.headers.get("last-event-id"))
        return StreamingResponse(self._counted(events), media_type="text/event-stream")

    async def _counted(self, events: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        self._streams += 1
        try:
            async for event in events:
                yield event
        finally:
            self._streams -= 1

    async def _answer(self, request: Request) -> Response:
        return _data(await self._watched(request).answers.latest())

    async def _curve(self, request: Request) -> Response:
        watch = self._watched(request).feed.watch
        return _data(as_json(await asyncio.to_thread(watch.curve, request.path_params["run"])))

    async def _log(self, request: Request) -> Response:
        said = request.query_params.get("tail", str(_TAIL))
        size = int(said) if said.isascii() and said.isdecimal() and len(said) < 9 else _TAIL
        path = _log_of(self._watched(request).search, request.path_params["run"])
        text = await asyncio.to_thread(tail_of, str(path), min(size, _MOST_TAIL))
        return PlainTextResponse(text.encode("utf-8", "replace"))

    async def _report(self, request: Request) -> Response:
        search = self._watched(request).search
        async with self._reports:
            try:
                text = await printed("report", str(search.dir))
            except RuntimeError as error:
                raise HTTPException(500, str(error)) from None
        policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
        policy += "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"  # its own says which script
        return HTMLResponse(text, headers={"content-security-policy": policy})

    async def _file(self, request: Request) -> Response:
        run = run_directory(self._searches.root, request.path_params["run"])
        found = sent(run, request.path_params["file"]) if run else None
        if found is None:
            raise HTTPException(404)
        return found

    async def _act(self, request: Request) -> Response:
        name, watched = request.path_params["action"], self._watched(request)
        if name not in ACTIONS:
            raise HTTPException(404)
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                body = await body_of(request.receive)
        except TimeoutError:
            raise HTTPException(408, headers={"connection": "close"}) from None
        if body is None:
            raise HTTPException(413, headers={"connection": "close"})
        try:
            said = json.loads(body or b"{}")
            if not isinstance(said, dict):
                raise ConfigError("expected a mapping")
            return _data(as_json(watched.act(name, said)), 202)
        except (ValueError, RecursionError) as error:  # a ConfigError is one
            return _data(as_json({"problem": str(error)}), 400)
        except OSError as error:
            return _data(as_json({"problem": str(error)}), 500)

    def _watched(self, request: Request) -> Watched:
        watched = self._searches.watched(request.path_params["search"])
        if watched is None:
            raise HTTPException(404)
        return watched


def _log_of(search: SearchDirectory, index: int) -> Path:
    """The log of a run, or of the run whose result it has."""
    try:
        entry = next(search.entries_at([index]))
    except ConfigError:
        raise HTTPException(404) from None
    run = search.run(entry)
    record = run.read()
    return (search.dir.parent / record.reused / "log.txt") if record and record.reused else run.log_path


def _data(said: bytes, status: int = 200) -> Response:
    return Response(said, status, media_type="application/json")


async def _plain(request: Request, error: Any) -> Response:  # noqa: ARG001 - what Starlette calls
    return PlainTextResponse(f"{error.detail}\n", error.status_code, error.headers)
