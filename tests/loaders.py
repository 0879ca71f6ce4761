"""The three loaders that a written config must agree under, and strict equality of what they read."""

import io
import math

import yaml
from omegaconf import OmegaConf
from ruamel.yaml import YAML


def pyyaml(text):
    return yaml.safe_load(text)


def omegaconf(text):
    return OmegaConf.to_container(OmegaConf.load(io.StringIO(text)))


def ruamel(text):
    """A YAML 1.2 loader."""
    return YAML(typ="safe", pure=True).load(text)


LOADERS = (pyyaml, omegaconf, ruamel)


def same(left, right):
    """Equal values of equal types; NaN equals itself; key order does not matter."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        keys = {(type(key), key) for key in left}
        return keys == {(type(key), key) for key in right} and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, float) and math.isnan(left):
        return math.isnan(right)
    return left == right


def assert_all_read(text, expected):
    for load in LOADERS:
        read = load(text)
        assert same(read, expected), f"{load.__name__} reads {read}, expected {expected}, from:\n{text}"
