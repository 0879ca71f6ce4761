#!/usr/bin/env bash
# hydra-core 1.3.8, hydra-optuna-sweeper 1.3.0: range(1, 4) of Hydra's override grammar gives 1, 2 and 3 to Hydra's own sweeper,
# and 1, 2, 3 and 4 to its Optuna sweeper; with shuffle(...) around it, the same Optuna sweeper has 1, 2 and 3. So a grid that is
# moved to Optuna gets values that it never had: range(0, 1, 0.25) of a dropout gets 1.0.
# A good guess would have been: one grammar, one meaning, that of Python, as Hydra documents it.
# Seen: basic [1, 2, 3], optuna 1 to 4, shuffled (1, 2, 3).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check hydra-core==1.3.8 hydra-optuna-sweeper==1.3.0 'setuptools<81'
seen=$("$folder/venv/bin/python" -W ignore - <<'PY'
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra_plugins.hydra_optuna_sweeper._impl import create_optuna_distribution_from_override as distribution

plain, shuffled = OverridesParser.create().parse_overrides(["x=range(1, 4)", "y=shuffle(range(1, 4))"])
((*jobs,),) = BasicSweeper.split_arguments([plain], max_batch_size=None)
drawn = distribution(plain)
print("basic", [int(job[0].removeprefix("x=")) for job in jobs], "optuna", drawn.low, "to", drawn.high,
      "shuffled", sorted(distribution(shuffled).choices))
PY
)
echo "$seen"
[ "$seen" = "basic [1, 2, 3] optuna 1 to 4 shuffled [1, 2, 3]" ]
