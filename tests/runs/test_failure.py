"""What a record has of a failure: the true cause, whatever the exception does, and of a size that can be read."""

import errno
import json
import os
import signal
import subprocess
from types import SimpleNamespace

import pytest

from gridfold.runs.failure import describe, headline, is_disk_full
from gridfold.runs.run import Run
from gridfold.worker import Stop, outcome


class UnprintableError(Exception):
    def __str__(self):
        raise RuntimeError("no text")

    __repr__ = __str__


class NoTextError(Exception):
    __str__ = lambda self: 7  # noqa: E731 - not a text


def failed(train):
    """The error of a run with such a training, as a file keeps it."""
    result = outcome(train, Stop())
    assert result["state"] == "failed"
    return json.loads(json.dumps(result["error"]))


def raising(error):
    def train():
        raise error

    return train


class LateStop(Stop):
    """SIGTERM comes just before the end of a training is noted."""

    def __setattr__(self, name, value):
        if name == "training" and not value and self.__dict__.get("training"):
            self(signal.SIGTERM, None)
        super().__setattr__(name, value)


def test_a_signal_just_as_the_training_fails_interrupts_the_run():
    assert outcome(raising(ValueError("no")), LateStop()) == {"state": "interrupted"}


@pytest.mark.parametrize("error", [UnprintableError(), NoTextError()])
def test_an_exception_that_has_no_text(error):
    found = failed(raising(error))
    assert found["type"] == type(error).__name__
    assert found["message"].startswith("it cannot say what is wrong: its __str__ raises ")
    assert found["place"].startswith("tests/runs/test_failure.py:")


def test_texts_are_cut_in_the_middle():
    found = failed(raising(ValueError("begins here " + "x" * 5_000_000 + " ends here")))
    assert found["type"] == "ValueError"
    assert found["message"].startswith("begins here xxx")
    assert found["message"].endswith("xxx ends here")
    assert len(json.dumps(found)) < 20_000


@pytest.mark.parametrize("count", [400, 5000])
@pytest.mark.parametrize("metrics", ["score", "named"])
def test_a_number_that_is_too_large(count, metrics, tmp_path):
    huge = 10**count
    found = failed(lambda: {"acc": 1, "score": huge})
    assert (found["type"], found["message"][:31]) == ("OverflowError", "'score': too large for a number")
    with pytest.raises(OverflowError, match="'score': too large"):
        Run(tmp_path).report(score=huge)


def test_attributes_that_only_look_like_those_of_a_command():
    class OddError(Exception):
        place = output = signal = exit_code = object()

    assert failed(raising(OddError("here")))["message"] == "here"
    by_command = failed(raising(subprocess.CalledProcessError(3, ["x"], output=b"\xff")))
    assert (by_command["type"], "output" in by_command) == ("CalledProcessError", False)


def test_a_group_says_what_is_in_it():
    found = failed(raising(ExceptionGroup("two", [ExceptionGroup("one", [ValueError("width 7")]), KeyError("a")])))
    assert (found["type"], found["message"]) == ("ExceptionGroup", "two (2 sub-exceptions): ValueError: width 7")


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (SystemExit("no data"), "SystemExit", "no data"),
        (SystemExit(), "SystemExit", ""),
        (ValueError("\ud800 \x1b[31m"), "ValueError", "\\ud800 \x1b[31m"),
        (ValueError("a\nb"), "ValueError", "a\nb"),
    ],
)
def test_others(error, kind, message):
    found = failed(raising(error))
    assert (found["type"], found["message"]) == (kind, message)


def test_recursion_without_end():
    def deep(number):
        return deep(number + 1)

    found = failed(lambda: deep(0))
    assert found["type"] == "RecursionError"
    assert len(found["traceback"]) < 9_000


def test_standard_error_that_cannot_be_written(monkeypatch):
    monkeypatch.setattr("sys.stderr", None)
    assert failed(raising(ValueError("here")))["message"] == "here"
    monkeypatch.setattr("sys.stderr", object())
    assert failed(raising(ValueError("here")))["message"] == "here"


def test_a_disk_that_is_read_only(monkeypatch, tmp_path):
    """The directory of a run may be so by itself."""
    error = describe(OSError(errno.EROFS, "read-only"))
    assert not is_disk_full(error, tmp_path)
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_flag=os.ST_RDONLY))
    assert is_disk_full(error, tmp_path)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_takes_nothing_more(number):
    assert is_disk_full(describe(OSError(number, "no room")))
    assert not is_disk_full(describe(OSError(errno.EACCES, "not yours")))


@pytest.mark.parametrize(
    ("file", "place"),
    [
        ("project/train.py", "train.py:1"),
        ("project/site-packages-of-mine/train.py", "site-packages-of-mine/train.py:1"),
        ("project2/train.py", None),
        ("project/lib/site-packages/torch.py", None),
    ],
)
def test_the_place_is_the_last_in_the_users_folder(tmp_path, monkeypatch, file, place):
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    scopes = {"raise ValueError": tmp_path / file, "inner()": tmp_path / "project" / "own.py"}
    code = {text: compile(f"def f(inner): {text}", str(path), "exec") for text, path in scopes.items()}
    inner, outer = {}, {}
    exec(code["raise ValueError"], inner)
    exec(code["inner()"], outer)
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        outer["f"](lambda: inner["f"](None))
    assert describe(caught.value)["place"] == (place or "own.py:1")


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("width 7", "width 7"),
        ("\n width 7 \nat line 3", "width 7 "),
        ("Error(s) in loading:\n\tsize mismatch\n\tmissing key", "Error(s) in loading: size mismatch"),
        ("missing:", "missing:"),
        (" \n", ""),
    ],
)
def test_the_headline_has_what_it_announces(message, expected):
    assert headline(message) == expected
