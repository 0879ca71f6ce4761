#!/usr/bin/env bash
# PyYAML 6.0.3 with libyaml: SafeLoader and CSafeLoader, documented as the same loader with another speed, read different languages.
# The C one takes a tab between the words of a plain value, after a colon and in a flow list, where the Python one refuses them all; and
# of a value that has nothing but the tag "!" the C one makes '', the Python one None. OmegaConf 2.4 uses the C one.
# A good guess would have been: the same values or the same errors from both.
# Seen: "SafeLoader: error, error, error, [None, 1]" and "CSafeLoader: {'a': 'x\ty'}, {'a': 1}, {'k': ['a']}, ['', 1]".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyyaml==6.0.3
seen=$("$folder/venv/bin/python" - <<'PY'
import yaml


def read(text, loader):
    try:
        return repr(yaml.load(text, loader))
    except yaml.YAMLError:
        return "error"


for loader in (yaml.SafeLoader, yaml.CSafeLoader):
    print(f"{loader.__name__}:", ", ".join(read(text, loader) for text in ("a: x\ty", "{a:\t1}", "k: [\ta]", "[! , 1]")))
PY
)
echo "$seen"
[ "$seen" = "SafeLoader: error, error, error, [None, 1]
CSafeLoader: {'a': 'x\ty'}, {'a': 1}, {'k': ['a']}, ['', 1]" ]
