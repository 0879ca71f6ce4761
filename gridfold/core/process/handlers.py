"""What hears signals, without the enums that ``signal`` makes of it, which take long where many processes are forked.

C knows `signal.SIG_IGN` and `signal.SIG_DFL` as plain numbers only: set those with `signal.signal`.
"""

from _signal import getsignal as handler_of  # type: ignore[import-not-found]
from _signal import signal as set_handler

__all__ = ["handler_of", "set_handler"]
