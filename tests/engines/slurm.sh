#!/usr/bin/env bash
# A real Slurm of N nodes on one machine, on loopback only, for tests. Needs root and Debian's slurm-wlm and munge.
#   slurm.sh start DIR [N [PORT]]  configure and start munged, slurmctld and N nodes (default 3); then: export SLURM_CONF=DIR/slurm.conf
#   slurm.sh node DIR I       start node I (again)
#   slurm.sh power-off DIR I  end node I at once, as a power cut: every process on it is gone
#   slurm.sh slurmd-off DIR I  kill slurmd of node I alone: its jobs run on, and Slurm takes it for down
#   slurm.sh slurmd DIR I     start slurmd of that node again
#   slurm.sh stop DIR         cancel all jobs, end everything that was started
# Each node has a host name (node1, node2, ...) and a process namespace of its own, so equal process numbers on two
# nodes are usual, as they are in containers. No cgroups, no accounting database: `sacct` does not work, `scontrol show job -o` does.
set -euo pipefail
what=${1:?start, node, power-off, slurmd-off, slurmd or stop} D=$(realpath -m "${2:?folder}") N=${3:-3} PORT=${4:-16800}
export SLURM_CONF=$D/slurm.conf
H=$(hostname -s)

configure() {
    mkdir -p "$D"/{state,log,run,munge} && chmod 755 "$D" "$D/munge"
    [ -f "$D/munge/key" ] || { dd if=/dev/urandom of="$D/munge/key" bs=128 count=1 status=none; chmod 600 "$D/munge/key"; }
    { echo "127.0.0.1 localhost $(hostname) $H $(seq -s' ' -f 'node%g' "$N")"; } > "$D/hosts"
    cat > "$SLURM_CONF" <<C
ClusterName=mini
SlurmctldHost=$H(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$D/munge/munge.socket
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmctldPort=$PORT
StateSaveLocation=$D/state
SlurmdSpoolDir=$D/run/spool-%n
SlurmctldPidFile=$D/run/slurmctld.pid
SlurmdPidFile=$D/run/slurmd-%n.pid
SlurmctldLogFile=$D/log/slurmctld.log
SlurmdLogFile=$D/log/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc=$D/log/jobcomp.txt
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,bf_interval=2
ReturnToService=2
SlurmdTimeout=20
InactiveLimit=0
KillWait=5
MinJobAge=3600
JobRequeue=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmdParameters=config_overrides
C
    for i in $(seq "$N"); do
        echo "NodeName=n$i NodeHostname=$H NodeAddr=127.0.0.1 Port=$((PORT + i)) CPUs=2 RealMemory=4000 State=UNKNOWN"
    done >> "$SLURM_CONF"
    echo "PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP PriorityTier=1" >> "$SLURM_CONF"
    echo "PartitionName=high Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=10" >> "$SLURM_CONF"
}

node() {
    setsid unshare --uts --mount --pid --fork --kill-child --mount-proc sh -c \
        "mount --bind '$D/hosts' /etc/hosts; hostname node$1; slurmd -D -N n$1 & exec sleep infinity" > "$D/log/node$1.out" 2>&1 < /dev/null &
    echo $! > "$D/run/node$1.pid"
}

first() { pgrep -P "$(cat "$D/run/node$1.pid")"; } # the first process of a node

case $what in
start)
    configure
    munged --key-file="$D/munge/key" --socket="$D/munge/munge.socket" --pid-file="$D/munge/munged.pid" \
        --log-file="$D/munge/munged.log" --seed-file="$D/munge/seed" --force --num-threads=2
    slurmctld -c
    for i in $(seq "$N"); do node "$i"; done
    for _ in $(seq 60); do [ "$(sinfo -h -N -t idle -p main 2>/dev/null | wc -l)" = "$N" ] && exit 0; sleep 0.5; done
    echo "the nodes did not come up: $D/log" >&2; exit 1 ;;
node) node "$3" ;;
power-off) kill -9 "$(cat "$D/run/node$3.pid")" ;;
slurmd-off) kill -9 "$(pgrep -x -P "$(first "$3")" slurmd)" ;;
slurmd) setsid nsenter --target "$(first "$3")" --uts --mount --pid slurmd -D -N "n$3" >> "$D/log/node$3.out" 2>&1 < /dev/null & ;;
stop)
    scancel -u root 2>/dev/null || true
    for pid in "$D"/run/node*.pid; do kill -9 "$(cat "$pid")" 2>/dev/null || true; done
    for pid in "$D/run/slurmctld.pid" "$D/munge/munged.pid"; do [ -f "$pid" ] && kill "$(cat "$pid")" 2>/dev/null || true; done ;;
*) echo "start, node, power-off, slurmd-off, slurmd or stop" >&2; exit 2 ;;
esac
