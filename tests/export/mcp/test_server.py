"""``gridfold mcp``, asked by the client of the package itself."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time

import jsonschema
import pytest
from mcp import Client, StdioServerParameters

from gridfold.core.errors import ConfigError
from gridfold.export.json.document import schema
from gridfold.export.mcp.folder import Folder
from gridfold.export.mcp.server import Looking, server
from tests import made
from tests.conftest import ROOT

READS = ["list_searches", "status", "results", "best", "logs", "explain", "plan"]
RUNS = ["start_search", "resume_search", "confirm", "stop_run", "stop_search"]
TRAIN = """
open("imported", "w").close()

def train(config, run):
    print("lr", config["lr"])
    return {"val_loss": (config["lr"] - 0.2) ** 2 + (run.seed or 0) / 1e4}
"""
CONFIG = "gridfold: {trainer: 'train:train', metric: val_loss}\nlr: [0.1, 0.2, 0.3]\n"
WAITS = """
import os, time

def train(config, run):
    run.report(val_loss=config["lr"])
    while not run.should_stop() and not os.path.exists("go"):
        time.sleep(0.05)
"""
SECRET = "the secret"
CLIENT = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
HELLO = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": CLIENT}).encode() + b"\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with two searches, and a secret beside it."""
    outside, served = tmp_path / "outside", tmp_path / "served"
    outside.mkdir()
    served.mkdir()
    (outside / "secret.yaml").write_text(f"key: {SECRET}\nlr: [1, 2]\n")
    (served / "train.py").write_text(TRAIN)
    (served / "config.yaml").write_text(CONFIG)
    made.search(served / "runs", "one_1", [made.completed(x, val_f1=x / 4) for x in (1, 2, 3)])
    made.search(served / "runs", "two_2", [made.completed(x, val_f1=x / 4) for x in (1, 2)])
    (served / "runs" / "one_1_0" / "log.txt").write_text("first line\nlast line\n")
    monkeypatch.chdir(served)
    return served


@pytest.fixture
def ask(folder):
    """Calls a tool; gives whether it is an error, and what it says."""

    def call(tool, *, allow_run=False, **arguments):
        async def asked():
            async with Client(server(folder / "runs", allow_run=allow_run)) as client:
                return await client.call_tool(tool, arguments)

        found = asyncio.run(asked())
        return found.is_error, found.structured_content or found.content[0].text

    return call


def names(folder, **options):
    async def listed():
        async with Client(server(folder / "runs", **options)) as client:
            return {tool.name: tool for tool in (await client.list_tools()).tools}

    return asyncio.run(listed())


def test_what_it_offers(folder):
    tools = names(folder, allow_run=False)
    assert [*tools] == READS
    assert all(tool.annotations.read_only_hint and tool.description for tool in tools.values())
    tools = names(folder, allow_run=True)
    assert sorted(tools) == sorted([*READS, *RUNS])
    assert not any(tools[name].annotations.read_only_hint for name in RUNS)


@pytest.mark.parametrize(
    ("tool", "arguments", "name"),
    [
        ("list_searches", {"count": 1}, "list/1"),
        ("status", {"search": "one_1"}, "status/1"),
        ("results", {"search": "one_1", "where": "lr > 1", "by_run": True}, "results/1"),
        ("best", {"search": "one_1"}, "best/1"),
        ("plan", {"config": "config.yaml", "variations": ["lr=0.1,0.5,0.7,0.9"]}, "plan/1"),
        ("explain", {"key": "gridfold.repeats"}, "explain/1"),
    ],
)
def test_documents_are_those_of_the_commands(ask, tool, arguments, name):
    is_error, said = ask(tool, **arguments)
    assert not is_error
    assert said["schema"] == f"gridfold/{name}"
    jsonschema.validate(said, schema(name))


@pytest.mark.parametrize("text", ["null", "[1]", '{"a": 1}', "true"])
def test_a_text_is_that_text(ask, text):
    for tool, name in (("explain", "key"), ("results", "where"), ("results", "metric"), ("results", "sort")):
        assert ask(tool, **{name: text})[0] or name == "where"
    assert ask("explain", key=text)[1].startswith(f"Error executing tool explain: no key '{text}'")


