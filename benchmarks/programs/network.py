"""A torch function of somebody who has never heard of gridfold.

It reads texts, counts which words occur together and takes the main components, which is what takes long; then it
trains a small network on them.
"""

import os
import re
import zlib

import pandas as pd
import torch
from torch import nn

WORDS = 6000


def load(seed):
    """Features of the training and the validation texts, and the labels."""
    train, validation = (pd.read_csv(f"{os.environ['TEXTS']}/{part}.csv") for part in ("train", "validation"))
    texts = [re.findall(r"[a-z]+", text.lower()) for text in (*train["text"], *validation["text"])]
    counts = torch.zeros(len(texts), WORDS)
    for row, words in enumerate(texts):
        for word in words:
            counts[row, zlib.crc32(word.encode()) % WORDS] += 1
    counts = torch.log1p(counts)
    counts -= counts[: len(train)].mean(0)
    together = counts[: len(train)].T @ counts[: len(train)]
    basis = torch.randn(WORDS, 64, generator=torch.Generator().manual_seed(seed))
    for _ in range(10):
        basis, _ = torch.linalg.qr(together @ basis)
    features = counts @ basis
    features /= features[: len(train)].std(0)
    labels = torch.tensor([*train["label"], *validation["label"]])
    return features, labels, len(train)


def train(config):
    features, labels, size = load(config["seed"])
    torch.manual_seed(config["seed"])
    settings = config["training"]
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Dropout(config["model"]["dropout"]), nn.Linear(32, 5))
    optimizer = torch.optim.Adam(model.parameters(), lr=settings["learning_rate"])
    for _ in range(settings["epochs"]):
        for chosen in torch.randperm(size).split(settings["batch_size"]):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(features[chosen]), labels[chosen]).backward()
            optimizer.step()
    model.eval()
    with torch.no_grad():
        logits = model(features[size:])
    weights = torch.cat([weight.detach().flatten() for weight in model.parameters()])
    return {
        "val_accuracy": (logits.argmax(1) == labels[size:]).float().mean().item(),
        "val_loss": nn.functional.cross_entropy(logits, labels[size:]).item(),
        "checksum": zlib.crc32(weights.numpy().tobytes()),
    }
