"""A command as a trainer: any program, in any language, that reads a config or takes options."""

from __future__ import annotations

import functools
import json
import math
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gridfold.core.errors import ConfigError, nearest, nearest_file
from gridfold.core.values import render
from gridfold.identity.startup import reads_of_programs
from gridfold.runs.failure import ProgramFailed, signal_name
from gridfold.runs.reports import METRICS, METRICS_JSON
from gridfold.runs.run import Run
from gridfold.trainers.cause import cause, last_words
from gridfold.trainers.metrics.printed import Mark, printed_metrics, reported_metrics, written_metrics
from gridfold.trainers.warm.program import Program, start

_SETTING = "gridfold.trainer"
_RUN_NAMES = ("config", "run_dir", "index", "seed", "fold", "folds")  # what a run gives
_OWN_FIRST = ("index", "seed", "fold", "folds")  # unless the config has a key of that name: then its value is meant
# {name}, and {{name}} for a literal {name}. Other braces, as in awk '{print $1}' or JSON, are left alone.
_PLACEHOLDER = re.compile(r"\{(\{[\w.-]+\})\}|\{([\w.-]+)\}")

_VARIABLES = "GRIDFOLD_"  # what the names of the environment variables of a run begin with
_SCRIPT_BYTES = 16 << 20  # more is no text

_PRINTED_BYTES = 64 << 10
_SEARCHED_BYTES = 64 << 20  # for the cause of a failure, where those do not tell
_SHOWN_LINES = 20
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
    ``index``, ``seed``, ``fold`` or ``folds`` of the config comes before the run's.

    The metrics are those of the first of these that the command wrote: ``metrics.json`` in the run directory, the last
    line of ``metrics.jsonl`` there, the last printed line that is a JSON object of numbers; printed lines with the same
    names are one for each epoch.

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
            raise ConfigError("a command without a program", path=_SETTING, hint="such as [python, train.py]")
        for argument in self.arguments:
            _check_passable(argument, _SETTING)
            for name in _names(argument):
                _check_passable(_value(config, name), name)
        # What depends on the run is known when the run is.
        known = [None if {*_names(each)} & {*_RUN_NAMES} else _filled(each, config, {}) for each in self.arguments]
        if known[0] is not None:
            _check_program(known[0], os.environ.get("PATH"))
            from gridfold.trainers.script import check_script  # what runs need nothing of

            check_script(known[0], known[1:])

    def takes_fold(self, config: Mapping[str, Any]) -> bool:
        """Whether an argument has the part of the data to hold out."""
        return "fold" not in config and any("fold" in _names(argument) for argument in self.arguments)

    @property
    def may_look(self) -> bool:
        """Whether the program may get at what no argument says: from the run's files, its index, or the environment."""
        names = {name for argument in self.arguments for name in _names(argument)}
        return bool(names & {"config", "run_dir", "index"}) or any(map(_mentions_variables, self.arguments))

    def told(self, config: Mapping[str, Any], seed: int) -> tuple[str, ...]:
        """The arguments of a run, as far as they depend on its config and its seed."""
        given = {} if "seed" in config else {"seed": str(seed)}
        return tuple(_filled(argument, config, given) for argument in self.arguments)

    def train(self, config: Mapping[str, Any], run: Run) -> Mapping[str, float]:
        """Run the command, and read its metrics.

        It has the working directory of this process, and the variables ``GRIDFOLD_RUN_DIR``, ``GRIDFOLD_CONFIG``,
        ``GRIDFOLD_INDEX``, ``GRIDFOLD_SEED``, and ``GRIDFOLD_FOLD`` and ``GRIDFOLD_FOLDS`` if the data are split;
        what it prints goes to the run's log.

        Raises:
            CommandFailed: it ended otherwise than by exit code 0.
            MetricsUnreadable: it wrote a file of metrics that cannot be read.
        """
        arguments, variables = self.call(config, run)
        (run.dir / METRICS_JSON).unlink(missing_ok=True)  # of an attempt that failed: it would be taken for this one's
        reported, printed = Mark.at_end_of(run.dir / METRICS), Mark.at_end_of(run.log_path)
        with reads_of_programs() as listening:
            code = _execute(arguments, variables | listening, run.log_path)
        if code:
            raise _failure(code, printed)
        if os.path.lexists(run.dir / METRICS_JSON):
            return written_metrics(run.dir / METRICS_JSON)
        found = reported_metrics(reported)
        return _printed(printed, run) if found is None else found

    def call(self, config: Mapping[str, Any], run: Run) -> tuple[list[str], dict[str, str]]:
        """The arguments of a run, and its variables of the environment."""
        known = {
            "config": str(run.config_path.absolute()),
            "run_dir": str(run.dir.absolute()),
            "index": str(run.index),
            "seed": str(run.seed),
            "fold": str(run.fold.index) if run.fold else "",
            "folds": str(run.fold.count) if run.fold else "",
        }
        given = {name: text for name, text in known.items() if name not in _OWN_FIRST or name not in config}
        arguments = [_filled(argument, config, given) for argument in self.arguments]
        return arguments, {f"{_VARIABLES}{name.upper()}": text for name, text in known.items() if text}


