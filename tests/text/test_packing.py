"""Training without padding: whatever a model makes of texts, and learns from them, is what it is with padding."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from transformers import set_seed

from gridfold.text import pipeline, trainer
from gridfold.text.dropout import Dropped, FastDropout, use_fast_dropout
from gridfold.text.encoder import PooledEncoder
from gridfold.text.packing import Packing
from tests.text.architectures import ENCODERS, WITHOUT_DROPOUT, saved_model, small_model
from tests.text.test_checkpoint import interrupt

PACKED = {"bert", "roberta", "xlm-roberta", "distilbert", "electra", "modernbert", "albert"}
LENGTHS = [5, 1, 73, 30]


@pytest.fixture
def batch() -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    mask = torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS)[:, None]
    ids = torch.randint(5, 50, mask.shape)
    return {"input_ids": ids.where(mask, 0), "attention_mask": mask.long()}


@pytest.mark.parametrize("kind", ENCODERS)
def test_which_models_can_be_given_packed_texts(kind):
    assert (Packing.of(small_model(kind)) is not None) == (kind in PACKED)


@pytest.mark.parametrize("kind", sorted(PACKED))
@pytest.mark.parametrize("precision", [None, "bf16"])
def test_states_and_gradients_are_those_with_padding(kind, precision, batch):
    model = small_model(kind, **WITHOUT_DROPOUT)
    found = []
    for packing in (None, Packing.of(model)):
        encoder = PooledEncoder(copy.deepcopy(model), "mean").train()
        encoder.packing = packing
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision is not None):
            vectors = encoder(**batch)
        (vectors**2).sum().backward()
        gradients = {name: weight.grad for name, weight in encoder.named_parameters() if weight.grad is not None}
        found.append((vectors.detach(), gradients))
    (padded, expected), (packed, gradients) = found
    tolerance = {"rtol": 1e-3, "atol": 1e-4} if precision is None else {"rtol": 0.1, "atol": 0.1}
    torch.testing.assert_close(packed, padded, **tolerance)
    assert gradients.keys() == expected.keys()
    torch.testing.assert_close(gradients, expected, **tolerance)


def test_texts_do_not_see_each_other(batch):
    encoder = PooledEncoder(small_model("bert", **WITHOUT_DROPOUT), "mean").train()
    encoder.packing = Packing.of(encoder.model)
    before = encoder(**batch)
    batch["input_ids"][0, :3] += 1
    changed = (encoder(**batch) != before).any(1)
    assert changed.tolist() == [True, False, False, False]


def test_nothing_is_computed_for_padding(batch):
    encoder, shapes = PooledEncoder(small_model("bert"), "cls"), []
    encoder.packing = Packing.of(encoder.model)
    encoder.model.encoder.register_forward_pre_hook(lambda _, args: shapes.append(tuple(args[0].shape)))
    encoder(**batch)
    encoder.eval()(**batch)
    assert shapes == [(1, sum(LENGTHS), 16), (4, max(LENGTHS), 16)]


@pytest.mark.parametrize(
    ("settings", "packed"),
    [
        ({}, True),
        ({"padding": "bucket"}, True),
        ({"padding": "max_length"}, False),
        ({"neftune_noise_alpha": 5.0}, False),
        ({"activation_checkpointing": True}, False),
    ],
)
def test_a_run_packs_where_that_changes_nothing_but_time(
    settings, packed, config, tiny_model, tmp_path, new_run, monkeypatch
):
    changed, seen, states = copy.deepcopy(config), [], Packing.states
    changed["model"]["name"] = str(saved_model("bert", tiny_model, tmp_path / "model"))
    changed["training"].update(num_epochs=1, **settings)
    monkeypatch.setattr(Packing, "states", lambda self, *args: seen.append(1) or states(self, *args))
    monkeypatch.setattr(pipeline, "use_fast_dropout", lambda _: seen.clear())
    trainer.check(changed)
    trainer.train(changed, new_run("run"))
    assert len(seen) == (8 if packed else 0)


def test_an_interrupted_run_drops_the_same_values(config, tiny_model, tmp_path, new_run):
    config["model"]["name"] = str(saved_model("bert", tiny_model, tmp_path / "model", hidden_dropout_prob=0.1))
    config["training"]["num_epochs"] = 2
    trainer.train(config, whole := new_run("whole"))
    interrupt(config, new_run("run"), step=3)
    trainer.train(config, run := new_run("run"))
    assert run.steps[0]["step"] == 4
    assert run.reports == whole.reports


@pytest.mark.parametrize("p", [0.1, 0.5, 0.999])
def test_dropout_keeps_the_mean_and_drops_the_share(p):
    set_seed(0)
    model = nn.Sequential(nn.Dropout(p)).train()
    use_fast_dropout(model)
    values = torch.ones(300, 1001, requires_grad=True)
    dropped = model(values)
    share = (dropped == 0).float().mean().item()
    assert share == pytest.approx(p, abs=5 * (p * (1 - p) / values.numel()) ** 0.5 + 1e-5)
    assert dropped.mean().item() == pytest.approx(1, abs=6 * (p / (1 - p) / values.numel()) ** 0.5)
    dropped.sum().backward()
    assert torch.equal(values.grad, dropped)
    assert torch.equal(model.eval()(values), values)


def test_a_seed_means_the_same_dropout():
    model = FastDropout(0.3).train()
    values = torch.ones(999)
    set_seed(7)
    first, second = model(values), model(values)
    set_seed(7)
    assert torch.equal(model(values), first)
    assert not torch.equal(first, second)


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_all_or_nothing_is_for_torch(p):
    before = torch.get_rng_state()
    assert FastDropout(p).train()(torch.ones(9)).sum() == (0 if p else 9)
    assert p or torch.equal(torch.get_rng_state(), before)


def test_what_is_drawn_is_spread_evenly():
    torch.manual_seed(0)
    kept = Dropped(0.25).draw(torch.Size([4000, 4])).float()
    assert kept.mean(0).tolist() == pytest.approx([0.75] * 4, abs=0.035)
    assert (kept[1:] * kept[:-1]).mean().item() == pytest.approx(0.75**2, abs=0.03)
