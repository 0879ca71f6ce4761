"""How people train a small head: a script of ``transformers`` and torch with ``argparse``, which knows no other tool.

It tokenizes the texts of a CSV file (columns ``text`` and ``label``) and trains an embedding and a linear layer.
Run: ``python head.py --texts FILE --tokenizer FOLDER --lr 0.01``. It prints a line of JSON for each epoch.
"""

import argparse
import csv
import json

import torch
from torch import nn
from transformers import AutoTokenizer


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--texts", required=True)
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--max_length", type=int, default=128)
    parser.add_argument("--lr", type=float, default=1e-2)
    parser.add_argument("--weight_decay", type=float, default=0.0)
    parser.add_argument("--batch_size", type=int, default=32)
    parser.add_argument("--hidden", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def read(path):
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    return [row["text"] for row in rows], torch.tensor([int(row["label"]) for row in rows])


class Head(nn.Module):
    def __init__(self, words, hidden, labels):
        super().__init__()
        self.embedding = nn.Embedding(words, 16, padding_idx=0)
        self.layers = nn.Sequential(nn.Linear(16, hidden), nn.ReLU(), nn.Linear(hidden, labels))

    def forward(self, tokens):
        mask = (tokens != 0).unsqueeze(-1)
        return self.layers((self.embedding(tokens) * mask).sum(1) / mask.sum(1))


def main():
    args = parse()
    torch.manual_seed(args.seed)
    texts, labels = read(args.texts)
    tokenizer = AutoTokenizer.from_pretrained(args.tokenizer)
    tokens = tokenizer(texts, truncation=True, max_length=args.max_length, padding="max_length", return_tensors="pt")
    tokens = tokens["input_ids"]
    order = torch.randperm(len(labels))
    train, test = order[: len(order) * 4 // 5], order[len(order) * 4 // 5 :]
    model = Head(len(tokenizer), args.hidden, int(labels.max()) + 1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=args.weight_decay)
    for epoch in range(args.epochs):
        model.train()
        for batch in train[torch.randperm(len(train))].split(args.batch_size):
            loss = nn.functional.cross_entropy(model(tokens[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            scores = model(tokens[test])
        accuracy = (scores.argmax(1) == labels[test]).float().mean().item()
        loss = nn.functional.cross_entropy(scores, labels[test]).item()
        print(json.dumps({"val_loss": loss, "epoch": epoch, "accuracy": accuracy}))


if __name__ == "__main__":
    main()
