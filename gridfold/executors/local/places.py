"""Where processes work: each holds a place, and on a machine with GPUs a place is a slot on one of them.

The processes of a batch know their places as tokens (see ``gridfold.sharing.fork``), which they pass on from one to
another. The GPU of a token follows from its number, so nobody has to be told: token ``t`` is a slot on GPU ``t % n`` of
the ``n`` that the search may use.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from gridfold.executors.local.active import Active
from gridfold.executors.local.devices import GpuGroups, GpuSlots, Slot

_TOKENS = 256  # of which each is a byte


@dataclass
class Places:
    """The places of a search on this machine.

    Attributes:
        slots: on GPUs; None where processes are given none.
    """

    slots: GpuSlots | GpuGroups | None
    _held: dict[int, Slot] = field(default_factory=dict)

    @property
    def gpus(self) -> Sequence[str]:
        """The GPUs that tokens stand for; none where processes are given none."""
        return self.slots.gpus if isinstance(self.slots, GpuSlots) else ()

    @property
    def are_groups(self) -> bool:
        """Whether a place is several GPUs, of which no token can tell."""
        return isinstance(self.slots, GpuGroups)

    def take(self, most: int) -> list[int]:
        """Tokens for the processes of a batch, as many as can be had now.

        Raises:
            ConfigError: the folder of the locks of GPUs cannot be used.
        """
        if not self.gpus:
            return list(range(min(most, _TOKENS)))
        taken = list[int]()
        while len(taken) < most and (token := self._next()) is not None:
            taken.append(token)
        return taken

    def _next(self) -> int | None:
        assert self.slots
        slot = self.slots.acquire()
        if slot is None:
            return None
        numbers = range(self.gpus.index(slot.gpu), _TOKENS, len(self.gpus))
        token = next((number for number in numbers if number not in self._held), None)
        if token is None:
            self.slots.release(slot)
        else:
            self._held[token] = slot
        return token

    def more(self, most: int, active: Iterable[Active]) -> list[int]:
        """Tokens for slots that others have freed since.

        Args:
            most: how many places there may be in all.
            active: the runs under way, some of which may have places that are no tokens.
        """
        if not self.gpus:
            return []
        return self.take(most - len(self._held) - sum(run.slot is not None for run in active))

    def free(self, token: int | None) -> None:
        """Give the slot of a token back, if it has one."""
        if token in self._held and self.slots:
            self.slots.release(self._held.pop(token))

    def release(self, slot: Slot | None) -> None:
        """Give the slot of a run back that has no token, if it has one."""
        if slot and self.slots:
            self.slots.release(slot)

    def keep(self, tokens: Collection[int | None]) -> None:
        """Give the slots of all other tokens back."""
        for token in self._held.keys() - tokens:
            self.free(token)
