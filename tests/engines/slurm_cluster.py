"""A real Slurm of three nodes, started once for all tests that use it, also in several processes of pytest."""

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from filelock import FileLock

SCRIPT = Path(__file__).with_name("slurm.sh")


def why_not():
    """Why no Slurm can be started here; "" if it can."""
    missing = [name for name in ("slurmctld", "slurmd", "munged", "sbatch", "unshare") if not shutil.which(name)]
    if missing:
        return f"no {', '.join(missing)} here"
    if os.getuid() != 0:
        return "starting Slurm needs root"
    namespaces = ["unshare", "--uts", "--mount", "--pid", "--fork", "true"]
    return "" if subprocess.run(namespaces, check=False).returncode == 0 else "no namespaces can be made here"


def free_port():
    """The first of ports of which the next ones are probably free, too."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return 20000 + found.getsockname()[1] % 1000 * 10


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """The folder of the cluster; skips where there can be none."""
    if reason := why_not():
        pytest.skip(f"no Slurm: {reason}")
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    folder, users = shared / "slurm", shared / "slurm.users"
    with FileLock(shared / "slurm.lock"):
        count = int(users.read_text()) if users.exists() else 0
        if count == 0:
            subprocess.run([SCRIPT, "start", folder, "3", str(free_port())], check=True, timeout=120)
        users.write_text(str(count + 1))
    yield folder
    with FileLock(shared / "slurm.lock"):
        count = int(users.read_text()) - 1
        users.write_text(str(count))
        if count == 0:
            subprocess.run([SCRIPT, "stop", folder], check=True, timeout=60)


@pytest.fixture
def slurm(cluster, monkeypatch):
    """The folder of the cluster, which this process then uses."""
    monkeypatch.setenv("SLURM_CONF", str(cluster / "slurm.conf"))
    return cluster
