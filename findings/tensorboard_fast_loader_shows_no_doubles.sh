#!/usr/bin/env bash
# tensorboard 2.21.0: a scalar of 64 bits in an event file is shown by one of its two loaders only. The one that it uses by default,
# tensorboard-data-server 0.7.2, drops it without a word; --load_fast=false shows it.
# A good guess would have been: both loaders show the same, or the fast one rounds to 32 bits, or says what it cannot read.
# Seen: the float is there in both; the double in the slow one only.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    tensorboard==2.21.0 tensorboard-data-server==0.7.2 'setuptools<81'
cat > "$folder/look.py" <<'PY'
import json
import pathlib
import socket
import subprocess
import sys
import time
import urllib.request

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.types_pb2 import DT_DOUBLE, DT_FLOAT
from tensorboard.plugins.scalar import metadata
from tensorboard.summary.writer.record_writer import RecordWriter

said = metadata.create_summary_metadata(display_name="", description="")
tensors = {
    "float": TensorProto(dtype=DT_FLOAT, float_val=[0.5]),
    "double": TensorProto(dtype=DT_DOUBLE, double_val=[0.5]),
}
pathlib.Path("logs/run").mkdir(parents=True)
with open("logs/run/events.out.tfevents.1.x", "wb") as file:
    writer = RecordWriter(file)
    writer.write(Event(wall_time=1.0, file_version="brain.Event:2").SerializeToString())
    for tag, tensor in tensors.items():
        value = Summary.Value(tag=tag, metadata=said, tensor=tensor)
        writer.write(Event(wall_time=2.0, step=1, summary=Summary(value=[value])).SerializeToString())


def seen(fast):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [sys.executable, "-m", "tensorboard.main", "--logdir", "logs", "--port", str(port), "--load_fast", fast]
    server = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def asked(path):
        return json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}/data/plugin/scalars/{path}"))

    try:
        for _ in range(600):
            try:
                if "float" in asked("tags").get("run", {}):
                    break
            except OSError:
                pass
            time.sleep(0.2)
        time.sleep(2)  # for what comes behind it in the file
        return {tag: [value for _, _, value in asked(f"scalars?run=run&tag={tag}")] for tag in tensors}
    finally:
        server.terminate()
        server.wait()


for fast in ("true", "false"):
    print("SEEN", f"load_fast={fast}", seen(fast))
PY
cd "$folder"
seen=$("$folder/venv/bin/python" -W ignore look.py | grep SEEN)
echo "$seen"
[ "$(echo $seen)" = "SEEN load_fast=true {'float': [0.5], 'double': []} SEEN load_fast=false {'float': [0.5], 'double': [0.5]}" ]
