"""The metrics in the files of libraries, of one run and no other; how a search uses and tells them."""

import json
import sys
from pathlib import Path

import pytest

from gridfold.identity.writes import Written
from gridfold.runs.store import Store
from gridfold.trainers.metrics.found import ProgramOutput, find_metrics
from gridfold.trainers.metrics.printed import Mark

HISTORY = [
    {"epoch": 1.0, "step": 10, "loss": 0.7, "learning_rate": 1e-5},
    {"epoch": 1.0, "step": 10, "eval_loss": 0.6, "eval_accuracy": 0.7, "eval_runtime": 0.2},
    {"epoch": 2.0, "step": 20, "eval_loss": 0.65, "eval_accuracy": 0.8, "eval_runtime": 0.2},
    {"epoch": 2.0, "step": 20, "train_loss": 0.66, "train_runtime": 7.4, "total_flos": 2.1e9},
]
RESULTS = {
    "epoch": 2.0,
    "eval_accuracy": 0.8,
    "eval_loss": 0.65,
    "eval_samples": 100,
    "train_loss": 0.66,
    "total_flos": 2e9,
}
LIGHTNING = """epoch,step,test_loss,train_loss_epoch,valid_loss_epoch,valid_loss_step
,0,,,,1.1
,1,,,,1.2
0,19,,,1.15,
0,19,,1.25,,
,1,,,,0.8
1,39,,,0.77,
1,39,,0.67,,
2,40,0.66,,,
"""
TIMM = """epoch,train_loss,eval_loss,eval_top1,eval_top5,lr
0,0.49,0.60,70.0,100.0,0.01
1,0.33,0.46,80.0,100.0,0.0075
"""
KERAS = "epoch,accuracy,loss,val_accuracy,val_loss\n0,0.5,0.9,0.55,0.8\n1,0.6,0.7,0.58,0.75\n"


@pytest.fixture
def found(tmp_path, monkeypatch):
    """The metrics of a program that wrote some files, given by their paths and what is in them, and a log."""
    monkeypatch.chdir(tmp_path)

    def of(files, log="", heard=True):
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content if isinstance(content, str) else json.dumps(content))
        (tmp_path / "log.txt").write_text(log)
        written = [Written.at(str(tmp_path / name), (tmp_path / name).stat(), heard=heard) for name in files]
        return find_metrics(ProgramOutput(tmp_path / "run", None, Mark(tmp_path / "log.txt"), written))

    return of


@pytest.mark.parametrize(
    "content",
    [
        '{"iteration": 19, "total_loss": 1.2}\n{"iteration": 39, "total_loss": 1.0}\n{"bbox/AP": 33.1}\n',
        '[{"epoch": 1, "bbox/AP": 30.0}, {"epoch": 2, "bbox/AP": 33.1}]',
    ],
)
def test_a_line_for_each_report_in_the_file_of_metrics(found, content):
    seen = found({"run/metrics.json": content})
    assert seen.metrics == {"bbox/AP": 33.1}
    assert len(seen.reports) >= 2


def test_results_of_transformers_with_their_curves(found):
    files = {
        "out/checkpoint-10/trainer_state.json": {"global_step": 10, "log_history": HISTORY[:2]},
        "out/trainer_state.json": {"global_step": 20, "log_history": HISTORY},
        "out/all_results.json": RESULTS,
        "out/eval_results.json": RESULTS | {"eval_accuracy": 0.1},
        "out/config.json": {"loss": 0.5, "hidden_size": 32},
    }
    seen = found(files, "eval_loss = 0.7\n")
    assert list(seen.metrics.items()) == [("eval_accuracy", 0.8), ("eval_loss", 0.65), ("train_loss", 0.66)]
    assert [report.get("eval_accuracy") for report in seen.reports] == [0.7, 0.8]
    assert seen.source == "eval_accuracy, eval_loss, train_loss from out/all_results.json"


def test_the_log_of_a_trainer(found):
    files = {
        "out/checkpoint-10/trainer_state.json": {"global_step": 10, "log_history": HISTORY[:2]},
        "out/checkpoint-20/trainer_state.json": {"global_step": 20, "log_history": HISTORY},
    }
    seen = found(files)
    assert seen.metrics == {"eval_loss": 0.65, "eval_accuracy": 0.8, "loss": 0.7, "train_loss": 0.66}
    assert seen.reports == [
        {"epoch": 1.0, "step": 10, "eval_loss": 0.6, "eval_accuracy": 0.7},
        {"epoch": 2.0, "step": 20, "eval_loss": 0.65, "eval_accuracy": 0.8},
    ]
    assert seen.source.endswith("from out/checkpoint-20/trainer_state.json")


