"""The metrics in the lines of a log, as people print them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from gridfold.core.errors import cut
from gridfold.trainers.metrics.apart import Said, label_of_heading, label_of_line, of_split, part_begun_by, told_apart
from gridfold.trainers.metrics.columns import Table, TextTable, is_rule, table_begun_by
from gridfold.trainers.metrics.curves import Curves
from gridfold.trainers.metrics.labels import are_settings, has_measure, is_of_whole_epoch, position_of, split_of
from gridfold.trainers.metrics.names import bare
from gridfold.trainers.metrics.pairs import Line, read_line

_LOGGED = re.compile(
    r"^\W*(?:\d{2,4}[-/]\d\d[-/]\d{2,4}[ T]|(?:\w{3} )?\d\d \w{3} (?:\d{4} )?)?\d\d:\d\d(?::\d\d)?(?:[,.]\d+)?\b[\s|-]*"
    r"(?:[\[(]?(?:INFO|DEBUG|WARNING|SUCCESS)\b[\s:|-]*)?\]?[\s:|-]*"
    r"(?:[\w.]+:[\w.<>]+:\d+ - |(?:\w+\.[\w.]+|__main__) - +)?"
)  # when a logger said it, and where in the program
_LONGEST = 4000  # characters; a longer line is data
_MOST_ALIKE = 5_000  # lines of the same words; of more, only some are read, and the last
_MOST_KINDS = 10_000
_EXAMPLE = 80  # characters of a line that is shown

_NUMBER_IN = re.compile(r"(?:^|[^\w-]|[^\w]-)\.?\d|\b(?:nan|inf)", re.IGNORECASE)  # f1-score has none
_SETTINGS = (
    r"namespace|config(?:uration)?s?|arg(?:ument)?s|best[_ ]param(?:eter)?s_?|params|hparams|settings|options|flags"
    r"|hyper[- ]?param(?:eter)?s"
)
_ECHO = re.compile(
    rf"(?:^|[\s_\W])(?i:{_SETTINGS})\s*[:=({{]|\w(?:Args|Arguments|Config)\(|^\s*(?:[$+>]\s|--\w|\S*python[\d.]*\s)"
)
_ECHO_BLOCK = re.compile(rf"(?i)(?:{_SETTINGS})\b[^\d\w]*$|(?:[Nn]amespace|Args|Arguments|Config)\($")
_CONTINUES = re.compile(r"^\s|^[)}\]]|,\s*$")  # what was begun in the line before
_LEVEL = re.compile(r"^\W*(?:INFO|DEBUG|WARNING)\b\W*")
_PAIR = re.compile(r"[:=|]|--")
_HEADER = re.compile(
    r"^\W*[*=\-#>]{2,}|:(?:\s[\w-]+)?\s*$|\b(?:metrics|results?|set|report)\b|\bon [\w-]*\w\W*$", re.IGNORECASE
)
_MOST_OF_BLOCK = 500  # lines
_COMMANDS = ("$ ", "+ ", "> ", "--", "[CV")  # and scikit-learn's settings, each with a score
_SETTING_WORD = re.compile(rf"(?i)(?:{_SETTINGS})\b|arguments|args|config|python")
_WORDS = re.compile(r"[^\W\d_]+\d*")
_NAMES = re.compile(r"[A-Za-z]+")
_BAR = re.compile(r":\s+\d+%\|.*")
_IOU = re.compile(r" +(mAP@0?\.5):(0?\.95)")
_PAIR_ONLY = re.compile(r"[^:=]+[:=]\s*\S+(?:\s\w{1,4})?\s*")
_SECTION = re.compile(r"^\W*(?:eval|test)/\W*$")  # of the tables of Stable-Baselines3
_COCO = re.compile(
    r"Average (?:Precision|Recall)\s+\((AP|AR)\)\s*@\[ IoU=([\d.:]+)\s*\| area=\s*(\w+)\s*\| maxDets=\s*(\d+)\s*\]"
    r"\s*=\s*(-?[\d.]+)"
)


def read_lines(lines: Iterable[str], given: Collection[str] = ()) -> tuple[Curves, str]:
    """The metrics in lines, each as a terminal shows it, and the line of the first of them.

    Args:
        lines: in order.
        given: `bare` names of the numbers that the program was given, which it may print, too.
    """
    log = _Log(frozenset(given))
    for line in _without_settings(lines):
        log.read(line)
    log.catch_up()
    curves = Curves()
    for said in told_apart(log.said):
        curves.add(said.metrics, said.position, said.progress, said.text, continues=said.continues)
    example = curves.text_of(next(iter(curves.final()), ""))
    return curves, cut(" ".join(example.split()), _EXAMPLE)


def _without_settings(lines: Iterable[str]) -> Iterator[str]:
    """Lines but for those of a JSON object that holds settings."""
    block: list[str] = []
    for line in lines:
        begins = line.rstrip() == "{"
        if block and (begins or len(block) > _MOST_OF_BLOCK):
            yield from block
            block.clear()
        if block or begins:
            block.append(line)
        else:
            yield line
        if block and line.rstrip() == "}":
            yield from () if _are_settings(block) else block
            block.clear()
    yield from block


def _are_settings(block: Sequence[str]) -> bool:
    with suppress(ValueError, RecursionError):
        return are_settings(json.loads("\n".join(block)))
    return False


@dataclass
class _Kind:
    """Lines of the same words.

    Attributes:
        says: whether they may say a metric, or how far the training is.
        names_settings: whether they may be about what the program was given.
        count: how many there were.
    """

    says: bool
    names_settings: bool
    count: int = 0


class _Log:
    def __init__(self, given: frozenset[str]) -> None:
        self.given = given
        self.said: list[Said] = []
        self.kinds: dict[tuple[str, ...], _Kind] = {}
        self.skipped: dict[int, tuple[_Kind, str]] = {}  # the last line of each kind that was not read
        self.epoch: dict[str, float] = {}
        self.split = ""  # what the lines below a heading are about
        self.label = ""  # as ``split``, where that is no part of the data
        self.title = ""  # the last line without a number, as a label
        self.part = ""  # of a cross-validation
        self.split_used = False
        self.table: Table | None = None
        self.in_echo = False
        self.open = 0  # brackets of what the program was given
        self.is_adjacent = False  # the line before said metrics

    def read(self, text: str) -> None:
        text = _LEVEL.sub("", _LOGGED.sub("", text.replace("^2", "2").replace("²", "2")))
        if not text.strip():
            self._leave_block()
        elif len(text) <= _LONGEST:
            kind = self._kind_of(text)
            kind.count += 1
            if kind.count % (1 << (kind.count // _MOST_ALIKE).bit_length()):
                self.skipped[id(kind)] = kind, text
                self.epoch, self.is_adjacent = {}, False
            else:
                self.skipped.pop(id(kind), None)
                if kind.says:
                    self.catch_up()
                self._read_kind(kind, text)

    def catch_up(self) -> None:
        """Read the last lines of those that were skipped: they may have the final metrics."""
        for kind, text in self.skipped.values():
            self._read_kind(kind, text)
        self.skipped.clear()

    def _read_kind(self, kind: _Kind, text: str) -> None:
        if not self._is_echo(text, kind):
            self._read_text(text, kind)

    def _kind_of(self, text: str) -> _Kind:
        words = tuple(_WORDS.findall(text))
        kind = self.kinds.pop(words, None)
        if kind is None:
            says = has_measure(words) or any(position_of([word]) for word in words)
            kind = _Kind(says, bool(_SETTING_WORD.search(" ".join(words))))
            if len(self.kinds) >= _MOST_KINDS:
                del self.kinds[next(iter(self.kinds))]
        self.kinds[words] = kind  # the order is that of their last lines
        return kind

    def _leave_block(self) -> None:
        self.in_echo, self.open = False, 0
        if self.split_used:
            self.split = self.label = ""

    def _is_echo(self, text: str, kind: _Kind) -> bool:
        """Whether a line tells what the program was given."""
        if self.open and _CONTINUES.search(text):
            self.open = max(0, self.open + _opened_by(text))
            return True
        if not kind.names_settings and not self.in_echo:
            return text.startswith(_COMMANDS)
        if _ECHO_BLOCK.search(text):
            self.in_echo = True
        elif self.in_echo and (not _PAIR.search(text) or _is_of_training(text)):
            self.in_echo = False
        is_echo = self.in_echo or bool(_ECHO.search(text))
        self.open = max(0, _opened_by(text)) if is_echo else 0
        return is_echo

    def _read_text(self, text: str, kind: _Kind) -> None:
        if not _NUMBER_IN.search(text):
            self._read_heading(text)
            return
        if begun := "%|" in text and TextTable.begun_by(_IOU.sub(r"  \1-\2", _BAR.sub("", text))):
            self.table = begun
            return
        line = self._row(text) or (_read(text, self.split) if kind.says else Line())
        if "epoch" in line.position:
            self.epoch = {"epoch": line.position["epoch"]}
        metrics = {name: value for name, value in line.metrics.items() if self._is_told(name, value)}
        if metrics:
            position, progress = self.epoch | line.position, line.progress
            if progress and "epoch" not in position and is_of_whole_epoch(metrics):
                position, progress = position | {"epoch": progress[0]}, None
            label = label_of_line(text) or self.label or self.part
            self.said.append(Said(metrics, position, label, progress, text, continues=self.is_adjacent))
            self.split_used = True
        elif part := part_begun_by(text):
            self.part = part
        elif self.split_used and not _PAIR_ONLY.fullmatch(text):
            self.split = self.label = ""
        self.is_adjacent = bool(metrics)

    def _row(self, text: str) -> Line | None:
        """What a line says as one of the table; None if it is none."""
        line = self.table.row(text) if self.table else None
        return line and replace(line, metrics=of_split(line.metrics, self.split))

    def _is_told(self, name: str, value: float) -> bool:
        """Whether a number is neither one that the program was given nor a best one before there is any."""
        return bare(name) not in self.given and not ("best" in name.lower() and (not value or math.isinf(value)))

    def _read_heading(self, text: str) -> None:
        """Read a line without a number: it may say what the lines below it are about."""
        if is_rule(text):
            return
        begun = table_begun_by(text)
        self.table = begun or (None if _PAIR.search(text) else self.table)
        if begun and not self.split_used:  # it is about what stands above it
            self.label = self.label or self.title
            return
        self.title = label_of_heading(text)
        is_header = bool(_HEADER.search(text) or _SECTION.search(text))
        self.split = split_of(_NAMES.findall(text)) if is_header else ""
        self.label = self.title if is_header else ""
        self.split_used = self.is_adjacent = False


def _read(text: str, split: str) -> Line:
    return _coco(text) or read_line(text, split)


def _opened_by(text: str) -> int:
    """How many more brackets a line opens than it closes."""
    return sum(map(text.count, "([{")) - sum(map(text.count, ")]}"))


def _is_of_training(text: str) -> bool:
    """Whether a line says how far a program is, and what it has reached."""
    line = read_line(text)
    return bool(line.position and line.metrics)


def _coco(text: str) -> Line | None:
    """What a line of COCO's evaluation says."""
    found = _COCO.search(text)
    if not found:
        return None
    kind, iou, area, most, value = found.groups()
    name = kind + ("" if ":" in iou else iou.removeprefix("0.")) + ("" if area == "all" else f"_{area}")
    return Line({name if kind == "AP" else f"{name}@{most}": float(value)})
