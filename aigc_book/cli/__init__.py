"""The command line, ``aigc-book`` or ``python -m aigc_book``: the book's jobs from a shell, one file a command."""
