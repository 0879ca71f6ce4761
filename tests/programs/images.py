"""Writes output/train/SECOND-model/summary.csv, args.yaml and a checkpoint, as the train.py of timm does."""

import argparse
import csv
import os
import sys
from datetime import datetime

from model import descend, save

parser = argparse.ArgumentParser()
parser.add_argument("--model", default="resnet50")
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--epochs", type=int, default=3)
parser.add_argument("--output", default="")
args = parser.parse_args()

name = "-".join([datetime.now().strftime("%Y%m%d-%H%M%S"), args.model, "32"])
folder = os.path.join(args.output or "./output/train", name)
os.makedirs(folder)
with open(os.path.join(folder, "args.yaml"), "w") as options:
    options.write("".join(f"{key}: {value}\n" for key, value in vars(args).items()))

with open(os.path.join(folder, "summary.csv"), "w", newline="") as summary:
    writer = csv.writer(summary)
    writer.writerow(["epoch", "train_loss", "eval_loss", "eval_top1", "lr"])
    for epoch, (train, valid) in enumerate(descend(args.lr, args.epochs)):
        top1 = 100 / (1 + valid)
        writer.writerow([epoch, train, valid, top1, args.lr / (epoch + 1)])
        print(
            f"Test: [   1/1]  Time: 0.061 (0.227)  Loss:  {valid:6.3f} ({valid:6.3f})  Acc@1: {top1:7.3f} ({top1:7.3f})"
        )
        print(f"Current checkpoints:\n ('{folder}/checkpoint-{epoch}.pth.tar', {top1})\n", file=sys.stderr)
save(os.path.join(folder, "last.pth.tar"), lr=args.lr, metric=valid)
print(f"*** Best metric: {top1} (epoch {epoch})", file=sys.stderr)
