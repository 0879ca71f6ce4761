"""What a person should know of the data of a search before its first run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from gridfold.text.data import Dataset, loaded, stamps
from gridfold.text.data_settings import DataSettings, read_data, read_fold
from gridfold.text.long_texts import CHUNK_MEAN, HEAD_TAIL, TRUNCATE
from gridfold.text.pretrained import sentence_model
from gridfold.text.section import LazyConfig
from gridfold.text.sentence_model import resolved
from gridfold.text.settings import AUTO, ModelSettings, read_model
from gridfold.text.tasks import Task, Text, named
from gridfold.trainers.protocol import Remark

_LOOKED_AT = 2_000  # texts, at most
_WHAT_BECOMES = {
    TRUNCATE: "their ends are cut",
    HEAD_TAIL: "their middles are cut",
    CHUNK_MEAN: "they are read in pieces",
}


def remarks_on(config: LazyConfig) -> tuple[Remark, ...]:
    """The task, the examples, how many of their texts are long, what is odd, and how the model makes vectors."""
    model, data = read_model(config), read_fold(config, read_data(config))
    return (*_remarks(model.name, model.prefix, data, stamps(data)), *_vectors(model))


def _vectors(model: ModelSettings) -> Iterator[Remark]:
    """What the model's own files decide, if it is not what would be done without them."""
    found = sentence_model(model.name)
    how = resolved(model, found)
    if model.pooling == AUTO and (how.pooling != "mean" or how.dense or how.normalize):
        count = len(how.dense)
        layers = [f"{count} dense layer{'s' if count > 1 else ''}"] if count else []
        scaled = ["scaled to length 1"] if how.normalize else []
        said = "by the model's files; model.pooling and model.normalize say otherwise"
        yield Remark(f"pooling: {', '.join([how.pooling, *layers, *scaled])} ({said})")
    if found.prompts and not model.prefix:
        prompts = ", ".join(f"'{prompt}'" for prompt in found.prompts)
        yield Remark(f"the model was trained with prompts before its texts: {prompts} (model.prefix sets one)")
    if found.unknown:
        yield Remark(f"modules of {model.name} that are not applied: {', '.join(found.unknown)}", is_warning=True)


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
