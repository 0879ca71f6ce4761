"""Writes lightning_logs/version_N/metrics.csv with gaps, as the CSV logger of a Lightning CLI does."""

import csv
import os
import sys

from model import descend, save

command, *words = sys.argv[1:]
assert command == "fit", command
options = {"--model.learning_rate": "0.1", "--trainer.max_epochs": "3"} | dict(
    zip(words[::2], words[1::2], strict=True)
)
rate, epochs = float(options["--model.learning_rate"]), int(options["--trainer.max_epochs"])

version = 0
while os.path.exists(f"lightning_logs/version_{version}"):
    version += 1
folder = f"lightning_logs/version_{version}"
os.makedirs(folder)
with open(f"{folder}/hparams.yaml", "w") as hparams:
    hparams.write(f"learning_rate: {rate}\n")

columns = ["epoch", "step", "test_loss", "train_loss_epoch", "valid_loss_epoch", "valid_loss_step"]
with open(f"{folder}/metrics.csv", "w", newline="") as metrics:
    writer = csv.DictWriter(metrics, columns)
    writer.writeheader()
    for epoch, (train, valid) in enumerate(descend(rate, epochs)):
        step = (epoch + 1) * 20 - 1
        writer.writerows({"step": epoch * 2 + batch, "valid_loss_step": valid + 0.1 - batch / 5} for batch in (0, 1))
        writer.writerow({"epoch": epoch, "step": step, "valid_loss_epoch": valid})
        writer.writerow({"epoch": epoch, "step": step, "train_loss_epoch": train})
        print(f"\rEpoch {epoch}/{epochs - 1} ━━━━━━━━ 20/20 0:00:00 • 0:00:00 7.83it/s v_num: {version}", end="")
    writer.writerow({"epoch": epochs, "step": epochs * 20, "test_loss": valid + 0.5})
save(f"{folder}/checkpoints/last.ckpt", lr=rate, metric=valid)
print("\n│         test_loss         │", f"   {valid + 0.5}    │")
