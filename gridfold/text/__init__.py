"""The ready trainer: a Hugging Face encoder with a classification head (extra ``text``).

``import gridfold.text`` is cheap: torch and its company are imported when a run trains or a saved run is loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gridfold.text.builtin import trainer
    from gridfold.text.saved import TextClassifier, load

__all__ = ["TextClassifier", "load", "trainer"]


def __getattr__(name: str) -> Any:
    if name == "trainer":
        from gridfold.text.builtin import trainer  # lazy on purpose

        return trainer
    if name in {"TextClassifier", "load"}:
        from gridfold.text import saved  # lazy on purpose

        return getattr(saved, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
