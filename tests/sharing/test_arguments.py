"""The arguments of many runs of a script at once: what each run prints is what it prints alone.

``python tests/sharing/test_arguments.py --scripts 500`` tries that many random scripts.
"""

import argparse
import contextlib
import io
import random
import re
import sys
from collections import Counter
from pathlib import Path

if __name__ == "__main__":  # gridfold need not be installed
    sys.path.insert(0, str(Path(__file__).parents[2]))

from gridfold.sharing import arguments
from gridfold.sharing.disguise import Pickles
from gridfold.sharing.group import Group
from tests.sharing.scripts import random_script


class _Fork(BaseException):
    def __init__(self, groups):
        self.groups = groups


def executed(script, program):
    """What a script prints, and how it ends."""
    printed, ended = io.StringIO(), None
    random.seed(0)
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            exec(program, {"__name__": "__main__", "__file__": "script.py"})
        except SystemExit as error:
            ended = error.code
        except Exception as error:
            ended = type(error).__name__, str(error)
    return re.sub("0x[0-9a-f]+", "0x", printed.getvalue()), ended


def alone(script, argvs):
    program, results = compile(script, "script.py", "exec"), []
    before = sys.argv
    for argv in argvs:
        sys.argv = ["".join([word[:1], word[1:]]) for word in argv]
        results.append(executed(script, program))
    sys.argv = before
    return results


def together(script, argvs):
    """What each run prints; the script runs once for each group, and takes the recorded way at each split.

    Runs whose shared part fails are left out, as each of them then runs alone.
    """
    program, results, splits, ways, before = compile(script, "script.py", "exec"), {}, [], [[]], sys.argv
    while ways:
        way = ways.pop()
        ahead = iter(way)

        def split(path, groups, place, ahead=ahead):
            group = next(ahead, None)
            if group is None:
                splits.append((path, groups, place))
                raise _Fork(groups)
            assert group in groups
            return group

        group = Group([{}] * len(argvs), split)
        shared, pickles = arguments.share(group, argvs), Pickles(group.settle)
        try:
            result = executed(script, program)
        except _Fork as fork:
            ways.extend([*way, each] for each in reversed(fork.groups))
            continue
        finally:
            shared.end()
            pickles.stop()
            sys.argv = before
        assert next(ahead, None) is None
        fails = result[1] not in (None, 0) and len(group.trials) > 1
        results |= dict.fromkeys(group.trials, "fails" if fails else result)
    return [results[trial] for trial in range(len(argvs))], splits


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
