"""``python -m edge --config FILE``."""

import sys

from edge.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
