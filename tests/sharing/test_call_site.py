"""Whose code it is that reads a config, looks at a clock, or writes a file."""

import sysconfig
from pathlib import Path

import pytest

import gridfold
from gridfold.sharing.call_site import is_core, is_own

PACKAGE = Path(gridfold.__file__).parent
LIBRARY = sysconfig.get_path("stdlib")


@pytest.mark.parametrize(
    ("file", "own", "core"),
    [
        (f"{PACKAGE}/runs/run.py", False, True),
        (f"{PACKAGE}_train.py", True, False),
        (f"{PACKAGE}2/train.py", True, False),
        (f"{PACKAGE}-fork/gridfold/train.py", True, False),
        (f"{LIBRARY}/json/decoder.py", False, False),
        (f"{LIBRARY}-mine/train.py", True, False),
        (f"{LIBRARY}/site-packages/torch/serialization.py", False, False),
        ("/x/site-packages/tqdm/std.py", False, False),
        ("/x/site-packages-of-mine/train.py", True, False),
        ("<string>", False, False),
        ("train.py", False, False),
    ],
)
def test_a_path_that_begins_like_a_folder_is_not_in_it(file, own, core):
    assert (is_own(file), is_core(file)) == (own, core)
