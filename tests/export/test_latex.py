"""Texts for LaTeX."""

import re
import string

from hypothesis import given
from hypothesis import strategies as some

from gridfold.export import latex

# What LaTeX prints for a command; a character outside of commands stands for itself.
PRINTED = {
    r"\textbackslash{}": "\\",
    r"\textasciitilde{}": "~",
    r"\textasciicircum{}": "^",
    r"\textless{}": "<",
    r"\textgreater{}": ">",
    r"\textbar{}": "|",
    r"\char34{}": '"',
    "{}": "",
} | {rf"\{letter}": letter for letter in "&%$#_{}"}
COMMANDS = re.compile("|".join(map(re.escape, sorted(PRINTED, key=len, reverse=True))))
LIGATURES = ("--", "''", "``", "?`", "!`", ",,")
ACTIVE = set('\\~^<>|"&%$#_{}')


def printed(written):
    return COMMANDS.sub(lambda found: PRINTED[found[0]], written)


@given(some.text(string.ascii_letters + string.punctuation, max_size=12))
def test_every_character_is_printed_as_it_is(text):
    written = latex.escape(text)
    assert printed(written) == text
    assert not ACTIVE & set(COMMANDS.sub("", written))
    assert not any(ligature in written for ligature in LIGATURES)


def test_a_text_is_one_line():
    assert latex.escape("a\n\nb\tc\x1b") == r"a  b c\textbackslash{}x1b"


def test_a_row_is_no_option_of_the_break_before_it():
    assert latex.row(["[256, 128]", "1"]) == r"{}[256, 128] & 1 \\"
    assert latex.row(["*", "1"]) == r"{}* & 1 \\"
    assert latex.row(["1", "[2]"]) == r"1 & [2] \\"


def test_numbers_have_powers_and_a_true_minus():
    said = {"0.1": "0.1", "-2": "$-2$", "5e-6": r"$5\times10^{-6}$", "1e300": "$10^{300}$", "-1e-5": "$-10^{-5}$"}
    assert {text: latex.number(text) for text in said} == said
    assert latex.number("nan") == "nan"
    assert latex.number("") == ""
