#!/usr/bin/env bash
# ray 2.60.0: an actor with lifetime="detached" that the cluster knows by its name, so that `ray.util.list_named_actors()` of
# any driver shows it, ends with the driver that made it until its creation has begun, as while an argument is computed. It
# is not created later, its name is free again, and nothing is said; state "DEPENDENCIES_UNREADY" is the sign. Without
# arguments that lasts some milliseconds, so that a short driver loses an actor now and then, on a busy machine.
# A good guess would have been: once its name is listed, a detached actor is there whatever becomes of its driver.
# Seen: without an argument that is awaited it is listed before and after; with one, listed before, gone after.
# Ray listens on all interfaces, so it runs in namespaces of its own.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check ray==2.60.0
cat > "$folder/make.py" <<'PY'
import os
import sys
import time

import ray

ray.init(address="127.0.0.1:6390", namespace="n", log_to_driver=False)
name = sys.argv[1]


class Actor:
    def __init__(self, value):
        self.value = value


def wait():
    time.sleep(60)


argument = ray.remote(wait).remote() if name == "awaits" else 1
actor = ray.remote(Actor).options(name=name, lifetime="detached", num_cpus=0).remote(argument)
while name not in ray.util.list_named_actors():
    time.sleep(0.01)
if name == "ready":
    ray.get(actor.__ray_ready__.remote())
print("seen", name, "is listed")
sys.stdout.flush()
os._exit(0)
PY
cat > "$folder/look.py" <<'PY'
import sys
import time

import ray

ray.init(address="127.0.0.1:6390", namespace="n", log_to_driver=False)
end = time.monotonic() + 10
while (there := sys.argv[1] in ray.util.list_named_actors()) and time.monotonic() < end:
    time.sleep(0.1)
print("seen", sys.argv[1], "is there" if there else "is gone")
PY
cat > "$folder/seen.sh" <<'SH'
ip link set lo up
ray start --head --node-ip-address=127.0.0.1 --port=6390 --num-cpus=1 --include-dashboard=false --disable-usage-stats
for name in ready awaits; do python make.py "$name" && python look.py "$name"; done
SH
cd "$folder"
export HOME=$folder RAY_TMPDIR=$folder RAY_AUTH_MODE=disabled PATH="$folder/venv/bin:$PATH"
seen=$(unshare --user --map-root-user --net --pid --fork --kill-child --mount-proc bash seen.sh 2> "$folder/errors" | grep '^seen ')
echo "$seen"
[ "$seen" = "seen ready is listed
seen ready is there
seen awaits is listed
seen awaits is gone" ]
