"""The book's commands, on every system: ``python make.py book`` is ``make book``, also where there is no make.

They run in the active environment (conda's, or a virtual one) if the package and its tools are installed in it, and
otherwise in ``.venv`` beside this file, which the first command makes and which is brought up to date when the pins
change. Only the standard library is used here.
"""

import importlib.metadata
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = Path(os.environ.get("VENV", ROOT / ".venv"))
PINS = (ROOT / "constraints.txt", ROOT / "pyproject.toml")
EXTRAS = ".[book,test,dev]"
TOOLS = ("aigc_book", "jupyter-book", "pytest", "ruff")  # an environment that has these has what the commands need
# nbstripout keeps the ids of cells; what it may leave of a notebook's own metadata is the same for every kernel.
LANGUAGE_INFO = ("codemirror_mode", "file_extension", "mimetype", "nbconvert_exporter", "pygments_lexer", "version")
# Jupyter Book 1 can't be run as a module.
JUPYTER_BOOK = ["-c", "import sys; from jupyter_book.cli.main import main; sys.exit(main())"]
STRIP = ["--keep-id", "--extra-keys", " ".join(f"metadata.language_info.{key}" for key in LANGUAGE_INFO)]


def active_environment() -> bool:
    """Whether this Python belongs to an environment in which the package and its tools are installed."""
    in_conda = os.environ.get("CONDA_PREFIX") and Path(sys.prefix) == Path(os.environ["CONDA_PREFIX"])
    if not in_conda and sys.prefix == sys.base_prefix:
        return False
    try:
        return all(importlib.metadata.version(name) for name in TOOLS)
    except importlib.metadata.PackageNotFoundError:
        return False


def python() -> str:
    """The Python that everything runs with; makes or updates ``.venv`` unless an environment is active."""
    if active_environment():
        return sys.executable
    if not (3, 11) <= sys.version_info < (3, 14):
        sys.exit(
            f"Python 3.11 to 3.13 is needed; {sys.executable} is Python {sys.version.split()[0]}. "
            "Try make PYTHON=python3.12, or python3.12 make.py"
        )
    found = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    ready = VENV / ".ready"
    if ready.exists() and all(pins.stat().st_mtime <= ready.stat().st_mtime for pins in PINS):
        return str(found)
    if not found.exists():
        venv.create(VENV, with_pip=True)
    print(
        f"Installing into {VENV}: some minutes the first time, and 2 GB (6 GB with PyTorch for NVIDIA GPUs).",
        flush=True,
    )
    pip = [found, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-c", "constraints.txt"]
    # AIGC_BOOK_WHEELS names a folder of wheels, for rooms without a network.
    wheels = os.environ.get("AIGC_BOOK_WHEELS")
    run([*pip, *(["--no-index", "--find-links", wheels] if wheels else []), "-e", EXTRAS])
    ready.touch()
    return str(found)


def run(command: list, **environment: str) -> None:
    """Run a command in the repository; where it fails, end with its exit status."""
    done = subprocess.run([str(part) for part in command], cwd=ROOT, env=os.environ | environment, check=False)
    if done.returncode:
        sys.exit(done.returncode)


def setup() -> None:
    """install the pinned dependencies (enough for a class)"""
    python()


def book() -> None:
    """execute every chapter that changed and build the HTML; warnings are errors"""
    complete = ROOT / "_build" / ".complete"
    # After a failure everything is read again: Sphinx repeats a warning only for what it reads.
    everything = [] if complete.exists() else ["--all"]
    complete.unlink(missing_ok=True)
    run([python(), *JUPYTER_BOOK, "build", "--quiet", "-W", "--keep-going", "-n", *everything, "."])
    complete.touch()
    print(f"The book is here: {(ROOT / '_build/html/index.html').as_uri()}")


def chapter(name: str = "") -> None:
    """execute and render one chapter for writing: make chapter NAME=attention/attention"""
    if not name:
        sys.exit("Which one? make chapter NAME=attention/attention")
    output = f"_build/chapter/{name}"
    command = [python(), *JUPYTER_BOOK, "build", "--quiet", "-n", "--path-output", output, "."]
    run(command, AIGC_BOOK_ONLY=name)
    print(f"The chapter is here: {(ROOT / output / '_build/html/book' / f'{name}.html').as_uri()}")


def claims(name: str = "", seeds: str = "5", scale: str = "") -> None:
    """how often each assertion holds elsewhere: make claims SEEDS=5 NAME=attention/attention SCALE=gpu"""
    run([python(), "book/_ext/claims.py", "--name", name, "--seeds", seeds, "--scale", scale])


def test() -> None:
    """run all tests"""
    run([python(), "-m", "pytest"])


def lab() -> None:
    """open JupyterLab on the chapters"""
    run([python(), "-m", "jupyterlab", "--notebook-dir", "book"])


def lint() -> None:
    """ruff, and the notebooks stripped of outputs"""
    run([python(), "-m", "ruff", "check", "."])
    run([python(), "-m", "ruff", "format", "--check", "."])
    run([python(), "-m", "nbstripout", *STRIP, "--verify", *sorted(ROOT.glob("book/*/*.ipynb"))])


def address() -> None:
    """write what follows from the repository's address (_config.yml) into every chapter"""
    run([python(), "book/_ext/book_address.py"])


def wheels(folder: str = "wheels") -> None:
    """download all packages into a folder, for rooms without a network: make wheels NAME=folder"""
    pip = [python(), "-m", "pip", "download", "--disable-pip-version-check", "-c", "constraints.txt"]
    run([*pip, "--dest", folder or "wheels", EXTRAS, "setuptools>=77"])
    print(f"On each machine: AIGC_BOOK_WHEELS={Path(folder or 'wheels').resolve()} make setup")


def clean() -> None:
    """remove what was built; .venv stays"""
    for name in ("_build", ".pytest_cache", ".ruff_cache", ".hypothesis", *ROOT.glob("*.egg-info")):
        shutil.rmtree(ROOT / name, ignore_errors=True)
    for folder in ("aigc_book", "book", "tests", "benchmarks"):
        for cache in (ROOT / folder).rglob("__pycache__"):
            shutil.rmtree(cache, ignore_errors=True)


COMMANDS = (setup, book, chapter, claims, test, lab, lint, address, wheels, clean)


def main(arguments: list[str]) -> None:
    """Run the command that is named, or list them."""
    commands = {command.__name__: command for command in COMMANDS}
    name, *rest = arguments or ["help"]
    if name in commands and len(rest) <= commands[name].__code__.co_argcount:
        commands[name](*rest)
        return
    for known, command in commands.items():
        print(f"  make {known:9} {command.__doc__}")
    print("  make help      show this list")
    print("  PYTHON=python3.13 chooses the Python (3.11 to 3.13) that .venv is made with.")
    print("  Without make (on Windows, say): python make.py and the command's name.")
    if name != "help":
        sys.exit(f"no such command: {' '.join(arguments)}")


if __name__ == "__main__":
    main(sys.argv[1:])
