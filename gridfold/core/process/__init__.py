"""One process of the system: who it is, what ends it, its CPU threads and random numbers."""
