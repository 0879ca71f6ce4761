#!/usr/bin/env bash
# scipy 1.17.1: scipy.stats.qmc.Sobol takes bits up to 64, which are needed for more than 2**30 points, and draws from such a
# sequence; but fast_forward, which skips points so that a stream can be continued, fails from 33 bits on.
# A good guess would have been: an engine that gives points also skips them.
# Seen: 32 bits: draws, skips; 33 and 60 bits: draws, ValueError (Buffer dtype mismatch, expected 'const uint32_t').
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check scipy==1.17.1 numpy==2.4.6
seen=$("$folder/venv/bin/python" - <<'PY'
from scipy.stats.qmc import Sobol

for bits in (32, 33, 60):
    engine = Sobol(2, bits=bits, rng=0)
    print(bits, "draws" if engine.random(4).shape == (4, 2) else "?", end=" ")
    try:
        Sobol(2, bits=bits, rng=0).fast_forward(300)
        print("skips", end=" ")
    except ValueError as error:
        print(str(error).split(",")[0], end=" ")
PY
)
echo "$seen"
[ "$seen" = "32 draws skips 33 draws Buffer dtype mismatch 60 draws Buffer dtype mismatch " ]
