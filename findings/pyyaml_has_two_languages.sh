#!/usr/bin/env bash
# PyYAML PYYAML_V with libyaml: SafeLoader and CSafeLoader, documented as the same loader with another speed, read different languages.
# The C one takes a tab between the words of a plain value and a comment right after "|"; the Python one refuses both.
# The C one refuses the text "!]" as an empty tagged value in a list; the Python one reads None. OmegaConf 2.4 uses the C one.
# A good guess would have been: the same values or the same errors from both.
# Seen: "SafeLoader: error, error, [None]" and "CSafeLoader: {'a': 'x\ty'}, {'a': 'text\n'}, error".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check PYYAML
seen=$("$folder/venv/bin/python" - <<'PY'
import yaml


def read(text, loader):
    try:
        return repr(yaml.load(text, loader))
    except yaml.YAMLError:
        return "error"


for loader in (yaml.SafeLoader, yaml.CSafeLoader):
    print(f"{loader.__name__}:", ", ".join(read(text, loader) for text in ("a: x\ty", "a: |#c\n  text\n", "[!]")))
PY
)
echo "$seen"
