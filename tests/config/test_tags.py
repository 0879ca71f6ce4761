"""Tags that are for another loader: refused, or passed on as they stand with ``gridfold: {tags: keep}``."""

import pytest
import yaml

from gridfold.config.config import Config
from gridfold.config.render import Renderer
from gridfold.config.rules import addition_said
from gridfold.core.errors import ConfigError
from tests.config import rendered

KEEP = "gridfold: {tags: keep}\n"
COMMENT = "# gridfold: {tags: keep}\n"


def build(text, *arguments):
    return rendered.build(KEEP + text, *arguments)


def texts(text, *arguments):
    return [text.removesuffix(COMMENT) for text in rendered.texts(KEEP + text, *arguments)]


NET = "net: !new:pkg.Net\n  width: !ref <width>  # as above\n  act: !name:pkg.relu\n  hidden: [64, 128]\n"


def test_tags_stay_as_they_stand_and_lists_in_a_tagged_mapping_vary():
    assert texts(NET) == [NET.replace("[64, 128]", "64"), NET.replace("[64, 128]", "128")]


@pytest.mark.parametrize(
    "value",
    [
        "!!python/tuple [1, 2]",
        "!apply:torch.cat [!ref <a>, !ref <b>]",
        "[!ref <a>, !ref <b>]",
        "!ENV ${HOME}",
        "!include other.yaml",
        "!<tag:example.org,2000:x> {a: 1}",
        "!binary |\n  010\n  no",
        "!t no",
        "!t '010'",
        "!new:pkg.Net",
    ],
)
def test_a_tagged_value_is_one_value(value):
    assert build(f"a: {value}\nb: 1\n")[1].parameters == ()
    (written,) = texts(f"a: {value}\nb: 1\n")
    assert written.startswith(f"a: {value}\nb: 1\n")


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("net.width=3", NET.replace("!ref <width>", "3")),
        ("net.hidden=3", None),
        ("+net.depth=3", NET + "  depth: 3\n"),
        ("net=3", "net: 3\n"),
    ],
)
def test_a_path_in_a_tagged_mapping_is_set(argument, expected):
    assert texts(NET, argument)[0] == (expected or NET).replace("[64, 128]", "3" if expected is None else "64")


def test_a_copy_for_an_alias_has_the_tags():
    (written,) = texts("a: &a {m: !ref <w>, l: !t [1, 2], n: !m {k: 1}}\nb: *a\n", "b.n.k=2")
    nodes = {key.value: value for key, value in yaml.compose(written).value}
    tags = [[value.tag for _, value in nodes[name].value] for name in "ab"]
    assert tags == [["!ref", "!t", "!m"]] * 2
    assert nodes["b"].value[2][1].value[0][1].value == "2"


def test_a_function_gets_the_tag_as_a_key():
    renderer, space = build(NET + "t: !!python/tuple [1, 2]\n")
    config = renderer.config(space[1].params)
    assert config == {
        "net": {"!new:pkg.Net": {"width": {"!ref": "<width>"}, "act": {"!name:pkg.relu": ""}, "hidden": 128}},
        "t": {"!!python/tuple": [1, 2]},
    }
    assert {type(config["net"]), type(config["net"]["!new:pkg.Net"]["width"])} == {dict}


def identity(text):
    return build(text)[0].identity({})


def test_ids_tell_tags_apart():
    texts = ["a: !ref x\n", "a: !copy x\n", "a: x\n", "a: {'!ref': x}\n", "a: !ref [x]\n", "a: !ref {x: }\n"]
    assert len({identity(text) for text in texts}) == len(texts)
    assert identity("a: !ref x\n") == identity("a:   !ref   'x'  # c\n")


def test_a_runs_config_is_its_own_run_config():
    renderer, space = build(NET)
    params = space[0].params
    again = Renderer(Config.parse(renderer.text(params), "config.yaml"))
    assert again.text({}) == renderer.text(params)
    assert again.identity({}) == renderer.identity(params)


@pytest.mark.parametrize("text", ["a: !!map 3\n", "a: !!int [1]\n", "a: !fixed 3\n", "!ref a: 1\n"])
def test_what_is_no_tag_for_another_loader_is_refused(text):
    with pytest.raises(ConfigError, match="cannot stand here"):
        build(text)


ALONE = "tags for another loader only stand in the config (gridfold: {tags: keep}), to vary in !one_of [...]"


@pytest.mark.parametrize("argument", ["a=!ref 1", "a=!t [1]", "+b=!new:x", "a=1,!ref 1", "a=!one_of [!ref 1]"])
def test_a_tag_on_the_command_line_is_refused(argument):
    with pytest.raises(ConfigError, match="cannot stand here") as caught:
        build("a: !ref <b>\n", argument)
    assert caught.value.hint == ALONE


def test_a_tag_in_an_addition_on_the_command_line_is_refused():
    with pytest.raises(ConfigError, match="the tag !ref cannot stand here") as caught:
        addition_said("a=!ref 1")
    assert caught.value.hint == ALONE


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: !choice [!ref <x>, !ref <y>]\n", "base.yaml:2:4: a"),
        ("a: !choice [{b: [1, !ref <x>]}, 3]\n", "base.yaml:2:4: a"),
        ("x: &x !ref <x>\na: !choice [*x, 3]\n", "base.yaml:3:4: a"),
        *(
            (f"gridfold: {{tags: keep, space: {{a: {values}}}}}\na: 1\n", "base.yaml:1:35: gridfold.space.a")
            for values in ["[!ref <x>, !ref <y>]", "!choice [!ref <x>, 3]", "{choice: [1, !ref <x>]}"]
        ),
    ],
)
def test_tagged_values_vary_only_as_branches(text, said):
    with pytest.raises(ConfigError) as caught:
        rendered.build(text if "tags" in text else KEEP + text)
    problem = "values with !ref, a tag for another loader, vary only as branches\n  write them as !one_of [...]"
    assert str(caught.value) == f"{said}: {problem}"


@pytest.mark.parametrize(
    ("section", "value", "written"),
    [
        ("tags: keep", "!one_of [!ref <x>, !ref <y>]", ["!ref <x>", "!ref <y>"]),
        ("tags: keep, space: {a: !one_of [!ref <x>, 3]}", "1", ["!ref '<x>'", "3"]),
        ("tags: keep, space: {a: {one_of: [!ref <x>, 3]}}", "1", ["!ref '<x>'", "3"]),
    ],
)
def test_tagged_values_vary_as_branches(section, value, written):
    texts = rendered.texts(f"gridfold: {{{section}}}\na: {value}\n")
    assert [text.removesuffix(COMMENT) for text in texts] == [f"a: {each}\n" for each in written]
