"""The command ``gridfold init``: a commented config to start from."""

from __future__ import annotations

import argparse
from pathlib import Path

from gridfold.core.errors import ConfigError, visible
from gridfold.core.values import render
from gridfold.trainers.explain import all_keys
from gridfold.trainers.starter import script
from gridfold.trainers.starter.entry import Entry, Found
from gridfold.trainers.starter.text import command, config_text, trainer_text

_EXAMPLE = Path("train.py")
_FUNCTION = '''\
"""An example: put your own training here. Read a value where you need it: what comes before is done once for all."""


def train(config, run):
    loss = 1.0
    for epoch in range(1, config["epochs"] + 1):
        loss *= 1 - config["lr"]
        run.report(epoch=epoch, val_loss=loss)
    return {"val_loss": loss}
'''
_OF_EXAMPLE = Found((Entry("epochs", (), 3), Entry("lr", (), 0.1)))


def init(options: argparse.Namespace, again: str) -> int:  # noqa: ARG001
    """Write a config, and say what to do next."""
    output = Path(options.output)
    files = {output: ""}
    if options.text:
        keys = [key for key in all_keys() if not key.path.startswith("gridfold.")]
        files[output] = trainer_text(str(output), keys)
    elif options.target is None:
        files = {_EXAMPLE: _FUNCTION, output: config_text(str(output), "train:train", _OF_EXAMPLE)}
    else:
        files[output] = _of_target(options.target, str(output))
    for file in files:
        if file.exists() or file.is_symlink():
            hint = "name another one: -o FILE" if file == output else f"write a config for it: gridfold init {file}"
            raise ConfigError("there is such a file already", where=str(file), hint=hint)
    for file, text in files.items():
        _write(file, text)
    print(visible(f"wrote {' and '.join(map(str, files))}\nlook at it, then: gridfold plan --config {output}"))  # noqa: T201
    return 0


def _of_target(target: str, name: str) -> str:
    """The config for what a person has named: a file, or a function of a module.

    Raises:
        ConfigError: there is no such file or function.
    """
    place, colon, function = target.partition(":")
    file = _file_of(place)
    source = script.source_of(file)
    if not colon and not script.options_of(source, file):
        function = script.training_function(source)
    if function:
        found = script.of_function(source, script.function_of(source, function, file))
        return config_text(name, render(f"{_module_of(file)}:{function}"), found)
    found = script.of_script(source, file)
    return config_text(name, command(["python", str(file)], found), found)


def _file_of(place: str) -> Path:
    """The file of a script or a module.

    Raises:
        ConfigError: it is the file of another program.
    """
    if place.endswith(".py"):
        return Path(place)
    if Path(place).is_file():
        hint = f"write the values in its command: gridfold search -- ./{place} '{{lr=0.1,0.2}}'"
        raise ConfigError("not a file of Python (.py), so its options cannot be read", where=place, hint=hint)
    path = Path(*place.split("."))
    files = (path / "__init__.py", path.with_name(f"{path.name}.py"))
    return next((file for file in files if file.is_file()), files[1])


def _module_of(file: Path) -> str:
    parts = file.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def _write(file: Path, text: str) -> None:
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror}", where=str(file)) from None
