"""Imports point one way, down the data flow."""

import subprocess
import sys

from tests.conftest import ROOT


def test_imports_point_one_way():
    lint = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as main; main()", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert lint.returncode == 0, lint.stdout + lint.stderr
