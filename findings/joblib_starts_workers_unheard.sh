#!/usr/bin/env bash
# joblib 1.6.0 on CPython 3.11: the worker processes of Parallel start without any audit event, so a hook of
# sys.addaudithook, by which tools record or forbid programs, does not hear that code of the caller runs in others. They do
# not inherit the environment either: they get what os.environ holds, without what os.putenv or a library in C has set.
# The children of multiprocessing's spawn raise no event either, but they inherit.
# A good guess would have been: subprocess.Popen, os.posix_spawn or os.exec is raised, as for each program that subprocess
# starts, and a child has the environment of its parent. loky, which joblib contains, calls _posixsubprocess.fork_exec,
# which has no event.
# Seen: of subprocess, its event and the variable; of spawn, no event and the variable; of joblib, neither.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check joblib==1.6.0
cat > "$folder/seen.py" <<'PY'
import multiprocessing
import os
import subprocess
import sys

import joblib

STARTS = ("subprocess.Popen", "os.posix_spawn", "os.exec", "os.fork", "os.forkpty", "os.system", "os.spawn")


def inherited(_):
    return os.environ.get("SET_BY_C")


if __name__ == "__main__":
    heard = []
    sys.addaudithook(lambda event, _: heard.append(event) if event in STARTS else None)
    os.putenv("SET_BY_C", "1")

    program = [sys.executable, "-c", "import os; print(os.environ.get('SET_BY_C'))"]
    print("subprocess", subprocess.check_output(program, text=True).strip(), heard)

    heard.clear()
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print("spawn", *pool.map(inherited, [0]), heard)

    heard.clear()
    print("joblib", joblib.Parallel(n_jobs=2)(joblib.delayed(inherited)(i) for i in range(2))[0], heard)
PY
cd "$folder"
seen=$("$folder/venv/bin/python" seen.py)
echo "$seen"
[ "$seen" = "subprocess 1 ['subprocess.Popen']
spawn 1 []
joblib None []" ]
