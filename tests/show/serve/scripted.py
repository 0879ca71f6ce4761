"""A server that says to the live page what a test has it say: states that no real search can be brought to reliably."""

import contextlib
import json
import queue
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files

TOKEN = "t" * 32
NAME = "toy_120000"
POLICY = (
    "default-src 'none'; img-src data:; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'"
)
_ASSETS = files("gridfold.show") / "assets"
_KINDS = {"css": "text/css", "js": "text/javascript", "html": "text/html"}


class Script:
    """What the server knows: tests change it, and push events to the pages that are open."""

    def __init__(self, state, answer=None, searches=()):
        self.state, self.answer, self.searches = state, answer, list(searches)
        self.posted = []
        self.reply = (200, {"said": "Run 3 was asked to end."})
        self.last_ids = []
        self.is_down = False
        self._streams = []

    def change(self, kind="change", **data):
        """Send an event to every page."""
        self.state["version"] += 1
        for stream in self._streams:
            stream.put((kind, self.state["version"], {"version": self.state["version"]} | data))

    def drop(self):
        """Cut all connections."""
        for stream in self._streams:
            stream.put(None)

    @contextlib.contextmanager
    def stream(self):
        """What is to be said to one page."""
        own = queue.Queue()
        self._streams.append(own)
        try:
            yield own
        finally:
            self._streams.remove(own)


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        script, path = self.server.script, self.path.partition("?")[0]
        start, search = f"/{TOKEN}/", f"/{TOKEN}/api/s/{NAME}/"
        if script.is_down:
            self._send(503, b"")
        elif path in (start, f"{start}s/{NAME}/"):
            self._send(200, _asset("live.html").replace(b"@ROOT@", start.encode()), "text/html")
        elif path.startswith(f"{start}assets/"):
            self._send(200, _asset(path.rpartition("/")[2]), _KINDS[path.rpartition(".")[2]])
        elif path == f"{start}api/searches":
            self._send(200, json.dumps({"searches": script.searches}).encode(), "application/json")
        elif path == f"{search}answer":
            self._send(200 if script.answer else 204, json.dumps(script.answer).encode(), "application/json")
        elif path.startswith(f"{search}log/"):
            self._send(200, f"the log of run {path.rpartition('/')[2]}\n".encode(), "text/plain")
        elif path == f"{search}events":
            self._events(script)
        else:
            self._send(404, b"")

    def do_POST(self):
        script = self.server.script
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        script.posted.append((self.path.rpartition("/")[2], body, self.headers["X-Gridfold"]))
        status, said = script.reply
        self._send(status, json.dumps(said).encode(), "application/json")

    def _events(self, script):
        script.last_ids.append(self.headers["Last-Event-ID"])
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        with contextlib.suppress(OSError), script.stream() as events:
            self._event("state", script.state["version"], script.state)
            while event := events.get():
                self._event(*event)

    def _event(self, kind, version, data):
        self.wfile.write(f"event: {kind}\nid: {version}\ndata: {json.dumps(data)}\n\n".encode())

    def _send(self, status, body, kind="text/plain"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        if status != 204:
            self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing."""


def _asset(name):
    return (_ASSETS / name).read_bytes()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """A page that is gone is no error."""


@contextlib.contextmanager
def served(script):
    """The address of the page of the search."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.script = script
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/{TOKEN}/s/{NAME}/"
        finally:
            script.drop()
            server.shutdown()
            thread.join()
