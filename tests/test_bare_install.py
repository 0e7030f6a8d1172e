"""The package alone, installed without extras into a new environment: its rooms import, its types are there."""

import importlib.metadata
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
NEEDS_EXTRAS = ("chapters",)  # the checks and figures of chapters, which import what chapters import


def needed() -> set[str]:
    """The distributions that the package asks for without extras, and what these ask for."""
    found, todo = set(), list(importlib.metadata.requires("aigc_book") or ())
    while todo:
        requirement = Requirement(todo.pop())
        applies = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        applies = applies or any(requirement.marker.evaluate({"extra": extra}) for extra in requirement.extras)
        key = canonicalize_name(requirement.name)
        if applies and key not in found:
            found.add(key)
            todo += importlib.metadata.requires(requirement.name) or ()
    return found


def files_at_the_top(name: str) -> set[Path]:
    """What a distribution put into site-packages, as the entries at its top."""
    distribution = importlib.metadata.distribution(name)
    base = Path(distribution.locate_file(""))
    return {base / file.parts[0] for file in distribution.files or () if file.parts[0] not in ("..", "__pycache__")}


@pytest.fixture(scope="module")
def bare(tmp_path_factory) -> Path:
    """A new environment's Python: what the package declares is linked into it, the package is installed."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, with_pip=False, symlinks=os.name != "nt")
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    asked = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site = Path(subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip())
    for entry in {entry for name in needed() for entry in files_at_the_top(name)}:
        if entry.exists() and not (site / entry.name).exists():
            (site / entry.name).symlink_to(entry)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    source = tmp_path_factory.mktemp("source") / "aigc_book"
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in tracked.splitlines():  # a copy, so that building leaves nothing behind here
        if (ROOT / name).is_file() and not name.startswith(("book/", "tests/", "benchmarks/")):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    done = subprocess.run(
        [*pip, "--no-build-isolation", "--target", site, source], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return python


def run(python: Path, code: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [python, "-W", "error::ImportWarning", "-c", code],
        capture_output=True,
        text=True,
        cwd=python.parent,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_room_imports(bare):
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in sorted((ROOT / "aigc_book").rglob("*.py"))
        if path.relative_to(ROOT).parts[1] not in NEEDS_EXTRAS
    ]
    shown = run(bare, f"import importlib\nfor name in {modules!r}: print(importlib.import_module(name).__file__)")
    assert len(shown.split()) == len(modules)
    assert str(ROOT) not in shown, "the repository itself was imported, not what was installed"


def test_types_and_data_are_installed(bare):
    run(bare, "import aigc_book, pathlib; assert (pathlib.Path(aigc_book.__file__).parent / 'py.typed').exists()")
    run(bare, "from aigc_book.data.corpora import python_docs; assert len(python_docs()) > 100_000")


def test_what_only_the_extras_have_is_not_there(bare):
    run(bare, "import importlib.util; assert importlib.util.find_spec('transformers') is None")
