"""Run configs: equal under every loader, and differing from the base only where they must."""

import difflib
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridfold.config.config import Config
from gridfold.config.overrides import from_mapping
from gridfold.core.errors import ConfigError
from tests.config.rendered import build, render_all, texts
from tests.documents import documents
from tests.loaders import assert_all_read, omegaconf, pyyaml, same


def changed(before, after):
    """Lines removed and added."""
    diff = list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0))[2:]
    return [line for line in diff if not line.startswith("@@")]


@settings(max_examples=400)
@given(documents(), st.data())
def test_every_loader_reads_a_run_config_as_meant(document, data):
    text, value, parameters = document
    renderer, space = build(text)
    found = [(parameter.path, parameter.values) for parameter in space.parameters]
    assert [path for path, _ in found] == [path for path, _ in parameters]
    assert all(same(list(left), list(right)) for (_, left), (_, right) in zip(found, parameters, strict=True))
    chosen = {path: data.draw(st.sampled_from(values)) for path, values in parameters}
    written = renderer.text(chosen)
    assert_all_read(written, value(chosen))
    assert same(renderer.config(chosen), value(chosen))
    assert Config.parse(written, "run").parameters == ()  # a run's config varies nothing
    again, _ = build(written)
    assert again.text({}) == written  # and is its own run config
    assert again.canonical({}) == renderer.canonical(chosen)


@settings(max_examples=200)
@given(documents(), st.data())
def test_a_variation_changes_its_path_only(document, data):
    text, value, parameters = document
    config = Config.parse(text, "base.yaml")
    varied = [path for path, _ in parameters]
    paths = [path for path in config.document.places if path and not any(path.startswith(f"{p}.") for p in varied)]
    path = data.draw(st.sampled_from(paths))
    renderer, space = render_all(config, from_mapping({path: ["new", 1e-9, [1, 2], None]}))
    others = [(p, values) for p, values in parameters if p != path and not p.startswith(f"{path}.")]
    assert {parameter.path for parameter in space.parameters} == {path, *(p for p, _ in others)}
    chosen = {p: values[0] for p, values in others}
    for new in ["new", 1e-9, [1, 2], None]:
        expected = replaced(value(chosen), path.split("."), new)
        assert_all_read(renderer.text({**chosen, path: new}), expected)


def replaced(data, keys, value):
    if not keys:
        return value
    if isinstance(data, list):
        return [replaced(item, keys[1:], value) if str(i) == keys[0] else item for i, item in enumerate(data)]
    return {key: replaced(item, keys[1:], value) if key == keys[0] else item for key, item in data.items()}


def test_only_varied_lines_differ():
    base = "# about\nb:   {p: [1, 2] , q: 'x'}   # why\nlr: [1e-7, 5e-7] # rates\nname:   \"no\"\n"
    first = texts(base)[0]
    assert changed(base, first) == [
        "-b:   {p: [1, 2] , q: 'x'}   # why",
        "-lr: [1e-7, 5e-7] # rates",
        "+b:   {p: 1 , q: 'x'}   # why",
        "+lr: 1.0e-07 # rates",
    ]


def test_values_that_loaders_read_differently_are_written_alike():
    base = "a: 1e-7\nb: no\nc: 010\nd: 12:30\ne: 2024-01-01\non: =\nkeep: 'no'\n"
    (written,) = texts(base)
    assert written == "a: 1.0e-07\nb: false\nc: 8\nd: 750\ne: '2024-01-01'\ntrue: '='\nkeep: 'no'\n"


def test_product_is_that_of_itertools():
    base = "a: [1, 2]\nb: {c: [x, y, z], d: [[1, 2], [3]]}\n"
    expected = [
        {"a": a, "b": {"c": c, "d": d}} for a, c, d in itertools.product([1, 2], ["x", "y", "z"], [[1, 2], [3]])
    ]
    assert [pyyaml(text) for text in texts(base)] == expected


