"""Trains configs in processes that get signals at chosen moments; run as a program, with its cases on standard input.

Every attempt is a process of its own, forked when all is imported.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.conftest import ROOT
from tests.text.examples import NotedRun


@dataclass(frozen=True)
class Blow:
    """A signal that an attempt sends to itself.

    Attributes:
        signal: its name.
        at: the moment: ``step``, ``evaluation``, ``report``, ``saving``, the last in the middle of a checkpoint's file.
        number: which of those moments, 1 for the first.
    """

    signal: str
    at: str
    number: int


@dataclass(frozen=True)
class Case:
    """A config, its run's directory, and the attempts at it: each with its blow, the last one with none."""

    config: dict[str, Any]
    folder: str
    blows: Sequence[Blow | None]


def outcomes(cases: Sequence[Case]) -> list[list[dict[str, Any]]]:
    """What came of every attempt of every case: ``state``, ``reports``, ``metrics``, ``notes``, ``said``, ``steps``."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.text.interrupted"],
        input=json.dumps([asdict(case) for case in cases]),
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    return json.loads(done.stdout)


class _StruckRun(NotedRun):
    def __init__(self, folder: Path, strike: Callable[[str], None]) -> None:
        super().__init__(folder)
        self._strike = strike

    def report(self, **metrics: float) -> None:
        super().report(**metrics)
        self._strike("report")

    def progress(self, **state: float) -> None:
        if not self.steps or self.steps[-1]["step"] != state["step"]:
            self._strike("step")
        super().progress(**state)


def _striker(blow: dict[str, Any] | None) -> Callable[[str], None]:
    counts: dict[str, int] = {}

    def strike(moment: str) -> None:
        counts[moment] = counts.get(moment, 0) + 1
        if blow and (blow["at"], blow["number"]) == (moment, counts[moment]):
            os.kill(os.getpid(), getattr(signal, blow["signal"]))

    return strike


def _attempt(config: dict[str, Any], folder: Path, blow: dict[str, Any] | None, result: Path) -> None:
    import torch

    from gridfold.text import checkpoint, finetune, trainer

    torch.set_num_threads(1)
    strike = _striker(blow)
    run = _StruckRun(folder, strike)
    encode, save = finetune.encode, torch.save

    def struck_encode(*args: Any) -> torch.Tensor:
        strike("evaluation")
        return encode(*args)

    def struck_save(content: Any, stream: Any) -> None:
        stream.write(b"PK\x03\x04 the first half")
        stream.flush()
        strike("saving")
        stream.seek(0)
        save(content, stream)

    finetune.encode, checkpoint.torch.save = struck_encode, struck_save
    state, metrics = "completed", {}
    try:
        metrics = trainer.train(config, run)
    except KeyboardInterrupt:
        state = "interrupted"
    steps = [step["step"] for step in run.steps]
    result.write_text(json.dumps({"state": state, "metrics": metrics, "reports": run.reports, "steps": steps}))


def _child(config: dict[str, Any], folder: Path, blow: dict[str, Any] | None) -> dict[str, Any]:
    """What came of an attempt in a process of its own."""
    result, log = folder.with_name(f"{folder.name}.json"), folder.with_name(f"{folder.name}.log")
    result.unlink(missing_ok=True)
    pid = os.fork()
    if pid == 0:
        os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666), 2)
        _attempt(config, folder, blow, result)
        os._exit(0)
    os.waitpid(pid, 0)
    found = json.loads(result.read_text()) if result.exists() else {"state": "killed"}
    return found | {"said": log.read_text()}


def main() -> None:
    import torch

    import gridfold.text.pipeline
    import gridfold.text.saved  # noqa: F401

    torch.set_num_threads(1)
    gc.freeze()  # as the import server does: else each attempt copies what its collector looks at
    cases = json.load(sys.stdin)
    found = [[_child(case["config"], Path(case["folder"]), blow) for blow in case["blows"]] for case in cases]
    print(json.dumps(found))  # noqa: T201


if __name__ == "__main__":
    main()
