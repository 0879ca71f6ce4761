"""What varies in a config with ranges, unions, links and conditions: whole messages, and what is laid over them."""

import pytest

import gridfold
from gridfold.config.config import Config
from gridfold.config.overrides import from_mapping, parse_arguments
from gridfold.config.render import Renderer
from gridfold.config.rules import addition_said, link_said, when_said
from gridfold.config.space import space_of
from gridfold.core.errors import ConfigError
from tests.config.rendered import build, render_all, texts
from tests.loaders import same

RANGES = [
    "[1e-3, 1e-6]", "[0, 1]", "[1]", "[1, 2, 3, 4]", "[x, 2]", '["1e-6", 1e-3]', "[1, .inf]", "[true, 2]", "3",
    "{low: 1}", "", "[]", "[1, 2, 1]", "[1, 2, 2.5]", "[!int [1, 2], 3]",
]  # fmt: skip
TEXTS = [
    *(f"a: !log {numbers}" for numbers in RANGES), "a: !int [1.5, 3]", "a: !int [1, 10, 0]", "a: !int [1, 10, 20]",
    "a: !int [1, 100000, 1]", "a: !normal [0, 0]", "a: !uniform [1, 1]", "a: !log_int [1, 8, 8]", "a: !log_int [0, 8]",
    "a: [!log [1, 2], 3]", "a: !choice []", "a: !choice [1, 1]", "a: !one_of []", "a: !one_of [{b: 1}, {b: 1}]",
    "a: !one_of [!log [1, 2], 3]", "a: !one_of [!one_of [1, 2], 3]", "a: !one_of [!choice [1, 2], 3]",
    "a: !one_of\n- b: !log [2, 1]\n- c", "a: !fixed [!log [1, 2]]", "a: !choice [!log [1, 2]]", "a: !lgo [1, 2]",
    "a: !oneof [1, 2]", "a: !loguniform [1, 2]", "!log a: 1", "a: 1\ngridfold: {threads: !log [1, 2]}",
    "a: 1\ngridfold: {space: {b: [1, 2]}}", "a: 1\ngridfold: {space: {a: 1}}",
    "a: 1\ngridfold: {space: {a: {lgo: [1, 2]}}}", "a: 1\ngridfold:\n  space:\n    a: {log: [2, 1]}",
    "a: 1\ngridfold: {space: {a: []}}", "a: 1\ngridfold: {space: [a]}",
    "a: {b: 1}\ngridfold: {space: {a: [1, 2], a.b: [1, 2]}}", "a: !log [1, 2]\ngridfold: {fixed: [a]}",
    "s: {o: !one_of [{x: [1, 2]}, 3]}\ngridfold: {fixed: [s]}", "a: !log [1, 2]\nb: [1, 2]\ngridfold: {vary: [b]}",
    "o: !one_of [{x: [1, 2]}, {y: 3}]\ngridfold: {fixed: [o.z]}", "o: !one_of [{x: &k 1}, {y: 3}]\nz: *k",
    "o: !one_of [{x: &k 1}, {y: *k}]", "a: [1, 2]\nb: [1, 2, 3]\ngridfold: {link: [[a, b]]}",
    "a: [1, 2]\nb: [1, 2]\ngridfold: {link: [a, b]}", "a: [1, 2]\ngridfold:\n  link:\n    - [a]",
    "a: [1, 2]\ngridfold: {link: 3}", "a: [1, 2]\ngridfold: {link: [[a, c]]}",
    "a: [1, 2]\nseed: [1, 2]\ngridfold: {link: [[a, seed]]}", "a: [1, 2]\ngridfold: {exclude: a > 1}",
    "a: [1, 2]\ngridfold: {exclude: [3]}", "a: [1, 2]\ngridfold: {exclude: [b > 1]}",
    "a: [1, 2]\ngridfold: {when: {a: 3}}", "a: [1, 2]\ngridfold: {when: [a]}", "a: [1, 2]\ngridfold: {add: {a: 3}}",
    "a: [1, 2]\ngridfold: {add: [3]}", "a: [1, 2]\ngridfold: {add: [{}]}", "a: [1, 2]\ngridfold: {add: [{b: 3}]}",
]  # fmt: skip
ARGUMENTS = [
    ("a: 1", "a=!log [2, 1]"), ("a: 1", "a=!log"), ("a: 1", "a=!lgo [1, 2]"), ("a: 1", "a=!log [1, 2], 3"),
    ("a: 1", "a=1, !log [1, 2]"), ("a: 1", "b=!log [1, 2]"), ("a: 1", "+a=!log [1, 2]"),
    ("a: [1, 2]", "a.0=!log [1, 2]"), ("a: 1", "a=!one_of [!log [1, 2]]"), ("a: 1", "a=!one_of [{b: !log [2, 1]}]"),
    ("o: !one_of [{n: x, a: 1}, {n: y}]", "o.c=1,2"), ("o: !one_of [{n: x, a: 1}, {n: y}]", "o.0.a=1,2"),
    ("o: !one_of [{n: x, a: 1}, {n: y}]", "o.n=z"), ("o: !one_of [{n: x, a: 1}, {n: y}]", "o.n=!log [1, 2]"),
    ("o: !one_of [5, {a: [1, 2]}]", "o=5,7"),
]  # fmt: skip


