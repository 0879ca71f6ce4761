"""Linear layers with an adapter, computed in one: the same sum as that of peft."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora.layer import Linear
from torch import Tensor, nn

from gridfold.text import linear
from gridfold.text.linear import use_fastest_linear
from gridfold.text.lora_linear import FusedLoraLinear, use_fused_linear

Layers = Callable[..., tuple[nn.Module, nn.Module]]


@pytest.fixture(params=[False, True], ids=["torch", "oneDNN"])
def layers(request, monkeypatch) -> Layers:
    """Makes two layers of the same weights: peft's, and ours."""
    if request.param and not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        pytest.skip("this build of torch has no oneDNN")
    monkeypatch.setattr(linear, "prefers_onednn", lambda: request.param)

    def make(*, bias: bool = True, **options: object) -> tuple[nn.Module, nn.Module]:
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(24, 17, bias=bias))
        use_fastest_linear(model)
        inject_adapter_in_model(LoraConfig(r=3, lora_alpha=5, target_modules=["0"], **options), model)
        nn.init.normal_(model[0].lora_B["default"].weight)
        ours = copy.deepcopy(model)
        use_fused_linear(ours)
        assert (type(model[0]), type(ours[0])) == (Linear, FusedLoraLinear)
        return model, ours

    return make


def found(model: nn.Module, states: Tensor) -> list[Tensor]:
    """What a model makes of states, and the gradients of these and of what is learned."""
    given = states.clone().requires_grad_()
    made = model(given)
    (made.float() ** 2).sum().backward()
    return [made.detach(), given.grad, *(weight.grad for weight in model.parameters() if weight.requires_grad)]


@pytest.mark.parametrize("shape", [(7,), (3, 5), (2, 3, 4), (1,), (0,), (2, 0)])
@pytest.mark.parametrize("bias", [True, False])
def test_values_and_gradients_are_those_of_peft(layers: Layers, shape: tuple[int, ...], bias: bool) -> None:
    theirs, ours = layers(bias=bias)
    states = torch.randn(*shape, 24)
    assert len(found(ours, states)) == 4  # nothing of the layer itself is learned
    ours.zero_grad()
    for expected, value in zip(found(theirs, states), found(ours, states), strict=True):
        torch.testing.assert_close(value, expected, rtol=1e-4, atol=1e-4)


def test_states_need_no_gradient(layers: Layers) -> None:
    theirs, ours = layers()
    states = torch.randn(5, 24)
    for model in (theirs, ours):
        model(states).sum().backward()
    for expected, value in zip(theirs.parameters(), ours.parameters(), strict=True):
        assert (value.grad is None) == (expected.grad is None)
        if value.grad is not None:
            torch.testing.assert_close(value.grad, expected.grad)
    with torch.no_grad():
        torch.testing.assert_close(ours(states), theirs(states))


@pytest.mark.parametrize("how", ["dropout", "autocast", "half", "disabled", "merged", "dora", "learned"])
def test_all_else_is_left_to_peft(layers: Layers, how: str) -> None:
    options = {"dropout": {"lora_dropout": 0.5}, "dora": {"use_dora": True}}
    theirs, ours = layers(**options.get(how, {}))
    states = torch.randn(5, 24)
    seen = []
    for model in (theirs, ours):
        layer = model[0]
        if how == "half":
            model.to(torch.bfloat16)
        if how == "disabled":
            layer.enable_adapters(False)
        if how == "merged":
            layer.merge()
        if how == "learned":
            layer.base_layer.weight.requires_grad_()
        torch.manual_seed(1)
        with torch.autocast("cpu", torch.bfloat16, enabled=how == "autocast"):
            seen.append(model(states.bfloat16() if how == "half" else states))
    torch.testing.assert_close(seen[1], seen[0], rtol=0, atol=0)
