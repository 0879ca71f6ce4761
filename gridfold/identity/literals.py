"""Files that texts in code name: libraries open them without Python, unheard, as pyarrow does."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from functools import cache
from io import FileIO

from gridfold.identity.data import fitting

_LITERAL = re.compile(r"""["'](?=([^"'\n\\]{1,200})["'])""")  # also one in another, as in "FROM 'x.parquet'"
_QUOTE = re.compile(r"""["']""")
# Tables that libraries open themselves, of which many may have names that code makes up.
_TABLES = """
    arrow avro csv db duckdb feather h5 hdf5 ipc jsonl nc ndjson orc parquet safetensors sqlite tsv xlsx
"""
# What Python opens, which is heard, or what is only written.
_HEARD = "cfg css err html ini ipynb js lock log md out py pyc rst sh so tmp toml yaml yml"
_TABLE, _FILE = (
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\S(?:.*\S)?\.(?:{'|'.join(_TABLES.split())})",
        rf"\S(?:.*\S)?\.(?!(?:{'|'.join(_HEARD.split())})$)[a-z]\w{{0,11}}|[\w.][^:]*/\w+",
    )
)
_BRACES = re.compile(r"\{[^{}\n]*\}")
_VALUE = re.compile(r"\{[^{}]*\}|%(?:\(\w+\))?[\d.]*[sdi]")  # that is put into a text
_NAME = re.compile(r"\w")
# Of variables: what one is looked up by, and what the names of many begin with.
_LOOKED_UP = re.compile(r"""(?:\[|\b(?:get|getenv|pop|setdefault)\()\s*["']([A-Z][A-Z0-9_]{2,})["']""")
_STARTS_WITH = re.compile(r"""\bstartswith\(\s*["']([A-Z][A-Z0-9_]{2,})["']""")
_BEGINNING = re.compile(r"[A-Z][A-Z0-9_]{2,}_")


def files_in(sources: Iterable[str], here: str) -> list[str]:
    """The files that sources of Python name, seen from the working directory or from where they are."""
    found: dict[str, None] = {}
    for source in sources:
        try:
            stat = os.stat(source)
            if texts := _literals(source, stat.st_size, stat.st_mtime_ns):
                found |= dict.fromkeys(files_named(texts, here, os.path.dirname(os.path.abspath(source))))
        except OSError:  # it is gone
            continue
    return list(found)


def files_named(texts: Iterable[str], *folders: str) -> list[str]:
    """The files that texts name, seen from folders and from folders that others of the texts name."""
    parts = {part for text in texts for part in (text, *_QUOTE.split(text))}
    words, patterns = set(map(_word, parts)), set(map(_pattern, parts)) - {""}
    names = [word for word in words if _FILE.fullmatch(word)]
    if not (names or patterns):
        return []  # to look for folders would cost more than many a run
    inner = [*filter(os.path.isdir, _there(filter(_NAME.search, words), folders))]  # and not ..
    ends = {end for name in names for end in (name, name.lstrip("/"))}
    paths = [*_there(ends, folders), *(os.path.join(each, end) for each in inner for end in ends)]
    found = {*filter(os.path.isfile, paths)}
    for end in ends:
        found.update(_fitting(end, inner) or _fitting(end, folders))
    for pattern in patterns:
        found.update(_fitting(pattern, inner) or _fitting(pattern, folders if "/" in pattern else ()))
    return sorted(found)


def _there(words: Iterable[str], folders: Iterable[str]) -> Iterator[str]:
    """The paths that words may be of, seen from folders: to list these costs less than to look for each word."""
    words = [*words]
    for folder in folders:
        names = {"", os.curdir, os.pardir}
        with suppress(OSError):
            names.update(os.listdir(folder or os.curdir))
        yield from (os.path.join(folder, word) for word in words if word.partition("/")[0] in names)


def _fitting(pattern: str, folders: Iterable[str]) -> list[str]:
    return [path for folder in folders for path in fitting(pattern, folder)]


def _word(text: str) -> str:
    """A text, or what is behind the last value that is put into it: of ``{folder}/x.csv``, ``x.csv``."""
    before, value, rest = text.rpartition("}")
    return rest.lstrip("/") if value else before + rest


def _pattern(text: str) -> str:
    """The pattern of the files that a text with values in it names, or that is put behind a value; "" if none is."""
    pattern = _VALUE.sub("*", f"*{text}" if text.startswith(".") else text)
    while pattern.startswith("*/"):
        pattern = pattern[2:]
    return pattern if pattern not in (text, text.lstrip("/")) and _TABLE.fullmatch(pattern) else ""


def variables_in(sources: Iterable[str], environment: Collection[str]) -> set[str]:
    """The variables that sources of Python may look up in a copy of the environment, set or not.

    Those are in it of which all count that begin alike, as ``NAME_*``.
    """
    found = set[str]()
    for source in sources:
        with suppress(OSError):  # it is gone
            stat = os.stat(source)
            texts, looked_up, beginnings = _names_of_variables(source, stat.st_size, stat.st_mtime_ns)
            found |= texts.intersection(environment) | looked_up | beginnings
    return found


@cache
def _names_of_variables(source: str, *_stamp: int) -> tuple[set[str], set[str], set[str]]:
    """The texts in a source; those of them that something is looked up by; what names begin with, with a star."""
    content = content_of(source)
    texts = set(_LITERAL.findall(content))
    begins = {*filter(_BEGINNING.fullmatch, texts), *_STARTS_WITH.findall(content)}
    return texts, set(_LOOKED_UP.findall(content)), {f"{each}*" for each in begins}


def content_of(source: str) -> str:
    """The text of a source."""
    with FileIO(source) as file:  # what else opens files may be watched, and this would seem to be the user's
        return file.read().decode("utf-8", "replace")


@cache
def _literals(source: str, *_stamp: int) -> Collection[str]:
    """The texts in a source, if any of them names a file."""
    content = content_of(source)
    texts = {*_LITERAL.findall(content), *_LITERAL.findall(_BRACES.sub("{}", content))}  # a value may have quotes
    return texts if any(_FILE.fullmatch(_word(text)) or _pattern(text) for text in texts) else ()
