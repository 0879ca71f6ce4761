"""Functions of other people's modules, replaced for a while."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def replace_function(owner: Any, name: str, function: Callable[..., Any]) -> Callable[[], None]:
    """Put a function in the place of another; gives what undoes that, unless somebody else has replaced it since."""
    before = getattr(owner, name)
    setattr(owner, name, function)

    def undo() -> None:
        if getattr(owner, name) is function:
            setattr(owner, name, before)

    return undo
