"""``gridfold plan`` of any space: whole outputs."""

import io
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridfold.config.config import Config
from gridfold.core.errors import ConfigError
from gridfold.core.values import render_block
from gridfold.search.plan import Plan
from gridfold.show.console import plain_console
from gridfold.show.plan_table import plan_table
from gridfold.show.space_table import range_text, space_rows
from gridfold.space.axes import Union
from gridfold.space.parameters import Interval, ListedParameter, Normal, RangeParameter
from gridfold.space.product import Product
from gridfold.space.space import size_text

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


def said_of(text):
    """The table of a config, and how many runs that makes."""
    plan = Plan(Config.parse(text, "c.yaml"))
    file = io.StringIO()
    plain_console(file, width=1000).print(plan_table(plan))
    return file.getvalue(), size_text(plan.most_runs)


def pasted(text):
    """A config with the line that keeps what looks like one value, where the table says; and how many runs it says."""
    said, runs = said_of(text)
    found = re.search(r"\((.+) runs? instead of (.+)\), write in (.*?c\.yaml)(?:, (.*))?:\n  (.*)\n", said)
    left, before, holder, where, line = found.groups()
    assert before == runs
    in_section = holder == "the section gridfold of c.yaml"
    if where == "instead of its fixed":
        return re.sub(r'"?fixed"?: \[.*?\]', lambda _: line, text), left
    if where == "after the opening brace":
        brace = text.index("{", text.index("gridfold") if in_section else 0) + 1
        return text[:brace] + line + text[brace:], left
    if in_section:
        return text.replace("gridfold:\n", f"gridfold:\n  {line}\n"), left
    above = re.search(rf"^(?:\? )?( *)['\"]?{re.escape(where.removeprefix('above '))}", text, re.MULTILINE)
    return f"{text[: above.start()]}{above[1]}{line}\n{text[above.start() :]}", left


KEPT = {
    "keys with dots": "opt.betas: [0.9, 0.999]\nopt.names: [a, b]\nlr: [1, 2]\n",
    "a key with a dot inside": "a.b: {betas: [0.9, 0.999], names: [a, b]}\na.lr: [1, 2]\n",
    "JSON": '{"names": ["a", "b"], "lr": [1, 2]}\n',
    "JSON in lines": '{\n  "names": ["a", "b"],\n  "gridfold": {"threads": 1}\n}\n',
    "JSON with fixed": '{"gridfold": {"fixed": ["q"]}, "names": ["a", "b"], "q": [1, 2]}',
    "braces": "{m: {names: [a, 'b, c'], 'l, x': {layers: [1, 2]}}, lr: [1, 2]}",
    "a document that ends": "%YAML 1.1\n---\nnames: [a, b]\n...\n",
    "an indented document": "# first\n---\n  'names': [a, b]\n  lr: [1, 2]\n",
    "a question mark": "? names\n: [a, b]\n",
    "a section": "names: [a, b]\ngridfold:\n  threads: 1\n",
    "a section in braces": "names: [a, b]\ngridfold: {threads: 1}\n",
    "an empty section": "names: [a, b]\ngridfold: {}\n",
    "a fixed list": "names: [a, b]\nlayers: [1, 2]\ngridfold: {fixed: [layers], threads: 1}\n",
    "a union": "m: {o: !one_of [{names: [a, b]}, {layers: [1, 2]}], betas: [0.9, 0.999]}\n",
    "one branch": "m: {o: !one_of [{names: [a, b], layers: [1, 2]}]}\n",
    "a range": "m: {names: [a, b], layers: [1, 2], lr: !log [1, 2, 2]}\n",
    "an alias": "l: &l [1, 2]\nm: {x: *l, names: [a, b], layers: [1, 2]}\n",
    "a list of mappings": "blocks: [{names: [a, b], layers: [1, 2]}, {x: 1}]\nlr: [1, 2]\n",
    "by path": "m: {lr: 1, names: [a, b], layers: [1, 2]}\ngridfold: {space: {m.lr: [1, 2]}}\n",
    "a new path": "m: {names: [a, b], layers: [1, 2]}\ngridfold: {space: {+m.lr: [1, 2]}}\n",
    "a condition": "a: {names: [1, 2], layers: [1, 2]}\ngridfold: {exclude: [a.names == 1 and lr > 1]}\nlr: [1, 2]\n",
    "drawn": "names: [a, b]\nlr: !log [1, 2]\ngridfold: {strategy: {name: random, trials: 3}}\n",
    "quotes": "\"it's, [x]\": {names: [a, b]}\n'#': {layers: [1, 2]}\n",
}


@pytest.mark.parametrize("text", KEPT.values(), ids=KEPT)
def test_the_line_that_keeps_lists_works_where_it_is_to_be_written(text):
    written, left = pasted(text)
    said, runs = said_of(written)
    assert "one value?" not in said
    assert runs == left


@pytest.mark.parametrize("condition", ["exclude: [names == 1 and lr > 1]", "when: {lr: names == 1}"])
def test_a_list_that_a_condition_names_is_meant_to_vary(condition):
    said, runs = said_of(f"names: [1, 2]\nlr: [1, 2]\ngridfold: {{{condition}}}\n")
    assert "one value?" not in said
    assert runs == "3"


LISTS = st.sampled_from([["a", "b"], [1, 2], ["x", "y", "z"]])
NAMES = st.sampled_from(["names", "layers", "lr", "a", "a.names", "a.b", "b.layers", "x y", "it's", "3"])
SECTIONS = st.recursive(
    LISTS | st.just(1),
    lambda inner: st.dictionaries(NAMES, inner, max_size=3) | st.lists(st.dictionaries(NAMES, inner), max_size=2),
)


@settings(max_examples=60)
@given(st.dictionaries(NAMES, SECTIONS, min_size=1, max_size=4), st.sampled_from([json.dumps, render_block]))
def test_the_line_that_keeps_lists_works_for_any_config(data, write):
    text = write({"names": ["a", "b"], **data})
    try:
        said, _ = said_of(text)
    except ConfigError as error:
        assert "two values have this path" in str(error)  # noqa: PT017
        return
    if "one value?" in said:
        written, left = pasted(text)
        said, runs = said_of(written)
        assert "one value?" not in said
        assert runs == left
