"""Sweep public programs, unmodified, each by one command: does the table have the right numbers, is no file lost?

    python tests/public_programs/sweep.py                      # all of them: clones, installs, some minutes each
    python tests/public_programs/sweep.py nanoGPT timm         # these
    python tests/public_programs/sweep.py --from CHECKOUTS     # checkouts that are there, instead of GitHub

Not part of CI: it needs a network, and it executes other people's code.
"""

from __future__ import annotations

import argparse
import csv
import math
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from programs import ENVIRONMENTS, PROGRAMS, Program

ROOT = Path(__file__).resolve().parents[2]
# What the libraries say of themselves at home stays there, and what data.py made is all there is.
OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "PL_USE_MOCKED_MNIST": "1", "COLUMNS": "160"}


def main() -> int:
    """Sweep what was asked for; 1 if a table is wrong or a file was overwritten."""
    options = arguments()
    chosen = [program for program in PROGRAMS if program.name in options.programs or not options.programs]
    wrong = 0
    for program in chosen:
        print(f"\n## {program.name}, {program.repository} at {program.commit[:10]}", flush=True)
        complaints = check(program, options)
        wrong += bool(complaints)
        print("\n".join(f"WRONG: {complaint}" for complaint in complaints) or "right", flush=True)
    print(f"\n{len(chosen) - wrong} of {len(chosen)} programs: right metric, no file overwritten")
    return int(wrong > 0)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", nargs="*", metavar="NAME", help=", ".join(program.name for program in PROGRAMS))
    parser.add_argument("--from", dest="checkouts", type=Path, help="a folder with the checkouts, instead of GitHub")
    parser.add_argument("--work", type=Path, default=Path("build/programs"), help="where all happens")
    return parser.parse_args()


def check(program: Program, options: argparse.Namespace) -> list[str]:
    """Sweep a program in a fresh checkout; what is wrong with the outcome."""
    work = options.work.resolve()
    programs = environment(program.environment, work) / "bin"
    folder = checkout(program, work, options.checkouts) / program.folder
    variables = os.environ | OFFLINE | {"PATH": f"{programs}:{os.environ['PATH']}", "HF_HOME": str(work / "hf")}
    call([programs / "python", Path(__file__).with_name("data.py"), program.name], folder, variables)
    before = files(folder)
    print(f"$ {program.command}", flush=True)
    start = time.monotonic()
    call(shlex.split(program.command), folder, variables)
    print(f"{time.monotonic() - start:.0f} s")
    call(["gridfold", "results", "last", "--runs", "--output", "table.csv"], folder, variables)
    return [*wrong_numbers(program, folder), *overwritten(program, before, files(folder))]


def checkout(program: Program, work: Path, checkouts: Path | None) -> Path:
    """Have a program at its commit: cloned, or copied from a checkout that was not modified."""
    target = work / "checkouts" / program.name
    shutil.rmtree(target, ignore_errors=True)
    if checkouts:
        shutil.copytree(checkouts / program.repository.rpartition("/")[2], target, symlinks=True)
    else:
        call(["git", "clone", "--quiet", "--filter=blob:none", program.repository, target], work)
        call(["git", "-c", "advice.detachedHead=false", "checkout", "--quiet", program.commit], target)
    call(["git", "diff", "--quiet", program.commit, "--", "*.py"], target)
    return target


def environment(name: str, work: Path) -> Path:
    """A virtual environment with gridfold and what a program needs; one that is there is used as it is."""
    folder = work / "environments" / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    if not folder.exists():
        call([sys.executable, "-m", "venv", folder], work)
        call([folder / "bin" / "pip", "install", "--quiet", "-e", ROOT, *ENVIRONMENTS[name].split()], work)
    return folder


def call(words: list[str | Path], folder: Path, variables: dict[str, str] | None = None) -> None:
    """Execute a command; an end of everything if it fails."""
    subprocess.run(words, cwd=folder, env=variables, check=True)


def files(folder: Path) -> dict[str, int]:
    """When each file outside of searches was written."""
    found = (path for path in folder.rglob("*") if path.is_file() and not {".git", "__pycache__"} & {*path.parts})
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in found if not _of_a_search(path, folder)}


def _of_a_search(path: Path, folder: Path) -> bool:
    return path.relative_to(folder).as_posix().startswith("runs/run_")


def wrong_numbers(program: Program, folder: Path) -> list[str]:
    """Runs whose number in the table is not the one in their log or files."""
    with (folder / "table.csv").open(newline="") as table:
        rows = list(csv.DictReader(table))
    (folder / "table.csv").unlink()
    complaints = [] if len(rows) > 1 else [f"{len(rows)} rows"]
    for row in rows:
        true = program.best(program.truth(folder / "runs" / row["run"]))
        shown = row.get(program.metric) or "nan"
        print(f"{row['run']}: {program.metric} {shown}, by hand {true}")
        if not math.isclose(float(shown), true, rel_tol=1e-4):
            complaints.append(f"{row['run']}: {program.metric} is {true}, the table has {shown}: {[*row]}")
    return complaints


def overwritten(program: Program, before: dict[str, int], after: dict[str, int]) -> list[str]:
    """Files in the working directory that were changed, or that another run would have changed, too."""
    changed = [name for name in after if after[name] != before.get(name) and not re.match(program.own, name)]
    return [f"{name} was written in the working directory" for name in changed]


if __name__ == "__main__":
    sys.exit(main())
