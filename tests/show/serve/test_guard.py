"""A hundred requests of strangers: none does anything, none stops the server."""

import contextlib
import itertools
import json
import socket
from pathlib import Path

import pytest

from tests.show.serve.server import SECONDS, served

NAME = "wide_120000"
FACTS = {
    "search": NAME,
    "config": "c.yaml",
    "variations": [],
    "runs": 1,
    "trainer": "train:train",
    "threads": 1,
    "seed": 0,
    "creator": {},
    "created": "2026-01-01T12:00:00+00:00",
}
RUN = {"index": 0, "run": f"{NAME}_x_1", "params": {"x": 1}, "id": "0"}
SECRET = "nobody is to read this"


@pytest.fixture
def server(tmp_path):
    search = tmp_path / "runs" / NAME
    search.mkdir(parents=True)
    (search / "search.json").write_text(json.dumps(FACTS))
    (search / "runs.jsonl").write_text(json.dumps(RUN) + "\n")
    (tmp_path / "runs" / RUN["run"]).mkdir()
    (tmp_path / "secret.txt").write_text(SECRET)
    (tmp_path / "outside_120000").mkdir()
    (tmp_path / "outside_120000" / "search.json").write_text(json.dumps(FACTS))
    with served(tmp_path) as server:
        yield server
    assert "Traceback" not in server.said


def raw(server, head, body=b"", *, more=b""):
    """What comes for a request as it stands; "" if the connection is closed."""
    with contextlib.closing(socket.create_connection(("127.0.0.1", server.port), SECONDS)) as connection:
        with contextlib.suppress(OSError):  # it may be closed before all is sent
            connection.sendall(head.encode() + body)
            for _ in range(20 if more else 0):
                connection.sendall(more)
        answer = b""
        with contextlib.suppress(OSError):
            while part := connection.recv(1 << 16):
                answer += part
        return answer.decode("utf-8", "replace")


def request(server, method="GET", path=None, *, host=None, token=None, body=b"", **headers):
    """A request of a page of this server, but for what is said."""
    origin = f"http://127.0.0.1:{server.port}"
    path = f"/{token or server.token}/{f'api/s/{NAME}/stop' if path is None else path}"
    sent = {"Host": f"127.0.0.1:{server.port}" if host is None else host}
    sent |= {"Connection": "close", "Content-Length": str(len(body))}
    sent |= {"Origin": origin, "X-Gridfold": server.token} if method == "POST" else {}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{name}: {value}" for name, value in sent.items() if value is not None]
    return f"{method} {path} HTTP/1.1\r\n" + "\r\n".join(lines) + "\r\n\r\n"


def strangers(server):
    """Requests of which none is to do anything, and the statuses that they may get."""
    yield from of_other_hosts(server)
    yield from of_other_pages(server)
    yield from without_the_token(server)
    yield from for_what_is_not_there(server)


def of_other_hosts(server):
    """By another name, as after DNS rebinding, or by another port."""
    port = server.port
    hosts = ["evil.example", f"evil.example:{port}", f"127.0.0.1.evil.example:{port}", "127.0.0.1", "localhost", ""]
    hosts += [f"localhost:{port + 1}", f"0.0.0.0:{port}", f"127.1:{port}", f"[::]:{port}", f"localhost.:{port}"]
    hosts += [f"user@127.0.0.1:{port}", f"2130706433:{port}", f"127.0.0.1:{port}, evil.example", "a" * 5000]
    for host, method in itertools.product(hosts, ("GET", "POST")):
        yield request(server, method, "" if method == "GET" else None, host=host), (400, 403)


def of_other_pages(server):
    """What a page of another site makes a browser send, even if it knew the token."""
    port = server.port
    origins = ["http://evil.example", "null", "https://127.0.0.1", f"https://127.0.0.1:{port}", "http://127.0.0.1", ""]
    origins += [f"http://localhost:{port}", f"http://127.0.0.1:{port + 1}", "file://", f"http://127.0.0.1:{port}.evil"]
    for origin in origins:
        yield request(server, "POST", Origin=origin), (403,)
    for site, mode in itertools.product(("cross-site", "same-site"), ("cors", "no-cors", "navigate")):
        yield request(server, "POST", Sec_Fetch_Site=site, Sec_Fetch_Mode=mode), (403,)
        if mode != "navigate":  # a link may be anywhere
            yield request(server, "GET", "api/searches", Sec_Fetch_Site=site, Sec_Fetch_Mode=mode), (403,)


