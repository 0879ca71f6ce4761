"""A small network that reads handwritten digits, in plain PyTorch."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from gridfold import Run
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.nn import functional


def train(config: Mapping[str, Any], run: Run) -> dict[str, float]:
    """Train one model; gridfold calls this once for each combination."""
    torch.manual_seed(run.seed)
    settings = config["training"]
    inputs, labels, held_out_inputs, held_out_labels = digits()
    model = network(**config["model"])
    optimizer = torch.optim.Adam(model.parameters(), lr=settings["learning_rate"])

    metrics: dict[str, float] = {}
    for epoch in range(1, settings["epochs"] + 1):
        for chosen in batches(len(labels), settings["batch_size"]):
            optimizer.zero_grad()
            functional.cross_entropy(model(inputs[chosen]), labels[chosen]).backward()
            optimizer.step()
        metrics = evaluate(model, held_out_inputs, held_out_labels)
        run.report(epoch=epoch, **metrics)
        run.progress(epoch=epoch, epochs=settings["epochs"], loss=metrics["val_loss"])

    torch.save(model.state_dict(), run.dir / "model.pt")
    return metrics


def digits() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Training and held out images, the same for every run."""
    images, labels = load_digits(return_X_y=True)
    parts = train_test_split(images, labels, test_size=0.25, random_state=0, stratify=labels)
    inputs, held_out_inputs = (torch.tensor(part, dtype=torch.float32) / 16 for part in parts[:2])
    return inputs, torch.tensor(parts[2]), held_out_inputs, torch.tensor(parts[3])


def network(hidden: int, dropout: float) -> nn.Sequential:
    """A perceptron with one hidden layer."""
    return nn.Sequential(nn.Linear(64, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, 10))


def batches(count: int, size: int) -> Iterator[Tensor]:
    """All positions, shuffled, in parts."""
    yield from torch.randperm(count).split(size)


@torch.no_grad()
def evaluate(model: nn.Module, inputs: Tensor, labels: Tensor) -> dict[str, float]:
    """How well the model reads images; the first metric is the one to compare by."""
    model.eval()
    scores = model(inputs)
    model.train()
    return {
        "val_accuracy": (scores.argmax(dim=1) == labels).float().mean().item(),
        "val_loss": functional.cross_entropy(scores, labels).item(),
    }
