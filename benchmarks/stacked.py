"""Classification heads of one shape, trained together as a stack: an experiment, which gridfold does not use.

``K`` heads on the same frozen features, each with its own learning rate, dropout and seed, are ``K`` slices of the same
tensors, and each step is one product of stacked matrices (``bmm``) for all of them. What a head becomes must not depend
on how many there are: everything else is computed element by element or along one head, and the random numbers are a
hash of a head's seed and of the place where they are used. A lone head is a stack of one.

Needs torch alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

_BETAS, _EPS = (0.9, 0.999), 1e-8  # of AdamW
_MAX_NORM = 1.0  # of the gradient of a head
_BITS = (1 << 32) - 1


@dataclass(frozen=True)
class Head:
    """How to train one head.

    Attributes:
        learning_rate: at the first step; it falls to 0 in a line.
        dropout: the share of hidden values that are dropped.
        seed: of first weights, order of examples and dropout.
    """

    learning_rate: float
    dropout: float
    seed: int


@dataclass(frozen=True)
class Work:
    """What all heads of a stack have in common.

    Attributes:
        features: of the training examples, shape ``(n, width)``.
        labels: their label ids, shape ``(n,)``.
        classes: how many labels there are.
        hidden: columns between the two layers.
        batch_size: examples a step.
        epochs: passes over the examples.
        least: how many heads a product has at least; zeros fill up. With a fixed number the library cannot choose
            another kernel for another stack. At most as many heads are trained at a time.
    """

    features: Tensor
    labels: Tensor
    classes: int
    hidden: int = 128
    batch_size: int = 16
    epochs: int = 3
    least: int = 0

    @property
    def steps(self) -> int:
        """Optimiser steps of a head."""
        return self.epochs * -(-len(self.labels) // self.batch_size)


def train(heads: Sequence[Head], work: Work) -> list[Tensor]:
    """Train heads together.

    Returns:
        First weights, first biases, second weights, second biases; each with the heads first, on the same device.
    """
    if not work.least:
        return _trained(heads, work)
    parts = [heads[start : start + work.least] for start in range(0, len(heads), work.least)]
    filled = [[*part, *([Head(0.0, 0.0, 0)] * (work.least - len(part)))] for part in parts]
    found = [_trained(each, work) for each in filled]
    return [torch.cat(each)[: len(heads)] for each in zip(*found, strict=True)]


def _trained(heads: Sequence[Head], work: Work) -> list[Tensor]:
    device = work.features.device
    seeds = torch.tensor([head.seed for head in heads], device=device)
    rates = torch.tensor([head.learning_rate for head in heads], device=device)[:, None, None]
    drops = torch.tensor([head.dropout for head in heads], device=device)[:, None, None]
    weights = _first_weights(seeds, work)
    averages = [(torch.zeros_like(weight), torch.zeros_like(weight)) for weight in weights]
    step = 0
    for epoch in range(work.epochs):
        keys = _hash(seeds[:, None], 1 + epoch, torch.arange(len(work.labels), device=device)[None])
        for rows in torch.split(torch.argsort(keys, dim=1, stable=True), work.batch_size, 1):
            gradients = _gradients(weights, rows, _kept(seeds, drops, step, rows.shape[1], work), work)
            _update(weights, gradients, averages, rates * (1 - step / work.steps), step + 1)
            step += 1
    return weights


def logits(weights: Sequence[Tensor], features: Tensor) -> Tensor:
    """What heads say of features ``(n, width)``, without dropout: shape ``(heads, n, classes)``."""
    first, first_bias, second, second_bias = weights
    hidden = functional.relu(features.expand(len(first), -1, -1) @ first + first_bias)
    return hidden @ second + second_bias


def _first_weights(seeds: Tensor, work: Work) -> list[Tensor]:
    """Uniform within one over the root of the inputs, as those of ``nn.Linear``."""
    width, sizes = work.features.shape[1], (work.hidden, work.classes)
    weights, inputs, place = list[Tensor](), width, 0
    for outputs in sizes:
        for rows in (inputs, 1):
            cells = torch.arange(place, place + rows * outputs, device=seeds.device)
            values = (_uniform(seeds[:, None], 0, cells[None]) * 2 - 1) / inputs**0.5
            weights.append(values.reshape(len(seeds), rows, outputs))
            place += rows * outputs
        inputs = outputs
    return weights


def _kept(seeds: Tensor, drops: Tensor, step: int, examples: int, work: Work) -> Tensor:
    """By what hidden values are multiplied: 0 for those that are dropped."""
    cells = torch.arange(examples * work.hidden, device=seeds.device)
    drawn = _uniform(seeds[:, None], -1 - step, cells[None]).reshape(len(seeds), examples, work.hidden)
    return (drawn >= drops) / (1 - drops)


def _gradients(weights: Sequence[Tensor], rows: Tensor, kept: Tensor, work: Work) -> list[Tensor]:
    """Of the mean loss of each head, by hand: every sum over examples is a product of matrices."""
    first, first_bias, second, second_bias = weights
    examples = work.features[rows]
    before = examples @ first + first_bias
    hidden = functional.relu(before) * kept
    chances = torch.softmax(hidden @ second + second_bias, 2)
    targets = functional.one_hot(work.labels[rows], work.classes)
    error = (chances - targets) / rows.shape[1]
    ones = torch.ones_like(error[:, :1, :1]).expand(-1, 1, rows.shape[1])
    behind = (error @ second.mT) * kept * (before > 0)
    return [examples.mT @ behind, ones @ behind, hidden.mT @ error, ones @ error]


def _update(
    weights: Sequence[Tensor],
    gradients: Sequence[Tensor],
    averages: Sequence[tuple[Tensor, Tensor]],
    rates: Tensor,
    step: int,
) -> None:
    """A step of AdamW without decay, of gradients that are clipped head by head."""
    squares = sum(_squares(gradient) for gradient in gradients)
    scale = torch.clamp(_MAX_NORM / (torch.sqrt(torch.as_tensor(squares)) + 1e-6), max=1.0)
    for weight, gradient, (mean, square) in zip(weights, gradients, averages, strict=True):
        clipped = gradient * scale
        mean.mul_(_BETAS[0]).add_(clipped, alpha=1 - _BETAS[0])
        square.mul_(_BETAS[1]).add_(clipped * clipped, alpha=1 - _BETAS[1])
        spread = torch.sqrt(square / (1 - _BETAS[1] ** step)) + _EPS
        weight.sub_(rates * (mean / (1 - _BETAS[0] ** step)) / spread)


def _squares(gradient: Tensor) -> Tensor:
    """The sum of the squares of each head, as a product of a row and a column: shape ``(heads, 1, 1)``."""
    flat = gradient.reshape(len(gradient), 1, -1)
    return flat @ flat.mT


def _uniform(seeds: Tensor, stream: int, cells: Tensor) -> Tensor:
    """Numbers from 0 to 1, of 24 bits, for every seed and cell."""
    return (_hash(seeds, stream, cells) >> 8).to(torch.float32) / (1 << 24)


def _hash(seeds: Tensor, stream: int, cells: Tensor) -> Tensor:
    """32 random bits for every seed and cell, of a stream: the mixing of MurmurHash3, twice."""
    return _mixed(_mixed(seeds * 0x9E3779B1 + stream) + cells * 0x85EBCA77)


def _mixed(value: Tensor) -> Tensor:
    value = value & _BITS
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        value = ((value ^ (value >> shift)) * factor) & _BITS
    return value ^ (value >> 16)
