"""Files of a search that are damaged, or anybody's: an error in a sentence, or passed over; no traceback, no hang."""

import json
import os
import shutil
import signal

import pytest

from tests import made

WHOLE = {
    "not UTF-8": b"\xff\xfe\x00lr: \x80\n",
    "deep": b"[" * 200_000 + b"\n",
    "empty": b"",
    "torn": b'{"a": 1, "b',
    "list": b"[1]\n",
    "objects": b'{}\n{"a": null}\n',
    "long line": b'{"x": "' + b"y" * 300_000 + b'"}\n',
    "pipe": os.mkfifo,
    "folder": os.mkdir,
    "device": lambda path: path.symlink_to("/dev/zero"),
}
WRONG = [None, True, -1, 10**400, "x", [1], ["a", {"b": []}], {"x": [1]}, {"a": None}]
SEARCH_FILES = ["search.json", "runs.jsonl", "sharing.jsonl", "base.yaml", "verify.json", "code.patch", "search.log"]
RUN_FILES = ["run.json", "metrics.jsonl", "progress.json", ".claim-1", "config.yaml", "log.txt"]
LOOK = [("status",), ("results", "--all"), ("best",), ("sharing",), ("diff", "0", "1"), ("logs", "0")]


@pytest.fixture
def search(project):
    runs = [made.completed(lr, acc=lr, reports=[{"epoch": 1, "acc": lr}]) for lr in (0.1, 0.01)]
    found = made.search(project / "runs", "s_120000", runs, parameters={"training.lr": [0.1, 0.01]})
    found.note_sharing({"batch": "a", "runs": 2, "imports": {"seconds": 1.0, "cpu_seconds": 1.0}})
    found.log("begin")
    return found


@pytest.fixture
def look(gridfold):
    """Looks at the search by every command; those that did otherwise than they should."""

    def hang(*_):
        raise TimeoutError("it hangs")

    def call(command):
        signal.signal(signal.SIGALRM, hang)
        signal.alarm(60)
        try:
            code, said = gridfold(*command)
        except SystemExit as end:
            code, said = end.code, ""
        except BaseException as error:
            return f"{command[0]}: {error!r:.200}"
        finally:
            signal.alarm(0)
        return "" if code in (0, 1, 2) and "Traceback" not in said else f"{command[0]}: {code} {said[-200:]}"

    return lambda commands=LOOK: [wrong for command in commands if (wrong := call(command))]


def replace(path, content):
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    path.unlink(missing_ok=True)
    content(path) if callable(content) else path.write_bytes(content)


@pytest.mark.parametrize("damage", WHOLE)
def test_a_file_that_is_damaged(search, look, damage):
    run = search.run(next(search.entries())).dir
    wrong = {}
    for path in [*(search.dir / name for name in SEARCH_FILES), *(run / name for name in RUN_FILES)]:
        kept = path.read_bytes() if path.exists() else None
        replace(path, WHOLE[damage])
        wrong[path.name] = look()
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        if kept is not None:
            path.write_bytes(kept)
    assert {name: said for name, said in wrong.items() if said} == {}


@pytest.mark.parametrize("name", ["search.json", "runs.jsonl", "run.json", "metrics.jsonl", "sharing.jsonl"])
def test_a_part_of_the_wrong_kind(search, look, name):
    run = search.run(next(search.entries())).dir
    path = search.dir / name if name in SEARCH_FILES else run / name
    text, wrong = path.read_text(), []
    first, rest = (text, "") if name.endswith(".json") else text.split("\n", 1)
    said = json.loads(first)
    for field in said:
        for value in WRONG:
            path.write_text(json.dumps(said | {field: value}) + "\n" + rest)
            wrong += [(field, value, each) for each in look(LOOK[:2])]
    assert wrong == []