def test_a_log_is_its_end(ask):
    assert ask("logs", run="one_1:0", letters=10) == (False, {"result": "last line\n"})


def test_looking_runs_nothing_and_writes_nothing(folder, ask):
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    for tool, arguments in [("status", {}), ("best", {}), ("results", {}), ("plan", {"config": "config.yaml"})]:
        assert not ask(tool, **arguments)[0]
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    assert ask("plan", config="config.yaml")[1]["remarks"][0]["text"].startswith("the trainer was not asked")


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("status", {"search": "../outside"}),
        ("status", {"search": ".."}),
        ("status", {"search": "runs/one_1"}),
        ("best", {"search": "one_1/../../../outside"}),
        ("results", {"search": "no\x00name"}),
        ("logs", {"run": "../outside:0"}),
        ("logs", {"run": "one_1_0"}),
        ("plan", {"config": "../outside/secret.yaml"}),
        ("plan", {"config": "link.yaml"}),
        ("plan", {"config": "folder/secret.yaml"}),
        ("plan", {"config": "{outside}/secret.yaml"}),
        ("plan", {"config": "/etc/passwd"}),
        ("plan", {"config": "config.yaml", "variations": ["gridfold.trainer=os:system"]}),
        ("status", {"serach": "one_1"}),
        ("logs", {"run": "one_1:99"}),
        ("results", {"where": "__import__('os').system('touch imported')"}),
    ],
    ids=str,
)
def test_what_leads_out_is_refused(folder, ask, tool, arguments, snapshot):
    (folder / "link.yaml").symlink_to(folder.parent / "outside" / "secret.yaml")
    (folder / "folder").symlink_to(folder.parent / "outside")
    outside = str(folder.parent / "outside")
    said = ask(tool, **{k: v.replace("{outside}", outside) if isinstance(v, str) else v for k, v in arguments.items()})
    assert said[0]
    assert SECRET not in said[1]
    assert said[1].removeprefix(f"Error executing tool {tool}: ").replace(str(folder.parent), "…") == snapshot
    assert not (folder / "imported").exists()


@pytest.mark.parametrize("file", ["log.txt", "config.yaml", "metrics.jsonl", "", "search"])
def test_a_link_that_leads_out_hides_its_search(folder, ask, file):
    outside, run = folder.parent / "outside", folder / "runs" / "two_2_0"
    if file == "search":  # the whole search is elsewhere
        (folder / "runs" / "two_2").rename(outside / "two_2")
        (folder / "runs" / "two_2").symlink_to(outside / "two_2")
    elif file:
        (run / file).unlink(missing_ok=True)
        (run / file).symlink_to(outside / "secret.yaml")
    else:
        run.rename(outside / run.name)
        run.symlink_to(outside / run.name)
    for tool, arguments in [
        ("status", {"search": "two_2"}),
        ("best", {"search": "two_2"}),
        ("logs", {"run": "two_2:0"}),
    ]:
        is_error, said = ask(tool, **arguments)
        assert is_error
        assert "leads out of the folder" in said
    assert [each["search"] for each in ask("list_searches")[1]["searches"]] == ["one_1"]
    assert ask("status")[1]["search"] == "one_1"  # the last one that there is


def test_a_result_that_was_taken_from_elsewhere(folder, ask):
    record = folder / "runs" / "two_2_0" / "run.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"reused": "../../outside"}))
    assert ask("logs", run="two_2:0")[0]
    assert ask("best", search="two_2")[0]


def test_an_agent_may_not_run_unless_it_is_allowed(folder, ask):
    assert ask("start_search", config="config.yaml", prefix="new") == (True, "Unknown tool: start_search")


