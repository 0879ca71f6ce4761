"""Loaded by Python in the program of a command: says what the program reads; then it is as if this were not there."""

import os
import sys


def _listen():
    told = os.environ.pop("GRIDFOLD_READS", "")
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [folder for folder in sys.path if os.path.abspath(folder) != here]
    others = [folder for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder != here]
    if told:
        names = {"__name__": "gridfold_reads", "__file__": os.path.join(os.path.dirname(here), "reads.py")}
        with open(names["__file__"], encoding="utf-8") as file:
            exec(compile(file.read(), names["__file__"], "exec"), names)

        def tell(line):
            output = os.open(told, os.O_WRONLY | os.O_APPEND)
            try:
                os.write(output, line)
            finally:
                os.close(output)

        names["Reads"](tell)
    os.environ.pop("PYTHONPATH", None)
    if any(others):
        os.environ["PYTHONPATH"] = os.pathsep.join(others)


try:
    _listen()
except Exception:  # of an older Python, which has no such hooks
    pass
sys.modules.pop("sitecustomize", None)
try:
    import sitecustomize  # the one that would have been loaded
except ImportError:
    pass
