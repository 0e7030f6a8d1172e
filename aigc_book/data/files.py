"""Files on disk: data sets are looked for where ``AIGC_BOOK_DATA`` says, and nothing is ever left half-written."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

_DEVICE_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS}


def data_folder() -> Path | None:
    """The folder named by the environment variable ``AIGC_BOOK_DATA``, or None when it is unset or empty.

    Raises:
        FileNotFoundError: the variable names a folder that does not exist.
    """
    name = os.environ.get("AIGC_BOOK_DATA")
    if not name:
        return None
    folder = Path(name).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(f"AIGC_BOOK_DATA must name a folder that exists; got {name!r}")
    return folder


def data_file(name: str, *, how_to_get: str = "") -> Path:
    """The path of a data set (a file or a folder) inside the folder that ``AIGC_BOOK_DATA`` names.

    Args:
        name: the path inside that folder, with forward slashes, such as ``"tokenizer/gpt2"``.
        how_to_get: one sentence for the error, such as an address to download from.

    Raises:
        FileNotFoundError: the variable is unset, or the folder lacks the file; the message says how to get it.
    """
    folder = data_folder()
    if folder is not None and (folder / name).exists():
        return folder / name
    where = "AIGC_BOOK_DATA is not set" if folder is None else f"AIGC_BOOK_DATA={str(folder)!r} has no such file"
    todo = f"put it into a folder of yours as {name!r} and set the environment variable AIGC_BOOK_DATA to that folder"
    raise FileNotFoundError(f"the data set {name!r} is not here: {where}. {how_to_get or 'Download it'}; {todo}.")


@contextmanager
def write_aside(path: str | os.PathLike) -> Iterator[BinaryIO]:
    """Open a new file beside ``path`` for writing bytes, and rename it to ``path`` only when all of it is on the disk.

    Whatever goes wrong (a full disk, an exception in the body, a killed process), ``path`` holds either what it held
    before or all of the new content; it is never half-written. ::

        with write_aside("tokens.bin") as file:
            file.write(payload)

    Raises:
        FileNotFoundError: the folder of ``path`` does not exist.
        IsADirectoryError: ``path`` is a folder.
        OSError: the disk is full or broken; the message names the file and says that the old one is untouched.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"cannot write {path}: the folder {str(path.parent)!r} does not exist")
    if path.is_dir():
        raise IsADirectoryError(f"path must name a file to write; got the folder {str(path)!r}")
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with aside.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        if error.errno not in _DEVICE_ERRORS:
            raise  # the body's own error, about another file
        kept = "the file that was there is untouched" if path.exists() else "nothing was left behind"
        raise OSError(error.errno, f"{os.strerror(error.errno)} while writing; {kept}", str(path)) from error
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
