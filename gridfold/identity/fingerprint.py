"""One fingerprint of the code that a trainer is: for ``--reuse``, for what is resumed, for tables."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gridfold.identity.code import sources_of, sources_of_imports
from gridfold.identity.executed import sources_of_run
from gridfold.identity.live import facts_of, file_of
from gridfold.identity.packages import basic
from gridfold.identity.reads import Reads
from gridfold.identity.sources import Sources


@dataclass(frozen=True)
class Code:
    """The code that a trainer is.

    Attributes:
        fingerprint: a hash of it; another code has another one.
        sources: its files and packages.
    """

    fingerprint: str
    sources: Sources

    @classmethod
    def of(cls, trainer: str | Sequence[str], reads: Reads | None = None) -> Code:
        """The code of a trainer as it is now.

        Args:
            trainer: ``module:name``, the name of a saved function, or the arguments of a command.
            reads: what was heard while the trainer was imported in this process.
        """
        if isinstance(trainer, str):
            heard = sources_of_run(reads, {}) if reads else Sources()
            file = file_of(trainer)
            found = heard + (_of_saved(file) if file else sources_of(trainer.partition(":")[0]))
        else:
            from gridfold.identity.programs import sources_of as sources_of_program  # a function needs nothing of it

            found = Sources(packages=basic()) + sources_of_program(trainer)
        return cls(_hash(trainer, found), _told(found))


def _of_saved(file: str) -> Sources:
    """What a saved function imports; the rest of its code is in its name."""
    facts = facts_of(file)
    return sources_of_imports(facts.get("imports", ())) + Sources(untold=facts.get("untold", ""))


def _hash(trainer: str | Sequence[str], found: Sources) -> str:
    name = trainer if isinstance(trainer, str) else list(trainer)
    known = repr((name, sorted(found.files.items()), sorted(found.packages.items()), found.untold))
    return hashlib.sha256(known.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _told(found: Sources) -> Sources:
    """The same, saying which file cannot be told."""
    path = next((path for path, known in found.files.items() if known is None), "")
    return replace(found, untold=found.untold or (f"{path}, which changed while it was imported" if path else ""))
