"""``python -m aigc_book`` is ``aigc-book``."""

import sys

from aigc_book.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
