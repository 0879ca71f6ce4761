"""Workers as Slurm jobs: `sbatch` arrays of one script, asked about and ended by Slurm's own commands."""

from __future__ import annotations

import contextlib
import difflib
import math
import re
import shlex
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from gridfold.core.errors import ConfigError, nearest
from gridfold.engines import slurm_jobs
from gridfold.engines.probe import new_token
from gridfold.engines.protocol import EngineError, Job, Order

SBATCH_FILE = "sbatch-file"  # the option that names a site's own header
GRACE = "grace"  # the option that says how long before the limit of a job its runs are told to stop
SCRIPT = "slurm.sh"  # in the folder of the logs, for jobs that go on where others had to end

_MOST_TASKS = 1000  # of an array; Slurm's usual limit is an index of 1000
_LOOK_SECONDS = 0.2
_SUBMIT_SECONDS = 120.0  # that sbatch may take: killed later, nobody knows whether the job was submitted
_UNSEEN, _NO_FOLDER, _NO_PYTHON = 101, 102, 103  # exit codes of the job that looks
_CPUS = {"cpus-per-task", "c", "cpus-per-gpu", "exclusive", "ntasks-per-node", "mincpus"}
_GPUS = {"gres", "gpus", "G", "gpus-per-task", "gpus-per-node", "gpus-per-socket", "tres-per-task"}
_OF_EACH = {"job-name", "chdir", "ntasks", "requeue"}  # that no cluster refuses
_OWN = {"array", "a", "wait", "W", "test-only"}  # change what is submitted, or whether sbatch returns
_DURATION = re.compile(r"(\d+(\.\d+)?[smhd]?)+")
_NAMES = re.compile(r"(?<=--)[a-z][a-z-]*")


@dataclass(frozen=True)
class _Header:
    """The text of a site's own: what jobs ask for, and commands such as ``module load``."""

    shebang: str = "#!/bin/bash"
    directives: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()

    @classmethod
    def read(cls, path: Path) -> _Header:
        try:
            lines = path.read_text().splitlines()
        except (OSError, UnicodeDecodeError) as error:
            problem = getattr(error, "strerror", None) or error
            raise ConfigError(f"cannot be read: {problem}", where=str(path)) from None
        shebang = lines.pop(0) if lines and lines[0].startswith("#!") else cls.shebang
        first = next((at for at, line in enumerate(lines) if line.strip() and not line.startswith("#")), len(lines))
        directives = tuple(line for line in lines[:first] if line.startswith("#SBATCH"))
        return cls(shebang, directives, tuple(lines[first:]))

    @property
    def names(self) -> set[str]:
        """The options that it gives."""
        return {name for line in self.directives for name in re.findall(r"(?:^|\s)--?([A-Za-z][\w-]*)", line)}


