"""Entry of ``python -m xanes_core``."""

from __future__ import annotations

import sys

from xanes_core.cli import main

if __name__ == "__main__":
    sys.exit(main())
