"""Searches with results, made by hand: as if they had been run."""

import json

from gridfold.runs.entries import RunEntry
from gridfold.runs.record import Record
from gridfold.runs.search import SearchDirectory

BASE = """\
# A base config.
gridfold: {trainer: "toy:train"}
training:
  lr: [0.1, 0.01] # varies
  batch_size: 16
  metric: f1
"""
FACTS = {
    "config": "c.yaml",
    "variations": [],
    "trainer": "toy:train",
    "threads": 1,
    "seed": 0,
    "creator": {"host": "here", "pid": 1, "start": "1"},
    "created": "2025-01-01T12:00:00.000+00:00",
    "git_commit": "0123456789abcdef",
    "fingerprint": "aaaa",
    "packages": {"python": "3.11.1", "torch": "2.4.0"},
    "machine": {"host": "here", "system": "Linux", "cpus": 4, "gpus": []},
}
OF_ENTRY = ("repeat", "fold", "confirms")


def search(root, name, runs, base=BASE, **facts):
    """A search with these runs.

    Each is a mapping: ``params``; what the record says, none if it says nothing; ``reports``; ``repeat``, ``fold`` and
    ``confirms`` of its entry; ``run``, the name of its directory.
    """
    made = SearchDirectory(root / name)
    made.dir.mkdir(parents=True)
    made.write_base(base.encode())
    made.write_facts(FACTS | {"search": name, "runs": len(runs)} | facts)
    entries = [_entry(name, index, run) for index, run in enumerate(runs)]
    lines = base.replace('gridfold: {trainer: "toy:train"}\n', "")
    made.create_runs(
        (entry, lines.replace("[0.1, 0.01]", str(entry.params.get("training.lr", 1)))) for entry in entries
    )
    for entry, run in zip(entries, runs, strict=True):
        _write(made, entry, run)
    return made


def completed(lr, *, reports=(), **metrics):
    """A run that is completed, with one parameter."""
    return {"params": {"training.lr": lr}, "metrics": metrics, "reports": reports}


def _entry(name, index, run):
    said = {key: run[key] for key in OF_ENTRY if key in run}
    return RunEntry(index, run.get("run", f"{name}_{index}"), run["params"], f"{index:016x}", **said)


def _write(made, entry, run):
    directory = made.run(entry)
    said = {key: value for key, value in run.items() if key not in (*OF_ENTRY, "params", "reports", "run")}
    if reports := run.get("reports"):
        (directory.dir / "metrics.jsonl").write_text("".join(json.dumps(report) + "\n" for report in reports))
    if said:
        usual = {"trainer": "toy:train", "state": "completed", "attempt": 1, "seconds": 1.5, "host": "here"}
        directory.write(Record(entry.id, entry.index, made.name, entry.params, **(usual | said)))
