"""Names of run directories (pure): ``<prefix>_<HHMMSS>_<param>_<value>_...``.

Two runs of one search never share a name, also where case does not count. That holds by construction, without a list
of names: values of one parameter get different texts, and no text can be taken for the label of the next parameter.
Where trials may lack parameters, a value is one word, so that a name says which of them it has. The seed and the part
of the data that tell repeats apart come last, as ``_seed_43_fold_1``.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from gridfold.core.errors import ConfigError
from gridfold.core.values import Memo, canonical, digest
from gridfold.space.repeats import Repetition, Seeds
from gridfold.space.space import Parameter

MAX_BYTES = 200
_MAX_PREFIX_BYTES = 100
_UNSAFE = re.compile(r"[^\w.+=-]+")
_UNSAFE_ENDS = re.compile(r"^[^\w.+=-]+|[^\w.+=-]+$")
_TEXT = object()
_WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False, "null": None, "none": None}
_LONE_RUN = "single"
_OF_ANYTHING = frozenset({"name", "type", "kind", "class", "_target_"})  # of an optimizer, a model, a layer
_SEED, _FOLD = "seed", "fold"


class RunNames:
    """The names of a search's runs.

    Args:
        prefix: what the user calls the search.
        stamp: its time, ``HHMMSS``.
        parameters: those that a trial may have.
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
        self._parts = [
            (parameter.path, Memo(_writer(slot, parameter.values)))
            for parameter, slot in zip(parameters, _slots(parameters), strict=True)
        ]

    def name(
        self,
        params: Mapping[str, Any],
        repetition: Repetition = Repetition(),  # noqa: B008 - it is frozen
    ) -> str:
        """The directory name of a run of the trial that has these values, at most ``MAX_BYTES`` bytes of UTF-8."""
        parts = [part(params[path]) for path, part in self._parts if path in params]
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


def label_parameters(paths: Sequence[str], vague: Collection[str] = _OF_ANYTHING) -> list[str]:
    """For each dotted path its last part, or the shortest end of it that no other path has.

    Args:
        paths: the paths.
        vague: the parts that by themselves do not say what they are of.
    """
    ends = [path.casefold().split(".") for path in paths]
    labels = []
    for path, parts in zip(paths, ends, strict=True):
        length = 1
        while length < len(parts) and not _tells_apart(parts[-length:], ends, vague):
            length += 1
        labels.append(_safe(".".join(path.split(".")[-length:])) or "param")
    return labels


def _tells_apart(end: list[str], paths: list[list[str]], vague: Collection[str]) -> bool:
    """Whether only one path ends so, and a word in it says what it is."""
    says_something = any(not part.isdigit() and part not in vague for part in end)
    return sum(path[-len(end) :] == end for path in paths) == 1 and says_something


@dataclass(frozen=True)
class _Slot:
    """Where the values of a parameter stand in a name.

    Attributes:
        label: what stands before a value.
        next_words: the words that may come after it; None if any may, so that a value is one word.
        misread: the values that would make another label of this one.
    """

    label: str
    next_words: frozenset[str] | None
    misread: frozenset[str] = frozenset()

    def text(self, value: Any) -> str:
        """A safe text for a value, in which nothing can be taken for what comes after it; "" if nothing is left."""
        text = _value_text(value)
        is_clear = self.next_words is not None and self.next_words.isdisjoint(text.casefold().split("_")[1:])
        text = text if is_clear else text.replace("_", "-")
        return "" if text.casefold() in self.misread else text


def _slots(parameters: Sequence[Parameter]) -> list[_Slot]:
    labels = label_parameters([parameter.path for parameter in parameters], vague=())  # as directories always were
    if any(parameter.optional for parameter in parameters):
        labels = [_apart(label, parameter.path) for label, parameter in zip(labels, parameters, strict=True)]
        return [_Slot(label, None, _misread(label, labels)) for label in labels]
    following = [[label] for label in labels[1:]] + [[_SEED, _FOLD]]
    first_words = [frozenset(_words(each)[0] for each in after) for after in following]
    return [_Slot(label, words) for label, words in zip(labels, first_words, strict=False)]


def _words(label: str) -> list[str]:
    return label.casefold().split("_")


def _apart(label: str, path: str) -> str:
    """A label that does not begin as what says the repeat."""
    is_clear = _words(label)[0] not in (_SEED, _FOLD, _LONE_RUN)
    return label if is_clear else f"{label.replace('_', '-')}-{digest(path, 8)}"


def _misread(label: str, labels: Iterable[str]) -> frozenset[str]:
    """The words after which this label would be another one: beside ``lr_decay``, ``decay`` after ``lr``."""
    own = _words(label)
    longer = (words for words in map(_words, labels) if len(words) > len(own) and words[: len(own)] == own)
    return frozenset(words[len(own)] for words in longer)


def _writer(slot: _Slot, values: Sequence[Any] | None) -> Callable[[Any], str]:
    """What stands in a name for a value, with its label."""
    known = dict(zip(map(canonical, values), _listed_texts(values, slot), strict=True)) if values is not None else {}

    def write(value: Any) -> str:
        text = known.get(canonical(value)) or _lone_text(value, slot, others=known)
        return f"_{slot.label}_{text}"

    return write


def _listed_texts(values: Sequence[Any], slot: _Slot) -> list[str]:
    """A text for each value, no two alike.

    Nor does one read as another value: as that of another run, or as a number where it is what is left of a text.
    """
    texts = list(map(slot.text, values))
    alike = Counter(map(_casefolded, texts))
    others = [value for value in values if value is None or isinstance(value, (int, float))]
    return [
        text if text and alike[_casefolded(text)] == 1 and not _misleads(text, value, others) else _hashed(text, value)
        for text, value in zip(texts, values, strict=True)
    ]


def _lone_text(value: Any, slot: _Slot, others: Collection[str]) -> str:
    """A text that no other value of any kind has, so with a hash unless the value can be read from it."""
    text, whole = slot.text(value), value if isinstance(value, str) else canonical(value)
    is_read = text == whole == _casefolded(whole) and not (isinstance(value, str) and _read(value) is not _TEXT)
    return text if text and is_read and not others else _hashed(text, value)


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
