"""Files that are whole or not there."""

from gridfold.core.files import replacing


def test_two_writers_that_cannot_be_told_apart_by_their_process(tmp_path):
    path = tmp_path / "file"
    with replacing(path) as one:
        with replacing(path) as other:
            other.write("other")
        assert path.read_text() == "other"
        one.write("one")
    assert path.read_text() == "one"
    assert list(tmp_path.iterdir()) == [path]
