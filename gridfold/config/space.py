"""The space of a config: its axes, with what the settings ``link``, ``exclude``, ``when`` and ``add`` say of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from gridfold.config.axes import axes_of, constants_of, settled
from gridfold.config.config import Config
from gridfold.config.known import SECTION
from gridfold.config.laid import lay
from gridfold.config.overrides import Variation
from gridfold.core.errors import ConfigError
from gridfold.space.links import Link, link
from gridfold.space.product import Product
from gridfold.space.rules import Addition, Exclusion, Rule, When


def space_of(config: Config, variations: Sequence[Variation] = (), seed: str | None = None) -> Product:
    """The trials of a config with what is laid over it.

    Args:
        config: the config.
        variations: what is laid over it.
        seed: the path of the seed if it tells repeats apart: it is no parameter.

    Raises:
        ConfigError: a variation does not fit the config, or a setting does not fit what varies.
    """
    laid, others = lay(config, variations)
    laid = settled(laid, others)
    axes = axes_of(laid, others)
    if seed is not None:
        _check_seed(config, seed)
    if links := tuple(_links(config)):
        axes = link(axes, links)
    return Product(
        axes, tuple(_rules(config, variations)), tuple(_additions(config, variations)), constants_of(laid, others)
    )


def _check_seed(config: Config, seed: str) -> None:
    """Whether no setting speaks of the seed.

    Raises:
        ConfigError: one does.
    """
    name = re.compile(rf"(?<![\w.]){re.escape(seed)}(?![\w.])")
    said: list[tuple[str, int | str, str]]
    said = [("link", index, " ".join(paths)) for index, paths in enumerate(config.settings.link)]
    said += [("exclude", index, text) for index, text in enumerate(config.settings.exclude)]
    said += [("when", path, f"{path} {text}") for path, text in (config.settings.when or {}).items()]
    said += [("add", index, " ".join(params)) for index, params in enumerate(config.settings.add)]
    for setting, entry, text in said:
        if name.search(text):
            problem = f"is the seed, which tells the repeats of a trial apart, so {SECTION}.{setting} cannot name it"
            raise ConfigError(problem, path=seed, where=where_said(config, setting, entry))


def _links(config: Config) -> Iterator[Link]:
    for index, paths in enumerate(config.settings.link):
        yield Link(tuple(paths), where_said(config, "link", index))


def _rules(config: Config, variations: Sequence[Variation]) -> Iterator[Rule]:
    """The rules; one that names a path for which other values are given may have nothing to do."""
    given = [re.escape(variation.path) for variation in variations]
    name = re.compile(rf"(?<![\w.])({'|'.join(given) or '(?!)'})(?![\w])")
    for index, text in enumerate(config.settings.exclude):
        yield Exclusion(text, where_said(config, "exclude", index), bool(name.search(text)))
    for path, text in (config.settings.when or {}).items():
        yield When(path, text, where_said(config, "when", path), bool(name.search(f"{path} {text}")))


def _additions(config: Config, variations: Sequence[Variation]) -> Iterator[Addition]:
    """The additions, but for those with a path that is set to one value for all trials."""
    pinned = {variation.path for variation in variations if variation.is_pin}
    for index, params in enumerate(config.settings.add):
        if pinned.isdisjoint(params):
            yield Addition(params, where_said(config, "add", index))


def where_said(config: Config, setting: str, entry: int | str) -> str:
    """``file:line:column`` of an entry of a setting; the option where it was said on the command line."""
    place = config.document.places.get(f"{SECTION}.{setting}.{entry}")
    return config.document.where(place.node) if place else f"--{setting}"
