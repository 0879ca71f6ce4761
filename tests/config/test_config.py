"""The config language: what varies, what stays, what is refused."""

import pytest

from gridfold.config.config import Config
from gridfold.core.errors import ConfigError
from gridfold.trainers.protocol import BUILT_IN


def parse(text):
    return Config.parse(text, "base.yaml")


def varied(text):
    return {parameter.path: list(parameter.values) for parameter in parse(text).parameters}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [1, 2]\n", {"a": [1, 2]}),
        ("a: [1]\n", {}),
        ("a: []\n", {}),
        ("a: 1\n", {}),
        ("a: [1, 2, 2]\n", {}),
        ("a: [1e-5, 2, 0.00001]\n", {}),
        ("a: [[1, 2], [1, 2]]\n", {}),
        ("a: [[{b: 1}], [{b: 1}]]\n", {}),
        ("a: [1, 1.0, true, '1']\n", {"a": [1, 1.0, True, "1"]}),
        ("a: [null, null]\nb: [.nan, .nan]\nc: [x, 'x']\n", {}),
        ("a: [[256, 128], [512]]\n", {"a": [[256, 128], [512]]}),
        ("a: [[1, 2]]\n", {}),
        ("a: [{b: [1, 2]}]\n", {"a.0.b": [1, 2]}),
        ("a: [{b: 1}, [1, 2]]\n", {"a.1": [1, 2]}),
        ("a: [[{b: 1}], [{b: 2}]]\n", {"a": [[{"b": 1}], [{"b": 2}]]}),
        ("a: !fixed [1, 2]\nb: !fixed {c: [1, 2]}\n", {}),
        ("a: !fixed [{b: [1, 2]}]\n", {}),
        ("gridfold: {fixed: [a, b.c]}\na: [1, 2]\nb: {c: [1, 2], d: [3, 4]}\n", {"b.d": [3, 4]}),
        ("a: [1, 2]\n# gridfold: {fixed: [a]}\n", {}),
        ("a: [null, true, x, 1e-7]\n", {"a": [None, True, "x", 1e-7]}),
        ("a: &x [1, 2]\nb: *x\nc: {d: *x}\n", {"a": [1, 2]}),
        ("b: [[*x, 3], [4]]\n".replace("*x", "&x 1"), {"b": [[1, 3], [4]]}),
        ("a: [1e-3, 1e-4]\r\nb: 2\r\n", {"a": [1e-3, 1e-4]}),
        ("a:\n  - 1\n  - 2\n", {"a": [1, 2]}),
        ("text: |\n  - [1, 2]\n  # no\n", {}),
        ("é: [ä, 'ö, ü']\n", {"é": ["ä", "ö, ü"]}),
    ],
)
def test_what_varies(text, expected):
    assert varied(text) == expected


@pytest.mark.parametrize(
    ("vary", "expected"),
    [
        ("[o.lr]", {"o.lr": [1, 2]}),
        ("[o]", {"o.lr": [1, 2], "o.betas": [3, 4]}),
        ("[o.lr, layers]", {"o.lr": [1, 2], "layers": [[5, 6], [7]]}),
        ("[layers.0]", {"layers.0": [5, 6]}),
        ("[heads]", {"heads.0.p": [8, 9]}),
        ("[alias]", {"anchored": [1, 0]}),
        ("[merged]", {"o.lr": [1, 2], "o.betas": [3, 4]}),
        ("[]", {}),
    ],
)
def test_nothing_varies_but_what_is_to_vary(vary, expected):
    text = "o: &o {lr: [1, 2], betas: [3, 4]}\nlayers: [[5, 6], [7]]\nheads: [{p: [8, 9]}]\n"
    text += "anchored: &x [1, 0]\nalias: *x\nmerged:\n  <<: *o\nsame: [1, 1]\n"
    config = parse(f"gridfold: {{vary: {vary}}}\n{text}")
    assert {parameter.path: list(parameter.values) for parameter in config.parameters} == expected
    overridden = parse(f"gridfold: {{vary: [same]}}\n{text}").override(vary=config.settings.vary)
    assert overridden.parameters == config.parameters


def test_the_users_example():
    found = varied(
        "model:\n  classification_head:\n    architecture:\n"
        "      - type: linear\n      - type: relu\n      - type: dropout\n        p: [0.1, 0.2, 0.3] # drop\n"
        "training:\n  batch_size: [16, 32, 64] # sizes\n  learning_rate: [1e-7, 5e-7, 1e-6, 5e-6, 1e-5] # rates\n"
    )
    assert found == {
        "model.classification_head.architecture.2.p": [0.1, 0.2, 0.3],
        "training.batch_size": [16, 32, 64],
        "training.learning_rate": [1e-7, 5e-7, 1e-6, 5e-6, 1e-5],
    }


