"""What the commands do that use what a run has saved: they ask its trainer."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.markup import escape

from gridfold.core.errors import ConfigError, visible
from gridfold.export import model_card
from gridfold.records.trials import compare
from gridfold.runs.record import Record
from gridfold.runs.run import Run
from gridfold.runs.store import Store
from gridfold.show import terminal
from gridfold.show.best import best_of, directory_of
from gridfold.trainers.uses import NewData, able


def predict(options: argparse.Namespace, again: str) -> int:  # noqa: ARG001
    """Predict new data by what a run has saved."""
    run, record = _run(options.run)
    output = Path(options.output) if options.output else None
    data = NewData(options.file, tuple(options.column), output, options.cpu)
    said = able(record.trainer, "predict", str(run.dir)).predict(run.dir, data)
    print(visible(said), file=sys.stderr)  # noqa: T201 - standard output may be the predictions
    return 0


def export(options: argparse.Namespace, again: str) -> int:  # noqa: ARG001
    """Write the model of a run for other tools."""
    run, record = _run(options.run)
    trainer, folder = able(record.trainer, "export", str(run.dir)), Path(options.folder)
    usage = trainer.export(run.dir, folder, model_card.about(run, record))
    lines = (escape(line) for line in (f"Exported {run.dir} to {folder}. To use it:", "", *(f"  {e}" for e in usage)))
    terminal.console().print(*lines, sep="\n", soft_wrap=True)
    return 0


def _run(name: str) -> tuple[Run, Record]:
    """The run that a name stands for, or the best of a search; where its files are, and what it says.

    Raises:
        ConfigError: there is none, or it has no readable record.
    """
    run = _named(Store(), name)
    record = run.read()
    if record is None:
        raise ConfigError("has no readable record", where=str(run.dir), hint="gridfold status says how far it is")
    return (Run(run.dir.parent / record.reused) if record.reused else run), record


def _named(store: Store, name: str) -> Run:
    try:
        return store.find_run(name)
    except ConfigError as error:
        try:
            search = store.find(name)
        except ConfigError:
            raise error from None
    _, best = best_of(compare(store, [str(search.dir)]))
    run = Run(directory_of(best))
    terminal.console(stderr=True).print(escape(f"The best run of {search.name}: {run.dir.name}"), soft_wrap=True)
    return run
