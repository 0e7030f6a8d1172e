"""Files that are whole or not there at all: written aside, waited for until the disk has them, and only then renamed.

Whatever goes wrong on the way (a full disk, an exception, a killed process), the old content stays as it was.
Everything that the package writes goes through here. "~" in a path is the home, and permissions follow the umask.
"""

import errno
import itertools
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from safetensors import SafetensorError

PARTIAL = ".partial-"  # what a name begins with until its content is whole
_DEVICE_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS}
# What systems say that can't sync a folder (Windows can't even open one), or not through a handle for reading.
_NO_SYNC = {errno.EACCES, errno.EPERM, errno.EINVAL, errno.EBADF, errno.ENOTSUP, errno.EISDIR}


@contextmanager
def write_aside(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a new file beside ``path`` for writing bytes, and rename it to ``path`` only when all of it is on the disk.

    ``path`` holds either what it held before or all of the new content; it is never half-written. ::

        with write_aside("tokens.bin") as file:
            file.write(payload)

    Raises:
        FileNotFoundError: the folder of ``path`` does not exist.
        IsADirectoryError: ``path`` is a folder.
        OSError: the disk is full or broken; the message names the file and says that the old one is untouched.
    """
    path = Path(path).expanduser()
    if not path.parent.is_dir():
        raise FileNotFoundError(f"cannot write {path}: the folder {str(path.parent)!r} does not exist")
    if path.is_dir():
        raise IsADirectoryError(f"path must name a file to write; got the folder {str(path)!r}")
    aside = _new_name(path.parent)
    try:
        with _in_words(path):
            with aside.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
            _sync_folder(path.parent)
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def write_folder_aside(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Make a new folder beside ``path`` for the body to write files into; at the end it becomes ``path``, as a whole.

    A folder that was there is taken away. Folders above it are made. ::

        with write_folder_aside("run/step-00000500") as folder:
            (folder / "history.json").write_text(history)

    Raises:
        NotADirectoryError: ``path``, or something above it, is a file.
        OSError: the disk is full or broken; the message names the folder and says that the old one is untouched.
    """
    path = Path(path).expanduser()
    with _in_words(path):
        _make(path.parent)
        if path.exists() and not path.is_dir():
            raise NotADirectoryError(f"path must name a folder to write; got the file {str(path)!r}")
        aside = _new_name(path.parent)
        try:
            aside.mkdir()
            yield aside
            _settle(aside)
            remove_folder(path)
            aside.rename(path)
            _sync_folder(path.parent)
        finally:
            shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def write_files_aside(
    folder: str | os.PathLike[str], *, stale: Sequence[str] = (), last: str | None = None
) -> Iterator[Path]:
    """Make a hidden folder for the body to write files into; at the end they move into ``folder`` beside what is there.

    Only a rename a file is left to do by then. ``last`` says which file makes the others valid: it is removed before
    the first of them is replaced and comes back after the last: it never stands beside those of another writing.

    Args:
        folder: made if it isn't there, with those above it.
        stale: patterns of names that the new files stand for; what else fits them is removed.
        last: name of a file.

    Raises:
        NotADirectoryError: ``folder``, or something above it, is a file.
        OSError: the disk is full or broken; the message names the folder and says that the old files are untouched.
    """
    folder = Path(folder).expanduser()
    with _in_words(folder):
        _make(folder)
        aside = _new_name(folder)
        try:
            aside.mkdir()
            yield aside
            _settle(aside)
            names = sorted((file.name for file in aside.iterdir()), key=lambda name: name == last)
            if last is not None:
                (folder / last).unlink(missing_ok=True)
            for old in {old for pattern in stale for old in folder.glob(pattern)}:
                if old.name not in names:
                    old.unlink()
            for name in names:
                (aside / name).replace(folder / name)
            _sync_folder(folder)
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def check_writable(folder: str | os.PathLike[str]) -> None:
    """Find out before hours of work whether their results can be written into a folder; none is made.

    Raises:
        NotADirectoryError: ``folder``, or something above it, is a file.
        PermissionError: it, or the folder in which it would be made, can't be written to.
    """
    folder = Path(folder).expanduser().absolute()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not there.is_dir():
        raise NotADirectoryError(f"cannot make the folder {folder}: a file stands there, or above it")
    if not os.access(there, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, "nothing may be written here", str(there))


def remove_folder(path: str | os.PathLike[str]) -> None:
    """Take a folder away in one step, then delete its files; nothing happens if it isn't there."""
    path = Path(path).expanduser()
    if path.exists():
        aside = _new_name(path.parent)
        path.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)


def sweep(folder: str | os.PathLike[str]) -> None:
    """Delete what a killed process left half-written in a folder; only where no other process is writing now."""
    for path in Path(folder).expanduser().glob(PARTIAL + "*"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _new_name(folder: Path) -> Path:
    """A name in the folder that nobody has and nobody takes for a whole file."""
    names = (folder / f"{PARTIAL}{os.getpid()}-{n}" for n in itertools.count())
    return next(name for name in names if not name.exists())


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise NotADirectoryError(f"cannot make the folder {folder}: a file stands there, or above it") from error


@contextmanager
def _in_words(path: Path) -> Iterator[None]:
    """A full or broken disk, by whichever library it was met, as an OSError that says what became of ``path``."""
    kind = "folder" if path.is_dir() else "file"
    kept = f"the {kind} that was there is untouched" if path.exists() else "nothing was left behind"
    try:
        yield
    except (OSError, SafetensorError) as error:
        number = error.errno if isinstance(error, OSError) else _number(str(error))
        if number not in _DEVICE_ERRORS:
            raise  # the body's own error, about another file
        raise OSError(number, f"{os.strerror(number)} while writing; {kept}", str(path)) from error


def _number(message: str) -> int | None:
    """The system's number in a message of safetensors: "I/O error: No space left on device (os error 28)"."""
    found = re.search(r"os error (\d+)", message)
    return int(found[1]) if found else None


def _settle(folder: Path) -> None:
    """Give a new folder's files the permissions that the umask gives (safetensors' are for the owner), and sync all."""
    mode = folder.stat().st_mode & 0o666
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            _sync_folder(path)
        else:
            path.chmod(mode)
            with path.open("r+b") as file:  # for writing too: Windows syncs no other handle
                os.fsync(file.fileno())
    _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    """Wait until the disk has a folder's list of names, where the system can do that."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        if error.errno in _NO_SYNC:
            return
        raise
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise
    finally:
        os.close(handle)
