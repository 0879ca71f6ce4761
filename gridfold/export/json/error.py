"""What went wrong, as a document."""

from __future__ import annotations

from typing import Any

from gridfold.core.errors import ConfigError
from gridfold.export.json.document import document as new


def document(error: BaseException, exit_code: int) -> dict[str, Any]:
    """An error.

    Args:
        error: what was raised.
        exit_code: that of the command.
    """
    known = error if isinstance(error, ConfigError) else ConfigError(str(error) or type(error).__name__)
    said = {name: getattr(known, name) or None for name in ("where", "path", "problem", "hint")}
    return new("error/1", error={**said, "exit_code": exit_code})
