"""Executed within gpt.py: sets its global variables from the command line."""

import sys
from ast import literal_eval

for argument in sys.argv[1:]:
    name, _, text = argument.removeprefix("--").partition("=")
    try:
        value = literal_eval(text)
    except (SyntaxError, ValueError):
        value = text
    assert type(value) is type(globals()[name]), f"{name}: {text}"
    print(f"Overriding: {name} = {value}")
    globals()[name] = value
