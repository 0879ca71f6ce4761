"""What all the programs here train: one number, from 0 towards 3, by gradient descent."""

import json
from pathlib import Path


def descend(rate, steps):
    """Yield the training and the validation loss after each step; both fall from step to step."""
    weight = 0.0
    for _ in range(steps):
        weight -= rate * 2 * (weight - 3)
        yield (weight - 3) ** 2, (weight - 3.1) ** 2 + 0.01


def save(path, **facts):
    """Write a checkpoint: in place of weights, what they would have come from."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(json.dumps(facts))
