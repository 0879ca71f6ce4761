"""The encoder: texts to tokens, tokens to one vector a text."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from transformers import AutoModel, AutoTokenizer, DataCollatorWithPadding

from gridfold.core.errors import ConfigError
from gridfold.text.pretrained import quiet, reference
from gridfold.text.workers import each

TokenRow: TypeAlias = Mapping[str, list[int]]
"""The tokens of one text: ``input_ids``, ``attention_mask`` and, of some models, ``token_type_ids``."""

_BUCKET = 32


class PooledEncoder(nn.Module):
    """A pretrained encoder whose token states become one vector a text.

    Args:
        model: gives ``last_hidden_state``, of shape ``(n, tokens, hidden)``.
        pooling: ``mean`` over the tokens that are not padding, or ``cls``, the first token.
    """

    def __init__(self, model: nn.Module, pooling: str) -> None:
        super().__init__()
        self.model = model
        self.pooling = pooling

    @property
    def hidden_size(self) -> int:
        """Columns of the result."""
        return int(self.model.config.hidden_size)  # type: ignore[union-attr, arg-type]

    @property
    def inputs(self) -> tuple[str, ...]:
        """Which of a tokenizer's outputs the model takes."""
        known = inspect.signature(self.model.forward).parameters
        return tuple(name for name in ("input_ids", "attention_mask", "token_type_ids") if name in known)

    def forward(self, **tokens: Tensor) -> Tensor:
        """Vectors of shape ``(n, hidden)`` for tokens of shape ``(n, tokens)``, in float32."""
        states = self.model(**tokens).last_hidden_state.float()
        if self.pooling == "cls":
            return states[:, 0]  # type: ignore[no-any-return]
        mask = tokens["attention_mask"].unsqueeze(-1).to(states.dtype)
        return (states * mask).sum(1) / mask.sum(1).clamp(min=1)  # type: ignore[no-any-return]


def load_encoder(name: str, pooling: str) -> PooledEncoder:
    """The encoder of ``model.name``, in float32 and eval mode; ``ConfigError`` if it cannot be loaded.

    A checkpoint stored in half precision is widened: trained as it is stored, it would diverge.
    """
    return PooledEncoder(_load(AutoModel, name).float().eval(), pooling)


def _load(kind: Any, name: str) -> Any:
    with quiet():
        try:
            return kind.from_pretrained(reference(name))
        except (OSError, ValueError, ImportError) as error:
            reason = str(error).strip().splitlines() or [type(error).__name__]
            raise ConfigError(f"model '{name}' cannot be loaded: {reason[0]}", path="model.name") from error


@dataclass(frozen=True)
class Tokenizer:
    """Texts to tokens, and tokens to padded batches.

    Attributes:
        base: the tokenizer of ``transformers``.
        inputs: which of its outputs the encoder takes.
        max_length: tokens kept of a text.
    """

    base: Any
    inputs: tuple[str, ...]
    max_length: int

    def rows(self, texts: Sequence[str]) -> list[TokenRow]:
        """The tokens of every text, not padded."""
        columns = self.base(list(texts), truncation=True, max_length=self.max_length)
        names = [name for name in self.inputs if name in columns]
        return [{name: columns[name][index] for name in names} for index in range(len(texts))]

    def pad(self, rows: Sequence[TokenRow], width: int) -> dict[str, Tensor]:
        """A batch of shape ``(n, width)``."""
        collate = DataCollatorWithPadding(self.base, padding="max_length", max_length=width)
        return dict(collate([dict(row) for row in rows]))

    def batches(self, rows: Sequence[TokenRow], batch_size: int) -> Iterator[tuple[list[int], dict[str, Tensor]]]:
        """Batches in a canonical order, each with the places of its rows.

        A text is padded to a multiple of 32 tokens that depends on its own length alone: padded to its
        neighbours' it would get a vector that differs in the last bits. The longest texts come first: if they do not
        fit into memory, it shows at once.
        """
        by_width: dict[int, list[int]] = {}
        for index in sorted(range(len(rows)), key=lambda row: (len(rows[row]["input_ids"]), row)):
            width = min(-(-len(rows[index]["input_ids"]) // _BUCKET) * _BUCKET, self.max_length)
            by_width.setdefault(width, []).append(index)
        for width, indices in reversed(by_width.items()):
            for start in range(0, len(indices), batch_size):
                batch = indices[start : start + batch_size]
                yield batch, self.pad([rows[index] for index in batch], width)


def load_tokenizer(name: str, inputs: tuple[str, ...], max_length: int) -> Tokenizer:
    """The tokenizer of ``model.name``; ``ConfigError`` if it cannot be loaded."""
    return Tokenizer(_load(AutoTokenizer, name), inputs, max_length)


def encode(
    encoder: PooledEncoder,
    tokenizer: Tokenizer,
    rows: Sequence[TokenRow],
    batch_size: int,
    precision: str | None = None,
    workers: int = 0,
    encoded: Callable[[int], object] = lambda _: None,
) -> Tensor:
    """One vector a text, computed in eval mode and without gradients.

    The one way in which texts are encoded where nothing is learned: for a frozen encoder, for the validation of one
    that is trained, and for the predictions of a saved run, which therefore agree.

    Args:
        encoder: left in eval mode.
        tokenizer: pads the rows.
        rows: tokens, as `Tokenizer.rows` gives them.
        batch_size: texts a forward pass, at most.
        precision: ``bf16`` or ``fp16`` to run under autocast, None for float32.
        workers: how many batches to compute at a time, each by one CPU thread, which gives the same bits for any
            number; 0 for one at a time, by as many threads as torch has.
        encoded: is told after every batch how many texts were in it.

    Returns:
        A float32 tensor ``(len(rows), hidden)`` on the encoder's device, in the order of ``rows``.
    """
    encoder.eval()
    device = next(encoder.parameters()).device
    features = torch.empty(len(rows), encoder.hidden_size, device=device)

    def fill(batch: tuple[list[int], dict[str, Tensor]]) -> None:
        indices, tokens = batch
        with torch.no_grad(), autocast(device, precision):
            features[indices] = encoder(**{name: values.to(device) for name, values in tokens.items()}).float()
        encoded(len(indices))

    each(fill, tokenizer.batches(rows, batch_size), workers)
    return features


def autocast(device: torch.device, precision: str | None) -> torch.autocast:
    """Mixed precision as training used it, or none."""
    dtype = torch.float16 if precision == "fp16" else torch.bfloat16
    return torch.autocast(device.type, dtype=dtype, enabled=precision is not None)


def run_device(*, use_cpu: bool) -> torch.device:
    """Where a run computes: the GPU if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() and not use_cpu else "cpu")
