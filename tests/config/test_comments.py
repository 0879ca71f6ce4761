"""Comments in a list that varies: what is said of the value that was taken stays, what is said of others goes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.config.rendered import texts
from tests.loaders import assert_all_read


@pytest.mark.parametrize(
    ("base", "first", "second"),
    [
        (
            "lr:   # rates\n  - 1e-3   # high\n  # between\n  - 1e-4   # low\n# next\nx: 1\n",
            "lr: 0.001   # rates   # high\n# next\nx: 1\n",
            "lr: 0.0001   # rates  # between   # low\n# next\nx: 1\n",
        ),
        ("lr: [  # rates\n  1,  # a\n  2,  # b\n]\n", "lr: 1  # rates  # a\n", "lr: 2  # rates  # b\n"),
        ("m: {lr: [\n  1, # a\n  2 # b\n  ], x: 1}\n", "m: {lr: 1 # a\n  , x: 1}\n", "m: {lr: 2 # b\n  , x: 1}\n"),
        ("lr:\n  # from a paper\n  - 1\n  - 2 # b\n", "lr: 1  # from a paper\n", "lr: 2  # from a paper # b\n"),
        ("lr:\n  - 1\n  # - 3\n  - 2 # b\n", "lr: 1\n", "lr: 2 # b\n"),
        ("l:\n- # c\n  - 1 # a\n  - 2\n- {x: 1}\n", "l:\n- # c\n  1 # a\n- {x: 1}\n", "l:\n- # c\n  2\n- {x: 1}\n"),
        ("? lr\n: - 1 # a\n  - '2 # b'\n", "? lr\n: 1 # a\n", "? lr\n: '2 # b'\n"),
        ("lr: &x # rates\n- 1 # a\n- 2\ny: *x\n", "lr: &x 1 # rates # a\ny: *x\n", "lr: &x 2 # rates\ny: *x\n"),
        ("lr: [1, 2]  # 2 values\n", "lr: 1\n", "lr: 2\n"),
        ("lr:  # these two were best\n  - 1\n  - 2\n", "lr: 1\n", "lr: 2\n"),
        ("lr: [1, 2]  # 2 GPUs\n", "lr: 1  # 2 GPUs\n", "lr: 2  # 2 GPUs\n"),
        ("lr:\t[1,\t2]\t# a\n", "lr: 1 # a\n", "lr: 2 # a\n"),
        ("lr:\n  # slow\n  - 0.1\n\n  - 0.2\n", "lr: 0.1  # slow\n", "lr: 0.2\n"),
        ("lr:\r\n  # slow\r\n  - 1\r\n \r\n  - 2\r\n", "lr: 1  # slow\r\n", "lr: 2\r\n"),
        ("lr:\n  # rates\n\n  - 0.1\n\n  - 0.2\n", "lr: 0.1  # rates\n", "lr: 0.2  # rates\n"),
    ],
)  # fmt: skip
def test_a_value_keeps_its_own_comments(base, first, second):
    assert texts(base) == [first, second]


def test_other_values_than_those_of_the_file_have_no_comments_of_the_file():
    base = "lr: # rates\n  - 1 # a\n  - 2 # b\n"
    assert texts(base, "lr=2,1") == ["lr: 2 # rates\n", "lr: 1 # rates\n"]
    assert texts(base, "lr=1") == ["lr: 1 # rates\n"]


comments = st.sampled_from(["", "  # why: not", " # [1, 2", " # }, x,", "\t# 'tab", " #", " # é: *x &y !t"])
own_lines = st.sampled_from(["", "\n", "  # own: line\n", "# - 3\n", "\n    # {\n\n"])


@st.composite
def commented(draw):
    """A document with comments wherever one can stand, with the values that vary in it."""
    end = lambda: draw(comments) + "\n" + draw(own_lines)  # noqa: E731
    block = f"b:{end()}  - 1{end()}  - 'x # y'{end()}"
    flow = f"f: [{end()}  1{end()}  ,{end()}  'x # y'{end()}  ]{end()}"
    inside = f"m: {{f: [{end()}  1,{end()}  'x # y' ],{end()}  n{end()} , e:{end()}  }}{end()}"
    nothing = f"z: {{{end()}  }}{end()}"
    parts = draw(st.lists(st.sampled_from([block, flow, inside, nothing]), min_size=1, unique=True))
    return "".join(parts)


def as_meant(text, value):
    meant = {"b:": {"b": value}, "f:": {"f": value}, "m:": {"m": {"f": value, "n": None, "e": None}}, "z:": {"z": {}}}
    return {key: item for line in text.splitlines() for key, item in meant.get(line[:2], {}).items()}


@given(commented())
def test_wherever_comments_stand_every_loader_reads_the_value(text):
    written = texts(text)
    assert_all_read(written[0], as_meant(text, 1))
    assert_all_read(written[-1], as_meant(text, "x # y"))


@given(commented(), st.sampled_from(["+z.q=7", "+m.q=7", "+q=7"]))
def test_wherever_comments_stand_a_key_can_be_added(text, argument):
    if argument[1] != "q" and f"{argument[1]}: {{" not in text:
        return
    expected = as_meant(text, 1)
    (expected if argument == "+q=7" else expected[argument[1]])["q"] = 7
    assert_all_read(texts(text, argument)[0], expected)
