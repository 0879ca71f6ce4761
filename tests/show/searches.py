"""Searches on disk whose runs are made up, and their numbers."""

import itertools
import json
import math
import random
from dataclasses import replace

from gridfold.analysis.advice import Advice
from gridfold.analysis.summary import Confirmation, Confirmed, Summary
from gridfold.records.trials import Results
from gridfold.runs.search import SearchDirectory

SPACE = {
    "training.learning_rate": [1e-6, 5e-6, 1e-5, 5e-5, 1e-4],
    "training.batch_size": [16, 32, 64],
    "model.classification_head.architecture.2.p": [0.1, 0.3, 0.5],
}
BASE = """model:
  name: microsoft/deberta-v3-base
  classification_head:
    architecture:
      - {type: linear, out_features: 128}
      - {type: relu}
      - {type: dropout, p: [0.1, 0.3, 0.5]}
training:
  learning_rate: [1e-6, 5e-6, 1e-5, 5e-5, 1e-4]   # the first suspect
  batch_size: [16, 32, 64]
  num_epochs: 8
gridfold: {repeats: 3}
"""


def truth(params):
    """The metric of a trial without noise."""
    lr, size, p = (params.get(path) for path in SPACE)
    return (
        0.93
        - 0.035 * math.log10(lr / 8e-6) ** 2
        - 0.006 * math.log2(size / 16) * (1 + 2 * (lr < 6e-6))
        - 0.05 * abs(p - 0.2)
    )


def write_search(folder, space=None, repeats=3, epochs=8, value=truth, error=None, name="bbc_news_212845"):
    """A search of every combination, executed; ``error(params, repeat)`` says what went wrong, if something did."""
    space = space or SPACE
    search = SearchDirectory(folder / "runs" / name)
    search.dir.mkdir(parents=True)
    search.write_base(BASE.encode())
    points = [dict(zip(space, values, strict=True)) for values in itertools.product(*space.values())]
    rng = random.Random(5)
    lines = []
    for index, (repeat, (place, params)) in enumerate(itertools.product(range(repeats), enumerate(points))):
        directory = f"{name}_{place}" + (f"_repeat_{repeat}" if repeat else "")
        entry = {"index": index, "run": directory, "params": params, "id": f"{index:016x}"}
        lines.append(json.dumps(entry | ({"repeat": repeat} if repeat else {})))
        wrong = error and error(params, repeat)
        final = value(params) + rng.gauss(0, 0.004)
        rises = [final - 0.5 * math.exp(-1.1 * epoch) + rng.gauss(0, 0.003) for epoch in range(epochs)]
        _write_run(search.dir.parent / directory, entry | {"search": name}, rises[:3] if wrong else rises, wrong, rng)
    (search.dir / "runs.jsonl").write_text("\n".join(lines) + "\n")
    search.write_facts(_facts(name, space, len(lines)))
    return search


def _write_run(directory, entry, curve, error, rng):
    directory.mkdir()
    (directory / "log.txt").write_text("said\n")
    (directory / "metrics.jsonl").write_text(
        "".join(json.dumps({"epoch": epoch, "val_f1": value}) + "\n" for epoch, value in enumerate(curve, start=1))
    )
    record = entry | {"trainer": "gridfold.text:trainer", "state": "failed" if error else "completed", "attempt": 1}
    sharing = {
        "label": "bitwise",
        "node": f"f0.{entry['index'] % 5}.0",
        "shared_seconds": 61.2,
        "shared_cpu_seconds": 60.4,
    }
    record |= {"sharing": sharing | {"own_seconds": 30.1, "own_cpu_seconds": 29.8}}
    record |= {"seconds": round(rng.uniform(20, 40), 2), "error": error}
    record |= {"metrics": {} if error else {"val_f1": max(curve), "val_loss": 0.3}}
    (directory / "run.json").write_text(json.dumps(record))


def _facts(name, space, runs):
    return {
        "search": name,
        "config": "config/bbc_news.yaml",
        "command": ["python", "hyper_main.py", "--config", "config/bbc_news.yaml", "--run-prefix", "bbc_news"],
        "parameters": space,
        "variations": [],
        "runs": runs,
        "trainer": "gridfold.text:trainer",
        "threads": 1,
        "seed": 42,
        "git_commit": "0c5790a21f5b8e1d0c5790a21f5b8e1d0c5790a2",
        "packages": {"python": "3.11.7", "gridfold": "0.1.0", "torch": "2.13.0", "transformers": "5.23.0"},
        "machine": {"host": "box", "system": "Linux-6.1.0-x86_64-with-glibc2.36", "cpus": 8, "gpus": []},
        "fingerprint": "9f1c22aa03b7d410",
        "creator": {},
        "created": "2026-11-25T21:28:45.120+00:00",
        "started": "2026-11-25T21:28:46.020+00:00",
        "ended": "2026-11-25T22:10:13.870+00:00",
    }


def summary_of(search, **replaced):
    """The numbers of a search, some of them replaced."""
    return replace(Summary.of(Results.read([search])), **replaced)


def confirmed(summary):
    """The best two on fresh seeds, as if they had been run again."""
    best = summary.ranked[:2]
    trials = tuple(Confirmed(trial.params, trial.mean + 0.004, 3, trial.mean, trial.std) for trial in best)
    return replace(summary, confirmation=Confirmation(trials, 0.31, ("It was confirmed.",)))


ANSWER = (
    "Best: learning_rate 5e-6, batch_size 16, p 0.3 (0.9280 ± 0.0141).",
    "Not distinguishable from it: 7 of 41 other trials. The cheapest of these is learning_rate 5e-6, batch_size 16, "
    "p 0.1 (24.5 s a run).",
    "learning_rate matters most; no difference can be told between the values of batch_size.",
)
ADVICE = (
    Advice(
        "refine",
        "training.learning_rate",
        "learning_rate has a clear optimum between 5e-6 and 5e-5: look closer around it.",
        "gridfold search --config config/bbc_news.yaml --run-prefix bbc_news --reuse "
        "--param-variations training.learning_rate=5e-6,7e-6,1e-5,2e-5,5e-5",
        54,
        1620.0,
    ),
    Advice(
        "repeat",
        None,
        "Most of the others cannot be told from the best: repeat the best 5, 6 runs each.",
        "gridfold resume bbc_news_212845 --repeats 6 --top 5",
        15,
        None,
    ),
)
ERROR = {
    "type": "OutOfMemoryError",
    "message": "CUDA out of memory. Tried to allocate 2.50 GiB",
    "traceback": 'Traceback (most recent call last):\n  File "train.py", line 31, in train\n    loss.backward()\n'
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.50 GiB\n",
    "place": "train.py:31",
}


def is_large(params, repeat):
    """Large batches do not fit at the largest learning rate: nonsense, but a region."""
    fails = params["training.batch_size"] == 64 and params["training.learning_rate"] == 1e-4
    return ERROR if fails or (params["training.batch_size"] == 64 and repeat == 2) else None


def realistic(folder):
    """A search as people run them: 45 trials of 3 repeats, of which some failed."""
    search = write_search(folder, error=is_large)
    search.note_sharing({"batch": "f0", "imports": {"seconds": 5.1, "cpu_seconds": 5.0}})
    place = {"place": "train.py:31", "file": "train.py", "sizes": [27] * 5}
    search.note_sharing({"split": "f0", "path": "training.learning_rate", "seconds": 61.2, "cpu_seconds": 60.4} | place)
    return search, confirmed(summary_of(search, advice=ADVICE, answer=ANSWER))
