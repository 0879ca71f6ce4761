"""What a tool has of a search, read by the tool itself: run as a program, for each tool in a process of its own.

It exports a search as often as it is told, and then reads it. A run is a mapping: ``index``; ``params``; ``metrics``,
those of its best epoch; ``points``, step and metrics of each report; ``is_good``, whether it has a result.
"""

import json
import os
import pickle
import struct
import subprocess
import sys
from pathlib import Path

from gridfold.cli import main


def optuna(folder):
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    journal = optuna.storages.journal.JournalFileBackend(str(folder / "optuna.log"))
    study = optuna.load_study(study_name=None, storage=optuna.storages.JournalStorage(journal))
    for trial in study.trials:
        said = trial.user_attrs
        yield {
            "index": said["index"],
            "params": trial.params,
            "exact": said["params"],
            "metrics": {name: value for name, value in said.items() if name in METRICS},
            "points": [(step, {"val_f1": value}) for step, value in trial.intermediate_values.items()],
            "is_good": trial.state == optuna.trial.TrialState.COMPLETE,
            "value": trial.value,
        }


def trackio(folder):
    import trackio
    from trackio.sqlite_storage import SQLiteStorage

    (project,) = SQLiteStorage.get_projects()
    for run in trackio.Api().runs(project):
        points = SQLiteStorage.get_logs(project, run.name, run_id=run.id)
        about = run.config["gridfold"]
        yield {
            "index": about["index"],
            "params": run.config,
            "metrics": about.get("metrics", {}),
            "points": [(point["step"], {name: point[name] for name in METRICS if name in point}) for point in points],
            "is_good": about["state"] == "completed",
        }


def wandb(folder):
    files = sorted(folder.glob("wandb/offline-run-*/*.wandb"))
    assert list(records_of(files[0])) == list(_printed(files[0]))
    for file in files:
        records = list(records_of(file))
        (run,) = (record.run for record in records if record.WhichOneof("record_type") == "run")
        (end,) = (record.exit for record in records if record.WhichOneof("record_type") == "exit")
        config = {update.key: json.loads(update.value_json) for update in run.config.update}
        history = [record.history for record in records if record.WhichOneof("record_type") == "history"]
        summaries = [record.summary.update for record in records if record.WhichOneof("record_type") == "summary"]
        summary = dict(item_of(item) for items in summaries for item in items)
        yield {
            "index": config["gridfold"]["index"],
            "params": config,
            "metrics": {name: summary[name] for name in METRICS if name in summary},
            "points": [(each.step.num, _metrics(map(item_of, each.item))) for each in history],
            "is_good": end.exit_code == 0,
        }


def records_of(file):
    """The records of a run, in blocks of 32 KiB: as W&B's own reader, which takes a second for each run."""
    from wandb.proto.wandb_internal_pb2 import Record

    content, place, record = file.read_bytes(), 7, b""
    while place < len(content):
        if (left := -place % 32768) < 7 and left:
            place += left
            continue
        _, size, kind = struct.unpack_from("<IHB", content, place)
        record += content[place + 7 : place + 7 + size]
        place += 7 + size
        if kind in (1, 4):  # whole, or its last part
            yield Record.FromString(record)
            record = b""


def _printed(file):
    """The records of a run, as W&B prints them."""
    from google.protobuf import text_format
    from wandb.proto.wandb_internal_pb2 import Record

    told = [sys.executable, "-m", "wandb", "leet", "inspect", str(file)]
    printed = subprocess.run(told, check=True, capture_output=True, text=True).stdout
    for block in printed.split("# record ")[1:]:
        yield text_format.Parse(block.partition("\n")[2], Record())


def item_of(item):
    return item.key or "/".join(item.nested_key), json.loads(item.value_json, parse_int=float)


def _metrics(items):
    return {name: value for name, value in items if name in METRICS}


if __name__ == "__main__":
    from tests.export.trackers.hard_values import HARD_METRICS

    METRICS = HARD_METRICS
    tool, search, folder, times, found = sys.argv[1:]
    os.environ.pop("TRACKIO_DIR", None)
    for _ in range(int(times)):
        main(["export", tool, search, "-o", folder])
    runs = sorted(globals()[tool](Path(folder)), key=lambda run: run["index"])
    Path(found).write_bytes(pickle.dumps(runs))
