"""The arguments of many runs of a script at once: what each run prints is what it prints alone.

``python tests/sharing/test_arguments.py --scripts 500`` tries that many random scripts.
"""

import argparse
import contextlib
import io
import itertools
import os
import random
import re
import sys
import tempfile
import textwrap
from collections import Counter
from pathlib import Path

import pytest

if __name__ == "__main__":  # gridfold need not be installed
    sys.path.insert(0, str(Path(__file__).parents[2]))

from gridfold.sharing import arguments
from gridfold.sharing.disguise import Pickles
from gridfold.sharing.prints import Prints
from tests.sharing.again import by_running_again
from tests.sharing.scripts import random_script


class Printed(io.TextIOWrapper):
    """What a script prints."""

    def __init__(self):
        super().__init__(io.BytesIO(), encoding="utf-8", write_through=True)

    def fileno(self):
        return 1


def executed(program, monkeypatch):
    """What a script prints, and how it ends."""
    printed, ended = Printed(), None
    random.seed(0)
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed), monkeypatch.context() as patch:
        patch.setattr(sys, "__stdout__", printed)
        try:
            exec(program, {"__name__": "__main__", "__file__": "script.py"})
        except SystemExit as error:
            ended = error.code
        except Exception as error:
            ended = type(error).__name__, str(error)
    return printed.buffer.getvalue(), ended


def compiled(script):
    """The code of a script in a file: a command of click is compiled again from there."""
    file = Path(tempfile.gettempdir()) / f"gridfold-{os.getpid()}.py"
    file.write_text(script)
    return compile(script, str(file), "exec")


def told(printed):
    return re.sub("0x[0-9a-f]+", "0x", printed.decode())


def alone(script, argvs):
    program, results = compiled(script), []
    before = sys.argv
    for argv in argvs:
        sys.argv = ["".join([word[:1], word[1:]]) for word in argv]
        printed, ended = executed(program, pytest.MonkeyPatch)
        results.append((told(printed), ended))
    sys.argv = before
    return results


def together(script, argvs):
    """What each run prints, and where they split.

    Runs whose shared part fails are left out, as each of them then runs alone.
    """
    program, before = compiled(script), sys.argv

    def run(group):
        shared, pickles, prints = arguments.share(group, argvs), Pickles(group.settle), Prints(group, [1].__contains__)
        try:
            printed, ended = executed(program, pytest.MonkeyPatch)
        finally:
            shared.end()
            pickles.stop()
            prints.stop()
            sys.argv = before
        fails = ended not in (None, 0) and len(group.trials) > 1
        return {trial: "fails" if fails else (told(prints.of(trial, printed)), ended) for trial in group.trials}

    return by_running_again(run, [{}] * len(argvs))


def compare(seed):
    """Compare both; gives the splits."""
    script, argvs = random_script(seed)
    expected = alone(script, argvs)
    found, splits = together(script, argvs)
    for argv, one, other in zip(argvs, expected, found, strict=True):
        if other not in ("fails", one):
            raise AssertionError(f"script {seed} {argv}\n{script}\n--- alone\n{one}\n--- shared\n{other}")
        assert other != "fails" or one[1] not in (None, 0)
    return splits, found


@pytest.mark.parametrize("first", range(0, 200, 40))
def test_random_scripts_print_what_they_print_alone(first):
    for seed in range(first, first + 40):
        compare(seed)


def paths(body, *argvs, options=("'--lr', type=float", "'--size', type=int, default=1", "'--name'")):
    """The paths at which a script splits, having compared what it prints."""
    adds = [f"parser.add_argument({option})" for option in options]
    script = "\n".join([SETUP, *adds, textwrap.dedent(body)])
    argvs = [["script.py", *argv.split()] for argv in argvs or ("--lr 1 --name a", "--lr 2 --name a")]
    found, splits = together(script, argvs)
    assert found == alone(script, argvs)
    return list(dict.fromkeys(path for path, _, _ in splits))


SETUP = """
import argparse, copy, dataclasses, json, pickle, sys
seen = []
parser = argparse.ArgumentParser()
"""


@pytest.mark.parametrize(
    "body",
    [
        "args = parser.parse_args(); print(args.size, args.name)",
        "args = parser.parse_args(sys.argv[1:]); print(args.size)",
        "args, rest = parser.parse_known_args(); print(args.size, rest)",
        "args = parser.parse_args(); print('lr' in args, hasattr(args, 'none'), len(vars(args)), sorted(vars(args)))",
        "args = parser.parse_args(); args.lr = 3; args.new = 4; print(args)",
        "args = parser.parse_args(); del args.lr; print(args)",
        "args = parser.parse_args(); other = copy.deepcopy(args); copy.copy(other).size = 2; print(other.size)",
        "args = parser.parse_args(); config = vars(args); config['lr'] = 1; print(dict(config), args.lr)",
        "args = parser.parse_args(); print(vars(args)['size'], vars(args).get('none'), args.__dict__ is vars(args))",
        "print(sys.argv[0], len(sys.argv), '--lr' in sys.argv, sys.argv.index('--lr'), bool(sys.argv[1:]))",
        "sys.argv.append('--size'); sys.argv += ['7']; print(parser.parse_args().size, sys.argv[-2:])",
        "sys.argv = sys.argv[:1] + sys.argv[1:]; print(parser.parse_args().size)",
    ],
)
def test_it_does_not_split_over_what_is_the_same(body):
    assert paths(body) == []


