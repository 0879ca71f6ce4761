"""Run some runs of a search again, each alone, and compare: sharing work changes no result."""

from __future__ import annotations

import random
import shutil
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from fnmatch import fnmatch
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from gridfold.core.errors import ConfigError
from gridfold.core.process.interrupt import Interrupt
from gridfold.executors.protocol import Executor, SafeWatcher, Watcher
from gridfold.identity import provenance
from gridfold.identity.fingerprint import Code
from gridfold.identity.sources import changes as differing
from gridfold.identity.sources import listed
from gridfold.records.compare import Difference, compare_files, differences, worst
from gridfold.records.objective import Objective, Rank
from gridfold.runs.entries import RunEntry
from gridfold.runs.record import Record, now
from gridfold.runs.run import Attempt, Run, write_config
from gridfold.runs.search import SearchDirectory
from gridfold.runs.seconds import Seconds
from gridfold.search.checkpoints import checkpoints

Verdict = Literal["bitwise", "close", "different", "failed alone"]

_TIMED = "*events.out.tfevents.*"  # TensorBoard's: full of times, which are in the names too
_MOST_NOTED = 20  # differences of a run
_ONCE_MORE = "_once_more"  # after the name of a directory
_MOST_ONCE_MORE = 2  # runs that differ, which are run alone once more: does the program repeat itself?


@dataclass(frozen=True)
class Verified:
    """What came of running a run again, alone.

    Attributes:
        entry: the run.
        verdict: ``bitwise``: all is the same, to the bit; ``close``: numbers differ by no more than rounding does;
            ``different``; ``failed alone``.
        recorded: what the search has of it.
        alone: the record of the run alone.
        differences: the largest of the metrics and of each file, the largest first.
        not_compared: files that were not compared, and why.
        repeats: whether the run gives the same alone when it is run alone once more; None if that was not tried.
        kept: the directory of the run alone; None if it is removed, because nothing in it is new.
    """

    entry: RunEntry
    verdict: Verdict
    recorded: Record
    alone: Record
    differences: Sequence[Difference]
    not_compared: Mapping[str, str]
    kept: Path | None
    repeats: bool | None = None

    @property
    def is_same(self) -> bool:
        """Whether the run gives alone what it gave in the search, up to rounding."""
        return self.verdict in ("bitwise", "close")


@dataclass(frozen=True)
class Verification:
    """Some runs of a search, compared with what they give alone.

    Attributes:
        search: the search.
        asked: how many runs were to be compared.
        runs: those that were.
        interrupted: whether a signal ended it.
    """

    search: SearchDirectory
    asked: int
    runs: Sequence[Verified]
    interrupted: bool

    @property
    def verdicts(self) -> Counter[str]:
        """How many runs have each verdict."""
        return Counter(verified.verdict for verified in self.runs)

    @property
    def is_same(self) -> bool:
        """Whether all runs give the same alone."""
        return all(verified.is_same for verified in self.runs)


@dataclass(frozen=True)
class _Case:
    """A run that is run again.

    Attributes:
        entry: the run.
        source: where its results are; another search's run if it was reused.
        recorded: the record of the source.
        alone: the new run.
    """

    entry: RunEntry
    source: Run
    recorded: Record
    alone: Run


def choose(search: SearchDirectory, count: int | None) -> list[int]:
    """The indices of some completed runs, spread over the search, the best one among them; always the same ones.

    Args:
        search: the search.
        count: how many; None for all, which is also what a number gives that is too large.

    Raises:
        ConfigError: no run is completed.
    """
    completed: list[int] = []
    best: Rank | None = None
    objective = Objective.said(search.facts())
    for entry in search.entries():
        if found := _result(search, entry):
            completed.append(entry.index)
            run, record = found
            place = objective.rank(objective.at_best(record, run.reports()), entry.index)
            best = min(best or place, place)
    if best is None:
        hint = f"gridfold resume {search.name}"
        raise ConfigError("no completed run to compare with", where=search.name, hint=hint)
    return _spread(completed, count, best[-1])


def choose_these(search: SearchDirectory, indices: Sequence[int]) -> list[int]:
    """The indices, if these runs are completed.

    Raises:
        ConfigError: one is not, or there is no such run.
    """
    wanted = set(indices)
    for entry in search.entries():
        if entry.index in wanted:
            wanted.remove(entry.index)
            if not _result(search, entry):
                problem = f"run {entry.index} is not completed, so it cannot be compared"
                raise ConfigError(problem, where=search.name)
    if wanted:
        raise ConfigError(f"no run {min(wanted)}", where=search.name)
    return sorted(set(indices))


