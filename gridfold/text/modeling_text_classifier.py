"""A text classifier: an encoder, one vector a text, and a head of layers of ``torch.nn``.

`gridfold export` puts this file beside the weights where no class of ``transformers`` has such a head, so it imports
nothing but torch and transformers.
"""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput


class TextClassifierConfig(PreTrainedConfig):
    """What the classifier is made of.

    Args:
        encoder: the config of the encoder, with its ``model_type``.
        pooling: how token vectors become one: ``mean`` over the tokens that are not padding, or ``cls``, the first.
        head: layers, each with the name of its class in ``torch.nn`` as ``layer``, and its arguments.
        max_tokens: tokens kept of a text; None for all.
        last_tokens: how many special tokens stand at the end of a text, and are kept when it is cut.
        options: what every config of ``transformers`` has.
    """

    model_type = "gridfold-text-classifier"

    def __init__(
        self,
        encoder: dict[str, Any] | None = None,
        pooling: str = "mean",
        head: list[dict[str, Any]] | None = None,
        max_tokens: int | None = None,
        last_tokens: int = 0,
        **options: Any,
    ) -> None:
        self.encoder = encoder or {}
        self.pooling = pooling
        self.head = head or []
        self.max_tokens = max_tokens
        self.last_tokens = last_tokens
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

        A longer text than the classifier was trained with is cut as it was then.
        """
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        given = {"input_ids": input_ids, "attention_mask": mask, "token_type_ids": token_type_ids}
        tokens = {name: values for name, values in given.items() if values is not None and name in self._inputs}
        tokens = _cut(tokens, mask, self.config.max_tokens, self.config.last_tokens)
        states = self.encoder(**tokens).last_hidden_state.float()
        logits = self.head(_pooled(states, tokens["attention_mask"], self.config.pooling).to(_dtype(self.head)))
        loss = None
        if labels is not None:
            loss = self.loss_function(labels=labels, logits=logits, pooled_logits=logits, config=self.config)
        return SequenceClassifierOutput(loss=loss, logits=logits)


def _layer(said: dict[str, Any]) -> nn.Module:
    options = dict(said)
    layer: nn.Module = getattr(nn, options.pop("layer"))(**options)
    return layer


def _dtype(head: nn.Module) -> torch.dtype:
    return next(head.parameters()).dtype


def _cut(tokens: dict[str, Tensor], mask: Tensor, most: int | None, last: int) -> dict[str, Tensor]:
    """The first tokens of every text, and the special ones at its end."""
    if most is None or mask.shape[1] <= most:
        return tokens
    lengths = mask.sum(dim=1, keepdim=True)
    places = torch.arange(most, device=mask.device).expand(len(mask), most)
    from_end = lengths - most + places
    kept = torch.where((lengths > most) & (places >= most - last), from_end, places)
    return {name: values.gather(1, kept) for name, values in tokens.items()}


def _pooled(states: Tensor, mask: Tensor, pooling: str) -> Tensor:
    """One vector a text."""
    if pooling == "cls":
        return states[:, 0]
    weights = mask.unsqueeze(-1).to(states.dtype)
    return (states * weights).sum(1) / weights.sum(1).clamp(min=1)
