"""What messages call an option of the command line, as Python calls it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from gridfold.core.errors import ConfigError

_WORDS = (
    (re.compile(r"--max-runs (\d+)"), r"max_runs=\1"),
    (re.compile(r"--vary PATH \.\.\."), 'vary=["PATH", ...]'),
    (re.compile(r"--(link|exclude|when|add)\b"), r"\1="),
    (re.compile(r"--minimize\b"), "maximize=False"),
    (re.compile(r"--keep-going\b"), "keep_going=True"),
    (re.compile(r"--metric (\S+?)(?=\.?$)"), r'metric="\1"'),
)


def in_python(said: str) -> str:
    """A message for who calls a function."""
    for pattern, word in _WORDS:
        said = pattern.sub(word, said)
    return said


@contextmanager
def said_in_python() -> Iterator[None]:
    """Let errors speak of arguments instead of options."""
    try:
        yield
    except ConfigError as error:
        error.hint = in_python(error.hint)
        error.where = "" if error.where == "command line" else in_python(error.where)
        raise