def test_what_stays_and_why():
    config = parse(
        "a: [1]\nb: !fixed [1, 2]\nc: []\nd: [1, 2]\ne: [{f: 1}]\ng: [1, 0.10, 0.1]\nh: [1, 2]\ni: [3, 4]\n"
        "gridfold: {fixed: [d], vary: [g, i]}\n"
    )
    assert [(kept.path, kept.reason) for kept in config.kept] == [
        ("a", "one value"),
        ("b", "!fixed"),
        ("c", "empty"),
        ("d", "gridfold.fixed"),
        ("g", "0.1 is repeated"),
        ("h", "not in gridfold.vary"),
    ]


@pytest.mark.parametrize(
    ("settings", "columns", "varies"),
    [
        ({}, "[premise, hypothesis]", False),
        ({"trainer": BUILT_IN}, "[premise, hypothesis]", False),
        ({"trainer": "my:train"}, "[premise, hypothesis]", True),
        ({"vary": ["data.text_column"]}, "[premise, hypothesis]", True),
        ({}, "[title, body, both]", True),
        ({}, "[[premise, hypothesis], [title, body]]", True),
    ],
)
def test_the_columns_of_a_pair_of_texts_are_one_value(settings, columns, varies):
    config = parse(f"data: {{text_column: {columns}, label_column: [a, b]}}\n").override(**settings)
    assert ("data.text_column" in config.varied_paths) == varies


def test_merges_mean_what_pyyaml_makes_of_them():
    text = "x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz: {<<: [*x, *y], c: 3}\n"
    assert parse(text).data["z"] == {"a": 1, "b": 1, "c": 3}


