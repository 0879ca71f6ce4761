"""What names a second, and that one run begins in each."""

import errno
import os
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from gridfold.identity.sources import Sources
from gridfold.runs.seconds import Seconds
from gridfold.search.stamps import names_seconds, stamp_in

BEGAN = 1_732_871_230


def at(form, zone=None):
    return datetime.fromtimestamp(BEGAN + 4, zone).strftime(form)


@pytest.mark.parametrize(
    "name",
    [
        at("%Y%m%d-%H%M%S"),
        at("%Y-%m-%d_%H-%M-%S"),
        at("%Y%m%d%H%M%S"),
        at("%b%d_%H-%M-%S_host"),
        at("%H-%M-%S", UTC),
        at("%y%m%d_%H%M%S-resnet18-224"),
        at("exp %Y-%m-%d %H:%M:%S"),
        f"CartPole-v1__ppo__1__{BEGAN + 1}",
        f"{BEGAN}.txt",
    ],
)
def test_a_name_that_tells_the_second(name):
    assert stamp_in(f"/home/me/output/{name}/model.pt", BEGAN * 10**9) == name


@pytest.mark.parametrize(
    "name",
    [
        "model.pt",
        "step_100000.pt",
        f"{BEGAN - 100}",
        f"{BEGAN}0",
        at("%Y-%m-%d"),
        "224x224",
        f"events.out.tfevents.{BEGAN}.h",
    ],
)
def test_a_name_that_does_not(name):
    assert stamp_in(f"/home/me/output/{name}", BEGAN * 10**9) == ""


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ('name = datetime.now().strftime(r"%m%d_%H%M%S")', True),
        ('name = f"runs/{datetime.now():%Y-%m-%d_%H-%M-%S}"', True),
        ('name = f"{args.name}__{int(time.time())}"', True),
        ("python fit.py > $(date +%Y%m%d%H%M%S).txt", True),
        ('logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S")', False),
        ("began = time.time()", False),
        ("", False),
    ],
)
def test_a_source_that_may_name_files_by_the_second(tmp_path, source, names):
    (tmp_path / "train.py").write_text(source)
    files = {str(tmp_path / "train.py"): "hash", str(tmp_path / "gone.py"): None}
    assert names_seconds([Sources(), Sources(files)]) is names
    assert names_seconds([Sources(packages={"hydra-core": "1.3"})])


def test_runs_are_apart_until_it_is_known_that_they_need_not_be(tmp_path):
    seconds = Seconds(tmp_path)
    seconds.suppose()
    assert seconds.are_apart
    assert seconds.take()
    seconds.suppose_no_longer()
    assert not seconds.are_apart
    seconds.wait(lambda: False)
    seconds.set_apart()
    assert seconds.are_apart
    seconds.clear()
    assert not list(tmp_path.iterdir())


def test_one_run_begins_in_each_second(tmp_path, monkeypatch):
    now = [BEGAN + 0.9]
    monkeypatch.setattr("gridfold.runs.seconds.time.time", lambda: now[0])

    def take():
        taken = Seconds(tmp_path).take()
        for token in tmp_path.glob(".second-*"):
            if token.name.endswith(f"{int(now[0])}") and taken:
                os.utime(token, (now[0], now[0]))
        return taken

    taken = []
    for _ in range(40):
        taken += [now[0]] if take() else []
        now[0] += 0.1
    assert len({int(moment) for moment in taken}) == len(taken) == 4
    assert all(other - one > 0.99 for one, other in pairwise(taken))
    assert len(list(tmp_path.iterdir())) <= 3


def test_a_disk_that_is_read_only_by_now_does_not_hide_the_end(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    seconds = Seconds(tmp_path)
    seconds.suppose()
    monkeypatch.setattr(Path, "unlink", refuse)
    seconds.suppose_no_longer()
    assert seconds.are_apart
