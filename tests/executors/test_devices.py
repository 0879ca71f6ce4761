"""What the machine gives to runs; the GPUs are faked by an nvidia-smi on the PATH."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from gridfold.core.errors import ConfigError
from gridfold.core.process.threads import physical_cores
from gridfold.executors.local.devices import GpuSlots, gpus
from tests.conftest import ROOT

A = "GPU-aaaaaaaa-0000-0000-0000-000000000001"
B = "GPU-bbbbbbbb-0000-0000-0000-000000000002"


@pytest.fixture(autouse=True)
def machine(tmp_path, monkeypatch):
    """A machine without GPUs: a PATH and a folder for temporary files of its own."""
    for name in ("bin", "tmp"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return tmp_path


@pytest.fixture
def smi(machine):
    """Puts an nvidia-smi on the PATH: what it prints, and its exit code."""

    def install(*lines, code=0):
        program = machine / "bin" / "nvidia-smi"
        program.write_text("#!/bin/sh\n" + "".join(f"echo '{line}'\n" for line in lines) + f"exit {code}\n")
        program.chmod(0o755)

    return install


@pytest.fixture
def search():
    """Starts code as another search on this machine, in a process of its own; it is killed at the end."""
    started = []

    def start(code, *arguments):
        code = "import os, sys, time\nfrom gridfold.executors.local.devices import GpuSlots\n" + code
        process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_a_machine_has_cores():
    assert 1 <= physical_cores() <= os.cpu_count()


def test_cores_are_those_that_the_affinity_leaves():
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
    code += "from gridfold.core.process.threads import physical_cores; assert physical_cores() == 1"
    subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(ROOT)}, check=True)


def test_nvidia_smi_names_the_gpus(smi):
    smi(A, B)
    assert gpus() == (A, B)


@pytest.mark.parametrize("lines", [(), ("No devices were found",), (A,)])
def test_no_gpus_where_nvidia_smi_is_missing_or_fails(smi, lines):
    assert gpus() == ()
    smi(*lines, code=9)
    assert gpus() == ()


def test_no_gpus_where_nvidia_smi_hangs(smi, machine, monkeypatch):
    smi(A)
    (machine / "bin" / "nvidia-smi").write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    monkeypatch.setattr("gridfold.executors.local.devices._SMI_SECONDS", 0.1)
    assert gpus() == ()


@pytest.mark.parametrize(
    ("given", "visible"),
    [
        ("", ()),
        ("-1", ()),
        ("NoDevFiles", ()),
        ("1", ("1",)),
        ("1, 0", ("1", "0")),
        ("0,-1,1", ("0",)),
        ("0,7,1", ("0",)),
        ("0,,1", ("0",)),
        ("0,0", ()),
        (f"{B},{A}", (B, A)),
        (f"{B},GPU-cccccccc,{A}", (B,)),
        ("GPU-bbbb", ("GPU-bbbb",)),
        ("MIG-0a/1/0", ("MIG-0a/1/0",)),
    ],
)
def test_cuda_visible_devices_is_read_as_cuda_does(smi, monkeypatch, given, visible):
    smi(A, B)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    assert gpus() == visible


def test_cuda_visible_devices_is_trusted_where_nvidia_smi_cannot_tell(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,GPU-cccccccc,x,6")
    assert gpus() == ("5", "GPU-cccccccc")


def test_slots_are_spread_over_the_gpus():
    slots = GpuSlots((A, B), 2)
    assert [slots.acquire().gpu for _ in range(4)] == [A, B, A, B]
    assert slots.acquire() is None


def test_a_released_slot_is_free():
    slots = GpuSlots((A, B), 1)
    first, second = slots.acquire(), slots.acquire()
    assert slots.acquire() is None
    slots.release(second)
    assert slots.acquire() == second
    slots.release(first)
    with pytest.raises(KeyError):
        slots.release(first)


def test_no_gpus_no_slots():
    assert GpuSlots((), 1).acquire() is None


def test_a_gpu_holds_the_smallest_number_that_its_searches_allow():
    one, two, three = (GpuSlots((A,), number) for number in (1, 2, 3))
    first = three.acquire()
    assert one.acquire() is None, "a run with 1 has the GPU for itself"
    second = two.acquire()
    assert second is not None
    assert three.acquire() is None, "the run of `two` has been promised one other run at most"
    two.release(second)
    assert [slot is not None for slot in (three.acquire(), three.acquire(), three.acquire())] == [True, True, False]
    assert two.acquire() is None
    three.release(first)
    assert two.acquire() is None


def test_the_gpu_with_most_room_comes_first_whoever_uses_the_other():
    assert GpuSlots((A,), 3).acquire().gpu == A
    assert GpuSlots((A, B), 3).acquire().gpu == B


def test_an_index_and_a_uuid_are_one_gpu(smi):
    smi(A, B)
    assert GpuSlots(("1",), 1).acquire().gpu == "1"
    assert GpuSlots((B,), 1).acquire() is None
    assert GpuSlots(("GPU-bbbb",), 1).acquire() is None
    assert GpuSlots((A,), 1).acquire().gpu == A


def test_an_id_is_no_path(machine):
    assert GpuSlots(("MIG-GPU-0a/1/0",), 1).acquire().gpu == "MIG-GPU-0a/1/0"
    assert GpuSlots(("../../x",), 1).acquire()
    assert {path.name for path in machine.iterdir()} == {"bin", "tmp"}
    assert [path.name for path in (machine / "tmp").iterdir()] == ["gridfold-gpus"]


# Takes slots of two GPUs; each shows itself by a file, and counts the files of the others on its GPU.
USE = """
number, shown, until = int(sys.argv[1]), sys.argv[2], time.monotonic() + 2
slots, taken = GpuSlots(sys.argv[3:], number), 0
while time.monotonic() < until:
    slot = slots.acquire()
    if slot is None:
        time.sleep(0.0005)
        continue
    taken += 1
    mine = f"{shown}/{slot.gpu}={number}={os.getpid()}"
    open(mine, "x").close()
    runs = [name for name in os.listdir(shown) if name.startswith(slot.gpu)]
    assert len(runs) <= min(int(name.split("=")[1]) for name in runs), runs
    time.sleep(0.002)
    os.unlink(mine)
    slots.release(slot)