@dataclass(frozen=True)
class Slurm:
    """Starts workers by ``sbatch``.

    Attributes:
        options: of ``sbatch``, without the dashes, such as ``{"partition": "gpu"}``; "" where one has no value.
            ``sbatch-file`` names a script whose header and commands come first.
    """

    options: Mapping[str, str] = field(default_factory=dict)

    def check(self, order: Order) -> str:
        """Let ``sbatch --test-only`` look at the job, and a first tiny job at the folder."""
        grace = self.options.get(GRACE)
        if grace is not None and not _DURATION.fullmatch(grace):
            raise ConfigError(f"expected a duration such as 90s or 5m, found {grace!r:.40}", path=f"slurm.{GRACE}")
        own = sorted(_OWN & {*self.options, *self._header.names})
        if own:
            problem, hint = "gridfold starts the jobs, so this option cannot be given", "leave it out"
            raise ConfigError(problem, path=f"slurm.{own[0]}", hint=f"{hint}; the number of jobs: --workers 8")
        ended = _sbatch("--test-only", script=self.script(order))
        if ended.returncode:
            self._refuse(slurm_jobs.said_by(ended), order)
        return self._look(order) if order.patience else ""

    def script(self, order: Order) -> str:
        """The script of each job. It becomes the worker, so that signals of Slurm reach that."""
        grace = ["--grace", self.options[GRACE]] if self.options.get(GRACE) else []
        folder, command = shlex.quote(str(order.folder)), shlex.join([*order.command, *grace])
        log = str(order.logs / "slurm-%j.out").replace(str(order.logs), _pattern(order.logs))
        return self._script(
            [*self._asked(order), _directive("open-mode", "append"), _directive("output", log)],
            [
                "export GRIDFOLD_ENGINE=slurm",
                f'cd {folder} || {{ echo "$(hostname) does not see this folder" >&2; exit {_NO_FOLDER}; }}',
                f"exec {command}",
            ],
        )

    def submit(self, order: Order) -> list[str]:
        """Start the workers as arrays of at most a thousand jobs; their script stays beside their logs."""
        order.logs.mkdir(parents=True, exist_ok=True)
        path = order.logs / SCRIPT
        path.write_text(self.script(order))
        log = f"--output={_pattern(order.logs)}/slurm-%A_%a.out"
        ids = list[str]()
        for count in _portions(order.count, _most_tasks()):
            ended = _sbatch("--parsable", f"--array=0-{count - 1}", log, str(path))
            if ended.returncode:
                self.cancel(ids)
                self._refuse(slurm_jobs.said_by(ended), order)
            array = _number(ended)
            ids += [f"{array}_{task}" for task in range(count)]
        return ids

    def jobs(self, ids: Iterable[str]) -> list[Job]:
        """How jobs stand; a job that Slurm has forgotten is over."""
        asked = list(ids)
        seen = slurm_jobs.look(asked)
        return [seen[job].job if job in seen else slurm_jobs.over(job) for job in asked]

    def cancel(self, ids: Iterable[str]) -> None:
        """End jobs by ``scancel``."""
        asked = list(ids)
        for first in range(0, len(asked), _MOST_TASKS):
            ended = slurm_jobs.call("scancel", *asked[first : first + _MOST_TASKS])
            lines = [line for line in ended.stderr.splitlines() if not _is_over(line)]
            if ended.returncode and lines:
                raise EngineError(slurm_jobs.said_by(ended))

    @property
    def _header(self) -> _Header:
        path = self.options.get(SBATCH_FILE)
        return _Header.read(Path(path)) if path else _Header()

    def _asked(self, order: Order, without: Collection[str] = ()) -> list[str]:
        """What a job asks for: what gridfold would, what the file of the site says, what the user says."""
        header = self._header
        said = {name: value for name, value in self.options.items() if name not in (SBATCH_FILE, GRACE)}
        own = {"job-name": order.name, "chdir": str(order.folder), "ntasks": "1", "requeue": ""}
        if not _CPUS & {*said, *header.names}:
            own["cpus-per-task"] = str(order.cpus)
        if order.gpus and not _GPUS & {*said, *header.names}:
            own["gres"] = f"gpu:{math.ceil(order.gpus)}"
        own = {name: value for name, value in own.items() if name not in {*said, *without}}
        return [*_directives(own), *header.directives, *_directives(said)]

    def _script(self, directives: Iterable[str], commands: Iterable[str]) -> str:
        header = self._header
        return "\n".join([header.shebang, *directives, "", *header.commands, *commands, ""])

    def _look(self, order: Order) -> str:
        """Let a job look whether it sees the folder; what to say if it did not begin in time."""
        with new_token(order) as (path, token):
            job = self._submit_look(order, path, token)
            try:
                found = _wait(job, order.patience)
            finally:
                with contextlib.suppress(EngineError):
                    slurm_jobs.call("scancel", job)
        if found.phase != "over":
            why = f" ({found.reason})" if found.reason else ""
            seconds = round(order.patience)
            return f"no job began within {seconds} s{why}, so whether the nodes see {path.parent} is not known yet"
        self._judge(found, path.parent, order)
        return ""

    def _submit_look(self, order: Order, path: Path, token: str) -> str:
        python = shlex.quote(order.command[0])
        look = [
            f'[ "$(cat {shlex.quote(str(path))})" = {token} ] || exit {_UNSEEN}',
            f"cd {shlex.quote(str(order.folder))} || exit {_NO_FOLDER}",
            f"{python} -c 'import gridfold' || exit {_NO_PYTHON}",
        ]
        own = ["--output=/dev/null", "--chdir=/", "--job-name=gridfold-check", "--time=5", "--no-requeue"]
        ended = _sbatch("--parsable", *own, script=self._script(self._asked(order), look))
        if ended.returncode:
            self._refuse(slurm_jobs.said_by(ended), order)
        return _number(ended)

    def _judge(self, job: Job, folder: Path, order: Order) -> None:
        host, python = job.host or "a node", order.command[0]
        status = re.search(r"exit code (\d+)", job.reason)
        code = int(status[1]) if status else 0
        if code in (_UNSEEN, _NO_FOLDER):
            unseen = folder if code == _UNSEEN else order.folder
            hint = "work in a folder that login node and nodes share, at the same path on all of them"
            raise ConfigError(f"{host} does not see what is in this folder here", where=str(unseen), hint=hint)
        if code == _NO_PYTHON:
            hint = "install gridfold where the nodes see it; or load what it needs in --sbatch-file"
            raise ConfigError(f"{host} cannot import gridfold with it", where=python, hint=hint)
        if job.reason != "COMPLETED":
            hint = "see what it would run: --dry-run; without this look: --no-check"
            raise ConfigError(f"a first job, which looks for the folder, ended on {host}: {job.reason}", hint=hint)

    def _refuse(self, said: str, order: Order) -> NoReturn:
        """Say what to do about what `sbatch` has said.

        Raises:
            ConfigError: always.
        """
        if found := re.search(r"invalid partition specified: ([^\s;]+)", said):
            names = sorted(set(slurm_jobs.answer("sinfo", "--noheader", "--format=%R").split()))
            near = difflib.get_close_matches(found[1], names, n=len(names), cutoff=0.0)
            raise ConfigError(f"no partition '{found[1]}'", path="slurm.partition", hint=f"here: {', '.join(near)}")
        if found := re.search(r"(?:unrecognized|ambiguous) option '--?([^'=]+)", said):
            names = _NAMES.findall(slurm_jobs.answer("sbatch", "--help"))
            raise ConfigError("sbatch has no such option", path=f"slurm.{found[1]}", hint=nearest(found[1], names))
        if found := re.search(r"option '--([\w-]+)[^']*' (requires|doesn't allow) an argument", said):
            raise ConfigError(f"sbatch says that it {found[2]} a value", path=f"slurm.{found[1]}")
        asked = " ".join(line.removeprefix("#SBATCH").strip() for line in self._asked(order, without=_OF_EACH))
        raise ConfigError(f"sbatch refuses the job: {said}", path="slurm", hint=f"asked for: {asked}" if asked else "")


