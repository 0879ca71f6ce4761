"""All trials of several small searches, sharing and each alone: nothing that they leave may differ by one bit."""

import json
import re

import pytest

TRAINERS = """
import json
from dataclasses import dataclass

import numpy as np

import gridfold


def keep(run, **arrays):
    for name, array in arrays.items():
        np.save(run.dir / f"{name}.npy", np.asarray(array))


def scikit(config, run):
    from sklearn.datasets import load_digits
    from sklearn.linear_model import SGDClassifier
    from sklearn.preprocessing import StandardScaler

    x, y = load_digits(return_X_y=True)
    order = np.random.permutation(len(x))  # of the run's own stream, which starts from its seed
    x, y = StandardScaler().fit_transform(x)[order], y[order]
    print("scaled", x.shape)
    model = SGDClassifier(random_state=0, max_iter=5, tol=None, **config["model"])
    model.fit(x[:500], y[:500])
    keep(run, coefficients=model.coef_)
    return {"accuracy": model.score(x[500:], y[500:])}


@dataclass
class Net:
    width: int
    dropout: float


def pytorch(config, run):
    import torch

    x = torch.randn(64, 8)
    y = (x.sum(1) > 0).long()
    net = Net(**config["net"])
    first, last = torch.nn.Linear(8, net.width), torch.nn.Linear(net.width, 2)
    model = torch.nn.Sequential(first, torch.nn.ReLU(), torch.nn.Dropout(net.dropout), last)
    training = config["training"]
    for epoch in range(2):
        for part in torch.randperm(64).split(16):  # before anything of the optimiser is read, in the first epoch
            loss = torch.nn.functional.cross_entropy(model(x[part]), y[part])
            model.zero_grad()
            loss.backward()
            with torch.no_grad():
                for weight in model.parameters():
                    weight -= training["optimizer"]["lr"] * weight.grad
                    weight *= 1 - training["optimizer"].get("decay", 0.0)
        run.report(epoch=epoch, loss=loss)
    keep(run, **{name.replace(".", "_"): weight for name, weight in model.state_dict().items()})
    return loss


def two_axes_of_epochs(config, run):
    import torch

    weight = torch.zeros(4)
    for epoch in gridfold.count(config["pretraining"], "epochs"):
        weight += torch.randn(4)
        run.report(pretraining=epoch, norm=weight.norm())
    for epoch in gridfold.count(config["training"], "epochs"):
        weight *= torch.rand(4)
        run.report(training=epoch, norm=weight.norm())
        print(f"epoch {epoch}")
    keep(run, weight=weight)
    return weight.sum()


def fails_in_a_branch(config, run):
    draw = np.random.random()
    run.report(draw=draw)
    if config["a"] == 2:
        raise ValueError(f"no {config['b']}")
    run.note(f"b is {config['b']}")
    return draw * config["a"] + config["b"]
"""

SEARCHES = {
    "scikit": "model: {alpha: [1e-4, 1e-2], penalty: [l2, l1], loss: hinge}",
    "pytorch": "net: {width: [4, 8], dropout: [0.0, 0.3]}\ntraining: {optimizer: {lr: [0.1, 0.5], decay: [0.0, 0.01]}}",
    "two_axes_of_epochs": "pretraining: {epochs: [1, 3]}\ntraining: {epochs: [2, 1, 4]}",
    "fails_in_a_branch": "a: [1, 2, 3]\nb: [4, 5]",
}
BY_NATURE = {"started", "ended", "seconds", "pid", "process", "session", "sharing", "search", "error"}


def left(run_dir):
    """All that a run leaves, but for times, processes and names of directories."""
    found = {path.name: path.read_bytes() for path in run_dir.iterdir() if not path.name.startswith(".")}
    record = json.loads(found.pop("run.json"))
    error = record["error"] and (record["error"]["type"], record["error"]["message"], record["error"]["place"])
    log = found.pop("log.txt", b"").split(b"Traceback")[0]
    return found, log, error, {name: value for name, value in record.items() if name not in BY_NATURE}


@pytest.mark.parametrize("name", SEARCHES)
def test_every_trial_is_as_if_it_had_run_alone(name, command, write, project):
    (project / "trainers.py").write_text(TRAINERS)
    config = write("c.yaml", f"gridfold: {{trainer: 'trainers:{name}'}}\n{SEARCHES[name]}\n")
    runs = {}
    for option in ("--share", "--no-share"):
        command("hyper_main.py", "--config", config, option, "--run-prefix", option.strip("-"))
    for path in sorted(project.glob("runs/*/run.json")):
        prefix, trial = re.fullmatch(r"(share|no-share)_\d{6}_(.*)", path.parent.name).groups()
        runs.setdefault(trial, {})[prefix] = path.parent
    assert len(runs) > 3
    for trial in runs.values():
        shared, alone = left(trial["share"]), left(trial["no-share"])
        assert shared == alone
        labels = [
            json.loads((trial[how] / "run.json").read_text())["sharing"]["label"] for how in ("share", "no-share")
        ]
        assert labels == (["own", "own"] if shared[2] and name != "fails_in_a_branch" else ["bitwise", "own"])
