"""gridfold: one YAML file, many runs.

Write a list where a value stood, and get every combination: one directory per run with the exact config that ran.
"""

import logging

from gridfold.errors import ConfigError
from gridfold.search import HyperParamSearch

__all__ = ["ConfigError", "HyperParamSearch"]
__version__ = "0.1.0"

logging.getLogger(__name__).addHandler(logging.NullHandler())  # who uses the library decides what is shown
