"""A search asks which metric counts, before the rest is paid for, where that is not clear."""

import csv

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


# What programs print with a value in it for #, which metric counts, and its values of two runs.
OF_SEVERAL_THINGS = {
    "similarities": (
        "sts-dev dataset after epoch 0:\nCosine-Similarity :\tPearson: 0.#\nManhattan-Distance:\tPearson: 0.9\n"
        "sts-dev dataset after epoch 1:\nCosine-Similarity :\tPearson: 0.0#\nManhattan-Distance:\tPearson: 0.8\n",
        "highest Cosine_Similarity_pearson",
        ["0.1", "0.2"],
    ),
    "datasets": ("mnli: acc 0.#\nqqp: acc 0.9\n", "highest mnli_acc", ["0.1", "0.2"]),
    "what stands above": (
        "Evaluating on mnli...\naccuracy: 0.#\nEvaluating on qqp...\naccuracy: 0.9\n",
        "highest mnli_accuracy",
        ["0.1", "0.2"],
    ),
    "functions of a score": (
        "Score-Function: cosine\nMRR@10: 0.#\nScore-Function: dot\nMRR@10: 0.9\n",
        "highest cosine_MRR@10",
        ["0.1", "0.2"],
    ),
    "filters": (
        "|Tasks|Version|     Filter     |n-shot|  Metric   |   |Value|   |Stderr|\n"
        "|-----|------:|----------------|-----:|-----------|---|----:|---|-----:|\n"
        "|gsm8k|      3|flexible-extract|     5|exact_match|↑  |  0.#|±  |0.0083|\n"
        "|     |       |strict-match    |     5|exact_match|↑  |  0.9|±  |0.0060|\n",
        "highest gsm8k_exact_match,flexible-extract",
        ["0.1", "0.2"],
    ),
    "mappings in a mapping": ("{'mnli': {'acc': 0.#}, 'qqp': {'acc': 0.9}}\n", "highest mnli_acc", ["0.1", "0.2"]),
    "reports of classes": (
        "{'0': {'recall': 0.9, 'f1-score': 0.9}, 'accuracy': 0.#, 'macro avg': {'recall': 0.8, 'f1-score': 0.8}}\n",
        "highest accuracy",
        ["0.1", "0.2"],
    ),
    "reports of classes in JSON": (
        '{"0": {"recall": 0.9, "f1-score": 0.9}, "accuracy": 0.#, "macro avg": {"recall": 0.8}}\n',
        "highest accuracy",
        ["0.1", "0.2"],
    ),
    "reports of parts of the data": (
        "Train report\n       precision  recall  f1-score  support\naccuracy            0.9   61\n\n"
        "Validation report\n       precision  recall  f1-score  support\naccuracy            0.#   61\n",
        "highest val_accuracy",
        ["0.1", "0.2"],
    ),
    "parts of the data in JSON": (
        '{"split": "train", "epoch": 1, "loss": 0.0#}\n{"split": "val", "epoch": 1, "loss": 0.#}\n'
        '{"split": "train", "epoch": 2, "loss": 0.01}\n{"split": "val", "epoch": 2, "loss": 0.#1}\n',
        "lowest val_loss",
        ["0.1", "0.2"],
    ),
    "subsets": (
        "INFO | valid | epoch 001 | valid on 'valid' subset | loss 1.#\n"
        "INFO | valid | epoch 001 | valid on 'test' subset | loss 0.1\n"
        "INFO | valid | epoch 002 | valid on 'valid' subset | loss 1.9 | best_loss 1.#\n",
        "lowest val_loss",
        ["1.1", "1.2"],
    ),
    "folds with a mean": (
        "=== Fold 1 ===\nEpoch 1 val_loss 0.05\n=== Fold 2 ===\nEpoch 1 val_loss 0.9\nMean val_loss: 0.#\n",
        "lowest mean_val_loss",
        ["0.1", "0.2"],
    ),
    "names before numbers": ("best_iteration, best_score: 20 0.#\n", "highest best_score", ["0.1", "0.2"]),
    "names before a list": ("val loss, val acc: [0.#, 0.9]\n", "lowest val_loss", ["0.1", "0.2"]),
    "rows of models": (
        "          model  score_test  score_val eval_metric  pred_time\n0  Ensemble_L2      0.91      0.93    accuracy "
        "       0.1\nval_f1: 0.#\n",
        "highest val_f1",
        ["0.1", "0.2"],
    ),
    "a best score beside its curve": (
        '[0]\tvalidation_0-logloss:0.9\n[1]\tvalidation_0-logloss:0.#\n{"best_iteration": 1, "best_score": 0.#}\n',
        "lowest validation_0-logloss",
        ["0.1", "0.2"],
    ),
}


@pytest.fixture
def printing(gridfold, write):
    """Searches with a program that prints a text, with its parameter for each #."""

    def run(text, *options):
        write("printed", text)
        return gridfold("search", "--no-config", *options, "--", "sh", "-c", 'sed "s/#/$1/g" printed', "sh", "{x=1,2}")

    return run


@pytest.mark.parametrize("what", OF_SEVERAL_THINGS)
def test_the_value_of_one_thing_is_not_that_of_another(printing, project, what):
    text, rule, values = OF_SEVERAL_THINGS[what]
    code, said = printing(text)
    assert (code, f"({rule})" in said) == (0, True), said
    with next(project.glob("runs/*/results.csv")).open() as file:
        assert [row[rule.partition(" ")[2]] for row in csv.DictReader(file)] == values


@pytest.mark.parametrize(
    "text",
    [
        "fold=1 val_loss=0.#\nfold=2 val_loss=0.5\n",
        "Fold 1 val_loss: 0.#\nFold 2 val_loss: 0.5\n",
        '{"fold": 0, "val_loss": 0.#}\n{"fold": 1, "val_loss": 0.5}\n',
    ],
)
def test_it_asks_which_fold_counts(printing, text):
    code, said = printing(text)
    assert (code, "which metric counts is not clear; the runs have fold_" in said) == (1, True), said


def test_it_says_that_a_best_score_may_be_the_lowest(printing):
    code, said = printing("best_iteration = 20, best_score = 0.#\n")
    assert (code, "The highest best_score counts as the best: if lower is better" in said) == (0, True), said


def test_repeated_lines_of_one_thing_are_epochs(printing, project):
    printing("mnli: acc 0.#\nmnli: acc 0.#5\nmnli: acc 0.01\n")
    with next(project.glob("runs/*/results.csv")).open() as file:
        assert [row["acc"] for row in csv.DictReader(file)] == ["0.15", "0.25"]
