"""Options by ``{args}``, read by the parsers that programs use."""

import argparse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridfold.trainers.arguments import flags, option

VALUES = {
    "lr": 1e-5,
    "shift": -1e-5,
    "steps": 3,
    "name": "a b",
    "dash": "-x",
    "amp": True,
    "bias": False,
    "sizes": [1, 2],
    "nothing": None,
}


def options(style, **values):
    return [word for path, value in values.items() for word in option(style, path, value)]


def parser():
    """One as people write it."""
    made = argparse.ArgumentParser()
    for name, kind in {"lr": float, "shift": float, "steps": int, "name": str, "dash": str, "nothing": str}.items():
        made.add_argument(f"--{name}", type=kind)
    for name in ("amp", "bias"):
        made.add_argument(f"--{name}", action=argparse.BooleanOptionalAction)
    made.add_argument("--sizes", nargs="*", type=int)
    return made


def test_argparse():
    assert vars(parser().parse_args(options("plain", **VALUES))) == VALUES


def test_argparse_with_a_switch():
    made = argparse.ArgumentParser()
    made.add_argument("--amp", action="store_true")
    assert made.parse_args(options("plain", amp=True)).amp
    assert not made.parse_args(options("plain", amp=None)).amp


def test_click_and_typer():
    click, typer = pytest.importorskip("click"), pytest.importorskip("typer")
    found = {}

    @click.command()
    @click.option("--lr", type=float)
    @click.option("--shift", type=float)
    @click.option("--dash")
    @click.option("--amp/--no-amp")
    @click.option("--weight-bias/--no-weight-bias", default=True)
    def with_click(**given):
        found["click"] = given

    def with_typer(lr: float = 0, shift: float = 0, dash: str = "", amp: bool = False, weight_bias: bool = True):
        found["typer"] = {"lr": lr, "shift": shift, "dash": dash, "amp": amp, "weight_bias": weight_bias}

    values = {"lr": 1e-5, "shift": -1e-5, "dash": "-x", "amp": True, "weight_bias": False}
    with_click.main(options("dash", **values), standalone_mode=False)
    application = typer.Typer()
    application.command()(with_typer)
    application(options("dash", **values), standalone_mode=False)
    assert found == {"click": values, "typer": values}


def test_absl():
    absl_flags = pytest.importorskip("absl.flags")
    values = absl_flags.FlagValues()
    absl_flags.DEFINE_float("learning_rate", 0.1, "", flag_values=values)
    absl_flags.DEFINE_bool("amp", False, "", flag_values=values)
    absl_flags.DEFINE_bool("bias", True, "", flag_values=values)
    values(["program", *options("underscore", **{"learning-rate": -1e-5, "amp": True, "bias": False, "none": None})])
    assert (values.learning_rate, values.amp, values.bias) == (-1e-5, True, False)


def test_a_dotted_path_keeps_its_dots():
    assert options("plain", **{"model.lr_max": 1, "model.use_bias": False}) == [
        *("--model.lr_max", "1", "--model.no-use_bias")  # as tyro has it
    ]
    assert options("dash", **{"model.use_bias": False}) == ["--model.no-use-bias"]
    assert options("underscore", **{"model.use-bias": False}) == ["--model.use_bias=false"]  # as jsonargparse has it


@pytest.mark.parametrize(
    ("value", "written"),
    [
        # Each read by Hydra 1.3.8 as the value, by hand: it is not among the packages of the tests.
        (1e-5, "1.0e-05"),
        (float("-inf"), "-inf"),
        (float("nan"), "nan"),
        (None, "null"),
        (True, "true"),
        ("true", '"true"'),
        ("1", '"1"'),
        ("", '""'),
        ("a/b.c-d", "a/b.c-d"),
        ("a b, c", '"a b, c"'),
        ('a"b', r'"a\"b"'),
        ("a\\", r'"a\\"'),
        (r"a\b", r'"a\b"'),
        (r"\"x", r'"\\\"x"'),
        ([1, "a b", None], '[1,"a b",null]'),
        ({"k": 1e-5, "q": ["x"]}, "{k:1.0e-05,q:[x]}"),
    ],
)
def test_hydra(value, written):
    assert option("hydra", "a.b_c", value) == [f"a.b_c={written}"]


@given(
    st.fixed_dictionaries(
        {
            "lr": st.floats(allow_nan=False),
            "shift": st.none() | st.floats(max_value=0, allow_nan=False),
            "steps": st.integers(),
            "name": st.text().filter(lambda text: text != "--"),
            "dash": st.text().map(lambda text: f"-{text}"),
            "amp": st.none() | st.booleans(),
            "sizes": st.none() | st.lists(st.integers(0)),
        }
    )
)
def test_argparse_reads_every_value(values):
    found = vars(parser().parse_args(options("plain", **values)))
    assert {name: found[name] for name in values} == values


def test_flags_of_a_file():
    assert flags("a.b", [1, True]) == ["--a.b=1", "--a.b=true"]
    assert flags("a", None) == flags("a", []) == []
