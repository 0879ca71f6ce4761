#!/usr/bin/env bash
# A real Ray cluster of N nodes on one machine, in a network namespace of its own, for tests. Needs root, and ray in
# the Python of RAY_PYTHON (default: `python`).
#   ray.sh start DIR [N [CPUS]]   start a head and N - 1 other nodes (default 2 of 2 CPUs each); the address is
#                                 10.9.9.1:6390. Sockets lie in DIR, so its path must be short.
#   ray.sh enter DIR COMMAND...   run a command beside them, in this working directory
#   ray.sh node DIR I             start node I (again)
#   ray.sh kill-node DIR I        end node I at once, as a power cut: every process on it is gone
#   ray.sh stop DIR               end everything that was started
# Each node has a host name (node1, node2, ...) and a process namespace of its own. In each, DIR/private is another empty
# folder; all else is shared. Outside of a network namespace Ray would listen on all interfaces of the machine.
set -euo pipefail
what=${1:?start, enter, node, kill-node or stop} D=$(realpath -m "${2:?folder}")
HEAD=10.9.9.1 PORT=6390
# Not 30 s until a node is gone: one that was killed refuses each check. One that is only slow has time to answer.
QUICK='{"health_check_period_ms": 500, "health_check_timeout_ms": 60000, "health_check_failure_threshold": 4}'
export RAY_AUTH_MODE=disabled # else a node may ask for a token that `ray.init()` of somebody has left in ~/.ray

first() { local outer; outer=$(cat "$D/$1.pid"); cat "/proc/$outer/task/$outer/children" | tr -d ' '; }
enter() { nsenter --target "$(first all)" --net --pid --mount --wd="$PWD" -- "$@"; }

node() {
    local ray=("$(cat "$D/python")" -c 'from ray.scripts.scripts import main; main()' start --block --disable-usage-stats --num-cpus="$(cat "$D/cpus")")
    if [ "$1" = 1 ]; then
        ray+=(--head --node-ip-address=$HEAD --port=$PORT --include-dashboard=false "--temp-dir=$D/ray" "--system-config=$QUICK")
    else
        ray+=(--address=$HEAD:$PORT "--resources={\"node$1\":1}")
    fi
    : > "$D/node$1.out"
    enter setsid unshare --uts --mount --pid --fork --kill-child --mount-proc sh -c '
        hostname "$0"; mount -t tmpfs none "$1/private"
        shift; cd /; exec "$@"' "node$1" "$D" "${ray[@]}" >> "$D/node$1.out" 2>&1 < /dev/null &
    echo $! > "$D/node$1.pid"
    for _ in $(seq 600); do grep -q 'Ray runtime started' "$D/node$1.out" && return; sleep 0.2; done
    echo "node $1 did not come up: $D/node$1.out" >&2; exit 1
}

# The processes from the one that was started on, down to `unshare`, whose end ends the namespace.
line_of() {
    local pid; pid=$(cat "$D/$1.pid")
    while [ -d "/proc/$pid" ]; do
        echo "$pid"
        [ "$(cat "/proc/$pid/comm")" = unshare ] && return
        pid=$(tr -d ' ' < "/proc/$pid/task/$pid/children")
        [ -n "$pid" ] || return 0
    done
}
kill_all_of() { kill -9 $(line_of "$1" | tac) 2>/dev/null || true; }

case $what in
start)
    N=${3:-2}
    mkdir -p "$D/private" && echo "${4:-2}" > "$D/cpus" && realpath -s "${RAY_PYTHON:-$(command -v python)}" > "$D/python"
    setsid unshare --net --pid --fork --mount --mount-proc --kill-child sh -c "
        ip link set lo up; ip addr add $HEAD/32 dev lo; ip route add default dev lo src $HEAD
        touch '$D/up'; exec sleep infinity" \
        > "$D/all.out" 2>&1 < /dev/null &
    echo $! > "$D/all.pid"
    for _ in $(seq 100); do [ -e "$D/up" ] && break; sleep 0.05; done
    for i in $(seq "$N"); do node "$i"; done ;;
enter) shift 2; enter "$@" ;;
node) node "$3" ;;
kill-node) kill_all_of "node$3" ;;
stop) kill_all_of all ;;
*) echo "start, enter, node, kill-node or stop" >&2; exit 2 ;;
esac