@pytest.mark.parametrize(
    "body",
    [
        "print(args.lr)",
        "print(getattr(args, 'l' + 'r'))",
        "args.lr *= 2",
        "print(vars(args)['lr'])",
        "for name, value in vars(args).items(): print(name, value)",
        "print(dict(**vars(args)))",
        "print(args == argparse.Namespace(lr=1, size=1, name='a'))",
        "print(json.dumps(vars(args)))",
        "print(copy.deepcopy(args).lr)",
        "match args:\n    case argparse.Namespace(lr=1.0): print('one')",
    ],
)
def test_it_splits_where_a_difference_is_read(body):
    assert paths("args = parser.parse_args()\n" + body) == ["args.lr"]


def test_a_namespace_is_what_it_is_alone_once_runs_are_apart():
    assert paths("""
        args = parser.parse_args()
        print(args.lr, type(args) is argparse.Namespace, type(vars(args)), type(sys.argv), args, pickle.dumps(args))
        print(argparse.ArgumentParser.parse_known_args.__module__)
    """) == ["args.lr"]


@pytest.mark.parametrize(
    ("option", "splits"),
    [
        ("type=lambda text: text.strip().lower()", []),
        ("type=lambda text: [int(each) for each in text.split(',')]", []),
        ("type=lambda text: seen.append(text)", ["sys.argv"]),
        ("type=lambda text: print(text)", ["sys.argv"]),
        ("type=lambda text: open(text).read() if text == 'x' else text", ["sys.argv"]),
        ("type=lambda text: exec('x = 1') or text", ["sys.argv"]),
        ("type=json.loads, default='1'", []),
        ("choices=iter(['0', '1'])", ["sys.argv"]),
        ("choices=['0', '1']", []),
        ("action=type('Own', (argparse.Action,), {'__call__': lambda *arguments: seen.append(1)})", ["sys.argv"]),
    ],
)
def test_it_splits_before_parsing_has_an_effect(option, splits):
    options = ("'--lr'", "'--name'", f"'--own', {option}")
    argvs = ("--lr 1 --own 1", "--lr 2 --own 1")
    assert paths("args = parser.parse_args()\nprint(len(vars(args)), seen)", *argvs, options=options) == splits


def test_a_run_whose_arguments_are_wrong_goes_by_itself():
    argvs = ("--lr 1", "--lr 2", "--lr x", "--nothing", "--help")
    assert paths("args = parser.parse_args()\nprint('ok')\nargs.lr", *argvs) == ["sys.argv", "args.lr"]


@pytest.mark.parametrize(
    "body",
    [
        "print(args)",
        "print('arguments:', vars(args), sys.argv, [args], sep='|', end='', flush=True)",
        "print(args, file=sys.stderr)",
        "print(args); print(args.size); print(vars(args))",
    ],
)
def test_each_run_prints_its_own_arguments_without_a_split(body):
    assert paths("args = parser.parse_args()\n" + body) == []


DATACLASSES = """
from dataclasses import asdict, dataclass, field, replace
from transformers import HfArgumentParser, TrainingArguments

@dataclass
class Model:
    name: str = field(default="bert", metadata={"help": "which"})
    dropout: float = 0.1
    layers: list[int] = field(default_factory=lambda: [1, 2])
    task: str | None = None
    made: list = field(default_factory=list, init=False)

    def __post_init__(self):
        self.made.append(self.name.upper())

@dataclass(frozen=True)
class Data:
    rows: int = 3

    @property
    def double(self):
        return 2 * self.rows

parser = HfArgumentParser((Model, Data, TrainingArguments))
model, data, training = parser.parse_args_into_dataclasses()
print(model.name, model.made, training.device, training.output_dir, training.train_batch_size, isinstance(data, Data))
try:
    data.other = 1
except Exception as error:
    print(type(error).__name__, error)
print(data.double)
print(model.dropout, model, model == Model(), asdict(model), replace(model, name="x"))
print(training.learning_rate, str(training.to_dict())[:500], hash(data), type(model) is Model)
"""


def test_dataclasses_of_transformers():
    pytest.importorskip("transformers")
    fixed = ["--output_dir", "out", "--use_cpu", "--report_to", "none", "--disable_tqdm", "1"]
    swept = itertools.product(["1", "2"], ["0.1", "0.2"], ["1e-3", "1e-4"])
    argvs = [["s.py", *fixed, "--rows", n, "--dropout", d, "--learning_rate", lr] for n, d, lr in swept]
    found, splits = together(DATACLASSES, argvs)
    assert found == alone(DATACLASSES, argvs)
    read = ["Data.rows", "Model.dropout", "TrainingArguments.learning_rate"]
    assert list(dict.fromkeys(path for path, _, _ in splits)) == read


def test_arguments_that_differ_by_their_number():
    argvs = ("--size 1", "--size 1 --name a", "--size 2")
    body = "args = parser.parse_args()\nprint(args.name)\nprint(args.size)\nprint(sys.argv)"
    assert paths(body, *argvs) == ["args.name", "args.size"]


def main():
    """Try random scripts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scripts", type=int, default=500)
    parser.add_argument("--first", type=int, default=0)
    options = parser.parse_args()
    counts = Counter()
    for seed in range(options.first, options.first + options.scripts):
        splits, found = compare(seed)
        counts.update(scripts=1, runs=len(found), splits=len(splits), left=found.count("fails"))
        counts.update(by_attribute=sum(path.startswith("args.") for path, _, _ in splits))
    print(dict(counts))  # noqa: T201


if __name__ == "__main__":
    main()