def message(text, *arguments):
    try:
        space_of(Config.parse(f"{text}\n", "base.yaml"), parse_arguments(arguments), seed="seed")
    except ConfigError as error:
        return str(error)
    raise AssertionError(text)


def test_messages_about_the_file(snapshot):
    assert {text: message(text) for text in TEXTS} == snapshot


def test_messages_about_the_command_line(snapshot):
    assert {f"{text} | {argument}": message(text, argument) for text, argument in ARGUMENTS} == snapshot


@pytest.mark.parametrize(
    ("said", "params"),
    [
        ("a=1", {"a": 1}),
        ("a.b=1e-3, c=x", {"a.b": 1e-3, "c": "x"}),
        ("a=[1, 2],b={c: 1, d: 2}", {"a": [1, 2], "b": {"c": 1, "d": 2}}),
        ("a='x, y=3',b=null", {"a": "x, y=3", "b": None}),
        ("a=[x,y=3],b=[[1]]", {"a": ["x", "y=3"], "b": [[1]]}),
    ],
)
def test_an_addition_on_the_command_line(said, params):
    assert same(addition_said(said), params)


def test_messages_about_the_options(snapshot):
    def refused(read, said):
        with pytest.raises(ConfigError) as caught:
            read(said)
        return str(caught.value)

    said = {
        link_said: ["a", "a,", ""],
        when_said: ["a", "a=", "=b", "a == 3"],
        addition_said: ["a", "a=1,2", "a=1,a=2", "a=[1", "=3", "a=", "a=!log [1, 2]"],
    }
    assert {
        f"{read.__name__} {text}": refused(read, text) for read, texts in said.items() for text in texts
    } == snapshot


@pytest.mark.parametrize(
    ("said", "values"),
    [
        ("!log [1e-6, 1e-3, 4]", [1e-6, 1e-5, 1e-4, 1e-3]),
        ("!log [1, 2, 3]", [1.0, 1.41421, 2.0]),
        ("!uniform [0, 1, 4]", [0.0, 0.333333, 0.666667, 1.0]),
        ("!uniform [-0.1, 0.1, 3]", [-0.1, 0.0, 0.1]),
        ("!int [8, 30, 8]", [8, 16, 24]),
        ("!int [1, 3]", [1, 2, 3]),
        ("!log_int [1, 1000, 4]", [1, 10, 100, 1000]),
        ("!normal [0, 1, 3]", [-0.967422, 0.0, 0.967422]),
        ("!choice [[64, 32], {a: 1}, null]", [[64, 32], {"a": 1}, None]),
        ("!choice [5]", [5]),
    ],
)
def test_what_a_grid_takes(said, values):
    in_place = space_of(Config.parse(f"a: {said}\n", "base.yaml"))
    by_path = space_of(Config.parse(f"a: 1\ngridfold: {{space: {{a: {said}}}}}\n", "base.yaml"))
    word, _, numbers = said[1:].partition(" ")
    in_words = space_of(Config.parse(f"a: 1\ngridfold: {{space: {{a: {{{word}: {numbers}}}}}}}\n", "base.yaml"))
    typed = space_of(Config.parse("a: 1\n", "base.yaml"), parse_arguments([f"a={said}"]))
    for space in (in_place, by_path, in_words) if len(values) == 1 else (in_place, by_path, in_words, typed):
        assert repr([trial.params.get("a", values[0]) for trial in space]) == repr(values)


UNION = """\
optimizer: !one_of     # which
  # the usual one
  - name: adamw        # with decay
    betas: !fixed [0.9, 0.999]
    weight_decay: [0, 0.01]  # two values
  # another
  - {name: sgd, momentum: [0, 0.9]}  # older
lr: 1   # rate
"""


