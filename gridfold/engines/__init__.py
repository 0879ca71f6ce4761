"""Systems that start workers on other machines: Slurm, Ray."""
