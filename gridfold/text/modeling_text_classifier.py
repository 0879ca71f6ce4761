"""A text classifier: an encoder, one vector a text, and a head of layers of ``torch.nn``.

`gridfold export` puts this file beside the weights where no class of ``transformers`` has such a head, so it imports
nothing but torch and transformers, and the file for pooling that is put there, too.
"""

# mypy: disable-error-code="no-untyped-call,no-any-return"

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput

from .pooling import pooled


class TextClassifierConfig(PreTrainedConfig):
    """What the classifier is made of.

    Args:
        encoder: the config of the encoder, with its ``model_type``.
        pooling: how token vectors become one.
        dense: layers that follow, each with the name of its class in ``torch.nn`` as ``layer``, and its arguments.
        normalize: whether their vector is brought to length 1.
        head: layers, likewise.
        long_texts: what becomes of texts of more than ``most`` tokens: they are cut, but keep their ``first`` and
            ``last`` tokens; or, if ``in_pieces``, they become pieces, each with these, whose vectors are averaged.
            None for a model that is given texts that fit.
        options: what every config of ``transformers`` has.
    """

    model_type = "gridfold-text-classifier"

    def __init__(
        self,
        encoder: dict[str, Any] | None = None,
        *,
        pooling: str = "mean",
        dense: list[dict[str, Any]] | None = None,
        normalize: bool = False,
        head: list[dict[str, Any]] | None = None,
        long_texts: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        self.encoder = encoder or {}
        self.pooling = pooling
        self.dense = dense or []
        self.normalize = normalize
        self.head = head or []
        self.long_texts = long_texts
        super().__init__(**options)


class TextClassifier(PreTrainedModel):
    """Texts as tokens to one logit a label."""

    config_class = TextClassifierConfig
    base_model_prefix = "encoder"
    _supports_sdpa = True

    def __init__(self, config: TextClassifierConfig) -> None:
        super().__init__(config)
        encoder = dict(config.encoder)
        self.encoder = AutoModel.from_config(AutoConfig.for_model(encoder.pop("model_type"), **encoder))
        self.dense = nn.Sequential(*map(_layer, config.dense))
        self.head = nn.Sequential(*map(_layer, config.head))
        self._inputs = set(inspect.signature(self.encoder.forward).parameters)
        self.post_init()

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        labels: Tensor | None = None,
        **_: Any,
    ) -> SequenceClassifierOutput:
        """Logits ``(n, labels)`` for tokens ``(n, length)``, and the loss where there are labels.

        Texts that are longer than the encoder is given at a time become what they were in training.
        """
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        given = {"input_ids": input_ids, "attention_mask": mask, "token_type_ids": token_type_ids}
        tokens = {name: values for name, values in given.items() if values is not None and name in self._inputs}
        vectors = self.dense(self._vectors(tokens | {"attention_mask": mask}))
        if self.config.normalize:
            vectors = functional.normalize(vectors, dim=1)
        logits = self.head(vectors.to(next(self.head.parameters()).dtype))
        loss = None
        if labels is not None:
            loss = self.loss_function(labels=labels, logits=logits, pooled_logits=logits, config=self.config)
        return SequenceClassifierOutput(loss=loss, logits=logits)

    def _vectors(self, tokens: dict[str, Tensor]) -> Tensor:
        """One vector a text: the mean of those of its pieces, in which every token counts alike."""
        mask, how = tokens["attention_mask"], self.config.long_texts
        if how is None or mask.shape[1] <= how["most"]:
            return self._pooled(tokens)
        places, mask = _pieces(mask.sum(dim=1)[:, None, None], **how)
        there = mask.any(dim=-1)
        texts = torch.arange(len(mask), device=mask.device)[:, None, None]
        last = tokens["input_ids"].shape[1] - 1
        found = {name: values[texts, places.clamp(0, last)][there] for name, values in tokens.items()}
        vectors = self._pooled(found | {"attention_mask": mask[there]})
        pieces = vectors.new_zeros(*there.shape, vectors.shape[1])
        pieces[there] = vectors
        counts = mask.sum(dim=-1, keepdim=True).to(vectors.dtype)
        return (pieces * counts).sum(dim=1) / counts.sum(dim=1)

    def _pooled(self, tokens: dict[str, Tensor]) -> Tensor:
        states = self.encoder(**tokens).last_hidden_state.float()
        return pooled(states, tokens["attention_mask"], self.config.pooling)


def _layer(said: dict[str, Any]) -> nn.Module:
    options = dict(said)
    layer: nn.Module = getattr(nn, options.pop("layer"))(**options)
    return layer


def _pieces(lengths: Tensor, *, most: int, first: int, last: int, in_pieces: bool) -> tuple[Tensor, Tensor]:
    """Which tokens each piece of each text has, shape ``(n, pieces, most)``, and where it has some.

    Args:
        lengths: tokens of every text, shape ``(n, 1, 1)``.
        most: tokens of a piece.
        first: tokens of a text that all pieces begin with,
        last: and end with.
        in_pieces: whether there are as many pieces as it takes; else there is one.
    """
    room = most - first - last
    count = int(((lengths - first - last - 1) // room + 1).max()) if in_pieces else 1
    column = torch.arange(most, device=lengths.device)
    start = first + room * torch.arange(max(count, 1), device=lengths.device)[:, None]
    width = (lengths - last - start).clamp(0, room)
    end = lengths - last + column - first - width
    places = torch.where(column < first, column, torch.where(column < first + width, start + column - first, end))
    fits = (lengths <= most) & (start == first)  # and is the first piece as it is
    mask = torch.where(fits, column < lengths, (column < first + width + last) & (width > 0))
    return torch.where(fits, column, places), mask.long()
