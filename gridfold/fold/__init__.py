"""The fold: one config stands for many runs, its process splits where code reads what they differ in."""
