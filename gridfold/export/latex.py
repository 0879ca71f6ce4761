"""Texts and numbers for LaTeX, in whatever fonts a document has."""

from __future__ import annotations

import re
from collections.abc import Iterable

from gridfold.core.errors import visible

# In LaTeX's oldest font encoding, which is still the default, < > | and " are other characters.
_WRITTEN = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\char34{}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "…": r"\ldots{}",
    "–": "--",
    "\N{NO-BREAK SPACE}": "~",
} | {character: f"\\{character}" for character in "&%$#_{}"}
_LIGATURE = re.compile(r"(?<=-)(?=-)|(?<=')(?=')|(?<=`)(?=`)|(?<=[?!])(?=`)|(?<=,)(?=,)")
_TIMES = r"\times"
_NUMBER = re.compile(r"(-?)(\d+(?:\.\d+)?)(?:e([+-]?\d+))?")


def escape(text: str) -> str:
    """A text of which LaTeX prints every character as it is, in one line."""
    apart = _LIGATURE.sub("\0", " ".join(visible(text).split(" ")).replace("\n", " ").replace("\t", " "))
    return "".join("{}" if letter == "\0" else _WRITTEN.get(letter, letter) for letter in apart)


def number(text: str) -> str:
    r"""A number as a formula has it, with a minus sign and a power: ``5e-6`` is :math:`5\times10^{-6}`."""
    found = _NUMBER.fullmatch(text)
    if found is None:
        return escape(text)
    sign, digits, exponent = found.groups()
    if not sign and exponent is None:
        return digits
    power = "" if exponent is None else f"10^{{{int(exponent)}}}"
    factors = [each for each in ("" if digits == "1" and power else digits, power) if each]
    return f"${sign}{_TIMES.join(factors)}$"


def row(cells: Iterable[str]) -> str:
    """Escaped cells as a row of a table; the break before it would take what begins with a bracket or a star."""
    line = " & ".join(cells)
    return ("{}" if line[:1] in ("[", "*") else "") + line + r" \\"


def is_plain(text: str) -> bool:
    """Whether every LaTeX has its characters: those of Western European languages."""
    return all(ord(letter) < 0x180 for letter in text)
