"""What one process says to another."""

import pickle
import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["gridfold.worker", "gridfold.executors.local.import_server"])
@pytest.mark.parametrize("said", [b"", pickle.dumps(("start", 3))[:-4]], ids=["nothing", "half of it"])
def test_who_is_killed_before_it_has_told_leaves_no_traceback(module, said):
    code = f"import sys; from {module} import main; sys.exit(main())"
    ended = subprocess.run([sys.executable, "-c", code], input=said, capture_output=True, check=False)
    assert (ended.returncode, ended.stderr) == (1, b"")
