"""Optuna studies, made by Optuna itself."""

import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridfold.config.config import Config
from gridfold.config.importing import optuna_study
from gridfold.config.importing.formats import read
from gridfold.config.importing.imported import Choices, Constant, Imported, Parameter, Word
from gridfold.config.importing.section import config_text
from gridfold.config.space import space_of
from gridfold.core.errors import ConfigError
from gridfold.space.parameters import Interval

optuna = pytest.importorskip("optuna")
optuna.logging.set_verbosity(optuna.logging.ERROR)


def numbers(form):
    """The numbers of a form that a grid lists."""
    if isinstance(form, Word):
        low, high, *third = form.numbers
        if form.name == "int":
            return list(range(low, high + 1, *third))
        return [low + (high - low) * index / (third[0] - 1) for index in range(third[0])]
    return list(form.values) if isinstance(form, Choices) else [form.value]


@given(st.integers(-99, 99), st.integers(0, 200), st.integers(1, 9))
def test_whole_numbers_are_those_of_optuna(low, width, step):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # high is no multiple of the step: Optuna lowers it
        distribution = optuna.distributions.IntDistribution(low, low + width, step=step)
    assert numbers(optuna_study._form(distribution)) == list(range(low, distribution.high + 1, step))


@given(st.integers(-20, 20), st.integers(0, 60), st.sampled_from([0.1, 0.05, 0.25, 1e-3]))
def test_steps_are_those_of_optuna(first, count, step):
    low, high = round(first * step, 6), round((first + count) * step, 6)
    distribution = optuna.distributions.FloatDistribution(low, high, step=step)
    expected = [low + index * step for index in range(round((distribution.high - low) / step) + 1)]
    assert numbers(optuna_study._form(distribution)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("distribution", "form"),
    [
        (("Float", 0.0, 1.0, {}), Word("uniform", (0.0, 1.0))),
        (("Float", 1e-5, 0.1, {"log": True}), Word("log", (1e-5, 0.1))),
        (("Int", 1, 1024, {"log": True}), Word("log_int", (1, 1024))),
        (("Int", 3, 3, {}), Constant(3)),
        (("Float", 0.5, 0.5, {}), Constant(0.5)),
    ],
)
def test_ranges(distribution, form):
    kind, low, high, options = distribution
    made = getattr(optuna.distributions, f"{kind}Distribution")(low, high, **options)
    assert optuna_study._form(made) == form


def test_equal_choices_stay_apart():
    distribution = optuna.distributions.CategoricalDistribution([True, 1, None, "1"])
    assert optuna_study._form(distribution) == Choices((True, 1, None, "1"))


INTS = st.tuples(st.integers(1, 99), st.integers(0, 30), st.sampled_from([1, 2, 7]), st.booleans())


@given(st.lists(INTS, min_size=1, max_size=3), st.integers(0, 20), st.sampled_from([0.05, 0.1, 0.25]))
def test_the_config_has_the_values_of_the_distributions(whole, count, step):
    """What the config takes, of every kind, as Optuna itself takes it."""
    make = optuna.distributions
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # high is no multiple of the step: Optuna lowers it
        distributions = {
            f"n.{index}": make.IntDistribution(low, low + width, log=log, step=1 if log else step)
            for index, (low, width, step, log) in enumerate(whole)
        }
        distributions["f"] = make.FloatDistribution(0.0, count * step, step=step)
    distributions |= {
        "c": make.CategoricalDistribution([True, 1, None]),
        "r": make.FloatDistribution(1e-5, 1, log=True),
    }
    found = Imported("study.db")
    for path, distribution in distributions.items():
        found.add(Parameter(path, optuna_study._form(distribution)))
    config = Config.parse(config_text(found, "c.yaml"), "c.yaml")
    parameters = {each.path: each for each in space_of(config).parameters}
    for path, distribution in distributions.items():
        if distribution.single():
            low = distribution._asdict()["low"]
            assert config.document.value(config.document.places[path].node) == low
        elif path == "r":
            assert parameters[path].distribution == Interval(1e-5, 1.0, log=True)
        elif path == "c":
            assert repr(parameters[path].values) == "(True, 1, None)"
        else:
            values = parameters[path].values
            assert {type(value) for value in values} == {float if path == "f" else int}
            assert all(map(distribution._contains, map(distribution.to_internal_repr, values)))
            assert len(values) == round((distribution.high - distribution.low) / distribution.step) + 1


