"""What is kept comes back to the bit, or is refused; and reading it runs nothing."""

import collections
import contextlib
import dataclasses
import json
import os
import pickle
import struct
import zlib
from datetime import date, datetime, time, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as some
from hypothesis.extra import numpy as arrays

import gridfold
from gridfold import stages
from gridfold.stages.packing import NotKeptError, name_of, pack, unpack

Pair = collections.namedtuple("Pair", "one other")


@dataclasses.dataclass(frozen=True)
class Data:
    one: object
    other: object = 2

    def __post_init__(self):
        raise AssertionError("it is made without its code")


@dataclasses.dataclass
class Closing:
    one: object

    def __del__(self):
        pass


CLASSES = {name_of(kind): kind for kind in (Pair, Data)}


def data(one):
    made = object.__new__(Data)
    object.__setattr__(made, "one", one)
    object.__setattr__(made, "other", 2)
    return made


def again(value):
    """What comes back."""
    text, buffers = pack(value, CLASSES)
    return unpack(text, [memoryview(bytearray(buffer)) for buffer in buffers], CLASSES)


scalars = (
    some.none()
    | some.booleans()
    | some.integers()
    | some.floats()
    | some.text(some.characters())
    | some.text(some.characters(categories=["Cs"]))
    | some.binary()
    | some.complex_numbers()
    | some.dates()
    | some.datetimes()
    | some.times()
    | some.timedeltas()
)
values = some.recursive(
    scalars,
    lambda inner: (
        some.lists(inner)
        | some.lists(inner).map(tuple)
        | some.dictionaries(scalars, inner)
        | some.builds(Pair, inner, inner)
        | some.builds(data, inner)
    ),
    max_leaves=15,
)
kinds = some.one_of(
    arrays.scalar_dtypes(), arrays.array_dtypes(), some.sampled_from([np.dtype("f4"), np.dtype(">i2"), np.dtype("U3")])
)


def told(value):
    """What tells bits and types."""
    if isinstance(value, float):
        return struct.pack("<d", value)
    if isinstance(value, complex):
        return told(value.real), told(value.imag)
    if isinstance(value, dict):
        return dict, [(told(key), told(item)) for key, item in value.items()]
    if isinstance(value, (list, tuple)):
        return type(value), [told(item) for item in value]
    return (Data, told(value.one)) if isinstance(value, Data) else (type(value), repr(value))


@example(complex(0.0, struct.unpack("<d", bytes.fromhex("010000000000f87f"))[0]))
@given(values)
def test_plain_values(value):
    with contextlib.suppress(NotKeptError):
        assert told(again(value)) == told(value)


@given(arrays.arrays(kinds, arrays.array_shapes(min_dims=0, min_side=0)), some.sampled_from("CF"))
def test_arrays(array, order):
    array = np.array(array, order=order)
    with contextlib.suppress(NotKeptError):
        found = again(array)
        assert (found.dtype, found.shape, found.tobytes("A")) == (array.dtype, array.shape, array.tobytes("A"))
        assert found.flags.f_contiguous == array.flags.f_contiguous
        assert found.flags.writeable


@pytest.mark.parametrize(
    "kind", ["bool", "uint8", "int64", "float16", "bfloat16", "float32", "complex64", "float8_e5m2"]
)
def test_tensors(kind):
    import torch

    whole = torch.arange(24).reshape(2, 3, 4).to(getattr(torch, kind))
    for tensor in (whole, whole.permute(2, 0, 1), whole[0, 0, 0].clone(), whole[:0].clone()):
        found = again([tensor])[0]
        assert (found.dtype, found.shape, found.stride()) == (tensor.dtype, tensor.shape, tensor.stride())
        assert found.tolist() == tensor.tolist()


def test_what_is_one_object_in_two_places_still_is():
    rows, array = [1], np.zeros(3)
    first, second, *both = again([rows, {"a": rows}, array, (array,)])
    assert first is second["a"]
    assert both[0] is both[1][0]


def test_an_array_that_cannot_be_written_to_still_cannot():
    array = np.zeros(3)
    array.flags.writeable = False
    assert not again(array).flags.writeable


def looped():
    rows = [1]
    rows.append(rows)
    return rows


