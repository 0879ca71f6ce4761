"""Prints train and test loss every so many steps and saves the best model in a work directory, as makemore does."""

import argparse
import os

from model import descend, save

parser = argparse.ArgumentParser()
parser.add_argument("--work-dir", "-o", type=str, default="out")
parser.add_argument("--max-steps", type=int, default=21)
parser.add_argument("--learning-rate", "-l", type=float, default=0.1)
args = parser.parse_args()
print(vars(args))
os.makedirs(args.work_dir, exist_ok=True)

best_loss = None
for step, (train, test) in enumerate(descend(args.learning_rate, args.max_steps)):
    if step % 5 == 0:
        print(f"step {step} | loss {train:.4f} | step time 27.97ms")
    if step > 0 and step % 10 == 0:
        print(f"step {step} train loss: {train} test loss: {test}")
        if best_loss is None or test < best_loss:
            out_path = os.path.join(args.work_dir, "model.pt")
            print(f"test loss {test} is the best so far, saving model to {out_path}")
            best_loss = test
        save(os.path.join(args.work_dir, "last.pt"), lr=args.learning_rate, metric=test)
        print("-" * 80)
        print("0 samples that are in train:\n0 samples that are in test:\n2 samples that are new:\nanna\nkiran")
