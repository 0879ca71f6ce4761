"""What a user is told when something they wrote cannot be used."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

EXIT_FAILED, EXIT_BAD_INPUT, EXIT_LEFT, EXIT_INTERRUPTED = 1, 2, 3, 130
EXIT_CODES = {
    0: "everything completed",
    EXIT_FAILED: (
        "some runs failed, or a repeated run came out differently; the other runs are done. Or the search stopped "
        "after its first run, because that has no metric, or it is not clear which one counts"
    ),
    EXIT_BAD_INPUT: "bad input; nothing was created",
    EXIT_LEFT: "other processes hold runs that are not done yet",
    EXIT_INTERRUPTED: "stopped by Ctrl-C or SIGTERM; finished runs are kept",
}
_MOST_NAMES = 30  # in a hint
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


@dataclass(eq=False)
class ConfigError(ValueError):
    """Bad input: a config, a path, a value or a flag that cannot be used.

    Raised before anything is created. ``str(error)`` is the whole message, in one form everywhere::

        config/a.yaml:7:3: training.learning_rat: unknown key
          did you mean 'learning_rate'?

    Attributes:
        problem: what was found, and what was expected.
        path: dotted path of the parameter, "" where there is none.
        hint: what to do about it, or the nearest valid name.
        where: ``file:line:column``, as far as known. Code that has only the values leaves it empty; whoever holds
            the file fills it in.
    """

    problem: str
    path: str = ""
    hint: str = ""
    where: str = ""

    def __str__(self) -> str:
        first = ": ".join(part for part in (self.where, self.path, self.problem) if part)
        return first + "".join(f"\n  {line}" for line in self.hint.splitlines())


def visible(text: str) -> str:
    """A text as it may be sent to a terminal: control characters become escape sequences, as in Python.

    Line breaks and tabs stay. So does everything that can be seen; what changes the direction of writing cannot.
    """
    return text if text.isascii() and text.isprintable() else _UNSEEN.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


def shown(value: object, most: int = 80) -> str:
    """A value for a message, cut at a number of characters; whatever its ``repr`` does, no exception comes of it."""
    try:
        return cut(repr(value), most)
    except Exception:  # of a class of the user's, or of an integer of more digits than Python writes
        return f"a value of type {type(value).__name__:.80} that cannot be written"


def cut(text: str, most: int) -> str:
    """A text of at most about that many characters: its head and its tail, if it is longer."""
    if len(text) <= most:
        return text
    tail = most // 3
    return f"{text[: most - tail]} … {text[len(text) - tail :]}"


def nearest(name: str, valid: Iterable[str]) -> str:
    """A hint for an unknown name: the nearest valid one, or the valid ones if none is near."""
    import difflib  # most commands name nothing that is not there

    names = sorted(set(valid))
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if near:
        return f"did you mean '{near[0]}'?"
    more = f", … ({len(names) - _MOST_NAMES} more)" if len(names) > _MOST_NAMES else ""
    return f"valid: {', '.join(names[:_MOST_NAMES])}{more}" if names else ""


def nearest_file(path: Path) -> str:
    """A hint for a file or folder that is not there: the nearest name beside it, if one is near."""
    try:
        hint = nearest(path.name, (other.name for other in path.parent.iterdir()))
    except OSError:
        return ""
    return hint if hint.startswith("did you mean") else ""
