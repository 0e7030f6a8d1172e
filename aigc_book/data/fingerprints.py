"""Which passages of Python's own text all Pythons share, so that a corpus made of them is the same text everywhere.

The documentation changes with each release of Python. The book ships none of it: it ships lists of fingerprints, one
for each passage that a number of releases have letter by letter, in a fixed order. A Python finds those passages in its
own documentation. The lists that come with the package hold what 3.11.2, 3.11.5, 3.11.7, 3.12.1, 3.12.8, 3.13.0,
3.13.5, 3.13.14 and 3.13.18 share; :mod:`aigc_book.data.make_fingerprints` made them.
"""

import hashlib
import platform
import warnings
from collections.abc import Iterable
from pathlib import Path

FOLDER = Path(__file__).parent
_BYTES = 5  # a stray passage has a listed fingerprint with a probability of 6,000 · 9,000 / 2⁴⁰, one in 20,000


def fingerprint(passage: str) -> str:
    """Ten hexadecimal digits that stand for a passage: 40 bits of BLAKE2b of its UTF-8 bytes."""
    return hashlib.blake2b(passage.encode(), digest_size=_BYTES).hexdigest()


def listed(name: str) -> list[str]:
    """The fingerprints of a list that comes with the package, in the order of the corpus."""
    lines = (FOLDER / f"{name}.txt").read_text(encoding="ascii").splitlines()
    return [digits for line in lines if not line.startswith("#") for digits in line.split()]


def shared(passages: Iterable[str], name: str) -> list[str]:
    """Those of this Python's passages that the list names, in the list's order and not in their own.

    Warns:
        UserWarning: some are missing; it says which Python this is and how many.

    Raises:
        FileNotFoundError: more than half are missing: this Python's documentation is another one.
    """
    found: dict[str, str] = {}
    for passage in passages:
        found.setdefault(fingerprint(passage), passage)
    wanted = listed(name)
    chosen = [found[digits] for digits in wanted if digits in found]
    if missing := len(wanted) - len(chosen):
        what = (
            f"{missing} of the {len(wanted)} passages that the book takes from Python's own documentation are not in"
            f" that of this Python, {platform.python_version()} (list {name!r})"
        )
        if missing > len(wanted) / 2:
            raise FileNotFoundError(f"{what}; use a Python of python.org or conda, 3.11 to 3.13")
        warnings.warn(f"{what}: the book's numbers will come out a little different", stacklevel=3)
    return chosen
