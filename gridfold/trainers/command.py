"""A command as a trainer: any program, in any language, that reads a config or takes options."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gridfold.core.errors import ConfigError, nearest, nearest_file
from gridfold.core.process.interrupt import deferred
from gridfold.identity.startup import reads_of_programs
from gridfold.identity.writes import Written
from gridfold.runs.failure import ProgramFailed, signal_name
from gridfold.runs.reports import METRICS, METRICS_JSON
from gridfold.runs.run import Run
from gridfold.runs.written import written_files
from gridfold.trainers.arguments import check_passable
from gridfold.trainers.cause import cause, last_words
from gridfold.trainers.config_files import check_formats, paths_of_formats, write_formats
from gridfold.trainers.metrics.found import ProgramOutput, find_metrics, numbers_of
from gridfold.trainers.metrics.printed import Mark
from gridfold.trainers.placeholders import (
    FORMAT,
    OWN_FIRST,
    RUN_NAMES,
    SETTING,
    all_filled,
    constants_in,
    filled,
    names_in,
    placeholders,
)
from gridfold.trainers.warm.program import UNBUFFERED, Program, start
from gridfold.trainers.watch import Watch
from gridfold.trainers.working_dir import WorkDir, config_for

_IN_RUN_DIR = re.compile(r"\{run_dir\}/(?!config)")  # where the program writes; the config of the run is read
_VARIABLES = "GRIDFOLD_"  # what the names of the environment variables of a run begin with
_SCRIPT_BYTES = 16 << 20  # more is no text

_PRINTED_BYTES = 64 << 10
_SEARCHED_BYTES = 64 << 20  # for the cause of a failure, where those do not tell
_SHOWN_LINES = 20
_SIGNAL_OF_SHELL = 128  # and its number: the exit code of a shell whose program was killed
_CLOCK_LAG = 10_000_000  # nanoseconds that the time of a file may be behind
_SHOWN_CHARACTERS = 200


@dataclass(eq=False)
class CommandFailed(ProgramFailed):
    """A command ended otherwise than by exit code 0.

    Attributes:
        exit_code: None if a signal ended it.
        signal: the signal that ended it, such as "SIGKILL".
        output: the last lines that it printed.
        cause: the line of what it printed that says why; "" if none does.
    """

    exit_code: int | None
    signal: str | None
    output: str
    cause: str = ""

    def __str__(self) -> str:
        ended = f"killed by {self.signal}" if self.signal else f"exit code {self.exit_code}"
        said = self.cause or ("" if self.signal else last_words(self.output.splitlines()))
        return f"{ended}: {said[:_SHOWN_CHARACTERS]}" if said else ended


@dataclass(frozen=True)
class CommandTrainer:
    """A program with its arguments, started for each run, never through a shell.

    In an argument, ``{config}``, ``{run_dir}``, ``{index}`` and ``{seed}`` stand for what the run has, ``{fold}`` and
    ``{folds}`` for which part of the data to hold out and of how many ("" if they are not split), and a dotted path
    such as ``{training.learning_rate}`` for a value of its config; ``{{name}}`` is a literal ``{name}``. A key
    ``index``, ``seed``, ``fold`` or ``folds`` of the config comes before the run's. For ``{config:json}``,
    ``{args:plain:lr}``, ``{set:lr}`` and ``{lr=0.1,0.2}`` see `placeholders.Placeholder`.

    The metrics are those of the first source that has some (see ``find_metrics``): ``metrics.json`` or
    ``metrics.jsonl`` in the run directory, printed JSON, files that libraries write, lines that it printed.

    Attributes:
        arguments: the program first.
    """

    arguments: tuple[str, ...]

    def check(self, config: Mapping[str, Any]) -> None:
        """Whether the program is there, and the config has what the arguments take from it.

        Raises:
            ConfigError: there is no such program or placeholder, or a value cannot be passed to a program.
        """
        if not self.arguments:
            raise ConfigError("a command without a program", path=SETTING, hint="such as [python, train.py]")
        for argument in self.arguments:
            check_passable(argument, SETTING)
            for each in placeholders(argument):
                check_passable(each.text(config), each.name)
        check_formats(self.arguments, config)
        # What depends on the run is known when the run is.
        known = [None if _is_of_run(each) else filled(each, config, {}) for each in self.arguments]
        if known[0] is not None:
            _check_program(known[0], os.environ.get("PATH"))
            from gridfold.trainers.script import check_script  # what runs need nothing of

            check_script(known[0], known[1:])
        if constants_in(self.arguments):
            from gridfold.trainers.constants import changes  # few commands need it

            changes(self.arguments, config)

    def takes_fold(self, config: Mapping[str, Any]) -> bool:
        """Whether an argument has the part of the data to hold out."""
        return "fold" not in config and any("fold" in names_in(argument) for argument in self.arguments)

    @property
    def may_look(self) -> bool:
        """Whether the program may get at what no argument says: from the run's files, its index, or the environment."""
        arguments = [_IN_RUN_DIR.sub("", argument) for argument in self.arguments]
        found = [each for argument in arguments for each in placeholders(argument)]
        looks = any(each.kind == FORMAT or each.full_name in ("config", "run_dir", "index") for each in found)
        return looks or any(map(_mentions_variables, self.arguments))

    def told(self, config: Mapping[str, Any], seed: int) -> tuple[str, ...]:
        """The arguments of a run, as far as they depend on its config and its seed."""
        given = {} if "seed" in config else {"seed": str(seed)}
        return tuple(filled(argument, config, given) for argument in self.arguments)

    def train(self, config: Mapping[str, Any], run: Run) -> Mapping[str, float]:
        """Run the command, and read its metrics.

        It has the working directory of this process, or one of its own (see `WorkDir`), and the variables
        ``GRIDFOLD_RUN_DIR``, ``GRIDFOLD_CONFIG``, ``GRIDFOLD_INDEX``, ``GRIDFOLD_SEED``, and ``GRIDFOLD_FOLD`` and
        ``GRIDFOLD_FOLDS`` if the data are split; what it prints goes to the run's log.

        Raises:
            CommandFailed: it ended otherwise than by exit code 0.
            MetricsUnreadable: it wrote a file of metrics that cannot be read.
        """
        write_formats(self.arguments, config, run.dir.absolute())
        place = WorkDir(run, os.getcwd()) if run.cwd else None  # noqa: PTH109 - names are made of it
        line, variables = self.call(config, run)
        arguments = self._with_constants(place.arguments(line) if place else line, config, run)
        since = time.time_ns() - _CLOCK_LAG if run.attempt > 1 else 0
        (run.dir / METRICS_JSON).unlink(missing_ok=True)  # of an attempt that failed: it would be taken for this one's
        reported, printed = Mark.at_end_of(run.dir / METRICS), Mark.at(run.log_path, run.log_start)
        variables |= place.variables() if place else {}
        watch = Watch.of(run, ProgramOutput(run.dir, reported, printed, is_over=False), config)
        variables |= {UNBUFFERED: "1"} if watch else {}
        with reads_of_programs(place.python_path(arguments) if place else None) as listening:
            call = Call(arguments, variables | listening, line, run.work_dir if place else None)
            code = _execute(call, run.log_path, watch)
        if code and not run.told_to_stop:
            raise _failure(code, printed)
        output = ProgramOutput(run.dir, reported, printed, _written(run, arguments, since))
        found = find_metrics(output, run.patterns, numbers_of(config))
        if run.rungs:
            run.rungs.leave()
        if reports := found.reports or (watch.reports if watch and run.told_to_stop else ()):  # of its first epoch
            run.report_each(reports)
        else:
            run.count(run.reports())  # it has written them itself
        run.source, run.candidates = found.source or None, found.candidates
        return found.metrics

    def call(self, config: Mapping[str, Any], run: Run) -> tuple[list[str], dict[str, str]]:
        """The arguments of a run, and its variables of the environment.

        A script whose constants are set is still the user's own.
        """
        known = _known(run, config)
        files = paths_of_formats(self.arguments, run.dir.absolute())
        given = files | {name: text for name, text in known.items() if name not in OWN_FIRST or name not in config}
        variables = {f"{_VARIABLES}{name.upper()}": text for name, text in known.items() if text}
        return all_filled(self.arguments, config, given), variables

    def _with_constants(self, line: list[str], config: Mapping[str, Any], run: Run) -> Sequence[str]:
        if not constants_in(self.arguments):
            return line
        from gridfold.trainers.constants import with_copy  # few commands need it

        return with_copy(self.arguments, line, config, run.dir.absolute())


