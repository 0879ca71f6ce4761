"""The encoder: texts to tokens, tokens to one vector a text."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoModel, AutoTokenizer

from gridfold.core.errors import ConfigError
from gridfold.text.dense import load_dense
from gridfold.text.linear import use_fastest_linear
from gridfold.text.long_texts import HEAD_TAIL, TRUNCATE, fitted
from gridfold.text.packing import Packing
from gridfold.text.pooling import pooled
from gridfold.text.pretrained import quiet, reference
from gridfold.text.sentence_model import DenseLayer, EncoderSettings
from gridfold.text.tasks import Text
from gridfold.text.workers import each

TokenRow: TypeAlias = "Mapping[str, list[int] | NDArray[np.int32]]"
"""The tokens of one text: ``input_ids``, ``attention_mask`` and, of some models, ``token_type_ids``.

Where there are more than ``max_length``, every ``max_length`` of them are a piece of a long text.
"""

_BUCKET = 32
_PADDED_WITH = {"input_ids": "pad_token_id", "attention_mask": "", "token_type_ids": "pad_token_type_id"}


class PooledEncoder(nn.Module):
    """A pretrained encoder whose token states become one vector a text.

    Args:
        model: gives ``last_hidden_state``, of shape ``(n, tokens, hidden)``.
        pooling: how, as `pooled` takes it.
        dense: what comes after it; None for nothing.
        normalize: whether every vector is then brought to length 1.

    Attributes:
        packing: how texts are learned from without their padding on a CPU; None to compute it, too.
    """

    def __init__(
        self, model: nn.Module, pooling: str, dense: nn.Sequential | None = None, *, normalize: bool = False
    ) -> None:
        super().__init__()
        self.model = model
        self.pooling = pooling
        self.dense = dense or nn.Sequential()
        self.normalize = normalize
        self.packing: Packing | None = None

    @property
    def hidden_size(self) -> int:
        """Columns of the result."""
        if len(self.dense):
            return int(self.dense[-2].out_features)  # type: ignore[arg-type]
        return int(self.model.config.hidden_size) * len(self.pooling.split("+"))  # type: ignore[union-attr, arg-type]

    @property
    def inputs(self) -> tuple[str, ...]:
        """Which of a tokenizer's outputs the model takes."""
        known = set(inspect.signature(self.model.forward).parameters)
        if getattr(self.model.config, "type_vocab_size", 2) < 2:
            known.discard("token_type_ids")  # the model knows one type only, or none
        return tuple(name for name in ("input_ids", "attention_mask", "token_type_ids") if name in known)

    def forward(self, **tokens: Tensor) -> Tensor:
        """Vectors of shape ``(n, hidden)`` for tokens of shape ``(n, tokens)``, in float32.

        Of long texts in pieces, with tokens of shape ``(n, pieces, tokens)``, it is the mean over the pieces, in which
        every token counts alike.
        """
        vectors = self.dense(self._vectors(tokens)).float()
        return functional.normalize(vectors, dim=1) if self.normalize else vectors

    def _vectors(self, tokens: Mapping[str, Tensor]) -> Tensor:
        mask = tokens["attention_mask"]
        if mask.dim() == 2:
            return self._pooled(tokens)
        there = mask.any(-1)
        vectors = self._pooled({name: values[there] for name, values in tokens.items()})
        pieces = vectors.new_zeros(*there.shape, vectors.shape[1])
        pieces[there] = vectors
        counts = mask.sum(-1, keepdim=True).to(vectors.dtype)
        return (pieces * counts).sum(1) / counts.sum(1)

    def _pooled(self, tokens: Mapping[str, Tensor]) -> Tensor:
        mask = tokens["attention_mask"]
        if self.training and self.packing and mask.device.type == "cpu":
            states = self.packing.states(self.model, tokens).float()
        else:
            states = self.model(**tokens).last_hidden_state.float()
        return pooled(states, mask, self.pooling)


def load_encoder(
    name: str, pooling: str, dense: Sequence[DenseLayer] = (), *, normalize: bool = False
) -> PooledEncoder:
    """A model and what comes after it, in float32 and eval mode; ``ConfigError`` if it cannot be loaded.

    A checkpoint stored in half precision is widened: trained as it is stored, it would diverge.
    """
    model = _load(AutoModel, name).float().eval()
    use_fastest_linear(model)
    return PooledEncoder(model, pooling, load_dense(dense), normalize=normalize)


