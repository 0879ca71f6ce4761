"""A module of the user's, with a stage ``made`` and one that helps it."""

import importlib
import itertools
import sys

import pytest

from gridfold import stages

NUMBERS = itertools.count()
HEAD = """
import functools
import importlib
import logging
import os
import pathlib
import random
import sqlite3
import subprocess
import sys
import tempfile

import gridfold
import numpy as np

log = logging.getLogger("tests.stages.computed")
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Makes a module of the user's with a stage ``made``, and one that helps it; each call has modules of its own."""
    monkeypatch.setattr(stages, "_folder", tmp_path / "runs" / ".stages")
    monkeypatch.setattr(stages, "_notes", [])
    monkeypatch.setattr(stages, "_used", False)
    monkeypatch.delenv(stages.LIMIT, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    names = []

    def make(source, helper=""):
        number = next(NUMBERS)
        names.extend([f"own{number}", f"helper{number}"])
        (tmp_path / f"helper{number}.py").write_text(helper)
        body = f"{HEAD}\n{source}".replace("helper", f"helper{number}")
        (tmp_path / f"own{number}.py").write_text(body)
        importlib.invalidate_caches()
        return Own(importlib.import_module(f"own{number}"), importlib.import_module(f"helper{number}"))

    yield make
    for name in names:
        sys.modules.pop(name, None)


class Own:
    """The module, the one that helps it, and how often the stage was computed."""

    def __init__(self, module, helper):
        self.module = module
        self.helper = helper
        self.computed = 0
        module.log.setLevel("INFO")
        module.log.handlers = [self]
        self.level = 0

    def handle(self, record):
        self.computed += 1

    def call(self, config=None, *others):
        """What the stage gives, which must be what the function gives by itself."""
        expected = self.module.made.__wrapped__(config or {}, *others)
        before = self.computed
        given = self.module.made(config or {}, *others)
        assert given == expected
        return self.computed - before


STAGE = "@gridfold.stage\ndef made(config):\n    log.info('computed')\n    return "
