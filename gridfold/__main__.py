"""``python -m gridfold``: the command line."""

import sys

from gridfold.cli import main

if __name__ == "__main__":
    sys.exit(main())
