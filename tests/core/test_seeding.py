"""The random numbers of a run start from its seed, whenever a library is imported."""

import subprocess
import sys

import pytest

from gridfold.core.process import seeding
from tests.conftest import ROOT

DRAW = {
    "random": "import random; print(random.random())",
    "numpy": "import numpy; print(numpy.random.random())",
    "torch": "import torch; print(torch.rand(1).item())",
}


def printed(code):
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT).stdout


@pytest.mark.parametrize("library", DRAW)
def test_a_library_draws_the_same_imported_before_or_after(library):
    draw, start = DRAW[library], "from gridfold.core.process import seeding; seeding.start(7)"
    numbers = {printed(code) for code in (f"{start}; {draw}", f"import {library}; {start}; {draw}", f"{start}; {draw}")}
    assert len(numbers) == 1
    assert numbers != {printed(f"from gridfold.core.process import seeding; seeding.start(8); {draw}")}


def test_a_library_that_is_not_there_is_not_there(monkeypatch):
    monkeypatch.setitem(seeding._SEEDERS, "nothing_such", None)
    monkeypatch.setattr(sys, "meta_path", sys.meta_path.copy())
    seeding.start(7)
    with pytest.raises(ModuleNotFoundError):
        import nothing_such  # noqa: F401


def test_to_ask_whether_a_library_is_there_is_not_to_import_it():
    ask = "import importlib.util; importlib.util.find_spec('numpy'); "
    start = "from gridfold.core.process import seeding; seeding.start(7); "
    assert printed(start + ask + DRAW["numpy"]) == printed(start + DRAW["numpy"])
