"""The classification head: every layer, its sizes, its options."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from gridfold.text.head import LAYERS, Head, Layer, build_head, read_head
from gridfold.text.section import LazyConfig


def head_of(*layers: dict[str, Any]) -> Head:
    return read_head(LazyConfig({"model": {"classification_head": {"architecture": list(layers)}}}).section("model"))


@pytest.mark.parametrize(
    ("layer", "module"),
    [
        ({"type": "linear", "out_features": 7, "bias": False}, nn.Linear(5, 7, bias=False)),
        ({"type": "dropout", "p": 0.3}, nn.Dropout(0.3)),
        ({"type": "layer_norm", "eps": 1e-3}, nn.LayerNorm(5, eps=1e-3)),
        ({"type": "batch_norm", "momentum": 1}, nn.BatchNorm1d(5, momentum=1.0)),
        ({"type": "gelu", "approximate": "tanh"}, nn.GELU("tanh")),
        ({"type": "leaky_relu", "negative_slope": 0.2}, nn.LeakyReLU(0.2)),
        ({"type": "elu", "alpha": 2}, nn.ELU(2.0)),
        ({"type": "softplus", "beta": 2.0}, nn.Softplus(2.0)),
        ({"type": "silu"}, nn.SiLU()),
    ],
)
def test_layers_are_those_of_torch(layer, module):
    built = build_head(head_of(layer, {"type": "linear", "out_features": 2}).sized(5))
    assert repr(built[0]) == repr(module)


@pytest.mark.parametrize("name", sorted(set(LAYERS) - {"linear"}))
def test_every_layer_keeps_the_width(name):
    head = head_of({"type": "linear", "out_features": 6}, {"type": name}, {"type": "linear", "out_features": 3})
    assert build_head(head.sized(4))(torch.randn(5, 4)).shape == (5, 3)


layers = st.one_of(
    st.builds(lambda n: {"type": "linear", "out_features": n}, st.integers(1, 9)),
    st.sampled_from(sorted(set(LAYERS) - {"linear"})).map(lambda name: {"type": name}),
)


@settings(max_examples=50, deadline=None)
@given(body=st.lists(layers, max_size=8), width=st.integers(1, 9), out=st.integers(1, 5))
def test_any_stack_of_layers_fits_together(body, width, out):
    head = head_of(*body, {"type": "linear", "out_features": out})
    built = build_head(head.sized(width)).eval()
    assert built(torch.randn(3, width)).shape == (3, out)
    assert head.out_features == out


def test_the_last_width_may_follow_from_the_data():
    head = head_of({"type": "linear", "out_features": 6}, {"type": "linear", "bias": False})
    assert head.out_features is None
    assert head.giving(3).sized(4)[-1] == {"type": "linear", "in_features": 6, "out_features": 3, "bias": False}
    given = head_of({"type": "linear", "out_features": 1})
    assert given.giving(2) == given


def test_a_head_is_a_value():
    assert head_of({"type": "linear", "out_features": 2}) == Head((Layer("linear", {"out_features": 2}),))
