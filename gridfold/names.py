"""Names of run directories (pure): ``<prefix>_<HHMMSS>_<param>_<value>_...``.

Two runs of one search never share a name, also where case does not count. That holds by construction, without a list
of names: values of one parameter get different texts, and no text can be taken for the label of the next parameter. The
seed and the part of the data that tell repeats apart come last, as ``_seed_43_fold_1``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

from gridfold.errors import ConfigError
from gridfold.repeats import Repetition, Seeds
from gridfold.space import Parameter, Trial
from gridfold.values import canonical, digest

MAX_BYTES = 200
_MAX_PREFIX_BYTES = 100
_UNSAFE = re.compile(r"[^\w.+=-]+")
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
    """A safe text for each value, no two alike, none of which can be taken to hold one of ``next_labels``."""
    first_words = {label.split("_", maxsplit=1)[0].casefold() for label in next_labels}
    texts = [_value_text(value) for value in values]
    texts = [
        text if first_words.isdisjoint(text.casefold().split("_")[1:]) else text.replace("_", "-") for text in texts
    ]
    alike: dict[str, int] = {}
    for text in texts:
        alike[_folded(text)] = alike.get(_folded(text), 0) + 1
    return [
        text if text and alike[_folded(text)] == 1 else f"{text}-{digest(canonical(value), 8)}".lstrip("-")
        for text, value in zip(texts, values, strict=True)
    ]


def _value_text(value: Any) -> str:
    # JSON has floats by shortest round-trip and true, false, null as YAML has them.
    text = value if isinstance(value, str) else canonical(value)
    is_number = isinstance(value, (int, float))
    return _cut(_safe(text, sign=is_number), limit=80)


def _safe(text: str, *, sign: bool = False) -> str:
    """The text with every run of unsafe characters replaced by a dash; no dot or dash at its ends."""
    safe = _UNSAFE.sub("-", unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode()))
    return safe.rstrip(".-").lstrip("." if sign else ".-")


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text.casefold())


def _cut(name: str, limit: int = MAX_BYTES) -> str:
    """The name, cut to ``limit`` bytes and ending in its hash if it is longer."""
    encoded = name.encode()
    if len(encoded) <= limit:
        return name
    tail = f"-{digest(name)}"
    return encoded[: limit - len(tail)].decode("utf-8", "ignore").rstrip(".-") + tail
