"""Sources: no text is changed in reading, and what cannot be read is said with its row."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from gridfold.core.errors import ConfigError
from gridfold.text.predictions import write_table
from gridfold.text.sources import Columns, LabelledTexts, read_table

# What readers of tables take for something else.
TEXTS = [
    *("None", "NA", "NaN", "nan", "null", "N/A", "-", "", " ", " leading", "trailing ", "\\N"),
    *("007", "1e3", "1.0", "1,5", "0x1F", "inf", "-inf", "True", "false", "[1, 2]", "{}"),
    *("2024-01-01", "2024-01-01T00:00:00Z", "12:30", "#comment", "=1+1", 'a "quoted" word', '"', "'"),
    *("a\nb", "a\r\nb", "a\rb", "a\tb", "caf\u00e9", "cafe\u0301", "\u2028", "\U0001f600", "\ufeffx", "\x00"),
]
COLUMNS = Columns("text", "label", "group")


def write(file: Path, rows: list[dict[str, Any]]) -> str:
    """Rows in the format that the name of the file says."""
    if file.suffix in {".csv", ".tsv"}:
        with file.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, rows[0], dialect="excel" if file.suffix == ".csv" else "excel-tab")
            writer.writeheader()
            writer.writerows(rows)
    elif file.suffix == ".parquet":
        import pyarrow as pa
        from pyarrow import parquet

        parquet.write_table(pa.Table.from_pylist(rows), file)
    else:
        file.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return str(file)


def read(file: Path, columns: Columns = COLUMNS) -> LabelledTexts:
    return read_table(str(file), columns, "data.train", "train")


def message(file: Path, columns: Columns = COLUMNS) -> str:
    with pytest.raises(ConfigError) as caught:
        read(file, columns)
    return str(caught.value)


@pytest.mark.parametrize("name", ["x.csv", "x.tsv", "x.jsonl", "x.parquet"])
def test_no_text_is_changed(tmp_path, name):
    rows = [{"text": text, "label": TEXTS[-place], "group": text or "x"} for place, text in enumerate(TEXTS)]
    write(tmp_path / name, rows)
    found = read(tmp_path / name)
    assert list(found.texts) == TEXTS
    assert list(found.labels) == [row["label"] for row in rows]
    assert list(found.groups) == [row["group"] for row in rows]


@pytest.mark.parametrize("name", ["x.csv", "x.jsonl", "x.parquet"])
def test_pairs(tmp_path, name):
    write(tmp_path / name, [{"a": "None", "b": "007", "label": "x"}, {"a": "", "b": "1e3", "label": "y"}])
    assert read(tmp_path / name, Columns(("b", "a"), "label")).texts == (("007", "None"), ("1e3", ""))


@pytest.mark.parametrize("name", ["x.jsonl", "x.parquet"])
def test_labels_keep_their_types(tmp_path, name):
    columns = Columns("text", "label")
    for labels in ([1, 2, None], [1.5, 2.0, None], [True, False, None], [["a"], [], None], [["a", None]]):
        write(tmp_path / name, [{"text": "t", "label": label} for label in labels])
        found = read(tmp_path / name, columns).labels
        assert list(map(repr, found)) == list(map(repr, labels))


def test_texts_of_a_type_of_their_own(tmp_path):
    import pyarrow as pa
    from pyarrow import parquet

    texts = pa.array(["NA", "007"])
    for kind in (pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())):
        file = tmp_path / "year=2024" / "x.parquet"  # such a folder is a column for some readers
        file.parent.mkdir(exist_ok=True)
        parquet.write_table(pa.table({"text": texts.cast(kind), "label": texts, "a.b": texts}), file)
        assert read(file, Columns("text", "label", "a.b")).texts == ("NA", "007")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("name", ["x.csv", "x.tsv", "x.jsonl", "x.json"])
def test_encodings_that_say_what_they_are(tmp_path, name, encoding):
    rows = [{"text": "caf\u00e9 \U0001f600", "label": "x", "group": "1"}, {"text": "b", "label": "y", "group": "1"}]
    write(tmp_path / f"utf{Path(name).suffix}", rows)
    content = (tmp_path / f"utf{Path(name).suffix}").read_text(encoding="utf-8")
    (tmp_path / name).write_bytes(content.encode(encoding))
    assert read(tmp_path / name).texts == ("caf\u00e9 \U0001f600", "b")


def test_a_folder_of_files_in_utf_16(tmp_path):
    for kind, text in (("a", "caf\u00e9"), ("b", "two")):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "1.txt").write_text(text, encoding="utf-16")
    found = read(tmp_path, Columns("text", "label"))
    assert (found.texts, found.undecodable) == (("caf\u00e9", "two"), ())


@pytest.mark.parametrize(
    ("text", "encoding", "problem", "guess"),
    [
        ("it\u2019s", "cp1252", "line 3 is not UTF-8 (byte 0x92)", "WINDOWS-1252"),
        ("caf\u00e9", "latin-1", "line 3 is not UTF-8 (byte 0xe9)", "WINDOWS-1252"),
        ("a\x81b", "latin-1", "line 3 is not UTF-8 (byte 0x81)", "ISO-8859-1"),
    ],
)
@pytest.mark.parametrize("name", ["x.csv", "x.jsonl"])
def test_encodings_that_do_not(tmp_path, name, text, encoding, problem, guess):
    rows = {"x.csv": f"text,label,group\na,x,1\n{text},y,1\n", "x.jsonl": f'{{"text": "a"}}\n\n{{"text": "{text}"}}\n'}
    file = tmp_path / name
    file.write_bytes(rows[name].encode(encoding))
    hint = f"convert it: iconv -f {guess} -t UTF-8 {file} > NEW_FILE"
    assert message(file) == f"data.train: cannot read {file}: {problem}\n  {hint}"


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ("a,b,x,1\nc,d,y,1\n", "its rows have more cells than its first line, which names the columns"),
        ("a,x,1\nb,y,1,q\n", "Error tokenizing data. C error: Expected 3 fields in line 3, saw 4"),
    ],
)
def test_rows_that_are_too_long(tmp_path, rows, problem):
    # Without care, the first column would become an index, and every cell would move by one.
    (tmp_path / "x.csv").write_text(f"text,label,group\n{rows}")
    assert message(tmp_path / "x.csv") == f"data.train: cannot read {tmp_path / 'x.csv'}: {problem}"


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        (b"text,label\na\rb,x\nc,y\n", ("a\rb", "c")),  # as pandas and Python before 3.11.9 write it
        (b'text,label\r\n"a\rb",x\r\nc,y\r\n', ("a\rb", "c")),
        (b"text,label\rab,x\rc,y\r", ("ab", "c")),
        (b"text,label\nab,x\r\nc,y\r\n", ("ab", "c")),
    ],
)
def test_carriage_returns(tmp_path, content, texts):
    (tmp_path / "x.csv").write_bytes(content)
    found = read(tmp_path / "x.csv", Columns("text", "label"))
    assert (found.texts, found.labels) == (texts, ("x", "y"))


def test_tables_of_predictions_are_read_as_they_were(tmp_path):
    rows = [[text, "x"] for text in TEXTS]
    write_table(tmp_path / "x.csv", ["text", "label"], rows)
    assert list(read(tmp_path / "x.csv", Columns("text", "label")).texts) == TEXTS
    with (tmp_path / "x.csv").open(encoding="utf-8", newline="") as stream:
        assert list(csv.reader(stream))[1:] == rows


@pytest.mark.parametrize("name", ["x.csv", "x.jsonl", "x.json"])
def test_a_file_with_nothing_in_it(tmp_path, name):
    (tmp_path / name).write_text("\n")
    assert message(tmp_path / name) == f"data.train: no examples in {tmp_path / name}"


def test_a_json_array_of_something_else(tmp_path):
    (tmp_path / "x.json").write_text('[{"text": "a"}, 3]')
    assert message(tmp_path / "x.json").endswith("x.json: item 2 is not an object")


@pytest.mark.parametrize(
    "content",
    [
        '{"text": ["a", "b"], "label": ["x", "y"]}',
        '{\n  "text": {"0": "a", "1": "b"},\n  "label": {"0": "x", "1": "y"}\n}',  # as pandas writes it
    ],
)
def test_json_by_columns(tmp_path, content):
    (tmp_path / "x.json").write_text(content)
    found = read(tmp_path / "x.json", Columns("text", "label"))
    assert (found.texts, found.labels) == (("a", "b"), ("x", "y"))


def test_columns_of_json_with_other_rows(tmp_path):
    (tmp_path / "x.json").write_text('{"text": {"0": "a", "2": "b"}, "label": {"0": "x", "1": "y"}}')
    assert message(tmp_path / "x.json").endswith("x.json: its columns do not have the same rows")


@pytest.mark.parametrize("name", ["x.csv", "x.parquet"])
def test_two_columns_of_one_name(tmp_path, name):
    if name == "x.csv":
        (tmp_path / name).write_text("other,text,text,label,other\n1,a,b,x,2\n")
    else:
        import pyarrow as pa
        from pyarrow import parquet

        names = ["other", "text", "text", "label", "other"]
        parquet.write_table(pa.table([[cell] for cell in "1abx2"], names=names), tmp_path / name)
    assert message(tmp_path / name, Columns("text", "label")).endswith(f"{name}: it has 2 columns called 'text'")
    assert read(tmp_path / name, Columns("label", "label")).texts == ("x",)  # of others, as many as there are


@pytest.mark.parametrize("name", ["x.jsonl", "x.parquet"])
@pytest.mark.parametrize("text", [None, 7, 1.5, ["a"]])
def test_what_is_no_text(tmp_path, name, text):
    file = write(tmp_path / name, [{"text": text, "label": "x", "group": "1"}])
    assert message(Path(file)) == f"data.train: {text!r} in row 1 is not a text in column 'text' of {file}"


def test_classes_and_missing_classes_of_a_data_set_of_the_hub(monkeypatch):
    import datasets

    names = datasets.ClassLabel(names=["z", "a"])
    features = datasets.Features(
        {
            "text": datasets.Value("string"),
            "label": names,
            "several": datasets.List(names),
            "whole": datasets.Value("int64"),
        }
    )
    rows = {"text": ["NA", "007"], "label": [0, -1], "several": [[1, 0], []], "whole": [1, None]}
    loaded = datasets.Dataset.from_dict(rows, features=features)
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: loaded)

    def labels(column: str) -> tuple[Any, ...]:
        return read_table("org/name", Columns("text", column), "data.train", "train").labels

    assert labels("label") == ("z", None)  # -1 would be the last name
    assert labels("several") == (["a", "z"], [])
    assert labels("whole") == (1, None)
    with pytest.raises(ConfigError) as caught:
        labels("lable")
    assert str(caught.value) == (
        "data.label_column: no column 'lable' in org/name; columns: text, label, several, whole\n"
        "  did you mean 'label'?"
    )