def encoder_of(model: EncoderSettings) -> PooledEncoder:
    """The encoder that settings describe; see `load_encoder`."""
    return load_encoder(model.name, model.pooling, model.dense, normalize=bool(model.normalize))


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
        max_length: tokens that the encoder is given at a time.
        long_texts: what becomes of texts with more, as `DataSettings.long_texts` says.
        prefix: what every text begins with.
    """

    base: Any
    inputs: tuple[str, ...]
    max_length: int
    long_texts: str = TRUNCATE
    prefix: str = ""

    def rows(self, texts: Sequence[Text]) -> list[TokenRow]:
        """The tokens of every text, or pair of texts, not padded."""
        sides = [[self.prefix + text for text in side] for side in _sides(texts)]
        if self.long_texts == TRUNCATE:
            columns = self.base(*sides, truncation=True, max_length=self.max_length)
        else:
            columns = fitted(self.base, sides, self.max_length, head_tail=self.long_texts == HEAD_TAIL)
        names = [name for name in self.inputs if name in columns]
        return [{name: columns[name][index] for name in names} for index in range(len(texts))]

    def pad(self, rows: Sequence[TokenRow], width: int) -> dict[str, Tensor]:
        """A batch of shape ``(n, width)``; of shape ``(n, pieces, max_length)`` if ``width`` is more than that."""
        padded = self.padded(width)
        return self.in_pieces({name: self._filled(name, [row[name] for row in rows], padded) for name in rows[0]})

    def _filled(self, name: str, rows: Sequence[list[int] | NDArray[np.int32]], width: int) -> Tensor:
        """Rows in a tensor of a width, filled up with what the tokenizer pads them with, on its side."""
        values = np.full((len(rows), width), getattr(self.base, _PADDED_WITH[name], 0) or 0, dtype=np.int64)
        for place, row in zip(values, rows, strict=True):
            side = slice(len(row)) if self.base.padding_side == "right" else slice(width - len(row), None)
            place[side] = row
        return torch.from_numpy(values)

    def padded(self, width: int) -> int:
        """The width of a batch: that of whole pieces, if it is more than ``max_length``."""
        return width if width <= self.max_length else -(-width // self.max_length) * self.max_length

    def in_pieces(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """A batch of shape ``(n, width, ...)``, of long texts as ``(n, pieces, max_length, ...)``."""
        if batch["attention_mask"].shape[1] <= self.max_length:
            return batch
        return {
            name: values.view(len(values), -1, self.max_length, *values.shape[2:]) for name, values in batch.items()
        }

    def batches(self, rows: Sequence[TokenRow], batch_size: int) -> Iterator[tuple[list[int], dict[str, Tensor]]]:
        """Batches in a canonical order, each with the places of its rows.

        A text is padded to a multiple of 32 tokens that depends on its own length alone: padded to its
        neighbours' it would get a vector that differs in the last bits. The longest texts come first: if they do not
        fit into memory, it shows at once. A piece of a long text counts as a text.
        """
        by_width: dict[int, list[int]] = {}
        for index in sorted(range(len(rows)), key=lambda row: (len(rows[row]["input_ids"]), row)):
            length = len(rows[index]["input_ids"])
            width = self.padded(length) if length > self.max_length else min(_bucket(length), self.max_length)
            by_width.setdefault(width, []).append(index)
        for width, indices in reversed(by_width.items()):
            size = max(1, batch_size // -(-width // self.max_length))
            for start in range(0, len(indices), size):
                batch = indices[start : start + size]
                yield batch, self.pad([rows[index] for index in batch], width)


def _bucket(length: int) -> int:
    return -(-length // _BUCKET) * _BUCKET


def _sides(texts: Sequence[Text]) -> list[list[str]]:
    """The texts as one list; of pairs, the first of each and the second of each."""
    if texts and not isinstance(texts[0], str):
        return [[pair[side] for pair in texts] for side in range(2)]
    return [list(texts)]  # type: ignore[arg-type]


def load_tokenizer(
    name: str, inputs: tuple[str, ...], max_length: int, long_texts: str = TRUNCATE, prefix: str = ""
) -> Tokenizer:
    """The tokenizer of ``model.name``; ``ConfigError`` if it cannot be loaded.

    It pads on the right, whatever its files say: padding on the left would move a text's positions.
    """
    base = _load(AutoTokenizer, name)
    base.padding_side = "right"
    return Tokenizer(base, inputs, max_length, long_texts, prefix)


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
