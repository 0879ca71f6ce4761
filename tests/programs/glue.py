"""Writes all_results.json and trainer_state.json and prints blocks of metrics, as Hugging Face's Trainer does."""

import argparse
import json
import os
import sys

from model import descend, save

parser = argparse.ArgumentParser()
parser.add_argument("--learning_rate", type=float, default=0.1)
parser.add_argument("--num_train_epochs", type=float, default=3.0)
parser.add_argument("--output_dir", default="trainer_output")
args = parser.parse_args()
os.makedirs(args.output_dir, exist_ok=True)


def block(split, metrics):
    """Print metrics as Trainer.log_metrics does: rounded, and times as clock times."""
    print(f"***** {split} metrics *****")
    for name, value in metrics.items():
        print(f"  {name:24} = {'0:00:00.38' if 'runtime' in name else round(value, 4):>10}")


def write(name, content):
    """Write a JSON file into the output directory."""
    with open(os.path.join(args.output_dir, name), "w") as file:
        json.dump(content, file, indent=4, sort_keys=True)


history = []
losses = list(descend(args.learning_rate, int(args.num_train_epochs)))
for epoch, (train, valid) in enumerate(losses, start=1):
    bar = f"{100 * epoch // len(losses):3d}%|{'█' * epoch:10}| {epoch}/{len(losses)} [00:06<00:00,  6.68it/s]"
    print("\r" + bar, end="", file=sys.stderr)
    history += [
        {
            "epoch": float(epoch),
            "learning_rate": args.learning_rate / epoch,
            "loss": round(train, 4),
            "step": epoch * 25,
        },
        {
            "epoch": float(epoch),
            "eval_accuracy": 1 / (1 + valid),
            "eval_loss": valid,
            "eval_runtime": 0.3443,
            "step": epoch * 25,
        },
    ]
    print({name: value for name, value in history[-1].items() if name != "step"})
print(file=sys.stderr)
done = {"epoch": args.num_train_epochs}
trained = {**done, "train_loss": train, "train_runtime": 7.3836, "train_samples_per_second": 81.262}
tested = {**done, "eval_accuracy": 1 / (1 + valid), "eval_loss": valid, "eval_runtime": 0.3801, "eval_samples": 100}
block("train", trained)
block("eval", tested)
write("train_results.json", trained)
write("eval_results.json", tested)
write("all_results.json", trained | tested)
write(
    "trainer_state.json",
    {"epoch": args.num_train_epochs, "global_step": epoch * 25, "log_history": history, "max_steps": 75},
)
save(os.path.join(args.output_dir, "model.safetensors"), lr=args.learning_rate, metric=tested["eval_accuracy"])
