"""Which executors there are: gridfold's own, and those that other packages register.

A package registers one by an entry point of the group ``gridfold.executors``: a function that takes `Options` and gives
an `Executor`.
"""

from __future__ import annotations

from typing import cast

from gridfold.core import plugins
from gridfold.executors.protocol import Executor, Options

GROUP = "gridfold.executors"
LOCAL = "local"

_OWN = {LOCAL: "gridfold.executors.local.executor:start"}


def start(name: str, options: Options = Options()) -> Executor:  # noqa: B008 - it is frozen
    """The executor of a name, to be used as a context manager.

    Raises:
        ConfigError: there is none of that name, which then names the nearest; or it cannot do what is asked for.
    """
    return cast(Executor, plugins.load(GROUP, "executor", name, _OWN)(options))
