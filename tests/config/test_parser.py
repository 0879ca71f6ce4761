"""Texts become nodes as libyaml has them, at the right places, at a cost that grows with the text and no faster."""

import os
import sys
import threading
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gridfold.config import parser
from gridfold.config.config import Config
from gridfold.config.parser import read_text
from gridfold.core.errors import ConfigError
from tests.config.rendered import build, render_all
from tests.loaders import assert_all_read, omegaconf

WORDS = [
    *"ab:,?-[]{}#'\"|>&*!~=\t\n",
    ": ",
    ", ",
    "- ",
    "\n  ",
    "\n- ",
    " # c\n",
    "|\n  ",
    "&x ",
    "!!str ",
    "é",
    "\r\n",
]


@settings(max_examples=500)
@given(st.lists(st.sampled_from(WORDS), max_size=10).map("".join))
@example("a:\t1\t# c\nb: [x\ty,\t2]\n")
@example("{a, b: , c:\n  }")
@example("a: |\t# c\n  x\n")
@example("a: !!str\t'x'\n")
@example("a: |#c\n  x\n")
def test_what_libyaml_reads_is_read_and_written_for_all(text):
    try:
        expected = yaml.load(text, yaml.CSafeLoader)
    except (yaml.YAMLError, TypeError, ValueError):
        return
    try:
        renderer, space = build(text)
    except ConfigError:
        assert not isinstance(expected, dict) or any(mark in text for mark in "*&?!{[:|>=\"'")
        return
    if not space.parameters and ".inf" not in text:
        assert_all_read(renderer.text({}), omegaconf(text) if "=" not in text else renderer.config({}))


@pytest.mark.parametrize("bom", ["", "\ufeff"])
@pytest.mark.parametrize("library", [yaml.CSafeLoader, yaml.SafeLoader])
def test_places_are_exact_with_and_without_libyaml(bom, library, monkeypatch):
    monkeypatch.setattr(parser, "_PARSER", library)
    text = f"{bom}😀: [é, '😀', *x]  # c\r\nm:\r\n  - k: |\r\n      é\r\n\r\n  - n\r\n# end\r\ne: {{a: , b\r\n  }}\r\n"
    text = text.replace("é,", "&x é,")
    document = Config.parse(text, "base.yaml").document
    found = {path: text[place.start : place.end] for path, place in document.places.items() if path}
    assert found == {
        "😀": "[&x é, '😀', *x]",
        "😀.0": "&x é",
        "😀.1": "'😀'",
        "😀.2": "*x",
        "m": "- k: |\r\n      é\r\n\r\n  - n",
        "m.0": "k: |\r\n      é",
        "m.0.k": "|\r\n      é",
        "m.1": "n",
        "e": "{a: , b\r\n  }",
        "e.a": "",
        "e.b": "",
    }
    assert text[: document.places["e.a"].start].endswith("{a:")
    assert document.where(document.places["m.1"].node) == "base.yaml:6:5"


def calls(text):
    """How many calls of functions it takes to lay out the runs of a config."""
    count = 0

    def counted(frame, event, argument):
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(counted)
    try:
        config = Config.parse(text, "base.yaml")
        _ = config.kept, render_all(config)
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize(
    "line",
    [
        "s{0}:\n  k: !fixed [1, 2]\n  l: !fixed {{x: [1, 2]}}\n",
        "s{0}: {{a: {0}, b: 1e-3, c: text}}  # c\n",
        "s{0}:\n  k:  # c\n    - 1 # a\n    - 2\n",
        "s{0}: &s{0} [1, 2]\nt{0}: {{u: *s{0}}}\n",
        "s{0}: |\n  text\n",
    ],
)
def test_four_times_the_lines_cost_four_times_the_work(line):
    less, more = (calls("".join(map(line.format, range(count)))) for count in (50, 200))
    assert more < 4.4 * less


def test_a_pipe_is_read_if_somebody_writes_into_it(tmp_path):
    pipe = tmp_path / "pipe.yaml"
    os.mkfifo(pipe)
    assert read_text(pipe) == ""
    writer = threading.Thread(target=pipe.write_text, args=("a: 1\n",))
    writer.start()
    assert read_text(pipe) == "a: 1\n"
    writer.join()


def test_a_file_without_an_end_is_no_config():
    with pytest.raises(ConfigError, match="more than 67,108,864 bytes"):
        read_text(Path("/dev/zero"))
