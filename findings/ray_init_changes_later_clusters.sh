#!/usr/bin/env bash
# ray 2.60.0: `ray.init()` without a cluster writes a token into ~/.ray, if there is none. From then on `ray start --head` on
# that machine starts clusters that ask for this token; but `ray.init(address=...)`, `ray start --address` and `ray status`
# do not send it unless RAY_AUTH_MODE=token is set, although it is in the same home. So what worked yesterday says "Failed to
# connect to Ray cluster", because somebody has tried `ray.init()` in between, in whatever program.
# A good guess would have been: a cluster that lives in one process changes nothing of later ones; or who starts a cluster
# and who connects to it go by the same rule.
# Seen: connects before; ConnectionError after, by the same two commands; connects with RAY_AUTH_MODE=token.
# Ray listens on all interfaces, so it runs in namespaces of its own.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check ray==2.60.0
cat > "$folder/connect.py" <<'PY'
import ray

try:
    ray.init(address="127.0.0.1:6390", log_to_driver=False)
    print("seen connects")
except ConnectionError:
    print("seen ConnectionError")
PY
cat > "$folder/seen.sh" <<'SH'
ip link set lo up
unset RAY_AUTH_MODE
cluster() { ray start --head --node-ip-address=127.0.0.1 --port=6390 --num-cpus=1 --include-dashboard=false --disable-usage-stats; }
cluster && python connect.py && ray stop --force
python -c 'import ray; ray.init(num_cpus=1, include_dashboard=False, _node_ip_address="127.0.0.1")'
cluster && python connect.py && RAY_AUTH_MODE=token python connect.py
SH
cd "$folder"
export HOME=$folder RAY_TMPDIR=$folder PATH="$folder/venv/bin:$PATH"
seen=$(unshare --user --map-root-user --net --pid --fork --kill-child --mount-proc bash seen.sh 2> "$folder/errors" | grep '^seen ')
echo "$seen"
[ "$seen" = "seen connects
seen ConnectionError
seen connects" ]
