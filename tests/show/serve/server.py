"""``gridfold serve`` as a process of its own, and what a page would ask it for."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from urllib.parse import urlsplit

from tests.conftest import ROOT

SECONDS = 300  # to wait for what has to come


def wait_for(condition, seconds=SECONDS):
    """Wait until something is so; what it is."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it has not come"
        time.sleep(0.05)
    return found


@contextlib.contextmanager
def served(folder, *words):
    """The server, in a folder that has ``runs/``."""
    process = subprocess.Popen(
        [sys.executable, "-m", "gridfold", "serve", "--no-browser", "--port", "0", *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    server = Server(process, process.stdout.readline().strip())
    try:
        yield server
    finally:
        process.send_signal(signal.SIGINT)
        server.said = process.communicate(timeout=SECONDS)[1]


class Server:
    """What is served, by its address."""

    def __init__(self, process, address):
        self.process, self.address = process, address
        parts = urlsplit(address)
        self.port = parts.port
        self.token = parts.path.split("/")[1]

    def ask(self, path, method="GET", headers=(), body=None):
        """The status, the headers and the body that come for a path behind the token."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        with contextlib.closing(connection):
            connection.request(method, f"/{self.token}/{path}", body, dict(headers))
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()

    def data(self, path):
        """What JSON comes."""
        status, _, body = self.ask(path)
        assert status == 200, body
        return json.loads(body)

    def act(self, search, name, **said):
        """Press a button; what comes."""
        origin = f"http://127.0.0.1:{self.port}"
        headers = {
            "Origin": origin,
            "X-Gridfold": self.token,
            "Sec-Fetch-Site": "same-origin",
            "Sec-Fetch-Mode": "cors",
        }
        status, _, body = self.ask(f"api/s/{search}/{name}", "POST", headers, json.dumps(said))
        return status, json.loads(body)

    @contextlib.contextmanager
    def page(self, search, last=None):
        """A page that shows a search."""
        page = Page(self, search, last)
        try:
            yield page
        finally:
            page.close()


class Page:
    """Hears the events of a search and knows what a page would show."""

    def __init__(self, server, search, last=None):
        self.events, self.known, self.id = [], {}, None
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=SECONDS)
        headers = {"Last-Event-ID": last} if last else {}
        self._connection.request("GET", f"/{server.token}/api/s/{search}/events", headers=headers)
        self._answer = self._connection.getresponse()
        assert self._answer.status == 200
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def close(self):
        """Close the page."""
        self._over.set()
        with contextlib.suppress(OSError):
            self._connection.sock.shutdown(2)
        self._connection.close()
        self._thread.join()

    def when(self, condition):
        """Wait until what the page shows is so."""
        return wait_for(lambda: self.known and condition(self))

    @property
    def states(self):
        """The states of the runs, in order."""
        return [self.known["runs"][index][0] for index in sorted(self.known["runs"], key=int)]

    def cell(self, index, name):
        """What is in a cell of the table."""
        place = next(place for place, column in enumerate(self.known["columns"]) if column["name"] == name)
        row = self.known["runs"][str(index)]
        return row[place] if place < len(row) else None

    def _listen(self):
        event = ""
        with contextlib.suppress(OSError, ValueError, AttributeError, http.client.HTTPException):
            for line in self._answer:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name == "event":
                    event = value
                elif name == "id":
                    self.id = value
                elif name == "data":
                    self._hear(event, json.loads(value))

    def _hear(self, event, said):
        self.events.append((event, said))
        if event == "state":
            self.known = said
        elif not self.known:  # it knew the rest before it lost its connection
            return
        elif event == "change":
            self.known = changed(self.known, said)
        else:
            self.known[event] = said


def changed(known, said):
    """What a page knows after a change."""
    known = known | {name: said[name] for name in ("version", "search", "columns") if name in said}
    for name in ("runs", "tails", "progress"):
        known[name] = known[name] | said.get(name, {})
    known["curves"] = dict(known["curves"])
    for index, news in said.get("curves", {}).items():
        before = known["curves"].pop(index, [])
        if news is not None:
            known["curves"][index] = before[: news["from"]] + news["points"]
    return known
