"""What hears signals, as C has it: ``signal`` makes enums of it, which takes long where many processes are forked."""

from _signal import getsignal as handler_of  # type: ignore[import-not-found]
from _signal import signal as set_handler

__all__ = ["handler_of", "set_handler"]
