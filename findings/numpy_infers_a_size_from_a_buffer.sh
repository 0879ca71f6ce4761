#!/usr/bin/env bash
# numpy 2.4.6: numpy.ndarray((-1,), dtype, buffer=b) is no error; the size is inferred from the buffer, rounded down. A shape
# that is read from a damaged file may so give an array of another size, or an empty one, without a word.
# A good guess would have been: ValueError, "negative dimensions are not allowed", as without a buffer.
# Seen: (2,) of 16 bytes, (0,) of 1 byte, ValueError without a buffer.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6
seen=$("$folder/venv/bin/python" - <<'PY'
import numpy

shapes = [numpy.ndarray((-1,), "f8", buffer=bytearray(size)).shape for size in (16, 1)]
try:
    numpy.ndarray((-1,), "f8")
except ValueError as error:
    print(*shapes, type(error).__name__)
PY
)
echo "$seen"
[ "$seen" = "(2,) (0,) ValueError" ]