ANCHORED = """\
shared: &shared
  lr: [1e-3, 1e-4]   # rates
  wd: 0
train:
  <<: *shared
  epochs: 3
other: *shared
list: [*shared, {wd: 2}]
"""


def test_a_varied_value_used_through_an_alias_varies_everywhere():
    first, second = texts(ANCHORED)
    assert_all_read(first, aliased(0.001))
    assert_all_read(second, aliased(0.0001))
    assert changed(ANCHORED, second) == ["-  lr: [1e-3, 1e-4]   # rates", "+  lr: 0.0001   # rates"]


def aliased(lr):
    shared = {"lr": lr, "wd": 0}
    return {"shared": shared, "train": {**shared, "epochs": 3}, "other": shared, "list": [shared, {"wd": 2}]}


def test_an_anchor_on_the_list_itself_stays():
    first, second = texts("lr: &lr [1, 2]\nblock: &b\n  - x\n  - y\nagain: [{lr: *lr, b: *b}]\n")[::3]
    assert first == "lr: &lr 1\nblock: &b x\nagain: [{lr: *lr, b: *b}]\n"
    assert_all_read(second, {"lr": 2, "block": "y", "again": [{"lr": 2, "b": "y"}]})


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("train.lr", lambda data: data["train"].update(lr=7)),
        ("train.wd", lambda data: data["train"].update(wd=7)),
        ("other", lambda data: data.update(other=7)),
        ("other.wd", lambda data: data["other"].update(wd=7)),
        ("other.lr", lambda data: data["other"].update(lr=7)),
        ("list.0.wd", lambda data: data["list"][0].update(wd=7)),
        ("list.0", lambda data: data["list"].__setitem__(0, 7)),
        ("train", lambda data: data.update(train=7)),
    ],
)
def test_a_variation_through_an_alias_leaves_the_other_uses(path, expected):
    written = texts(ANCHORED, f"{path}=7")[0]
    data = pyyaml(texts(ANCHORED)[0])
    data = {**data, "other": dict(data["other"]), "list": [dict(data["list"][0]), data["list"][1]]}
    expected(data)
    assert_all_read(written, data)


def test_a_variation_of_the_anchored_value_reaches_every_use():
    written = texts(ANCHORED, "shared.lr=5")[0]
    assert_all_read(written, aliased(5))


def test_an_anchor_inside_a_replaced_value_is_an_error():
    with pytest.raises(ConfigError, match="anchor &one stands inside a value that is replaced"):
        build("lr: [&one 1, 2]\nx: *one\n")