@pytest.mark.parametrize(
    ("name", "table", "metrics", "reports"),
    [
        (
            "lightning_logs/version_0/metrics.csv",
            LIGHTNING,
            {"valid_loss_epoch": 0.77, "test_loss": 0.66, "train_loss_epoch": 0.67},
            7,
        ),
        ("out/summary.csv", TIMM, {"eval_loss": 0.46, "eval_top1": 80, "eval_top5": 100, "train_loss": 0.33}, 2),
        ("history.csv", KERAS, {"val_accuracy": 0.58, "val_loss": 0.75, "accuracy": 0.6, "loss": 0.7}, 2),
        ("my_log.csv", "step,foo,val_mse\n1,3,0.5\n2,3,0.4\n", {"val_mse": 0.4}, 2),
    ],
)
def test_tables(found, name, table, metrics, reports):
    seen = found({name: table, "predictions.csv": "id,score\n1,0.5\n", "data.csv": "x,loss\n1,2\n"})
    assert list(seen.metrics) == list(metrics)
    assert seen.metrics == pytest.approx(metrics)
    assert len(seen.reports) == reports
    assert seen.source.endswith(f" from {name}")


def test_a_table_to_which_several_runs_were_added_says_nothing_of_one(found):
    assert found({"log.csv": "epoch,val_loss\n0,0.5\n1,0.4\n0,0.3\n"}).metrics == {}


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", '{"log_history": 3}', '{"log_history": [3, null]}', "\0", "epoch\n"]
)
@pytest.mark.parametrize("name", ["all_results.json", "trainer_state.json", "metrics.csv", "events.out.tfevents.1.x"])
def test_a_file_that_holds_something_else_is_passed_over(found, name, content):
    assert found({name: content}, "val_loss: 0.5\n").metrics == {"val_loss": 0.5}


def test_a_file_that_another_run_may_have_written_is_not_read(found):
    assert found({"all_results.json": RESULTS}, heard=False).metrics == {}


def test_a_file_that_tells_only_of_training_does_not_hide_what_the_log_tells_of_the_result(found):
    files = {"trainer_state.json": {"global_step": 1, "log_history": [{"step": 1, "embedding_loss": 0.3}]}}
    assert found(files, "Metrics: {'accuracy': 0.58}\n").metrics == {"accuracy": 0.58}
    assert found(files, "done\n").metrics == {"embedding_loss": 0.3}


EACH_BATCH = "step,val_loss\n0,0.1\n1,0.9\n2,0.2\n3,0.6\n"


def test_the_mean_of_each_epoch_in_the_log_counts_and_not_the_value_of_each_batch_in_a_file(found):
    log = "epoch: 1\nval_loss: 0.5\nepoch: 2\nval_loss: 0.4\n"
    for table in (EACH_BATCH, "step,val_loss\n0,0.1\n1,0.9\n"):  # with one batch, too: names are the same in all runs
        assert found({"history.csv": table}, log).metrics == {"val_loss": 0.4}
    seen = found({"history.csv": EACH_BATCH.replace("loss", "acc")}, log)
    assert seen.metrics == {"val_acc": 0.6}
    seen = found({"history.csv": EACH_BATCH}, log)
    assert seen.metrics == {"val_loss": 0.4}
    assert seen.reports == [{"epoch": 1, "val_loss": 0.5}, {"epoch": 2, "val_loss": 0.4}]


@pytest.mark.parametrize(
    "log",
    [
        "epoch: 2\nval_loss: 0.4\n",  # of the last one
        "epoch: 1\nval_acc: 0.5\nepoch: 2\nval_acc: 0.4\n",
        "".join(f"epoch: {epoch}\nval_loss: 0.4\n" for epoch in range(8)),
        "val_loss: 0.4\n",
    ],
)
def test_a_file_counts_if_the_log_does_not_tell_the_same_of_fewer_epochs(found, log):
    assert found({"history.csv": EACH_BATCH}, log).metrics == {"val_loss": 0.6}


