"""Values that other tools are known to change: each has to come back equal and of the same type, or as text."""

from __future__ import annotations

import math
from typing import Any

import yaml

from gridfold.core.values import Loader, canonical

LONG = "long text " * 1000

# By a name for the test; all are what YAML can say, so a config may have them.
HARD_VALUES: dict[str, Any] = {
    "null": None,
    "true": True,
    "false": False,
    "zero": 0,
    "one": 1,
    "one as a float": 1.0,
    "one as a text": "1",
    "True as a text": "True",
    "true as a text": "true",
    "float as a text": "1e-7",
    "empty text": "",
    "blanks around": " x ",
    "nan": math.nan,
    "inf": math.inf,
    "minus inf": -math.inf,
    "minus zero": -0.0,
    "small": 1e-7,
    "very small": 1e-300,
    "denormal": 5e-324,
    "largest": 1.7976931348623157e308,
    "sum": 0.1 + 0.2,
    "beyond doubles": 2**53 + 1,
    "beyond 64 bits": 2**63,
    "far below": -(2**70),
    "null as a text": "null",
    "nan as a text": "nan",
    "None as a text": "None",
    "infinity as a text": "Infinity",
    "comma": "a,b",
    "line break": "a\nb",
    "carriage return": "a\r\nb",
    "umlaut": "ü",
    "decomposed": "u\u0308",
    "emoji": "😀",
    "quotes": 'it\'s "quoted" \\ `so`',
    "markup": "<b>bold</b> & {{x}} | $1",
    "control characters": "a\x00b\x07\x1b[31m\x7f",
    "right to left": "abc\u202edef\u2028ghi",
    "long": LONG,
    "date as a text": "2024-01-01",
    "path": "/data/my set/a.csv",
    "no list": [],
    "list": [1],
    "list of a float": [1.0],
    "bool and int": [True, 1],
    "nested": [[256, 128], {"p": [None, "1"]}],
    "nan in a list": [math.nan, 1.5],
    "no mapping": {},
    "mapping": {"a": 1},
    "key that is no text": {1: "x"},
    "nested mapping": {"a": {"b": [1, 2.0, "3"]}, "c": None},
}

# Names of parameters.
HARD_NAMES: tuple[str, ...] = (
    "lr",
    "model.head.layers.2.p",
    "a/b",
    "a b",
    "ü",
    "😀",
    "a:b",
    "Lr",  # beside `lr`, for what does not tell capitals
    "a\\b",
    "percent%20",
    "quote'd\"",
    "x" * 250,
    "y" * 249 + "ü",
)

# Metrics, which are numbers: what JSON of Python can hold.
HARD_NUMBERS: tuple[float, ...] = (
    0.0,
    -0.0,
    1,
    0.1,
    0.1 + 0.2,
    1e-7,
    1e-300,
    5e-324,
    1.7976931348623157e308,
    math.nan,
    math.inf,
    -math.inf,
    2**53 + 1,
    2**63,
)
HARD_METRICS: tuple[str, ...] = ("val_f1", "val/loss", "top 5", "Größe", "F1@0.5", "val_loss%", "z" * 200)


def is_same(found: Any, value: Any) -> bool:
    """Whether a tool has given back a value: equal, and of the same type; nan is nan, and -0.0 is not 0.0."""
    return canonical(found) == canonical(value)


def is_text_of(found: Any, value: Any) -> bool:
    """Whether a tool has given back the value as a text of YAML."""
    return isinstance(found, str) and is_same(yaml.load(found, Loader), value)