def _failure(code: int, printed: Mark) -> CommandFailed:
    lines = printed.lines_after(_PRINTED_BYTES)
    why = cause(lines)
    if not why and "".join(lines[:1]).startswith("…"):  # a message may be longer than what was read
        why = cause(printed.beginnings_after(_SEARCHED_BYTES))
    output = "\n".join(lines[-_SHOWN_LINES:])
    return CommandFailed(max(code, 0) or None, None if code > 0 else signal_name(-code), output, why)


def _printed(printed: Mark, run: Run) -> Mapping[str, float]:
    """The metrics that a command printed; of several epochs, each is a report."""
    metrics, reports = printed_metrics(printed)
    if reports:
        run.report_each(reports)
    return metrics


def _mentions_variables(argument: str) -> bool:
    """Whether an argument, or the file that it names, has to do with the environment variables of a run."""
    if _VARIABLES in argument:
        return True
    try:
        path = Path(argument)
        return path.is_file() and path.stat().st_size < _SCRIPT_BYTES and _VARIABLES.encode() in path.read_bytes()
    except (OSError, ValueError):
        return False


def _names(argument: str) -> list[str]:
    return [name for _, name in _PLACEHOLDER.findall(argument) if name]


def _filled(argument: str, config: Mapping[str, Any], known: Mapping[str, str]) -> str:
    def replacement(match: re.Match[str]) -> str:
        literal, name = match.groups()
        return literal or (known[name] if name in known else _value(config, name))

    return _PLACEHOLDER.sub(replacement, argument)


def _value(config: Mapping[str, Any], name: str) -> str:
    """What a placeholder stands for; "" for what only the run knows."""
    if name in _RUN_NAMES and not (name in _OWN_FIRST and name in config):
        return ""
    try:
        return _as_argument(_at(config, name))
    except KeyError:
        near = _nearest(name, [*_RUN_NAMES, *_paths(config)])
        raise ConfigError(
            f"the config has no '{name}', which the command takes from it",
            path=_SETTING,
            hint=f"{near}\nto pass {{{name}}} as it stands, write {{{{{name}}}}}",
        ) from None


def _items(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from ((str(key), item) for key, item in value.items())
    elif isinstance(value, Sequence) and not isinstance(value, str):
        yield from ((str(index), item) for index, item in enumerate(value))


def _at(value: Any, path: str) -> Any:
    for name, item in _items(value):
        if name == path:
            return item
        if path.startswith(f"{name}."):
            with suppress(KeyError):
                return _at(item, path.removeprefix(f"{name}."))
    raise KeyError(path)


def _paths(value: Any, prefix: str = "") -> Iterator[str]:
    for name, item in _items(value):
        yield f"{prefix}{name}"
        yield from _paths(item, f"{prefix}{name}.")


def _nearest(name: str, known: Sequence[str]) -> str:
    parent, _, end = name.rpartition(".")
    same_end = [path for path in known if path.rpartition(".")[2] == end]
    if len(same_end) == 1:
        return f"did you mean '{same_end[0]}'?"
    beside = [path for path in known if parent and path.rpartition(".")[0] == parent]
    return nearest(name, beside or known)


def _as_argument(value: Any) -> str:
    """A value as programs take it: a string as it is, a list or mapping as JSON, others as in a config."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # inf: programs do not read YAML's .inf
    return _json(value)


def _json(value: Any) -> str:
    """JSON that YAML readers read alike: they need the dot of 1.0e-05."""
    if isinstance(value, Mapping):
        keys = (_json(key if isinstance(key, str) else render(key)) for key in value)
        return "{" + ", ".join(f"{key}: {_json(item)}" for key, item in zip(keys, value.values(), strict=True)) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(map(_json, value)) + "]"
    return render(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


def _check_passable(text: str, path: str) -> None:
    problem = "holds a NUL character" if "\0" in text else ""
    try:
        os.fsencode(text)
    except UnicodeEncodeError as error:
        problem = f"cannot be written in this system's encoding: {error}"
    if problem:
        raise ConfigError(f"{problem}, so it cannot be passed to a program", path=path, hint="let it read {config}")


@functools.lru_cache(maxsize=64)  # a search asks for each of its trials
def _check_program(program: str, search_path: str | None) -> None:
    if shutil.which(program, path=search_path) is None:
        problem, hint = _why_not(program, search_path)
        raise ConfigError(f"{problem}: '{program}'", path=_SETTING, hint=hint)


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


def _execute(arguments: Sequence[str], variables: Mapping[str, str], log_path: Path) -> int:
    """Run a program to its end: its exit code, or minus the signal that ended it.

    It stays in the process group of this process, so that whoever stops this process stops both.
    """
    with log_path.open("ab") as log:
        process: Program | subprocess.Popen[bytes] = start(arguments, variables) or subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **variables},
            close_fds=False,  # it inherits what ties it to the search (see ``lifeline``)
        )
    try:
        return process.wait()
    except BaseException:
        # The signal behind a KeyboardInterrupt went to the group, so the command is ending too, perhaps writing a
        # checkpoint. If it takes too long, whoever sent the signal sends another.
        try:
            process.wait()
        except BaseException:
            process.kill()
            process.wait()
            raise
        raise
