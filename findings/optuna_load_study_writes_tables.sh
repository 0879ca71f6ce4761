#!/usr/bin/env bash
# optuna 5.0.0: to read a study, optuna.load_study(study_name, storage="sqlite:///results.db"), changes the file. Of a database that is
# not Optuna's it first adds thirteen tables, and then says that there is no such study; of a name that was mistyped it leaves
# a new database with them.
# A good guess would have been: load_study, which raises KeyError for a study that is not there, only reads.
# Seen: after the KeyError: 14 tables, where there was 1; the mistyped file exists.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check optuna==5.0.0
cd "$folder"
seen=$(venv/bin/python -W ignore - <<'PY'
import os
import sqlite3

import optuna

optuna.logging.set_verbosity(optuna.logging.ERROR)
with sqlite3.connect("results.db") as database:
    database.execute("create table results (accuracy real)")
for name in ("results.db", "mistyped.db"):
    try:
        optuna.load_study(study_name="mine", storage=f"sqlite:///{name}")
    except KeyError as error:
        print("KeyError", end=" ")
tables = sqlite3.connect("results.db").execute("select count(*) from sqlite_master where type = 'table'").fetchone()
print("tables", *tables, "mistyped file", os.path.exists("mistyped.db"))
PY
)
echo "$seen"
[ "$seen" = "KeyError KeyError tables 14 mistyped file True" ]
