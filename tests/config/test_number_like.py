"""Texts that look like numbers are named, with the number to write."""

import pytest

from gridfold.config.document import Document
from gridfold.config.number_like import number_meant, texts_like_numbers
from gridfold.config.overrides import parse_arguments

NUMBERS = {
    "-.5": -0.5,
    "+.5": 0.5,
    "-.5e-3": -0.0005,
    ".5e3": 500.0,
    "08": 8,
    "0o17": 15,
    "1,000": 1000,
    "-12,345,678.5": -12345678.5,
    "0,001": 0.001,
    "inf": float("inf"),
    "-Infinity": float("-inf"),
    "\N{MINUS SIGN}0.5": -0.5,
    "1e\N{MINUS SIGN}5": 1e-5,
}


@pytest.mark.parametrize("text", NUMBERS)
def test_a_number_that_is_read_as_a_text(text):
    assert repr(number_meant(text)) == repr(NUMBERS[text])
    document = Document.parse(f"a: {{b: '{text}'}}\nc:\n  - {text}\n", "c.yaml")
    ((place, said),) = texts_like_numbers(document)
    assert place.path == "c.0"
    assert said.startswith(f"{text} is read as a string: write ")


@pytest.mark.parametrize(
    "text",
    ["1e5x", "1.2.3", "-x", ".", "-", "+", "v1", "0,1", "1,2", "0b", "0o9", "info", "2024-01-01", "12:30", "nano"],
)
def test_other_texts(text):
    assert number_meant(text) is None


@pytest.mark.parametrize("text", ["1e-7", ".5", "1.", "1_000", "0x1F", "010", "+1", "-0.5", ".inf", "1e5", "'-.5'"])
def test_numbers_and_quoted_texts(text):
    assert list(texts_like_numbers(Document.parse(f"a: {text}\n", "c.yaml"))) == []


def test_on_the_command_line():
    (variation,) = parse_arguments(["a=-.5,'+.5',1"])
    assert variation.like_numbers == ("-.5 is read as a string: write -0.5, or '-.5' if a text is meant",)
    assert parse_arguments([variation.argument])[0].like_numbers == ()
