"""One line of a log: the metrics in it, and where in the training it stands."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from gridfold.trainers.metrics.labels import is_qualifier, metric_label, position_of, split_in, split_of
from gridfold.trainers.metrics.names import parts_of

_FIGURES = r"[-+]?(?:[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?(?![,\d])|\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_NUMBER = rf"(?:{_FIGURES}|[-+]?(?i:nan|inf(?:inity)?))"
_ALONE = (
    r"(?![\w/]|\s+/\s*[\d.]|\.\w|,\d|[:+]\d|-\w|%\|)"  # no part of a date, a time, a version, a path, a list, a bar
)
_TOKEN = re.compile(
    rf"""
    (?P<fraction>\[?\s*(?P<part>\d+)\s*/\s*(?P<whole>\d+)(?![\w./])\s*\]?)
    | (?P<number>(?:\[\s*)?(?P<value>{_NUMBER}){_ALONE}(?:\s?%)?(?:\s*\])?)
    | (?P<word>[^\W\d][\w@%]*(?:['’]s)?(?:(?:[-./+@]|,(?=[\w-]+['"]))[\w@]+(?:['’]s)?)*)
    | (?P<junk>[-+.]?\d[^\s,;|│\[\](){{}}=]*)
    | (?P<sep>[:=]+(?!=)|-+>|=+>|→)
    | (?P<bar>[|│┃])
    | (?P<open>[(\[{{])
    | (?P<space>[\s'"*`%.!✓•#~_)\]}}]+)
    | (?P<other>.)
    """,
    re.VERBOSE,
)
_AVERAGE = re.compile(rf"\s*\(\s*({_NUMBER})\s*%?\s*\)")
_ARROW = re.compile(rf"\s*(?:-+>|=+>|→)\s*({_NUMBER}){_ALONE}")
_PERCENT = re.compile(r"\s*[,:=]?\s*\(?\s*(\d+\.?\d*)\s?%")
_VALUE_NEXT = re.compile(rf"\s*(?:[:=]|is\b|was\b)\s*{_NUMBER}")
_ENDS_NEXT = re.compile(r"\s*(?:[:,;|│/-]|$)")
_UNIT_NEXT = re.compile(r"\s?(?:[smhGMK]|ms|sec\w*|min\w*|[GMK]i?B)\b")
_GAP = re.compile(r"\s\s|\t")
_PROGRESS = re.compile(r"\[\s*\d+/\d+")

_WRAPPED = re.compile(
    r"(?<=[:=\s(])(?:tensor|[Aa]rray|(?:np\.|numpy\.)?float\d*)"
    r"\((?=[^\[]|\[[^\s,()\[\]]+\])\[?([^\s,()\[\]]+)[^()]*(?:\([^()]*\)[^()]*)?\)"
)
_WORDS_ONLY = re.compile(r"\s?\(([^()\d]*)\)")
_QUALIFIED = re.compile(r"(?<=[\w%])\s?\([^()]*\d[^()]*\)(?=\s*[:=])|@\s?\[[^\]]*\]")
_DEVIATION = re.compile(r"(?<=:)(-?\d+\.\d+)\+\d+\.\d+(?=\s|$)")  # of XGBoost's folds
_BAR = re.compile(r":\s+\d+%\|[^|]*\|")  # it ends a description such as ``loss: 0.5``
_SPLIT_IN_BRACKETS = re.compile(r"\[\s*([a-z]+)\s*\]", re.IGNORECASE)
_TOP = re.compile(r"\b(top)[ -](\d+)\b", re.IGNORECASE)
_COUNTED = re.compile(r"\b(on|of|over|for|in)((?: the| all)*) \d[\d,]*(?= [A-Za-z])")  # on the 10000 test images
_LEVEL = re.compile(r"\b(?:INFO|DEBUG|WARNING)\b")
_ADDRESS = re.compile(r"\w+://\S+|\S*\.(?:py|ckpt|pth?|json|csv|ya?ml|txt|safetensors|bin|h5|pkl|npz?)\b\S*")
_QUOTED = re.compile(rf"""(?<=[:=])(\s*)(["'])\s*({_NUMBER})(\s?%)?\s*\2""")
_NAMES_AND_NUMBERS = re.compile(
    rf"((?:^|(?<=\s))[^\W\d][^,:=|\[\](){{}}\d]*(?:,\s*[^\W\d][^,:=|\[\](){{}}]*){{1,7}})[:=]"
    rf"\s*[\[(]?\s*({_NUMBER}(?:[\s,]\s*{_NUMBER})+)\s*[\])]?\s*$"
)  # loss, acc: 0.3 0.9
_NESTED = re.compile(r"""(['"]?)\b([\w][\w .-]*)\1\s*[:=]\s*(?:[A-Z]\w*)?[({]([^(){}]*)[)}]""")
_KEY = re.compile(r"""(['"]?)(?<![\w.])([^\W\d][\w@.-]*)\1\s*[:=]""")
_DEEPEST = 4
_PREPOSITIONS = ("after", "at", "for", "in", "on", "of")
_OF_A_WHOLE = re.compile(r"acc|precision|recall|rate|f1|top\d|match|sensitivity|specificity", re.IGNORECASE)


@dataclass
class Line:
    """What one line says.

    Attributes:
        metrics: numbers by the names of their metrics, in order.
        position: "epoch" and "step", as far as the line says them.
        progress: which part of an epoch it is after, of how many.
        split: the part of the data that its end is about, such as "val"; "" if it does not say.
        prefix: what else all its names begin with, as in ``Fold 2: ...``.
    """

    metrics: dict[str, float] = field(default_factory=dict)
    position: dict[str, float] = field(default_factory=dict)
    progress: tuple[int, int] | None = None
    split: str = ""
    prefix: str = ""


def read_line(text: str, split: str = "") -> Line:
    """What a line says.

    Args:
        text: as a terminal shows it.
        split: the part of the data that the lines before say it is about.
    """
    reader = _Reader(_prepared(text), split)
    line = reader.read()
    if reader.is_repeated and (flat := _flat(text)) != text:
        return _Reader(_prepared(flat), split).read()
    return line


def read_number(text: str) -> float | None:
    """The number that a text is; None if it is something else."""
    found = re.fullmatch(rf"\s*({_NUMBER})\s?%?\s*", text.replace("−", "-"))
    return _value(found[1]) if found else None


def _value(text: str) -> float:
    plain = text.replace(",", "")
    return int(plain) if plain.lstrip("+-").isdigit() and len(plain) < 16 else float(plain)


def _flat(text: str) -> str:
    """A line with mappings in mappings as one with longer names: ``{'a': {'acc': 0.8}}`` has ``a_acc: 0.8``."""
    text = _WRAPPED.sub(r"\1", text)
    for _ in range(_DEEPEST):
        text = _NESTED.sub(lambda found: _KEY.sub(rf"{found[2].replace(' ', '_')}_\2:", found[3]), text)
    return text


def _paired(found: re.Match[str]) -> str:
    """Names of metrics and the numbers behind all of them as pairs; no number, where they are not as many."""
    names, numbers = [name.split() for name in found[1].split(",")], re.split(r"[\s,]\s*", found[2])
    if not all(metric_label(tuple(name), "0.5", separated=True) or position_of(parts_of(name[-1])) for name in names):
        return found[0]
    told = zip(names, numbers, strict=False) if len(names) == len(numbers) else ()
    return " ; ".join(f"{' '.join(name)}: {value}" for name, value in told)


def _prepared(text: str) -> str:
    """The line without what only looks like a number, or hides one."""
    text = text.replace("−", "-")
    if "," in text:
        text = _NAMES_AND_NUMBERS.sub(_paired, text)
    if "+" in text or "%|" in text:
        text = _BAR.sub(" ; ", _DEVIATION.sub(r"\1", text))
    if "[" in text:
        text = _SPLIT_IN_BRACKETS.sub(lambda found: f"; {found[1]} ;" if split_of([found[1]]) else found[0], text)
    if "(" in text or "[" in text:
        text = _WORDS_ONLY.sub(r" \1", _QUALIFIED.sub(" ", _WRAPPED.sub(r"\1", text)))
    if "'" in text or '"' in text:
        text = _QUOTED.sub(r"\1\3\4", text)
    return _COUNTED.sub(r"\1", _TOP.sub(r"\1\2", _LEVEL.sub(";", _ADDRESS.sub(";", text))))


class _Reader:
    """Reads the tokens of a line from left to right. It holds the words since the last number or separator."""

    def __init__(self, text: str, split: str) -> None:
        self.text = text
        self.line = Line(split=split)
        self.words: list[str] = []
        self.separated = False
        self.in_cell = False  # the words fill the cell of a table before this one
        self.after_gap = False  # more than one space stands before the token
        self.measured = ""  # what was told of one part of the data, as in ``loss train: 0.5, val: 0.6``
        self.steps = 0  # of how many a step is one
        self.is_repeated = False  # one name has two numbers
        self.nameless = 0  # numbers: a line with several is a row of a table

    def read(self) -> Line:
        readers: dict[str, Callable[[re.Match[str]], None]] = {
            "fraction": self._read_fraction,
            "number": self._read_number,
            "word": self._read_word,
            "sep": self._read_separator,
            "bar": self._read_bar,
            "open": self._read_open,
        }
        for token in _TOKEN.finditer(self.text):
            kind = str(token.lastgroup)
            if kind in readers:
                readers[kind](token)
            elif kind != "space":
                self._break_off()
            self.after_gap = kind == "space" and bool(_GAP.match(token[0]))
        self._end()
        self._tell_steps_of_an_epoch()
        return self.line

    def _read_word(self, token: re.Match[str]) -> None:
        if self.separated or self.in_cell or self.after_gap:
            self._break_off()
        self.words.append(token["word"])

    def _read_separator(self, _: re.Match[str]) -> None:
        self.separated = True

    def _read_bar(self, _: re.Match[str]) -> None:
        if self.separated or self.in_cell or split_of(self.words):
            self._break_off()
        self.in_cell = bool(self.words)

    def _read_open(self, token: re.Match[str]) -> None:
        if token[0] != "[" or not self._position():
            self._break_off()

    def _read_fraction(self, token: re.Match[str]) -> None:
        part, whole = int(token["part"]), int(token["whole"])
        position = self._position()
        if position in ("epoch", "step"):
            self.steps = whole if position == "step" else self.steps
            self._take_position(position, part)
        elif position or not self.words:
            is_share = self.text[: token.start()].endswith("% (")  # Accuracy = 86.7% (234/270)
            self.line.progress = self.line.progress if is_share else (part, whole)
        elif 0 <= part <= whole and whole > 1 and self._label("0.5"):
            self._take_share(part, whole, token.end())
        self._end()

    def _take_share(self, part: int, whole: int, end: int) -> None:
        """Take ``9123/10000 (91%)``, of which the fraction is the more exact."""
        name, share = self._label("0.5"), part / whole
        percent = _PERCENT.match(self.text, end)
        if _OF_A_WHOLE.search(name):
            is_percent = percent and abs(float(percent[1]) - 100 * share) <= 1
            self._take(name, 100 * part / whole if is_percent else share)

    def _read_number(self, token: re.Match[str]) -> None:
        text, box = token["value"], token[0].strip()
        if box.startswith("[") and not box.endswith("]"):  # the first of a list
            return self._end()
        if position := self._position():
            self._take_position(position, _value(text), token.end())
        elif not self.words and box.startswith("[") and not self.text[: token.start()].strip() and text.isdigit():
            self._take_position("step", _value(text))
        elif self.words and not self.separated and text.isdigit() and is_qualifier(self.words):
            self._qualify(text, token.end())
        elif self.words and _VALUE_NEXT.match(self.text, token.end()):
            self.words, self.separated, self.in_cell = [*self.words, text], False, False
        else:
            self._take_number(text, token)
        return None

    def _take_number(self, text: str, token: re.Match[str]) -> None:
        name = self._label(f"{text}%" if "%" in token[0] else text)
        self.nameless += not self.words and self.text[: token.start()].rstrip()[-1:] != "("
        if self.nameless > 1 and self.after_gap and not self.separated:
            return self._end()
        if name:
            arrow = _ARROW.match(self.text, token.end())
            average = _AVERAGE.match(self.text, token.end())
            if arrow:
                text = arrow[1]
            elif average and ("@" in name or _PROGRESS.search(self.text, 0, token.start())):
                text = average[1]
            self._take(name, _value(text))
            others = tuple(word for word in self.words if not split_of([word]))
            is_of_part = len(others) < len(self.words)
            self.measured = metric_label(others, "0.5", separated=True) if is_of_part else ""
        elif name := self._part_alone(token):
            self.line.metrics[name] = _value(text)
            return self._clear()
        return self._end()

    def _part_alone(self, token: re.Match[str]) -> str:
        """The name of a number that only a part of the data stands before, as in ``Epoch: 3, Train: 0.9, Val: 0.8``."""
        split = split_of(self.words) if len(self.words) == 1 and (self.separated or self.measured) else ""
        is_share = "." in token["value"] or "%" in token[0]
        if not split or not is_share or _UNIT_NEXT.match(self.text, token.end()):
            return ""
        if self.measured:
            return f"{split}_{self.measured}"
        return split if self.line.position else ""

    def _take(self, name: str, value: float) -> None:
        split = "" if split_in(self.words) else self.line.split
        name = "_".join(part for part in (self.line.prefix, split, name) if part)
        self.is_repeated |= self.line.metrics.get(name, value) != value
        self.line.metrics[name] = value

    def _label(self, number: str) -> str:
        if not self.words:
            return ""
        return metric_label(tuple(self.words), number, separated=self.separated or self.in_cell)

    def _position(self) -> str:
        words = self.words
        while len(words) > 1 and split_of(words[-1:]):
            words = words[:-1]
        return position_of(words)

    def _take_position(self, position: str, value: float, end: int | None = None) -> None:
        """Take a place in the training; of ``loss after epoch 3: 0.5``, the loss is still to come."""
        if position != "batch" and value == value // 1:
            self.line.position[position] = value
        before = self.words[:-1]
        if end is not None and before and before[-1] in _PREPOSITIONS and _VALUE_NEXT.match(self.text, end):
            self.words, self.separated, self.in_cell = before[:-1], False, False
            return
        self.words = [word for word in self.words if not position_of([word])]
        self._end()

    def _qualify(self, text: str, end: int) -> None:
        """Take ``class 3`` as a part of the name that follows, ``Fold 3:`` as one of all names."""
        self.words.append(text)
        if _ENDS_NEXT.match(self.text, end):
            self.line.prefix = "_".join(self.words[-2:]).lower()
            self._clear()

    def _end(self) -> None:
        """Forget the words, but for the part of the data that they say the rest of the line is about."""
        if self.words:
            first = split_of(self.words[:1]) if len(self.words) > 1 and self._label("0.5") else ""
            self.line.split = split_of(self.words) or first or self.line.split
        self._clear()

    def _break_off(self) -> None:
        """Forget the words before which no number came: of ``Loss - train: 0.5, val: 0.6`` they are the metric."""
        if self.words and not split_in(self.words):
            self.measured = self._label("0.5") or self.measured
        self._end()

    def _clear(self) -> None:
        self.words, self.separated, self.in_cell = [], False, False

    def _tell_steps_of_an_epoch(self) -> None:
        if self.steps and "epoch" in self.line.position:
            self.line.progress = int(self.line.position.pop("step")), self.steps
