"""What a record says of an exception."""

import pytest

from gridfold.failure import describe


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
