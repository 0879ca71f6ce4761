"""Questions about a config: they answer as the values would, and separate runs only where the answers differ."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import gridfold
from gridfold.sharing.group import Group


class Recorded:
    """A program that is run for all trials, by running it again from the start for each group."""

    def __init__(self, program, configs):
        self.splits = []
        self.results = {}
        self._program = program
        self._configs = configs
        self._run(())

    def _run(self, path):
        chosen = list(path)

        def split(where, groups, place):
            if chosen:
                return chosen.pop(0)
            self.splits.append((where, groups))
            raise Split(groups)

        group = Group(self._configs, split)
        try:
            result = self._program(group.config)
        except Split as found:
            for part in found.groups:
                self._run((*path, part))
            return
        except (TypeError, KeyError) as error:
            result = type(error)
        for trial in group.trials:
            self.results[trial] = result


class Split(BaseException):
    def __init__(self, groups):
        self.groups = groups


def alone(program, config):
    try:
        return program(config)
    except (TypeError, KeyError) as error:
        return type(error)


def test_runs_are_separated_where_the_answers_differ():
    configs = [{"epochs": number} for number in (5, 2, 3, 2)]
    found = Recorded(lambda config: list(gridfold.count(config, "epochs")), configs)
    assert found.results == {0: [1, 2, 3, 4, 5], 1: [1, 2], 2: [1, 2, 3], 3: [1, 2]}
    assert found.splits == [("epochs", [(0, 2), (1, 3)]), ("epochs", [(0,), (2,)])]


def test_a_question_about_several_values():
    configs = [{"metric": "f1", "patience": 1}, {"metric": "loss", "patience": 2}, {"metric": "f1"}]
    seen = Recorded(lambda c: gridfold.ask(c, ("metric", "patience"), lambda m, p: m == "f1" and p is None), configs)
    assert seen.results == {0: False, 1: False, 2: True}
    assert seen.splits == [("metric, patience", [(0, 1), (2,)])]


def test_an_answer_that_is_an_error_is_of_one_run():
    configs = [{"n": 1}, {"n": "two"}, {"n": 3}]
    found = Recorded(lambda config: gridfold.ask(config, "n", lambda n: n > 0), configs)
    assert found.results == {0: True, 1: TypeError, 2: True}


def test_all_values_of_the_runs_that_are_left():
    configs = [{"m": "a", "n": 1}, {"m": "b", "n": 2}, {"m": "a", "n": 2}, {"n": 1}]

    def program(config):
        before = gridfold.alternatives(config, "m")
        return before, config["n"], gridfold.alternatives(config, "m")

    found = Recorded(program, configs)
    assert found.results[0] == found.results[3] == (["a", "b", None], 1, ["a", None])
    assert found.results[1] == (["a", "b", None], 2, ["b", "a"])
    assert gridfold.alternatives({"m": 1}, "m") == [1]
    assert gridfold.alternatives({}, "m", "c") == ["c"]


def test_a_question_cannot_change_what_other_runs_have():
    configs = [{"n": [1]}, {"n": [2]}]
    found = Recorded(lambda c: (gridfold.ask(c, "n", lambda n: n.append(3)), c["n"]), configs)
    assert found.results == {0: (None, [1]), 1: (None, [2])}


VALUES = st.one_of(st.integers(0, 3), st.none(), st.just({"a": 1}), st.just({"a": 2}))
CONFIGS = st.lists(st.fixed_dictionaries({}, optional={"x": VALUES, "y": VALUES, "z": VALUES}), min_size=1, max_size=6)
QUESTIONS = (
    lambda v: v is None,
    lambda v: v,
    lambda v: v > 1,
    lambda v: v["a"] if isinstance(v, dict) else 0,
)
STEPS = st.lists(
    st.tuples(st.sampled_from(["ask", "read", "set", "both"]), st.sampled_from("xyz"), st.integers(0, 3)), max_size=6
)


@example([{"y": {"a": 1}}, {"y": {"a": 2}}], [("ask", "y", 1)])
@given(CONFIGS, STEPS)
def test_any_questions_answer_as_if_each_run_were_alone(configs, steps):
    def program(config):
        seen = []
        for what, key, number in steps:
            if what == "ask":
                seen.append(repr(gridfold.ask(config, key, QUESTIONS[number])))  # read while it can be split
            elif what == "both":
                seen.append(gridfold.ask(config, (key, "x"), lambda one, other: one == other, default=0))
            elif what == "read":
                seen.append(repr(config[key]))
            else:
                config[key] = number
        return seen

    expected = {index: alone(program, dict(config)) for index, config in enumerate(configs)}
    assert Recorded(program, configs).results == expected


@pytest.mark.parametrize("name", ["ask", "count", "alternatives", "HyperParamSearch"])
def test_what_the_package_offers(name):
    assert getattr(gridfold, name).__doc__