def test_a_branch_stands_where_the_union_stood_with_its_comments():
    assert texts(UNION)[1:3] == [
        "optimizer: # which  # the usual one\n  name: adamw        # with decay\n  betas: [0.9, 0.999]\n"
        "  weight_decay: 0.01\nlr: 1   # rate\n# gridfold: {fixed: [optimizer.betas]}\n",
        "optimizer: {name: sgd, momentum: 0}     # which  # another  # older\nlr: 1   # rate\n",
    ]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("o: !one_of\n- a: 1\n  b: |\n    x\n     y\n- c\nz: 1\n", "o:\n  a: 1\n  b: |\n    x\n     y\nz: 1\n"),
        ("l:\n- !one_of\n  - a: 1\n    b: 2\n  - {c: 3}\n- 5\n", "l:\n- a: 1\n  b: 2\n- 5\n"),
        ("o: &x !one_of [{a: 1}, {b: 2}]\np: *x\n", "o: &x {a: 1}\np: *x\n"),
        ("d: &d {a: 1}\no: !one_of\n  - {<<: *d, b: 1}\n  - *d\n", "d: &d {a: 1}\no: {<<: *d, b: 1}\n"),
        ("d: &d {a: 1}\no: !one_of\n  - *d\n  - 3\n", "d: &d {a: 1}\no: *d\n"),
        ("o: !one_of [a: 1, b]\n", "o: {a: 1}\n"),
        ("o: !one_of\n  - >\n    x\n    y\n  - 3\nz: 1\n", 'o: "x y\\n"\nz: 1\n'),
        ("o: !one_of\n  -\n  - 3\nz: 1\n", "o: null\nz: 1\n"),
        ("o: !one_of\n  - [64, 32]\n  - 3\n", "o: [64, 32]\n# gridfold: {fixed: [o]}\n"),
        ("o: !one_of\n  - !fixed\n    - 64\n    - 32\n  - 3\n", "o:\n  - 64\n  - 32\n# gridfold: {fixed: [o]}\n"),
        ("o: !one_of\n  - &b\n    a: 1\n    c: 2\n  - 3\n", "o: &b\n  a: 1\n  c: 2\n"),
        ("{o: !one_of [{a: 1}, b], z: 1}\n", "{o: {a: 1}, z: 1}\n"),
        ("o: !one_of [{a: !one_of [{n: 1}, {n: 2}]}, b]\n", "o: {a: {n: 1}}\n"),
        (
            "o: !one_of\n  - a: !one_of\n      - n: 1\n        m: 2\n      - k\n  - b\n",
            "o:\n  a:\n    n: 1\n    m: 2\n",
        ),
    ],
)
def test_texts_of_branches(text, written):
    assert texts(text)[0] == written


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{name: a, x: 1}, {name: b, x: 2}", ("o.name", ["a", "b"])),
        ("{x: 1, name: a}, {x: 2, name: b}", ("o.name", ["a", "b"])),
        ("{x: 1, type: a}, {x: 2, type: a}", ("o.x", [1, 2])),
        ("{x: [1, 2], k: p}, {x: 2, k: q}", ("o.k", ["p", "q"])),
        ("null, {p: [1, 2]}", ("o", [None, "p"])),
        ("null, {p: [1, 2], q: word}, {r: [1, 2], s: word}", ("o", [None, "word", "word-2"])),
        ("5, [1, 2], {}", ("o", [5, [1, 2], "empty"])),
        ("[{p: [1, 2]}], [{p: 1}, {p: 2}]", ("o", ["list-of-1", [{"p": 1}, {"p": 2}]])),
    ],
)
def test_what_says_the_branch(text, says):
    (union,) = space_of(Config.parse(f"o: !one_of [{text}]\n", "base.yaml")).axes
    assert (union.selector.path, list(union.selector.values)) == says


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["optimizer.momentum=0.5"], ["adamw 0", "adamw 0.01", "sgd 0.5"]),
        (["optimizer.momentum=0.5,0.7"], ["adamw 0", "adamw 0.01", "sgd 0.5", "sgd 0.7"]),
        (["optimizer.name=sgd"], ["sgd 0", "sgd 0.9"]),
        (["optimizer.name=sgd,adamw"], ["sgd 0", "sgd 0.9", "adamw 0", "adamw 0.01"]),
        (["optimizer.weight_decay=!uniform [0, 1, 2]", "optimizer.name=adamw"], ["adamw 0.0", "adamw 1.0"]),
        (["+optimizer.x=1,2", "optimizer.name=sgd"], ["sgd 0 1", "sgd 0 2", "sgd 0.9 1", "sgd 0.9 2"]),
        (["+optimizer.x=1", "optimizer.weight_decay=3", "optimizer.momentum=4"], ["adamw 3 1", "sgd 4 1"]),
        (["optimizer={name: x, y: 1}"], ["x 1"]),
        (["optimizer=!one_of [{name: x, y: [1, 2]}, {name: z}]"], ["x 1", "x 2", "z"]),
    ],
)
def test_what_is_laid_over_a_union(arguments, expected):
    renderer, space = build(UNION, *arguments)
    found = [renderer.config(trial.params)["optimizer"] for trial in space]
    shown = [" ".join(str(value) for key, value in each.items() if key != "betas") for each in found]
    assert shown == expected
    again = Config.parse(UNION, "base.yaml"), parse_arguments(each.argument for each in parse_arguments(arguments))
    assert [renderer.identity(trial.params) for trial in space] == [
        render_all(*again)[0].identity(trial.params) for trial in space_of(*again)
    ]


