"""Data sets on disk are looked for where ``AIGC_BOOK_DATA`` says."""

import os
from pathlib import Path


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