print(taken)
"""


@pytest.mark.parametrize("numbers", [(1, 1), (1, 1, 1), (2, 3, 3, 3)])
def test_searches_share_the_gpus(search, machine, numbers):
    (machine / "shown").mkdir()
    searches = [search(USE, number, machine / "shown", A, B) for number in numbers]
    taken = [process.communicate(timeout=600)[0] for process in searches]
    assert all(process.returncode == 0 for process in searches)
    assert sum(int(number) for number in taken) > 20


HOLD = """
slots = GpuSlots(sys.argv[1:], 1)
print([slot.gpu for slot in iter(slots.acquire, None)], flush=True)
time.sleep(600)
"""


def test_a_killed_search_frees_its_slots_at_once(search):
    holder = search(HOLD, A, B)
    assert holder.stdout.readline() == f"{[A, B]}\n"
    slots = GpuSlots((A, B), 1)
    assert slots.acquire() is None
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert {slots.acquire().gpu, slots.acquire().gpu} == {A, B}


def test_a_program_started_meanwhile_does_not_keep_a_slot():
    assert GpuSlots((A,), 1).acquire()
    files = subprocess.run(["/bin/ls", "-l", "/proc/self/fd"], close_fds=False, stdout=subprocess.PIPE, check=True)
    assert b"gridfold-gpus" not in files.stdout


def test_everybody_may_use_the_folder_whatever_the_umask(machine):
    before = os.umask(0o077)
    try:
        assert GpuSlots((A,), 1).acquire()
    finally:
        os.umask(before)
    folder = machine / "tmp" / "gridfold-gpus"
    assert oct(folder.stat().st_mode & 0o7777) == "0o1777"
    assert {oct(path.stat().st_mode & 0o7777) for path in folder.iterdir()} == {"0o666"}


def test_a_link_in_place_of_the_folder_is_refused(machine):
    (machine / "elsewhere").mkdir()
    (machine / "tmp" / "gridfold-gpus").symlink_to(machine / "elsewhere")
    with pytest.raises(ConfigError, match="gridfold-gpus: Not a directory"):
        GpuSlots((A,), 1).acquire()
    assert not list((machine / "elsewhere").iterdir())


@pytest.mark.parametrize("name", ["search.lock", f"{A}.0of1.lock"])
def test_a_link_in_the_folder_is_not_followed(machine, name):
    folder = machine / "tmp" / "gridfold-gpus"
    folder.mkdir()
    (folder / name).symlink_to(machine / "target")
    with pytest.raises(ConfigError, match="cannot share GPUs"):
        GpuSlots((A,), 1).acquire()
    assert not (machine / "target").exists()


AS_NOBODY = """
slots = GpuSlots(sys.argv[1:], 1)
import filelock
os.setgid(65534)
os.setuid(65534)
print(slots.acquire(), flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_two_users_share_the_gpus(search, monkeypatch):
    with tempfile.TemporaryDirectory(dir="/tmp") as place:
        Path(place).chmod(0o1777)
        monkeypatch.setenv("TMPDIR", place)
        monkeypatch.setattr(tempfile, "tempdir", None)
        slots = GpuSlots((A,), 1)
        slot = slots.acquire()
        assert search(AS_NOBODY, A).stdout.readline() == "None\n"
        slots.release(slot)
        other = search(AS_NOBODY, A, B)  # takes a file that root has made, then makes one for B
        assert other.stdout.readline().startswith("Slot")
        other = search(AS_NOBODY, A, B)
        assert "bbbb" in other.stdout.readline()
        assert slots.acquire() is None
        assert GpuSlots((B,), 1).acquire() is None
        other.kill()
        other.wait()
        assert GpuSlots((B,), 1).acquire().gpu == B


def test_looking_is_cheap(monkeypatch):
    """A search that waits asks several times a second: it opens each slot's file once, and the files it locks."""
    everything = tuple(f"{A[:-1]}{number}" for number in range(8))
    slots = GpuSlots(everything, 2)
    held = list(iter(slots.acquire, None))
    assert len(held) == 16
    opened, programs = [], []
    open_ = os.open
    monkeypatch.setattr(os, "open", lambda *given, **named: opened.append(given[0]) or open_(*given, **named))
    monkeypatch.setattr(subprocess, "run", lambda *given, **named: programs.append(given))
    assert slots.acquire() is None
    assert len(opened) == len(set(opened)) == 16 + 2  # the folder, and the lock of the one who looks
    assert not programs
