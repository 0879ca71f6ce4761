"""Objects over a pipe or a socket, from one process to another, as ``multiprocessing.connection`` passes them.

That brings ``threading`` and a dozen other modules, all of which each run would have in its memory.
"""

from __future__ import annotations

import os
import pickle
import struct
import sys
from typing import Any

_LENGTH = struct.Struct("!Q")


def told() -> Any:
    """What the process that started this one says over standard input.

    Raises:
        SystemExit: it was killed before it had said it.
    """
    try:
        return pickle.load(sys.stdin.buffer)
    except (EOFError, pickle.UnpicklingError):
        sys.exit(1)


class Channel:
    """One end.

    Args:
        descriptor: of the pipe or socket, which blocks.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def fileno(self) -> int:
        """The descriptor, for whoever waits for something to receive."""
        return self._descriptor

    def send(self, said: object) -> None:
        """Pickle an object and send it."""
        self.send_bytes(pickle.dumps(said))

    def send_bytes(self, pickled: bytes) -> None:
        """Send what was pickled already."""
        left = memoryview(_LENGTH.pack(len(pickled)) + pickled)
        while left:
            left = left[os.write(self._descriptor, left) :]

    def receive(self) -> Any:
        """The next object.

        Raises:
            EOFError: the other end is closed.
        """
        return pickle.loads(self.receive_bytes())

    def receive_bytes(self) -> bytes:
        """The next object, pickled still; see ``receive``."""
        (length,) = _LENGTH.unpack(self._read(_LENGTH.size))
        return self._read(length)

    def close(self) -> None:
        """Close it."""
        os.close(self._descriptor)

    def _read(self, size: int) -> bytes:
        found = bytearray()
        while len(found) < size:
            piece = os.read(self._descriptor, size - len(found))
            if not piece:
                raise EOFError
            found += piece
        return bytes(found)
