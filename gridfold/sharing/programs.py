"""The script of a command, as the work that its runs share.

The trunk is the program itself: the script runs there as ``__main__``, with arguments that stand for those of all runs.
When it splits, the child that stands for one run becomes the process of that run, which takes the attempt and in the
end reads the metrics, and forks the program, in which the script goes on.
"""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from gridfold import stages
from gridfold.core.process import seeding, variables
from gridfold.core.process.lifeline import tie
from gridfold.identity import reads
from gridfold.sharing.call_site import is_import_of_package
from gridfold.sharing.fork import Branch
from gridfold.sharing.fork_state import ForkState
from gridfold.sharing.pipe_guard import PipeGuard
from gridfold.sharing.start import Pipes, Shared
from gridfold.trainers.command import CommandTrainer
from gridfold.trainers.warm.program import hold, run, take
from gridfold.trainers.warm.script import Script, script_of
from gridfold.worker import Spent, Work, leave, listen, outcome

_PROGRAMS = ("os.posix_spawn", "os.exec", "os.system")
_STARTERS = ("multiprocessing.popen_spawn_posix", "multiprocessing.popen_forkserver")
_VARIABLES = tuple(f"GRIDFOLD_{name}" for name in ("RUN_DIR", "CONFIG", "INDEX", "SEED", "FOLD", "FOLDS"))


def grow_programs(shared: Shared, pipes: Pipes, printed: bytes, imports: Spent) -> int:
    """As `gridfold.sharing.fork.grow`, for runs of a command that starts warm."""
    tie(pipes.lifeline)
    reads.start().begin()
    branch = _ProgramBranch(shared, pipes, printed)
    branch.note({"batch": shared.name, "runs": len(shared.tasks), "imports": imports.as_dict()})
    return branch.execute()


class _ProgramBranch(Branch):
    """The current process as one that stands for some runs of a script."""

    def execute(self) -> int:
        """Run the script to its end, here and in the processes that this one splits into; it does not return."""
        record = self._tasks[0].attempt.record
        trainer = CommandTrainer(tuple(record.trainer))
        commands = [trainer.call(task.config or {}, task.attempt.run)[0] for task in self._tasks]
        scripts = [script for script in map(script_of, commands) if isinstance(script, Script)]
        if len(scripts) < len(commands):
            self._abandon("the script of a run is not there")
        run(scripts[0], {}, self._see_end, lambda: self._begin(scripts))

    def _configs(self) -> Sequence[Mapping[str, Any]]:
        return [{} for _ in self._tasks]  # a script sees its arguments

    def _begin(self, scripts: Sequence[Script]) -> None:
        """Before the first line of the script."""
        from gridfold.sharing.arguments import share  # with argparse: those who run no script do without
        from gridfold.sharing.prints import Prints

        stages.use(self._tasks[0].attempt.run.dir.parent)
        self._prints = Prints(self._group, self._is_kept)
        reads.start().listen(self._hear)
        self._pipes_guard = PipeGuard(self._pipe_is_made)
        self._gpus.watch()
        variables.watch(self._variable_is_read)
        if self._write_guard:
            self._write_guard.look()
        self._clocks.watch()
        share(self._group, [each.argv for each in scripts], [each.words for each in scripts])

    def _is_kept(self, descriptor: int) -> bool:
        """Whether what is written there is kept until this process stands for one run."""
        return os.path.samestat(os.fstat(descriptor), os.fstat(self._printed))

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        """What the script starts gets the variables of a run."""
        starts = event in _PROGRAMS or (event == "import" and arguments[0] in _STARTERS)
        if starts and self._work is None and not is_import_of_package():
            self.work("a program that it starts")

    def _pipe_is_made(self) -> None:
        if self._work is None:
            self.work("a program that it starts")

    def _variable_is_read(self, name: str) -> None:
        self._gpus.is_read(name)
        if self._work is None and (name in _VARIABLES or (name == variables.WHOLE and not is_import_of_package())):
            self.work(name if name == variables.WHOLE else f"${name}")

    def _see_end(self, error: BaseException | None) -> None:
        """When the script has been executed: each run ends by itself."""
        if self._work is not None:
            return
        is_exit = isinstance(error, SystemExit) and error.code in (None, 0)
        if error is not None and not is_exit:
            self._abandon(f"the shared part failed: {type(error).__name__}: {error}"[:300])
        self.work("the end of the script")

    def _flush(self) -> None:
        """What a program has not written yet, each does at its time."""
        gc.freeze()  # a run that looks at all objects when it ends would copy them all

    def _become(self, group: tuple[int, ...], printed: bytes, outputs: Sequence[int]) -> None:
        handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
        if len(group) == 1:
            self._prints.stop()
            self._prints.replace_held(group[0])
            printed = self._prints.of(group[0], printed)
        # What was printed is the program's: its log gets that when the program goes on, for the metrics may be in it.
        super()._become(group, printed if len(group) > 1 else b"", outputs)
        if self._work is None:
            return
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])  # it waits until somebody hears it
        state = ForkState.leave()
        changes = hold()
        if changes is None:
            self._group.trials = group  # whatever is read here, nothing splits
            self._look_after(self._work, self._tasks[group[0]].config or {})
        state.take()
        seeding.restart()
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        self._pid = os.getpid()
        _append(self._work.run.log_path, printed)
        variables.leave_alone()
        self._pipes_guard.stop()
        take(changes)

    def _look_after(self, work: Work, config: Mapping[str, Any]) -> NoReturn:
        """Be the process of a run, whose program has been forked."""
        code = 1
        try:
            stop = listen()
            trainer = CommandTrainer(tuple(work.record.trainer))
            code = leave(work, outcome(lambda: trainer.train(config, work.run), stop))
        finally:
            os._exit(code)


def _append(path: Path, printed: bytes) -> None:
    log = os.open(path, os.O_WRONLY | os.O_APPEND)
    os.write(log, printed)
    os.close(log)
