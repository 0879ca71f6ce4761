"""Where code first needs what it has read of a config."""

import pytest

from gridfold.sharing.first_use import first_use, is_question

READS = [
    'lr = config["training"]["lr"]',
    'lr: float = config["training"].get("lr", 0.1)',
    'lr = float(training["lr"]) * 2',
    "lr = settings.training.lr",
]


def text(*lines, head="def train(config, run):"):
    return "\n".join([head, *(f"    {line}" for line in lines)])


@pytest.mark.parametrize("read", READS)
def test_the_first_statement_that_uses_the_name(read):
    assert first_use(text(read, "model = load()", "", "fit(model, lr)", "save(lr)"), 2, "training.lr") == 5


@pytest.mark.parametrize(
    "lines",
    [
        ["fit(lr)", "load()"],  # at once
        ['size = config["size"]', '"""Only reads between."""', "def later(): ...", "fit(lr)", "load()"],
        ["load()", "lr = 3"],  # never
        [],
    ],
)
def test_there_is_nothing_to_gain(lines):
    assert first_use(text(READS[0], *lines), 2, "training.lr") is None


@pytest.mark.parametrize(
    "line",
    [
        'fit(lr=config["training"]["lr"])',
        'lr = scaled(config["training"]["lr"])',  # does something with it
        'self.lr = config["training"]["lr"]',
        'lr, size = config["training"]["lr"], 3',
        'lr = config["training"]["size"]',  # another key: the file was changed, maybe
        "lr = config[name]",
        "return lr",
    ],
)
def test_what_is_no_plain_read_says_nothing(line):
    assert first_use(text(line, "load()", "fit(lr)"), 2, "training.lr") is None


def test_a_compound_statement_counts_as_its_first_line():
    loop = ["for epoch in range(3):", "    step(lr)"]
    assert first_use(text(READS[0], "load()", *loop), 2, "training.lr") == 4
    function = ["def step():", "    return lr"]
    assert first_use(text(READS[0], "load()", *function), 2, "training.lr") == 4


def test_a_read_inside_of_other_statements():
    lines = ["with timer():", "    if config:", f"        {READS[0]}", "        load()", "    else:", "        pass"]
    lines += ["    load()", "fit(lr)"]
    assert first_use(text(*lines), 4, "training.lr") == 9
    handled = ["try:", "    pass", "except OSError:", f"    {READS[0]}", "    load()", "    fit(lr)"]
    assert first_use(text(*handled), 5, "training.lr") == 7
    matched = ["match config:", "    case _:", f"        {READS[0]}", "        load()", "        fit(lr)"]
    assert first_use(text(*matched), 4, "training.lr") == 6


def test_a_function_inside_of_others_ends_the_search():
    lines = ["def inner():", f"    {READS[0]}", "    load()", "fit(lr)"]
    assert first_use(text(*lines), 3, "training.lr") is None
    method = [
        "class Trainer:",
        "    def train(self, config):",
        f"        {READS[0]}",
        "        load()",
        "        fit(lr)",
    ]
    assert first_use("\n".join(method), 3, "training.lr") == 5


@pytest.mark.parametrize("broken", ["", "def f(:", "\0", READS[0] + "\nload()\nfit(lr)"])
def test_what_is_no_function_says_nothing(broken):
    assert first_use(broken, 1, "training.lr") is None
    assert first_use(text(READS[0], "load()", "fit(lr)"), 99, "training.lr") is None
    assert not is_question(broken, 1)


def test_questions():
    code = text(
        'for epoch in gridfold.count(training, "num_epochs"):', "    ask(", '        training, "x", f)', "lr = 1"
    )
    assert [is_question(code, line) for line in range(1, 6)] == [False, True, True, True, False]