def test_a_branch_and_the_same_config_written_plainly_have_one_id():
    renderer, space = build(UNION)
    plain, plain_space = build("optimizer: {momentum: [0, 0.9], name: sgd}\nlr: 1\n")
    ids = [renderer.identity(trial.params) for trial in space if trial.params["optimizer.name"] == "sgd"]
    assert ids == [plain.identity(trial.params) for trial in plain_space]


def test_layouts_are_made_for_the_branches_that_are_asked_for():
    text = "".join(f"o{i}: !one_of [{{name: a, x: [1, 2]}}, {{name: b}}]\n" for i in range(20))
    config = Config.parse(text, "base.yaml")
    renderer, space = Renderer(config), space_of(config)
    assert space.count() == 3**20
    for index in (0, 3**19, 3**20 - 1):
        assert Config.parse(renderer.text(space[index].params), "config.yaml").data == renderer.config(
            space[index].params
        )


def test_python_has_the_same_words():
    given = {
        "a": gridfold.log(1e-3, 1, 4),
        "b": gridfold.integers(1, 5, 2),
        "c": {"uniform": [0, 1, 3]},
        "d": gridfold.choice([[1, 2], {"x": 1}]),
        "e": gridfold.one_of([{"name": "p", "q": gridfold.fixed([1, 2])}, {"name": "r", "s": [1, 2]}]),
        "f": gridfold.log_integers(1, 100, 3),
        "g": gridfold.normal(0, 1, 2),
        "h": gridfold.uniform(0, 1, 2),
    }
    laid = space_of(Config.load(dict.fromkeys(given)), from_mapping(given))
    in_file = space_of(Config.load({path: value for path, value in given.items() if path != "c"}))
    parameters = {each.path: each.values for each in laid.parameters}
    assert parameters.pop("c") == (0.0, 0.5, 1.0)
    assert parameters == {each.path: each.values for each in in_file.parameters}
    assert parameters["a"] == (1e-3, 1e-2, 1e-1, 1.0)


def test_linked_lists_may_repeat_values():
    text = "a: [1, 1, 2]\nb: [8, 16, 8]\nc: [1, 1]\ngridfold: {link: [[a, b]]}\n"
    assert [dict(trial.params) for trial in space_of(Config.parse(text, "base.yaml"))] == [
        {"a": 1, "b": 8}, {"a": 1, "b": 16}, {"a": 2, "b": 8},
    ]  # fmt: skip


def test_conditions_know_pinned_values_and_those_of_a_branch():
    config = Config.parse(UNION.replace("lr: 1", "lr: [1, 2]"), "base.yaml")
    config = config.adding(exclude=["optimizer.betas == [0.9, 0.999] and lr == 2", "optimizer.momentum > size"])
    found = space_of(config, parse_arguments(["+size=0.5"]))
    assert [(trial.params["optimizer.name"], trial.params["lr"]) for trial in found] == [
        ("adamw", 1), ("adamw", 1), ("sgd", 1), ("sgd", 2),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("argument", "count"),
    [("batch=8,16", 13), ("batch=8", 6), ("warmup=0", 7), ("optimizer.name=sgd", 4), ("lr=0.5", 3)],
)
def test_rules_of_the_file_with_fewer_values_from_the_command_line(argument, count):
    text = (
        "lr: [0.1, 0.2]\nbatch: [8, 128]\nwarmup: [0, 1]\noptimizer: !one_of [{name: adamw}, {name: sgd}]\ngridfold:\n"
        "  exclude: ['batch > 64 and lr > 0.1', \"optimizer.name == 'sgd' and warmup == 1\"]\n"
        "  when: {warmup: 'batch < 64'}\n  add: [{batch: 48, lr: 0.3}]\n"
    )
    space = space_of(Config.parse(text, "base.yaml"), parse_arguments([argument]))
    assert space.count() == len(list(space)) == count
