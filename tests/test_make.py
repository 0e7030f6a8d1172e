"""make.py: which Python it runs things with, what it installs and when, on every system."""

import importlib.metadata
import importlib.util
import os
import subprocess
import sys
from pathlib import Path, PureWindowsPath

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def make(tmp_path, monkeypatch):
    """The module, with a repository of its own, and every command that it would have run."""
    specification = importlib.util.spec_from_file_location("make_under_test", ROOT / "make.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    for name in ("constraints.txt", "pyproject.toml"):
        (tmp_path / name).write_text("")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(module, "PINS", (tmp_path / "constraints.txt", tmp_path / "pyproject.toml"))
    module.ran = []
    monkeypatch.setattr(module, "run", lambda command, **environment: module.ran.append((command, environment)))
    monkeypatch.setattr(module.venv, "create", lambda folder, with_pip: folder.mkdir(exist_ok=True))
    monkeypatch.setattr(module, "active_environment", lambda: False)
    monkeypatch.delenv("AIGC_BOOK_WHEELS", raising=False)
    return module


def test_the_environment_is_made_once_and_again_when_a_pin_changes(make, tmp_path):
    found = make.python()
    assert found == str(tmp_path / ".venv/bin/python")
    ((command, _),) = make.ran
    assert command[-2:] == ["-e", ".[book,test,dev]"]
    assert "constraints.txt" in command and "--no-index" not in command
    assert make.python() == found and len(make.ran) == 1
    later = (tmp_path / ".venv/.ready").stat().st_mtime + 10
    os.utime(tmp_path / "constraints.txt", (later, later))
    make.python()
    assert len(make.ran) == 2


def test_a_folder_of_wheels_needs_no_network(make, monkeypatch):
    monkeypatch.setenv("AIGC_BOOK_WHEELS", "wheels")
    make.setup()
    command = make.ran[0][0]
    assert command[command.index("--no-index") : -2] == ["--no-index", "--find-links", "wheels"]


def test_an_active_environment_with_the_package_is_used_as_it_is(make, monkeypatch, tmp_path):
    monkeypatch.setattr(make, "active_environment", lambda: True)
    assert make.python() == sys.executable
    assert make.ran == [] and not (tmp_path / ".venv").exists()


@pytest.mark.parametrize("lacking", [None, "aigc_book", "jupyter-book"])
@pytest.mark.parametrize("kind", ["conda", "virtual", "none"])
def test_an_environment_is_active_when_it_has_the_package_and_its_tools(monkeypatch, kind, lacking):
    specification = importlib.util.spec_from_file_location("make_under_test", ROOT / "make.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)

    def version(name):
        if name == lacking:
            raise importlib.metadata.PackageNotFoundError(name)
        return "1"

    monkeypatch.setattr(module.importlib.metadata, "version", version)
    monkeypatch.setattr(sys, "prefix", "/envs/book")
    monkeypatch.setattr(sys, "base_prefix", "/usr" if kind == "virtual" else "/envs/book")
    monkeypatch.delenv("CONDA_PREFIX", raising=False)
    if kind == "conda":
        monkeypatch.setenv("CONDA_PREFIX", "/envs/book")
    assert module.active_environment() == (kind != "none" and lacking is None)


def test_windows_keeps_its_python_elsewhere(make, monkeypatch, tmp_path):
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/.ready").touch()
    monkeypatch.setattr(make.os, "name", "nt")
    assert PureWindowsPath(make.python()).parts[-2:] == ("Scripts", "python.exe")


def test_an_old_python_is_told_which_one_is_needed(make, monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 10, 1))
    with pytest.raises(SystemExit, match=r"Python 3.11 to 3.13 is needed.*PYTHON=python3.12"):
        make.setup()


def test_a_failed_build_reads_every_page_again(make, tmp_path):
    (tmp_path / "_build").mkdir()
    make.book()
    assert "--all" in make.ran[-1][0]
    assert (tmp_path / "_build/.complete").exists()
    make.book()
    assert "--all" not in make.ran[-1][0]


def test_one_chapter_is_named(make):
    with pytest.raises(SystemExit, match="Which one"):
        make.main(["chapter"])
    make.main(["chapter", "attention/attention"])
    assert make.ran[-1][1] == {"AIGC_BOOK_ONLY": "attention/attention"}


def test_clean_removes_what_was_built_and_nothing_else(make, tmp_path):
    for name in ("_build/html", ".venv", "aigc_book/layers/__pycache__", "book", "aigc_book.egg-info"):
        (tmp_path / name).mkdir(parents=True)
    make.main(["clean"])
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_dir()}
    assert left == {".venv", "aigc_book", "aigc_book/layers", "book"}


def test_an_unknown_command_lists_the_known_ones(make, capsys):
    with pytest.raises(SystemExit, match="no such command: bok"):
        make.main(["bok"])
    shown = capsys.readouterr().out
    assert all(f"make {command.__name__} " in shown for command in make.COMMANDS)


def test_it_runs_with_nothing_installed():
    done = subprocess.run([sys.executable, "-S", "-I", ROOT / "make.py"], capture_output=True, text=True, check=True)
    assert "make book" in done.stdout
