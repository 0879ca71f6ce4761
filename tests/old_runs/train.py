"""What the old searches ran: it prepares words, which takes a while and is shared, then fits them."""

import os
import time


def train(config, run):
    words = prepare(config["data"]["words"])
    rate = config["training"]["rate"]
    weights = [rate * word for word in words]
    size = config["model"]["size"]
    if size < 0:
        raise ValueError(f"size {size} is below 0")
    held_out = run.fold.index / 100 if run.fold else 0.0
    noise = run.seed * 7919 % 97 / 1000
    metrics = {}
    for epoch in (1, 2, 3):
        loss = sum(weights) / (size * epoch) + held_out + noise
        metrics = {"val_f1": 1 / (1 + loss), "val_loss": loss}
        run.report(epoch=epoch, **metrics)
        print(f"epoch {epoch} loss {loss:.4f}")
        if size == 7 and os.path.exists("slow"):
            time.sleep(600)
    return metrics


def prepare(count):
    """Some tenths of a second of work."""
    until = time.process_time() + 0.3
    while time.process_time() < until:
        sum(range(1000))
    return [1 / (1 + index) for index in range(count)]
