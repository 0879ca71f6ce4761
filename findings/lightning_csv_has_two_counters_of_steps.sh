#!/usr/bin/env bash
# lightning 2.6.6, torch 2.13.0: the column `step` of CSVLogger's metrics.csv is two counters. Rows of training have the
# number of optimizer steps; values that validation_step logs with on_step=True have the number of validation batches so
# far. So `step` falls from one row to the next, and two rows of one step need not be of one time.
# A good guess would have been: one counter, the global step, which never falls in a file that is only appended to.
# Seen, of two epochs of 20 training and 4 validation batches: training up to 19, validation 0 to 3, training up to 39,
# validation 4 to 7.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check lightning==2.6.6 torch==2.13.0 numpy==2.4.6
cd "$folder"
seen=$("$folder/venv/bin/python" -W ignore - <<'PY' 2>/dev/null
import csv
import logging

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.loggers import CSVLogger

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)


class Model(LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2, 1)

    def training_step(self, batch, index):
        loss = self.layer(batch).pow(2).mean()
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch, index):
        self.log("val_loss", self.layer(batch).pow(2).mean(), on_step=True, on_epoch=True)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def rows(count):
    return torch.utils.data.DataLoader(torch.randn(count, 2), batch_size=1)


trainer = Trainer(
    max_epochs=2,
    accelerator="cpu",
    logger=CSVLogger("."),
    log_every_n_steps=1,
    enable_progress_bar=False,
    enable_model_summary=False,
    enable_checkpointing=False,
    num_sanity_val_steps=0,
)
trainer.fit(Model(), rows(20), rows(4))
with open("lightning_logs/version_0/metrics.csv", newline="") as file:
    table = list(csv.DictReader(file))
print("train", *[row["step"] for row in table if row["train_loss"]][-3:])
print("validation", *[row["step"] for row in table if row["val_loss_step"]])
PY
)
echo "$seen"
[ "$seen" = "train 37 38 39
validation 0 1 2 3 4 5 6 7" ]
