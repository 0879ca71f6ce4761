"""What the commands do that use what a run has saved: they ask its trainer."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.markup import escape

from gridfold.core.errors import ConfigError, visible
from gridfold.core.files import is_file
from gridfold.export import model_card
from gridfold.identity.sources import Sources, changes
from gridfold.records import looks
from gridfold.records.best import best_of, directory_of
from gridfold.records.numbers import number
from gridfold.records.trials import RunResult, compare
from gridfold.runs.record import Record, now
from gridfold.runs.run import Run
from gridfold.runs.search import SEARCH, SearchDirectory
from gridfold.runs.store import Store
from gridfold.show import terminal
from gridfold.trainers.uses import NewData, able


def predict(options: argparse.Namespace, again: str) -> int:  # noqa: ARG001
    """Predict new data by what a run has saved."""
    asked = _asked(options.run)
    output = Path(options.output) if options.output else None
    data = NewData(options.file, tuple(options.column), output, options.cpu)
    said = able(asked.record.trainer, "predict", str(asked.run.dir)).predict(asked.run.dir, data)
    print(visible(said), file=sys.stderr)  # noqa: T201 - standard output may be the predictions
    return 0


def export_model(name: str, folder: Path) -> int:
    """Write the model of a run for other tools."""
    asked = _asked(name)
    trainer = able(asked.record.trainer, "export", str(asked.run.dir))
    usage = trainer.export(asked.run.dir, folder, model_card.about(asked.run, asked.record))
    said = f"Exported {asked.run.dir} to {folder}. To use it:"
    terminal.console().print(*map(escape, [said, "", *(f"  {line}" for line in usage)]), sep="\n", soft_wrap=True)
    return 0


def test(options: argparse.Namespace, again: str) -> int:
    """Measure the chosen run on its test set."""
    asked = _asked(options.run)
    run, record, search = asked.run, asked.record, asked.search
    trainer, folder = able(record.trainer, "test", str(run.dir)), search.dir if search else run.dir
    known, console = looks.read(folder), terminal.console()
    if not options.again:
        if known and known[-1].run == run.dir.name:
            console.print(*_lines(f"Measured before: {known[-1]}", known[-1].metrics), sep="\n", soft_wrap=True)
            return 0
        _check_first(known, asked, again)
    metrics = trainer.test(run.dir)
    look = looks.Look(run.dir.name, now(), metrics, asked.is_best, _changed(record))
    looks.note(folder, look)
    if look.changed:
        console.print(terminal.warning(f"changed since the run was trained: {', '.join(look.changed)}"), soft_wrap=True)
    console.print(*_lines(f"Test set: {look}", metrics), sep="\n", soft_wrap=True)
    return 0


def _lines(first: str, metrics: Mapping[str, float]) -> list[str]:
    width = max(map(len, metrics), default=0)
    return [escape(first), *(escape(f"  {name:{width}}  {number(value)}") for name, value in metrics.items())]


def _check_first(known: Sequence[looks.Look], asked: _Asked, again: str) -> None:
    """``ConfigError`` if this would not be the first look at the test set, or the choice is not made yet."""
    if known:
        problem = f"the test set was looked at before: {known[-1]}"
        hint = (
            "what is chosen after a look is chosen by it, too; to look all the same, which is said wherever results "
            "are shown: --again"
        )
        raise ConfigError(problem, where=asked.run.dir.name, hint=hint)
    if asked.search and asked.is_best and (left := _left(asked.search)):
        problem = f"{left:,} run{'s are' if left != 1 else ' is'} left to be done, so the best one may be another"
        hint = f"{again} {asked.search.name}; or, to look all the same: --again"
        raise ConfigError(problem, where=asked.search.name, hint=hint)


def _changed(record: Record) -> tuple[str, ...]:
    """What a run depended on, and is not what it was."""
    before = Sources.said(record.inputs)
    return tuple(changes(before, before.now(time.monotonic()))) if before else ()


def _left(search: SearchDirectory) -> int:
    """How many runs have not ended."""
    return sum(record is None or not (record.is_done or record.state == "failed") for _, record in search.records())


@dataclass(frozen=True)
class _Asked:
    """The run that a command is about.

    Attributes:
        run: where its files are, which may be the run whose result was reused.
        record: what it says.
        search: its search; None if it has none, or that is gone.
    """

    run: Run
    record: Record
    search: SearchDirectory | None

    @property
    def is_best(self) -> bool:
        """Whether it is the best run of its search."""
        return self.search is None or directory_of(_best(self.search)).resolve() == self.run.dir.resolve()


def _asked(name: str) -> _Asked:
    """The run that a name stands for, or the best of a search.

    Raises:
        ConfigError: there is none, or it has no readable record.
    """
    store = Store()
    try:
        run, search = store.find_run(name), None
    except ConfigError as error:
        try:
            search = store.find(name)
        except ConfigError as no_search:
            raise (no_search if name == "last" else error) from None
        run = Run(directory_of(_best(search)))
        terminal.console(stderr=True).print(escape(f"The best run of {search.name}: {run.dir.name}"), soft_wrap=True)
    record = run.read()
    if record is None:
        raise ConfigError("has no readable record", where=str(run.dir), hint="gridfold status says how far it is")
    place = Run(run.dir.parent / record.reused) if record.reused else run
    if search is None and record.search and is_file(run.dir.parent / record.search / SEARCH):
        search = SearchDirectory(run.dir.parent / record.search)
    return _Asked(place, record, search)


def _best(search: SearchDirectory) -> RunResult:
    return best_of(compare(Store(), [str(search.dir)]))[1]
