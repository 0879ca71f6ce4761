"""A tool as the package ``mcp`` has it, whose arguments are all known and whose errors are told to the agent."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp.types import ToolAnnotations

from gridfold.core.errors import ConfigError, nearest

_T = TypeVar("_T")


class StrictTool(Tool):
    """A tool that refuses an argument it does not have: the package drops it, and a typo would mean the default."""

    async def run(self, arguments: dict[str, Any], *rest: Any, **more: Any) -> Any:
        """Call it."""
        known = self.parameters["properties"]
        for name in arguments:
            if name not in known:
                raise ToolError(f"{self.name} has no argument '{name:.200}'\n  {nearest(name, known)}")
        return await super().run(arguments, *rest, **more)


def tool(function: Callable[..., Any], *, writes: bool = False, ends: bool = False) -> Tool:
    """A function as a tool; its documentation is what the agent reads.

    Args:
        function: raises ``ConfigError`` for what the agent can correct.
        writes: whether it changes anything.
        ends: whether it stops something.
    """
    said = ToolAnnotations(read_only_hint=not writes, destructive_hint=ends, open_world_hint=False)
    made = StrictTool.from_function(_anticipated(function), annotations=said)
    made.parameters["additionalProperties"] = False
    return made


def _anticipated(function: Callable[..., _T]) -> Callable[..., _T]:
    """The function, with errors that are told in the words that a person reads."""

    @functools.wraps(function)
    def called(**arguments: Any) -> _T:
        try:
            return function(**arguments)
        except (ConfigError, OSError) as error:
            raise ToolError(str(error)) from None

    return called
