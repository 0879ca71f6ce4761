"""Lists that vary by the rule and look like one value: by the names and values that public configs have."""

import pytest

from gridfold.config.config import Config
from gridfold.config.one_value import guesses, shortest

ONE_VALUE = {
    # yolov5, ultralytics
    "anchors: [[10,13, 16,30, 33,23], [30,61, 62,45, 59,119], [116,90, 156,198, 373,326]]": "anchors",
    "names: [person, bicycle, car]": "names",
    "backbone: [[-1, 1, Conv, [64, 6, 2, 2]], [-1, 1, Conv, [128, 3, 2]], [-1, 3, C3, [128]]]": "backbone",
    # timm, torchvision
    "opt_betas: [0.9, 0.99]": "opt_betas",
    "mean: [0.485, 0.456, 0.406]": "mean",
    "decay_milestones: [90, 180, 270]": "decay_milestones",
    "img_size: [320, 256]": "img_size",
    # detectron2, mmdetection, OpenPCDet
    "MODEL: {PIXEL_MEAN: [103.53, 116.28, 123.675]}": "MODEL.PIXEL_MEAN",
    "MODEL: {ROI_HEADS: {IN_FEATURES: [p2, p3, p4, p5]}}": "MODEL.ROI_HEADS.IN_FEATURES",
    "MODEL: {ANCHOR_GENERATOR: {ASPECT_RATIOS: [0.5, 1.0, 2.0]}}": "MODEL.ANCHOR_GENERATOR.ASPECT_RATIOS",
    "model: {backbone: {out_indices: [0, 1, 2, 3]}}": "model.backbone.out_indices",
    "point_cloud_range: [0, -40, -3, 70.4, 40, 1]": "point_cloud_range",
    # latent diffusion, U-Nets, plain networks
    "unet: {channel_mult: [1, 2, 4]}": "unet.channel_mult",
    "unet: {attention_resolutions: [4, 2, 1]}": "unet.attention_resolutions",
    "model: {features: [64, 128, 256]}": "model.features",
    "layers: [64, 32, 16]": "layers",
    "hidden_sizes: [256, 128]": "hidden_sizes",
    "hidden_units: [256, 128]": "hidden_units",
    "mlp: {hiddenDims: [256, 128]}": "mlp.hiddenDims",
    # Hugging Face: transformers, peft, datasets
    "lora: {target_modules: [q_proj, v_proj]}": "lora.target_modules",
    "modules_to_save: [embed_tokens, lm_head]": "modules_to_save",
    "special_tokens: ['<a>', '<b>']": "special_tokens",
    'gridfold: {trainer: "my:train"}\ndata: {text_column: [premise, hypothesis]}': "data.text_column",
    "label_names: [negative, positive]": "label_names",
    "train_files: [a.jsonl, b.jsonl]": "train_files",
    # Lightning, Hydra, schedules
    "trainer: {devices: [0, 1]}": "trainer.devices",
    "defaults: [_self_, model]": "defaults",
    "scheduler: {milestones: [30, 60, 90]}": "scheduler.milestones",
    "optim: {betas: [0.9, 0.999]}": "optim.betas",
    "adam_beta: [0.9, 0.98]": "adam_beta",
    "gan: {betas: [0.0, 0.9]}": "gan.betas",
    "trainer: {gpus: [0, 1]}": "trainer.gpus",
    # SpeechBrain
    "split_ratio: [90, 10]": "split_ratio",
    "data: {val_split: [0.7, 0.2, 0.1]}": "data.val_split",
    "ffn_cnn_kernel_size_list: [9, 1]": "ffn_cnn_kernel_size_list",
    "vocabulary: [a, b, c, d, e, f, g, h, i]": "vocabulary",
}
SEVERAL_VALUES = """
val_split: [0.1, 0.2]
mixup_ratio: [0.2, 0.5]
p: [0.1, 0.2, 0.3]
batch_size: [16, 32, 64]
learning_rate: [1e-7, 5e-7, 1e-6, 5e-6, 1e-5]
lr: [0.1, 0.01]
base_lr: [0.1, 0.01]
seeds: [1, 2, 3]
learning_rates: [0.1, 0.01]
dropout: [0.1, 0.5]
weight_decay: [0, 0.01]
num_layers: [2, 4]
n_layers: [2, 4]
num_train_epochs: [3, 5]
epochs: [10, 20]
max_steps: [100, 200]
warmup_steps: [0, 100]
n_estimators: [100, 300]
num_heads: [4, 8]
min_samples_split: [2, 5, 10]
hidden_size: [128, 256]
embedding_dim: [64, 128]
kernel_size: [3, 5]
units: [32, 64]
beta: [0.1, 0.5]
beta1: [0.9, 0.95]
momentum: [0.9, 0.99]
C: [0.1, 1, 10]
kernel: [rbf, linear]
loss: [mse, mae]
bias: [true, false]
optimizer: [adam, sgd]
name: [bert-base-uncased, microsoft/deberta-v3-base]
data: [a.csv, b.csv]
hidden: [[256, 128], [512]]
warmup_ratio: [0.0, 0.1]
loss_scale: [1, 2]
gradient_accumulation_steps: [1, 2]
r: [8, 16]
lora_alpha: [16, 32]
temperature: [0.5, 0.7, 1.0, 1.5]
"""


def marked(text):
    config = Config.parse(text, "c.yaml")
    return guesses(config, config.parameters)


@pytest.mark.parametrize("text", ONE_VALUE)
def test_lists_of_public_configs_that_nobody_means_to_vary(text):
    assert list(marked(f"{text}\nlearning_rate: [1e-3, 1e-4]\n")) == [ONE_VALUE[text]]


def test_lists_that_people_vary_are_not_marked():
    assert marked(SEVERAL_VALUES) == {}


def test_columns_of_one_table():
    swin = "swin: {depths: [2, 2, 6, 2], num_heads: [3, 6, 12, 24], lr: [1, 2, 3, 4]}\n"
    assert marked(swin + "other: {num_heads: [1, 2, 3, 4]}\n") == {"swin.num_heads": "as long as depths"}


VARIED = """
optim: {betas: &b [0.9, 0.999], lr: [1, 2]}
layers: [64, 32]
model: {a: [1, 2], b: {c: [1, 2], x: [1, 2]}, again: *b}
modela: {x: [1, 2]}
m: {a: [1, 2], o: !one_of [{b: [1, 2]}, {c: [1, 2]}]}
k.a: [1, 2]
k.b: [1, 2]
"""


@pytest.mark.parametrize(
    ("paths", "others", "expected"),
    [
        (["optim.betas", "layers"], [], ["optim.betas", "layers"]),
        (["model.a", "model.b.c", "model.b.x", "optim.betas"], [], ["model", "optim.betas"]),
        (["model.a", "model.b.c", "model.b.x"], [], ["model.a", "model.b"]),  # optim.betas varies, also in model
        (["model.b.c", "model.b.x"], [], ["model.b"]),
        (["model.b.c", "model.b.x"], ["model.b.new"], ["model.b.c", "model.b.x"]),
        (["model.a"], [], ["model.a"]),
        (["modela.x", "model.b.c", "model.b.x"], [], ["modela.x", "model.b"]),
        (["m.a", "m.o.b", "m.o.c"], [], ["m.a", "m.o.b", "m.o.c"]),
        (["k.a", "k.b"], [], ["k.a", "k.b"]),
    ],
)
def test_a_section_stands_for_all_that_it_holds(paths, others, expected):
    assert shortest(Config.parse(VARIED, "c.yaml"), paths, others) == expected
