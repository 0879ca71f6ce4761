"""Train one config: ``python main.py --config C``."""

import sys

from gridfold.cli import train

if __name__ == "__main__":
    sys.exit(train())
