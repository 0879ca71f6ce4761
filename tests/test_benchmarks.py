"""The benchmarks function: each at next to no size, without the other tools."""

import json
import subprocess
import sys

import pytest

from tests.conftest import ROOT

QUICK = [
    ("grid.py", "frozen", "--repeats", "1", "--sample", "1", "--only", "none"),
    ("grid.py", "whole", "--repeats", "1", "--sample", "1", "--only", "none"),
    ("functions.py", "--repeats", "1", "--sample", "1"),
    ("sharing.py", "nothing", "--pairs", "1"),
    ("scripts.py", "--repeats", "1", "--sample", "1", "--more", "1"),
    ("pruning.py", "frozen", "--seeds", "1", "--optuna-seeds", "0"),
    ("bertuner.py",),
    ("finetuning.py", str(ROOT), "--repeats", "1"),
    ("memory.py", "lora"),
]


@pytest.mark.parametrize("words", QUICK, ids=lambda words: " ".join(words[:2]))
def test_a_benchmark_at_next_to_no_size(tmp_path, words):
    result = subprocess.run(
        [
            sys.executable,
            ROOT / "benchmarks" / words[0],
            *words[1:],
            *("--tiny", "--patience", "0", "--folder", tmp_path, "--json", tmp_path / "figures.json"),
        ],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["versions"]["Python"]
    assert "| ---: |" in result.stdout
    assert list(tmp_path.glob("bench-*")) == []
    for row in figures.get("rows", []):
        assert row.get("apart", row.get("difference")) in (0, None), "a run that shares differs from the run alone"


def test_what_a_stacked_head_becomes_does_not_depend_on_the_stack(tmp_path):
    words = [sys.executable, ROOT / "benchmarks" / "gpu.py", "--tiny", "--device", "cpu", "--repeats", "1"]
    result = subprocess.run([*words, "--json", tmp_path / "figures.json"], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    figures = json.loads((tmp_path / "figures.json").read_text())
    for name in ("apart", "apart in products of 16"):
        apart = {value for stacks in figures[name].values() for value in stacks.values()}
        assert apart == {0.0}
