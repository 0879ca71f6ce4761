"""Is it the same: the code, the packages, the data and the machine that a result depends on."""