@pytest.mark.parametrize(
    ("base", "argument", "expected"),
    [
        ("a: 1\n", "+b.c.d=2", {"a": 1, "b": {"c": {"d": 2}}}),
        ("a: {}\n", "+a.b=x", {"a": {"b": "x"}}),
        ("a: {b: 1,}\n", "+a.c=x", {"a": {"b": 1, "c": "x"}}),
        ("a: {b: 1}  # c\nd: 2\n", "+a.c=x", {"a": {"b": 1, "c": "x"}, "d": 2}),
        ("a:\n  b: 1   # c\nd: 2\n", "+a.c=x", {"a": {"b": 1, "c": "x"}, "d": 2}),
        ("a:\n  b:\n    - q: 1\n      r: 2\nd: 2", "+a.b.0.s=x", {"a": {"b": [{"q": 1, "r": 2, "s": "x"}]}, "d": 2}),
        ("a:\nd: 2\n", "+a.c=x", {"a": {"c": "x"}, "d": 2}),
        ("a: null\n", "+a.c=x", {"a": {"c": "x"}}),
        ("{a: 1}\n", "+c=x", {"a": 1, "c": "x"}),
        ("gridfold: {}\na: 1\n", "+c=x", {"a": 1, "c": "x"}),
        ("a: 1\ngridfold:\n  fixed: [a]\n", "+c=x", {"a": 1, "c": "x"}),
        ("x: &x {b: 1}\na: *x\n", "+a.c=x", {"x": {"b": 1}, "a": {"b": 1, "c": "x"}}),
        ("x: &x {b: {d: 1}}\na: {<<: *x}\n", "+a.b.c=x", {"x": {"b": {"d": 1}}, "a": {"b": {"d": 1, "c": "x"}}}),
        ('{\n  "a": 1,  # one, two\n}\n', "+c=x", {"a": 1, "c": "x"}),
        ('{\n  "a": 1  # one,\n  # }\n}\n', "+c=x", {"a": 1, "c": "x"}),
        ("{\n  # nothing: yet,\n}\n", "+c=x", {"c": "x"}),
        ("{# nothing\n}\n", "+c=x", {"c": "x"}),
        ("a: {b: , }\n", "+a.c=x", {"a": {"b": None, "c": "x"}}),
        ("a: {b: }\n", "+a.c=x", {"a": {"b": None, "c": "x"}}),
        ("a: {b # why\n  , # more\n  }\n", "+a.c=x", {"a": {"b": None, "c": "x"}}),
        ("a: {b: {}  # none\n  }\n", "+a.b.c=x", {"a": {"b": {"c": "x"}}}),
        ("a: [{b: 1}, {}, c: 2]\n", "+a.1.d=x", {"a": [{"b": 1}, {"d": "x"}, {"c": 2}]}),
        ("a: [b: 1, c: ]\n", "+a.0.d=x", {"a": [{"b": 1, "d": "x"}, {"c": None}]}),
        ("a: [b: 1, c: ]\n", "+a.1.d=x", {"a": [{"b": 1}, {"c": None, "d": "x"}]}),
        ("a: [? b : 1 # why\n  ]\n", "+a.0.d=x", {"a": [{"b": 1, "d": "x"}]}),
        ("? a\n", "+c=x", {"a": None, "c": "x"}),
        ("a:\r\n  b: 1\r\nd: 2\r\n", "+a.c=x", {"a": {"b": 1, "c": "x"}, "d": 2}),
        ("d: &d\n  b: 1\n<<: *d\na: 1\n", "+c=x", {"d": {"b": 1}, "b": 1, "a": 1, "c": "x"}),
        ("d: &d\n  b: 1\na: 1\n<<: *d\n", "b=x", {"d": {"b": 1}, "a": 1, "b": "x"}),
        ("gridfold: {}\nd: &d\n  b: 1\n<<: [*d]\n", "b=x", {"d": {"b": 1}, "b": "x"}),
        ("{\n  a: [1] # c\n  }\n", "+c=x", {"a": [1], "c": "x"}),
        ('{\n  "a": 1,\n  "gridfold": {"threads": 1}\n}\n', "+c=x", {"a": 1, "c": "x"}),
        ('{"a": 1, "gridfold": {}}\n', "+c=x", {"a": 1, "c": "x"}),
        ('{"a": 1 # c\n , "gridfold": {},\n}\n', "+c=x", {"a": 1, "c": "x"}),
        ('{"a":\n , "gridfold": {}}\n', "+c=x", {"a": None, "c": "x"}),
        ('{"gridfold": {}, "a": 1}\n', "+c=x", {"a": 1, "c": "x"}),
        ('{"gridfold": {}}\n', "+c=x", {"c": "x"}),
        ('{  # none\n  "gridfold": {},\n}\n', "+c=x", {"c": "x"}),
        ('{"gridfold": {}}\n', "+c=!one_of [x, y]", {"c": "x"}),
        ('{\n  "a": 1,\n  "gridfold": {}\n}\n', "+c=!one_of [x, y]", {"a": 1, "c": "x"}),
    ],
)
def test_a_new_path_is_added(base, argument, expected):
    written = texts(base, argument)[0]
    assert_all_read(written, expected)
    assert written.count("\r\n") in (0, written.count("\n"))


