"""The command ``gridfold export``: a search for another tool, or the model of a run."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import chain
from pathlib import Path

from filelock import Timeout
from rich.markup import escape

from gridfold.core.errors import ConfigError, nearest
from gridfold.export.trackers.feed import Feed
from gridfold.export.trackers.process import lock_of
from gridfold.export.trackers.protocol import RunNews
from gridfold.export.trackers.registry import EXPORTED, tracker
from gridfold.runs.search import SearchDirectory
from gridfold.runs.store import Store
from gridfold.search.tracking import FOLDER
from gridfold.show import terminal


def export(options: argparse.Namespace, again: str) -> int:  # noqa: ARG001
    """Do what the first word says: it is the name of a tool, or else a run."""
    store, what, other = Store(), options.what, options.other
    if _is_tool(store, what, other):
        return _export_search(options)
    if other is None:
        options.parser.error("the following arguments are required: DIR")
    if options.output is not None:
        hint = f"gridfold export {what} {other}"
        raise ConfigError("the model of a run has its folder after the run, without -o", hint=hint)
    hint = nearest(what, EXPORTED)
    if hint.startswith("did you mean") and not (_finds(store.find_run, what) or _finds(store.find, what)):
        raise ConfigError(f"no tool and no run '{what}'", hint=hint)
    from gridfold.cli import use  # which imports what a model card says of a search

    return use.export_model(what, Path(other))


def _is_tool(store: Store, what: str, other: str | None) -> bool:
    """Whether a search is meant; a run that is called as a tool is meant if what follows is no search."""
    return what in EXPORTED and (other is None or not _finds(store.find_run, what) or _finds(store.find, other))


def _finds(find: Callable[[str], object], name: str) -> bool:
    with suppress(ConfigError):
        find(name)
        return True
    return False


def _export_search(options: argparse.Namespace) -> int:
    search = Store().find(options.other or "last")
    folder = Path(options.output) if options.output else None
    if folder and folder.exists() and not folder.is_dir():
        raise ConfigError("is a file, expected a folder", where=str(folder))
    count, said = _written(options.what, search, folder)
    runs = f"{count:,} run{'s' * (count != 1)}"
    terminal.console().print(escape(f"Exported {runs} of {search.name}: {said}"), soft_wrap=True)
    return 0


@contextmanager
def _alone(name: str, search: SearchDirectory, folder: Path | None) -> Iterator[None]:
    """While no tracker of the search writes to the same place: what each of both has of a run it replaces.

    Raises:
        ConfigError: one does.
    """
    with ExitStack() as held:
        if folder is None and (place := search.dir / FOLDER).is_dir():
            try:
                held.enter_context(lock_of(name, place).acquire(timeout=0))
            except Timeout:
                problem = f"is being written for {name} while it runs"
                raise ConfigError(problem, where=search.name, hint="to write it elsewhere: -o DIR") from None
            except OSError:  # the folder cannot be written to, so no tracker does
                pass
        yield


def _written(name: str, search: SearchDirectory, folder: Path | None) -> tuple[int, str]:
    """Write a search for a tool; how many runs, and what the tool says in the end."""
    feed = Feed(search)
    facts, news = feed.facts(), feed.news(is_last=True)
    first = next(news, None)
    if first is None:
        raise ConfigError("none of its runs has begun yet", where=search.name, hint=f"gridfold status {search.name}")
    written: list[int] = []
    tool = tracker(name, folder)
    try:
        with _alone(name, search, folder):
            tool.begin(facts)
            tool.write(_counted(chain([first], news), written))
            return len(written), tool.end()
    except (ConfigError, OSError):
        raise
    except Exception as error:  # whatever the tool raises
        problem = f"{name} could not write it: {type(error).__name__}: {error}"
        raise ConfigError(problem, where=search.name) from error


def _counted(runs: Iterable[RunNews], written: list[int]) -> Iterator[RunNews]:
    for run in runs:
        yield run
        written.append(run.index)
