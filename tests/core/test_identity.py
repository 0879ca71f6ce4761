"""Processes, told from one another; and processes that do not outlive a search."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from gridfold.core.process import proc
from gridfold.core.process.identity import MARK, Owner
from tests.conftest import ROOT
from tests.executors.test_executors import is_gone

SLEEPING = (
    "from gridfold.core.process.identity import Owner; import sys, time\n"
    "o = Owner.current(); print(o.host, o.pid, o.start)\n"
)


def start(script):
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | {MARK: "1"}
    return subprocess.Popen(
        [sys.executable, "-uc", script], stdout=subprocess.PIPE, text=True, env=environment, start_new_session=True
    )


def test_this_process_is_alive():
    assert Owner.current().life == "alive"
    assert Owner.current() == Owner.current()


def test_a_process_that_ended_is_dead_also_before_its_parent_has_seen_it():
    with start(SLEEPING) as process:
        host, pid, begun = process.stdout.readline().split()
        owner = Owner(host, int(pid), begun)
        assert is_gone(owner.pid)
        assert owner.life == "dead"
    assert owner.life == "dead"


def test_another_process_that_got_the_number_is_not_it():
    assert replace(Owner.current(), start="then").life == "dead"


def test_a_process_of_another_machine_cannot_be_asked():
    assert replace(Owner.current(), host="far").life == "elsewhere"


def test_the_clock_does_not_matter(monkeypatch):
    owner = Owner.current()
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert Owner.current() == owner


def start_and_kill(*command):
    """A process that is dead, and the number of one that it had started."""
    script = SLEEPING + f"import subprocess; print(subprocess.Popen({command!r}).pid); time.sleep(3000)"
    with start(script) as process:
        host, pid, begun = process.stdout.readline().split()
        left = int(process.stdout.readline())
        process.kill()
    return Owner(host, int(pid), begun), left


def test_what_a_dead_process_has_left_is_killed():
    owner, left = start_and_kill("sleep", "60")
    os.kill(left, 0)
    assert owner.kill_remains()
    assert is_gone(left)


def test_what_is_starting_a_program_and_so_has_no_environment_for_a_moment_is_killed_when_it_has(monkeypatch):
    owner, left = start_and_kill("sleep", "60")
    asked = []

    def late(path):
        if path == Path(f"/proc/{left}/environ"):
            asked.append(path)
            if len(asked) < 4:
                return b""
        return read_bytes(path)

    read_bytes = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", late)
    assert owner.kill_remains()
    assert is_gone(left)


def test_strangers_without_any_environment_are_left_alone():
    owner, left = start_and_kill("env", "-i", "sleep", "60")
    deadline = time.monotonic() + 300
    while not Path(f"/proc/{left}/cmdline").read_bytes().startswith(b"sleep"):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert owner.kill_remains()
    os.kill(left, signal.SIGKILL)


def test_the_group_of_a_living_process_is_left_alone():
    with start(SLEEPING + "time.sleep(3000)") as process:
        host, pid, begun = process.stdout.readline().split()
        Owner(host, int(pid), begun).kill_remains()
        replace(Owner(host, int(pid), begun), start="then").kill_remains()
        assert process.poll() is None
        process.kill()


TIED = """
import os, subprocess, sys, time
from gridfold.core.process.lifeline import Lifeline, tie
line = Lifeline()
for work in sys.argv[1:]:
    if os.fork() == 0:
        os.setpgid(0, 0)
        os.close(line._held)
        tie(line.end)
        os.write(1, f"{os.getpid()} {subprocess.Popen(['sleep', '60']).pid}\\n".encode())
        exec(work)
        time.sleep(3000)
time.sleep(3000)
"""


def test_no_process_outlives_its_lifeline_whatever_it_does():
    busy = ["pass", "import re; re.match('(a+)+$', 'a' * 60 + 'b')", "import signal; signal.signal(15, signal.SIG_IGN)"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-uc", TIED, *busy], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        pids = [int(pid) for _ in busy for pid in process.stdout.readline().split()]
        time.sleep(0.2)
        process.send_signal(signal.SIGKILL)
        assert len(pids) == 6
        assert all(is_gone(pid) for pid in pids)


def start_of(boot=None, namespace=None):
    """When this process started, as it would be said of another boot or namespace."""
    parts = Owner.current().start.split("/")
    return "/".join([boot or parts[0], namespace or parts[1], parts[2]])


def test_a_process_of_a_container_with_this_name_and_kernel_cannot_be_asked():
    owner = replace(Owner.current(), start=start_of(namespace="pid:[7]"))
    assert (owner.life, owner.place) == ("elsewhere", f"{owner.host}:7")


@pytest.mark.parametrize("clock", [0, -3600, 3600])
def test_a_process_of_another_machine_with_this_name_is_told_by_a_sign_of_life_since_this_one_was_started(
    tmp_path, monkeypatch, clock
):
    """Whatever the clock says here, or there."""
    sign, now = tmp_path / "log.txt", time.time()
    monkeypatch.setattr(time, "time", lambda: now + clock)
    owner = replace(Owner.current(), start=start_of(boot="another-boot"), signs=[str(sign)])
    assert owner.life == "dead"
    sign.touch()
    assert (owner.life, owner.place) == ("elsewhere", f"{owner.host}:another-")
    before = now - proc.uptime() - 60
    os.utime(sign, (before, before))
    assert owner.life == "dead"
    assert list(tmp_path.iterdir()) == [sign]


def test_what_shares_a_number_with_a_dead_process_of_a_container_is_left_alone():
    with start(SLEEPING + "import subprocess; print(subprocess.Popen(['sleep', '60']).pid); time.sleep(60)") as process:
        host, pid, begun = process.stdout.readline().split()
        left = int(process.stdout.readline())
        process.kill()
    other = Owner(host, int(pid), begun.replace("pid:[", "pid:[7"), asks="nobody:1")
    assert other.kill_remains()
    os.kill(left, signal.SIGKILL)


def test_a_process_of_this_machine_is_named_by_it():
    owner = Owner.current()
    assert owner.place == owner.host
    assert replace(owner, host="far").place == "far"
