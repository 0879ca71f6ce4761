"""Execute one run: ``python -m gridfold.worker RUN_DIRECTORY``. The same code for every executor.

The submitter writes the run's directory with ``config.yaml`` and a record in state ``created``; the worker reads both
and leaves a record in state ``completed`` or ``failed``. They share nothing else.
"""

from __future__ import annotations

import logging
import sys
import time
import traceback
from dataclasses import replace
from typing import Any

from gridfold.config import Config
from gridfold.run import Record, Run, now, started
from gridfold.trainer import resolve


def execute(run: Run) -> Record:
    """Train the run's config and record what came of it. A failure is a record, not an exception.

    Raises:
        FileNotFoundError: the directory has no record of what to run.
    """
    record = run.read()
    if record is None:
        raise FileNotFoundError(f"{run.dir}: no record that says what to run")
    record = started(record)
    run.write(record)
    run = Run(run.dir, record.seed)
    start = time.monotonic()
    outcome = _outcome(run, record.trainer)
    record = replace(record, ended=now(), seconds=round(time.monotonic() - start, 3), **outcome)
    run.write(record)
    return record


def _outcome(run: Run, trainer: str) -> dict[str, Any]:
    try:
        config = Config.load(run.config_path).data
        return {"state": "completed", "metrics": dict(resolve(trainer).train(config, run))}
    except KeyboardInterrupt:
        return {"state": "interrupted"}
    except BaseException as error:  # a trainer that calls sys.exit() is a failed run too
        traceback.print_exc()
        return {"state": "failed", "error": describe(error)}


def describe(error: BaseException) -> dict[str, str]:
    """An exception as a record has it."""
    text = "".join(traceback.format_exception(error))
    return {"type": type(error).__name__, "message": str(error), "traceback": text}


def main() -> int:
    """Execute the run whose directory is the argument; 0 if it completed."""
    logging.getLogger("gridfold").addHandler(logging.StreamHandler())  # what is said goes to the run's log
    return 0 if execute(Run(sys.argv[1])).state == "completed" else 1


if __name__ == "__main__":
    sys.exit(main())