ERRORS = {
    "": "base.yaml: the config is empty\n  expected a mapping, such as 'training: {...}'",
    "# only a comment\n": "base.yaml: the config is empty\n  expected a mapping, such as 'training: {...}'",
    "- a\n- b\n": "base.yaml: the top level is a list, not a mapping\n  expected a mapping, such as 'training: {...}'",
    "word\n": "base.yaml: the top level is the single value 'word', not a mapping\n"
    "  expected a mapping, such as 'training: {...}'",
    "a: 1\nb: 2\na: 3\n": "base.yaml:3:1: duplicate key 'a'\n  remove one of them",
    "a: {1: x, true: y}\n": "base.yaml:1:11: duplicate key 'true'\n  remove one of them",
    "a:\n\tb: 1\n": "base.yaml:2:1: not valid YAML: a tab in the indentation\n  indent with spaces",
    "a: [1, 2\nb: 3\n": "base.yaml:2:2: not valid YAML: expected ',' or ']', but got ':'\n"
    "  the '[' is in line 1\n  in the line: b: 3",
    "a: *nope\n": "base.yaml:1:4: not valid YAML: found undefined alias 'nope'\n  in the line: a: *nope",
    "a: &x [*x]\n": "base.yaml:1:8: not valid YAML: *x contains itself\n  in the line: a: &x [*x]",
    "a: !!python/object:os.system x\n": "base.yaml:1:4: a: the tag !!python/object:os.system cannot stand here\n"
    "  to pass tags on to a loader of your own, write gridfold: {tags: keep}",
    "a: !mine 3\n": "base.yaml:1:4: a: the tag !mine cannot stand here\n"
    "  to pass tags on to a loader of your own, write gridfold: {tags: keep}",
    "a: !fixed 3\n": "base.yaml:1:4: a: the tag !fixed cannot stand here\n"
    "  it stands before a list, such as !fixed [0.9, 0.999]; found '3'",
    "a: 1\n---\nb: 2\n": "base.yaml:2:1: more than one YAML document\n  keep one; remove the '---' between them",
    "a: 'x\n": "base.yaml:2:1: not valid YAML: found unexpected end of stream\n  the quote is in line 1",
    "{[1]: 2}\n": "base.yaml:1:2: a list or mapping as a key",
    "null: 1\n": "base.yaml:1:1: the key null is read as nothing\n  put it in quotes: 'null'",
    "a: {~: 1}\n": "base.yaml:1:5: the key ~ is read as nothing\n  put it in quotes: '~'",
    "?\n: 1\n": "base.yaml:1:2: an empty key\n  write a name before the colon",
    "a: !!omap [b: 1]\n": "base.yaml:1:4: a: the tag !!omap cannot stand here\n"
    "  to pass tags on to a loader of your own, write gridfold: {tags: keep}",
    "a: !!log [1, 2]\n": "base.yaml:1:4: a: the tag !!log cannot stand here\n  did you mean '!log'?\n"
    "  to pass tags on to a loader of your own, write gridfold: {tags: keep}",
    "a: 1\n<<: 3\n": "base.yaml:2:5: '<<' takes aliases of mappings, such as *name or [*name, *other]",
    "a: 0b_\n": "base.yaml:1:4: cannot be read as int: '0b_'",
    "a: x\x01y\n": "base.yaml:1: the character U+0001 is not allowed in YAML",
    "a.b: 1\na: {b: 2}\n": "base.yaml:2:8: a.b: two values have this path",
    "gridfold: {vary: a}\na: [1, 2]\n": "base.yaml:1:18: gridfold.vary: expected a list of dotted paths, found a",
    "gridfold: {trainer: ' : '}\na: 1\n": "base.yaml:1:21: gridfold.trainer: expected 'module:function' or a command"
    " as a list of its arguments, found ' : '",
    "gridfold: {fixd: [a]}\na: 1\n": "base.yaml:1:18: gridfold.fixd: unknown setting\n  did you mean 'fixed'?",
    "gridfold: {fixed: [b]}\nbb: 1\n": "base.yaml: b: no such path in the config\n  did you mean 'bb'?",
    "gridfold: {fixed: 3}\n": "base.yaml:1:19: gridfold.fixed: expected a list of dotted paths, found 3",
    "x: &x {gridfold: {fixed: []}}\n<<: *x\n": "base.yaml:1:18: gridfold: a merge (<<) cannot bring settings\n"
    "  write them at the top level",
    "a: !!python/tuple [1, 2]\n": "base.yaml:1:4: a: the tag !!python/tuple cannot stand here\n"
    "  for a list that is one value, write !fixed [...]\n"
    "  to pass tags on to a loader of your own, write gridfold: {tags: keep}",
    "!t a: 1\n": "base.yaml:1:1: a: the tag !t cannot stand here\n  write the key without it",
    "!t\na: 1\n": "base.yaml: the tag !t cannot stand here, before the whole config\n  remove it",
    "gridfold: {tags: all}\n": "base.yaml:1:18: gridfold.tags: expected 'keep', found all",
    "lr: {{ lr }}\n": "base.yaml:1:6: a list or mapping as a key\n"
    "  this looks like a Jinja template: render it first, or put text with '{{' in quotes",
    "{% if x %}\n": "base.yaml:1:2: not valid YAML: a value cannot start with '%'; put it in quotes\n"
    "  this looks like a Jinja template: render it first, or put text with '{{' in quotes\n  in the line: {% if x %}",
    "x: &x 1\ny: &x 2\n": "base.yaml:2:4: not valid YAML: a second anchor &x; give it another name\n"
    "  in the line: y: &x 2",
    "x: &x {a: 1}\n<<: *x\n<<: *x\n": "base.yaml:3:1: duplicate key '<<'\n  merge several at once: <<: [*one, *other]",
    "gridfold: 3\n": "base.yaml:1:11: gridfold: expected a mapping of settings, found 3",
    "a: [1, 2]\n# gridfold: {fixed: [{]}\n": "base.yaml:2: the comment '# gridfold: {...}' does not hold settings",
}


@pytest.mark.parametrize("text", ERRORS)
def test_bad_configs(text):
    with pytest.raises(ConfigError) as caught:
        _ = parse(text).parameters
    assert str(caught.value) == ERRORS[text]


@pytest.mark.parametrize(
    "text",
    [
        "[" * 5000,
        "a: " + "[" * 5000 + "]" * 5000,
        "a0: &a0 [x, y]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 9)),
    ],
    ids=["unclosed", "deep", "billion laughs"],
)
def test_hostile_configs_are_errors(text):
    with pytest.raises(ConfigError):
        _ = parse(text).parameters


def test_files(tmp_path):
    (tmp_path / "a.yaml").write_bytes("a: é\n".encode("latin-1"))
    (tmp_path / "dir.yaml").mkdir()
    with pytest.raises(ConfigError, match=r"not UTF-8 text: .* at byte 3"):
        Config.load(tmp_path / "a.yaml")
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        Config.load(tmp_path / "dir.yaml")
    with pytest.raises(ConfigError, match=r"no such file\n  did you mean 'a.yaml'\?"):
        Config.load(tmp_path / "aa.yaml")


def test_a_mapping():
    config = Config.load({"b": [1e-7, 2], "a": {"c": "no", "d": (3, 4)}})
    assert {p.path: p.values for p in config.parameters} == {"b": (1e-7, 2), "a.d": (3, 4)}
    assert config.document.text == "b:\n- 1.0e-07\n- 2\na:\n  c: 'no'\n  d:\n  - 3\n  - 4\n"
