"""What the machine gives to runs: its CPU cores, and slots on its GPUs, shared by all searches of the machine."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from gridfold.core.errors import ConfigError

_SMI_SECONDS = 10.0  # a driver that has to wake its GPUs takes seconds
_INDEX = re.compile(r"\d+")
_UUID = re.compile(r"(GPU|MIG)-[\w/-]+")
_WHOLE_UUID = re.compile(r"(GPU|MIG)-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def gpus() -> tuple[str, ...]:
    """The NVIDIA GPUs this process may use, by ids that can stand in CUDA_VISIBLE_DEVICES.

    CUDA_VISIBLE_DEVICES is read as CUDA does: nothing counts from the first invalid entry on, and an entry given
    twice leaves no GPU at all.
    """
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is None:
        return _inventory()
    entries = [entry.strip() for entry in given.split(",")]
    if not _well_formed(entries[0]):  # "", "-1", or "NoDevFiles" of Slurm: no need to ask
        return ()
    return _visible(entries, _inventory())


def _visible(entries: Sequence[str], inventory: Sequence[str]) -> tuple[str, ...]:
    visible: list[str] = []
    for entry in entries:
        if entry in visible:
            return ()
        if not _well_formed(entry) or not _exists(entry, inventory):
            break
        visible.append(entry)
    return tuple(visible)


def _well_formed(entry: str) -> bool:
    return bool(_INDEX.fullmatch(entry) or _UUID.fullmatch(entry))


def _exists(entry: str, inventory: Sequence[str]) -> bool:
    if not inventory or entry.startswith("MIG-"):  # nvidia-smi is not there, or does not list it: take it on trust
        return True
    return _lock_name(entry, inventory) in inventory


def _inventory() -> tuple[str, ...]:
    """The uuids of the machine's GPUs, in the order of their indices; none if nvidia-smi cannot tell."""
    command = ["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"]
    try:
        answer = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SMI_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    lines = (line.strip() for line in answer.stdout.splitlines())
    return tuple(line for line in lines if _UUID.fullmatch(line))


def _lock_name(gpu: str, inventory: Sequence[str]) -> str:
    """The uuid of a GPU that was given by index or by the first letters of its uuid; as given if that is not known.

    nvidia-smi counts as CUDA does, except where GPUs differ and CUDA_DEVICE_ORDER does not say PCI_BUS_ID.
    """
    if gpu.isdecimal():
        return inventory[int(gpu)] if int(gpu) < len(inventory) else gpu
    matches = [uuid for uuid in inventory if uuid.startswith(gpu)]
    return matches[0] if len(matches) == 1 else gpu


@dataclass(frozen=True)
class Slot:
    """The right of one run to use a GPU.

    Attributes:
        gpu: the GPU, as it can stand in CUDA_VISIBLE_DEVICES.
        lock: name of the lock file.
    """

    gpu: str
    lock: str


class GpuSlots:
    """Slots on GPUs, shared with every other search on this machine, whoever's it is.

    A GPU has as many slots as the *smallest* ``runs_per_gpu`` of the searches that have runs on it and of the one
    that asks: a run of a search with 1 has the GPU for itself and waits until it is empty; beside a run of a search
    with 2 there is one other run at most, also of a search with 3. There is no queue: who asks first after a release
    gets it, so a search with a small number may wait for those with larger ones.

    A slot is a lock on a file, which the kernel frees when the process ends, however it ends. Searches meet in one
    folder for temporary files: with different TMPDIR, or in containers, they do not know of each other.
    """

    def __init__(self, gpus: Iterable[str], runs_per_gpu: int) -> None:
        if runs_per_gpu < 1:
            raise ValueError(f"runs_per_gpu must be at least 1, got {runs_per_gpu}")
        self._runs_per_gpu = runs_per_gpu
        self._gpus = tuple(gpus)
        whole = all(_WHOLE_UUID.fullmatch(gpu) for gpu in self._gpus)
        inventory = () if whole else _inventory()
        self._locks = {gpu: quote(_lock_name(gpu, inventory), safe="") for gpu in self._gpus}
        self._held: dict[Slot, int] = {}

    @property
    def gpus(self) -> Sequence[str]:
        """The GPUs."""
        return self._gpus

    def acquire(self) -> Slot | None:
        """Take a free slot, on the GPU that has most of them; None if there is none now: ask again later.

        Raises:
            ConfigError: the folder of the locks cannot be used.
        """
        # One search looks at a time; another one that is just looking is reason enough to ask again later.
        with _shared_folder() as folder, _lock(folder, "search.lock") as alone:
            if not alone or not self._gpus:
                return None
            room = {gpu: self._room(folder, gpu) for gpu in self._gpus}
            gpu = max(self._gpus, key=lambda one: room[one])
            return self._take(folder, gpu) if room[gpu] > 0 else None

    def release(self, slot: Slot) -> None:
        """Give a slot back."""
        from filelock import unlock_descriptor

        file = self._held.pop(slot)
        unlock_descriptor(file)  # closing alone would leave it to whoever was forked from this process
        os.close(file)

    def _room(self, folder: int, gpu: str) -> int:
        """How many more runs of this search the GPU can take, seen while no other search takes a slot."""
        limits = [self._runs_per_gpu]
        runs = 0
        for name, limit in _slots(folder, self._locks[gpu]):
            with _lock(folder, name) as free:
                if not free:
                    runs += 1
                    limits.append(limit)
        return min(limits) - runs

    def _take(self, folder: int, gpu: str) -> Slot | None:
        for number in range(self._runs_per_gpu):
            name = f"{self._locks[gpu]}.{number}of{self._runs_per_gpu}.lock"
            file = _try_lock(folder, name)
            if file is not None:
                # The file stays open, and locked, until the release. Python's files are not passed on over exec: a run
                # started as a program of its own holds no copy, nor does what it forks.
                os.utime(file)  # what cleans /tmp of old files leaves it be
                slot = Slot(gpu, name)
                self._held[slot] = file
                return slot
        return None


