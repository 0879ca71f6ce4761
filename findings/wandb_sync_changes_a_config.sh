#!/usr/bin/env bash
# wandb 0.31.0: the file of an offline run has its config as it was given. `wandb sync` then sends another: 1.0 becomes 1, -0.0 becomes
# 0, whole numbers beyond 64 bits are rounded, and an empty mapping is gone. Keys lose hyphens at their ends already in the file.
# A good guess would have been: what is in the file is sent.
# Seen: what a server on this machine gets. It answers as little as `wandb sync` needs.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check wandb==0.31.0
cat > "$folder/sync.py" <<'PY'
import glob
import gzip
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import wandb

GIVEN = {"lr": 1.0, "shift": -0.0, "seed": 2**70, "extra": {}, "--name-": "a", "half": 0.5}
SENT = []


class Server(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        found = {}
        if "UpsertBucket" in (text := body.decode("utf-8", "replace")):
            variables = json.loads(text)["variables"]
            if variables.get("config"):
                SENT.append(json.loads(variables["config"]))
            project = {"id": "2", "name": "p", "entity": {"id": "3", "name": "e"}}
            bucket = {"id": "1", "name": variables["name"], "config": "{}", "project": project, "historyLineCount": 0}
            found = {"upsertBucket": {"bucket": bucket, "inserted": True}}
        if "CreateRunFiles" in text:
            found = {"createRunFiles": {"runID": "r", "uploadHeaders": [], "files": []}}
        said = json.dumps({"data": found}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    do_PUT = do_GET = do_POST

    def log_message(self, *_):
        pass


run = wandb.init(mode="offline", project="p", id="one", config=GIVEN)
run.log({"loss": 0.5})
run.finish()
wandb.teardown()
server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
environment = os.environ | {"WANDB_BASE_URL": f"http://127.0.0.1:{server.server_port}", "WANDB_API_KEY": "a" * 40}
files = glob.glob("wandb/offline-run-*")
subprocess.run([sys.executable, "-m", "wandb", "sync", *files], env=environment, check=True, stdout=sys.stderr)
for name in (*GIVEN, "name"):
    print("SEEN", name, json.dumps(SENT[-1][name]["value"]) if name in SENT[-1] else "nothing")
PY
cd "$folder"
export HOME="$folder" WANDB_ERROR_REPORTING=false WANDB_SILENT=true
seen=$("$folder/venv/bin/python" "$folder/sync.py" 2> "$folder/errors" | grep SEEN || cat "$folder/errors" >&2)
echo "$seen"
[ "$seen" = "SEEN lr 1
SEEN shift 0
SEEN seed 1.1805916207174113e+21
SEEN extra nothing
SEEN --name- nothing
SEEN half 0.5
SEEN name \"a\"" ]
