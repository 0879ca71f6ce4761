"""The largest numbers that settings and options take: more is a slip of the keyboard, and would exhaust the machine."""

from __future__ import annotations

MOST_PARALLEL = 4096  # runs at a time
MOST_THREADS = 1024  # of a run; not the cores of this machine, for a config may be made on another
MOST_REPEATS = 1000  # that count in a comparison; those from here on confirm it, on seeds of their own
MOST_FOLDS = 1000
MOST_RUNS_PER_GPU = 1000
MOST_WORKERS = 10_000  # of a search
MOST_SECONDS = 3650 * 86400.0
MOST_RUNS = 10**15
USUAL_RUNS = 10_000  # a search has more only if it is told so: this many are more often an accident