def _sbatch(*arguments: str, script: str | None = None) -> slurm_jobs.Ended:
    try:
        return slurm_jobs.call("sbatch", *arguments, script=script, seconds=_SUBMIT_SECONDS)
    except EngineError as error:
        hint = "submit from a login node of the cluster; to run here: --on local\nto start workers yourself, on any"
        raise ConfigError(f"Slurm: {error}", hint=f"{hint} machine that sees this folder: --workers-by-hand") from None


def _wait(job: str, seconds: float) -> Job:
    """How a job stands when it is over, or after some seconds."""
    deadline = time.monotonic() + seconds
    while True:
        seen = slurm_jobs.look([job])
        found = seen[job].job if job in seen else slurm_jobs.over(job)
        if found.phase == "over" or time.monotonic() > deadline:
            return found
        time.sleep(_LOOK_SECONDS)


def _number(ended: slurm_jobs.Ended) -> str:
    """The number of a job that was submitted; a site may let `sbatch` say more."""
    found = re.findall(r"^(\d+)(?:;\S*)?$", ended.stdout, re.MULTILINE)
    if not found:
        raise ConfigError(f"sbatch named no job: {ended.stdout:.200}", path="slurm")
    return str(found[-1])


def _most_tasks() -> int:
    """How many tasks an array may have here."""
    found = re.search(r"^MaxArraySize\s*=\s*(\d+)", slurm_jobs.answer("scontrol", "show", "config"), re.MULTILINE)
    return max(1, min(_MOST_TASKS, int(found[1]))) if found else _MOST_TASKS


def _portions(count: int, most: int) -> Iterator[int]:
    for first in range(0, count, most):
        yield min(most, count - first)


def _directives(asked: Mapping[str, str]) -> list[str]:
    return [_directive(*each) for each in asked.items()]


def _directive(name: str, value: str = "") -> str:
    return f"#SBATCH {_option(name, value)}"


def _option(name: str, value: str) -> str:
    dashes = "-" if len(name) == 1 else "--"
    quoted = f'"{value}"' if re.search(r"\s", value) else value
    return f"{dashes}{name}" + (("=" if dashes == "--" else "") + quoted if value else "")


def _pattern(folder: Path) -> str:
    """A folder as it can stand in the name of a log."""
    return str(folder).replace("%", "%%")


def _is_over(line: str) -> bool:
    return slurm_jobs.FORGOTTEN in line or "already completing or completed" in line
