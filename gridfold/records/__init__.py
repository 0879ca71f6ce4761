"""Records: what runs have left in their directories, as results, as rows, and compared."""
