"""Which passages of Python's own text all Pythons share, so that a corpus made of them is the same text everywhere.

The documentation changes with each release of Python. The book ships none of it: it ships lists of fingerprints, one
for each passage that a number of releases have letter by letter, in a fixed order. A Python finds those passages in its
own documentation. The lists that come with the package hold what 3.11.2, 3.11.5, 3.11.7, 3.12.1, 3.12.8, 3.13.0,
3.13.5, 3.13.14 and 3.13.18 share; ``python -m aigc_book.data.fingerprints PYTHON…`` made them, see :func:`main`.
"""

import argparse
import hashlib
import platform
import subprocess
import sys
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

_FOLDER = Path(__file__).parent
_BYTES = 5  # a stray passage has a listed fingerprint with a probability of 6,000 · 9,000 / 2⁴⁰, one in 20,000
_A_LINE = 10


def fingerprint(passage: str) -> str:
    """Ten hexadecimal digits that stand for a passage: 40 bits of BLAKE2b of its UTF-8 bytes."""
    return hashlib.blake2b(passage.encode(), digest_size=_BYTES).hexdigest()


def listed(name: str) -> list[str]:
    """The fingerprints of a list that comes with the package, in the order of the corpus."""
    lines = (_FOLDER / f"{name}.txt").read_text(encoding="ascii").splitlines()
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


def common(lists: Sequence[Sequence[str]]) -> list[str]:
    """What stands in all of the lists, once each, in the order of the first one."""
    others = [set(other) for other in lists[1:]]
    return [item for item in dict.fromkeys(lists[0]) if all(item in other for other in others)]


def main() -> None:
    """Write the lists anew: what all of the given Pythons share, in the order of the first one.

    A Python is a command, such as ``python3.12``. Of a release that can't be run here, give the folder of its standard
    library behind a colon, and a Python of the same minor version to read it: ``python3.13:/somewhere/lib/python3.13``.
    """
    from aigc_book.data.corpora import PARTS  # here, because corpora imports this module

    parser = argparse.ArgumentParser(description=main.__doc__.splitlines()[0])
    parser.add_argument("pythons", nargs="*", metavar="PYTHON[:FOLDER]")
    parser.add_argument("--own", nargs=2, metavar=("LIST", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.own:  # what one Python prints for the one that compares them
        name, folder = arguments.own
        print(*map(fingerprint, PARTS[name](folder or None)), sep="\n")
        return
    for name in PARTS:
        lists = []
        for python in arguments.pythons:
            command, _, folder = python.partition(":")
            own = [command, "-m", "aigc_book.data.fingerprints", "--own", name, folder]
            lists.append(subprocess.run(own, stdout=subprocess.PIPE, check=True).stdout.decode().split())
        rows = common(lists)
        lines = [" ".join(rows[i : i + _A_LINE]) for i in range(0, len(rows), _A_LINE)]
        head = (
            "# Fingerprints of passages, in the order of the corpus; written by python -m aigc_book.data.fingerprints"
        )
        (_FOLDER / f"{name}.txt").write_text("\n".join([head, *lines, ""]), encoding="ascii")
        print(f"{name}: {len(rows)} of {', '.join(str(len(one)) for one in lists)}", file=sys.stderr)


if __name__ == "__main__":
    main()
