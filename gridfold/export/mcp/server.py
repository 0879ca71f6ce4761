"""The tools of the server: each gives the document that the command of its name tells with ``--json``.

A text that need not be given is "" then: of an optional one, the package reads "null" as nothing, and "[1]" as a list.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gridfold.config.config import Config
from gridfold.config.overrides import parse_arguments
from gridfold.core.errors import ConfigError
from gridfold.export.json import best as best_document
from gridfold.export.json import explain as explain_document
from gridfold.export.json import listing
from gridfold.export.json import plan as plan_document
from gridfold.export.json import results as results_document
from gridfold.export.json import status as status_document
from gridfold.export.mcp import commands
from gridfold.export.mcp.folder import Folder
from gridfold.records.objective import Objective
from gridfold.records.selection import Selection
from gridfold.runs.names import check_prefix
from gridfold.search.forecast import Forecast
from gridfold.search.said import plan_said
from gridfold.trainers.explain import all_keys, explained
from gridfold.trainers.protocol import Remark

if TYPE_CHECKING:
    from mcp.server import MCPServer

Document = dict[str, Any]
_MOST_LETTERS = 100_000  # of a log
_NOT_ASKED = (
    "the trainer was not asked whether it takes these values, because that runs its code: gridfold plan asks it, "
    "and so does this server if it is started with --allow-run"
)
_INSTRUCTIONS = "Searches of gridfold: look at their results, {may}. Read the resource gridfold://guide first."


class Looking:
    """Tools that read the folder. Nothing is run, nothing is written."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def list_searches(self, count: int = 20) -> Document:
        """The searches, the latest first: how far each is, and its best trial."""
        count = max(1, count)
        return listing.document(self._folder.searches(count), count)

    def status(self, search: str = "last") -> Document:
        """How far a search is: states, time left, what runs now, failures by cause. It may be running."""
        return status_document.document(self._folder.search(search))

    def results(
        self,
        search: str = "last",
        metric: str = "",
        where: str = "",
        sort: str = "",
        count: int = 50,
        by_run: bool = False,  # noqa: FBT001, FBT002 - the protocol passes it by name
    ) -> Document:
        """The trials of a search with their metrics, the best first. `where` is a condition such as "lr < 0.1"."""
        selection = Selection(where or None, sort or None, ())
        found = [self._folder.search(search)]
        return results_document.document(
            found, Objective(metric or None), selection, by_run=by_run, count=max(1, count)
        )

    def best(self, search: str = "last", metric: str = "") -> Document:
        """The best trial, what ties with it, its config, and what fresh seeds have shown."""
        return best_document.document(self._folder.search(search), Objective(metric or None))

    def logs(self, run: str, letters: int = 8_000) -> str:
        """The end of what a run printed. `run` is SEARCH:NUMBER, such as last:0."""
        most = max(1, min(letters, _MOST_LETTERS))
        return self._folder.run(run).read_log(last=4 * most)[-most:]  # a letter has up to four bytes

    def explain(self, key: str = "") -> Document:
        """A key of a config: what it is for, its type, its default, an example. Without a key: all of them."""
        return explain_document.document(explained(key) if key else all_keys(), {})

    def plan(self, config: str, variations: list[str] | None = None) -> Document:
        """What a search over a config would run. `variations` are such as "lr=0.1,0.2"."""
        said = Config.load(self._folder.file(config))
        planned = plan_said(said, parse_arguments(variations or []))
        runs = planned.size if planned.race else planned.most_runs
        foreseen = Forecast(runs, reusable=0, parallel=1, seconds=None, disk=None)
        names = planned.names("run", "HHMMSS")
        return plan_document.document(planned, names, foreseen, [Remark(_NOT_ASKED)])


