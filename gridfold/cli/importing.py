"""The command ``gridfold import``: a search space of another tool becomes a config."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from gridfold.config.document import Document
from gridfold.config.importing.base import laid_over
from gridfold.config.importing.formats import read
from gridfold.config.importing.imported import Imported
from gridfold.config.importing.section import config_text
from gridfold.config.parser import read_text
from gridfold.core.errors import ConfigError, visible


def import_search(options: argparse.Namespace, again: str) -> int:  # noqa: ARG001
    """Write the config, and say what is different in it."""
    output = Path(options.output) if options.output else None
    if output is not None and output.exists():
        raise ConfigError("there is such a file already", where=str(output), hint="name another one, or remove it")
    base = Document.parse(read_text(Path(options.base)), options.base) if options.base else None
    imported = read(options.file, options.study)
    name = str(output) if output is not None else "config.yaml"
    text = laid_over(imported, base, name) if base is not None else config_text(imported, name)
    for remark in imported.remarks:
        print(visible(str(remark)), file=sys.stderr)  # noqa: T201
    if output is None:
        sys.stdout.write(text)
    else:
        output.write_text(text, encoding="utf-8")
        print(visible(_summary(imported, name)))  # noqa: T201
    return 0


def _summary(imported: Imported, name: str) -> str:
    varied, others = len(imported.varied), len(imported.remarks)
    said = f"{name}: {varied} parameter{'s' * (varied != 1)}"
    if others:
        said += f", {others} remark{'s' * (others != 1)} (above, and in the file)"
    return f"{said}\nlook at it: gridfold plan --config {name}"
