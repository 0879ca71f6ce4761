"""Names of run directories (pure): ``<prefix>_<HHMMSS>_<param>_<value>_...``.

Two runs of one search never share a name, also where case does not count. That holds by construction, without a list
of names: values of one parameter get different texts, and no text can be taken for the label of the next parameter. The
seed and the part of the data that tell repeats apart come last, as ``_seed_43_fold_1``.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from typing import Any

from gridfold.core.errors import ConfigError
from gridfold.core.values import canonical, digest
from gridfold.space.repeats import Repetition, Seeds
from gridfold.space.space import Parameter, Trial

MAX_BYTES = 200
_MAX_PREFIX_BYTES = 100
_UNSAFE = re.compile(r"[^\w.+=-]+")
_UNSAFE_ENDS = re.compile(r"^[^\w.+=-]+|[^\w.+=-]+$")
_TEXT = object()
_WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False, "null": None, "none": None}
_LONE_RUN = "single"
_SEED, _FOLD = "seed", "fold"


class RunNames:
    """The names of a search's runs.

    Args:
        prefix: what the user calls the search.
        stamp: its time, ``HHMMSS``.
        parameters: what varies.
        seeds: those of the repeats.
        repeated: whether the search began with repeats; else the name of the first repeat says no seed.
    """

    def __init__(
        self,
        prefix: str,
        stamp: str,
        parameters: Sequence[Parameter],
        seeds: Seeds = Seeds(None, (0,)),  # noqa: B008 - it is frozen
        *,
        repeated: bool = False,
    ) -> None:
        self._search = f"{prefix}_{stamp}"
        self._seeds = seeds
        self._repeated = repeated
        labels = label_parameters([parameter.path for parameter in parameters])
        following = [(label,) for label in labels[1:]] + [(_SEED, _FOLD)]
        self._parts = [
            [f"_{label}_{text}" for text in value_texts(parameter.values, *after)]
            for label, parameter, after in zip(labels, parameters, following[: len(labels)], strict=True)
        ]

    def name(self, trial: Trial, repetition: Repetition = Repetition()) -> str:  # noqa: B008 - it is frozen
        """The directory name of a trial's run, at most ``MAX_BYTES`` bytes of UTF-8."""
        parts = [texts[position] for texts, position in zip(self._parts, trial.choice, strict=True)]
        name = self._search + ("".join([*parts, *self._ending(repetition)]) or f"_{_LONE_RUN}")
        return name if len(name) * 4 <= MAX_BYTES or len(name.encode()) <= MAX_BYTES else _cut(name)

    def _ending(self, repetition: Repetition) -> Iterator[str]:
        if self._repeated or repetition.repeat:
            yield f"_{_SEED}_{self._seeds[repetition.repeat]}"
        if repetition.fold:
            yield f"_{_FOLD}_{repetition.fold.index}"


def check_prefix(prefix: str) -> str:
    """The prefix, if it can begin a directory name.

    Raises:
        ConfigError: it is empty, too long, or holds characters that are not safe in a name; names the nearest one.
    """
    if not isinstance(prefix, str):
        raise ConfigError(f"the run prefix must be a string, found {prefix!r:.80}")
    safe = _safe(prefix)
    if not prefix or len(prefix.encode("utf-8", "replace")) > _MAX_PREFIX_BYTES:
        problem = "is empty" if not prefix else f"is longer than {_MAX_PREFIX_BYTES} bytes"
        raise ConfigError(f"the run prefix {problem}", hint="give a short name, such as 'mlp_experiment'")
    if safe != prefix:
        hint = f"did you mean '{safe}'?" if safe else ""
        raise ConfigError(f"the run prefix {prefix!r:.120} cannot begin a directory name", hint=hint)
    return prefix


def label_parameters(paths: Sequence[str]) -> list[str]:
    """For each dotted path its last part, or the shortest end of it that no other path has."""
    ends = [path.casefold().split(".") for path in paths]
    labels = []
    for path, parts in zip(paths, ends, strict=True):
        length = 1
        while length < len(parts) and not _tells_apart(parts[-length:], ends):
            length += 1
        labels.append(_safe(".".join(path.split(".")[-length:])) or "param")
    return labels


def _tells_apart(end: list[str], paths: list[list[str]]) -> bool:
    """Whether only one path ends so, and a word in it says what it is."""
    return sum(path[-len(end) :] == end for path in paths) == 1 and not all(part.isdigit() for part in end)


def value_texts(values: Sequence[Any], *next_labels: str) -> list[str]:
    """A safe text for each value, no two alike, none of which can be taken to hold one of ``next_labels``.

    Nor does one read as another value: as that of another run, or as a number where it is what is left of a text.
    """
    first_words = {label.split("_", maxsplit=1)[0].casefold() for label in next_labels}
    texts = [_value_text(value) for value in values]
    texts = [
        text if first_words.isdisjoint(text.casefold().split("_")[1:]) else text.replace("_", "-") for text in texts
    ]
    alike = Counter(map(_casefolded, texts))
    others = [value for value in values if value is None or isinstance(value, (int, float))]
    return [
        text if text and alike[_casefolded(text)] == 1 and not _misleads(text, value, others) else _hashed(text, value)
        for text, value in zip(texts, values, strict=True)
    ]


def _hashed(text: str, value: Any) -> str:
    return f"{text or 'value'}-{digest(canonical(value), 8)}"


def _misleads(text: str, value: Any, others: Collection[Any]) -> bool:
    """Whether the text of a string reads as a number, a boolean or null that the string is not."""
    if not isinstance(value, str) or (found := _read(text)) is _TEXT:
        return False
    return text != value or any(found == other or str(found) == str(other) == "nan" for other in others)


def _read(text: str) -> Any:
    """What a text is to a person: a number, a boolean, null, or only a text."""
    if text.casefold() in _WORDS:
        return _WORDS[text.casefold()]
    for read in (int, lambda number: int(number, 0), float):
        with suppress(ValueError):
            return read(text)
    return _TEXT


def _value_text(value: Any) -> str:
    # JSON has floats by shortest round-trip and true, false, null as YAML has them.
    if isinstance(value, str):
        return _cut(_safe(value) if _read(value) is _TEXT else _inner_safe(value), limit=80)
    return _cut(_inner_safe(canonical(value)), limit=80)


def _safe(text: str) -> str:
    """The text with every run of unsafe characters replaced by a dash; no dot or dash at its ends."""
    return _inner_safe(text).strip(".-")


def _inner_safe(text: str) -> str:
    """The same, but a dot or a dash before a number stays."""
    encoded = unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode())
    return _UNSAFE.sub("-", _UNSAFE_ENDS.sub("", encoded)).rstrip(".-")


def _casefolded(text: str) -> str:
    return unicodedata.normalize("NFC", text.casefold())


def _cut(name: str, limit: int = MAX_BYTES) -> str:
    """The name, cut to ``limit`` bytes and ending in its hash if it is longer."""
    encoded = name.encode()
    if len(encoded) <= limit:
        return name
    tail = f"-{digest(name)}"
    return encoded[: limit - len(tail)].decode("utf-8", "ignore").rstrip(".-") + tail
