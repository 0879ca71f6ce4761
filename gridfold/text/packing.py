"""Training batches without padding.

The tokens of all texts of a batch are one row, so that nothing is computed for padding; each text attends to itself
alone. ``transformers`` lets a model be given such an attention by name. Whether a model can be trained like this, it
shows on an example: what it makes of packed texts must be what it makes of padded ones.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional
from transformers import AttentionInterface, TrainingArguments

from gridfold.text.dropout import Dropped

_NAME = "gridfold_packed"
_LENGTHS = (90, 3, 40)  # tokens of the texts of the example


def can_pack(padding: str, args: TrainingArguments) -> bool:
    """Whether a training computes the same without padding.

    The noise on the embeddings depends on the padding, and activations are computed again when the attention is
    another one. Who asks for texts of one length, or for compiled code, has them.
    """
    is_as_asked = padding != "max_length" and not args.torch_compile
    return is_as_asked and not args.gradient_checkpointing and not args.neftune_noise_alpha


@dataclass(frozen=True)
class Packing:
    """How a model is given packed texts.

    Attributes:
        first_position: the position of a text's first token.
    """

    first_position: int

    @classmethod
    def of(cls, model: nn.Module) -> Packing | None:
        """How, or None if the model, which is in eval mode, cannot be given them."""
        if not getattr(model, "_supports_attention_backend", False):
            return None
        padding = getattr(model.config, "pad_token_id", None)
        # In the family of RoBERTa, positions begin after the id of padding.
        candidates = [0] if padding is None else [0, padding + 1]
        return next((cls(first) for first in candidates if cls(first)._fits(model)), None)

    def states(self, model: nn.Module, tokens: Mapping[str, Tensor]) -> Tensor:
        """What a model makes of each token.

        Args:
            model: in whatever mode.
            tokens: of shape ``(n, width)``, or, in place of ``input_ids``, vectors of shape ``(n, width, hidden)``.

        Returns:
            Shape ``(n, width, hidden)``, 0 where there is padding.
        """
        mask = tokens["attention_mask"].bool()
        packed = {name: values[mask][None] for name, values in tokens.items() if name != "attention_mask"}
        positions = (mask.cumsum(1) - 1)[mask][None] + self.first_position
        ends = functional.pad(mask.sum(1).cumsum(0), (1, 0))
        with _attention(model.config):
            states = model(**packed, position_ids=positions, cu_seq_lens_q=ends).last_hidden_state[0]
        padded: Tensor = states.new_zeros(*mask.shape, states.shape[1]).index_put((mask,), states)
        return padded

    def _fits(self, model: nn.Module) -> bool:
        tokens = _example(model)
        mask = tokens["attention_mask"].bool()
        try:
            with torch.no_grad():
                padded, packed = model(**tokens).last_hidden_state, self.states(model, tokens)
        except Exception:  # there is no end to what a model raises that knows no such texts
            return False
        return torch.allclose(padded[mask], packed[mask], rtol=1e-3, atol=1e-5)


@contextlib.contextmanager
def _attention(config: Any) -> Iterator[None]:
    before = config._attn_implementation
    config._attn_implementation = _NAME
    try:
        yield
    finally:
        config._attn_implementation = before


def _example(model: nn.Module) -> dict[str, Tensor]:
    """Some texts of different lengths, padded."""
    config: Any = model.config
    longest = min(_LENGTHS[0], getattr(config, "max_position_embeddings", _LENGTHS[0]) - 2)
    lengths = torch.tensor([min(length, longest) for length in _LENGTHS])
    mask = torch.arange(longest) < lengths[:, None]
    padding = getattr(config, "pad_token_id", None) or 0
    ids = (torch.arange(mask.numel()).view(mask.shape) * 7 + 1) % config.vocab_size
    ids = ids.where(ids != padding, (padding + 1) % config.vocab_size)
    return {"input_ids": ids.where(mask, padding), "attention_mask": mask.long()}


def _attend(  # noqa: PLR0913, PLR0917 (the signature of transformers)
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,  # noqa: ARG001 (None: each text attends to all of itself)
    dropout: float = 0.0,
    scaling: float | None = None,
    sliding_window: int | None = None,
    cu_seq_lens_q: Tensor | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """Attention of packed texts, as ``transformers`` calls it: of shape ``(1, heads, tokens, size)``."""
    if cu_seq_lens_q is None or query.shape != key.shape or getattr(module, "is_causal", False):
        raise NotImplementedError("attention of another kind")
    ends = cu_seq_lens_q.tolist()
    texts = list(itertools.pairwise(ends))
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    if query.dtype == torch.float32:
        kind = _Kind(texts, scale, Dropped(dropout) if dropout else None, sliding_window)
        values = _Attention.apply(query[0], key[0], value[0], kind)  # type: ignore[no-untyped-call]
        return values.transpose(0, 1)[None], None
    lengths = [end - start for start, end in texts]
    parts = zip(*(states.split_with_sizes(lengths, 2) for states in (query, key, value)), strict=True)
    attended = [
        functional.scaled_dot_product_attention(q, k, v, _near(q.shape[2], sliding_window), dropout, scale=scale)
        for q, k, v in parts
    ]
    return torch.cat(attended, 2).transpose(1, 2), None


def _near(length: int, window: int | None) -> Tensor | None:
    """Which tokens of a text attend to which, ``(length, length)``; None if all do to all."""
    if window is None or length <= window:
        return None
    places = torch.arange(length)
    return (places[:, None] - places).abs() < window


AttentionInterface.register(_NAME, _attend)


@dataclass(frozen=True)
class _Kind:
    """What attention is asked for.

    Attributes:
        texts: where each begins and ends.
        scale: of the scores.
        dropped: which weights are dropped, or None.
        window: how far tokens attend to others, less one, or None.
    """

    texts: Sequence[tuple[int, int]]
    scale: float
    dropped: Dropped | None
    window: int | None


class _Attention(torch.autograd.Function):
    """Attention of each text to itself. What is computed at a time is small enough for the processor's cache."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, kind: _Kind) -> Tensor:
        result, kept = torch.empty_like(query), []
        for start, end in kind.texts:
            scores = torch.bmm(query[:, start:end], key[:, start:end].transpose(1, 2)).mul_(kind.scale)
            if (near := _near(end - start, kind.window)) is not None:
                scores.masked_fill_(~near, -torch.inf)
            weights = torch.softmax(scores, 2)
            kept.append(weights)
            if kind.dropped:
                kept.append(kind.dropped.draw(weights.shape))
                weights = kind.dropped.factors(kept[-1], weights.dtype).mul_(weights)
            torch.bmm(weights, value[:, start:end], out=result[:, start:end])
        ctx.save_for_backward(query, key, value, *kept)
        ctx.kind = kind
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, *kept = ctx.saved_tensors
        kind, remembered = ctx.kind, iter(kept)
        by_query, by_key, by_value = (torch.empty_like(states) for states in (query, key, value))
        for start, end in kind.texts:
            weights, out = next(remembered), gradient[:, start:end]
            factors = kind.dropped.factors(next(remembered), weights.dtype) if kind.dropped else None
            used = weights if factors is None else weights * factors
            torch.bmm(used.transpose(1, 2), out, out=by_value[:, start:end])
            by_weights = torch.bmm(out, value[:, start:end].transpose(1, 2))
            if factors is not None:
                by_weights.mul_(factors)
            by_scores = torch._softmax_backward_data(by_weights, weights, 2, weights.dtype).mul_(kind.scale)
            torch.bmm(by_scores, key[:, start:end], out=by_query[:, start:end])
            torch.bmm(by_scores.transpose(1, 2), query[:, start:end], out=by_key[:, start:end])
        return by_query, by_key, by_value, None