@pytest.mark.parametrize("arguments", [*itertools.permutations(["+c=1", "+a.c=2", "+a.b.c=3", "+e.c=4"])])
@pytest.mark.parametrize("base", ["e:\na:\n  b:\n    q: 1", "{e: , a: {b: {q: 1}}}", "e:\na:\n  b: {q: 1}\n"])
def test_new_paths_are_added_in_any_order(base, arguments):
    expected = {"a": {"b": {"q": 1, "c": 3}, "c": 2}, "e": {"c": 4}, "c": 1}
    assert_all_read(texts(base, *arguments)[0], expected)


@pytest.mark.parametrize(
    ("base", "argument", "expected"),
    [
        ("a:\nb: 1\n", "a=x", "a: x\nb: 1\n"),
        ('{"a":[1,2],"b":3}', "b=4,5", '{"a": 1,"b": 4}'),
        ("a: |\n  text\n  more\nb: 1\n", "a=x", "a: x\nb: 1\n"),
        ("a: >-\n  text\n\n\nb: 1\n", "a=x", "a: x\n\n\nb: 1\n"),
        ("a:\n- 1\n- 2\nb: 1\n", "b=2", "a: 1\nb: 2\n"),
        ("? a\n: [1, 2]\n", "a=x", "? a\n: x\n"),
        ("a: [{b: 1}, {c: 2}]\n", "a.1=x", "a: [{b: 1}, x]\n"),
        ("a:\n  - b: 1\n  -\n", "a.1=x", "a:\n  - b: 1\n  - x\n"),
        ("a:\n  - b: 1 # one\n  - c: 1 # two\nd: 1\n", "a.1=x", "a:\n  - b: 1 # one\n  - x\nd: 1\n"),
        ("{a, b: 1}\n", "a=x", "{a: x, b: 1}\n"),
        ("{a: , b: 1}\n", "a=x", "{a: x , b: 1}\n"),
        ("{a:  # why: not\n  , b: 1}\n", "a=x", "{a: x  # why: not\n  , b: 1}\n"),
        ("{a\n  # why: not\n  , b: 1}\n", "a=x", "{a: x\n  # why: not\n  , b: 1}\n"),
        ("? a\nb: 2\n", "a=x", "? a\n: x\nb: 2\n"),
        ("c:\n  ? a  # why\n  ? b\n", "c.a=x", "c:\n  ? a  # why\n  : x\n  ? b\n"),
        ("c: [{a, two\n  words, b: 1}]\n", "c.0.two words=x", "c: [{a, two words: x, b: 1}]\n"),
        ("a: !!str 12\nb: !!float 1\n", "b=2", "a: '12'\nb: 2\n"),
        ("a: 'multi\n  line'\n", "a=x", "a: x\n"),
        ("%YAML 1.1\n---\na: [1, 2]\n...\n", "a=3", "%YAML 1.1\n---\na: 3\n...\n"),
        ("\ufeffa: [1, 2]\n", "a=3", "\ufeffa: 3\n"),
    ],
)
def test_a_value_is_replaced_in_place(base, argument, expected):
    assert texts(base, argument)[0] == expected


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("a: 1\ngridfold:   # ours\n  fixed:\n    - b\nb: [1, 2]\n", "a: 1\nb: [1, 2]\n# gridfold: {fixed: [b]}\n"),
        ("  gridfold: {}\n  a: 1\n  b: 2\n", "  a: 1\n  b: 2\n"),
        ("gridfold: {fixed: [b]}  # ours\nb: [1, 2]", "b: [1, 2]\n# gridfold: {fixed: [b]}\n"),
        ("{a: 1, gridfold: {fixed: [b]}, b: [1, 2]}\n", "{a: 1, b: [1, 2]}\n# gridfold: {fixed: [b]}\n"),
        ('{"a": 1, # c,\n "gridfold": {}}\n', '{"a": 1, # c,\n }\n'),
        ("? gridfold\n: {fixed: [b]}\nb: [1, 2]\n", "b: [1, 2]\n# gridfold: {fixed: [b]}\n"),
        (
            "a: no?\n? # ours\n  gridfold  # c\n:\n  fixed: [b]\n? b\n: [1, 2]\n",
            "a: no?\n? b\n: [1, 2]\n# gridfold: {fixed: [b]}\n",
        ),
        ("a: |\n  why\n  ?\ngridfold: {}\n", "a: |\n  why\n  ?\n"),
        ("a: no?\ngridfold: {}\n", "a: no?\n"),
        ("  ? gridfold\n  a: 1\n", "  a: 1\n"),
        ("{a: 1, ? gridfold : {fixed: [b]}, b: [1, 2]}\n", "{a: 1, b: [1, 2]}\n# gridfold: {fixed: [b]}\n"),
        ("{a: 1, ? gridfold}\n", "{a: 1}\n"),
        ("{b: [1, 2], gridfold: {fixed: [b]}}\n", "{b: [1, 2]}\n# gridfold: {fixed: [b]}\n"),
        ("a:\t|\t# why\n  x\ty\n? |\t# k\n  z\n: >-\t\n  q\n", "a: |  # why\n  x\ty\n? |  # k\n  z\n: >- \n  q\n"),
        ("a: {b: !fixed [1, 2], c: 3}\n", "a: {b: [1, 2], c: 3}\n# gridfold: {fixed: [a.b]}\n"),
        ("a: !fixed\n  - 1\n  - 2\n", "a:\n  - 1\n  - 2\n# gridfold: {fixed: [a]}\n"),
        ("a: &x !fixed [1, 2]\nb: *x\n", "a: &x [1, 2]\nb: *x\n# gridfold: {fixed: [a, b]}\n"),
    ],
)
def test_settings_and_tags_are_left_out(base, expected):
    (written,) = texts(base)
    assert written == expected
    assert Config.parse(written, "run").parameters == ()


