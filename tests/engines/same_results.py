"""By hand: whether a search on Slurm gives what it gives here, to the last bit: metrics, and every file of its runs.

usage: SLURM_CONF=... same_results.py FOLDER [options of `gridfold search`, or -- and a command]
"""

import subprocess
import sys
from pathlib import Path

from gridfold.runs.search import SearchDirectory
from gridfold.runs.store import Store

GRIDFOLD = [sys.executable, "-m", "gridfold", "search"]
ON_SLURM = ["--on", "slurm", "--workers", "3", "--slurm", "time=30", "--wait"]


def searched(prefix, options):
    subprocess.run([*GRIDFOLD, "--run-prefix", prefix, *options], check=True)
    return Store().find("last")


def results(search: SearchDirectory):
    """By parameters: the metrics of each run as they are written, and the bytes of its files."""
    found = {}
    for entry, record in search.records():
        run = search.run(entry)
        files = {name: (run.dir / name).read_bytes() for name in run.results()}
        found[repr(entry.params), entry.repeat] = record.state, repr(record.metrics), record.host, files
    return found


def main(folder, *options):
    at = options.index("--") if "--" in options else len(options)
    here = results(searched("here", options))
    there = results(searched("there", [*options[:at], *ON_SLURM, *options[at:]]))
    assert here.keys() == there.keys()
    different = 0
    for params, (state, metrics, _, files) in here.items():
        other = there[params]
        names = [name for name in files.keys() | other[3].keys() if files.get(name) != other[3].get(name)]
        if (state, metrics) != other[:2] or names:
            different += 1
            print(params, state, metrics, *other[:3], names)
    files = sum(len(each[3]) for each in here.values())
    hosts = sorted({each[2] for each in there.values()})
    print(f"{len(here)} runs, {files} files, on {', '.join(hosts)}: {different} runs differ")
    return bool(different)


if __name__ == "__main__":
    import os

    os.chdir(Path(sys.argv[1]))
    sys.exit(main(*sys.argv[1:]))
