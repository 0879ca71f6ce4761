#!/usr/bin/env bash
# transformers 5.23.0, accelerate 1.15.0, torch 2.13.0: on a CPU, `TrainingArguments(fp16=True)` trains in float32 and
# says nothing: no error, no warning, the same weights to the bit. `args.fp16` is True and the accelerator's
# mixed_precision is "fp16", but its native_amp is False. bf16=True does compute in bfloat16 there, and torch's own
# autocast knows float16 on a CPU.
# A good guess would have been: an error, as accelerate raises for other devices that it knows no fp16 of ("fp16 mixed
# precision requires a device in ..."), or float16 by autocast.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check transformers==5.23.0 accelerate==1.15.0 torch==2.13.0 numpy==2.4.6
cd "$folder"
seen=$("$folder/venv/bin/python" - <<'PY' 2>/dev/null
import warnings

import torch
from transformers import BertConfig, BertForSequenceClassification, PrinterCallback, Trainer, TrainingArguments

warnings.simplefilter("error")


def weights(**precision):
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=20, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    )
    rows = [{"input_ids": [1 + row % 7, 2, 3], "labels": row % 2} for row in range(16)]
    args = TrainingArguments(
        "out",
        use_cpu=True,
        max_steps=3,
        report_to="none",
        save_strategy="no",
        dataloader_pin_memory=False,
        disable_tqdm=True,
        **precision,
    )
    trainer = Trainer(BertForSequenceClassification(config), args, train_dataset=rows)
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    print(args.fp16, trainer.accelerator.mixed_precision, trainer.accelerator.native_amp)
    return torch.cat([weight.flatten() for weight in trainer.model.state_dict().values()])


plain, half, brain = weights(), weights(fp16=True), weights(bf16=True)
print("fp16 is float32:", torch.equal(plain, half))
print("bf16 is float32:", torch.equal(plain, brain))
with torch.autocast("cpu", torch.float16):
    print("autocast:", torch.nn.Linear(2, 2)(torch.ones(1, 2)).dtype)
PY
)
echo "$seen"
[ "$seen" = "False no False
True fp16 False
False bf16 True
fp16 is float32: True
bf16 is float32: False
autocast: torch.float16" ]
