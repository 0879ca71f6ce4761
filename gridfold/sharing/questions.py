"""Questions about a config that tell less than its values, so that runs which differ there go on together for longer.

To read ``num_epochs`` separates runs of 3 and of 5 epochs at once. To ask, at the end of each epoch, whether it is the
last one separates them after epoch 3, and the first three are trained once. On a plain config these functions do just
what they say; a trainer that uses them gives the same results with gridfold and without.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import count as numbers
from typing import Any, TypeVar

from gridfold.sharing.mapping import SharedDict

Answer = TypeVar("Answer")


def ask(
    config: Mapping[str, Any], keys: str | tuple[str, ...], question: Callable[..., Answer], default: Any = None
) -> Answer:
    """What a function says about values of a config: ``ask(training, "patience", lambda p: waited >= p)``.

    Runs for which it says the same are not separated by it.

    Args:
        config: the config, or a mapping in it.
        keys: a key of that mapping, or several: the function gets as many values.
        question: called with the values, once for each run or so: it must do nothing else, not even draw a random
            number.
        default: stands for a key that is not there.
    """
    names = (keys,) if isinstance(keys, str) else keys
    if isinstance(config, SharedDict):
        return config._tracking.ask(names, question, default)  # type: ignore[no-any-return]
    return question(*(config.get(name, default) for name in names))


def count(config: Mapping[str, Any], key: str) -> Iterator[int]:
    """Numbers from 1 to the one at a key.

    Example::

        for epoch in gridfold.count(config["training"], "num_epochs"):

    Runs with different numbers are separated where the smaller one ends. The loop must do nothing that depends on the
    number itself, as a learning rate schedule does that ends at zero: what does has to read the number before.
    """
    for number in numbers(1):
        if ask(config, key, lambda most, number=number: number > most):
            return
        yield number


def alternatives(config: Mapping[str, Any], key: str, default: Any = None) -> list[Any]:
    """The values at a key of all runs that this process stands for, each once: of a plain config, the one that it has.

    For what is kept until it is known which of them is wanted, such as weights of the best epoch by each of several
    metrics. A result must not depend on it: the values are those of other runs, too.

    Args:
        config: the config, or a mapping in it.
        key: a key of that mapping.
        default: stands for a key that is not there.
    """
    if isinstance(config, SharedDict):
        return config._tracking.alternatives(key, default)
    return [config.get(key, default)]
