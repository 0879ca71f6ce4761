"""What gridfold says by Python's ``logging``, which is imported when there is something to say.

It brings ``threading``, and what that does after each fork touches more memory than a run itself begins with.
"""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging

_is_shown = False


def show() -> None:
    """Print from now on what is said, in the process of a run: its log takes that."""
    global _is_shown  # noqa: PLW0603 - a process has one
    _is_shown = True


@cache
def logger() -> logging.Logger:
    """The logger of gridfold. Who uses the library decides what is shown."""
    import logging

    found = logging.getLogger("gridfold")
    found.addHandler(logging.StreamHandler(sys.__stderr__) if _is_shown else logging.NullHandler())
    return found
