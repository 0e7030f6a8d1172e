"""``python -m aigc_book`` is ``aigc-book``."""

import sys

from aigc_book.cli.main import main

sys.exit(main())
