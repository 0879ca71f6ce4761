"""Tables in a terminal: what is left out where it is narrow, where words break, what never happens to a cell."""

import io

import pytest
from rich.console import Console

from gridfold.records.table import Table
from gridfold.records.trials import Results
from gridfold.show.text_table import Heading, TextTable
from gridfold.show.trial_table import TrialTable
from tests.made import search

VARIED = {
    "model.name": ["microsoft/deberta-v3-base", "distilbert-base-uncased"],
    "training.learning_rate": [1e-05, 2e-05],
    "training.batch_size": [16, 32],
    "head.0.p": [0.1, 0.3],
    "head.2.p": [0.1, 0.3],
    "training.weight_decay": [0.0, 0.01],
}
METRICS = [
    {"val_f1": 0.75, "val_loss": 0.3, "val_accuracy": 0.8},
    {"val_f1": 0.5, "val_loss": 0.4, "val_accuracy": 0.7},
]


def printed(shown, width):
    """What a terminal of some columns shows."""
    output = io.StringIO()
    console = Console(file=output, force_terminal=True, color_system=None, width=width, highlight=False)
    shown.print(console) if isinstance(shown, TrialTable) else console.print(shown)
    return output.getvalue()


@pytest.fixture
def listing(tmp_path):
    """The results of a search that varies some parameters."""

    def make(count, **options):
        paths = list(VARIED)[-count:] if count > 1 else ["training.batch_size"]
        runs = [
            {"params": {path: VARIED[path][run] for path in paths}, "metrics": METRICS[run], "seconds": 12.25}
            for run in (0, 1)
        ]
        table = Table.of(Results.read([search(tmp_path, f"s{count}_120000", runs)]))
        columns = [table.column(name) for name in options.pop("asked", ())]
        return TrialTable(table, "table", tuple(columns), **options)

    return make


@pytest.mark.parametrize("width", [60, 80, 100, 160])
@pytest.mark.parametrize("count", [1, 3, 6])
def test_a_table_is_as_wide_as_the_terminal_at_most(listing, count, width, snapshot):
    text = printed(listing(count), width)
    assert max(map(len, text.splitlines())) <= width
    assert text == snapshot


def test_where_there_is_no_terminal_nothing_is_left_out(listing):
    output = io.StringIO()
    listing(6).print(Console(file=output, width=60))
    assert "microsoft/deberta-v3-base │" in output.getvalue()
    assert "No room" not in output.getvalue()
    assert all(label in output.getvalue() for label in ("0.p", "2.p", "weight_decay", "val_accuracy", "seconds"))


def test_what_was_asked_for_stays(listing):
    asked = ("learning_rate", "batch_size", "0.p", "2.p", "weight_decay", "val_f1", "val_loss", "val_accuracy")
    text = printed(listing(6, asked=asked), 40)
    assert "No room" not in text
    assert all(value in text for value in ("1.0e-05", "0.7500", "0.3000", "0.8000"))


def test_what_it_is_sorted_by_stays(listing):
    text = printed(listing(6, sort="val_accuracy"), 80)
    assert "0.8000" in text
    assert "0.3000" not in text


@pytest.mark.parametrize(
    "text",
    ["", "x" * 100, "a b " * 30, "[bold]not markup[/]", "値" * 40, "a\tb", "1e-05", "it was\na line", "\x1b[31m"],
)
def test_any_text_stays_in_its_column(text):
    lines = printed(TextTable([Heading("text"), Heading("n")], [[text, "1"]]), 30).splitlines()
    assert {line[0] + line[-1] for line in lines} == {"┏┓", "┃┃", "┡┩", "││", "└┘"}
    assert "\x1b" not in "".join(lines)
    shown = "".join(line.split("│")[1].strip() for line in lines if line[0] == "│")
    assert "".join(shown.split()) == "".join(text.split()).replace("\x1b", "\\x1b")
