"""What a person should know of the data of a search before its first run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from gridfold.text.data import Dataset, loaded, stamps
from gridfold.text.data_settings import DataSettings, read_data, read_fold
from gridfold.text.long_texts import CHUNK_MEAN, HEAD_TAIL, TRUNCATE
from gridfold.text.section import LazyConfig
from gridfold.text.settings import read_model
from gridfold.text.tasks import Task, Text, named
from gridfold.trainers.protocol import Remark

_LOOKED_AT = 2_000  # texts, at most
_WHAT_BECOMES = {
    TRUNCATE: "their ends are cut",
    HEAD_TAIL: "their middles are cut",
    CHUNK_MEAN: "they are read in pieces",
}


def remarks_on(config: LazyConfig) -> tuple[Remark, ...]:
    """The task, the examples, how many of their texts are long, and what is odd."""
    model, data = read_model(config), read_fold(config, read_data(config))
    return _remarks(model.name, model.prefix, data, stamps(data))


@lru_cache(maxsize=64)
def _remarks(model: str, prefix: str, settings: DataSettings, stamps: tuple[Any, ...]) -> tuple[Remark, ...]:
    data = loaded(settings, stamps)
    facts = [_task(data.task, settings), *_long(model, prefix, settings, data)]
    return tuple(map(Remark, facts)) + tuple(Remark(doubt, is_warning=True) for doubt in data.doubts)


def _task(task: Task, settings: DataSettings) -> str:
    how = "" if settings.task else " (by the labels; data.task says otherwise)"
    of = f", {named(task.labels)}" if task.labels else ""
    return f"task: {task.name}{of}{how}"


def _long(model: str, prefix: str, settings: DataSettings, data: Dataset) -> Iterator[str]:
    """How many texts have more tokens than the encoder is given; of many texts, those of a sample are counted."""
    texts = [*data.train.texts, *data.validation.texts]
    sample = texts[:: -(-len(texts) // _LOOKED_AT)]
    long = _count_long(model, prefix, settings.max_length, sample)
    if long:
        is_all = len(sample) == len(texts)
        many = f"{long:,} of {len(texts):,}" if is_all else f"about {100 * long / len(sample):.0f} % of {len(texts):,}"
        becomes = f"{_WHAT_BECOMES[settings.long_texts]} (data.long_texts: {settings.long_texts})"
        yield f"{many} texts have more than {settings.max_length} tokens: {becomes}"


def _count_long(model: str, prefix: str, max_length: int, texts: Sequence[Text]) -> int:
    """How many texts have more tokens. Those with fewer bytes need no tokenizer: a token has one at least."""
    sides = [(prefix + text,) if isinstance(text, str) else tuple(prefix + side for side in text) for text in texts]
    wide = [each for each in sides if sum(len(side.encode()) for side in each) > max_length - _SPECIALS]
    if not wide:
        return 0
    from gridfold.text.encoder import load_tokenizer  # imports torch

    tokenizer = load_tokenizer(model, ("input_ids",), max_length).base
    rows = tokenizer(*map(list, zip(*wide, strict=True)), verbose=False)["input_ids"]
    return sum(len(row) > max_length for row in rows)


_SPECIALS = 8  # special tokens that may stand around a text, or a pair
