"""The examples, executed as their READMEs say, in a copy of their folder."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gridfold.config.config import Config
from gridfold.runs.run import Run
from tests.conftest import ROOT

EXAMPLES = sorted(path.parent.name for path in ROOT.glob("examples/*/README.md"))


def commands(example):
    text = (ROOT / "examples" / example / "README.md").read_text()
    return [block.strip() for block in re.findall(r"```bash\n(.*?)```", text, re.DOTALL)]


# What pip makes of the entry point in pyproject.toml.
INSTALLED = f"""#!{sys.executable}
import sys
from gridfold.cli import main
sys.exit(main())
"""


def execute(command, folder, programs):
    return subprocess.run(
        ["bash", "-euc", command],
        cwd=folder,
        env={
            "PATH": f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "HOME": str(folder),
            "COLUMNS": "160",
        },
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


@pytest.fixture
def programs(tmp_path):
    """A folder with the command gridfold, as an installed package has it."""
    program = tmp_path / "bin" / "gridfold"
    program.parent.mkdir()
    program.write_text(INSTALLED)
    program.chmod(0o755)
    return program.parent


@pytest.fixture
def copied(tmp_path):
    """Copies an example, with the entry point where it is in a checkout."""

    def copy(example):
        shutil.copy(ROOT / "hyper_main.py", tmp_path)
        return shutil.copytree(ROOT / "examples" / example, tmp_path / "examples" / example)

    return copy


@pytest.mark.parametrize(
    ("example", "command"),
    [
        pytest.param(example, command, id=f"{example}-{position}")
        for example in EXAMPLES
        for position, command in enumerate(commands(example))
    ],
)
def test_a_command_of_an_example(copied, programs, example, command):
    folder = copied(example)
    result = execute(command, folder, programs)
    assert result.returncode == 0, result.stdout + result.stderr
    (listing,) = folder.glob("runs/*/runs.jsonl")
    runs = [Run(listing.parent.parent / json.loads(line)["run"]) for line in listing.read_text().splitlines()]
    records = [run.read() for run in runs]
    assert len(runs) > 1
    assert [record.state for record in records] == ["completed"] * len(runs)
    assert all(record.metrics for record in records)
    assert len({json.dumps(record.metrics) for record in records}) > 1, "what varies changes nothing"
    assert all(run.log_path.exists() for run in runs)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_says_how_many_runs_it_makes(example):
    parameters = Config.load(ROOT / "examples" / example / "config.yaml").parameters
    count = 1
    for parameter in parameters:
        count *= len(parameter.values)
    word = {6: "six", 9: "nine"}[count]
    assert f"{word} runs" in (ROOT / "examples" / example / "README.md").read_text().lower()


def test_every_example_can_be_run_from_a_checkout():
    assert len(EXAMPLES) == 3
    for example in EXAMPLES:
        installed, checkout = commands(example)
        assert installed.startswith("gridfold search --config config.yaml")
        assert checkout.startswith("python ../../hyper_main.py --config config.yaml")


def test_the_script_knows_nothing_of_gridfold():
    assert "gridfold" not in (ROOT / "examples/sklearn_script/train.py").read_text()
