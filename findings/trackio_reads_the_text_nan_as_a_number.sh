#!/usr/bin/env bash
# trackio 0.43.0: a text "NaN", "Infinity" or "-Infinity" in the config of a run comes back from `trackio.Api()` as a float. The same
# texts inside a list or a mapping stay texts, and so does a float nan in a list: there it comes back as the text "NaN".
# A good guess would have been: what is written as a text is read as one, at any depth.
# Seen: the label "NaN" is a float, ["NaN"] a text, and [nan] a text.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check trackio==0.43.0
export TRACKIO_DIR="$folder/data" HF_HOME="$folder/home" HF_HUB_OFFLINE=1
cat > "$folder/read.py" <<'PY'
import math

import trackio

config = {"label": "NaN", "limit": "Infinity", "labels": ["NaN"], "losses": [math.nan]}
run = trackio.init(project="demo", name="one", config=config, auto_log_cpu=False, auto_log_gpu=False)
run.log({"loss": 0.5})
trackio.finish()
(found,) = trackio.Api().runs("demo")
for name in config:
    print("SEEN", name, repr(found.config[name]))
PY
seen=$("$folder/venv/bin/python" "$folder/read.py" 2> "$folder/errors" | grep SEEN || cat "$folder/errors" >&2)
echo "$seen"
[ "$seen" = "SEEN label nan
SEEN limit inf
SEEN labels ['NaN']
SEEN losses ['NaN']" ]
