"""What is written is whole or not there at all, whatever goes wrong on the way."""

import errno
import os
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from aigc_book import files
from aigc_book.files import check_writable, remove_folder, sweep, write_aside, write_files_aside, write_folder_aside

FAILURES = [KeyboardInterrupt(), ValueError("mine"), FileNotFoundError("another file")]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def umask():
    """The umask of a group that shares its files."""
    before = os.umask(0o007)
    yield
    os.umask(before)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


# One file


def test_written_aside_then_renamed(tmp_path):
    path = tmp_path / "file.bin"
    path.write_bytes(b"old")
    with write_aside(path) as file:
        file.write(b"new content")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new content"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, failure):
    path = tmp_path / "file.bin"
    path.write_bytes(b"old")
    with pytest.raises(type(failure)) as caught, write_aside(path) as file:
        file.write(b"half of it")
        raise failure
    assert caught.value is failure
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    with write_aside(tmp_path / "a") as first, write_aside(tmp_path / "a") as second:
        first.write(b"first")
        second.write(b"second")
    assert names(tmp_path) == ["a"] and (tmp_path / "a").read_bytes() == b"first"


def test_places_where_no_file_can_be_are_refused(tmp_path):
    with (
        pytest.raises(FileNotFoundError, match=r"the folder .*nowhere' does not exist"),
        write_aside(tmp_path / "nowhere/a"),
    ):
        pass
    with (
        pytest.raises(IsADirectoryError, match="path must name a file to write; got the folder"),
        write_aside(tmp_path),
    ):
        pass


# A folder, and files in a folder


def test_a_folder_takes_the_place_of_the_one_before(tmp_path):
    path = tmp_path / "deep" / "run"
    for content in ("one", "two"):
        with write_folder_aside(path) as folder:
            (folder / content).write_text(content)
            (folder / "sub").mkdir()
            (folder / "sub" / "file").write_text("x")
            assert names(path) == ["one", "sub"] if content == "two" else not path.exists()
    assert names(path) == ["sub", "two"] and names(tmp_path / "deep") == ["run"]


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("write", [write_folder_aside, write_files_aside])
def test_a_failure_leaves_the_old_folder_and_nothing_else(tmp_path, write, failure):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "a").write_text("old")
    with pytest.raises(type(failure)) as caught, write(tmp_path / "run") as folder:
        (folder / "a").write_text("half")
        raise failure
    assert caught.value is failure
    assert names(tmp_path) == ["run"] and names(tmp_path / "run") == ["a"]
    assert (tmp_path / "run" / "a").read_text() == "old"


def test_files_go_beside_what_is_there_and_take_stale_ones_away(tmp_path):
    for name in ("weights-1.bin", "weights-2.bin", "config.json", "notes.txt", "weights.bin"):
        (tmp_path / name).write_text("old")
    with write_files_aside(tmp_path, stale=("weights*.bin",), last="config.json") as folder:
        for name in ("config.json", "weights.bin"):
            (folder / name).write_text("new")
    content = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert content == {"config.json": "new", "weights.bin": "new", "notes.txt": "old"}


def test_the_last_file_is_never_beside_another_generation(tmp_path, monkeypatch):
    """Seen before every rename: config.json stands only where all the weights are of its own writing."""
    for name in ("config.json", "weights.bin"):
        (tmp_path / name).write_text("old")
    seen, replace = [], files.Path.replace

    def look(path, target):
        seen.append({p.name: p.read_text() for p in tmp_path.iterdir() if p.is_file()})
        return replace(path, target)

    monkeypatch.setattr(files.Path, "replace", look)
    with write_files_aside(tmp_path, last="config.json") as folder:
        for name in ("config.json", "weights.bin"):
            (folder / name).write_text("new")
    assert seen == [{"weights.bin": "old"}, {"weights.bin": "new"}]


