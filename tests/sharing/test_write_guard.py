"""What is written by Python's functions is seen before it happens; what is only read, or is a cache, is not."""

import builtins
import io
import os
import shutil
import tempfile
from pathlib import Path

import pytest

import gridfold
from gridfold.sharing.write_guard import WriteGuard

PACKAGE = Path(gridfold.__file__).parent


@pytest.fixture
def told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").write_text("text")
    (tmp_path / "folder").mkdir()
    found = []
    writes = WriteGuard(lambda what: found.append((what, sorted(path.name for path in tmp_path.iterdir()))))
    yield found
    writes.stop()


BEFORE = ["folder", "there"]


@pytest.mark.parametrize(
    ("write", "path"),
    [
        (lambda: open("new", "w").close(), "new"),
        (lambda: open(file="new", mode="xb").close(), "new"),
        (lambda: open("there", "r+").close(), "there"),
        (lambda: io.open(b"new", "a").close(), "new"),  # noqa: UP020
        (lambda: Path("new").write_text("x"), "new"),
        (lambda: Path("new").touch(), "new"),
        (lambda: os.close(os.open("new", os.O_WRONLY | os.O_CREAT)), "new"),
        (lambda: os.close(os.open("new", flags=os.O_RDWR | os.O_CREAT)), "new"),
        (lambda: os.mkdir(path="new"), "new"),
        (lambda: os.makedirs("folder", exist_ok=True), "folder"),
        (lambda: Path("new").mkdir(parents=True), "new"),
        (lambda: os.rename(src="there", dst="elsewhere"), "there"),
        (lambda: Path("there").unlink(), "there"),
        (lambda: shutil.rmtree("folder"), "folder"),
        (lambda: shutil.copy("there", "new"), "new"),
    ],
)
def test_what_is_about_to_be_written_is_told(write, path, told):
    write()
    assert told[0] == (f"writing {path}", BEFORE)


@pytest.mark.parametrize("beside", ["_train.py", "2/train.py", "-fork/gridfold/train.py", ".py"])
def test_a_file_whose_path_begins_like_the_packages_is_not_of_it(beside, told):
    scope = {}
    exec(compile("def write(): open('new', 'w').close()", f"{PACKAGE}{beside}", "exec"), scope)
    scope["write"]()
    assert told[0] == ("writing new", BEFORE)
    own = {}
    exec(compile("def write(): open('other', 'w').close()", f"{PACKAGE}/train.py", "exec"), own)
    own["write"]()
    assert len(told) == 1


def test_a_file_in_a_folder_whose_name_begins_like_a_caches_is_told(told, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "folder"))
    fresh = []
    writes = WriteGuard(fresh.append)
    (tmp_path / "folder2").mkdir()
    writes.stop()
    assert fresh == [f"writing {tmp_path / 'folder2'}"]


def test_a_temporary_folder_is_told_too(told):
    with tempfile.TemporaryDirectory(dir=".") as folder:
        assert len(told) == 1
        assert told[0][0].startswith("writing ")
        assert Path(folder).exists()


@pytest.mark.parametrize(
    "read",
    [
        lambda: open("there").close(),
        lambda: open(file="there", mode="rb").close(),
        lambda: Path("there").read_bytes(),
        lambda: os.close(os.open("there", os.O_RDONLY)),
        lambda: os.listdir("folder"),
        lambda: open(os.devnull, "w").close(),
        lambda: open(os.dup(1), "w").close(),
    ],
)
def test_what_is_only_read_is_not(read, told):
    read()
    assert told == []


def test_caches_and_stages_are_not(told, monkeypatch, tmp_path):
    Path(".stages").mkdir()
    Path(".stages/kept").write_text("x")
    told.clear()
    monkeypatch.setenv("HF_HOME", str(tmp_path / "folder"))
    fresh = []
    writes = WriteGuard(fresh.append)
    (tmp_path / "folder" / "model").mkdir()
    writes.stop()
    assert fresh == []


def test_a_cache_that_contains_the_working_directory_is_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path.parent))
    found = []
    writes = WriteGuard(found.append)
    Path("file").write_text("x")
    writes.stop()
    assert found[0] == "writing file"


def test_a_file_that_is_open_already_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = []
    with open("log", "w"), open("log"):
        writes = WriteGuard(found.append)
        writes.look()
        writes.stop()
    assert f"writing {tmp_path / 'log'}" in found


def test_in_the_end_all_is_as_before():
    before = builtins.open, io.open, os.open, os.mkdir
    writes = WriteGuard(print)
    assert builtins.open is not before[0]
    writes.stop()
    assert (builtins.open, io.open, os.open, os.mkdir) == before
