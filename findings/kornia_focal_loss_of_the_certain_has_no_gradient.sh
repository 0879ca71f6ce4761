#!/usr/bin/env bash
# torch 2.13.0, kornia 0.8.2: focal_loss with gamma 0.5 (its documentation allows any gamma >= 0; the paper tries 0.5) has
# the gradient nan for an example that is predicted rightly with certainty (logits 20 and -20, in float32), while its loss
# is 0.00002: one easy example in a batch ends the training. With gamma 1 and 2, and with 0.5 at logits of 5, it is finite.
# A good guess would have been: what is learned already pulls at nothing.
# Seen: gamma 0.5 at 5: finite, 0.5 at 20: [nan, nan], 1 at 20: finite, 2 at 20: finite.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy kornia==0.8.2
seen=$("$folder/venv/bin/python" - <<'PY'
import torch
from kornia.losses import focal_loss

found = []
for gamma, logit in ((0.5, 5.0), (0.5, 20.0), (1.0, 20.0), (2.0, 20.0)):
    logits = torch.tensor([[logit, -logit]], requires_grad=True)
    focal_loss(logits, torch.tensor([0]), alpha=None, gamma=gamma, reduction="mean").backward()
    gradient = "finite" if logits.grad.isfinite().all() else logits.grad[0].tolist()
    found.append(f"gamma {gamma:g} at {logit:g}: {gradient}")
print(", ".join(found))
PY
)
echo "$seen"
[ "$seen" = "gamma 0.5 at 5: finite, gamma 0.5 at 20: [nan, nan], gamma 1 at 20: finite, gamma 2 at 20: finite" ]
