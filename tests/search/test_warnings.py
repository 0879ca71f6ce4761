"""What is said before the first run of a search that is probably not as it was meant."""

import pytest

GRID = "m: {lr: [0.1, 0.2], bs: [16, 32]}\ntraining: {seed: 1}\n"
SCRIPT = '#!/bin/sh\necho "{\\"loss\\": 0.5}"\n'


@pytest.fixture
def warnings(command, write, project):
    """What a search with a command, or with options, warns of."""
    write("r.sh", SCRIPT)
    (project / "r.sh").chmod(0o755)

    def run(text, *arguments):
        result = command("gridfold/__main__.py", "search", "--config", write("c.yaml", text), *arguments)
        assert result.returncode == 0, result.stderr
        return [line.removeprefix("warning: ") for line in result.stderr.splitlines()]

    return run


def test_a_command_that_does_not_get_the_seed(warnings):
    assert warnings("x: [1, 2]\n", "--repeats", "2", "--", "./r.sh", "{x}") == [
        "no argument of the command has the seed of a repeat ({seed}), so unless it reads $GRIDFOLD_SEED, or draws"
        " without a seed, its repeats are all the same and tell nothing of the noise"
    ]
    (said,) = warnings(GRID, "--repeats", "2", "--", "./r.sh", "{m.lr}", "{m.bs}")
    assert "the seed of a repeat ({training.seed})" in said


@pytest.mark.parametrize(
    "arguments",
    [
        ("--repeats", "2", "--", "./r.sh", "{m}", "{training.seed}"),
        ("--repeats", "2", "--", "./r.sh", "{m}", "{training}"),
        ("--repeats", "2", "--", "./r.sh", "1", "{config}"),
        ("--repeats", "2", "--", "./r.sh", "1", "--to={run_dir}"),
        ("--repeats", "2", "--", "./r.sh", "1", "--from={run_dir}/config.yaml"),
        ("--repeats", "2", "--", "sh", "-c", 'cat "$GRIDFOLD_CONFIG" && ./r.sh'),
        ("--", "./r.sh", "{m.lr}", "{m.bs}"),
        ("--trainer", "toy:number", "--repeats", "2"),
    ],
)
def test_one_that_gets_all(warnings, arguments):
    assert warnings(GRID, *arguments) == []


def test_a_script_that_reads_the_environment(warnings, write, project):
    write("e.sh", 'echo "{\\"loss\\": $GRIDFOLD_SEED}"\n')
    assert warnings(GRID, "--repeats", "2", "--", "sh", "e.sh") == []


def test_a_parameter_that_a_command_does_not_get(warnings):
    assert warnings(GRID, "--", "./r.sh", "{m.lr}") == [
        "no argument of the command has m.bs ({m.bs}), so unless it reads $GRIDFOLD_CONFIG, its values make no"
        " difference"
    ]


def test_a_command_that_gets_only_where_to_write(warnings):
    (said,) = warnings("x: [1, 2]\n", "--", "./r.sh", "{run_dir}/model.pkl", "--log={run_dir}/logs/")
    assert said.startswith("no argument of the command has x ({x}), so")


def test_an_alias_of_a_parameter_is_enough(warnings):
    assert warnings("a: &a [1, 2]\nb: *a\n", "--", "./r.sh", "{b}") == []


def test_more_repeats_of_a_command_that_does_not_get_the_seed(warnings, command):
    assert warnings("x: [1, 2]\n", "--", "./r.sh", "{x}") == []
    for arguments in (("resume", "last", "--repeats", "2"), ("confirm", "--repeats", "1")):
        assert "no argument of the command has the seed" in command("gridfold/__main__.py", *arguments).stderr


def test_words_of_python(warnings):
    text = "depth: [2, None]\nflag: [0.1, 'True']\nactivation: [relu, None]\nsize: [1, null]\n"
    assert warnings(text, "--trainer", "toy:number", "--param-variations", "flag=1,'True'") == [
        "depth: 'None' is a text in YAML; is null meant?",
        "flag: 'True' is a text in YAML; is true meant?",
    ]
