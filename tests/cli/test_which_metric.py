"""A search asks which metric counts, before the rest is paid for, where that is not clear."""

import pytest

from gridfold.runs.store import Store

TRAINER = """
def odd(config):
    return {"width": 7, "thing": config["lr"]}


def usual(config):
    return {"train_runtime": 9 - config["lr"], "train_loss": 1 / config["lr"], "lr": config["lr"], "epoch": 3}


def loss(config):  # the parameter is a kind of loss
    return {"loss": 0.5, "acc": config["lr"]}
"""


@pytest.fixture
def search(project, write, gridfold):
    write("which.py", TRAINER)
    write("c.yaml", "lr: [1, 2, 3, 4]\n")

    def run(trainer, *options):
        return gridfold("search", "--config", "c.yaml", "--trainer", f"which:{trainer}", "--parallel", "1", *options)

    return run


def states():
    return [record.state if record else "created" for _, record in Store().find("last").records()]


def test_it_asks_once_and_goes_on_when_it_is_told(search, gridfold):
    code, said = search("odd")
    name = Store().find("last").name
    assert (code, states()) == (1, ["completed", "created", "created", "created"])
    assert "which metric counts is not clear; the runs have width, thing (--keep-going: the first counts)" in said
    assert f"To continue: gridfold resume {name} --metric width" in said
    code, said = gridfold("resume", "last")
    assert (code, states().count("completed"), "which metric counts" in said) == (1, 1, True)
    code, said = gridfold("resume", "last", "--metric", "thing", "--minimize")
    assert (code, states().count("completed"), "(lowest thing)" in said) == (0, 4, True)
    assert "lowest thing" in gridfold("best")[1]


def test_it_does_not_ask_who_does_not_care(search):
    code, said = search("odd", "--keep-going")
    assert (code, states().count("completed"), "(highest width)" in said) == (0, 4, True)


@pytest.mark.parametrize(("trainer", "rule"), [("usual", "lowest train_loss"), ("loss", "lowest loss")])
def test_it_does_not_ask_what_is_clear(search, trainer, rule):
    code, said = search(trainer)
    assert (code, states().count("completed"), f"({rule})" in said) == (0, 4, True)


def test_the_name_of_a_parameter_is_no_metric_beside_others(search, write):
    write("c.yaml", "lr: [1, 2]\nloss: [3, 4]\n")
    code, said = search("loss")
    assert (code, "(highest acc)" in said) == (0, True)


def test_a_printed_log_and_printed_epochs(gridfold, write):
    lines = [
        '{\\"event\\": \\"begin\\", \\"ts\\": 17}',
        *(f'{{\\"epoch\\": {n}, \\"acc\\": 0.$1{n}}}' for n in (1, 3, 2)),
    ]
    write("t.sh", "".join(f'echo "{line}"\n' for line in lines))
    code, said = gridfold("search", "--config", write("c.yaml", "x: [1, 2]\n"), "--", "sh", "t.sh", "{x}")
    assert code == 0
    assert "acc 0.1300" in said
    assert [run.reports()[1] for run in map(Store().find("last").run, Store().find("last").entries())] == [
        {"epoch": 3, "acc": 0.13},
        {"epoch": 3, "acc": 0.23},
    ]
