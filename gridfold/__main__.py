"""``python -m gridfold``: the command line."""

import sys

from gridfold.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