SCALARS = """
import sys
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter

writer = EventFileWriter(sys.argv[1])
for step, values in enumerate([{"charts/lr": 0.1, "val/acc": 0.5}, {"val/acc": 0.75, "hp_metric": -1}]):
    summary = Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()])
    writer.add_event(Event(step=step, wall_time=0.0, summary=summary))
writer.close()
"""


def test_event_files_of_tensorboard(gridfold, write):
    pytest.importorskip("tensorboard")
    write("events.py", SCALARS)
    config = write("c.yaml", "x: [1, 2]\n")
    code, said = gridfold(
        "search", "--config", config, "--", sys.executable, "-W", "ignore", "events.py", "{run_dir}/tb/{x}"
    )
    assert code == 0, said
    runs = list(Store().find("last").records())
    assert [record.metrics for _, record in runs] == [{"val/acc": 0.75}] * 2
    assert {record.source.rpartition("/")[2] for _, record in runs} == {"1", "2"}
    assert "highest val/acc" in said


def test_without_tensorboard_it_is_told_what_reads_the_files(found, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    seen = found({"runs/a/events.out.tfevents.1.x": ""}, "step 3\n")
    assert seen.candidates == ["runs/a/events.out.tfevents.1.x (needs: pip install 'gridfold[tensorboard]')"]


PROGRAM = """
import json, sys
print("loading")
for epoch in (1, 2):
    print(f"epoch {epoch} | lr 0.1 | valid loss {int(sys.argv[1]) / epoch:.3f} | time: 3.2s")
"""


@pytest.fixture
def search(gridfold, write):
    def run(config, *options):
        write("p.py", PROGRAM)
        return gridfold("search", "--config", write("c.yaml", config), *options, "--", sys.executable, "p.py", "{x}")

    return run


def test_a_search_takes_what_a_program_prints(search):
    code, said = search("x: [3, 4]\n")
    assert code == 0, said
    assert "lowest valid_loss" in said
    (entry, record), _ = Store().find("last").records()
    assert record.metrics == {"valid_loss": 1.5}
    assert record.source == 'valid_loss from the log (lines such as "epoch 2 | lr 0.1 | valid loss 1.500 | time: 3.2s")'
    assert Store().find("last").run(entry).reports() == [
        {"epoch": 1, "valid_loss": 3.0},
        {"epoch": 2, "valid_loss": 1.5},
    ]


@pytest.mark.parametrize("spelling", ["valid loss", "valid_loss", "Valid-Loss", "validloss"])
def test_a_metric_is_found_in_whatever_spelling(search, gridfold, spelling):
    code, said = search("x: [3, 4]\n", "--metric", spelling)
    assert code == 0, said
    assert "lowest valid_loss" in said
    assert "1.5000" in gridfold("best")[1]
    assert "valid_loss" in gridfold("results", "--metric", spelling)[1]


def test_patterns_of_the_config(search, gridfold):
    code, said = search("gridfold: {metrics: {speed: 'time: ([\\d.]+)s'}}\nx: [3, 4]\n", "--metric", "speed")
    assert code == 0, said
    search_directory = Store().find("last")
    (entry, record), _ = search_directory.records()
    assert (record.metrics, record.source) == ({"speed": 3.2}, "speed from the log (by gridfold.metrics)")
    assert record.patterns == search_directory.facts()["patterns"] == {"speed": "time: ([\\d.]+)s"}
    run = search_directory.run(entry)
    assert "time: " in run.read_config()  # to be found again where the config is run alone
    Path(run.dir, "run.json").unlink()
    assert gridfold("resume", "last")[0] == 0
    assert run.read().metrics == {"speed": 3.2}


@pytest.mark.parametrize(
    "patterns",
    ["3", "{}", "{a: 3}", "[a]", "{a: 'loss ('}", "{a: 'loss'}", "{a: '(\\d+) of (\\d+)'}", "{a: '(?:loss) [\\d.]+'}"],
)
def test_patterns_that_cannot_be_used(search, patterns, project, snapshot):
    code, said = search(f"gridfold:\n  metrics: {patterns}\nx: [3, 4]\n")
    assert code == 2
    assert said == snapshot
    assert not (project / "runs").exists()
