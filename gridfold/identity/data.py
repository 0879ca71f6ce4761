"""Files and folders that a result depends on: what is in them, and which of them a config names."""

from __future__ import annotations

import glob
import os
import re
import stat
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import islice
from typing import Any

LISTED = "*"  # behind the name of a folder of which only the list of names counts
NOT_THERE = "not there"
VARIABLE = "$"  # before the name of a variable of the environment
_MOST_BYTES = 8 << 20  # of a file that is read to know it; of others size and time count
MOST_FILES = 20_000  # in a folder that a value names
_MOST_IN_PATTERN = 100  # files that a pattern names; of more, the folder counts
_MOST_CHARACTERS = 4096
_FOLDER_SECONDS = 10  # in which a folder that many runs name is walked once
_REFERENCE = re.compile(r"\$\{(?:(?:oc\.)?env:(\w+)(?:,([^}]*))?|(\.*[\w.-]+))\}")
_VARIABLE = re.compile(r"\$\{?([A-Za-z_]\w*)")
_PATTERN = re.compile(r"[*?\[]")
_FILE = re.compile(r"[^\s~:*?\[]+\.[A-Za-z]\w{0,11}")  # what looks like the name of one
_NAME = re.compile(r"[\w/.]")  # of files, unlike the * that stands for all layers
_SEARCHES = f"*{os.sep}*{os.sep}search.json"
# Variables that are set for each run or job, or tell nothing; and secrets, of which not even a hash is written down.
_OF_RUNS = re.compile(
    r"(GRIDFOLD_|PYTHON|SLURM|RAY_).*|CUDA_VISIBLE_DEVICES|.*_(NUM|MAX)_THREADS|(OLD)?PWD|PATH|SHLVL|TERM|COLUMNS|_"
    r"|HOSTNAME|TMPDIR|DISPLAY|SSH_.*|TOKENIZERS_PARALLELISM"
    r"|.*(TOKEN|(SECRET|PASSW(OR)?D|PASSPHRASE|CREDENTIAL|(API|ACCESS|PRIVATE)_?KEY)S?)\d*(_.*)?"
)
_PASSING = ("__pycache__", ".")  # what names begin with that tell nothing


def named_by(config: Mapping[str, Any], arguments: Iterable[str] = ()) -> dict[str, str | None]:
    """The files, folders and variables that a config, or arguments, name, and what is in them (see `hash_of`).

    What only looks like the name of a file is in it with "": it counts where code asks whether it is there.
    """
    texts = [*_texts(config), *arguments]
    names = [name for text in texts if "$" in text for name in _names(text)]
    found = variables({name: os.environ.get(name) for name in names})
    texts = [_resolved(text, config) if "$" in text else text for text in texts]
    ends = {text.rpartition("=")[2] for text in texts if len(text) < _MOST_CHARACTERS}
    absent = {called(name): "" for name in filter(_FILE.fullmatch, ends) if not os.path.exists(name)}
    return found | absent | named_in(texts)


