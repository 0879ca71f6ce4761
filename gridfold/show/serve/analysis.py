"""The analysis of a search in a process that ends, so that the server need not hold what it takes.

Its arguments are what to print, the ``answer`` as JSON or the ``report``, and the directory of the search.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

_MOST_TRIALS = 50


def answer(directory: str) -> dict[str, Any]:
    """The numbers of the report and what was shared, without what the page has already.

    Raises:
        ConfigError: there are so many runs that it is left to whoever asks for it.
    """
    from gridfold.analysis.summary import Summary
    from gridfold.core.errors import ConfigError
    from gridfold.records.trials import Results
    from gridfold.runs.search import SearchDirectory
    from gridfold.show.sharing import in_words
    from gridfold.show.summary import MOST_RUNS

    search = SearchDirectory(Path(directory))
    if (count := sum(1 for _ in search.entries())) > MOST_RUNS:
        hint = f"to have it all the same: gridfold report {search.name}"
        raise ConfigError(f"no answer of {count:,} runs is computed while a page is open", hint=hint)
    found = Summary.of(Results.read([search]))
    summary = json.loads(replace(found, trials=found.trials[:_MOST_TRIALS], curves=(), heatmaps=()).json())
    del found, summary["curves"], summary["heatmaps"]
    sentences, rows = in_words(search)
    shared = {"sentences": sentences, "rows": rows}
    return {"summary": summary, "shared": shared, "cpu_seconds": time.process_time()}


def report(directory: str) -> str:
    """The report, as `gridfold report` writes it."""
    from gridfold.analysis.summary import Summary
    from gridfold.records.trials import Results
    from gridfold.runs.search import SearchDirectory
    from gridfold.show import page

    search = SearchDirectory(Path(directory))
    return page.render(Summary.of(Results.read([search])), search)


def main() -> int:
    """Print what is asked for; what goes wrong is one line of the error output."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.nice(10)  # runs go first
    what, directory = sys.argv[1:]
    from gridfold.core.errors import ConfigError

    try:
        text = report(directory) if what == "report" else json.dumps(answer(directory))
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.buffer.write(text.encode("utf-8", "replace"))
    return 0