class GpuGroups:
    """Slots of several GPUs each, for runs that need more than one.

    Args:
        gpus: the GPUs.
        size: how many a run needs.
    """

    def __init__(self, gpus: Iterable[str], size: int) -> None:
        self._size, self._slots = size, GpuSlots(gpus, 1)
        self._held: dict[Slot, list[Slot]] = {}

    def acquire(self) -> Slot | None:
        """Take a group of free GPUs; None if there is none now: ask again later."""
        taken = list[Slot]()
        while len(taken) < self._size and (slot := self._slots.acquire()):
            taken.append(slot)
        if len(taken) < self._size:
            self._release(taken)
            return None
        group = Slot(",".join(slot.gpu for slot in taken), taken[0].lock)
        self._held[group] = taken
        return group

    def release(self, slot: Slot) -> None:
        """Give a group back."""
        self._release(self._held.pop(slot))

    def _release(self, slots: Iterable[Slot]) -> None:
        for slot in slots:
            self._slots.release(slot)


def gpus_of_job() -> float | None:
    """The GPUs that the engine of this process's job gave it; None if it is in none, or the engine does not say."""
    given = os.environ.get("GRIDFOLD_GPUS") or (os.environ.get("SLURM_JOB_ID") and os.environ.get("SLURM_GPUS_ON_NODE"))
    return float(given) if given else None


def _slots(folder: int, gpu: str) -> Iterator[tuple[str, int]]:
    """The slot files of a GPU, each with the runs per GPU that its search allows."""
    pattern = re.compile(re.escape(gpu) + r"\.\d+of(\d+)\.lock")
    for name in os.listdir(folder):
        match = pattern.fullmatch(name)
        if match:
            yield name, int(match[1])


@contextmanager
def _shared_folder() -> Iterator[int]:
    """The folder of the locks, open; everybody may add to it, and nobody remove or replace what another has added."""
    path = Path(tempfile.gettempdir()) / "gridfold-gpus"
    try:
        with suppress(FileExistsError):
            path.mkdir()
        # A link is refused here, and everything in the folder is opened by way of this one descriptor.
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        raise _unusable(path, error) from error
    try:
        _share(folder, 0o1777)
        yield folder
    except OSError as error:  # also a file in it that cannot be opened, or is a link
        raise _unusable(path, error) from error
    finally:
        os.close(folder)


def _unusable(path: Path, error: OSError) -> ConfigError:
    return ConfigError(
        f"searches cannot share GPUs through {path}: {error.strerror}",
        hint="it must be a folder of plain files that every user can write; remove it, or set TMPDIR to another place",
    )


def _share(file: int, mode: int) -> None:
    """Open a file or folder of ours to every user, whatever the umask took away when it was created."""
    status = os.fstat(file)
    if status.st_uid == os.geteuid() and stat.S_IMODE(status.st_mode) != mode:
        os.fchmod(file, mode)


@contextmanager
def _lock(folder: int, name: str) -> Iterator[bool]:
    """Hold a lock for a moment; gives False if another holds it."""
    file = _try_lock(folder, name)
    try:
        yield file is not None
    finally:
        if file is not None:
            os.close(file)


def _try_lock(folder: int, name: str) -> int | None:
    """The open file, locked; None if another holds the lock.

    Not filelock's FileLock: in a folder like this one it refuses files that another user has created.
    """
    from filelock import lock_descriptor

    file = _open(folder, name)
    locked = False
    try:
        _share(file, 0o666)
        locked = lock_descriptor(file, blocking=False)
    finally:
        if not locked:
            os.close(file)
    return file if locked else None


def _open(folder: int, name: str) -> int:
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK
    for _ in range(2):
        # Linux refuses O_CREAT on the file of another user in a folder like this one (fs.protected_regular), so
        # opening and creating are two calls; when another search creates it between them, the second round opens it.
        with suppress(FileNotFoundError):
            return os.open(name, flags, dir_fd=folder)
        with suppress(FileExistsError):
            return os.open(name, flags | os.O_CREAT | os.O_EXCL, 0o666, dir_fd=folder)
    return os.open(name, flags, dir_fd=folder)
