"""A stage in two searches, between which a file has changed that is not read while the stage is computed."""

import json

import pytest

TRAINER = """
import functools
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import gridfold
from joblib.externals.loky import get_reusable_executor


def item(number):
    return int(Path("data.txt").read_text()) + number


@functools.cache
def remembered():
    return item(0)


def sum_of(how):
    if how == "remembered":
        return remembered()
    if how.startswith("loky"):
        return sum(get_reusable_executor(max_workers=1).map(item, [0]))
    if how == "executor":
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            return sum(pool.map(item, [0]))
    with multiprocessing.get_context(how).Pool(1) as pool:
        return sum(pool.map(item, [0]))


@gridfold.stage
def made(config):
    return sum_of(config["how"])


def train(config, run):
    if config["how"] == "loky, started before":
        sum_of("loky")
    return {"x": made(config)}


"""
WORKERS = {
    "spawn": "it starts a process",
    "executor": "it starts a process",
    "forkserver": "it ",  # also listens at a socket, which is a file
    "loky": "it ",  # also has a folder in memory
    "loky, started before": "it may use LokyProcess-1, a process that was started before",
}


@pytest.fixture
def search(project, write, gridfold):
    """Runs a search of one run, and gives what that says."""

    def run(how, number):
        write("data.txt", f"{number}\n")
        options = ["--trainer", "pools:train", "--run-prefix", f"of_{number}"]
        code, said = gridfold("search", "--config", write("config.yaml", f"how: {how}\n"), *options)
        assert code == 0, said
        (path,) = project.glob(f"runs/of_{number}_*/run.json")
        record = json.loads(path.read_text())
        assert record["metrics"] == {"x": number}
        return record

    return run


@pytest.mark.parametrize(("how", "why"), WORKERS.items(), ids=WORKERS)
def test_what_other_processes_read_is_not_known(how, why, write, search):
    write("pools.py", TRAINER)
    for number in (1, 20):
        (note,) = search(how, number)["notes"]
        assert note.startswith(f"the result of made is not kept: {why}")


def test_what_was_read_when_a_module_was_imported_counts(write, search):
    write("pools.py", f"{TRAINER}remembered()\n")
    records = [search("remembered", number) for number in (1, 20)]
    assert [record["notes"] for record in records] == [[], []]
