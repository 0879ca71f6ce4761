"""``gridfold init``: a config to start from, for scripts as people write them."""

import json
import re
import shlex
import subprocess
import sys

import pytest

from gridfold.config.config import Config
from gridfold.core.errors import ConfigError
from gridfold.export.mcp.folder import Folder
from gridfold.export.mcp.server import Looking
from gridfold.text.data_settings import read_data
from gridfold.text.head import read_head
from gridfold.text.section import LazyConfig
from gridfold.text.settings import read_model
from tests.trainers.starters import SCRIPTS

REQUIRED = ("data", "tag", "lr", "hidden")


@pytest.mark.parametrize("kind", SCRIPTS)
def test_a_script(kind, project, write, gridfold, snapshot):
    write("work.py", SCRIPTS[kind])
    code, said = gridfold("init", "work.py")
    config = project / "config.yaml"
    assert (code, said) == (0, "wrote config.yaml\nlook at it, then: gridfold plan --config config.yaml\n")
    text = config.read_text()
    config.write_text(given(text))
    assert (text.partition("explain\n")[2], first_command(project)) == snapshot


@pytest.mark.parametrize("kind", ["argparse", "click"])
def test_the_program_gets_its_defaults(kind, project, write, gridfold):
    """What it parses is what it parses without the options that it need not be given."""
    pytest.importorskip(kind)
    write("work.py", SCRIPTS[kind])
    gridfold("init", "work.py")
    (project / "config.yaml").write_text(given((project / "config.yaml").read_text()))
    least, said = ["work.py", "1", "--tag", "1"], shlex.split(first_command(project))[1:]
    printed = [
        subprocess.run([sys.executable, *words], check=True, capture_output=True, text=True).stdout
        for words in (least, said)
    ]
    ignored = r"'(config|output_dir)': '[^']*'"
    assert re.sub(ignored, "", printed[0]) == re.sub(ignored, "", printed[1])


def given(text):
    """A config in which what must be given is 1."""
    return re.sub(r"# (\w+):( # required.*| #.*to pass it.*|)$", r"\1: 1", text, flags=re.MULTILINE)


def test_options_that_a_module_beside_the_script_declares(project, write, gridfold):
    write("code/opts.py", "def parser(made):\n    made.add_argument('--lr', type=float, default=0.5)\n")
    write("code/work.py", "import os\nfrom opts import parser\nsteps = 3\n")
    assert gridfold("init", "code/work.py")[0] == 0
    assert first_command(project) == "python code/work.py --lr 0.5"


def first_command(project):
    """What a plan of the config would run first; for a config that is not complete, the error."""
    try:
        found = Looking(Folder(project / "runs")).plan("config.yaml")["first_command"]
        return found and found.replace(f"{project}/", "")
    except ConfigError as error:
        return error.problem


def test_a_value_that_must_be_given_is_an_error_of_the_plan(write, gridfold):
    write("work.py", SCRIPTS["argparse"])
    gridfold("init", "work.py")
    code, said = gridfold("plan", "--config", "config.yaml")
    assert code == 2
    assert "the config has no 'data', which the command takes from it" in said


@pytest.mark.parametrize(
    "script",
    [
        "def parse(s):\n    t = s.add_parser('train')\n    t.add_argument('--lr', default=0.0)\n"
        "    s.add_parser('test')\n",
        "@click.group()\ndef cli(): ...\n@cli.command()\n@click.option('--lr', default=0.0)\ndef train(lr): ...\n"
        "@cli.command('test')\ndef check(): ...\n",
        "app = typer.Typer()\n@app.command()\ndef train(lr: float = 0.0): ...\n@app.command()\ndef test(): ...\n",
    ],
    ids=["argparse", "click", "typer"],
)
def test_a_script_with_commands(script, project, write, gridfold):
    write("work.py", f"import click, typer\n{script}")
    gridfold("init", "work.py")
    text = (project / "config.yaml").read_text()
    assert "\n# the script has subcommands (train, test): write the one to run where it belongs in trainer" in text
    assert "\n#   lr: [0.0, 0.1]\n" in text


def test_a_script_with_one_command_of_click_or_typer_has_none(project, write, gridfold):
    write("work.py", "@app.command()\n@click.command()\ndef train(): ...\n")
    gridfold("init", "work.py")
    assert "subcommands" not in (project / "config.yaml").read_text()


@pytest.mark.parametrize("target", ["package.work:train", "package/work.py", "package/work.py:train"])
def test_a_function(target, project, write, gridfold):
    write("package/work.py", SCRIPTS["function"])
    assert gridfold("init", target, "-o", "other.yaml")[0] == 0
    text = (project / "other.yaml").read_text()
    assert "trainer: 'package.work:train'" in text
    assert "training:\n  epochs: 3\n  # lr: # required\n" in text


def test_the_next_command_names_the_config(write, gridfold):
    write("config.yaml", "lr: [0.1, 0.2]\n")
    code, said = gridfold("plan")
    assert (code, "\n  give one: --config config.yaml\n" in said) == (2, True)


def test_an_example_that_runs(project, gridfold):
    assert gridfold("init")[0] == 0
    code, _ = gridfold("search", "--config", "config.yaml", "--run-prefix", "demo", "--quiet")
    assert code == 0
    (record,) = project.glob("runs/demo_*_single/run.json")
    assert json.loads(record.read_text())["metrics"]["val_loss"] == pytest.approx(0.9**3)


def test_the_ready_trainer(project, gridfold, snapshot):
    assert gridfold("init", "--text")[0] == 0
    assert (project / "config.yaml").read_text() == snapshot
    lazy = LazyConfig(Config.load("config.yaml").data | {"training": {}})
    assert read_model(lazy).name == "microsoft/deberta-v3-base"
    assert read_data(lazy).train == "data/train.csv"
    assert len(read_head(lazy.section("model")).layers) == 4


def test_nothing_is_overwritten(project, write, gridfold, snapshot):
    write("train.py", "mine")
    assert gridfold("init") == (2, snapshot)
    write("config.yaml", "mine: 1")
    assert gridfold("init", "--text") == (2, snapshot)
    (project / "link.yaml").symlink_to("nowhere.yaml")
    assert gridfold("init", "--text", "-o", "link.yaml")[0] == 2
    assert [(project / name).read_text() for name in ("train.py", "config.yaml")] == ["mine", "mine: 1"]
    assert not (project / "nowhere.yaml").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("wrok.py",),
        ("work:trian",),
        ("broken.py",),
        ("run.sh",),
        ("work.py", "-o", "no/such/folder.yaml"),
        ("work.py", "--text"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_read(project, write, gridfold, snapshot, words):
    write("work.py", SCRIPTS["function"])
    write("broken.py", "def train(:\n")
    write("run.sh", "python work.py $1\n")
    assert gridfold("init", *words) == (2, snapshot)
    assert not (project / "config.yaml").exists()
