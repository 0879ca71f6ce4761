"""The documented import path of gridfold."""

from gridfold import HyperParamSearch

__all__ = ["HyperParamSearch"]
