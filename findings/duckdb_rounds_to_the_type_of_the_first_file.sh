#!/usr/bin/env bash
# duckdb 2.0.1, pyarrow 25.0.1: a query of several Parquet files takes the type of a column from the first file and casts
# the others to it, silently: where the first file has integers, 0.5 of the second is 0 and 1.5 is 2. In the other order
# nothing is lost, and with union_by_name=true the column is DOUBLE in either order. polars and pyarrow refuse the same
# two files.
# A good guess would have been: DOUBLE, or an error, as the cast loses digits; the same option is there for files whose
# columns have other names.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.1 pyarrow==25.0.1 polars==2.1.0
cd "$folder"
seen=$("$folder/venv/bin/python" - <<'PY'
import duckdb
import polars
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq

pq.write_table(pa.table({"x": [1, 2]}), "a.parquet")
pq.write_table(pa.table({"x": [0.5, 1.5]}), "b.parquet")
for source in ("['a.parquet', 'b.parquet']", "['b.parquet', 'a.parquet']"):
    for option in ("", ", union_by_name=true"):
        found = duckdb.sql(f"select x from read_parquet({source}{option})")
        print(found.types, [x for (x,) in found.fetchall()])
for name, read in {
    "polars": lambda: polars.read_parquet("*.parquet"),
    "pyarrow": lambda: pyarrow.dataset.dataset(["a.parquet", "b.parquet"]).to_table(),
}.items():
    try:
        read()
        print(name, "reads them")
    except (polars.exceptions.SchemaError, pa.ArrowInvalid) as error:
        print(name, type(error).__name__)
PY
)
echo "$seen"
[ "$seen" = "[BIGINT] [1, 2, 0, 2]
[DOUBLE] [1.0, 2.0, 0.5, 1.5]
[DOUBLE] [0.5, 1.5, 1.0, 2.0]
[DOUBLE] [0.5, 1.5, 1.0, 2.0]
polars SchemaError
pyarrow ArrowInvalid" ]
