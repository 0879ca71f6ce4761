"""What a stage reads by itself is what its result depends on; what it does beside computing is done by each run."""

import contextlib
import sys

import pytest

from gridfold import stages
from gridfold.identity import reads
from tests.stages.conftest import STAGE


@pytest.mark.parametrize(
    ("body", "change"),
    [
        ("read('a.txt')", lambda folder: (folder / "a.txt").write_text("more")),
        ("read(config['data'])", lambda folder: (folder / "a.txt").write_text("more")),
        ("pathlib.Path(config['data']).read_text()", lambda folder: (folder / "a.txt").write_text("more")),
        ("read(os.open('a.txt', os.O_RDONLY))", lambda folder: (folder / "a.txt").write_text("more")),
        ("np.loadtxt(config['numbers']).sum()", lambda folder: (folder / "numbers.txt").write_text("5 6")),
        ("np.loadtxt('numbers.txt').sum()", lambda folder: (folder / "numbers.txt").write_text("5 6")),
        ("os.path.getsize(config['data'])", lambda folder: (folder / "a.txt").write_text("more")),
        ("os.path.getsize(config['more'][0]['data'])", lambda folder: (folder / "a.txt").write_text("more")),
        (
            "os.path.getsize(config['folder'] + '/b.txt')",
            lambda folder: (folder / "folder" / "b.txt").write_text("more"),
        ),
        ("os.path.exists(config['missing'])", lambda folder: (folder / "missing.txt").write_text("more")),
        ("read('missing.txt')", lambda folder: (folder / "missing.txt").write_text("more")),
        ("os.path.getsize('folder/b.txt')", lambda folder: (folder / "folder" / "b.txt").write_text("more")),
        ("os.path.getsize(PATH)", lambda folder: (folder / "folder" / "a.parquet").write_text("more")),
        (
            "os.path.getsize(os.path.join('folder', 'a.parquet'))",
            lambda folder: (folder / "folder" / "a.parquet").write_text("more"),
        ),
        ("count(config['texts'])", lambda folder: (folder / "folder" / "new.txt").touch()),
        ("count('folder/*.csv')", lambda folder: (folder / "folder" / "new.csv").touch()),
        (
            "os.path.getsize(f'folder/{config[\"name\"]}.parquet')",
            lambda folder: (folder / "folder" / "a.parquet").write_text("more"),
        ),
        (
            "duckdb.sql('SELECT max(size) FROM read_text(\\'folder/*.csv\\')').fetchall()[0]",
            lambda folder: (folder / "folder" / "a.csv").write_text("more"),
        ),
        ("remembered('a.txt')", lambda folder: (folder / "a.txt").write_text("more")),
        ("sorted(os.listdir('folder'))", lambda folder: (folder / "folder" / "new").touch()),
        ("len(list(pathlib.Path('folder').glob('*.txt')))", lambda folder: (folder / "folder" / "new.txt").touch()),
        ("sum(len(names) for *_, names in os.walk('folder'))", lambda folder: (folder / "folder" / "new.txt").touch()),
    ],
)
def test_files_that_it_reads_count(body, change, own, tmp_path):
    (tmp_path / "folder").mkdir()
    for name in ("a.txt", "folder/b.txt", "folder/a.csv", "folder/a.parquet", "other.txt"):
        (tmp_path / name).write_text("1")
    (tmp_path / "numbers.txt").write_text("1 2")
    config = {"data": "a.txt", "numbers": "numbers.txt", "folder": "folder", "missing": "missing.txt"}
    config |= {"texts": "folder/*.txt", "layers": "*", "name": "a"}
    config["more"] = [{"data": "a.txt"}]
    read = "def read(name):\n  try:\n    with open(name) as file: return file.read()\n  except OSError: return ''\n"
    read += "PATH = 'folder/a.parquet'\n@functools.cache\ndef remembered(name): return read(name)\n"
    count = "duckdb.sql(f\"SELECT count(*) FROM read_text('{files}')\").fetchall()[0]"
    read += f"import duckdb\ndef count(files): return {count}\n"
    it = own(f"{read}{STAGE}{body}")
    reads.start().noted.clear()  # by this test, and not by a run
    it.module.remembered("a.txt")  # as a run may have done before
    assert [it.call(config), it.call(config)] == [1, 0], stages.notes()
    (tmp_path / "other.txt").write_text("2")
    assert it.call(config) == 0
    change(tmp_path)
    it.module.remembered.cache_clear()
    assert [it.call(config), it.call(config)] == [1, 0], stages.notes()


@pytest.mark.parametrize(
    "change",
    [
        "torch.set_default_dtype(torch.float64); meanwhile.callback(torch.set_default_dtype, torch.float32)",
        "meanwhile.enter_context(torch.autocast('cpu'))",
        "torch.set_float32_matmul_precision('medium');"
        "meanwhile.callback(torch.set_float32_matmul_precision, 'highest')",
    ],
)
def test_how_torch_was_told_to_compute_counts(change, own):
    torch = pytest.importorskip("torch")
    it = own(f"import torch\n{STAGE}str((torch.ones(2, 2) @ torch.ones(2, 2)).dtype)")
    assert [it.call(), it.call()] == [1, 0]
    with contextlib.ExitStack() as meanwhile:
        exec(change, {"torch": torch, "meanwhile": meanwhile})
        assert [it.call(), it.call()] == [1, 0]
    assert it.call() == 0


def test_a_look_for_a_version_counts_no_folder(own, tmp_path):
    it = own(f"import importlib.metadata\n{STAGE}importlib.metadata.version('numpy')")
    assert [it.call(), it.call()] == [1, 0], stages.notes()
    (tmp_path / "new.txt").touch()
    assert it.call() == 0


