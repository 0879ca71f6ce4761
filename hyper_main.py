"""Run a hyperparameter search: ``python hyper_main.py --config C --run-prefix P``."""

import sys

from gridfold.cli import search

if __name__ == "__main__":
    sys.exit(search())
