"""Work done once: one config stands for many runs, and its process splits where code reads what they differ in."""