class Running:
    """Tools that run something, as the command of a person would: only where they are allowed."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def plan(self, config: str, variations: list[str] | None = None, repeats: int = 1) -> Document:
        """What a search over a config would run; the trainer checks all values. `variations` are as "lr=0.1,0.2"."""
        return commands.tell(["plan", *self._of_search(config, variations, repeats)], self._folder.path)

    def start_search(
        self, config: str, prefix: str, variations: list[str] | None = None, repeats: int = 1, budget: str = ""
    ) -> Document:
        """Start a search that goes on by itself; ask `status`. `budget` is a time such as "1h"."""
        check_prefix(prefix)
        limit = [f"--budget={budget}"] if budget else []
        words = [*self._of_search(config, variations, repeats), *limit]
        commands.tell(["plan", *words], self._folder.path)  # nothing is created if it could only fail
        made = commands.say(["search", *words, "--run-prefix", prefix, "--no-execute", "--quiet"], self._folder.path)
        search = self._folder.search(Path(made.splitlines()[-1]).name)
        commands.begin(["resume", str(search.dir), "--quiet", *limit], self._folder.path)
        return status_document.document(search)

    def resume_search(self, search: str, only_failed: bool = False) -> Document:  # noqa: FBT001, FBT002
        """Run what is not done yet; or, if only_failed, what failed."""
        words = ["--failed"] if only_failed else []
        return self._begun("resume", search, *words)

    def confirm(self, search: str, repeats: int = 5) -> Document:
        """Train the best two trials again on fresh seeds; then ask `best`."""
        return self._begun("confirm", search, f"--repeats={repeats}")

    def stop_run(self, run: str) -> str:
        """Tell a run, SEARCH:NUMBER, to stop early and keep its result."""
        search, _, index = run.rpartition(":")
        found = self._folder.search(search or "last")
        return commands.say(["stop", f"{found.dir}:{index}"], self._folder.path)

    def stop_search(self, search: str) -> str:
        """Interrupt a search; finished runs are kept, and resume_search continues it."""
        return commands.say(["cancel", str(self._folder.search(search).dir)], self._folder.path)

    def _begun(self, command: str, name: str, *words: str) -> Document:
        search = self._folder.search(name)
        commands.begin([command, str(search.dir), "--quiet", *words], self._folder.path)
        return status_document.document(search)

    def _of_search(self, config: str, variations: list[str] | None, repeats: int) -> list[str]:
        file = self._folder.file(config).relative_to(self._folder.path)
        varied = ["--param-variations", *map(_value, variations)] if variations else []
        return ["--config", str(file), *varied, f"--repeats={repeats}"]


def _value(variation: str) -> str:
    """A variation, which must not be taken for an option."""
    if variation.startswith("-") or "=" not in variation:
        raise ConfigError(f"expected NAME=VALUES, found {variation!r:.200}", hint='such as "lr=0.1,0.2"')
    return variation


def server(runs_dir: Path, *, allow_run: bool) -> MCPServer[Any]:
    """The server, which is to be run.

    Args:
        runs_dir: the folder of the searches.
        allow_run: whether agents may run and stop searches.

    Raises:
        ConfigError: the package ``mcp`` is missing, or the folder cannot be used.
    """
    try:
        from mcp.server import MCPServer

        from gridfold.export.mcp.tool import tool
    except ImportError:
        raise ConfigError(
            "gridfold mcp needs the package mcp, 2.0 or newer", hint='pip install "gridfold[mcp]"'
        ) from None
    if allow_run and runs_dir.name != "runs":
        problem = f"--allow-run needs a folder called runs, found {runs_dir.name!r:.200}"
        raise ConfigError(problem, hint="searches run in a folder of that name")
    folder = Folder(runs_dir)
    looking, running = Looking(folder), Running(folder)
    reads = looking.list_searches, looking.status, looking.results, looking.best, looking.logs, looking.explain
    tools = [tool(each) for each in reads]
    if allow_run:
        tools += [tool(running.plan, writes=True)]  # it imports the trainer, which may do anything
        tools += [tool(each, writes=True) for each in (running.start_search, running.resume_search, running.confirm)]
        tools += [tool(each, writes=True, ends=True) for each in (running.stop_run, running.stop_search)]
    else:
        tools += [tool(looking.plan)]
    may = "plan, run and stop them" if allow_run else "plan others; none can be run here"
    said = _INSTRUCTIONS.format(may=may)
    found: MCPServer[Any] = MCPServer("gridfold", instructions=said, tools=tools, log_level="ERROR")
    found.resource("gridfold://guide", mime_type="text/markdown")(guide)
    return found


def guide() -> str:
    """What a coding agent is to know of gridfold."""
    return files("gridfold.export").joinpath("assets/agents.md").read_text(encoding="utf-8")