def named_in(texts: Iterable[str], folder: str = "") -> dict[str, str | None]:
    """The files and folders that texts name, also as ``--data=FILE`` or ``-fFILE``, seen from a folder."""
    moment, folder = int(time.monotonic()), folder or os.getcwd()
    paths = (path for text in texts if 0 < len(text) < _MOST_CHARACTERS for path in _paths(text, folder, moment))
    return {called(path): hash_of(path, moment // _FOLDER_SECONDS) for path in paths}


@lru_cache(maxsize=10_000)
def _paths(text: str, folder: str, _moment: int) -> Sequence[str]:
    """The paths of what a text names; the runs of a search name the same again and again."""
    if "\n" in text or "\0" in text:
        return ()
    names = (text, text.partition("=")[2]) if "=" in text else (text, text[2:] if text.startswith("-f") else "")
    found: list[str] = []
    for name in filter(None, names):
        path = os.path.join(folder, os.path.expanduser(name))
        found += [path] if os.path.exists(path) else fitting(name, folder)
    return [path for path in found if not _has_project(path)]


def fitting(pattern: str, folder: str = "") -> list[str]:
    """The files that fit a pattern, and the pattern itself, of which their names count; the folder if they are many.

    Programs find the files, or libraries that are not heard, as DuckDB and polars.
    """
    if not (_PATTERN.search(pattern) and _NAME.search(pattern)):
        return []
    path = os.path.join(folder, os.path.expanduser(pattern))
    found = list(islice(glob.iglob(path, recursive=True), _MOST_IN_PATTERN + 1))
    if len(found) > _MOST_IN_PATTERN and not _has_project(_fixed(path)):
        return [_fixed(path)]
    return [*sorted(found), path] if found else []


def _fixed(pattern: str) -> str:
    """The folder in which all is that fits a pattern."""
    return os.path.dirname(_PATTERN.split(pattern, maxsplit=1)[0])


def _has_project(path: str) -> bool:
    """Whether a folder has all of the project in it: then it tells nothing."""
    return os.path.join(os.getcwd(), "").startswith(os.path.join(os.path.abspath(path), ""))


def is_listed(path: str) -> bool:
    """Whether a path stands for the names in a folder."""
    return os.path.basename(path) == LISTED


def called(path: str) -> str:
    """What a record calls a file: relative to the working directory, if it is in there."""
    here, whole = os.path.join(os.getcwd(), ""), os.path.abspath(path)
    return whole.removeprefix(here) or "."


def hash_of(path: str, moment: float | None = None) -> str | None:
    """What tells the content of a file or a folder from others; None if that cannot be told.

    Of a folder, names, sizes and times count, all the way down; of ``folder/*``, the names in the folder; of another
    pattern, the names of what fits it. What begins with ``$`` is a variable of the environment.

    Args:
        path: the file or folder.
        moment: a folder that was looked at in this moment is not looked at again; now unless it is given.
    """
    try:
        return _hash_of(path, moment)
    except (FileNotFoundError, NotADirectoryError):
        return NOT_THERE
    except (OSError, ValueError):  # a name that no file can have
        return None


def _hash_of(path: str, moment: float | None) -> str | None:
    if path.startswith(VARIABLE):
        return _hash_of_text(value_of(path.removeprefix(VARIABLE), os.environ))
    moment = time.monotonic() if moment is None else moment
    folder = os.path.dirname(path)
    if is_listed(path) and (os.path.isdir(folder) or not _PATTERN.search(folder)):
        return _hash_of_names(folder)
    if _PATTERN.search(path) and not os.path.exists(path):
        return _hash_of_pattern(os.path.abspath(path), moment)
    status = os.stat(path)
    if stat.S_ISDIR(status.st_mode):
        return _hash_of_folder(os.path.abspath(path), moment)
    if not stat.S_ISREG(status.st_mode):
        return "not a file"
    return _hash_of_file(os.path.abspath(path), status)


def variables(values: Mapping[str, str | None]) -> dict[str, str | None]:
    """What tells the values of variables from others, as `hash_of` does it, of those that may matter."""
    return {VARIABLE + name: _hash_of_text(text) for name, text in values.items() if not _OF_RUNS.fullmatch(name)}


def value_of(name: str, environment: Mapping[str, str]) -> str | None:
    """The value of a variable; of ``NAME_*``, those of all whose names begin so; None if there is none."""
    if not name.endswith("*"):
        return environment.get(name)
    names = sorted(each for each in environment if each.startswith(name[:-1]) and not _OF_RUNS.fullmatch(each))
    return repr([(each, environment[each]) for each in names]) if names else None


def _hash_of_text(text: str | None) -> str:
    return NOT_THERE if text is None else _digest([text])


def _hash_of_file(path: str, status: os.stat_result) -> str:
    if status.st_size > _MOST_BYTES:
        return f"{status.st_size} bytes, {status.st_mtime_ns}"
    return content(path, status.st_size, status.st_mtime_ns, status.st_ino)[:16]


@lru_cache(maxsize=100_000)
def content(path: str, *_stamp: int) -> str:
    """A hash of what is in a file that has this size and time."""
    import hashlib  # with OpenSSL, which few runs need

    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _hash_of_names(folder: str) -> str:
    names = {name for name in os.listdir(folder or ".") if not name.startswith(_PASSING)}
    if os.path.abspath(folder) == os.getcwd():  # the folders of runs appear with the first search
        names -= {path.partition(os.sep)[0] for path in glob.glob(_SEARCHES)}
    return _digest(sorted(names))


@lru_cache(maxsize=1000)
def _hash_of_pattern(pattern: str, _moment: float) -> str:
    folder = _fixed(pattern)
    return _digest(sorted(os.path.relpath(path, folder) for path in glob.iglob(pattern, recursive=True)))


@lru_cache(maxsize=1000)  # to walk a folder for each run of a search would cost more than many runs
def _hash_of_folder(folder: str, _moment: float) -> str | None:
    known: list[object] = []
    entered: set[str] = set()
    for parent, folders, names in os.walk(folder, followlinks=True):
        place = os.path.realpath(parent)
        folders[:] = sorted(name for name in folders if not name.startswith(_PASSING) and place not in entered)
        entered.add(place)  # a link may lead back
        for name in sorted(names):
            with suppress(OSError):
                status = os.stat(f"{parent}/{name}")
                known.append((os.path.relpath(parent, folder), name, status.st_size, status.st_mtime_ns))
            if len(known) > MOST_FILES:
                return None
    return _digest(known)


def _digest(known: Sequence[object]) -> str:
    import hashlib  # as above

    return hashlib.sha256(repr(known).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (Mapping, list)):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(item)


def _names(text: str) -> Iterator[str]:
    """The variables of the environment that a text refers to."""
    yield from (match[1] for match in _REFERENCE.finditer(text) if match[1])
    yield from (name for name in _VARIABLE.findall(text) if name in os.environ)


def _resolved(text: str, config: Mapping[str, Any]) -> str:
    """A text with what ``${...}`` in it refers to, as far as that is a plain value; with environment variables."""

    def value(match: re.Match[str]) -> str:
        variable, default, path = match.groups()
        if variable:
            return os.environ.get(variable, default or "")
        found: Any = config
        for key in path.strip(".").split("."):
            found = found.get(key) if isinstance(found, Mapping) else None
        return found if isinstance(found, str) else match.group()

    for _ in range(5):  # what is referred to may refer to more
        text = _REFERENCE.sub(value, text)
    return os.path.expandvars(text)
