"""The checkpoint of a training under way: one file in the run's directory, from which the training continues."""

from __future__ import annotations

import hashlib
import json
import os
import random
import time
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from gridfold.core.logs import logger
from gridfold.runs.run import Run

_LOG = logger()
_NAME = "checkpoint.pt"
_FORMAT = 1  # another layout of what is in a checkpoint is another format
_INTERVAL = 15 * 60.0  # seconds of training that a killed process loses at most
_SHARE = 0.1  # of the time, at most, goes into checkpoints that epochs end with


class CheckpointFile:
    """Where a training keeps its newest checkpoint. It appears whole, and takes the place of the one before.

    A checkpoint is a convenience: one that cannot be written or read is a line in the log, never an error. While
    several runs are trained as one there is none: they have no directory together.

    Args:
        run: whose directory it is in.
        fingerprint: of the training; a checkpoint with another one is not loaded.
    """

    def __init__(self, run: Run, fingerprint: str) -> None:
        self._run = run
        self._fingerprint = fingerprint
        self._saved = time.monotonic()
        self._cost = 0.0

    @property
    def folder(self) -> Path | None:
        """The run's directory; None while several runs are trained as one."""
        return None if self._run.shared else self._run.dir

    @property
    def due(self) -> bool:
        """Whether the training of an epoch has gone on for so long that it should be saved."""
        return time.monotonic() - self._saved >= _INTERVAL and not self._run.shared

    @property
    def affordable(self) -> bool:
        """Whether saving takes little of the time: epochs can be shorter than it takes to write a large model."""
        return time.monotonic() - self._saved >= self._cost / _SHARE and not self._run.shared

    def save(self, content: Mapping[str, Any]) -> None:
        """Replace the checkpoint. On a full disk, the one before stays."""
        start, path = time.monotonic(), self._run.dir / _NAME
        temporary = path.with_name(f".{_NAME}.{os.getpid()}")
        try:
            _write({"format": _FORMAT, "fingerprint": self._fingerprint, **content}, temporary)
            temporary.replace(path)
        except (OSError, RuntimeError) as error:  # torch raises a RuntimeError for a file that it cannot write
            _LOG.warning("the checkpoint cannot be saved, training goes on without: %s", _first_line(error))
        finally:
            _remove(temporary)
        self._saved = time.monotonic()
        self._cost = self._saved - start

    def load(self) -> dict[str, Any] | None:
        """The content of the checkpoint; None if there is none that this training can continue from."""
        if self._run.shared:
            return None
        try:
            content = _read(self._run.dir / _NAME)
        except FileNotFoundError:
            return None
        except Exception as error:  # there is no end to what a file of garbage raises
            _LOG.warning("%s is damaged, restarting training: %s", _NAME, _first_line(error))
            return None
        if content.pop("format", None) != _FORMAT or content.pop("fingerprint", None) != self._fingerprint:
            _LOG.warning("%s was made with another config, other data or other versions, restarting training", _NAME)
            return None
        return content


def discard(run: Run) -> None:
    """Remove the checkpoint of a run, and what a killed process left of one."""
    if not run.shared:
        for path in [run.dir / _NAME, *run.dir.glob(f".{_NAME}.*")]:
            _remove(path)


def fingerprint(settings: Sequence[Any], *data: Any) -> str:
    """What two trainings share only if one can continue the other: settings, data, versions.

    Args:
        settings: frozen dataclasses.
        data: sequences of tokens, and arrays.
    """
    said = [asdict(each) for each in settings]
    versions = [torch.__version__, transformers.__version__]
    digest = hashlib.sha256(json.dumps([said, versions], sort_keys=True, default=str).encode())
    for part in data:
        for row in part:
            values = row["input_ids"] if isinstance(row, Mapping) else row
            array = np.asarray(values)
            array = array if array.dtype.kind == "f" else array.astype(np.int64)
            digest.update(array.size.to_bytes(8, "little") + array.tobytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class RandomState:
    """The state of every random stream that a training draws from."""

    python: Any
    numpy: Any
    cpu: torch.Tensor
    cuda: torch.Tensor | None

    @classmethod
    def now(cls) -> RandomState:
        """As it is."""
        name, keys, *rest = np.random.get_state(legacy=True)
        cuda = torch.cuda.get_rng_state() if torch.cuda.is_available() else None
        return cls(random.getstate(), (name, keys.tolist(), *rest), torch.get_rng_state(), cuda)  # type: ignore[union-attr]

    def restore(self) -> None:
        """Make it what it was."""
        random.setstate(self.python)
        name, keys, *rest = self.numpy
        np.random.set_state((name, np.array(keys, dtype=np.uint32), *rest))
        torch.set_rng_state(self.cpu)
        if self.cuda is not None and torch.cuda.is_available():
            torch.cuda.set_rng_state(self.cuda)


def _write(content: Mapping[str, Any], file: Path) -> None:
    with file.open("wb") as stream:
        torch.save(content, stream)
        stream.flush()
        os.fsync(stream.fileno())


def _read(file: Path) -> dict[str, Any]:
    with zipfile.ZipFile(file) as archive:
        broken = archive.testzip()  # torch itself does not look at the check sums
    if broken:
        raise ValueError(f"{broken} is not what was written")
    content = torch.load(file, map_location="cpu", weights_only=True)
    if not isinstance(content, dict):
        raise TypeError(f"it holds a {type(content).__name__}")
    return content


def _remove(file: Path) -> None:
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        _LOG.warning("%s cannot be removed: %s", file.name, error)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
