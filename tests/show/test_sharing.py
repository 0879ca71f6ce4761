"""What ``gridfold sharing`` says, and the end of a search: what was shared, what not and why, what to change."""

import json
import re

import pytest
from rich.console import Console

from gridfold.runs.store import Store
from gridfold.show.sharing import render

TRAINERS = """
import threading, time


def work(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def early(config):
    lr = config["training"]["lr"]
    work(0.5)
    rows = [1, 2]
    return lr * len(rows)


def late(config):
    work(0.3)
    rows = [1, 2]
    lr = config["training"]["lr"]
    return lr * len(rows) * config["training"]["size"]


def right_there(config):
    return fit(config["training"]["lr"])


def fit(lr):
    work(0.4)
    return lr


def writes(config):
    with open("file", "a") as file:
        work(0.3)
    return config["training"]["lr"]


def has_a_thread(config):
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    return config["training"]["lr"]
"""


@pytest.fixture
def search(command, write, project):
    """Runs a search, and gives what it printed."""
    write("trainers.py", TRAINERS)
    config = write("c.yaml", "training: {lr: [1, 2, 3, 4], size: [5, 6]}\n")

    def run(*arguments):
        result = command("hyper_main.py", "--config", config, *arguments)
        assert result.returncode == 0, result.stderr
        return result.stdout

    return run


@pytest.fixture
def sharing(command):
    """What ``gridfold sharing`` prints."""

    def say(*arguments):
        result = command("gridfold/__main__.py", "sharing", *arguments)
        assert result.returncode == 0, result.stderr
        return result.stdout

    return say


def masked(printed):
    """Without what differs from time to time: seconds, stamps, widths."""
    printed = re.sub(r"\d+\.\d+( times)?", r"#\1", printed)
    printed = re.sub(r"\b\d+ times less", "# times less", printed)
    return re.sub(r"(run)_\d+", r"\1_#", re.sub(r" {2,}(?=[│┃])|(?<=[│┃]) +|[━─]{2,}", " ", printed))


CAVEAT = "\nThe highest result counts as the best: if lower is better, say so by --minimize\\.\n$"


def test_a_trainer_that_reads_late(search, sharing, snapshot):
    printed = search("--trainer", "trainers:late")
    name = Store().find("last").name
    line = rf"\nSharing: \d\.\d+ s of CPU; a process for each run would take about \d\.\d s \(gridfold sharing {name}\)"
    assert re.search(line + CAVEAT, printed)
    assert masked(sharing()) == snapshot


def test_a_trainer_that_reads_early_is_told_the_line_and_what_it_costs(search, sharing):
    """The first line of the function; 8 runs of 4 values, 0.5 s of CPU for each value."""
    printed = search("--trainer", "trainers:early", "--parallel", "1")
    line = TRAINERS.splitlines().index('    lr = config["training"]["lr"]') + 1
    sentence = (
        rf"training\.lr was read at trainers\.py:{line}, and what came after ran 4 times, 0\.[45]\d s of CPU each:"
        rf" up to 3 × 0\.[45]\d s \((1\.\d) s of CPU, [\d.]+ s by the clock\) could be shared\. It is first used at"
        rf" line {line + 3}: read it there\."
    )
    assert re.search(f"\n{sentence}{CAVEAT}", printed)
    found = re.search(f"\nRead too early\n  {sentence}\n$", sharing("last"))
    assert float(found[1]) == pytest.approx(1.5, abs=0.2)


def test_where_no_better_place_is_known_it_says_only_what_it_may_cost(search, sharing):
    printed = search("--trainer", "trainers:right_there", "--parallel", "1")
    assert "trainers.py" not in printed
    said = r"training\.lr was read at trainers\.py:\d+, .* could be shared, as far as it does not depend on that\."
    assert re.search(rf"\nMaybe read too early\n  {said}\n$", sharing())


@pytest.mark.parametrize(
    "arguments",
    [
        ["--trainer", "trainers:has_a_thread"],
        ["--trainer", "trainers:has_a_thread", "--no-share"],
        ["--trainer", "trainers:has_a_thread", "--no-execute"],
        ["--trainer", "trainers:has_a_thread", "--param-variations", "training.lr=1", "training.size=5"],
        ["--", "echo", '{"metric": 1}'],
    ],
    ids=["thread", "no sharing", "not executed", "one run", "command"],
)
def test_why_nothing_was_shared(search, sharing, arguments, snapshot):
    assert "Sharing" not in search(*arguments)
    assert masked(sharing()) == snapshot


def test_a_file_that_is_written_early(search, sharing):
    search("--trainer", "trainers:writes", "--parallel", "1")
    said = r"writing file came at trainers\.py:\d+, and what came after ran 8 times, 0\.\d+ s of CPU each: up to 7 × "
    assert re.search(rf"\nMaybe read too early\n  {said}", sharing())


def test_a_search_that_is_resumed_has_several_batches(search, sharing, command, project):
    search("--trainer", "trainers:late")
    for record in project.glob("runs/*lr_[12]*/run.json"):
        record.write_text(json.dumps(json.loads(record.read_text()) | {"state": "failed"}))
    result = command("hyper_main.py", "--resume", "last")
    assert result.returncode == 0, result.stderr
    assert "\nSharing: " in result.stdout
    assert re.search(r"until training.lr \(trainers.py:\d+\) +│ +2 │ +6 │", sharing())


def test_it_fits_80_columns(search):
    search("--trainer", "trainers:early")
    console = Console(width=80, record=True)
    console.print(render(Store().find("last")))
    printed = console.export_text()
    assert "…" not in printed
    assert max(map(len, printed.splitlines())) <= 80


def test_no_such_search(command):
    result = command("gridfold/__main__.py", "sharing", "nothing")
    said = "  begin one: gridfold search --config FILE; or go to the folder that has runs/\n"
    assert (result.returncode, result.stderr) == (2, f"error: runs: no search 'nothing'\n{said}")
