"""Relative paths, in arguments and in the values of a config, made absolute for who looks from another folder."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

_MOST_CHARACTERS = 4096
_FILE_OF_ARGUMENTS = "@"  # before the name of a file, as argparse and javac take it
# Options whose value is a folder that is read, as --data-dir; that of --output-dir is not
_INPUTS = "data|dataset|input|train|val|valid|validation|eval|test|image|images|corpus|source|src"
_INPUT_FOLDER = re.compile(rf"-+(?:.*[._-])?(?:(?:{_INPUTS})[_-]?(?:dir|folder|path|root)|root)", re.IGNORECASE)


def absolute(text: str, folder: str, option: str = "") -> str:
    """A text, with the path that it names from the root, also as ``--data=PATH``; as it is if it names none.

    A path is the name of a file that is there, or of a folder if it has a slash or its option says that it is one that
    is read: ``mnist`` alone is more often a name.

    Args:
        text: an argument.
        folder: what its paths begin from.
        option: the argument before it.
    """
    if found := _path(text, folder, is_folder=_names_input(option)):
        return found
    before, separator, named = text.partition("=")
    if separator and (found := _path(named, folder, is_folder=_names_input(before))):
        return f"{before}={found}"
    if text.startswith(_FILE_OF_ARGUMENTS) and (found := _path(text[1:], folder)):
        return f"{_FILE_OF_ARGUMENTS}{found}"
    return text


def with_absolute_paths(value: Any, folder: str) -> Any:
    """A copy of a config, or of a part of it, in which what names a path names it from the root."""
    if isinstance(value, Mapping):
        return {key: with_absolute_paths(each, folder) for key, each in value.items()}
    if type(value) is list:
        return [with_absolute_paths(each, folder) for each in value]
    return _path(value, folder) or value if isinstance(value, str) else value


def _names_input(option: str) -> bool:
    return _INPUT_FOLDER.fullmatch(option) is not None


def _path(text: str, folder: str, *, is_folder: bool = False) -> str:
    """The path that a text names, from the root; "" if it names none, or one from the root."""
    if not 0 < len(text) < _MOST_CHARACTERS or os.path.isabs(text) or "\0" in text or "\n" in text:
        return ""
    whole = os.path.join(folder, text)
    is_there = os.path.exists(whole) if is_folder or "/" in text else os.path.isfile(whole)
    return os.path.normpath(whole) + "/" * text.endswith("/") if is_there else ""