def test_a_file_that_is_read_only_where_a_value_says_so_counts_only_there(own, tmp_path):
    """Of the kinds that no library opens unheard."""
    (tmp_path / "a.yaml").write_text("1")
    it = own(f"{STAGE}pathlib.Path('a.yaml').read_text() if config['reads'] else 0")
    assert [it.call({"reads": True}), it.call({"reads": False})] == [1, 1]
    (tmp_path / "a.yaml").write_text("2")
    assert [it.call({"reads": True}), it.call({"reads": False})] == [1, 0]


def test_a_relative_path_is_one_of_the_folder_that_the_run_is_in(own, tmp_path, monkeypatch):
    it = own(f"{STAGE}pathlib.Path('a.txt').read_text()")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_text(name)
        monkeypatch.chdir(tmp_path / name)
        assert [it.call(), it.call()] == [1, 0]


def test_what_another_stage_has_read_counts_though_it_is_found(own, tmp_path):
    (tmp_path / "a.txt").write_text("1")
    inner = "@gridfold.stage\ndef inner(config): return pathlib.Path('a.txt').read_text()\n"
    it = own(f"{inner}{STAGE}inner(config) * config['times']")
    assert [it.call({"times": times}) for times in (1, 2, 1, 2)] == [1, 1, 0, 0]
    (tmp_path / "a.txt").write_text("2")
    assert [it.call({"times": times}) for times in (2, 1, 2, 1)] == [1, 1, 0, 0]


NOT_KEPT = {
    "writes a file": ("pathlib.Path('out.txt').write_text('x')", "it writes out.txt"),
    "appends to one": ("write('out.txt', 'a')", "it writes out.txt"),
    "writes one that the config names": ("write(config['out'], 'r+')", "it writes x.txt"),
    "makes a folder": ("os.makedirs('out', exist_ok=True) or os.rmdir('out')", "it changes out"),
    "moves a file": ("os.rename('x.txt', 'y.txt') or os.rename('y.txt', 'x.txt')", "it changes x.txt"),
    "starts a program": ("subprocess.run(['true']).returncode", "it starts a process: true"),
    "starts a shell": ("os.system('true')", "it starts a process: true"),
    "opens a database": ("sqlite3.connect('x.db').close()", "it uses the database x.db"),
    "sets a variable of the environment": (
        "os.environ.update(GRIDFOLD_TEST_SCALE='1')",
        "it sets the environment variable GRIDFOLD_TEST_SCALE",
    ),
    "changes the working directory": ("os.chdir('..')", "it changes the working directory"),
    "changes a variable": ("add()", "it changes {module}.COUNT"),
    "changes a list": ("SEEN.append(1)", "it changes {module}.SEEN"),
    "sets a variable that was not there": ("keep()", "it changes {module}.MODEL"),
    "changes an argument": ("others[0].append(1)", "it changes its arguments"),
    "reads an object that has a state": (
        "float(rng.normal()) * 0",
        "nothing tells what the variable {module}.rng is, a Generator",
    ),
    "draws from the random numbers of the run": ("random.random() * 0", "it draws from random numbers"),
    "gives back what it was given": ("others[0]", "it gives back"),
    "gives back a variable": ("KEPT", "it gives back"),
}


@pytest.mark.parametrize(("body", "why"), NOT_KEPT.values(), ids=NOT_KEPT)
def test_one_that_does_more_than_to_compute_is_called_each_time(body, why, own, tmp_path, monkeypatch):
    (tmp_path / "x.txt").touch()
    monkeypatch.setenv("GRIDFOLD_TEST_SCALE", "")
    source = """
COUNT, SEEN, KEPT = 0, [], [1]
rng = np.random.default_rng(0)
def add():
    global COUNT
    COUNT += 1
def keep():
    global MODEL
    MODEL = globals().get("MODEL", 0) + 1
def write(name, mode):
    with open(name, mode) as file:
        file.write("x")
@gridfold.stage
def made(config, *others):
    log.info("computed")
    return """
    it = own(source + body)
    for _ in range(2):
        before = it.computed
        it.module.made({"out": "x.txt"}, [])
        monkeypatch.chdir(tmp_path)
        assert it.computed == before + 1
    (note,) = stages.notes()
    assert note.startswith("the result of made is not kept: " + why.format(module=it.module.__name__))
    assert not list((tmp_path / "runs").rglob("*.result"))


def test_a_module_that_a_value_names_counts(own, tmp_path):
    """Whether it is imported already, or not yet."""
    it = own(f"{STAGE}importlib.import_module(config['of']).SCALE")
    name = f"plugin_of_{it.module.__name__}"
    for scale in (1, 37):
        (tmp_path / f"{name}.py").write_text(f"SCALE = {scale}")
        assert it.module.made({"of": name}) == scale
        sys.modules.pop(name)
    assert it.module.made({"of": name}) == 37
    before = it.computed
    (tmp_path / f"{name}.py").write_text("SCALE = 4")
    it.module.made({"of": name})  # the old one is imported still: its source is another
    sys.modules.pop(name)
    assert it.computed == before + 1


def test_temporary_files_are_its_own(own):
    body = """
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "x").write_text("1")
        with tempfile.NamedTemporaryFile("w+") as file, tempfile.TemporaryFile("w+") as other:
            file.write("2"), other.write("3")
            return pathlib.Path(folder, "x").read_text()"""
    it = own(STAGE.replace("    return ", body.strip("\n")))
    assert [it.call(), it.call()] == [1, 0], stages.notes()
