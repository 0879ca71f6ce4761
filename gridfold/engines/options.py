"""The options of an engine's jobs, as a user writes them on the command line."""

from __future__ import annotations

import re
import shlex

from gridfold.core.errors import ConfigError

FLAGS = {"exclusive", "contiguous", "overcommit", "spread-job", "requeue", "no-requeue", "oversubscribe", "hold"}


def options(said: str, where: str) -> dict[str, str]:
    """The options of ``--slurm "partition=gpu,time=4:00:00"``: a comma before a name begins the next one.

    Quotes keep commas in a value: ``export='a=1,b=2'``. A name of one capital needs its dash: ``-J=name``.

    Args:
        said: the text.
        where: the option that gave it.

    Raises:
        ConfigError: a quote is not closed.
    """
    lexer = shlex.shlex(said, posix=True)
    lexer.whitespace, lexer.commenters, lexer.whitespace_split = ",", "", True
    try:
        words = [word.strip() for word in lexer]
    except ValueError:
        raise ConfigError(f"a quote is not closed: {said:.80}", where=where) from None
    found = dict[str, str]()
    last = ""
    for word in filter(None, words):
        name = re.match(r"(?:--?(?=[A-Za-z])|(?=[a-z]))([A-Za-z][a-z-]*)=", word)
        if name:
            last = name[1]
            found[last] = word[name.end() :]
        elif last and found[last] and not word.startswith("--") and word not in FLAGS:
            found[last] += f",{word}"
        else:
            last = word.lstrip("-")
            found[last] = ""
    return found
