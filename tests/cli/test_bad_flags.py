"""Flags and settings that cannot be meant: exit code 2, one message, nothing created."""

import pytest

from gridfold.cli import main

GRID = "optim: {lr: [1, 2], betas: [3, 3], eps: 1}\nsize: [16, 32]\n"
FLAGS = {
    "too many at a time": ["--parallel", "99999999999999999999"],
    "none at a time": ["--parallel", "0"],
    "more digits than Python reads": ["--parallel", "9" * 5000],
    "digits of another script": ["--parallel", "\N{FULLWIDTH DIGIT TWO}"],
    "too many threads": ["--threads", "999999999"],
    "too many runs of a GPU": ["--runs-per-gpu", "99999999999"],
    "too many folds": ["--folds", "1000000"],
    "no number of repeats": ["--repeats", "nan"],
    "too many retries": ["--retries", "99999999999"],
    "too long": ["--timeout", "99999999999999999999d"],
    "no time": ["--timeout", "nan"],
    "less than no time": ["--budget", "-5"],
    "more seconds than a float has": ["--budget", "9" * 400],
    "no checkpoints of the best": ["--keep-checkpoints", "best:0"],
    "no runs": ["--max-runs", "0"],
    "more runs than there may be": ["--max-runs", "3"],
    "more repeats than there may be": ["--max-runs", "11", "--repeats", "3"],
    "empty trainer": ["--trainer", ""],
    "empty trainer and a command": ["--trainer", "", "--", "python", "train.py"],
    "no function": ["--trainer", "toy:"],
    "not callable": ["--trainer", "os:path"],
    "takes no config": ["--trainer", "os:getcwd"],
    "no such script": ["--", "sh", "nofile.sh", "{size}"],
    "empty metric": ["--metric", " "],
    "empty config": ["--config", ""],
    "two pluses": ["--param-variations", "++size=1"],
    "a space before a name": ["--param-variations", "+ size=1"],
    "repeated value": ["--param-variations", "size=1,1"],
    "empty path to vary": ["--vary", ""],
    "unknown path to vary": ["--vary", "optim.lrr"],
    "one of the values to vary": ["--vary", "size.0"],
    "a repeated value to vary": ["--vary", "optim.betas"],
    "one value to vary": ["--vary", "optim.eps"],
}
SETTINGS = {
    "trainer": "{trainer: ''}",
    "metric": "{metric: ' '}",
    "threads": "{threads: 999999999}",
    "folds": "{folds: 1000000}",
    "max_runs": "{max_runs: 3}",
    "no max_runs": "{max_runs: .inf}",
    "vary": "{vary: [size, optm]}",
    "fixed and to vary": "{fixed: [optim], vary: [optim.lr]}",
}


@pytest.fixture
def refused(project, write, capsys):
    """Begins a search that is refused; gives what is said."""

    def run(text, *flags):
        before = sorted(project.rglob("*"))
        arguments = ["search", "--config", write("c.yaml", text), *flags]
        try:
            code = main(arguments)
        except SystemExit as ended:
            code = ended.code
        assert code == 2
        assert [path for path in sorted(project.rglob("*")) if "__pycache__" not in path.parts] == sorted(
            [*before, project / "c.yaml"]
        )
        return capsys.readouterr().err

    return run


@pytest.mark.parametrize("name", FLAGS)
def test_flags(refused, name, snapshot):
    assert refused(GRID, *FLAGS[name]) == snapshot


@pytest.mark.parametrize("name", SETTINGS)
def test_settings(refused, name, snapshot):
    assert refused(f"gridfold: {SETTINGS[name]}\n{GRID}") == snapshot


def test_one_parameter_multiplies_nothing(refused):
    assert "c.yaml: 10,001 runs (a), more than the limit of 10,000" in refused(f"a: {list(range(10_001))}\n")


def test_the_message_names_what_multiplies(refused, snapshot):
    assert refused(f"a: {list(range(101))}\nb: {list(range(100))}\nlayers: [64, 32]\n") == snapshot


@pytest.mark.parametrize(
    ("section", "hint"),
    [
        ("", 'in c.yaml, after the opening brace: "gridfold": {"fixed": ["layers"]},'),
        (
            '"gridfold": {"metric": "acc"}, ',
            'in the section gridfold of c.yaml, after the opening brace: "fixed": ["layers"],',
        ),
    ],
)
def test_the_message_says_it_in_json_where_the_config_is_json(refused, section, hint):
    said = refused(f'{{{section}"a": {list(range(101))}, "b": {list(range(100))}, "layers": [64, 32]}}\n')
    assert f"or what is one value, {hint}\n" in said
