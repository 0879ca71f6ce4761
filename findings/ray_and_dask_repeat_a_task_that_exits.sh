#!/usr/bin/env bash
# ray 2.60.0, distributed 2026.8.0: a task that calls sys.exit(0) is a crash of its worker to both. The worker process ends,
# the task is started on another one, four times in all, and then fails as WorkerCrashedError and KilledWorker, without a
# word of SystemExit. So a script with the usual `sys.exit(main())` that succeeds is executed four times, and then "crashed".
# A good guess would have been: SystemExit comes out of .get() and .result(), as of concurrent.futures; at least no retry
# of code 0, as `raise ValueError` is not retried either.
# Seen: 4 executions and the error, by both; concurrent.futures: 1 execution, SystemExit; ValueError: 1 execution.
# Ray listens on all interfaces, so it runs in a network namespace of its own.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check ray==2.60.0 distributed==2026.8.0
cat > "$folder/tasks.py" <<'PY'
import sys


def leave(path):
    with open(path, "a") as file:
        file.write("x")
    sys.exit(0)


def fail(path):
    with open(path, "a") as file:
        file.write("x")
    raise ValueError
PY
cat > "$folder/seen.py" <<'PY'
import logging
import os
from concurrent.futures import ThreadPoolExecutor

import ray
from distributed import Client, LocalCluster
from tasks import fail, leave


def seen(name, function, get):
    path = os.path.abspath(f"{name}-{function.__name__}")
    try:
        get(function, path)
    except BaseException as error:
        kind = "ValueError" if isinstance(error, ValueError) else type(error).__name__
        print(name, function.__name__, os.path.getsize(path), kind)


def by_ray(function, path):
    ray.get(ray.remote(function).remote(path))


if __name__ == "__main__":
    with ThreadPoolExecutor() as pool:
        seen("futures", leave, lambda function, path: pool.submit(function, path).result())
    ray.init(num_cpus=2, include_dashboard=False, _node_ip_address="127.0.0.1", log_to_driver=False)
    for function in (leave, fail):
        seen("ray", function, by_ray)
    ray.shutdown()
    with LocalCluster(2, threads_per_worker=1, dashboard_address=None, silence_logs=logging.CRITICAL) as cluster:
        with Client(cluster) as client:
            for function in (leave, fail):
                seen("dask", function, lambda function, path: client.submit(function, path).result())
PY
cd "$folder"
export HOME=$folder RAY_TMPDIR=$folder  # else ~/.ray and /tmp/ray keep something
seen=$(unshare --user --map-root-user --net sh -c 'ip link set lo up; exec "$0" seen.py 2>/dev/null' "$folder/venv/bin/python" |
    grep -E '^(futures|ray|dask) ')
echo "$seen"
[ "$seen" = "futures leave 1 SystemExit
ray leave 4 WorkerCrashedError
ray fail 1 ValueError
dask leave 4 KilledWorker
dask fail 1 ValueError" ]
