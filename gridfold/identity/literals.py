"""Files that texts in code name, of the kinds that libraries open without Python, unheard, as pyarrow does."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable
from functools import cache
from io import FileIO

from gridfold.identity.data import fitting

_LITERAL = re.compile(r"""["'](?=([^"'\n\\]{1,200})["'])""")  # also one in another, as in "FROM 'x.parquet'"
_QUOTE = re.compile(r"""["']""")
# What libraries open themselves.
_KINDS = """
    arrow avi avro bin bmp bz2 ckpt csv db dta duckdb feather flac geojson gguf gpkg gz h5 hdf5 ipc jpeg jpg json jsonl
    lance lmdb mdb mp3 mp4 mat model nc ndjson ods ogg onnx orc parquet png pt pth safetensors sas7bdat sav shp sqlite
    svm tfrecord tif tiff tsv txt vec wav webp xlsx xz zarr zst
"""
_FILE = re.compile(rf"\S(?:.*\S)?\.(?:{'|'.join(_KINDS.split())})", re.IGNORECASE)


def files_in(sources: Iterable[str], here: str) -> list[str]:
    """The files that sources of Python name, seen from the working directory or from where they are."""
    found: dict[str, None] = {}
    for source in sources:
        try:
            stat = os.stat(source)
            if texts := _literals(source, stat.st_size, stat.st_mtime_ns):
                found |= dict.fromkeys(files_named(texts, here, os.path.dirname(os.path.abspath(source))))
        except OSError:  # it is gone
            continue
    return list(found)


def files_named(texts: Iterable[str], *folders: str) -> list[str]:
    """The files that texts name, seen from folders and from folders that others of the texts name."""
    words = {_word(part) for text in texts for part in {text, *_QUOTE.split(text)}}
    if not (names := [word for word in words if _FILE.fullmatch(word)]):
        return []  # to look for folders would cost more than many a run
    inner = [*filter(os.path.isdir, (os.path.join(folder, word) for folder in folders for word in words if word))]
    found: set[str] = set()
    for end in {end for name in names for end in (name, name.lstrip("/"))}:
        found.update(filter(os.path.isfile, (os.path.join(place, end) for place in (*folders, *inner))))
        found.update(_fitting(end, inner) or _fitting(end, folders))
    return sorted(found)


def _fitting(pattern: str, folders: Iterable[str]) -> list[str]:
    return [path for folder in folders for path in fitting(pattern, folder)]


def _word(text: str) -> str:
    """A text, or what is behind the last value that is put into it: of ``{folder}/x.csv``, ``x.csv``."""
    before, value, rest = text.rpartition("}")
    return rest.lstrip("/") if value else before + rest


@cache
def _literals(source: str, *_stamp: int) -> Collection[str]:
    """The texts in a source, if any of them names a file."""
    with FileIO(source) as file:  # what else opens files may be watched, and this would seem to be the user's
        texts = set(_LITERAL.findall(file.read().decode("utf-8", "replace")))
    return texts if any(_FILE.fullmatch(_word(text)) for text in texts) else ()
