"""Data sets are found where AIGC_BOOK_DATA says."""

import pytest

from aigc_book.data.files import data_file, data_folder


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
