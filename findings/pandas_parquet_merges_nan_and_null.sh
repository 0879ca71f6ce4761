#!/usr/bin/env bash
# pandas 3.1.1, pyarrow 26.0.1: a nullable float column keeps nan (a value) beside NA (no value), and to_parquet writes both
# as what they are; read_parquet of the same file gives NA for both, so that a diverged result looks as if it was never there.
# A good guess would have been: what to_parquet writes, read_parquet reads back.
# Seen: file [nan, None], read back [<NA>, <NA>].
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pandas==3.1.1 pyarrow==26.0.1
seen=$("$folder/venv/bin/python" - <<'PY'
import io

import numpy
import pandas
import pyarrow.parquet

column = pandas.arrays.FloatingArray(numpy.array([numpy.nan, 0.0]), numpy.array([False, True]))
file = io.BytesIO()
pandas.DataFrame({"loss": column}).to_parquet(file)
written = pyarrow.parquet.read_table(file)["loss"].to_pylist()
print("file", written, "read back", list(pandas.read_parquet(file)["loss"]))
PY
)
echo "$seen"
[ "$seen" = "file [nan, None] read back [<NA>, <NA>]" ]
