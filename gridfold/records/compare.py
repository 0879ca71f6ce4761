"""What two results differ in: bit for bit, and where the bytes of a file differ, by what it holds.

Containers such as ``.npz``, ``.pt`` and ``.png`` may hold the same values in other bytes, such as the time of writing.
"""

from __future__ import annotations

import csv
import filecmp
import gzip
import io
import json
import math
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CLOSE = 1e-5  # relative; rounding in another order stays below, another result does not
_MISSING = object()
_MOST_SAID = 60


@dataclass(frozen=True)
class Difference:
    """One thing that differs.

    Attributes:
        where: the file, and the place in it.
        said: what differs, for people.
        absolute: how far two floating-point numbers, or arrays of them, are apart at most; None for all else.
        relative: the same as a share of the larger number, or of the largest of the arrays.
    """

    where: str
    said: str
    absolute: float | None = None
    relative: float | None = None

    @property
    def is_close(self) -> bool:
        """Whether it is no more than rounding."""
        return self.relative is not None and self.relative <= CLOSE

    @property
    def severity(self) -> tuple[bool, float]:
        """A key that sorts differences, the smallest first."""
        return not self.is_close, math.inf if self.relative is None else self.relative


def worst(found: Iterable[Difference]) -> Difference | None:
    """The largest of some differences; None if there are none."""
    return max(found, key=lambda difference: difference.severity, default=None)


def differences(recorded: Any, alone: Any, *where: str) -> Iterator[Difference]:
    """All that differs between two values: mappings, lists, arrays, tensors, numbers, texts.

    A nan equals a nan; 0.0 and -0.0 differ, and so do 1 and 1.0.
    """
    if isinstance(recorded, Mapping) and isinstance(alone, Mapping):
        for key in dict.fromkeys([*recorded, *alone]):
            yield from differences(recorded.get(key, _MISSING), alone.get(key, _MISSING), *where, str(key))
    elif isinstance(recorded, (list, tuple)) and isinstance(alone, (list, tuple)) and len(recorded) == len(alone):
        for position, pair in enumerate(zip(recorded, alone, strict=True)):
            yield from differences(*pair, *where, str(position))
    elif found := _between(recorded, alone, ": ".join(where)):
        yield found


def compare_files(recorded: Path, alone: Path, name: str) -> Difference | None:
    """The largest difference between files of one name in two directories.

    Where a file names the directory that it is in, that is no difference.
    """
    if filecmp.cmp(recorded / name, alone / name, shallow=False):
        return None
    suffix = Path(name).suffix.lower()
    if read := _BINARY.get(suffix):
        with suppress(Exception):  # no such library here, or not what the name says, or nothing that has numbers
            return worst(differences(read(recorded / name), read(alone / name), name))
        return Difference(name, "differs")
    before, now = _without_place(recorded, name), _without_place(alone, name)
    if before == now:
        return None
    parse = _TEXT.get(suffix, bytes)
    found = worst(differences(_parsed(before, parse), _parsed(now, parse), name))
    return found or Difference(name, "the same values, written otherwise", 0.0, 0.0)


def _between(recorded: Any, alone: Any, where: str) -> Difference | None:
    if recorded is _MISSING or alone is _MISSING:
        return Difference(where, "only alone" if recorded is _MISSING else "only in the search")
    if _is_array(recorded) and _is_array(alone):
        return _between_arrays(recorded, alone, where)
    if type(recorded) in (int, float) and type(alone) in (int, float):
        return _between_numbers(recorded, alone, where)
    if type(recorded) is type(alone) and recorded == alone:
        return None
    simple = not any(_is_array(value) or isinstance(value, (bytes, Mapping, list)) for value in (recorded, alone))
    return Difference(where, _instead(recorded, alone) if simple else "differs")


def _between_numbers(recorded: float, alone: float, where: str) -> Difference | None:
    if repr(recorded) == repr(alone):
        return None
    said = _instead(recorded, alone)
    if isinstance(recorded, int) and isinstance(alone, int):
        return Difference(where, said)  # nothing rounds a count
    absolute = abs(recorded - alone)
    relative = absolute / max(abs(recorded), abs(alone)) if absolute else 0.0
    return Difference(where, said, absolute, relative) if math.isfinite(relative) else Difference(where, said)