@pytest.mark.parametrize(
    "arguments",
    [
        {"config": "../outside/secret.yaml", "prefix": "new"},
        {"config": "config.yaml", "prefix": "../new"},
        {"config": "config.yaml", "prefix": "--resume"},
        {"config": "config.yaml", "prefix": "new", "variations": ["--trainer=os:system"]},
        {"config": "config.yaml", "prefix": "new", "variations": ["lr=high,higher", "--no-execute"]},
        {"config": "config.yaml", "prefix": "new", "repeats": 0},
        {"config": "config.yaml", "prefix": "new", "budget": "soon"},
    ],
    ids=str,
)
def test_what_cannot_be_started(folder, ask, arguments):
    before = sorted((folder / "runs").iterdir())
    assert ask("start_search", allow_run=True, **arguments)[0]
    assert sorted((folder / "runs").iterdir()) == before


def test_a_folder_of_another_name_cannot_be_run_in(project):
    with pytest.raises(ConfigError, match="needs a folder called runs"):
        server(project / "elsewhere", allow_run=True)


def test_what_it_needs(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "mcp.server", None)
    with pytest.raises(ConfigError) as refused:
        server(folder / "runs", allow_run=False)
    assert str(refused.value) == 'gridfold mcp needs the package mcp, 2.0 or newer\n  pip install "gridfold[mcp]"'


def test_a_folder_without_searches(tmp_path):
    with pytest.raises(ConfigError, match="no search"):
        Looking(Folder(tmp_path / "runs")).status()
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT, "end of input"])
def test_it_ends(folder, ending):
    program = [sys.executable, "-m", "gridfold", "mcp"]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(program, cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, **pipes) as process:
        process.stdin.write(HELLO)
        process.stdin.flush()
        assert b'"gridfold"' in process.stdout.readline()
        if ending == "end of input":
            process.stdin.close()
        else:
            process.send_signal(ending)
        assert process.wait(600) == (0 if ending == "end of input" else 130)
        assert process.stderr.read() == b""


def test_an_agent_stops_what_it_has_started(folder, ask):
    (folder / "train.py").write_text(WAITS)

    def do(tool, **arguments):
        is_error, said = ask(tool, allow_run=True, **arguments)
        assert not is_error, said
        return said

    def wait(search, is_so):
        end = time.monotonic() + 300
        while not is_so(do("status", search=search)):
            assert time.monotonic() < end
            time.sleep(0.1)

    search = do("start_search", config="config.yaml", prefix="waits", variations=["lr=0.1,0.2"])["search"]
    wait(search, lambda status: status["states"].get("running"))
    first = do("status", search=search)["running"][0]["index"]
    do("stop_run", run=f"{search}:{first}")
    wait(search, lambda status: status["states"].get("stopped"))
    wait(search, lambda status: status["states"].get("running"))
    do("stop_search", search=search)
    wait(search, lambda status: not status["active"])
    assert do("status", search=search)["left"] == 1
    (folder / "go").touch()
    do("resume_search", search=search)
    wait(search, lambda status: not status["left"])
    assert do("status", search=search)["states"] == {"stopped": 1, "completed": 1}


def test_an_agent_runs_a_search_over_standard_input(folder):
    """From the plan to the confirmed best, by the program as a person starts it."""
    program = StdioServerParameters(
        command=sys.executable,
        args=["-m", "gridfold", "mcp", "--allow-run"],
        cwd=str(folder),
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )

    async def session():
        async with Client(program) as client:

            async def told(tool, **arguments):
                found = await client.call_tool(tool, arguments)
                assert not found.is_error, found.content
                return found.structured_content

            async def over(search):
                while (await told("status", search=search))["left"]:
                    await asyncio.sleep(0.2)

            guide = (await client.read_resource("gridfold://guide")).contents[0].text
            plan = await told("plan", config="config.yaml")
            search = (await told("start_search", config="config.yaml", prefix="agent", repeats=2))["search"]
            await over(search)
            await told("confirm", search=search, repeats=2)
            while len((found := await told("best", search=search))["confirmation"]) < 2:
                await asyncio.sleep(0.2)
            return guide, plan, found

    guide, plan, found = asyncio.run(asyncio.wait_for(session(), 600))
    assert guide == (ROOT / "docs" / "agents.md").read_text()
    assert plan["to_run"] == 3
    assert found["params"] == {"lr": 0.2}
    assert found["confirmation"][0]["params"] == {"lr": 0.2}
