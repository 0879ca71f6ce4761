#!/usr/bin/env bash
# ray 2.60.0: a program that a task or an actor starts, by subprocess or a shell, has SIGINT blocked: it inherits the signal
# mask of the worker's main thread. `kill -INT` and `timeout --signal=INT` do nothing to it, and a trainer that saves a
# checkpoint at SIGINT never hears of it. Other signals are not blocked. subprocess has no argument for the mask.
# A good guess would have been: the signal mask is empty, as of any program that a program starts; or SIGINT ends it. It is
# not documented, and an open issue of Ray since 2.2 (31805).
# Seen: in the mask of the child: SIGINT; a child that got it lives on, one that got SIGTERM ended by it.
# Ray listens on all interfaces, so it runs in a network namespace of its own.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check ray==2.60.0
cat > "$folder/seen.py" <<'PY'
import signal
import subprocess

import ray


def child(number):
    started = subprocess.Popen(["sleep", "100"])
    with open(f"/proc/{started.pid}/status") as status:
        (mask,) = (int(line.split()[1], 16) for line in status if line.startswith("SigBlk:"))
    blocked = [name.name for name in signal.Signals if mask & 1 << name - 1]
    started.send_signal(number)
    try:
        return blocked, started.wait(timeout=2)
    except subprocess.TimeoutExpired:
        started.kill()
        return blocked, "lives on"


class Actor:
    def child(self, number):
        return child(number)


ray.init(num_cpus=2, include_dashboard=False, _node_ip_address="127.0.0.1", log_to_driver=False)
for name, number in (("SIGINT", signal.SIGINT), ("SIGTERM", signal.SIGTERM)):
    print("driver", name, *child(number))
    print("task", name, *ray.get(ray.remote(child).remote(number)))
    print("actor", name, *ray.get(ray.remote(Actor).remote().child.remote(number)))
PY
cd "$folder"
export HOME=$folder RAY_TMPDIR=$folder  # else ~/.ray and /tmp/ray keep something
seen=$(unshare --user --map-root-user --net sh -c 'ip link set lo up; exec "$0" seen.py 2>/dev/null' "$folder/venv/bin/python" |
    grep -E '^(driver|task|actor) ')
echo "$seen"
[ "$seen" = "driver SIGINT [] -2
task SIGINT ['SIGINT'] lives on
actor SIGINT ['SIGINT'] lives on
driver SIGTERM [] -15
task SIGTERM ['SIGINT'] -15
actor SIGTERM ['SIGINT'] -15" ]
