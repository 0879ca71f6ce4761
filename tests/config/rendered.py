"""The configs of a text and what is laid over it, as a plan makes them."""

from gridfold.config.config import Config
from gridfold.config.overrides import parse_arguments
from gridfold.config.render import Renderer
from gridfold.config.space import space_of


def render_all(config, variations=()):
    """What makes the configs, and the trials; the first trial's config is made, as errors come before anything."""
    renderer, space = Renderer(config, variations), space_of(config, variations)
    renderer.text(space[0].params)
    return renderer, space


def build(text, *arguments):
    return render_all(Config.parse(text, "base.yaml"), parse_arguments(arguments))


def texts(text, *arguments):
    renderer, space = build(text, *arguments)
    return [renderer.text(trial.params) for trial in space]
