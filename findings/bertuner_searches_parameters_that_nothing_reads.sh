#!/usr/bin/env bash
# bertuner 0.2.4: its default search space has focal_gamma and label_smoothing. Optuna draws both in every trial, and they are among
# the best parameters in the end, but nothing reads them: the loss always has gamma 2.0, or smoothing 0.1.
# A good guess would have been: what is searched is used, as learning_rate and dropout of the same space are.
# Seen: focal_gamma 1.0 and 3.0 end with the same loss to the last bit, as do label_smoothing 0.0 and 0.1; dropout 0.0 and 0.3 do not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    bertuner==0.2.4 torch==2.13.0 transformers==5.23.0 accelerate==1.15.0 optuna==5.0.0 mlflow==3.17.2
cat > "$folder/search.py" <<'PY'
import pandas as pd
import torch
from bertuner.BERTuner import BERTuneClassifier
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

words = {word: place for place, word in enumerate(["[PAD]", "[UNK]", "good", "bad", "film"])}
tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]").save_pretrained("tiny")
torch.manual_seed(0)
sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
BertModel(BertConfig(vocab_size=5, max_position_embeddings=16, **sizes)).save_pretrained("tiny")
table = pd.DataFrame({"text": ["good film", "bad film", "good", "bad"] * 4, "label": [1, 0, 1, 0] * 4})


def loss(**changed):
    space = {"model": "tiny", "learning_rate": 1e-3, "batch_size": 4, "loss_type": "focal", "label_smoothing": 0.05}
    space |= {"focal_gamma": 2.0, "weight_decay": 0.0, "warmup_ratio": 0.0, "scheduler": "linear", "dropout": 0.1}
    space |= {"early_stopping_patience": 6} | changed
    splits = {"train": table, "validation": table, "test": table}
    search = BERTuneClassifier("out", "text", ["label"], data_splits=splits, max_length=8, mlflow_tracking_uri="runs")
    search.initialize_model_choices({"tiny": "tiny"})
    search.initialize_search_space({name: [value] for name, value in space.items()})
    return search.optimize(n_trials=1, optimize_metric="loss", greater_is_better=False)


pairs = {
    "focal_gamma": [loss(focal_gamma=value) for value in (1.0, 3.0)],
    "label_smoothing": [loss(loss_type="label_smoothing", label_smoothing=value) for value in (0.0, 0.1)],
    "dropout": [loss(dropout=value) for value in (0.0, 0.3)],
}
for name, (one, other) in pairs.items():
    print("SEEN", name, "same" if one == other else "differs")
PY
cd "$folder"
mkdir out
seen=$(HF_HUB_OFFLINE=1 "$folder/venv/bin/python" search.py 2> errors | grep SEEN || cat errors >&2)
echo "$seen"
[ "$(echo $seen)" = "SEEN focal_gamma same SEEN label_smoothing same SEEN dropout differs" ]