def conditional(trial):
    optimizer = trial.suggest_categorical("optimizer", ["adamw", "sgd"])
    lr = trial.suggest_float("optim.lr", 1e-5, 0.1, log=True)
    trial.suggest_categorical("only", ["x"])
    return lr + (trial.suggest_float("momentum", 0, 0.99) if optimizer == "sgd" else 0)


@pytest.fixture
def storage(tmp_path):
    """A SQLite file with a study."""
    path = tmp_path / "study.db"
    study = optuna.create_study(study_name="one", storage=f"sqlite:///{path}", direction="maximize")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # experimental, both
        study.set_metric_names(["accuracy"])
        study.enqueue_trial({"optimizer": "sgd", "optim.lr": 0.01})
    study.enqueue_trial({"optimizer": "adamw"})
    study.optimize(conditional, n_trials=6)
    return path


def test_a_study_in_sqlite(storage):
    before = storage.read_bytes()
    found = read(str(storage))
    assert {path: each.form for path, each in found.parameters.items()} == {
        "optimizer": Choices(("adamw", "sgd")),
        "optim.lr": Word("log", (1e-5, 0.1)),
        "only": Constant("x"),
        "momentum": Word("uniform", (0.0, 0.99)),
    }
    assert found.when == {"momentum": "optimizer == 'sgd'"}
    assert found.settings == {
        "strategy": {"name": "tpe", "trials": 6},
        "metric": "accuracy",
        "maximize": True,
        "add": [{"optimizer": "sgd", "optim.lr": 0.01}, {"optimizer": "adamw"}],
    }
    assert {remark.subject for remark in found.remarks} == {"sampler", "trials"}
    assert storage.read_bytes() == before
    assert read(f"sqlite:///{storage}").parameters == found.parameters


def test_a_journal_of_several_studies(tmp_path):
    path = str(tmp_path / "journal.log")
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(path))
    grid = optuna.samplers.GridSampler({"a": [1, 5], "b": [0.5, 1.0]})
    study = optuna.create_study(study_name="grid", storage=storage, sampler=grid)
    study.optimize(lambda trial: trial.suggest_int("a", 1, 9) + trial.suggest_float("b", 0, 1))
    optuna.create_study(study_name="empty", storage=storage)
    with pytest.raises(ConfigError, match="holds 2 studies\n  choose one: --study empty"):
        read(path)
    with pytest.raises(ConfigError, match="no study 'gird'\n  did you mean 'grid'"):
        read(path, "gird")
    with pytest.raises(ConfigError, match="study empty: has no trials"):
        read(path, "empty")
    found = read(path, "grid")
    assert {path: each.form for path, each in found.parameters.items()} == {
        "a": Choices((1, 5)),
        "b": Choices((0.5, 1.0)),
    }
    assert "strategy" not in found.settings


def test_what_no_choice_explains_is_said(tmp_path):
    path = tmp_path / "study.db"
    study = optuna.create_study(storage=f"sqlite:///{path}", directions=["minimize", "maximize"])

    def objective(trial):
        trial.suggest_int("n", 1, 2 + trial.number)
        if trial.number % 2:
            trial.suggest_float("x", 0, 1)
        return 0.0, 0.0

    study.optimize(objective, n_trials=4)
    found = read(str(path))
    assert {remark.subject for remark in found.remarks} == {"n", "x", "sampler", "directions", "trials"}
    assert found.settings["strategy"] == {"name": "nsga", "trials": 4}


def test_what_is_no_storage(tmp_path):
    """Whatever it is, it is as it was."""
    import sqlite3

    other, journal = tmp_path / "other.db", tmp_path / "torn.log"
    with sqlite3.connect(other) as connection:
        connection.execute("create table a (b)")
    journal.write_text('{"op_code": 99')
    for path in (other, journal):
        before = path.read_bytes()
        with pytest.raises(ConfigError, match=r"Optuna cannot read it|holds no study"):
            read(str(path))
        assert path.read_bytes() == before


def test_a_name_that_was_mistyped(storage):
    with pytest.raises(ConfigError, match=r"no Optuna storage: .*\n  did you mean 'study.db'\?"):
        read(f"sqlite:///{storage.parent}/studi.db")
    assert [path.name for path in storage.parent.iterdir()] == ["study.db"]
