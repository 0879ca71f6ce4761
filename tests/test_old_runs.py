"""Searches that an older gridfold left are read as it read them: ``old_runs/seen.txt`` is what it said of them."""

import csv
import json
import re
import shlex
import shutil
from pathlib import Path

import pytest

OLD = Path(__file__).parent / "old_runs"
FIGURE = re.compile(r"[^\s│]*\d[^\s│]*|completed|failed|interrupted|created")
GRID, FOLDS, RACE, BROKEN = "grid_024234", "folds_024239", "race_024256", "broken_024321"


@pytest.fixture
def old(project, monkeypatch):
    """The project of the old searches, as it was; the working directory."""
    shutil.copytree(OLD, project, dirs_exist_ok=True)
    (project / "saved").rename(project / "runs")
    monkeypatch.setenv("COLUMNS", "160")
    return project


def seen():
    """Each command of the transcript, with what it printed."""
    for part in (OLD / "seen.txt").read_text().removeprefix("$ ").split("\n$ "):
        command, _, said = part.partition("\n")
        yield shlex.split(command)[1:], said


SEEN = list(seen())
LOOKS = [(arguments, said) for arguments, said in SEEN if arguments[0] != "resume"]
BEFORE = LOOKS[:-3]
AFTER = LOOKS[-3:]  # the broken search, when it had been resumed


def figures(said):
    """The numbers of a text, names of runs and states, in order."""
    return [found.strip(".,:;()") for found in FIGURE.findall(said)]


def value(cell):
    """Numbers by their values: a column of metrics had 3 and 3.0 in it, and has floats now."""
    try:
        return float(cell)
    except ValueError:
        return cell


@pytest.mark.parametrize(("arguments", "said"), BEFORE, ids=[" ".join(arguments) for arguments, _ in BEFORE])
def test_what_is_said_of_an_old_search_is_what_was_said(arguments, said, old, gridfold):
    code, now = gridfold(*arguments)
    assert code == 0, now
    if "csv" in arguments:
        now, said = ([list(map(value, row)) for row in csv.reader(text.splitlines())] for text in (now, said))
        assert now == said
    else:
        assert figures(now) == figures(said)


@pytest.mark.parametrize("search", [GRID, RACE])
def test_nothing_is_left_to_do_in_an_old_search_that_is_completed(search, old, gridfold):
    before = {path: path.read_bytes() for path in old.glob(f"runs/{search}_*/run.json")}
    assert before
    code, now = gridfold("resume", search)
    assert code == 0, now
    (said,) = [said for arguments, said in SEEN if arguments == ["resume", search]]
    assert figures(now)[:3] == figures(said)[:3]  # N of N runs are completed
    assert {path: path.read_bytes() for path in old.glob(f"runs/{search}_*/run.json")} == before


def test_an_old_search_that_was_interrupted_is_completed(old, gridfold):
    kept = [old / f"runs/{BROKEN}_size_{size}/run.json" for size in (4, 6)]
    before = [path.read_bytes() for path in kept]
    code, now = gridfold("resume", BROKEN)
    assert code == 1, now  # one fails again
    assert [path.read_bytes() for path in kept] == before
    for arguments, said in AFTER:
        code, now = gridfold(*arguments)
        assert code == 0, now
        assert figures(now) == figures(said)


@pytest.mark.parametrize(("option", "meant"), [("--fold", True), ("--no-fold", False)])
def test_old_options_are_understood(option, meant, write, gridfold, project):
    config = write("c.yaml", "gridfold: {trainer: 'toy:train'}\nlr: [0.5, 0.25]\n")
    code, said = gridfold("search", "--config", config, option)
    assert code == 0, said
    (facts,) = project.glob("runs/*/search.json")
    assert json.loads(facts.read_text())["execution"]["share"] is meant


@pytest.mark.parametrize("command", [[], ["search"], ["resume"], ["plan"], ["sharing"]])
def test_no_help_has_an_old_name(command, gridfold, capsys):
    with pytest.raises(SystemExit):
        gridfold(*command, "--help")
    said = capsys.readouterr().out
    assert said
    words = set(re.findall(r"[\w-]*fold[\w-]*", said)) - {"gridfold", "folds", "--folds"}
    assert words <= {"fold", "folder"}  # a part of the data, as {fold}
    assert "\n    fold " not in said


def test_old_options_of_a_search_hold_when_it_is_resumed(old, gridfold):
    code, said = gridfold("sharing", FOLDS)
    assert code == 0
    assert said.endswith("executed with --no-share.\n")


def test_an_old_search_with_a_config_that_is_refused_now_is_shown_but_not_resumed(write, gridfold, project):
    base = "gridfold: {trainer: 'toy:train', tags: keep}\nlr: [0.5, 0.25]\nm: !choice [a, b]\n"
    assert gridfold("search", "--config", write("c.yaml", base), "--no-execute")[0] == 0
    (copy,) = project.glob("runs/*/base.yaml")
    copy.write_text(base.replace("[a, b]", "[!ref <a>, !ref <b>]"))
    code, said = gridfold("resume", "last")
    assert code == 2, said
    assert "c.yaml:3:4: m: values with !ref, a tag for another loader, vary only as branches" in said
    assert f"{copy.parent.name} cannot go on with such a config: begin a new search with another one" in said
    for command in ("results", "status"):
        assert gridfold(command, "last")[0] == 0
