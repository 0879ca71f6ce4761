#!/usr/bin/env bash
# scipy 1.17.1, numpy 2.4.6: to import scipy.special, which needs none of them, also imports numpy.f2py (a Fortran wrapper
# generator), numpy.testing and numpy.ctypeslib. Its layer for array libraries copies numpy's whole namespace, and to look
# at each name loads every lazy submodule.
# A good guess would have been: special functions import numpy's core and their own compiled code.
# Seen: "loaded: numpy.ctypeslib numpy.f2py numpy.testing"; that layer takes about a third of the import (python -X importtime).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check scipy==1.17.1 numpy==2.4.6
seen=$("$folder/venv/bin/python" - <<'PY'
import sys

import numpy

names = ("numpy.ctypeslib", "numpy.f2py", "numpy.testing")
assert not any(name in sys.modules for name in names), "numpy alone imports them"
import scipy.special

print("loaded:", *(name for name in names if name in sys.modules))
PY
)
echo "$seen"
[ "$seen" = "loaded: numpy.ctypeslib numpy.f2py numpy.testing" ]
