"""Control characters of others are shown, and not sent to a terminal."""

import io
import json
import os
import pty
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from gridfold.core.errors import visible
from gridfold.show.console import VisibleConsole
from gridfold.show.text_table import Heading, TextTable
from tests import made

RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
EVIL = "\x1b[2J\x1b]0;title\x07\x9b31m\x7f\r\u202ebold"
SHOWN = "\\x1b[2J\\x1b]0;title\\x07\\x9b31m\\x7f\\r\\u202ebold"


@given(st.text())
def test_whatever_can_be_seen_stays(text):
    found = visible(text)
    assert not RAW.search(found)
    assert found == text or RAW.search(text) or set(text) & set("\u061c\u200e\u200f\u2028\u2029")


def test_tables_are_as_wide_as_what_is_shown():
    console = VisibleConsole(file=io.StringIO(), width=120)
    console.print(TextTable([Heading(EVIL), Heading("b")], [[EVIL, "x"], ["short", "y"]], False, ""))
    lines = console.file.getvalue().splitlines()
    assert len({len(line) for line in lines}) == 1
    assert sum(SHOWN in line for line in lines) == 2
    assert not RAW.search(console.file.getvalue())


@pytest.mark.parametrize("what", [EVIL, Text(EVIL)])
def test_texts(what):
    console = VisibleConsole(file=io.StringIO(), width=120)
    console.print(what)
    assert not RAW.search(console.file.getvalue())
    assert "\\x1b[2J" in console.file.getvalue()


@pytest.fixture
def search(project):
    failed = {"state": "failed", "error": {"type": EVIL, "message": EVIL, "place": EVIL}, "notes": [EVIL]}
    return made.search(
        project / "runs",
        "s_120000",
        [
            {"params": {"training.lr": EVIL}, "metrics": {f"{EVIL}acc": 0.5}, "host": EVIL},
            {"params": {"training.lr": 0.1}, **failed},
        ],
        git_commit=EVIL,
        packages={EVIL: EVIL},
    )


@pytest.mark.parametrize(
    "command",
    ["status", "results", "results --format csv", "best", "diff 0 1", "sharing", "report", "results --sort \x1bx"],
)
def test_every_command_that_looks(search, gridfold, command, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "dumb")  # no colours of our own
    _, said = gridfold(*command.split())
    assert said
    assert not RAW.search(said)


@pytest.mark.parametrize("form", ["markdown", "latex"])
def test_tables_for_documents_too(search, gridfold, form):
    _, said = gridfold("results", "--format", form)
    assert "2J" in said
    assert not RAW.search(said)


def test_logs_on_a_terminal(search, project, command, monkeypatch):
    run = next(search.entries())
    search.run(run).log_path.write_bytes(f"{EVIL}\r\n 10%|#\r 20%|##\n".encode())
    terminal, end = pty.openpty()
    try:
        import subprocess
        import sys

        code = "import sys; from gridfold.cli import main; sys.exit(main(['logs', '0']))"
        subprocess.run([sys.executable, "-c", code], stdout=end, check=True, cwd=project)
        shown = os.read(terminal, 10_000).decode().replace("\r\n", "\n")
    finally:
        os.close(terminal)
        os.close(end)
    assert not RAW.search(shown)
    assert shown.splitlines()[-2:] == [" 10%|#", " 20%|##"]


def test_logs_in_a_pipe_are_what_was_printed(search, gridfold):
    run = next(search.entries())
    search.run(run).log_path.write_text(json.dumps(EVIL) + "\x1b[31mred\n")
    assert gridfold("logs", "0") == (0, json.dumps(EVIL) + "\x1b[31mred\n")


def test_errors_of_the_config_reader(project, write, gridfold):
    code, said = gridfold("plan", "--config", write("c.yaml", '"x \\e[31m \\e]0;title\\a"\n'))
    assert code == 2
    assert not RAW.search(said)
