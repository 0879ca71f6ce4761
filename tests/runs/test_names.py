"""Run names: readable, safe, never the same for two trials."""

import contextlib
import os
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gridfold.core.errors import ConfigError
from gridfold.core.values import canonical
from gridfold.runs.names import MAX_BYTES, RunNames, check_prefix, label_parameters
from gridfold.space.parameters import ListedParameter
from gridfold.space.product import Product
from gridfold.space.repeats import Seeds, repetitions


def names(*parameters, prefix="mlp_experiment"):
    space = Product(tuple(ListedParameter(path, tuple(values)) for path, values in parameters))
    made = RunNames(prefix, "123045", space.parameters)
    return [made.name(trial.params) for trial in space]


def test_the_documented_name():
    assert names(("training.learning_rate", [0.001]), ("training.batch_size", [32])) == [
        "mlp_experiment_123045_learning_rate_0.001_batch_size_32"
    ]


def test_repeats_end_in_their_seed_and_their_part_of_the_data():
    made = RunNames("p", "123045", (), Seeds("seed", (42,)), repeated=True)
    assert [made.name({}, each) for each in repetitions(range(2), 2)] == [
        f"p_123045_seed_{seed}_fold_{fold}" for seed in (42, 43) for fold in (0, 1)
    ]
    later = RunNames("p", "123045", (), Seeds("seed", (42,)))
    assert [later.name({}, each) for each in repetitions(range(2), None)] == ["p_123045_single", "p_123045_seed_43"]


@pytest.mark.parametrize("folds", [None, 2])
@pytest.mark.parametrize("repeated", [True, False])
def test_repeats_never_share_a_name(folds, repeated):
    texts = ["x", "x_seed_1", "x_seed_1_fold_0", "x-seed-1", "x_fold_1", "1", "1_seed_1"]
    for path in ("a.seed", "a.fold", "a.v"):
        space = Product((ListedParameter("b", (1, 2)), ListedParameter(path, tuple(texts))))
        made = RunNames("p", "123045", space.parameters, Seeds(None, (0,)), repeated=repeated)
        found = [made.name(trial.params, each) for each in repetitions(range(3), folds) for trial in space]
        assert len({name.casefold() for name in found}) == len(found)


def test_a_search_in_which_nothing_varies():
    assert names() == ["mlp_experiment_123045_single"]


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([1e-7, 0.001, 1e-4, 1.0000001e-4, 100000.0], ["1e-07", "0.001", "0.0001", "0.00010000001", "100000.0"]),
        ([True, False, None, -1, -0.5], ["true", "false", "null", "-1", "-0.5"]),
        (["microsoft/deberta-v3-base", "a b", "x_y"], ["microsoft-deberta-v3-base", "a-b", "x_y"]),
        ([[256, 128], [512]], ["256-128", "512"]),
        (["gpt-5", "gpt-5-mini"], ["gpt-5", "gpt-5-mini"]),
        (["ünï", "中文"], ["ünï", "中文"]),
        (["-.5", "+.5e3", ".5", "-5", "-x"], ["-.5", "+.5e3", ".5", "-5", "x"]),
        ([[-0.5], [-1, 2], [1, -2]], ["-0.5", "-1-2", "1--2"]),
    ],
)
def test_value_texts(values, texts):
    assert names(("a.v", values), prefix="p") == [f"p_123045_v_{text}" for text in texts]


def test_values_alike_when_made_safe_get_a_hash():
    first, second, third = names(("v", ["a/b", "a b", "c"]))
    assert first != second
    assert first.startswith("mlp_experiment_123045_v_a-b-")
    assert third == "mlp_experiment_123045_v_c"


@pytest.mark.parametrize(
    ("paths", "labels"),
    [
        (["a.lr", "b.wd"], ["lr", "wd"]),
        (["a.head.p", "a.body.p"], ["head.p", "body.p"]),
        (["m.2.p", "m.5.p"], ["2.p", "5.p"]),
        (["p", "m.p"], ["p", "m.p"]),
        (["m.layers.0"], ["layers.0"]),
        (["a.LR", "b.lr"], ["a.LR", "b.lr"]),
    ],
)
def test_labels_are_the_shortest_that_tell_paths_apart(paths, labels):
    assert label_parameters(paths) == labels


values = st.lists(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats()
    | st.text(max_size=300)
    | st.text(alphabet="ab_AB-/.", max_size=6)
    | st.lists(st.integers(0, 2), max_size=3),
    min_size=1,
    max_size=5,
    unique_by=canonical,
)
paths = st.lists(
    st.text(alphabet="ab_A.", min_size=1, max_size=5).filter(lambda path: all(path.split("."))), max_size=3, unique=True
)


@settings(max_examples=500)
@given(paths, st.data())
@example(["a", "b_b"], None)
def test_two_trials_never_share_a_name(keys, draw):
    lists = (
        [["x", "x_b", "b", "b_b"], ["1", "b_1", "b_b_1", "b"]] if draw is None else [draw.draw(values) for _ in keys]
    )
    made = names(*zip(keys, lists, strict=True))
    assert len({name.casefold() for name in made}) == len(made)
    for name in made:
        assert len(os.fsencode(name)) <= MAX_BYTES
        assert "/" not in name
        assert name.isprintable()
        assert not name.startswith((".", "-"))
        assert not name.endswith((".", " "))


NUMBER_LIKE = (
    "-.5|+.5|.5e3|5%|--5|.5.5|$-1|-true|None|null|yes|0x10|1e1|+1||1_0|(0.5)|'5'|inf|-nan|05|5.| 5 |/|５"
).split("|")
scalars = st.sampled_from([*NUMBER_LIKE, 5, 0.5, -0.5, 1, 10, 16, 500.0, True, None, float("inf"), float("nan"), "x"])


def read(text):
    """What a person takes the text of a value for."""
    words = {"true": True, "yes": True, "null": None, "none": None}
    if text.casefold() in words:
        return canonical(words[text.casefold()])
    for kind in (int, lambda number: int(number, 0), float):
        with contextlib.suppress(ValueError):
            return canonical(float(kind(text)))
    return text


@given(st.lists(scalars | st.text(alphabet="-+.5e_ /%", max_size=5), min_size=1, max_size=4, unique_by=canonical))
@example(["-.5"])
@example(["1e-1", 0.1])
@example(["None", None])
def test_no_name_reads_as_another_value(values):
    meant = [canonical(float(each)) if type(each) in (int, float) else canonical(each) for each in values]
    for made, value, own in zip(names(("v", values), prefix="p"), values, meant, strict=True):
        seen = read(made.removeprefix("p_123045_v_"))
        assert seen not in set(meant) - {own}
        is_text = isinstance(value, str)
        assert not is_text or seen == made.removeprefix("p_123045_v_") or seen == read(value)


def test_long_names_end_in_a_hash():
    first, second = names(*[(f"p{index}", ["same" * 5]) for index in range(10)], ("last", [1, 2]))
    assert first[:150] == second[:150]
    assert first != second
    assert len(first) == MAX_BYTES


@given(st.text())
def test_a_prefix_is_safe_or_refused(prefix):
    try:
        check_prefix(prefix)
    except ConfigError:
        return
    assert Path("runs", prefix).parent == Path("runs")
    assert Path(prefix).name == prefix


@pytest.mark.parametrize("prefix", ["", "../x", "/abs", "a/b", ".hidden", "-dash", "a\nb", "a\0b", "$(x)", "x" * 300])
def test_unsafe_prefixes(prefix):
    with pytest.raises(ConfigError, match="the run prefix"):
        check_prefix(prefix)
