#!/usr/bin/env bash
# cloudpickle 3.1.3: a function of a script or notebook is saved with its code, but not if it is decorated with functools.cache or
# lru_cache: then only its name in __main__ is saved. To save it succeeds; to load it in another process fails.
# A good guess would have been: saved with its code, as without the decorator; or an error when it is saved.
# Seen: a plain function returns 2 in another process, a cached one is an AttributeError there.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check cloudpickle==3.1.3
cat > "$folder/save.py" <<'PY'
import functools
import sys

import cloudpickle


def plain(x):
    return x + 1


@functools.cache
def cached(x):
    return x + 1


for function in (plain, cached):
    with open(f"{sys.argv[1]}/{function.__name__}.pkl", "wb") as file:
        cloudpickle.dump(lambda x, called=function: called(x), file)
PY
"$folder/venv/bin/python" "$folder/save.py" "$folder"
seen=$("$folder/venv/bin/python" - "$folder" <<'PY'
import pickle
import sys

for name in ("plain", "cached"):
    try:
        with open(f"{sys.argv[1]}/{name}.pkl", "rb") as file:
            print(pickle.load(file)(1))
    except AttributeError as error:
        print(type(error).__name__)
PY
)
echo $seen
[ "$(echo $seen)" = "2 AttributeError" ]
