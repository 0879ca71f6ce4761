"""What stands in the storage of a shared config for what must not be read from it: whatever is done with it raises."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, NoReturn

_told: list[Callable[[str], object]] = []  # who is told before it raises: the code may catch that


class UntrackedReadError(RuntimeError):
    """Code that does not go through the methods of a config read something in which the trials differ."""


def _refuse(stand_in: Any, *_: Any, **__: Any) -> NoReturn:
    path = object.__getattribute__(stand_in, "path")
    message = (
        f"{path}: the trials that this process stands for differ here, and it was read past the methods of the config"
        f" that would have noticed; read it with config[...], or take a copy with dict(...) first"
    )
    for tell in _told:
        tell(message)
    raise UntrackedReadError(message)


def tell_of_reads(tell: Callable[[str], object]) -> None:
    """From now on, tell somebody of what is read, before that raises."""
    _told[:] = [tell]


class Untracked:
    """Stands for a value; whatever is done with it raises."""

    __slots__ = ("path",)
    __dataclass_fields__: ClassVar[dict[str, Any]] = {}  # by the type, orjson would only refuse it, unheard
    path: str

    def __init__(self, path: str) -> None:
        object.__setattr__(self, "path", path)


_USES = """
    getattribute setattr delattr dir repr str bytes format hash bool lt le eq ne gt ge call len length_hint getitem
    setitem delitem missing iter next reversed contains add sub mul matmul truediv floordiv mod divmod pow lshift rshift
    and xor or radd rsub rmul rmatmul rtruediv rfloordiv rmod rdivmod rpow rlshift rrshift rand rxor ror iadd isub imul
    imatmul itruediv ifloordiv imod ipow ilshift irshift iand ixor ior neg pos abs invert complex int float index round
    trunc floor ceil enter exit await aiter anext aenter aexit get set delete reduce reduce_ex getstate copy deepcopy
    fspath sizeof instancecheck subclasscheck mro_entries
"""
for _use in _USES.split():
    setattr(Untracked, f"__{_use}__", _refuse)


class UntrackedKey(Untracked):
    """Stands for a key that only some trials have: to find it in the storage, or not to find it, raises, too."""

    __slots__ = ("hashed", "key")
    key: Any
    hashed: int

    def __init__(self, path: str, key: Any) -> None:
        super().__init__(path)
        object.__setattr__(self, "key", key)
        object.__setattr__(self, "hashed", hash(key))

    def __hash__(self) -> int:
        return int(object.__getattribute__(self, "hashed"))

    def __eq__(self, other: object) -> bool:
        if other == object.__getattribute__(self, "key"):
            _refuse(self)
        return False