def _between_arrays(recorded: Any, alone: Any, where: str) -> Difference | None:
    import numpy as np

    if tuple(recorded.shape) != tuple(alone.shape):
        return Difference(where, _instead(tuple(recorded.shape), tuple(alone.shape)))
    types = str(recorded.dtype), str(alone.dtype)
    one, other = _as_numpy(recorded), _as_numpy(alone)
    if one.dtype.kind != "f" or other.dtype.kind != "f":
        same = types[0] == types[1] and bool((one == other).all())
        return None if same else Difference(where, _instead(*types) if types[0] != types[1] else "differs")
    same = ((one == other) & (np.signbit(one) == np.signbit(other))) | (np.isnan(one) & np.isnan(other))
    if same.all() and types[0] == types[1]:
        return None
    with np.errstate(invalid="ignore"):  # inf - inf
        absolute = float(np.abs(np.where(same, 0, one) - np.where(same, 0, other)).max(initial=0.0))
    largest = max(float(np.abs(array[np.isfinite(array)]).max(initial=0.0)) for array in (one, other))
    if not math.isfinite(absolute):
        return Difference(where, "not a finite number in one of them")
    said = _instead(*types) if types[0] != types[1] else f"numbers up to {absolute:.2g} apart"
    return Difference(where, said, absolute, absolute / largest if absolute else 0.0)


def _is_array(value: Any) -> bool:
    return hasattr(value, "dtype") and hasattr(value, "shape")


def _as_numpy(value: Any) -> Any:
    """A NumPy array of an array or a tensor; floating-point numbers as 64 bits, complex ones as pairs of them."""
    import numpy as np

    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = value.double().numpy() if value.is_floating_point() else value.resolve_conj().numpy()
    if value.dtype.kind == "c":
        value = np.stack([value.real, value.imag])
    return value.astype(np.float64) if value.dtype.kind == "f" else value


def _instead(recorded: Any, alone: Any) -> str:
    return f"{alone!s:.{_MOST_SAID}} instead of {recorded!s:.{_MOST_SAID}}"


def _without_place(directory: Path, name: str) -> bytes:
    """The bytes of a file, with its directory's path taken out."""
    content = (directory / name).read_bytes()
    for path in (directory.absolute(), directory):
        content = content.replace(bytes(path), b"{run_dir}")
    return content


def _parsed(content: bytes, parse: Callable[[Any], Any]) -> Any:
    with suppress(ValueError, RecursionError, csv.Error):
        return parse(content)
    return content


def _json_lines(content: bytes) -> Any:
    return {f"line {number}": json.loads(line) for number, line in enumerate(content.splitlines(), 1)}


def _csv(content: bytes) -> Any:
    rows = csv.reader(io.StringIO(content.decode(), newline=""))
    return {
        f"row {number}": {f"column {place}": _cell(cell) for place, cell in enumerate(row, 1)}
        for number, row in enumerate(rows, 1)
    }


def _cell(text: str) -> int | float | str:
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return text


def _numpy(path: Path) -> Any:
    import numpy as np

    loaded = np.load(path, allow_pickle=False)
    return loaded if _is_array(loaded) else dict(loaded)


def _safetensors(path: Path) -> Any:
    from safetensors.torch import load_file

    return load_file(path)


def _torch(path: Path) -> Any:
    import torch

    return torch.load(path, map_location="cpu", weights_only=True)


def _image(path: Path) -> Any:
    import numpy as np
    from PIL import Image

    with Image.open(path) as image:
        return {"mode": image.mode, "pixels": np.asarray(image), "palette": image.getpalette()}


def _zip(path: Path) -> Any:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


_TEXT: dict[str, Callable[[bytes], Any]] = {".json": json.loads, ".jsonl": _json_lines, ".csv": _csv}
_BINARY: dict[str, Callable[[Path], Any]] = {
    ".npy": _numpy,
    ".npz": _numpy,
    ".safetensors": _safetensors,
    ".pt": _torch,
    ".pth": _torch,
    ".ckpt": _torch,
    ".bin": _torch,
    ".png": _image,
    ".zip": _zip,
    ".gz": lambda path: gzip.decompress(path.read_bytes()),
}
