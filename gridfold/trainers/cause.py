"""Why a program failed, as far as what it printed tells: a line of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

# Colours and titles, for a terminal.
_ESCAPE_SEQUENCE = re.compile(r"\x1b(?:\[[0-9;:?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")

_TRACEBACK = re.compile(r"Traceback \(most recent call last\)")  # maybe behind a bar, or in a box
_BEFORE = re.compile(r"^\[rank\d+\]: ?")  # of a program of several processes
_OF_GROUP = re.compile(r"^\s*[|+] ?")  # what stands before each line of the traceback of an exception group
_GROUP = re.compile(r"[\w.]*Group: ")
_EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(?:: .*|:?$)")
_BOX = re.compile(r"^[│┃╭╰┏┗]")
_IGNORED = ("Exception ignored in", "Exception ignored while")
_WRAPPERS = re.compile(r"(?:[\w.]*\.)?(?:CalledProcessError|ChildFailedError|ProcessRaisedException|RayTaskError)\b")

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
    r"Execution halted$|exit status \d+$|Node\.js v\d|note: run with|goroutine \d|wandb: |Try '.*help"
    r"|Set the environment|(?:For|See) .*help|Pass --help|npm ERR!|make.*: \*\*\*|[^\w]*$",
    re.IGNORECASE,
)
_USAGE = re.compile(r"^usage\b", re.IGNORECASE)


def cause(lines: Sequence[str]) -> str:
    """The line that says why a program failed; "" if none says so.

    Args:
        lines: the last that it printed.
    """
    plain = [_BEFORE.sub("", _ESCAPE_SEQUENCE.sub("", line)).rstrip() for line in lines]
    plain = [line for line in plain if line]
    return _exception(plain) or _said(plain)


def last_words(lines: Sequence[str]) -> str:
    """The last line that a program printed, without progress bars and the text of its help; "" if there is none."""
    plain = [_ESCAPE_SEQUENCE.sub("", line).strip() for line in lines]
    usage = next((place for place, line in enumerate(plain) if _USAGE.match(line)), len(plain))
    told = [line for line in plain if line and not _BAR.search(line) and not _NO_CAUSE.match(line)]
    before = [line for line in plain[:usage] if line in told]
    return next(iter((before or told)[-1:]), "") or next((line for line in reversed(plain) if line), "")


def _exception(lines: Sequence[str]) -> str:
    """The exception of the last traceback that names one."""
    found = [line for place in range(len(lines)) if (line := _named_at(lines, place))]
    if not found:
        return ""
    first = next((line for line in reversed(found) if not _WRAPPERS.match(line)), "")
    return f"{first} ({found[-1]})" if first and first != found[-1] and _WRAPPERS.match(found[-1]) else found[-1]


def _named_at(lines: Sequence[str], place: int) -> str:
    """The exception that the traceback names that begins at a line; "" if there begins none, or it does not count."""
    if not _TRACEBACK.search(lines[place]) or (place and lines[place - 1].startswith(_IGNORED)):
        return ""
    is_of_group = _OF_GROUP.match(lines[place])
    if is_of_group and not lines[place].lstrip().startswith("+ Exception Group"):  # one in a group
        return ""
    names = _exceptions_of_group if is_of_group else _exceptions
    return ": ".join(names(lines[place + 1 :]))


def _exceptions(lines: Sequence[str]) -> Iterator[str]:
    """The line behind the frames, which are indented, or in a box."""
    line = next((line for line in lines if not line[0].isspace() and not _BOX.match(line)), "")
    if _EXCEPTION.match(line):
        yield line


def _exceptions_of_group(lines: Sequence[str]) -> Iterator[str]:
    """That of the group; and the first in it that is no group itself."""
    inner = (_OF_GROUP.sub("", line) for line in lines if _OF_GROUP.match(line))
    named = [line for line in inner if not line[:1].isspace() and _EXCEPTION.match(line)]
    yield from named[:1]
    yield from [line for line in named[1:] if not _GROUP.match(line)][:1]


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
