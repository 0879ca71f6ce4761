"""How the characters of a file are written: UTF-8, unless its first bytes say otherwise."""

from __future__ import annotations

import codecs
from pathlib import Path

from gridfold.core.errors import ConfigError

# The longer ones first: that of UTF-32 begins as that of UTF-16 does.
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def encoding_of(content: bytes) -> str:
    """The encoding that the byte order mark at the beginning of a file says; UTF-8 where there is none."""
    return next((name for mark, name in _MARKS.items() if content.startswith(mark)), "utf-8-sig")


def not_decodable(file: Path, path: str) -> ConfigError:
    """What to say of a file that is not what its first bytes promise: in which line, and what it may be."""
    content = file.read_bytes()
    encoding = encoding_of(content)
    shown = encoding.removesuffix("-sig").upper()
    try:
        content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem = f"cannot read {file}: line {line} is not {shown} (byte 0x{content[error.start]:02x})"
        guess = _guess(content)
        return ConfigError(problem, path=path, hint=f"convert it: iconv -f {guess} -t UTF-8 {file} > NEW_FILE")
    return ConfigError(f"cannot read {file}: it is not {shown}", path=path)


def _guess(content: bytes) -> str:
    """What a file that is not UTF-8 probably is. Windows has signs where ISO 8859-1 has control characters."""
    try:
        content.decode("cp1252")
    except UnicodeDecodeError:
        return "ISO-8859-1"
    return "WINDOWS-1252"
