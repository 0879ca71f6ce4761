"""The searches of a folder, as the page lists them."""

from gridfold.cli import main
from gridfold.runs.store import Store
from gridfold.show.serve.listing import Listing
from tests import made


def test_the_best_value_is_that_of_the_best_trial(project, capsys):
    values = {0.1: (0.5, 0.75), 0.01: (0.25, 0.875)}
    runs = [
        {"params": {"training.lr": lr}, "repeat": repeat, "metrics": {"f1": value}}
        for lr, each in values.items()
        for repeat, value in enumerate(each)
    ]
    made.search(project / "runs", "demo_1", [run | {"run": f"r_{place}"} for place, run in enumerate(runs)])
    (row,) = Listing(Store()).document()["searches"]
    assert (row["total"], row["metric"], row["best"]) == (4, "f1", 0.625)
    assert main(["list"]) == 0
    assert "0.6250" in capsys.readouterr().out