@pytest.mark.parametrize("write", [write_folder_aside, write_files_aside])
@pytest.mark.parametrize("path", ["file", "file/below"])
def test_a_file_in_the_way_is_named(tmp_path, write, path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(NotADirectoryError, match="file"), write(tmp_path / path):
        pass
    assert names(tmp_path) == ["file"] and (tmp_path / "file").read_text() == "mine"


def test_remove_and_sweep(tmp_path):
    (tmp_path / "run" / "sub").mkdir(parents=True)
    remove_folder(tmp_path / "run")
    remove_folder(tmp_path / "run")
    (tmp_path / ".partial-123-0").mkdir()
    (tmp_path / ".partial-123-0" / "half").write_text("x")
    (tmp_path / ".partial-123-1").write_text("x")
    (tmp_path / "whole").write_text("x")
    sweep(tmp_path)
    assert names(tmp_path) == ["whole"]


# Systems


@pytest.mark.skipif(sys.platform == "win32", reason="a umask is POSIX")
def test_permissions_follow_the_umask(tmp_path, umask):
    """safetensors writes files that only their owner can read; a class shares them."""
    with write_aside(tmp_path / "file") as file:
        file.write(b"x")
    for write in (write_folder_aside, write_files_aside):
        with write(tmp_path / write.__name__) as folder:
            save_file({"x": torch.ones(1)}, folder / "weights")
            (folder / "text").write_text("x")
        assert mode(tmp_path / write.__name__) == 0o770
        assert {mode(path) for path in (tmp_path / write.__name__).iterdir()} == {0o660}
    assert mode(tmp_path / "file") == 0o660


def test_a_tilde_is_the_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    with write_aside("~/file"):
        pass
    with write_folder_aside("~/folder"):
        pass
    with write_files_aside("~/files"):
        pass
    assert names(tmp_path) == ["file", "files", "folder"]
    remove_folder("~/folder")
    assert names(tmp_path) == ["file", "files"]


@pytest.mark.parametrize("says_no", ["open", "fsync"])
def test_a_system_that_cannot_sync_a_folder_is_no_error(tmp_path, monkeypatch, says_no):
    """Windows opens no folder (EACCES), and syncs only what is open for writing (EBADF); some disks say EINVAL."""
    fcntl = pytest.importorskip("fcntl")  # not on Windows, which needn't be imitated there
    synced, real_open, real_sync = [], os.open, os.fsync

    def windows_open(path, flags, *rest, **keywords):
        if says_no == "open" and Path(path).is_dir():
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real_open(path, flags, *rest, **keywords)

    def windows_fsync(handle):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        if not fcntl.fcntl(handle, fcntl.F_GETFL) & (os.O_RDWR | os.O_WRONLY):
            raise OSError(errno.EBADF, "Bad file descriptor")
        synced.append(handle)
        real_sync(handle)

    monkeypatch.setattr(os, "open", windows_open)
    monkeypatch.setattr(os, "fsync", windows_fsync)
    with write_aside(tmp_path / "file") as file:
        file.write(b"x")
    for write in (write_folder_aside, write_files_aside):
        with write(tmp_path / write.__name__) as folder:
            (folder / "text").write_text("x")
    assert len(synced) == 3 and (tmp_path / "write_files_aside" / "text").read_text() == "x"


# A full disk: the system refuses to make a file larger, in a process of its own


@pytest.mark.skipif(sys.platform == "win32", reason="limits on file size are POSIX")
@pytest.mark.parametrize("old", [True, False])
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("with write_aside(path) as file: file.write(bytes(3 << 20))", "file"),
        ("with write_folder_aside(path) as folder: (folder / 'x').write_bytes(bytes(3 << 20))", "folder"),
        ("with write_files_aside(path) as folder: (folder / 'x').write_bytes(bytes(3 << 20))", "folder"),
        ("with write_files_aside(path) as folder: save_file({'x': torch.ones(1 << 20)}, folder / 'x')", "folder"),
    ],
)
def test_a_full_disk_is_named_and_the_old_content_kept(tmp_path, body, kind, old):
    path = tmp_path / "mine"
    if old and kind == "file":
        path.write_bytes(b"old")
    elif old:
        path.mkdir()
        (path / "x").write_bytes(b"old")
    script = textwrap.dedent(f"""
        import resource, signal, sys, torch
        from safetensors.torch import save_file
        from aigc_book.files import write_aside, write_files_aside, write_folder_aside
        path = sys.argv[1]
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
        try:
            {body}
        except OSError as error:
            print(error.errno, error)
    """)
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    kept = f"the {kind} that was there is untouched" if old else "nothing was left behind"
    assert f"File too large while writing; {kept}: '{path}'" in done.stdout
    assert done.stdout.startswith(str(errno.EFBIG))
    if old:
        assert (path if kind == "file" else path / "x").read_bytes() == b"old"
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == ([path if kind == "file" else path / "x"] if old else [])


def test_whether_a_folder_can_be_written_to_is_found_without_making_it(tmp_path, monkeypatch):
    check_writable(tmp_path / "new" / "deeper")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("x")
    with pytest.raises(NotADirectoryError, match="a file stands there, or above it"):
        check_writable(tmp_path / "file" / "deeper")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(PermissionError, match="nothing may be written here"):
        check_writable(tmp_path / "new")
