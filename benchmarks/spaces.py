"""What spaces cost that are too large to list, in CPU seconds: to make, to count, to look at, to draw from.

Run: ``python benchmarks/spaces.py``.
"""

from __future__ import annotations

import itertools
import random
import resource
import time
from collections.abc import Callable

from gridfold.space.parameters import ListedParameter
from gridfold.space.product import Product
from gridfold.space.rules import Exclusion

BITS = tuple(ListedParameter(f"p{index}", (0, 1)) for index in range(60))
TWO = ("p3 == 1 and p40 == 1", "p59 == 1 and p0 == 0 and p20 == 1")
PAIRS = tuple(f"p{index} == 1 and p{index + 1} == 1" for index in range(59))
TENS = tuple(ListedParameter(f"p{index}", tuple(range(27))) for index in range(3))
SPACES: dict[str, tuple[tuple[ListedParameter, ...], tuple[str, ...]]] = {
    "2^60": (BITS, ()),
    "2^60, two exclusions": (BITS, TWO),
    "2^60, 59 exclusions that connect all": (BITS, PAIRS),
    "2^60, one exclusion about all (bounded)": (BITS, (" + ".join(f"p{index}" for index in range(60)) + " == 2",)),
    "27^3, two exclusions about all": (TENS, ("p0 * p1 > p2", "p0 + p1 < p2")),
}


class Chooser:
    """Decides by chance."""

    def __init__(self) -> None:
        self._random = random.Random(0)

    def position(self, path: str, count: int, *, ordered: bool) -> int:  # noqa: ARG002
        """Any of them."""
        return self._random.randrange(count)


def cpu(work: Callable[[], object]) -> float:
    """CPU seconds of some work."""
    before = time.process_time()
    work()
    return time.process_time() - before


def main() -> None:
    """Measure and print."""
    columns = ("make and count", "explain", "first 10,000", "sample(200)", "10,000 draws", "1,000 decisions")
    print(f"| | {' | '.join(columns)} |\n| --- |{' ---: |' * len(columns)}")
    for what, (axes, texts) in SPACES.items():
        made: list[Product] = []
        taken = [cpu(lambda: made.append(Product(axes, tuple(map(Exclusion, texts)))) or made[0].count())]  # noqa: B023
        space, chooser = made[0], Chooser()
        trials = list(itertools.islice(space, 1000))
        taken.append(cpu(space.explain))
        taken.append(cpu(lambda: sum(1 for _ in itertools.islice(space, 10_000))))  # noqa: B023
        taken.append(cpu(lambda: list(space.sample(200))))  # noqa: B023
        taken.append(cpu(lambda: [space.draw(chooser) for _ in range(10_000)]))  # noqa: B023
        taken.append(cpu(lambda: [space.decisions(trial.params) for trial in trials]))  # noqa: B023
        print(f"| {what} | {' | '.join(f'{seconds:.3f} s' for seconds in taken)} |", flush=True)
    print(f"\nat most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
