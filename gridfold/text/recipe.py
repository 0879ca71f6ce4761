"""What is learned from, and in which batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset
from transformers import TrainingArguments

from gridfold.text.encoder import Tokenizer, TokenRow
from gridfold.text.loss import Loss
from gridfold.text.tasks import Targets


@dataclass(frozen=True)
class TokenizedExamples:
    """Tokens of the training examples with what is to be predicted of them, and of the validation examples."""

    train: Sequence[TokenRow]
    targets: Targets
    validation: Sequence[TokenRow]


@dataclass(frozen=True)
class Recipe:
    """What is learned from, and how.

    Attributes:
        examples: training and validation examples.
        tokenizer: pads them.
        padding: how long the texts of a training batch become, as `TrainingSettings.padding` says.
        args: the rest of how, as ``transformers`` takes it.
        loss: what is made small.
    """

    examples: TokenizedExamples
    tokenizer: Tokenizer
    padding: str
    args: TrainingArguments
    loss: Loss

    def batch(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
        """A training batch of rows of tokens, each with what is to be predicted of it as its ``labels``."""
        labels = torch.tensor([row["labels"] for row in rows])
        tokens = [{name: row[name] for name in row if name != "labels"} for row in rows]
        longest = max(len(row["input_ids"]) for row in rows)
        width = self.tokenizer.max_length if self.padding == "max_length" else longest
        return {**self.tokenizer.pad(tokens, width), "labels": labels}


class LabelledRows(Dataset[dict[str, Any]]):
    """The training examples one by one. They stay arrays: every process that looks at a Python object copies it."""

    def __init__(self, examples: TokenizedExamples) -> None:
        self._rows = examples.train
        self._targets = examples.targets

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {**self._rows[index], "labels": self._targets[index].tolist()}


def normalizes_batches(module: nn.Module) -> bool:
    """Whether a layer makes of an example something that depends on the others of its batch."""
    return isinstance(module, nn.modules.batchnorm._BatchNorm)


def pieces(batch: Mapping[str, Tensor], size: int, most_tokens: int | None) -> Iterator[dict[str, Tensor]]:
    """A batch in as few micro-batches as it takes, of even sizes: one example alone is more than some heads can do.

    Args:
        batch: columns of a row for each example.
        size: examples of a micro-batch, at most.
        most_tokens: tokens of a micro-batch, at most, where texts are of one length; None for any number.
    """
    rows, mask = len(batch["labels"]), batch["attention_mask"]
    count = -(-rows // size)
    if most_tokens is not None:
        count = max(count, min(rows, -(-int(mask.sum()) // most_tokens)))
    columns = {name: torch.tensor_split(column, count) for name, column in batch.items()}
    for index in range(count):
        yield {name: parts[index] for name, parts in columns.items()}
