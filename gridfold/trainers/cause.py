"""Why a program failed, as far as what it printed tells: a line of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

# Colours and titles, for a terminal.
_ESCAPE_SEQUENCE = re.compile(r"\x1b(?:\[[0-9;:?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")

_TRACEBACK = re.compile(r"Traceback \(most recent call( last\))?")  # maybe behind a bar, or in a box that is narrow
_QUOTED = re.compile(r"Traceback \(most recent call last\):\\n")  # in a line of JSON, or the bytes that a child wrote
_END_OF_QUOTED = re.compile(r"\"(?:, ?\"|\}).*")
_RANK = re.compile(r"^\[rank\d+\]: ?")  # of a program of several processes
_OF_GROUP = re.compile(r"^\s*[|+] ?")  # what stands before each line of the traceback of an exception group
_GROUP = re.compile(r"[\w.]*Group: ")
_EXCEPTION = re.compile(r"[A-Za-z_][\w.<>]*(?:: .*|:?$)")
_BOX = re.compile(r"^\s*[│┃╭╰┏┗]")
_FRAME = re.compile(r"\s|[│┃╭╰┏┗]|> File |File |-+> \d|Cell In *\[|<ipython-input")  # of Python, rich, loguru, IPython
_IGNORED = ("Exception ignored in", "Exception ignored while", "--- Logging error ---", "Error in atexit.")
_ASIDE = ("Exception in thread ", "future: <", "Task exception was never retrieved")  # Python goes on
_WRAPPERS = re.compile(r"(?:[\w.]*\.)?(?:CalledProcessError|ChildFailedError|ProcessRaisedException|RayTaskError)\b")
_END_OF_CHILD = re.compile(r"^\s*(?:exitcode|traceback) +: (?!To enable)(?=Signal|[1-9])(.*\S)")  # torchrun

# Lines by which programs say why they end, in the order in which they are looked for.
_SAYS = (
    re.compile(r"^\S.{,200}?: (?:fatal )?error: ", re.IGNORECASE),  # argparse, compilers
    re.compile(r"^(?:Uncaught )?(?:[\w.$]+\.)?[\w$]*(?:Error|Exception)(?: \[\w+\])?: "),  # without a traceback; Node
    re.compile(r"^(?:Exception in thread|Caused by:|Unhandled exception)"),  # Java, .NET
    re.compile(r"^thread '.*' (?:\(\d+\) )?panicked at"),  # Rust
    re.compile(r"^(?:panic|fatal error): "),  # Go
    re.compile(r"^\s*what\(\): "),  # C++
    re.compile(r"^(?:error|fatal|aborted)\b(?: in .*)?: ?", re.IGNORECASE),
    re.compile(r"^(?:PHP )?Fatal (?:Python )?error: |^FATAL |^(?:In '.*': )?Could not "),
    re.compile(r"\b(?:ERROR|CRITICAL|FATAL)\b"),  # loggers
    re.compile(r"(?:command not found|syntax error near|No such file or directory|Permission denied|[Oo]ut of memory)"),
    re.compile(r"\bAssertion .*failed|Check failed: |stack smashing|double free or|^(?:free|malloc|realloc)\(\): "),
    re.compile(r"(?:Segmentation fault|Bus error|Illegal instruction|Floating point exception|^Killed|^Aborted)"),
)
_TITLE = re.compile(r"^[╭┏].*(?:error|unrecognized|required|parsing|invalid|missing)", re.IGNORECASE)  # typer, tyro
_BAR = re.compile(
    r"\d%\||\d+/\d+ \[|[\d?.] ?(?:s/)?(?:it|batch|step|sample|example|epoch)s?/s\b|[━█▏▎▍▌▋▊▉]{2}|=>|={5}"
)
_MEASURED = re.compile(
    r"error\S*: *[-+]?[\d.]+(?:e[-+]?\d+)?%?(?:$|[\s,;|])", re.IGNORECASE
)  # of a log: test error: 0.3
_NO_CAUSE = re.compile(
    r"Execution halted$|.*\bexited with (?:exit )?code \d+$|exit status \d+$|Node\.js v\d|note: run with|goroutine \d"
    r"|wandb: |Try '.*help"
    r"|Set the environment|(?:For|See) .*help|Pass --help|npm ERR!|make.*: \*\*\*|[^\w]*$",
    re.IGNORECASE,
)
_STEP, _STEPS = re.compile(r"\b(?:epoch|step|iter|iteration)\b\W{0,3}\d", re.IGNORECASE), 2  # of a program that goes on
_NEAR = 8  # lines before the exception of a parent, in which its child may have said why it ends
_USAGE = re.compile(r"^usage\b", re.IGNORECASE)


def cause(lines: Sequence[str], *, killed: bool = False) -> str:
    """The line that says why a program failed; "" if none says so.

    Args:
        lines: the last that it printed.
        killed: whether a signal ended it, so that it has survived an exception after which it printed anything.
    """
    plain = [_RANK.sub("", _ESCAPE_SEQUENCE.sub("", line)).rstrip() for line in lines]
    plain = [each for line in plain if line for each in _unquoted(line)]
    found = _tracebacks(plain)
    rest = plain[found[-1].end :] if found else []
    if (killed and any(map(_goes_on, rest))) or sum(bool(_STEP.search(line)) for line in rest) >= _STEPS:
        return _said(rest)
    return _exception(plain, found) or _said(plain)


def last_words(lines: Sequence[str]) -> str:
    """The last line that a program printed, without progress bars and the text of its help; "" if there is none."""
    plain = [_ESCAPE_SEQUENCE.sub("", line).strip() for line in lines]
    usage = next((place for place, line in enumerate(plain) if _USAGE.match(line)), len(plain))
    told = [line for line in plain if line and not _BAR.search(line) and not _NO_CAUSE.match(line)]
    before = [line for line in plain[:usage] if line in told]
    return next(iter((before or told)[-1:]), "") or next((line for line in reversed(plain) if line), "")


@dataclass(frozen=True)
class _Traceback:
    """A traceback that names an exception.

    Attributes:
        place: its first line.
        end: the line behind the exception.
        exception: and what it says.
        is_aside: whether Python goes on after it.
    """

    place: int
    end: int
    exception: str
    is_aside: bool


def _unquoted(line: str) -> Sequence[str]:
    """The lines of a traceback that is in a text with escape sequences, or else the line."""
    if not _QUOTED.search(line):
        return [line]
    return [each for part in line.split("\\n") if (each := _END_OF_QUOTED.sub("", part).rstrip())]


def _exception(lines: Sequence[str], found: Sequence[_Traceback]) -> str:
    """The exception of the last traceback that names one, after which Python does not go on, if there is such."""
    found = [each for each in found if not each.is_aside] or found
    if not found:
        return ""
    last = found[-1]
    if not _WRAPPERS.match(last.exception):
        return last.exception
    first = next((each.exception for each in reversed(found) if not _WRAPPERS.match(each.exception)), "")
    first = first or _end_of_child(lines, last)
    return f"{first} ({last.exception})" if first else last.exception


def _end_of_child(lines: Sequence[str], wrapper: _Traceback) -> str:
    """What is known of the end of a child that printed no traceback."""
    told = [" ".join(line.split()) for line in lines[wrapper.end :] if _END_OF_CHILD.match(line)]
    return _said(lines[max(0, wrapper.place - _NEAR) : wrapper.place]) or (told[-1] if told else "")


def _tracebacks(lines: Sequence[str]) -> list[_Traceback]:
    """The tracebacks that name an exception, but for those that do not count."""
    found = (_named_at(lines, place) for place, line in enumerate(lines) if _TRACEBACK.search(line))
    return [each for each in found if each]


def _named_at(lines: Sequence[str], place: int) -> _Traceback | None:
    """The traceback that begins at a line; None if it names no exception, or does not count."""
    before = lines[place - 1].strip() if place else ""
    is_of_group = _OF_GROUP.match(lines[place])
    if before.startswith(_IGNORED) or (is_of_group and not lines[place].lstrip().startswith("+ Exception Group")):
        return None  # or one in a group
    named = _exceptions_of_group(lines, place) if is_of_group else _exceptions(lines, place)
    exception = ": ".join(text for _, text in named)
    return _Traceback(place, named[0][0] + 1, exception, before.startswith(_ASIDE)) if named else None


def _exceptions(lines: Sequence[str], place: int) -> list[tuple[int, str]]:
    """The line behind the frames of a traceback, and its place; with the next one if it ends in a colon."""
    behind = _behind(lines, place)
    for number, (where, line) in enumerate(behind):
        if line and not _FRAME.match(line):
            following = next((text for _, text in behind[number + 1 : number + 2]), "").strip()
            goes_on = line.endswith(":") and _may_say(following) and not _TRACEBACK.search(following)
            return [(where, f"{line} {following}" if goes_on else line)] if _EXCEPTION.match(line) else []
    return []


def _behind(lines: Sequence[str], place: int) -> list[tuple[int, str]]:
    """The lines after the first one of a traceback, without what stands before each, such as the name of a process."""
    before = lines[place][: _TRACEBACK.search(lines[place]).start()]  # type: ignore[union-attr]
    before = before[: len(before) - len(before.lstrip())] if _BOX.match(before) else before
    rest = [(number, lines[number]) for number in range(place + 1, len(lines))]
    own = [(number, line[len(before) :]) for number, line in rest if line.startswith(before)]
    return own or rest


def _exceptions_of_group(lines: Sequence[str], place: int) -> list[tuple[int, str]]:
    """That of the group; and the first in it that is no group itself."""
    rest = ((number, lines[number]) for number in range(place + 1, len(lines)))
    inner = ((number, _OF_GROUP.sub("", line)) for number, line in rest if _OF_GROUP.match(line))
    named = [(number, line) for number, line in inner if not line[:1].isspace() and _EXCEPTION.match(line)]
    return named[:1] + [each for each in named[1:] if not _GROUP.match(each[1])][:1]


def _goes_on(line: str) -> bool:
    """Whether a line behind an exception is more than what belongs to it, or is printed at the end anyhow."""
    return not line[0].isspace() and not _BAR.search(line) and not _NO_CAUSE.match(line)


def _said(lines: Sequence[str]) -> str:
    """The last line of the first kind of lines that tell."""
    for place, line in enumerate(lines[:-1]):
        if _TITLE.match(line):
            return lines[place + 1].strip("│┃ ")
    for pattern in _SAYS:
        for place in range(len(lines) - 1, -1, -1):
            if pattern.search(lines[place]) and _may_say(lines[place]):
                return _continued(lines, place)
    return ""


def _may_say(line: str) -> bool:
    return not (_BAR.search(line) or _MEASURED.search(line) or _NO_CAUSE.match(line))


def _continued(lines: Sequence[str], place: int) -> str:
    """A line, and the next if it ends in a colon, or the one before that it belongs to."""
    line = lines[place].strip()
    if line.endswith(":") and place + 1 < len(lines):
        return f"{line} {lines[place + 1].strip()}"
    return line