def overlapping():
    array = np.zeros(4)
    return array, array[1:]


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (looped, "a list that contains itself"),
        (overlapping, "arrays that share memory"),
        (lambda: np.array([None]), "an array of object"),
        (lambda: np.ma.zeros(3), "a MaskedArray"),
        (lambda: {3}, "a set"),
        (lambda: datetime(2026, 1, 1, fold=1), "without loss"),
        (lambda: collections.OrderedDict(a=1), "a OrderedDict"),
        (lambda: Closing(1), "a Closing"),
        (lambda: Path, "a type"),
        (lambda: _tensor("zeros", 3, requires_grad=True), "a tensor that is more than numbers"),
        (lambda: _tensor("zeros", 6)[:3], "a tensor that is a part"),
        (lambda: _tensor("zeros", 1).expand(3), "a tensor that is a part"),
        (lambda: _tensor("eye", 3).to_sparse(), "a tensor that is a part"),
    ],
)
def test_what_would_not_come_back_is_refused(value, why):
    with pytest.raises(NotKeptError, match=why):
        pack(value(), CLASSES)


def _tensor(name, *arguments, **options):
    import torch

    return getattr(torch, name)(*arguments, **options)


def test_a_class_that_the_stage_does_not_name_is_refused():
    with pytest.raises(NotKeptError, match="a Pair, which the stage does not refer to"):
        pack(Pair(1, 2), {})


@gridfold.stage
def computed(number):
    return {"rows": np.full(3, number), "name": [Pair(1, 2), timedelta(1), date(2026, 1, 1), time(1)]}


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """The file of a result that is kept."""
    monkeypatch.setattr(stages, "_folder", tmp_path)
    computed(5)
    (file,) = tmp_path.glob("*.result")
    return file


class Trap:
    def __reduce__(self):
        return os.mkdir, ("trapped",)


def file_of(*parts):
    """A file in the form of a result, with a check sum that is right."""
    body = struct.pack(f"<{len(parts)}Q", *map(len, parts))
    for part in parts:
        body += bytes(-(24 + len(body)) % 64) + part
    return struct.pack("<8sQII", b"gridfol2", 24 + len(body), zlib.crc32(body), len(parts)) + body


HOSTILE = {
    "a pickle": [pickle.dumps(Trap())],
    "a pickle of old": [b"[]", pickle.dumps(Trap())],
    "an array of objects": [b'["array","\'|O\'",[2],"C",true,0]', bytes(16)],
    "an array with objects in it": [b'["array","[(\'a\', \'|O\')]",[2],"C",true,0]', bytes(16)],
    "an array beyond its buffer": [b'["array","\'<f8\'",[9999999],"C",true,0]', bytes(16)],
    "an array of a negative size": [b'["array","\'<f8\'",[-1],"C",true,0]', bytes(16)],
    "an array of code": [b'["array","__import__(\'os\').mkdir(\'trapped\')",[1],"C",true,0]', bytes(16)],
    "a tensor beyond its buffer": [b'["tensor","float32",[9999],[1],0]', bytes(16)],
    "a tensor with gaps": [b'["tensor","float32",[4],[100000],0]', bytes(16)],
    "a tensor of no type": [b'["tensor","load",[4],[1],0]', bytes(16)],
    "a class": [b'["object","subprocess.Popen","true"]'],
    "a class of this process": [b'["object","pathlib.Path","true"]'],
    "no kind": [b'["exec","import os"]'],
    "a place that is not there": [b'["list",["same",7]]'],
    "deep": [b'["list",' * 100_000 + b"1" + b"]" * 100_000],
    "no text": [b"\xff"],
    "nothing": [],
}


def test_a_file_in_this_form_is_read(kept):
    kept.write_bytes(file_of(b'["list",["array","\'<f8\'",[2],"C",true,0]]', bytes(16)))
    assert [array.tolist() for array in computed(5)] == [[0, 0]]


@pytest.mark.parametrize("parts", HOSTILE.values(), ids=HOSTILE)
def test_a_file_that_somebody_else_has_written_runs_nothing(parts, kept, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    whole = kept.read_bytes()
    kept.write_bytes(file_of(*parts))
    assert computed(5)["rows"].tolist() == [5, 5, 5]
    assert kept.read_bytes() == whole
    assert not Path("trapped").exists()


@pytest.mark.parametrize(
    "question",
    [
        ["value", []],
        ["value", [{}]],
        ["value", ["a", "b", 1]],
        ["file", ["/dev/zero"]],
        ["file", ["a\0b"]],
        ["file", [1]],
        ["file", []],
        ["names", ["/nowhere"]],
        ["folder", ["/nowhere"]],
        ["variable", ["a=b\0"]],
        ["exec", ["import os"]],
        ["keys", "text"],
        {"a": 1},
    ],
    ids=str,
)
def test_a_question_that_no_stage_has_asked_is_none(question, kept):
    key = kept.name.removesuffix(".result")
    kept.unlink()
    kept.with_name(f"{key}.question").write_text(json.dumps(question))
    assert computed(5)["rows"].tolist() == [5, 5, 5]
