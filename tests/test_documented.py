"""README and docs, executed as written: each page is a session in a folder of its own, its blocks run in order.

A block of Python or YAML whose first line names a file (``# train.py``) is that file. Other Python is executed, other
YAML has to be a config, bash is run. A block without a language is what something printed.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gridfold.config.config import Config
from gridfold.runs.run import Run
from tests.conftest import ROOT

README = ROOT / "README.md"
PAGES = sorted(ROOT.glob("docs/*.md"))
CHECKOUT = ("hyper_main.py", "main.py", "src", "config", "examples")
# What pip makes of the entry point in pyproject.toml.
INSTALLED = f"#!{sys.executable}\nimport sys\nfrom gridfold.cli import main\nsys.exit(main())\n"
# Blocks that are not executed here: one needs the network; the commands of the other have tests of their own below.
ELSEWHERE = ("git clone", "python hyper_main.py")
OWN_FOLDERS = ("script",)  # pages about a folder of the reader's, without config/

SNIPPET_VARIATIONS_FROM_CONFIG = """
from src.utils.hyperparam_search import HyperParamSearch

# Initialize with config that contains parameter variations
search = HyperParamSearch('config/mlp_hyperparam_config.yaml')

# Automatically detect and use parameter variations from the config
run_dirs = search.run_grid_search(run_prefix='experiment')

print(f"Created {len(run_dirs)} configurations")
"""
SNIPPET_EXPLICIT_VARIATIONS = """
from src.utils.hyperparam_search import HyperParamSearch

# Initialize with base config
search = HyperParamSearch('config/mlp_config.yaml')

# Define parameter variations
param_variations = {
    'training.learning_rate': [1e-3, 1e-4, 1e-5],
    'training.batch_size': [16, 32]
}

# Create run directories with configurations
run_dirs = search.run_grid_search(param_variations, run_prefix='experiment')

print(f"Created {len(run_dirs)} configurations")
"""


def blocks(page):
    """The fenced blocks of a page: language ("" for output) and text."""
    return re.findall(r"^```([^\n`]*)\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)


def entry_commands():
    """The commands of README that start ``python hyper_main.py``, comments left out."""
    text = "\n".join(body for language, body in blocks(README) if language == "bash").replace("\\\n", " ")
    found = [shlex.split(line, comments=True) for line in text.splitlines()]
    return [words[1:] for words in found if words[:2] == ["python", "hyper_main.py"]]


def table_commands():
    """The commands in the first column of README's table."""
    return re.findall(r"^\| `(gridfold [^`]+)` \|", README.read_text(), re.MULTILINE)


class Session:
    """A checkout in which the blocks of a page are executed, one after another."""

    def __init__(self, folder):
        self.folder = folder
        for name in CHECKOUT:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, folder / name)
        program = folder / "bin" / "gridfold"
        program.parent.mkdir()
        program.write_text(INSTALLED)
        program.chmod(0o755)

    def start(self, *command, check=True):
        environment = {
            "PATH": f"{self.folder / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "HOME": str(self.folder),
            "HF_HUB_OFFLINE": "1",
            "COLUMNS": "160",
        }
        result = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=1800, check=False
        )
        assert not check or result.returncode == 0, f"{command[-1]}\n{result.stdout}{result.stderr}"
        return result

    def execute(self, language, body):
        if language in ("bash", "python"):
            body = re.sub(r"\b([a-z]+)_\d{6}", lambda name: self.search(name[1]), body)
        file = re.match(r"# (\w+\.(?:py|yaml))\n", body)
        if file and language in ("python", "yaml"):
            (self.folder / file[1]).write_text(body)
        elif language == "python":
            self.start(sys.executable, "-c", body)
        elif language == "yaml":
            (self.folder / "block.yaml").write_text(body)
            Config.load(self.folder / "block.yaml")
        elif language == "bash":
            self.start("bash", "-euo", "pipefail", "-c", body)
        else:
            assert language in ("", "{toctree}", "{eval-rst}"), f"what is a block of {language}?"

    def search(self, prefix):
        """The name of the latest search of a prefix."""
        return max(path.parent.name for path in self.folder.glob(f"runs/{prefix}_*/search.json"))


@pytest.fixture
def checkout(tmp_path):
    return Session(tmp_path)


@pytest.fixture(scope="session")
def readme(tmp_path_factory):
    """README, executed; its last search is that of the ready trainer."""
    pytest.importorskip("torch")
    session = Session(tmp_path_factory.mktemp("readme"))
    for language, body in blocks(README):
        if not any(word in body for word in ELSEWHERE):
            session.execute(language, body)
    return session


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page(page, tmp_path):
    session = Session(tmp_path)
    if page.stem in OWN_FOLDERS:
        shutil.rmtree(tmp_path / "config")
    for language, body in blocks(page):
        session.execute(language, body)


