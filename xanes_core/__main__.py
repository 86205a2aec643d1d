"""Entry of ``python -m xanes_core``."""

import sys

from xanes_core.cli import main

if __name__ == "__main__":
    sys.exit(main())