def _known(run: Run, config: Mapping[str, Any]) -> dict[str, str]:
    return {
        "config": str(config_for(run, config)),
        "run_dir": str(run.dir.absolute()),
        "index": str(run.index),
        "seed": str(run.seed),
        "fold": str(run.fold.index) if run.fold else "",
        "folds": str(run.fold.count) if run.fold else "",
    }


def _failure(code: int, printed: Mark) -> CommandFailed:
    lines = printed.lines_after(_PRINTED_BYTES)
    killed = code < 0 or code > _SIGNAL_OF_SHELL
    why = cause(lines, killed=killed)
    if not why and "".join(lines[:1]).startswith("…"):  # a message may be longer than what was read
        why = cause(printed.beginnings_after(_SEARCHED_BYTES), killed=killed)
    output = "\n".join(lines[-_SHOWN_LINES:])
    return CommandFailed(max(code, 0) or None, None if code > 0 else signal_name(-code), output, why)


def _is_of_run(argument: str) -> bool:
    """Whether the run is needed to know an argument."""
    return any(each.kind == FORMAT or each.full_name in RUN_NAMES for each in placeholders(argument))


def _written(run: Run, arguments: Sequence[str], since: int) -> Sequence[Written]:
    """The files that an attempt at a run has written, not those that an earlier one left in its directory."""
    return [each for each in written_files(run, arguments) if each.changed >= since]


