"""Records: what runs have left in their directories, as results, rows and comparisons."""
