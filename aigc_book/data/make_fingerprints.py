"""Make the lists of fingerprints that come with the package: ``python -m aigc_book.data.make_fingerprints PYTHON…``.

Nobody who reads or runs the book needs it; whoever adds a release of Python to those that share the corpus does.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence

from aigc_book.data.corpora import PARTS
from aigc_book.data.fingerprints import FOLDER, fingerprint

_A_LINE = 10


def common(lists: Sequence[Sequence[str]]) -> list[str]:
    """What stands in all of the lists, once each, in the order of the first one."""
    others = [set(other) for other in lists[1:]]
    return [item for item in dict.fromkeys(lists[0]) if all(item in other for other in others)]


def main() -> None:
    """Write the lists anew: what all of the given Pythons share, in the order of the first one.

    A Python is a command, such as ``python3.12``. Of a release that can't be run here, give the folder of its standard
    library behind a colon, and a Python of the same minor version to read it: ``python3.13:/somewhere/lib/python3.13``.
    """
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
            own = [command, "-m", "aigc_book.data.make_fingerprints", "--own", name, folder]
            lists.append(subprocess.run(own, stdout=subprocess.PIPE, check=True).stdout.decode().split())
        rows = common(lists)
        lines = [" ".join(rows[i : i + _A_LINE]) for i in range(0, len(rows), _A_LINE)]
        head = "# Fingerprints of passages, in the order of the corpus; made by aigc_book.data.make_fingerprints"
        (FOLDER / f"{name}.txt").write_text("\n".join([head, *lines, ""]), encoding="ascii")
        print(f"{name}: {len(rows)} of {', '.join(str(len(one)) for one in lists)}", file=sys.stderr)


if __name__ == "__main__":
    main()