def run_again(search: SearchDirectory, chosen: Collection[int], executor: Executor, watcher: Watcher) -> Verification:
    """Run completed runs again, and compare; what came of it is noted in the directory of the search.

    Args:
        search: the search.
        chosen: the indices of the runs.
        executor: shall share nothing between the runs.
        watcher: sees the runs.
    """
    chosen, watcher = set(chosen), SafeWatcher(watcher, search.log)
    under_way = _Verifying(search, search.folder_for_comparison())
    if Seconds(search.dir).are_apart:
        Seconds(under_way.folder).set_apart()
    interrupt = Interrupt()
    with interrupt.listening():
        try:
            for attempt, record in executor.execute(under_way.attempts(chosen), watcher, interrupt):
                watcher.ended(attempt.run, record)
                if record.state == "completed" or not interrupt.requests:
                    under_way.judge(attempt.run, record)
            if not interrupt.requests:
                for attempt, record in executor.execute(
                    under_way.attempts_once_more(), _Unseen(watcher, search.log), interrupt
                ):
                    under_way.judge_once_more(attempt.run, record)
        finally:
            under_way.close()
    return Verification(search, len(chosen), under_way.runs, interrupt.by_signal)


def changes(search: SearchDirectory, code: Code) -> list[str]:
    """What is not as it was when a search began, so that its runs may come out otherwise.

    Args:
        search: the search.
        code: the trainer's code as it is now.
    """
    found, facts = [], search.facts()
    commit, commit_now = facts.get("git_commit"), provenance.commit()
    if commit != commit_now:
        found.append(f"the code was at {_commit(commit)} when the search began, now at {_commit(commit_now)}")
    began = facts.get("fingerprint")
    if began not in (None, code.fingerprint):
        before = search.codes().get(began)
        changed = listed(differing(before, code.sources)) if before else ""
        found.append(f"the trainer's code has changed since the search began{f': {changed}' if changed else ''}")
    return found


class _Unseen(SafeWatcher):
    """Shows nothing: nobody has asked for these runs."""

    def _show(self, *_: Any, **__: Any) -> None:
        pass


@dataclass
class _Verifying:
    """A verification under way.

    Attributes:
        search: the search.
        folder: for the directories of the new runs.
        runs: what came of those that have ended.
    """

    search: SearchDirectory
    folder: Path
    runs: list[Verified] = field(default_factory=list)
    _cases: dict[str, _Case] = field(default_factory=dict)

    def attempts(self, chosen: Collection[int]) -> Iterator[Attempt]:
        """The runs to execute, each created when it is asked for."""
        for entry in self.search.entries():
            if entry.index in chosen and (found := _result(self.search, entry)):
                source, recorded = found
                run = Run(self.folder / entry.run)
                run.dir.mkdir()
                write_config(str(run.dir), source.read_config())
                self._cases[entry.run] = _Case(entry, source, recorded, run)
                yield Attempt(run, _as_new(recorded))

    def judge(self, run: Run, record: Record) -> None:
        """Compare a run that has ended; remove what is nothing new."""
        verified = _judge(self._cases.pop(run.dir.name), record)
        if verified.kept is None:
            shutil.rmtree(run.dir, ignore_errors=True)
        self.runs.append(verified)
        self.search.log(f"verified run {verified.entry.index}: {verified.verdict}{_largest(verified)}")

    def attempts_once_more(self) -> Iterator[Attempt]:
        """Some of those that differ, to execute once more."""
        different = [verified for verified in self.runs if verified.verdict == "different"]
        for verified in different[:_MOST_ONCE_MORE]:
            run = Run(self.folder / f"{verified.entry.run}{_ONCE_MORE}")
            run.dir.mkdir()
            first = Run(self.folder / verified.entry.run)
            write_config(str(run.dir), first.read_config())
            self._cases[run.dir.name] = _Case(verified.entry, first, verified.alone, run)
            yield Attempt(run, _as_new(verified.alone))

    def judge_once_more(self, run: Run, record: Record) -> None:
        """Compare two runs alone; nothing is kept of the second."""
        case = self._cases.pop(run.dir.name)
        if record.state == "completed":
            repeats = _judge(case, record).is_same
            self.runs = [replace(each, repeats=repeats) if each.entry is case.entry else each for each in self.runs]
        shutil.rmtree(run.dir, ignore_errors=True)

    def close(self) -> None:
        """Remove what was not brought to its end, and note what was."""
        for case in self._cases.values():
            shutil.rmtree(case.alone.dir, ignore_errors=True)
        Seconds(self.folder).clear()
        for folder in (self.folder, self.folder.parent):
            with suppress(OSError):  # what differs is kept in it
                folder.rmdir()
        if self.runs:
            moment = {"time": now(), "commit": provenance.commit()}
            self.search.note_verified({verified.entry.run: noted(verified) | moment for verified in self.runs})


