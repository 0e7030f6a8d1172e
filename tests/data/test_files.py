"""Data sets are found where AIGC_BOOK_DATA says, and a file is written as a whole or not at all."""

import errno
import resource
from contextlib import contextmanager

import pytest

from aigc_book.data.files import data_file, data_folder, write_aside


def test_data_file_finds_files_and_folders(tmp_path, monkeypatch):
    (tmp_path / "tokenizer").mkdir()
    (tmp_path / "tokenizer" / "merges.txt").write_text("x")
    monkeypatch.setenv("AIGC_BOOK_DATA", str(tmp_path))
    assert data_folder() == tmp_path
    assert data_file("tokenizer/merges.txt").read_text() == "x"
    assert data_file("tokenizer").is_dir()


def test_data_file_says_how_to_get_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.delenv("AIGC_BOOK_DATA", raising=False)
    assert data_folder() is None
    with pytest.raises(FileNotFoundError, match=r"'a/b.txt' is not here: AIGC_BOOK_DATA is not set. Download it; put"):
        data_file("a/b.txt")
    monkeypatch.setenv("AIGC_BOOK_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"has no such file. Ask the author; put it into a folder of yours as"):
        data_file("a/b.txt", how_to_get="Ask the author")


def test_a_data_folder_that_is_not_there_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("AIGC_BOOK_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError, match=r"AIGC_BOOK_DATA must name a folder that exists; got .*nowhere"):
        data_file("a/b.txt")


def test_written_aside_then_renamed(tmp_path):
    path = tmp_path / "file.bin"
    path.write_bytes(b"old")
    with write_aside(path) as file:
        file.write(b"new content")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new content"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), ValueError("mine"), FileNotFoundError("another file")])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, failure):
    path = tmp_path / "file.bin"
    path.write_bytes(b"old")
    with pytest.raises(type(failure)) as caught, write_aside(path) as file:
        file.write(b"half of it")
        raise failure
    assert caught.value is failure
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@contextmanager
def no_room_beyond(n_bytes):
    """The system refuses to make a file larger, as it does when the disk is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def write_large(path):
    with write_aside(path) as file:
        file.write(bytes(3 << 20))


@pytest.mark.parametrize(
    ("old", "said"), [(b"old", "the file that was there is untouched"), (None, "nothing was left")]
)
def test_a_full_disk_is_named_and_the_old_file_kept(tmp_path, old, said):
    path = tmp_path / "file.bin"
    if old:
        path.write_bytes(old)
    with no_room_beyond(1 << 20), pytest.raises(OSError, match=f"while writing; {said}.*file.bin") as caught:
        write_large(path)
    assert caught.value.errno == errno.EFBIG
    assert [p.read_bytes() for p in tmp_path.iterdir()] == ([old] if old else [])


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
