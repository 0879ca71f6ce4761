#!/usr/bin/env bash
# pandas 3.1.1: no setting of its own JSON reader gives back every float that Python's json module writes. As it is, the
# last bit of some is another (1.7976931348623157e+308, 0.1234567890123456789) and 5e-324 is 0.0. With
# precise_float=True these are exact, but one denormal number anywhere in the file is a ValueError ("Range error when
# decoding numeric as double").
# A good guess would have been: precise_float=True reads what float() reads. engine="pyarrow" does, for JSON lines.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pandas==3.1.1 pyarrow==25.0.1
cd "$folder"
seen=$("$folder/venv/bin/python" - <<'PY'
import json

import pandas

values = [1.7976931348623157e308, 0.1234567890123456789, 5e-324]
with open("x.jsonl", "w") as file:
    file.write("".join(json.dumps({"x": value}) + "\n" for value in values))
with open("normal.jsonl", "w") as file:
    file.write("".join(json.dumps({"x": value}) + "\n" for value in values[:2]))


def read(name, **options):
    try:
        return [value == wanted for value, wanted in zip(pandas.read_json(name, lines=True, **options)["x"], values)]
    except ValueError as error:
        return f"ValueError: {error}"[:55]


print("default", read("x.jsonl"))
print("precise", read("normal.jsonl", precise_float=True))
print("precise", read("x.jsonl", precise_float=True))
print("pyarrow", read("x.jsonl", engine="pyarrow"))
PY
)
echo "$seen"
[ "$seen" = "default [False, False, False]
precise [True, True]
precise ValueError: Range error when decoding numeric as double
pyarrow [True, True, True]" ]
