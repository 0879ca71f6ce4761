"""How people train one classifier: a plain script of ``transformers`` and torch, which knows nothing of gridfold.

``train(config)`` freezes the encoder and trains a head; ``fine_tune(config)`` trains both, with
``transformers.Trainer``. Run: ``python usual.py CONFIG``, a JSON file. The other tools call the same functions. All
return the metrics of the last epoch and leave a file with them in the folder ``$RESULTS``.
"""

import json
import os
import sys
import time
import uuid
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.metrics import accuracy_score, f1_score
from torch import nn
from torch.utils.data import DataLoader
from transformers import (
    AutoModel,
    AutoTokenizer,
    DataCollatorWithPadding,
    Trainer,
    TrainingArguments,
    get_linear_schedule_with_warmup,
    set_seed,
)

CLASSES = 5
callbacks = []  # of the Trainer, by whoever watches


def told(epoch, value):
    """Hear the value of an epoch; whoever watches replaces this."""


class Classifier(nn.Module):
    """The mean of the token vectors, and a perceptron on it."""

    def __init__(self, name, dropout):
        super().__init__()
        self.encoder = AutoModel.from_pretrained(name)
        hidden = self.encoder.config.hidden_size
        self.head = nn.Sequential(nn.Linear(hidden, 128), nn.ReLU(), nn.Dropout(dropout), nn.Linear(128, CLASSES))

    def features(self, input_ids, attention_mask):
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        mask = attention_mask.unsqueeze(-1).to(states.dtype)
        return (states * mask).sum(1) / mask.sum(1)

    def forward(self, input_ids, attention_mask, labels):
        logits = self.head(self.features(input_ids, attention_mask))
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}


def examples(config, part, tokenizer):
    table = pd.read_csv(config[part])
    tokens = tokenizer(table["text"].tolist(), truncation=True, max_length=config["max_length"])
    rows = zip(tokens["input_ids"], tokens["attention_mask"], table["label"].tolist(), strict=True)
    return [{"input_ids": ids, "attention_mask": mask, "labels": label} for ids, mask, label in rows]


def scores(labels, logits, loss):
    guesses = np.argmax(logits, axis=1)
    f1 = float(f1_score(labels, guesses, average="macro"))
    return {"val_f1": f1, "val_accuracy": float(accuracy_score(labels, guesses)), "val_loss": float(loss)}


def train(config):
    """Train a head on the frozen encoder, which encodes every batch of every epoch."""
    start = time.time()
    set_seed(config["seed"])
    tokenizer = AutoTokenizer.from_pretrained(config["model"])
    collate = DataCollatorWithPadding(tokenizer)
    loaders = {
        part: DataLoader(
            examples(config, part, tokenizer), config["batch_size"], shuffle=part == "train", collate_fn=collate
        )
        for part in ("train", "validation")
    }
    model = Classifier(config["model"], config["dropout"])
    model.encoder.requires_grad_(False).eval()
    encoded = remembered(model, loaders) if config.get("remember") else None
    optimizer = torch.optim.AdamW(model.head.parameters(), lr=config["learning_rate"], weight_decay=0.01)
    steps = config["epochs"] * len(loaders["train"])
    schedule = get_linear_schedule_with_warmup(optimizer, 0, steps)
    for epoch in range(config["epochs"]):
        model.head.train()
        for features, labels in batches(model, loaders["train"], encoded, "train"):
            loss = nn.functional.cross_entropy(model.head(features), labels)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.head.parameters(), 1.0)
            optimizer.step()
            schedule.step()
        metrics = evaluate(model, batches(model, loaders["validation"], encoded, "validation"))
        told(epoch + 1, metrics["val_f1"])
    return finish(config, model.head, metrics, start)


@torch.no_grad()
def encode(model, batch):
    return model.features(batch["input_ids"], batch["attention_mask"])


def remembered(model, loaders):
    """Encode each text once a run, which some people do."""
    found = {}
    for part, loader in loaders.items():
        ordered = DataLoader(loader.dataset, 32, collate_fn=loader.collate_fn)
        features = [(encode(model, batch), batch["labels"]) for batch in ordered]
        found[part] = torch.utils.data.TensorDataset(*(torch.cat(column) for column in zip(*features, strict=True)))
    return found


def batches(model, loader, encoded, part):
    if encoded:
        yield from DataLoader(encoded[part], loader.batch_size, shuffle=part == "train")
        return
    for batch in loader:
        yield encode(model, batch), batch["labels"]


@torch.no_grad()
def evaluate(model, pairs):
    model.head.eval()
    logits, labels = zip(*[(model.head(features), labels) for features, labels in pairs], strict=True)
    logits, labels = torch.cat(logits), torch.cat(labels)
    return scores(labels.numpy(), logits.numpy(), nn.functional.cross_entropy(logits, labels))


def fine_tune(config):
    """Train encoder and head with the Trainer of transformers and its defaults."""
    start = time.time()
    set_seed(config["seed"])
    tokenizer = AutoTokenizer.from_pretrained(config["model"])
    folder = Path(os.environ["RESULTS"]) / uuid.uuid4().hex
    trainer = Trainer(
        model=Classifier(config["model"], config["dropout"]),
        args=TrainingArguments(
            output_dir=str(folder),
            per_device_train_batch_size=config["batch_size"],
            per_device_eval_batch_size=32,
            learning_rate=config["learning_rate"],
            weight_decay=0.01,
            num_train_epochs=config["epochs"],
            seed=config["seed"],
            bf16=config.get("bf16", False),
            use_cpu=not torch.cuda.is_available(),
            eval_strategy="epoch",
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            dataloader_pin_memory=False,
        ),
        train_dataset=examples(config, "train", tokenizer),
        eval_dataset=examples(config, "validation", tokenizer),
        data_collator=DataCollatorWithPadding(tokenizer),
        compute_metrics=lambda result: scores(result.label_ids, result.predictions, 0.0),
        callbacks=callbacks,
    )
    trainer.train()
    final = [line for line in trainer.state.log_history if "eval_val_f1" in line][-1]
    metrics = {
        "val_f1": final["eval_val_f1"],
        "val_accuracy": final["eval_val_accuracy"],
        "val_loss": final["eval_loss"],
    }
    return finish(config, trainer.model, metrics, start)


def finish(config, model, metrics, start):
    """Save the model, and say what came of it and when."""
    stem = Path(os.environ["RESULTS"]) / uuid.uuid4().hex
    torch.save(model.state_dict(), stem.with_suffix(".pt"))
    varied = {name: config[name] for name in ("learning_rate", "batch_size", "dropout")}
    line = {"params": varied, "metrics": metrics, "start": start, "end": time.time()}
    stem.with_suffix(".json").write_text(json.dumps(line))
    return metrics


def run(config):
    """The function that the config names."""
    return {"train": train, "fine_tune": fine_tune}[config["function"]](config)


if __name__ == "__main__":
    print(run(json.loads(Path(sys.argv[1]).read_text())))