def without_the_token(server):
    """By whoever does not know it."""
    others = ("x" * 32, server.token[:-1], server.token + "a", server.token.swapcase())
    for key in (*others, None, "", "ü"):
        yield request(server, "POST", X_Gridfold=key), (400, 403)
    for token in (*others, "/", "ü", "%00", "..", "*"):
        yield request(server, "GET", "api/searches", token=token), (400, 404)


def for_what_is_not_there(server):
    """Other methods, paths out of the folder, actions that are none."""
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "post", "GE T", "\0"):
        yield request(server, method), (400, 403, 405)
    paths = ["../", "../../secret.txt", "s/../../secret.txt", "s/%2e%2e/", "s/%2e%2e%2fsecret.txt/", "s/..%2f..%2f/"]
    paths += ["s/../", "s/outside_120000/", "api/s/..%2foutside_120000/state", "api/s/%2fetc/state", "s/.verify/"]
    paths += [f"s/{NAME}%00/", f"s/{NAME}/../../../etc/passwd", "api/s/last/state", f"api/s/{NAME}/log/.."]
    paths += [f"api/s/{NAME}/log/-1", f"api/s/{NAME}/log/99999999999999999999", f"api/s/{NAME}/log/0%2f.."]
    paths += [f"s/{NAME}", "/", "//evil.example/", "a" * 5000, "openapi.json", f"api/s/{NAME}/curve/x", "s//", "api"]
    for path in ("secret.txt", "docs", "%", f"api/s/{NAME}/stop", *paths):
        yield request(server, "GET", path), (400, 404, 405)
    for action in ("../stop", "stop/", "Stop", "rm", "stop%00", "state/../stop", "__class__", "", "state", "events"):
        yield request(server, "POST", f"api/s/{NAME}/{action}"), (400, 404, 405)


def test_requests_of_strangers_do_nothing(server, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    asked = list(strangers(server))
    assert len(asked) > 100
    for head, statuses in asked:
        answer = raw(server, head)
        assert SECRET not in answer
        status = int(answer.split(" ", 2)[1]) if answer else 400
        assert status in statuses, head
        if status != 400:  # which is said before the guard is asked
            assert "access-control" not in answer.lower()
            assert "referrer-policy: no-referrer" in answer
            assert "default-src 'none'" in answer
    with server.page(NAME) as page:
        page.when(lambda page: page.states == ["created"])
    assert "actions" not in page.known
    assert sorted(tmp_path.rglob("*")) == before


def test_bodies_of_strangers_are_not_read(server, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    for length in ("10000000", "99999999999999999999", "16385"):
        answer = raw(server, request(server, "POST", Content_Length=length), more=bytes(500_000))
        assert answer == "" or " 413 " in answer
    chunk = b"7a120\r\n" + bytes(500_000) + b"\r\n"
    head = request(server, "POST", Transfer_Encoding="chunked", Content_Length=None)
    answer = raw(server, head, more=chunk)
    assert answer == "" or " 413 " in answer
    for length in ("-1", "1e3", "0x10", "3, 4", "+3"):
        assert " 400 " in raw(server, request(server, "POST", Content_Length=length))
    for body in (b"[]", b"3", b"{", b"\xff", b"null", b"[" * 16_000, b'{"__proto__": 1}', b'{"run": NaN}'):
        answer = raw(server, request(server, "POST", body=body), body)
        assert " 400 " in answer, body
    assert raw(server, "nonsense\r\n\r\n").startswith("HTTP/1.1 400")
    assert server.data("api/searches")["searches"][0]["name"] == NAME
    assert sorted(tmp_path.rglob("*")) == before


def test_connections_that_say_nothing_keep_nobody_out(server):
    whole = request(server, path="", token="x" * 32, Connection="keep-alive")  # is answered, and stays open
    heads = ("", "GET ", whole, "GET / HTTP/1.1\r\nHost: 127", "POST / HTTP/1.1\r\nA: b\r\n", whole * 9)
    with contextlib.ExitStack() as held:
        for number in range(200):
            connection = held.enter_context(socket.create_connection(("127.0.0.1", server.port), SECONDS))
            with contextlib.suppress(OSError):
                connection.sendall(heads[number % len(heads)].encode())
            if number % 50 == 49:
                assert server.data("api/searches")["searches"][0]["name"] == NAME
        with server.page(NAME) as page:
            page.when(lambda page: page.states == ["created"])
    assert len([*Path(f"/proc/{server.process.pid}/fd").iterdir()]) < 120


def test_pages_beyond_the_limit_are_told_so(server):
    with contextlib.ExitStack() as held:
        for _ in range(32):
            held.enter_context(server.page(NAME))
        assert server.ask(f"api/s/{NAME}/events")[0] == 503
        assert server.data("api/searches")["searches"][0]["name"] == NAME
