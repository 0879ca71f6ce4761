"""The searches of a folder, as the first page of the server lists them."""

import pytest

from gridfold.export.json.listing import document
from gridfold.runs.store import Store
from gridfold.show.serve.listing import Listing
from tests import made


@pytest.mark.parametrize("is_repeated", [False, True])
def test_the_best_value_is_that_of_gridfold_list(tmp_path, is_repeated):
    values = {1: (0.5, 0.9), 2: (0.8, 0.8)}  # the best run is none of the best trial
    runs = [
        made.completed(x, val_f1=found[repeat]) | {"repeat": repeat}
        for repeat in range(1 + is_repeated)
        for x, found in values.items()
    ]
    made.search(tmp_path, "some_1", runs)
    store = Store(tmp_path)
    (listed,) = Listing(store).document()["searches"]
    (told,) = document(store.searches())["searches"]
    assert listed["best"] == told["best"]["value"] == 0.8
    assert listed["metric"] == told["metric"] == "val_f1"
    assert listed["total"] == told["total"] == len(runs)
