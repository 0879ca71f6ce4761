"""The metrics that a program printed: which lines count, and which are reports."""

import json
import math

import pytest

from gridfold.trainers.metrics.printed import Mark, MetricsUnreadable, printed_metrics, written_metrics


@pytest.fixture
def found(tmp_path):
    def of(*printed):
        lines = [line if isinstance(line, str) else json.dumps(line) for line in printed]
        (tmp_path / "log.txt").write_text("\n".join(lines) + "\n")
        metrics, reports, _ = printed_metrics(Mark(tmp_path / "log.txt"))
        return metrics, list(reports)

    return of


EPOCHS = [{"epoch": 1, "val_acc": 0.3}, {"epoch": 2, "val_acc": 0.8}, {"epoch": 3, "val_acc": 0.5}]


def test_lines_with_the_same_names_are_epochs(found):
    assert found("begin", *EPOCHS, "end") == (EPOCHS[-1], EPOCHS)


def test_a_last_line_of_its_own_has_what_the_epochs_have_too(found):
    assert found(*EPOCHS, {"test_acc": 0.7}) == ({"test_acc": 0.7, **EPOCHS[-1]}, EPOCHS)


def test_epochs_before_a_long_output(found):
    assert found(*EPOCHS, *["x" * 1000] * 300) == (EPOCHS[-1], EPOCHS)


@pytest.mark.parametrize(
    "log", [{"level": "info", "ts": 1.7e9, "pid": 7}, {"event": "done", "loss": 0.1, "at": {"x": "y"}}]
)
def test_a_line_with_a_text_is_one_of_a_log(found, log):
    assert found({"val_acc": 0.9}, log) == found(log, {"val_acc": 0.9}) == ({"val_acc": 0.9}, [])


def test_a_log_that_is_all_there_is_counts_by_names_that_metrics_have(found):
    lines = [{"event": "eval", "val_acc": 0.5 + epoch / 10} for epoch in range(3)]
    assert found(*lines, {"event": "done", "ts": 3.0})[0] == {"val_acc": 0.7}
    assert found({"event": "done", "ts": 3.0, "pid": 7}) == ({}, [])


def test_lines_that_say_only_where_a_run_is_count_if_there_are_no_others(found):
    assert found({"val_acc": 0.9}, {"step": 7, "elapsed": 3.2}) == ({"val_acc": 0.9}, [])
    assert found({"step": 7, "elapsed": 3.2})[0] == {"step": 7, "elapsed": 3.2}


def test_null_beside_numbers_is_a_value_that_is_not_there(found):
    metrics, _ = found({"val_acc": 0.9, "auc": None})
    assert metrics["val_acc"] == 0.9
    assert math.isnan(metrics["auc"])
    assert found({"val_acc": None}) == ({}, [])


def test_a_number_that_is_too_large_is_named(tmp_path):
    (tmp_path / "metrics.json").write_text('{"acc": 1, "score": 1' + "0" * 400 + "}")
    with pytest.raises(MetricsUnreadable, match="'score' is too large for a number"):
        written_metrics(tmp_path / "metrics.json")