def _mentions_variables(argument: str) -> bool:
    """Whether an argument, or the file that it names, has to do with the environment variables of a run."""
    if _VARIABLES in argument:
        return True
    try:
        path = Path(argument)
        return path.is_file() and path.stat().st_size < _SCRIPT_BYTES and _VARIABLES.encode() in path.read_bytes()
    except (OSError, ValueError):
        return False


@functools.lru_cache(maxsize=64)  # a search asks for each of its trials
def _check_program(program: str, search_path: str | None) -> None:
    if shutil.which(program, path=search_path) is None:
        problem, hint = _why_not(program, search_path)
        raise ConfigError(f"{problem}: '{program}'", path=SETTING, hint=hint)


def _why_not(program: str, search_path: str | None) -> tuple[str, str]:
    """What is wrong with a program that cannot be started, and what to do about it."""
    path = Path(program)
    is_file, has_folder = path.is_file(), os.sep in program
    if is_file and path.suffix == ".py":
        return "not a program", f"write: python {program}"
    if is_file and not os.access(path, os.X_OK):
        return "not executable", f"make it so: chmod +x {program}"
    if is_file and not has_folder:
        return "no such program", f"write ./{program} for the file in this folder"
    if has_folder:
        return ("a folder, not a program", "") if path.is_dir() else ("no such program", nearest_file(path))
    hint = nearest(program, _programs(search_path))
    return "no such program", hint if hint.startswith("did you mean") else ""


def _programs(search_path: str | None) -> Iterator[str]:
    for folder in (search_path or os.defpath).split(os.pathsep):
        with suppress(OSError):
            yield from os.listdir(folder or ".")  # noqa: PTH208 - names are all that is needed


@dataclass(frozen=True)
class Call:
    """How a program is started.

    Attributes:
        arguments: the command.
        variables: of the environment, beside those of this process.
        original: the command with the user's script, if a copy of that is run.
        folder: where it works, if that is a folder of its own.
    """

    arguments: Sequence[str]
    variables: Mapping[str, str]
    original: Sequence[str]
    folder: Path | None

    def start(self, log: Any) -> Program | subprocess.Popen[bytes]:
        """Start it; what it prints goes to a file.

        It stays in the process group of this process, so that whoever stops this process stops both.
        """
        warm = None if self.folder else start(self.arguments, self.variables, self.original)
        return warm or subprocess.Popen(
            self.arguments,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **self.variables},
            cwd=self.folder,
            close_fds=False,  # it inherits what ties it to the search (see ``lifeline``)
        )


def _execute(call: Call, log_path: Path, watch: Watch | None) -> int:
    """Run a program to its end: its exit code, or minus the signal that ended it."""
    process = None
    try:
        with log_path.open("ab") as log, deferred():
            process = call.start(log)
        if watch:
            watch.look_after(process.pid)
        return process.wait()
    except BaseException:
        if process is None:  # it cannot be started
            raise
        # The signal behind a KeyboardInterrupt went to the group, so the command is ending too, perhaps writing a
        # checkpoint. If it takes too long, whoever sent the signal sends another.
        try:
            process.wait()
        except BaseException:
            process.kill()
            process.wait()
            raise
        raise