def test_order_is_that_of_the_file_then_of_the_variations():
    _, space = build("b: [1, 2]\na: [1, 2]\nc: 0\nd: 0\n", "d=1,2", "c=1,2", "a=3,4")
    assert [parameter.path for parameter in space.parameters] == ["b", "a", "d", "c"]


def test_one_value_pins():
    renderer, space = build("a: [1, 2]\nb: [3, 4]\n", "a=9")
    assert [parameter.path for parameter in space.parameters] == ["b"]
    assert renderer.config({"b": 4}) == {"a": 9, "b": 4}


def test_a_value_that_looks_like_a_slot_is_left_alone():
    (written,) = texts("a: gridfoldslot0x0x\n")
    assert pyyaml(written) == {"a": "gridfoldslot0x0x"}


DEFINITION = "d: &d {o: 3, x: 1}\nb: *d\n"


@pytest.mark.parametrize(
    ("base", "arguments", "expected"),
    [
        # a comment right after a bracket or a quote
        ("a: [1,2]# rates\n", [], {"a": 1}),
        ("a: 'x'# c\nb: 3\n", ["a=1,2"], {"a": 1, "b": 3}),
        ('{"a": ["x","y"]#c\n}', [], {"a": "x"}),
        # a change of a definition together with one through its alias
        (DEFINITION, ["d.o=5,6", "b.x=2"], {"d": {"o": 5, "x": 1}, "b": {"o": 5, "x": 2}}),
        ("d: &d {o: [3, 4], x: 1}\nb: *d\n", ["d.o=5", "b.x=2"], {"d": {"o": 5, "x": 1}, "b": {"o": 5, "x": 2}}),
        (
            "d: &d {m: {o: 3, x: 1}}\nb: {<<: *d}\n",
            ["d.m.o=5", "b.m.x=2"],
            {"d": {"m": {"o": 5, "x": 1}}, "b": {"m": {"o": 5, "x": 2}}},
        ),
        # a list that stays at one of its places stays at all
        (
            "base: &base {betas: [0.9, 0.999]}\ntrain: {<<: *base}\ngridfold: {fixed: [base.betas]}\n",
            [],
            {"base": {"betas": [0.9, 0.999]}, "train": {"betas": [0.9, 0.999]}},
        ),
        (
            "base: &base {betas: [0.9, 0.999]}\ntrain: {<<: *base}\ngridfold: {fixed: [train.betas]}\n",
            [],
            {"base": {"betas": [0.9, 0.999]}, "train": {"betas": [0.9, 0.999]}},
        ),
        ("x: !fixed {l: &x [1,2]}\ny: *x\n", [], {"x": {"l": [1, 2]}, "y": [1, 2]}),
        # blocks of text at the end
        ("b: !fixed [1,2]\na: |\n  x", [], {"a": "x", "b": [1, 2]}),
        ("a: |\n  x", ["+b=5"], {"a": "x", "b": 5}),
        ("l:\n  a: |+\n    x\n\n\nz: 1\n", ["+l.d=5"], {"l": {"a": "x\n\n\n", "d": 5}, "z": 1}),
        ("a: |-\n  x  \n   \n", ["+b=5"], {"a": "x  \n ", "b": 5}),
        ("b: !fixed [1,2]\na: |+\n  x\n\n", [], {"a": "x\n\n", "b": [1, 2]}),
        # keys that loaders read differently
        ("x: &x {b: 1}\non: *x\n1e-7: *x\n010: *x\n", [], {"x": {"b": 1}, True: {"b": 1}, 1e-7: {"b": 1}, 8: {"b": 1}}),
        ("x: &x {1e-7: 1, yes: 3}\nc: *x\n", ["c.yes=9"], {"x": {1e-7: 1, True: 3}, "c": {1e-7: 1, True: 9}}),
        ("x: &x {on: 1}\nc: {<<: *x}\n", ["c.on=9"], {"x": {True: 1}, "c": {True: 9}}),
        # keys with dots
        ("x: &x {a.b: 3}\ny: {<<: *x}\n", ["y.a.b=2"], {"x": {"a.b": 3}, "y": {"a.b": 2}}),
        # characters that JSON writes as pairs
        ('a: "\\ud83d\\ude00"\nb: [1, 2]\n', [], {"a": "\U0001f600", "b": 1}),
        ("p: |-\n  x\ngridfold: {}\n# end", [], {"p": "x"}),
        ("p: |+\n  x\n\ngridfold: {}\n\n", [], {"p": "x\n\n"}),
        ("b: !fixed [1,2]\na: |+\n  x\n\n ", [], {"b": [1, 2], "a": "x\n\n"}),
        ("? x\n:  #\n...\n", ["+no=1"], {"x": None, "no": 1}),
        ("{\n  a: [1, 2] # c\n  }\n", ["+c=x"], {"a": 1, "c": "x"}),
        # words that could be slots
        ("a: 1\nb: [y, z]\n", ["a=slot0x"], {"a": "slot0x", "b": "y"}),
    ],
)
def test_texts_that_once_went_wrong(base, arguments, expected):
    renderer, space = build(base, *arguments)
    params = space[0].params
    assert_all_read(renderer.text(params), expected)
    assert same(renderer.config(params), expected)
    assert Config.parse(renderer.text(params), "run").parameters == ()


