"""Consoles that show what others wrote, and never obey it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import IO, Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from gridfold.core.errors import visible


class VisibleConsole(Console):
    """A console to which no text sends a control character: names, messages and values are whatever a run made them."""

    def on_broken_pipe(self) -> None:
        """Whoever read the output is gone, such as `head`: the rest is lost, and the search is not."""
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())

    def render_str(self, text: str, **options: Any) -> Text:
        """As of any console; here so that columns are as wide as what is shown."""
        return super().render_str(visible(text), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """As of any console; of what was made a `Text` elsewhere, too."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text))


def plain_console(file: IO[str], width: int | None = None) -> VisibleConsole:
    """A console that writes plain text into a file, in a notebook, too."""
    return VisibleConsole(file=file, width=width, force_terminal=False, force_jupyter=False, highlight=False)
