"""``gridfold plan`` of any space: whole outputs."""

import pytest

from gridfold.show.space_table import range_text, space_rows
from gridfold.space.axes import Union
from gridfold.space.parameters import Interval, ListedParameter, Normal, RangeParameter
from gridfold.space.product import Product

ALL = """\
training:
  learning_rate: !log [1e-6, 1e-3, 4]
  batch_size: !int [32, 128, 32]
  warmup: [0, 0.1]
optimizer: !one_of
  - {name: adamw, betas: !fixed [0.9, 0.999], weight_decay: [0, 0.01]}
  - {name: sgd, momentum: [0, 0.9]}
model: {hidden: [64, 128], layers: [2, 4]}
gridfold:
  link: [[model.hidden, model.layers]]
  exclude: ["training.batch_size > 64 and training.learning_rate > 1e-4"]
  when: {training.warmup: "optimizer.name == 'adamw'"}
  add: [{training.learning_rate: 3e-4, training.batch_size: 48}]
"""
INSIDE = """\
model: !one_of
  - kind: tree
    depth: [2, 3]
  - kind: net
    head: !one_of
      - {name: linear}
      - {name: mlp, width: [64, 128, 256]}
loss: !choice [{name: ce}, {name: focal, gamma: 2}]
"""
TWICE = "a: [1, 2, 3]\nb: [1, 2, 3]\ngridfold: {exclude: [a == 1 and b > 1, a == 1 and b == 3, b == 3 and a > 2]}\n"
LARGE = "".join(f"p{place}: [0, 1]\n" for place in range(60))
LARGE += "gridfold: {exclude: [p1 == 1 and p2 == 1, p3 == 1 and p4 == 0]}\n"
MANY = "".join(f"p{place}: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]\n" for place in range(6))
MANY += f"gridfold: {{exclude: [{' + '.join(f'p{place}' for place in range(6))} > 50, p1 == 2]}}\n"

DRAWN = """\
lr: !log [1e-6, 1e-3]
o: !one_of
  - {name: adamw, decay: !uniform [0, 0.1]}
  - {name: sgd, momentum: [0, 0.9], steps: !int [1, 9]}
gridfold:
  strategy: {name: tpe, trials: 40, seed: 3}
  exclude: [o.name == 'sgd' and lr > 1e-4]
  prune: asha
  repeats: 2
"""
SEVERAL = """\
width: [16, 32, 64]
p: !normal [0, 1]
gridfold: {strategy: {name: nsga, trials: 30, metrics: {f1: max, ms: min}}}
"""


@pytest.mark.parametrize("text", [DRAWN, SEVERAL], ids=["drawn", "several"])
def test_of_a_strategy(text, write, gridfold, snapshot):
    code, said = gridfold("plan", "--config", write("c.yaml", text), "--trainer", "toy:number")
    assert code == 0
    assert said == snapshot


@pytest.mark.parametrize("text", [ALL, INSIDE, TWICE, LARGE, MANY], ids=["all", "inside", "twice", "large", "many"])
def test_the_whole_of_it(text, write, gridfold, snapshot):
    code, said = gridfold("plan", "--config", write("c.yaml", text), "--trainer", "toy:number")
    assert code == 0
    assert said == snapshot


@pytest.mark.parametrize(
    ("distribution", "said"),
    [
        (Interval(1e-6, 1e-3, log=True), "1e-06 … 0.001, log"),
        (Interval(0, 0.5), "0 … 0.5"),
        (Interval(8, 128, whole=True), "8 … 128, whole numbers"),
        (Interval(1, 1024, log=True, whole=True), "1 … 1024, log, whole numbers"),
        (Normal(0, 0.5), "normal, mean 0, standard deviation 0.5"),
    ],
)
def test_ranges_in_words(distribution, said):
    assert range_text(RangeParameter("x", distribution)) == said


def test_a_range_in_a_branch():
    rate = RangeParameter("o.lr", Interval(0.1, 1))
    union = Union(ListedParameter("o.name", ("a", "b")), ((rate,), ()))
    rows = [(row.path, row.values, row.what) for row in space_rows(Product((union,)), {})]
    assert rows == [("o.name", "a, b", "2 branches"), ("  o.lr", "0.1 … 1", "range, if a")]