@pytest.mark.parametrize(
    ("base", "arguments", "message"),
    [
        ("d: &d {x: 1}\nb: *d\n", ["+d.p=5,6", "b.x=2"], "cannot be given together with a change"),
        ("a: &a {q: 1}\nb: &b {<<: *a, y: 1}\nc: *b\n", ["b.q=9", "c.y=3"], "cannot be given together with a change"),
        ("d: &d\n  m: {n: [1,2], o: 3}\nb: *d\n", ["d.m=7,8", "b.m.o=9"], "cannot be given together with"),
        ("a: &a [1,2]\nb: *a\n", ["b.0=7"], "is one value of a swept list"),
        ("a: &a {l: [1,2]}\nb: {<<: *a}\n", ["b.l.1=7"], "is one value of a swept list"),
        ("a: &a {l: !fixed [1,2]}\nb: {<<: *a}\n", ["+b.l.2=7"], "b.l is not a mapping"),
        ("a: &a {l: 5}\nb: *a\n", ["+b.l.x=7"], "b.l is not a mapping"),
        ("y:\n  <<: {on: 1, z: no}\n", [], "'<<' takes aliases of mappings"),
        ("x: &x !one_of [{b: 1}, {b: 2}]\ny: {<<: *x}\n", [], "'<<' takes aliases of mappings"),
        ("!fixed\na: [1,2]\n", [], "the tag !fixed cannot stand here"),
        ("a: {b: 1}\n", ["a.b=x #1,y,z"], "not valid YAML"),
        ("a: 1\n", ["a=1]  #"], "not a list of values, or a comment in it"),
        ("a: !!int\n", [], "cannot be read as int: ''"),
        ("gridfold: {no: 1}\na: 1\n", [], "unknown setting"),
        ("a: !!map x\n", [], "the tag !!map cannot stand here"),
        ("%TAG !f! !fix\n---\na: !f!ed [1,2]\n", [], "write the tag as !fixed"),
        ("a: 1\n", [f"a=0x{'f' * 5000},2"], "cannot be read as int"),
        ("a: 1\n", [f"a=1{':59' * 300}.5,2"], "cannot be read as float"),
        ('"\\ud800": [1,2]\n', [], "cannot be read as str"),
        ("a: 1\n", [f"+{'q.' * 2000}q=1,2"], "not a dotted path"),
        *(
            (
                f"x: &x {{lr: 1}}\ny: &y {{a: 2}}\n{use}\n",
                [argument],
                f"base.yaml:1:4: x: is merged (<<) into {into}, so it takes no other values as a whole\n"
                "  vary what is in it, such as x.lr",
            )
            for use, into in [
                ("z: {<<: *x, b: 3}", "z"),
                ("z: {q: {<<: [*y, *x]}}", "z.q"),
                ("<<: *x", "the top level"),
            ]
            for argument in ["x={lr: 2},{lr: 3}", "x=3", "x=!one_of [{lr: 2}, {lr: 3}]"]
        ),
    ],
)
def test_texts_that_are_refused(base, arguments, message):
    with pytest.raises(ConfigError) as caught:
        build(base, *arguments)
    assert message in str(caught.value)


