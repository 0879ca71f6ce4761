"""Two directories with a file of one name: what the comparison says of it."""

import json
import math

import pytest

from gridfold.records.compare import compare_files, differences, worst

np = pytest.importorskip("numpy")


@pytest.fixture
def compared(tmp_path):
    """Compares what a function writes of two values: ``compared("x.npz", one, other, save)``."""

    def compare(name, recorded, alone, save):
        for folder, value in (("recorded", recorded), ("alone", alone)):
            (tmp_path / folder).mkdir(exist_ok=True)
            save(tmp_path / folder / name, value)
        return compare_files(tmp_path / "recorded", tmp_path / "alone", name)

    return compare


def save_npz(path, array):
    np.savez(path, x=array)


def save_pt(path, array):
    torch = pytest.importorskip("torch")
    torch.save({"x": [torch.from_numpy(array)], "epoch": 3, "name": "a"}, path)


def save_bf16(path, array):
    torch = pytest.importorskip("torch")
    torch.save({"x": [torch.from_numpy(array).bfloat16()]}, path)


def save_safetensors(path, array):
    pytest.importorskip("safetensors.numpy").save_file({"x": array}, path)


ARRAYS = [
    ("w.npy", np.save, "w.npy"),
    ("w.npz", save_npz, "w.npz: x"),
    ("w.pt", save_pt, "w.pt: x: 0"),
    ("w.safetensors", save_safetensors, "w.safetensors: x"),
]


@pytest.mark.parametrize(("name", "save", "where"), ARRAYS, ids=[name for name, *_ in ARRAYS])
class TestArrays:
    def test_the_same(self, compared, name, save, where):
        array = np.array([1.0, np.nan, np.inf, -0.0])
        assert compared(name, array, array, save) is None

    def test_rounding(self, compared, name, save, where):
        found = compared(name, np.array([4.0, 1e-9]), np.array([4.0, 1e-6]), save)
        assert found.where == where
        assert found.is_close
        assert found.absolute == pytest.approx(1e-6, rel=1e-2)
        assert found.relative == pytest.approx(2.5e-7, rel=1e-2)

    def test_another_result(self, compared, name, save, where):
        found = compared(name, np.array([4.0, 1.0]), np.array([4.0, 1.1]), save)
        assert not found.is_close
        assert found.said == "numbers up to 0.1 apart"

    @pytest.mark.parametrize(
        ("other", "close"),
        [
            (np.array([0.0, -0.0]), True),
            (np.array([0.0, np.nan]), False),
            (np.array([0.0, np.inf]), False),
            (np.array([0.0]), False),
            (np.array([0, 0]), False),
            (np.array([0.0, 0.0], np.float32), True),
        ],
        ids=["zero", "nan", "inf", "shape", "integers", "precision"],
    )
    def test_the_last_bit(self, compared, name, save, where, other, close):
        found = compared(name, np.zeros(2), other, save)
        assert found.where == where
        assert found.is_close is close

    def test_nothing_rounds_an_integer(self, compared, name, save, where):
        assert not compared(name, np.array([10**12]), np.array([10**12 + 1]), save).is_close


def test_half_precision(compared):
    assert compared("w.pt", np.array([1.0]), np.array([1.5]), save_bf16).relative == pytest.approx(1 / 3)


def test_complex_numbers():
    found = worst(differences(np.array([1 + 2j]), np.array([1 + 4j])))
    assert found.absolute == 2.0


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


@pytest.mark.parametrize(
    ("name", "recorded", "alone", "where", "close"),
    [
        ("a.json", '{"a": 1.0}', '{"a":  1.0}', "a.json", True),
        ("a.json", '{"a": [1.0]}', '{"a": [1.0, 2]}', "a.json: a", False),
        ("a.json", '{"a": 1.0}', '{"a": 1.0', "a.json", False),
        ("a.json", '{"a": 1.5}', '{"a": 1.50000001}', "a.json: a", True),
        ("m.jsonl", '{"a": 1}\n', '{"a": 1}\n{"a": 2}\n', "m.jsonl: line 2", False),
        ("a.csv", "a,b\n1,x\n", "a,b\n1,y\n", "a.csv: row 2: column 2", False),
        ("a.csv", "a,b\n1,2.0\n", "a,b\n1,2.00000001\n", "a.csv: row 2: column 2", True),
        ("a.csv", "a,b\n007,1\n", "a,b\n7,1\n", "a.csv", True),
        ("a.txt", "a", "b", "a.txt", False),
        ("a.pt", b"no", b"tensor", "a.pt", False),
        ("a.png", b"no", b"image", "a.png", False),
        ("a.npz", b"no", b"zip", "a.npz", False),
    ],
)
def test_files(compared, name, recorded, alone, where, close):
    found = compared(name, recorded, alone, write)
    assert (found.where, found.is_close) == (where, close)


def test_a_file_may_name_its_directory(tmp_path, compared):
    def save(path, key):
        path.write_text(json.dumps({"path": str(path.parent / "x"), "value": 1}))

    assert compared("a.json", 0, 0, save) is None


def test_pictures_are_compared_by_their_pixels(compared):
    images = pytest.importorskip("PIL.Image")
    notes = pytest.importorskip("PIL.PngImagePlugin").PngInfo

    def save(path, value):
        shade, said = value
        info = notes()
        info.add_text("Date", said)
        images.new("L", (2, 2), shade).save(path, pnginfo=info)

    assert compared("a.png", (1, "today"), (1, "tomorrow"), save) is None
    assert compared("a.png", (1, "today"), (2, "today"), save).where == "a.png: pixels"


def test_numbers():
    assert list(differences({"a": math.nan, "b": -0.0}, {"a": math.nan, "b": -0.0})) == []
    found = {each.where: each for each in differences({"a": 1, "b": 1.0, "c": 2}, {"a": 1.0, "b": math.inf, "d": True})}
    assert found["a"].is_close
    assert not found["b"].is_close
    assert found["c"].said == "only in the search"
    assert found["d"].said == "only alone"
