"""What README and the user's document say, executed as written on the shipped configs."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gridfold.runs.run import Run
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text()
ENTRY_POINTS = ("hyper_main.py", "main.py", "src", "config", "examples")

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


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def commands(*entry_points):
    """The commands of README that start so, comments left out."""
    text = "\n".join(blocks("bash")).replace("\\\n", " ")
    found = [shlex.split(line, comments=True) for line in text.splitlines()]
    wanted = [words[1:] for words in found if words and words[0] == "python" and words[1] in entry_points]
    return [words for position, words in enumerate(wanted) if words not in wanted[:position]]


def gridfold_commands():
    """The commands of README that start with ``gridfold``."""
    lines = "\n".join(blocks("bash")).replace("\\\n", " ").splitlines()
    found = [shlex.split(line, comments=True) for line in lines]
    return [words[1:] for words in found if words and words[0] == "gridfold"]


def execute(arguments, folder, **environment):
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "HF_HUB_OFFLINE": "1", "COLUMNS": "160"} | environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def lay_out(folder):
    """A checkout: the entry points and configs, with the package beside them."""
    for name in (*ENTRY_POINTS, "gridfold"):
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, folder / name)
    return folder


@pytest.fixture
def checkout(tmp_path):
    return lay_out(tmp_path)


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """README's first command, executed as written."""
    pytest.importorskip("torch")
    folder = lay_out(tmp_path_factory.mktemp("demo"))
    result = execute(commands("hyper_main.py")[0], folder)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder, result.stdout


@pytest.mark.parametrize("arguments", commands("hyper_main.py"), ids=" ".join)
def test_every_search_of_the_readme_makes_its_runs(checkout, arguments):
    result = execute([*arguments, *(["--no-execute"] if "--no-execute" not in arguments else [])], checkout)
    assert result.returncode == 0, result.stderr
    (listing,) = checkout.glob("runs/*/runs.jsonl")
    expected = 9 if "--param-variations" in arguments else 45 if any("hyperparam" in a for a in arguments) else 12
    assert len(listing.read_text().splitlines()) == expected


def test_a_model_of_the_hub_cannot_be_loaded_offline(checkout):
    searches = [words for words in commands("hyper_main.py") if "config/mlp_hyperparam_config.yaml" in words]
    for arguments in (*commands("main.py"), searches[0]):
        result = execute(arguments, checkout)
        assert result.returncode == 2
        assert "model 'microsoft/deberta-v3-base' cannot be loaded" in result.stderr
        assert "Traceback" not in result.stderr
        assert not (checkout / "runs").exists()


@pytest.mark.parametrize(("snippet", "runs"), [(SNIPPET_VARIATIONS_FROM_CONFIG, 45), (SNIPPET_EXPLICIT_VARIATIONS, 6)])
def test_the_users_snippets(checkout, snippet, runs):
    result = execute(["-c", snippet], checkout)
    assert result.stdout == f"Created {runs} configurations\n", result.stderr
    assert len(list(checkout.glob("runs/experiment_*/config.yaml"))) == runs


def test_the_search_snippet_of_the_readme(checkout):
    (snippet,) = [block for block in blocks("python") if "run_grid_search" in block]
    assert execute(["-c", snippet], checkout).returncode == 0
    assert len(list(checkout.glob("runs/run_*/config.yaml"))) == 4


def test_the_example_of_the_readme_is_the_shipped_config():
    lines = [re.sub(r"\s*#.*", "", line).rstrip() for line in blocks("yaml")[0].splitlines()]
    shipped = [
        re.sub(r"\s*#.*", "", line).rstrip() for line in (ROOT / "config/bbc_news_head.yaml").read_text().splitlines()
    ]
    assert [line for line in lines if line not in shipped] == []


def test_the_demo_ends_with_a_table_of_real_results(demo):
    folder, output = demo
    assert "Results, best first" in output
    records = [Run(path.parent).read() for path in folder.glob("runs/*/run.json")]
    assert len(records) == 12
    assert max(record.metrics["val_accuracy"] for record in records) > 0.9
    assert {line.split()[0] for line in README.splitlines() if line.startswith("config/")}


def test_a_runs_config_alone_reproduces_it(demo):
    folder, _ = demo
    original = next(iter(sorted(folder.glob("runs/*/run.json"))))
    result = execute(["main.py", "--config", str(original.parent / "config.yaml")], folder)
    assert result.returncode == 0, result.stdout + result.stderr
    (again,) = [path for path in folder.glob("runs/*/run.json") if re.match(r"\d{4}-\d\d-\d\d_", path.parent.name)]
    assert json.loads(again.read_text())["metrics"] == json.loads(original.read_text())["metrics"]
    assert json.loads(again.read_text())["id"] == json.loads(original.read_text())["id"]


def test_a_run_of_the_demo_predicts(demo):
    folder, _ = demo
    (snippet,) = [block for block in blocks("python") if "predict" in block]
    best = max(folder.glob("runs/demo_*/run.json"), key=lambda path: Run(path.parent).read().metrics["val_f1"])
    snippet = snippet.replace("runs/...", str(best.parent)) + "\nprint(labels, probabilities.shape)\n"
    result = execute(["-c", snippet], folder)
    assert result.stdout == "['business'] (1, 5)\n", result.stderr


@pytest.mark.parametrize("arguments", [words for words in gridfold_commands() if words[0] == "search"], ids=" ".join)
def test_any_training_code(checkout, arguments):
    result = execute(["-m", "gridfold", *arguments], checkout, PATH=f"{Path(sys.executable).parent}:/usr/bin:/bin")
    assert result.returncode == 0, result.stdout + result.stderr
    records = [Run(path.parent).read() for path in checkout.glob("runs/*/run.json")]
    assert len(records) >= 6
    assert all(record.state == "completed" and record.metrics for record in records)


def test_looking_at_and_continuing_the_demo(demo):
    folder, _ = demo
    others = [words for words in gridfold_commands() if words[0] != "search"]
    names = "plan status resume resume results best diff report confirm sharing logs reproduce verify"
    assert [words[0] for words in others] == names.split()
    printed = {}
    for arguments in others:
        result = execute(["-m", "gridfold", *arguments], folder)
        assert result.returncode == 0, f"{arguments}: {result.stdout}{result.stderr}"
        printed[arguments[0]] = result.stdout
    assert "none" in printed["reproduce"]  # run 3 came out the same
    assert printed["verify"].endswith("2 of 2 runs give the same alone, to the last bit\n")
