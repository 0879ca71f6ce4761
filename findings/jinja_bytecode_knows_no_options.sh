#!/usr/bin/env bash
# Jinja2 3.1.6: its bytecode cache finds compiled templates by their name and source alone. Options of the environment
# that have a part in the compiled code have none in that key: of two environments with one cache, the second renders by
# the first one's `trim_blocks` and by the first one's filters, where they were applied to constants. So a program that
# changes such an option, or a filter, goes on to render as before, until somebody empties the folder.
# A good guess would have been: the key has all options in it, as the key of Python's own bytecode has the version.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check jinja2==3.1.6 markupsafe==3.0.3
cd "$folder"
mkdir cache
seen=$("$folder/venv/bin/python" - <<'PY'
from jinja2 import DictLoader, Environment, FileSystemBytecodeCache

SOURCE = "{% if true %}\n{{ 0.5 | unit }}\n{% endif %}\n"


def rendered(cache, unit, **options):
    environment = Environment(loader=DictLoader({"page": SOURCE}), bytecode_cache=cache, **options)
    environment.filters["unit"] = lambda number: f"{number} {unit}"
    return environment.get_template("page").render()


def cache():
    return FileSystemBytecodeCache("cache")


print("alone:", repr(rendered(None, "s")), repr(rendered(None, "ms", trim_blocks=True)))
print("with a cache:", repr(rendered(cache(), "s")), repr(rendered(cache(), "ms", trim_blocks=True)))
PY
)
echo "$seen"
[ "$seen" = "alone: '\n0.5 s\n' '0.5 ms\n'
with a cache: '\n0.5 s\n' '\n0.5 s\n'" ]
