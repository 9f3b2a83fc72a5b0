"""Entry point of `python -m olaudit`."""

import sys

from olaudit.cli import main

sys.exit(main())
