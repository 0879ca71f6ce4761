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


# What programs print, with a value in it for each #.
ONE_THING = {
    "reports of classes": (
        "{'0': {'recall': 0.9, 'f1-score': 0.9}, 'accuracy': 0.#, 'macro avg': {'recall': 0.8, 'f1-score': 0.8}}\n",
        "highest accuracy",
    ),
    "reports of classes in JSON": (
        '{"0": {"recall": 0.9, "f1-score": 0.9}, "accuracy": 0.#, "macro avg": {"recall": 0.8}}\n',
        "highest accuracy",
    ),
    "reports of parts of the data": (
        "Train report\n       precision  recall  f1-score  support\naccuracy            0.9   61\n\n"
        "Validation report\n       precision  recall  f1-score  support\naccuracy            0.#   61\n",
        "highest val_accuracy",
    ),
    "parts of the data in JSON": (
        '{"split": "train", "epoch": 1, "loss": 0.0#}\n{"split": "val", "epoch": 1, "loss": 0.#}\n'
        '{"split": "train", "epoch": 2, "loss": 0.01}\n{"split": "val", "epoch": 2, "loss": 0.#1}\n',
        "lowest val_loss",
    ),
    "events in JSON": (
        '{"event": "train_step", "step": 1, "loss": 0.01}\n{"event": "eval_step", "step": 1, "loss": 0.#}\n',
        "lowest eval_loss",
    ),
    "lines about something else": ("Dataset: cifar\nacc: 0.05\nDevice: cuda\nacc: 0.#\n", "highest acc"),
    "subsets": (
        "INFO | valid | epoch 001 | valid on 'valid' subset | loss 0.#\n"
        "INFO | valid | epoch 001 | valid on 'test' subset | loss 0.01\n"
        "INFO | valid | epoch 002 | valid on 'valid' subset | loss 0.9 | best_loss 0.#\n",
        "lowest val_loss",
    ),
    "folds with a mean": (
        "=== Fold 1 ===\nEpoch 1 val_loss 0.05\n=== Fold 2 ===\nEpoch 1 val_loss 0.9\nMean val_loss: 0.#\n",
        "lowest mean_val_loss",
    ),
    "horizons with an average": (
        "Horizon 1: MAE 0.05\nHorizon 2: MAE 0.9\nAverage: MAE 0.#\n",
        "lowest Average/MAE",
    ),
    "names before numbers": ("best_iteration, best_score: 20 0.#\n", "highest best_score"),
    "names before a list": ("val loss, val acc: [0.#, 0.9]\n", "lowest val_loss"),
    "no first number of an array": ("{'acc': array([0.9, 0.1])}\nf1: 0.#\n", "highest f1"),
    "no row of models": (
        "         model  score_test  score_val eval_metric  pred_time\n0  Ensemble_L2      0.91      0.93    accuracy"
        "        0.1\nf1: 0.#\n",
        "highest f1",
    ),
    "a best score beside its curve": (
        '[0]\tvalidation_0-logloss:0.9\n[1]\tvalidation_0-logloss:0.#\n{"best_iteration": 1, "best_score": 0.#}\n',
        "lowest validation_0-logloss",
    ),
    "a filter": ("{'alias': 'gsm8k', 'exact_match,strict-match': 0.#}\n", "highest exact_match,strict-match"),
    "a recall of one direction": (
        "Train Epoch: 0 Loss: 2.1 (2.2)\nEval Epoch: 1 image_to_text_mean_rank: 10.1\timage_to_text_R@1: 0.#\n",
        "highest eval_image_to_text_R@1",
    ),
    "a function behind a name": ("{'sts-dev_pearson_cosine': 0.#}\n", "highest sts-dev_pearson_cosine"),
    "mappings in a mapping": ("{'mnli': {'acc': 0.#}, 'qqp': {'acc': 0.8}}\n", "highest mnli_acc"),
    "epochs of one thing": ("mnli: acc 0.01\nmnli: acc 0.#\nmnli: acc 0.02\n", "highest acc"),
    "lines that each have a text of their own": (
        "".join(
            f'{{"id": "{"ab"[n % 2] * n}x", "took": "{n}s", "acc": 0.{"#" if n == 60 else "0"}}}\n' for n in range(70)
        ),
        "highest acc",
    ),
    "lines that each have a time": (
        '{"at": "2024-05-10 12:00:01", "took": "5s", "acc": 0.#}\n{"at": "17.5", "took": "9s", "acc": 0.01}\n',
        "highest acc",
    ),
    "values that all processes have": (
        "[rank0] epoch 1 acc 0.#\n[rank1] epoch 1 acc 0.#\n[rank0] epoch 2 acc 0.01\n[rank1] epoch 2 acc 0.01\n",
        "highest acc",
    ),
}
SEVERAL_THINGS = {
    "similarities": (
        "sts-dev dataset after epoch 0:\nCosine-Similarity :\tPearson: 0.#\nManhattan-Distance:\tPearson: 0.9\n"
        "sts-dev dataset after epoch 1:\nCosine-Similarity :\tPearson: 0.0#\nManhattan-Distance:\tPearson: 0.8\n",
        ["Cosine_Similarity/pearson", "Manhattan_Distance/pearson"],
    ),
    "datasets": ("mnli: acc 0.#\nqqp: acc 0.9\n", ["mnli/acc", "qqp/acc"]),
    "datasets in JSON": (
        '{"dataset": "mnli", "acc": 0.#}\n{"dataset": "qqp", "acc": 0.9}\n',
        ["mnli/acc", "qqp/acc"],
    ),
    "what stands above": (
        "Evaluating on mnli...\naccuracy: 0.#\nEvaluating on qqp...\naccuracy: 0.9\n",
        ["mnli/accuracy", "qqp/accuracy"],
    ),
    "functions of a score": (
        "Score-Function: cosine\nMRR@10: 0.#\nScore-Function: dot\nMRR@10: 0.9\n",
        ["cosine/MRR@10", "dot/MRR@10"],
    ),
    "reports of models": (
        "SVM\n       precision  recall  f1-score  support\naccuracy            0.#   61\n\n"
        "Forest\n       precision  recall  f1-score  support\naccuracy            0.9   61\n",
        ["SVM/accuracy", "Forest/accuracy"],
    ),
    "filters": (
        "|Tasks|Version|     Filter     |n-shot|  Metric   |   |Value|   |Stderr|\n"
        "|-----|------:|----------------|-----:|-----------|---|----:|---|-----:|\n"
        "|gsm8k|      3|flexible-extract|     5|exact_match|↑  |  0.#|±  |0.0083|\n"
        "|     |       |strict-match    |     5|exact_match|↑  |  0.9|±  |0.0060|\n",
        ["gsm8k_exact_match,flexible-extract", "gsm8k_exact_match,strict-match"],
    ),
    "folds": ("fold=1 val_loss=0.#\nfold=2 val_loss=0.5\n", ["fold_1/val_loss", "fold_2/val_loss"]),
    "folds in names": ("Fold 1 val_loss: 0.#\nFold 2 val_loss: 0.5\n", ["fold_1_val_loss", "fold_2_val_loss"]),
    "folds in JSON": (
        '{"fold": 0, "val_loss": 0.#}\n{"fold": 1, "val_loss": 0.5}\n',
        ["fold_0/val_loss", "fold_1/val_loss"],
    ),
}


