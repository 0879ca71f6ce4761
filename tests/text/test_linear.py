"""Linear layers by oneDNN: the same layer, only faster."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from gridfold.text import linear
from gridfold.text.linear import OneDnnLinear, use_fastest_linear

pytestmark = pytest.mark.skipif(
    not hasattr(torch.ops.mkldnn, "_linear_pointwise"), reason="this build of torch has no oneDNN"
)


@pytest.fixture
def layers(monkeypatch) -> Callable[..., tuple[nn.Linear, nn.Linear]]:
    """Makes two layers of the same weights: torch's, and that by oneDNN."""
    monkeypatch.setattr(linear, "prefers_onednn", lambda: True)

    def make(inputs: int, outputs: int, **options: bool) -> tuple[nn.Linear, nn.Linear]:
        torch.manual_seed(0)
        ours = nn.Sequential(nn.Linear(inputs, outputs, **options))
        theirs = copy.deepcopy(ours)
        use_fastest_linear(ours)
        assert type(ours[0]) is OneDnnLinear
        return theirs[0], ours[0]

    return make


@pytest.mark.parametrize("shape", [(7,), (3, 5), (2, 3, 4), (1,), (0,), (2, 0)])
@pytest.mark.parametrize("bias", [True, False])
def test_values_and_gradients_are_those_of_torch(layers, shape, bias):
    theirs, ours = layers(24, 17, bias=bias)
    states = torch.randn(*shape, 24)
    found = []
    for layer in (theirs, ours):
        given = states.clone().requires_grad_()
        product = layer(given)
        (product**2).sum().backward()
        found.append([product.detach(), given.grad, *(weight.grad for weight in layer.parameters())])
    for expected, value in zip(*found, strict=True):
        torch.testing.assert_close(value, expected, rtol=1e-5, atol=1e-5)


def test_states_may_lie_in_any_order(layers):
    theirs, ours = layers(24, 17)
    states = torch.randn(24, 5, 3).transpose(0, 2)
    torch.testing.assert_close(ours(states), theirs(states))


def test_a_frozen_weight_gets_no_gradient(layers):
    _, ours = layers(8, 8)
    ours.weight.requires_grad_(False)
    ours(torch.randn(2, 8)).sum().backward()
    assert ours.weight.grad is None
    assert ours.bias.grad is not None


@pytest.mark.parametrize("width", [16, 24])
def test_a_row_does_not_depend_on_the_rows_beside_it(layers, width):
    _, ours = layers(width, 32)
    states = torch.randn(640, width)
    whole = ours(states)
    for first, last in [(0, 32), (32, 64), (5, 40), (0, 639), (100, 612)]:
        assert torch.equal(ours(states[first:last]), whole[first:last])


def test_half_precision_is_computed_as_ever(layers):
    theirs, ours = layers(16, 16)
    states = torch.randn(4, 16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(ours(states), theirs(states))
    assert torch.equal(ours.double()(states.double()), theirs.double()(states.double()))


def test_gradients_can_be_recomputed(layers):
    theirs, ours = layers(16, 16)
    found: list[Tensor] = []
    for layer in (theirs, ours):
        states = torch.ones(4, 16, requires_grad=True)
        torch.utils.checkpoint.checkpoint(layer, states, use_reentrant=False).sum().backward()
        found.append(states.grad)
    torch.testing.assert_close(*found)


@pytest.mark.parametrize(
    ("vendor", "capability", "expected"),
    [
        ("vendor_id\t: AuthenticAMD", "AVX512", True),
        ("vendor_id\t: GenuineIntel", "AVX512", False),
        ("vendor_id\t: AuthenticAMD", "AVX2", False),
    ],
)
def test_only_where_mkl_does_not_use_what_the_processor_has(monkeypatch, vendor, capability, expected):
    monkeypatch.setattr(linear, "_processor", lambda: vendor)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    assert linear.prefers_onednn.__wrapped__() is expected
