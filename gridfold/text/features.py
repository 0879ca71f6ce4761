"""The stages of the trainer: tokens, and what a frozen encoder makes of them. They are kept between searches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gridfold.core.process.threads import physical_cores
from gridfold.stages import cache_in_use, stage
from gridfold.text.encoder import PooledEncoder, Tokenizer, TokenRow, encode, encoder_of, load_tokenizer
from gridfold.text.layers import activations
from gridfold.text.pretrained import content_of
from gridfold.text.sentence_model import EncoderSettings
from gridfold.text.tasks import Text


class LazyEncoder:
    """An encoder that is loaded when it is first needed.

    Args:
        model: which, and how it makes vectors.
        device: where it computes.
    """

    def __init__(self, model: EncoderSettings, device: torch.device) -> None:
        self._model = model
        self._device = device

    @classmethod
    def of(cls, model: EncoderSettings, encoder: PooledEncoder) -> LazyEncoder:
        """One that is loaded already."""
        lazy = cls(model, next(encoder.parameters()).device)
        lazy.loaded = encoder
        return lazy

    @cached_property
    def loaded(self) -> PooledEncoder:
        """The encoder."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)  # for weights that a checkpoint lacks, of a pooler that is not used
            return encoder_of(self._model).to(self._device)

    def stage_id(self) -> str:
        """What it is known by."""
        from gridfold.identity.values import of_value  # needed by runs only

        model = self._model
        after = [*([of_value(model.dense)] if model.dense else []), *(["normalized"] if model.normalize else [])]
        return " ".join([content_of(model.name), model.pooling, *after, self._device.type])


class LazyTokenizer:
    """A tokenizer that is loaded when it is first needed.

    Args:
        name: ``model.name``.
        max_length: tokens kept of a text.
        inputs: gives what the encoder takes.
        long_texts: what becomes of texts with more.
        prefix: what every text begins with.
    """

    def __init__(
        self, name: str, max_length: int, inputs: Callable[[], tuple[str, ...]], long_texts: str, prefix: str
    ) -> None:
        self._name = name
        self._inputs = inputs
        self._how = max_length, long_texts, prefix

    @cached_property
    def loaded(self) -> Tokenizer:
        """The tokenizer."""
        return load_tokenizer(self._name, self._inputs(), *self._how)

    def stage_id(self) -> str:
        """What it is known by; the encoder is one of the same files."""
        return f"{content_of(self._name)} {self._how}"


@dataclass(frozen=True, eq=False)
class Tokens(Sequence[TokenRow]):
    """The tokens of some texts, in a form that is small, and fast to load.

    Attributes:
        columns: ``input_ids`` and the like, those of one text after those of another.
        ends: where each text ends.
    """

    columns: Mapping[str, NDArray[np.int32]]
    ends: NDArray[np.int64]

    @classmethod
    def of(cls, rows: Sequence[TokenRow]) -> Tokens:
        """The same, packed."""
        names = rows[0] if rows else ()
        columns = {name: np.concatenate([np.asarray(row[name], np.int32) for row in rows]) for name in names}
        return cls(columns, np.cumsum([len(row["input_ids"]) for row in rows], dtype=np.int64))

    def take(self, rows: Iterable[int]) -> Tokens:
        """Those of some texts."""
        return Tokens.of([self[row] for row in rows])

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[place] for place in range(len(self))[index]]
        place = range(len(self))[index]
        start = self.ends[place - 1] if place else 0
        return {name: column[start : self.ends[place]] for name, column in self.columns.items()}


@stage(any_threads=True)
def tokens_of(tokenizer: LazyTokenizer, texts: Sequence[Text]) -> Tokens:
    """The tokens of texts, or of pairs of texts."""
    return Tokens.of(tokenizer.loaded.rows(texts))


@stage(any_threads=True)
def features_of(encoder: LazyEncoder, tokenizer: LazyTokenizer, tokens: Tokens, batch_size: int) -> NDArray[np.float32]:
    """A vector for each text, shape ``(len(tokens), hidden)``; see ``encode``.

    Each batch is computed by one thread, whatever the number of threads of the run: runs that differ in it share the
    result.
    """
    workers = _workers(encoder.loaded)
    features = encode(encoder.loaded, tokenizer.loaded, tokens, batch_size, workers=workers)
    array: NDArray[np.float32] = features.cpu().numpy()
    return array


@stage
def activations_of(
    encoder: LazyEncoder,
    frozen_layers: int,
    tokenizer: LazyTokenizer,
    tokens: Tokens,
    batch_size: int,
    precision: str | None,
) -> tuple[NDArray[np.uint8], str]:
    """What the first layers make of texts, as bytes and the name of their type; see ``activations``."""
    kept = activations(encoder.loaded, frozen_layers, tokenizer.loaded, tokens, batch_size, precision)
    return kept.view(torch.uint8).numpy(), str(kept.dtype).removeprefix("torch.")


def _workers(encoder: PooledEncoder) -> int:
    """How many batches to compute at a time.

    All cores, where results are kept: of all runs that want this one, a single one computes, and the others wait.
    """
    if next(encoder.parameters()).device.type != "cpu":
        return 0
    return physical_cores() if cache_in_use() else torch.get_num_threads()
