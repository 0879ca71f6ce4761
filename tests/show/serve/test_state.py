"""What a page hears of a search that others execute: from the begin to the end, through death and resumption."""

import os
import re
import signal
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.show.serve.server import served, wait_for

TRAINER = '''
"""Reports, and waits for a file before each end."""

import os, time


def train(config, run):
    x = config["x"]
    print("run of x", x)
    for epoch in (1, 2, 3):
        run.report(epoch=epoch, val_f1=x * epoch / 10, test_f1=0.5)
    while not os.path.exists(f"go-{x}"):
        if run.should_stop():
            return None
        time.sleep(0.02)
    if os.path.exists("fails"):
        raise ValueError("this one fails")
    run.report(epoch=4, val_f1=x)
'''


@pytest.fixture
def begin(tmp_path):
    """Starts a search, or continues one; its process, and the search's name."""
    (tmp_path / "waits.py").write_text(TRAINER)
    (tmp_path / "config.yaml").write_text('gridfold: {trainer: "waits:train"}\nx: [1, 2, 3, 4]\n')
    processes = []

    def start(*words):
        process = subprocess.Popen(
            [sys.executable, "-m", "gridfold", *words, "--quiet"],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        processes.append(process)
        found = wait_for(lambda: [*tmp_path.glob("runs/*/runs.jsonl")])
        return process, found[0].parent.name

    yield start
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def go(folder, *values):
    """Let runs end."""
    for value in values:
        (folder / f"go-{value}").touch()


def look_at_the_end(server, page, name):
    """What there is of a search that is over."""
    page.when(lambda page: page.states == ["completed"] * 4)
    page.when(lambda page: page.known["actions"][-1]["exit_code"] == 0)
    assert page.known["search"]["best"] == 3
    page.when(lambda page: page.known["search"]["ended"])
    assert [page.cell(index, "value") for index in range(4)] == [1, 2, 3, 4]
    page.when(lambda page: server.data(f"api/s/{name}/answer")["summary"]["states"] == {"completed": 4})
    assert server.ask(f"api/s/{name}/log/3")[2] == b"run of x 4\n"
    assert server.data(f"api/s/{name}/curve/3")[-1] == [4.0, 4.0]
    wait_for(lambda: server.data("api/searches")["searches"][0]["states"] == {"completed": 4})
    assert server.data("api/searches")["searches"][0]["best"] == 4
    status, _, report = server.ask(f"s/{name}/report")
    assert status == 200
    assert b"gridfold report" in report
    link = re.search(rb'href="[.][.]/([^"]+x_4/)log.txt"', report) or re.search(rb'href="[.][.]/([^"]+x_4/)"', report)
    assert b'<a href="run.json">' in server.ask(f"s/{link[1].decode()}")[2]
    assert server.ask(f"s/{link[1].decode()}log.txt")[2] == b"run of x 4\n"
    assert server.ask(f"s/{link[1].decode()}waits.py")[0] == 404


def test_a_search_that_runs_dies_and_is_resumed(tmp_path, begin):
    search, name = begin("search", "--config", "config.yaml", "--parallel", "2", "--no-share")
    with served(tmp_path) as server, server.page(name) as page:
        page.when(lambda page: page.states == ["running", "running", "created", "created"])
        page.when(lambda page: page.known["search"]["is_alive"] and page.known["search"]["metric"] == "val_f1")
        page.when(lambda page: page.known["curves"].get("1") == [[1.0, 0.2], [2.0, 0.4], [3.0, pytest.approx(0.6)]])
        page.when(lambda page: page.known["tails"].get("1") == "run of x 2\n")
        wait_for(lambda: server.data("api/searches")["searches"][0]["states"] == {"running": 2, "created": 2})
        assert page.cell(1, "value") == pytest.approx(0.6)
        assert page.cell(1, "x") == "2"
        assert page.known["search"]["parallel"] == 2
        assert page.known["search"]["can"] == {
            "stop_run": True,
            "stop": True,
            "retry": False,
            "resume": False,
            "more": False,
        }
        assert not any(column["name"] == "test_f1" for column in page.known["columns"])
        known = page.id

        go(tmp_path, 1)
        page.when(lambda page: page.states == ["completed", "running", "running", "created"])
        page.when(lambda page: "answer" in page.known)
        assert page.cell(0, "value") == 1.0
        assert page.known["curves"]["0"][-1] == [4.0, 1.0]
        with server.page(name, known) as other:  # which lost its connection for a moment
            wait_for(lambda: "change" in [event for event, _ in other.events])
            assert "state" not in [event for event, _ in other.events]
        with server.page(name, "from-another-server-7") as other:
            wait_for(lambda: other.known and other.known["runs"] == page.known["runs"])

        os.killpg(search.pid, signal.SIGKILL)
        page.when(lambda page: page.states == ["completed", "lost", "lost", "created"])
        page.when(lambda page: not page.known["search"]["is_alive"] and page.known["search"]["can"]["resume"])
        dead = {"completed": 1, "lost": 2, "created": 1}
        wait_for(lambda: server.data("api/searches")["searches"][0]["states"] == dead)

        go(tmp_path, 2, 3, 4)
        status, said = server.act(name, "resume")
        assert status == 202
        assert said["command"][:2] == ["gridfold", "resume"]
        look_at_the_end(server, page, name)
    assert "Traceback" not in server.said


def test_buttons_do_what_commands_do(tmp_path, begin):
    search, name = begin("search", "--config", "config.yaml", "--parallel", "2", "--no-share")
    (tmp_path / "fails").touch()
    with served(tmp_path, name) as server, server.page(name) as page:
        page.when(lambda page: page.states[:2] == ["running", "running"])
        assert server.act(name, "stop-run", run=0)[0] == 202
        page.when(lambda page: page.states[0] == "stopped")
        go(tmp_path, 2)
        page.when(lambda page: page.states == ["stopped", "failed", "running", "running"])
        assert server.act(name, "stop")[0] == 202
        assert search.wait() == 130
        page.when(lambda page: page.states == ["stopped", "failed", "interrupted", "interrupted"])
        page.when(lambda page: not page.known["search"]["is_alive"])

        (tmp_path / "fails").unlink()
        go(tmp_path, 1, 3, 4)
        assert server.act(name, "retry")[0] == 202
        page.when(lambda page: page.states == ["stopped", "completed", "interrupted", "interrupted"])
        page.when(lambda page: page.known["actions"][-1]["exit_code"] == 0)
        assert server.act(name, "more", repeats=2, top=1)[0] == 202
        page.when(lambda page: len(page.states) == 5 and page.states[4] == "completed")
        assert page.cell(4, "repeat") == 1
        assert page.cell(4, "x") == "2"


def test_what_makes_no_command_does_nothing(tmp_path, begin, snapshot):
    go(tmp_path, 1, 2, 3, 4)
    search, name = begin("search", "--config", "config.yaml")
    search.wait()
    with served(tmp_path) as server:
        wrong = [
            server.act(name, "stop-run"),
            server.act(name, "stop-run", run="0; ls"),
            server.act(name, "stop-run", run=True),
            server.act(name, "stop-run", run=-1),
            server.act(name, "more", repeats=10**9),
            server.act(name, "more", repeats=2, top=1, command="ls"),
            server.act(name, "stop", run=3),
        ]
        assert wrong == snapshot
        assert server.ask(f"api/s/{name}/rm", "POST", {"X-Gridfold": server.token}, "{}")[0] == 404
        assert server.ask(f"api/s/{name}/log/4")[0] == 404
        assert server.ask(f"api/s/{name}/curve/99")[2] == b"[]"


def test_it_says_what_is_missing(tmp_path, gridfold, write, snapshot, monkeypatch):
    assert gridfold("serve") == snapshot
    assert gridfold("serve", "--port", "70000") == snapshot
    write("runs/a_120000/search.json", "{}")
    monkeypatch.setitem(sys.modules, "starlette", None)
    assert gridfold("serve") == snapshot