def test_the_readme_is_short():
    assert len(README.read_text().splitlines()) <= 130


def test_the_searches_of_the_readme(readme):
    sizes = {}
    for listing in readme.folder.glob("runs/*/runs.jsonl"):
        names = [json.loads(line)["run"] for line in listing.read_text().splitlines()]
        records = [Run(listing.parent.parent / name).read() for name in names]
        assert all(record.state == "completed" and record.metrics for record in records)
        sizes[listing.parent.name.rpartition("_")[0]] = len(names)
    assert sizes == {"forest": 6, "run": 6, "demo": 12}


def test_a_script_and_a_function_give_the_same_numbers(readme):
    """What README shows in its table comes of both."""
    found = []
    for prefix in ("forest", "run"):
        runs = readme.folder.glob(f"runs/{prefix}_*/run.json")
        found.append(sorted(json.loads(path.read_text())["metrics"]["val_accuracy"] for path in runs))
    assert found[0] == found[1]
    assert len(found[0]) == 6


def test_the_commands_of_the_readme(readme):
    function = readme.search("run")  # the quickest of the three
    commands = [command.replace(" last", f" {function}") for command in table_commands()]
    words = [command.split()[1] for command in commands]
    assert words == ["plan", "status", "resume", "resume", "results", "best", "report", "verify"]
    printed = {word: readme.start("bash", "-c", command).stdout for word, command in zip(words, commands, strict=True)}
    assert "trees" in printed["plan"]
    assert printed["verify"].endswith("2 of 2 runs give the same alone, to the last bit\n")


def test_a_runs_config_alone_reproduces_it(readme):
    original = min(readme.folder.glob("runs/demo_*/run.json"))
    readme.start(sys.executable, "main.py", "--config", str(original.parent / "config.yaml"))
    (again,) = [path for path in readme.folder.glob("runs/*/run.json") if re.match(r"\d{4}-", path.parent.name)]
    for name in ("metrics", "id"):
        assert json.loads(again.read_text())[name] == json.loads(original.read_text())[name]


@pytest.mark.parametrize("arguments", entry_commands(), ids=" ".join)
def test_every_entry_command_makes_its_runs(checkout, arguments):
    checkout.start(sys.executable, *arguments, *(["--no-execute"] if "--no-execute" not in arguments else []))
    (listing,) = checkout.folder.glob("runs/*/runs.jsonl")
    expected = 4 if "--param-variations" in arguments else 45 if any("hyperparam" in a for a in arguments) else 12
    assert len(listing.read_text().splitlines()) == expected


def test_the_documented_entry_stands_first_under_use():
    used = README.read_text().partition("\n## Use\n")[2]
    assert used.lstrip().startswith("```bash\npython hyper_main.py --config ")
    options = {word for words in entry_commands() for word in words if word.startswith("--")}
    assert options == {"--config", "--run-prefix", "--no-execute", "--param-variations"}


@pytest.mark.parametrize("entry", ["hyper_main.py", "main.py"])
def test_a_model_of_the_hub_cannot_be_loaded_offline(checkout, entry):
    config = "config/mlp_hyperparam_config.yaml" if entry == "hyper_main.py" else "config/mlp_config.yaml"
    result = checkout.start(sys.executable, entry, "--config", config, check=False)
    assert result.returncode == 2
    assert "model 'microsoft/deberta-v3-base' cannot be loaded" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (checkout.folder / "runs").exists()


@pytest.mark.parametrize(("snippet", "runs"), [(SNIPPET_VARIATIONS_FROM_CONFIG, 45), (SNIPPET_EXPLICIT_VARIATIONS, 6)])
def test_the_users_snippets(checkout, snippet, runs):
    result = checkout.start(sys.executable, "-c", snippet)
    assert result.stdout == f"Created {runs} configurations\n"
    assert len(list(checkout.folder.glob("runs/experiment_*/config.yaml"))) == runs


def test_the_site_builds_without_a_warning_and_loads_nothing_from_the_network(tmp_path):
    pytest.importorskip("sphinx")
    words = ["-m", "sphinx", "--quiet", "--fail-on-warning", "--keep-going", "docs", str(tmp_path)]
    result = subprocess.run(
        [sys.executable, *words], cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")
    for file in [*tmp_path.glob("*.html"), *tmp_path.rglob("*.css")]:
        assert not re.search(r"""(?:\bsrc=|<link[^>]*href=|@import|url\()["']?https?:""", file.read_text())