@pytest.fixture
def printing(gridfold, write):
    """Searches with a program that prints a text, with its parameter for each #."""

    def run(text, *options):
        write("printed", text)
        return gridfold("search", "--no-config", *options, "--", "sh", "-c", 'sed "s/#/$1/g" printed', "sh", "{x=1,2}")

    return run


def values(project, metric):
    with next(project.glob("runs/*/results.csv")).open() as file:
        return [row[metric] for row in csv.DictReader(file)]


@pytest.mark.parametrize("what", ONE_THING)
def test_the_value_of_one_thing_is_not_that_of_another(printing, project, what):
    text, rule = ONE_THING[what]
    code, said = printing(text)
    assert (code, f"({rule})" in said) == (0, True), said
    assert values(project, rule.partition(" ")[2]) == ["0.1", "0.2"]


@pytest.mark.parametrize("what", SEVERAL_THINGS)
def test_it_asks_of_which_of_several_things_a_metric_counts(printing, gridfold, project, what):
    text, names = SEVERAL_THINGS[what]
    code, said = printing(text, "--parallel", "1")
    assert (code, f"which metric counts is not clear; the runs have {', '.join(names)}" in said) == (1, True), said
    assert gridfold("resume", "last", "--metric", names[0])[0] == 0
    assert values(project, names[0]) == ["0.1", "0.2"]


def test_it_says_that_a_best_score_may_be_the_lowest(printing):
    code, said = printing("best_iteration = 20, best_score = 0.#\n")
    assert (code, "The highest best_score counts as the best: if lower is better" in said) == (0, True), said
