"""Hears of a stage of the user before it is computed: it may use what a process that is to be forked must not."""

from __future__ import annotations

from collections.abc import Callable

_heard: list[Callable[[], object]] = []


def before_computing(do: Callable[[], object]) -> Callable[[], None]:
    """Have something done before a stage of the user is computed, while no lock is held; gives what ends that."""
    _heard.append(do)
    return lambda: _heard.remove(do)


def about_to_compute() -> None:
    """Do what is to be done before."""
    for do in list(_heard):
        do()