DEFINITIONS = ["{{lr: {0}, wd: 0}}", "\n  lr: {0}   # rates\n  wd: no", "{{lr: {0}, on: {{x: {1}}}}}"]
USES = [
    "*d",
    "{{<<: *d}}",
    "\n  <<: *d\n  wd: 7",
    "{{<<: [*d], lr: 7}}",
    "[{{z: 1}}, *d]",
    "{{deep: {{<<: *d, q: {1}}}}}",
]


@given(st.sampled_from(DEFINITIONS), st.lists(st.sampled_from(USES), min_size=1, max_size=3), st.data())
def test_aliases_and_merges_mean_what_they_do_with_the_value_written_there(definition, uses, data):
    """The oracle: the same text with the chosen value typed in, read by OmegaConf."""
    form = f"d: &d {definition}\n" + "".join(f"u{number}: {use}\n" for number, use in enumerate(uses))
    form = form.replace("&d \n", "&d\n").replace(": \n", ":\n")
    lists = "[1e-3, 1e-4]", "['a, b', no]"
    renderer, space = build(form.format(*lists))
    first, second = data.draw(st.tuples(st.sampled_from(["1e-3", "1e-4"]), st.sampled_from(["'a, b'", "no"])))
    if form.count("{1}") > 1:
        second = None  # two lists of their own: both at their first value
    expected = omegaconf(form.format(first, second or "'a, b'"))
    chosen = [
        ["1e-3", "1e-4"].index(first)
        if parameter.path.endswith("lr")
        else 0
        if second is None
        else ["'a, b'", "no"].index(second)
        for parameter in space.parameters
    ]
    params = {each.path: each.values[position] for each, position in zip(space.parameters, chosen, strict=True)}
    assert_all_read(renderer.text(params), expected)
    assert same(renderer.config(params), expected)
