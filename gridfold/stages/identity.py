"""What the things that the result of a stage depends on are known by."""

from gridfold.identity.code import of_function
from gridfold.identity.machine import of_machine
from gridfold.identity.values import UnknownError, of_value

__all__ = ["UnknownError", "of_function", "of_machine", "of_value"]
