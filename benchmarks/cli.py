"""How fast the command line answers: ``python benchmarks/cli.py``.

A new process each time, from its start to its end, commands in turns; the median and the range are printed. The empty
program is the part that no Python program can do without, ``import click`` what the parsing library costs. Beside the
seconds stands whether torch was imported.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ASK = "import sys; from aigc_book.cli.main import main; main({words!r}); print('torch' in sys.modules, file=sys.stderr)"
COMMANDS = {
    "Python alone": "import sys; print('torch' in sys.modules, file=sys.stderr)",
    "`import click`": "import sys, click; print('torch' in sys.modules, file=sys.stderr)",
    "`import typer`": "import sys, typer; print('torch' in sys.modules, file=sys.stderr)",
    "`aigc-book --help`": ASK.format(words=["--help"]),
    "`aigc-book --version`": ASK.format(words=["--version"]),
    "`aigc-book score bleu --help`": ASK.format(words=["score", "bleu", "--help"]),
    "`aigc-book train --help`": ASK.format(words=["train", "--help"]),
    "`import torch`": "import sys, torch; print('torch' in sys.modules, file=sys.stderr)",
}


def measure(code: str) -> tuple[float, bool]:
    """Seconds of a process, and whether it imported torch."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    return time.perf_counter() - start, done.stderr.split()[-1] == "True"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=11)
    rounds = parser.parse_args().rounds
    for code in COMMANDS.values():
        measure(code)  # so that every file has been compiled and read once
    runs = [{name: measure(code) for name, code in COMMANDS.items()} for _ in range(rounds)]
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, {rounds} rounds")
    print("| | seconds | from, to | torch imported |\n|---|--:|--:|---|")
    for name in COMMANDS:
        seconds, imported = zip(*(run[name] for run in runs), strict=True)
        ends = f"{min(seconds):.2f}, {max(seconds):.2f}"
        print(f"| {name} | {statistics.median(seconds):.2f} | {ends} | {'yes' if any(imported) else 'no'} |")


if __name__ == "__main__":
    main()
