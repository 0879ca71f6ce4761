"""The lower layers of an encoder, frozen: what they make of each text is computed once, the layers above learn from it.

Frozen layers are in eval mode: without dropout, what comes out of them is a constant of the text.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import torch
from torch import Tensor, nn

from gridfold.core.errors import ConfigError
from gridfold.text.encoder import PooledEncoder, Tokenizer, TokenRow, autocast
from gridfold.text.pretrained import check_frozen_layers

_STATES = "inputs_embeds"  # by this name the models of transformers take vectors in place of tokens


def activations(
    encoder: PooledEncoder,
    frozen_layers: int,
    tokenizer: Tokenizer,
    rows: Sequence[TokenRow],
    batch_size: int,
    precision: str | None = None,
) -> Tensor:
    """What the embeddings and the first layers of an encoder make of texts.

    Like `encode`, it computes in eval mode, in batches of a canonical order, each text padded to a width that depends
    on its own length alone.

    Args:
        encoder: left in eval mode.
        frozen_layers: how many layers, 1 or more.
        tokenizer: pads the rows.
        rows: tokens, as `Tokenizer.rows` gives them.
        batch_size: texts a forward pass, at most. It does not change the result.
        precision: ``bf16`` or ``fp16`` to run under autocast, None for float32.

    Returns:
        A vector for every token that is not padding, those of one text after those of another in the order of
        ``rows``: shape ``(tokens, hidden)``, on the CPU.

    Raises:
        ConfigError: the encoder has too few layers, or none that can be told apart.
    """
    encoder.eval()
    device = next(encoder.parameters()).device
    ends = list(itertools.accumulate(len(row["input_ids"]) for row in rows))
    values = torch.empty(0)
    with torch.no_grad(), autocast(device, precision):
        for indices, batch in tokenizer.batches(rows, batch_size):
            states = _boundary(encoder, frozen_layers, {name: tokens.to(device) for name, tokens in batch.items()})
            if not len(values):
                values = torch.empty(ends[-1], states.shape[2], dtype=states.dtype)
            mask = batch["attention_mask"].bool()
            mask = mask[mask.any(-1)].to(device)  # of long texts, the pieces that there are
            if states.shape[:2] != mask.shape:
                raise _refused(encoder.model)  # XLNet has tokens first, texts second
            lengths = [len(rows[index]["input_ids"]) for index in indices]
            for index, length, text in zip(indices, lengths, states[mask].split_with_sizes(lengths), strict=True):
                values[ends[index] - length : ends[index]] = text
    return values


def with_activations(rows: Iterable[TokenRow], values: Tensor) -> list[TokenRow]:
    """Rows of tokens that hold their activations, too, as `ActivationPadding` takes them."""
    rows = list(rows)
    texts = values.split_with_sizes([len(row["input_ids"]) for row in rows])
    return [{**row, _STATES: states} for row, states in zip(rows, texts, strict=True)]  # type: ignore[dict-item]


@dataclass(frozen=True)
class ActivationPadding(Tokenizer):
    """A tokenizer whose batches hold the activations of the texts in place of their tokens."""

    def pad(self, rows: Sequence[TokenRow], width: int) -> dict[str, Tensor]:
        """A batch of shape ``(n, width, hidden)`` with its mask; of long texts in pieces, as `Tokenizer.pad` has it."""
        texts: list[Any] = [row[_STATES] for row in rows]
        padded = self.padded(width)
        states = texts[0].new_zeros(len(texts), padded, texts[0].shape[1])
        mask = torch.zeros(len(texts), padded, dtype=torch.long)
        for index, text in enumerate(texts):
            states[index, : len(text)] = text
            mask[index, : len(text)] = 1
        return self.in_pieces({_STATES: states, "attention_mask": mask})


def above(encoder: PooledEncoder, frozen_layers: int) -> PooledEncoder:
    """The encoder without its embeddings and first layers: it takes their activations.

    Its weights are those of ``encoder``, which is trained when it is. Of those, all that the frozen layers use no
    longer require a gradient: what they share with layers above is frozen, too, such as the relative positions of
    DeBERTa.

    Raises:
        ConfigError: the encoder has too few layers, or none that can be told apart.
    """
    model: Any = encoder.model
    layers = layers_of(model, frozen_layers)
    # The config, too: the layers, which are not copied, read from it how they attend.
    kept = {id(part): part for part in [*model.parameters(), *model.buffers(), model.config]}
    # What deepcopy finds here it does not copy.
    upper: dict[int, Any] = {
        id(layers): nn.ModuleList(layers[frozen_layers:]),
        id(model.embeddings): _Given(model.embeddings, model.get_input_embeddings()),
    }
    if hasattr(model, "embeddings_project"):  # of ELECTRA
        upper[id(model.embeddings_project)] = nn.Identity()
    upper_model = copy.deepcopy(model, {**kept, **upper})
    top = PooledEncoder(upper_model, encoder.pooling, encoder.dense, normalize=encoder.normalize)
    top.packing = encoder.packing
    module: Any
    for module in top.modules():
        if upper[id(layers)] in module.children() and hasattr(module, "conv"):
            module.conv = None  # of some DeBERTas, between the first layer and the second
    _freeze_and_check(encoder, top, frozen_layers)
    return top


def below_and_layers(encoder: PooledEncoder) -> list[list[nn.Parameter]] | None:
    """The weights that the first layer takes what it computes from, then those of each layer, the lowest first.

    Those below are the embeddings, and what several layers share, such as the relative positions of DeBERTa. None if
    the layers cannot be told apart.
    """
    layers = _find_layers(encoder.model)
    if layers is None:
        return None
    parts = [list(layer.parameters()) for layer in layers]
    own = {id(weight) for part in parts for weight in part}
    others = [weight for weight in encoder.parameters() if weight.requires_grad and id(weight) not in own]
    try:
        states = _boundary(encoder.eval(), min(1, len(layers) - 1), _probe(encoder))
    except ConfigError:
        return None
    trained_below = others and states.requires_grad  # not beside adapters, which are of the layers
    gradients = torch.autograd.grad(states.sum(), others, allow_unused=True) if trained_below else [None] * len(others)
    below = [weight for weight, gradient in zip(others, gradients, strict=True) if gradient is not None]
    return [below, *parts]


class _Given(nn.Module):
    """In the place of the embeddings: what is given for them.

    Args:
        embeddings: in whose place it is.
        tokens: the part of them that transformers hooks for the gradient of recomputed activations.
    """

    def __init__(self, embeddings: nn.Module, tokens: nn.Module) -> None:
        super().__init__()
        self._hooked = next((name for name, part in embeddings.named_children() if part is tokens), "word_embeddings")
        self.add_module(self._hooked, nn.Identity())

    def forward(self, _: None = None, inputs_embeds: Tensor | None = None, *__: Any, **___: Any) -> Tensor:
        """Whatever a model calls it with: the vectors are second, or go by this name."""
        states: Tensor = self.get_submodule(self._hooked)(inputs_embeds)
        return states


class _BoundaryReachedError(Exception):
    """The layer that is not frozen is about to compute."""

    def __init__(self, states: Tensor) -> None:
        super().__init__()
        self.states = states


def _boundary(encoder: PooledEncoder, frozen_layers: int, tokens: dict[str, Tensor]) -> Tensor:
    """What the first layer above is given, of shape ``(n, tokens, hidden)``; of an encoder whose layers are known."""

    def stop(_layer: nn.Module, args: tuple[Any, ...], options: dict[str, Any]) -> NoReturn:
        raise _BoundaryReachedError(args[0] if args else options["hidden_states"])

    layers = _find_layers(encoder.model)
    if layers is None:
        raise _refused(encoder.model)
    hook = layers[frozen_layers].register_forward_pre_hook(stop, with_kwargs=True)
    try:
        encoder(**tokens)
    except _BoundaryReachedError as reached:
        return reached.states
    finally:
        hook.remove()
    raise _refused(encoder.model)


def layers_of(model: nn.Module, frozen_layers: int) -> nn.ModuleList:
    """The layers of an encoder; ``ConfigError`` if so many cannot be frozen."""
    check_frozen_layers(frozen_layers, _count(model))
    layers = _find_layers(model)
    if layers is None or not isinstance(getattr(model, "embeddings", None), nn.Module):
        raise _refused(model)
    return layers


def _find_layers(model: nn.Module) -> nn.ModuleList | None:
    count = _count(model)
    found = (module for module in model.modules() if isinstance(module, nn.ModuleList) and len(module) == count)
    return next(found, None)


def _count(model: nn.Module) -> int:
    return int(getattr(model.config, "num_hidden_layers", 0))


def _probe(encoder: PooledEncoder) -> dict[str, Tensor]:
    """One text of some tokens."""
    tokens = torch.arange(1, 9, device=next(encoder.parameters()).device)[None]
    return {"input_ids": tokens, "attention_mask": torch.ones_like(tokens)}


def _freeze_and_check(encoder: PooledEncoder, top: PooledEncoder, frozen_layers: int) -> None:
    probe = _probe(encoder)
    states = _boundary(encoder.eval(), frozen_layers, probe)
    weights = [weight for weight in encoder.parameters() if weight.requires_grad]
    if states.requires_grad:  # beside adapters nothing of the layers is trained
        gradients = torch.autograd.grad(states.sum(), weights, allow_unused=True)
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.requires_grad_(gradient is None)
    with torch.no_grad():
        whole = encoder(**probe)
        try:
            parts = top.eval()(**{_STATES: states.detach(), "attention_mask": probe["attention_mask"]})
        except (IndexError, TypeError, ValueError) as error:  # it counts its layers, or passes more on than states
            raise _refused(encoder.model) from error
    if not torch.allclose(whole, parts, rtol=1e-3, atol=1e-4):
        raise _refused(encoder.model)


def _refused(model: nn.Module) -> ConfigError:
    problem = f"some layers of a {type(model).__name__} cannot be frozen without the others"
    hint = "leave it out, or freeze the whole encoder: freeze_encoder: true"
    return ConfigError(problem, path="model.frozen_layers", hint=hint)
