"""What can vary: parameters, trials, and the repeats of each."""