def _commit(commit: str | None) -> str:
    return f"commit {commit}" if commit else "no commit"


def _spread(completed: Sequence[int], count: int | None, best: int) -> list[int]:
    """One of each part of the runs, drawn; an even step could meet the same value of a parameter each time."""
    if count is None or count >= len(completed):
        return list(completed)
    stream = random.Random(0)
    edges = [len(completed) * part // count for part in range(count + 1)]
    parts = [completed[begin:end] for begin, end in pairwise(edges)]
    return [best if best in part else stream.choice(part) for part in parts]


def _result(search: SearchDirectory, entry: RunEntry) -> tuple[Run, Record] | None:
    """Where the results of a run are, with the record; None if it is not completed, or they are gone."""
    run = search.run(entry)
    record = run.read()
    if record and record.reused:
        run = Run(search.dir.parent / record.reused)
        record = run.read()
    return (run, record) if record and record.state == "completed" else None  # nobody would stop it again


def _as_new(record: Record) -> Record:
    """The record to begin a run with that computes the same."""
    return Record(
        id=record.id,
        index=record.index,
        search=None,
        params=record.params,
        trainer=record.trainer,
        seed=record.seed,
        threads=record.threads,
        cwd=record.cwd,
        patterns=record.patterns,
        attempt=1,
        repeat=record.repeat,
        data_fold=record.data_fold,
    )


def _judge(case: _Case, alone: Record) -> Verified:
    if alone.state != "completed":
        return Verified(case.entry, "failed alone", case.recorded, alone, [], {}, case.alone.dir)
    skipped = _not_compared(case)
    found = sorted(_differences(case, alone, skipped), key=lambda difference: difference.severity, reverse=True)
    verdict: Verdict = "bitwise" if not found else "close" if found[0].is_close else "different"
    kept = case.alone.dir if verdict == "different" else None
    return Verified(case.entry, verdict, case.recorded, alone, found, skipped, kept)


def _differences(case: _Case, alone: Record, skipped: Collection[str]) -> Iterator[Difference]:
    """The largest difference of the metrics, and of each file."""
    before, after = case.recorded.metrics, alone.metrics
    if found := worst(differences(before, after, "metrics")):
        yield found
    elif list(before) != list(after):
        yield Difference("metrics", "in another order")
    recorded, new = set(case.source.results()), set(case.alone.results())
    for name in sorted((recorded | new) - set(skipped)):
        if name not in recorded or name not in new:
            yield Difference(name, "only alone" if name in new else "only in the search")
        elif found := compare_files(case.source.dir, case.alone.dir, name):
            yield found


def _not_compared(case: _Case) -> dict[str, str]:
    """The files that are not compared, and why."""
    recorded, new = set(case.source.results()), set(case.alone.results())
    skipped = {name: "holds times" for name in recorded | new if fnmatch(name, _TIMED)}
    if case.recorded.attempt > 1:  # only an attempt that was cut off leaves what a whole one does not
        skipped |= dict.fromkeys(recorded - new, "may be of an earlier attempt")
    if _deletes_checkpoints(case):
        found = checkpoints(case.alone, case.recorded.trainer, works_apart=bool(case.recorded.cwd))
        weights = [path.relative_to(case.alone.dir) for path in found]
        gone = [name for name in new - recorded if any(Path(name).is_relative_to(path) for path in weights)]
        skipped |= dict.fromkeys(gone, "deleted")
    return skipped


def _deletes_checkpoints(case: _Case) -> bool:
    """Whether the search that a result is of deletes the weights of some of its runs."""
    try:
        execution = SearchDirectory(case.source.dir.parent / (case.recorded.search or "")).facts().get("execution")
    except ConfigError:
        return False
    count = execution.get("keep_checkpoints") if isinstance(execution, dict) else None
    return isinstance(count, int) and count < sys.maxsize


def _largest(verified: Verified) -> str:
    if verified.alone.error:
        return f": {verified.alone.error['type']}: {verified.alone.error['message']}"[:300]
    return "".join(f": {difference.where}: {difference.said}" for difference in verified.differences[:1])


def noted(verified: Verified) -> dict[str, Any]:
    """What ``verify.json`` says of a run."""
    return {
        "index": verified.entry.index,
        "verdict": verified.verdict,
        "seconds": verified.recorded.seconds,
        "seconds_alone": verified.alone.seconds,
        "differences": [asdict(difference) for difference in verified.differences[:_MOST_NOTED]],
        "not_compared": dict(verified.not_compared),
        "error": verified.alone.error,
        "repeats": verified.repeats,
        "kept": str(verified.kept) if verified.kept else None,
    }
