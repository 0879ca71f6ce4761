"""The language of the braces in a command: values, options, what is left alone."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gridfold.config.config import Config
from gridfold.config.overrides import parse_arguments
from gridfold.core.errors import ConfigError
from gridfold.core.values import canonical, render
from gridfold.search.said import plan_said
from gridfold.trainers.placeholders import all_filled, placeholders, trainer_named

TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=8)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.text("abc", min_size=1, max_size=3), SCALARS)


def quoted(value):
    """A value as a person writes it in a command: texts in quotes."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return f"[{', '.join(map(quoted, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {quoted(item)}" for key, item in value.items()) + "}"
    return render(value)


@given(st.lists(VALUES, min_size=1, max_size=4, unique_by=canonical))
@example(["}", "{", "{x}", "a'b", 'a"b', "\\"])
def test_values_in_a_command_are_those_of_an_option(values):
    written = ",".join(map(quoted, values))
    in_command = plan_said(None, trainer=("echo", f"--x={{a.b={written}}}", "{a.b}"))
    as_option = plan_said(None, parse_arguments([f"a.b={written}"]), trainer=("echo",))
    found = [list(variation.parameter.values) for plan in (in_command, as_option) for variation in plan.variations]
    assert list(map(canonical, found)) == [canonical(values)] * 2
    assert in_command.config.document.text == as_option.config.document.text
    params = [trial.params for trial in in_command.space]
    for each in params:
        text = in_command.renderer.text(each)
        assert text.partition("# gridfold")[0] == as_option.renderer.text(each).partition("# gridfold")[0]
        one, other = all_filled(in_command.trainer[1:], in_command.renderer.config(each), {})
        assert canonical(one) == canonical(f"--x={other}")


@given(st.text("{}=,:[]'\"ab \\;$", max_size=30))
def test_no_text_is_too_much(text):
    found = placeholders(text)
    assert all(each.name for each in found)
    assert len(found) <= text.count("{")


@pytest.mark.parametrize(
    "text",
    [
        *("{print $1}", "{s=$1; t=2} END {n=f(s)}", "{n=$NF}", '{"a": 1}', "{}", "{a,b}", "{ a=1 }", "{x==1}", "{x=}"),
        *("{x= }", "{lr=0.1", "lr=0.1}", "{a:b}", "{'a'=1}", "{a=b;c}", "{a=`id`}", "{a\n=1}", "{a=1\n}", "{" * 50),
        "{a=" + '"' * 3000,
    ],
)
def test_other_braces_are_left_alone(text):
    assert placeholders(text) == []
    assert all_filled([text], {}, {}) == [text]


@pytest.mark.parametrize(
    ("argument", "config", "arrives"),
    [
        ("{lr=1e-2,0.1}", {"lr": 0.01}, "1e-2"),
        ("{lr=1e-2,0.1}", {"lr": 0.1}, "0.1"),
        ("{lr=1e-2,0.1}", {"lr": 0.5}, "0.5"),  # of another option
        ("{on=yes,no}", {"on": True}, "yes"),
        ("{on=yes,no}", {"on": False}, "no"),
        ("{time=12:30,010}", {"time": 750}, "12:30"),
        ("{time=12:30,010}", {"time": 8}, "010"),
        ("{x=~,1}", {"x": None}, "~"),
        ("{x=1,1.0,true}", {"x": 1.0}, "1.0"),
        ("{x='1e-2', \"a, b\"}", {"x": "1e-2"}, "1e-2"),
        ("{x='1e-2', \"a, b\"}", {"x": "a, b"}, "a, b"),
        ("{x=a b,it's}", {"x": "it's"}, "it's"),
        ("{x=[0.9,0.999],[1]}", {"x": [0.9, 0.999]}, "[0.9, 0.999]"),
        ("{x={a: 1, b: {c: [2]}}}", {"x": {"a": 1, "b": {"c": [2]}}}, '{"a": 1, "b": {"c": [2]}}'),
        ("-{a=1,2}-{b=x,y}-{a}", {"a": 2, "b": "x"}, "-2-x-2"),
        ("{url=http://a/b?c=1&d=2}", {"url": "http://a/b?c=1&d=2"}, "http://a/b?c=1&d=2"),
        ("{seed=1,2}", {"seed": 2}, "2"),
        ("{{lr=0.1,0.2}}", {}, "{lr=0.1,0.2}"),
        ("{{config:json}} {{args}} {{set:lr}}", {}, "{config:json} {args} {set:lr}"),
        ("{args}", {"args": "own"}, "own"),
    ],
)
def test_a_value_arrives_as_it_is_written(argument, config, arrives):
    assert all_filled([argument], config, {}) == [arrives]


def test_more_values_are_the_same_code_unless_they_are_written_otherwise():
    def named(argument):
        return trainer_named(("x", argument))[1]

    assert named("--a={lr=0.1,1e-2}{b='x, y',z}") == named("--a={lr=3}{b=w}") == "--a={lr}{b}"
    assert named("{on=yes,no}") == "{on=yes,no}"
    assert named("{time=12:30,1}") == "{time=12:30,1}"
    assert named("{{lr=0.1}}") == "{{lr=0.1}}"
    assert trainer_named("toy:train") == "toy:train"


REFUSED = {
    "other values": (["x", "{lr=1,2}", "{lr=1,3}"], {}),
    "the same, of another type": (["x", "{lr=1,2}", "{lr=1.0,2}"], {}),
    "what a run gives": (["x", "{run_dir=1,2}"], {}),
    "args": (["x", "{args=1,2}"], {}),
    "no YAML": (["x", "{lr=1,*x}"], {}),
    "a value is missing": (["x", "{lr=1,}"], {}),
    "a value twice": (["x", "{lr=0.1,1e-1}"], {}),
    "in an option, too": (["x", "{lr=0.1}"], {"variations": parse_arguments(["lr=1,2"])}),
    "a setting": (["x", "{gridfold.trainer=a}"], {}),
    "one inside the other": (["x", "{a.b=1}", "{a=2}"], {}),
    "taken apart by a shell": (["x", "--lr", "lr=0.1", "0.2"], {}),
    "taken apart, joined": (["x", "--lr=lr=0.1", "--lr=0.2"], {}),
    "taken apart, a path": (["x", "--optimizer.lr", "lr=0.1", "0.2", "0.3"], {}),
    "nothing": (["x"], {}),
    "args inside": (["x", "a {args}"], {"variations": parse_arguments(["lr=1,2"])}),
    "no style": (["x", "{args:dashes}"], {"variations": parse_arguments(["lr=1,2"])}),
    "no name of an option": (["x", "{args}"], {"variations": parse_arguments(["a b=1,2"])}),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case, snapshot):
    command, how = REFUSED[case]
    with pytest.raises(ConfigError) as error:
        plan_said(None, **how, trainer=tuple(command)).space  # noqa: B018
    assert str(error.value) == snapshot


@pytest.mark.parametrize(
    ("union", "options"),
    [
        (
            "[{name: sgd, momentum: 0.9, k: [1, 2], deep: {a: 1}}, {name: adamw, betas: !fixed [0.9, 0.99]}]",
            [
                "--o.name sgd --o.k 1 --o.momentum 0.9 --o.deep.a 1",
                "--o.name sgd --o.k 2 --o.momentum 0.9 --o.deep.a 1",
                "--o.name adamw --o.betas 0.9 0.99",
            ],
        ),
        (
            "[null, full, {type: local, w: [16, 32]}]",
            ["", "--o full", "--o.w 16 --o.type local", "--o.w 32 --o.type local"],
        ),
        (
            "[{name: a, c: !choice [{d: 1}, 2], u: !one_of [{t: x, q: 7}, {t: y}]}, {name: b}]",
            [
                '--o.name a --o.c {"d": 1} --o.u.t x --o.u.q 7',
                '--o.name a --o.c {"d": 1} --o.u.t y',
                "--o.name a --o.c 2 --o.u.t x --o.u.q 7",
                "--o.name a --o.c 2 --o.u.t y",
                "--o.name b",
            ],
        ),
    ],
)
def test_args_have_all_of_the_branch_that_a_trial_takes(union, options):
    """Also what is constant in it: trials of other branches have it not, and the program has a default of its own."""
    plan = plan_said(Config.parse(f"o: !one_of {union}\nother: 1\n", "c.yaml"), (), trainer=("x", "{args}"))
    configs = (plan.renderer.config(trial.params) for trial in plan.space)
    assert [" ".join(all_filled(plan.trainer[1:], config, {})) for config in configs] == options


def test_args_are_what_varies_and_what_is_set_but_for_what_has_a_place():
    given = parse_arguments(["lr=0.1,0.2", "wd=0,1", "epochs=3"])
    plan = plan_said(None, given, trainer=("x", "{args}", "--wd", "{wd}", "{name=a}", "{args:hydra}"))
    assert plan.trainer == (
        *("x", "{args:plain:lr}", "{args:plain:epochs}", "--wd", "{wd}", "{name=a}"),
        *("{args:hydra:lr}", "{args:hydra:epochs}"),
    )
    config = plan.renderer.config(plan.space[1].params)
    assert all_filled(plan.trainer, config, {}) == [*"x --lr 0.1 --epochs 3 --wd 1 a lr=0.1 epochs=3".split()]


def test_args_have_the_seed_of_repeats():
    given = parse_arguments(["lr=0.1,0.2", "seed=4"])
    assert plan_said(None, given, trainer=("x", "{args}"), repeats=2).trainer[-1] == "{args:plain:seed}"
    given = parse_arguments(["lr=0.1,0.2", "seed=4,5"])
    assert plan_said(None, given, trainer=("x", "{args}")).trainer[-1] == "{args:plain:seed}"
