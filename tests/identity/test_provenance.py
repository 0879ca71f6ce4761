"""Where a search came from: its patch brings back the code that ran."""

import shutil
import subprocess

import pytest

from gridfold import HyperParamSearch
from gridfold.runs.search import SearchDirectory

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")


@pytest.fixture
def git(project, tmp_path_factory):
    """Runs git in the project, which is a repository with one commit."""

    def run(*arguments, cwd=project):
        who = ("-c", "user.name=a", "-c", "user.email=a@b")
        return subprocess.run(["git", *who, *arguments], cwd=cwd, check=True, capture_output=True, text=True).stdout

    run("init", "--quiet")
    (project / ".gitignore").write_text("ignored.py\n__pycache__/\n")
    (project / "known.py").write_text("known = 1\n")
    run("add", ".gitignore", "known.py")
    run("commit", "--quiet", "--message", "first")
    return run


def created(trainer="toy:train"):
    (run_dir,) = HyperParamSearch({"gridfold": {"trainer": trainer}, "lr": 1}).run_grid_search()
    return SearchDirectory(run_dir.with_name(run_dir.name.removesuffix("_single")))


def applied(search, git, folder):
    """The names of the files in a fresh copy of the commit with the patch applied."""
    git("clone", "--quiet", ".", str(folder))
    git("apply", str(search.patch_path.absolute()), cwd=folder)
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*.*") if ".git" not in path.parts}


def test_the_patch_has_what_changed_and_new_code(project, git, tmp_path_factory):
    (project / "known.py").write_text("known = 2\n")
    (project / "pkg").mkdir()
    (project / "pkg" / "new é*.py").write_text("new = 1\n")
    for name in ("ignored.py", "data.csv", "run.sh"):
        (project / name).write_text("x\n")
    before = git("status", "--porcelain")
    search = created(trainer=["sh", "./run.sh", "data.parquet"])
    folder = tmp_path_factory.mktemp("copy")
    assert applied(search, git, folder) == {".gitignore", "known.py", "toy.py", "pkg/new é*.py", "run.sh"}
    assert (folder / "known.py").read_text() == "known = 2\n"
    shutil.rmtree("runs")
    assert git("status", "--porcelain") == before


def test_new_files_among_the_runs_are_no_code(project, git):
    (project / "runs" / "old").mkdir(parents=True)
    (project / "runs" / "old" / "copy.py").write_text("x\n")
    assert b"copy.py" not in created().patch


def test_no_patch_where_nothing_differs(project, git):
    git("add", "toy.py")
    git("commit", "--quiet", "--message", "second")
    assert created().patch is None


def test_the_patch_is_there_before_the_search(project, git, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(SearchDirectory, "write_facts", killed)
    with pytest.raises(KeyboardInterrupt):
        created()
    assert [path.name for path in project.glob("runs/*/code.patch")] == ["code.patch"]
