"""Stop words: which list it is, what it takes away, and what happens where NLTK's data is not."""

import io
import os
import subprocess
import sys
import zipfile

import pytest

from aigc_book.data.files import data_folder
from aigc_book.text.stopwords import LANGUAGES, stop_words


@pytest.fixture
def no_nltk_data(monkeypatch):
    nltk = pytest.importorskip("nltk")
    monkeypatch.delenv("AIGC_BOOK_DATA", raising=False)
    monkeypatch.setattr(nltk.data, "path", [])


@pytest.fixture
def small_nltk_data(tmp_path, monkeypatch, no_nltk_data):
    """NLTK's data package as it is published: a zip with a file for each language."""
    folder = tmp_path / "nltk_data" / "corpora"
    folder.mkdir(parents=True)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("stopwords/english", "the\nAND\n")
        archive.writestr("stopwords/chinese", "的\n和\n")
    (folder / "stopwords.zip").write_bytes(packed.getvalue())
    monkeypatch.setenv("AIGC_BOOK_DATA", str(tmp_path))
    return tmp_path


def test_removing_by_hand():
    english = stop_words("english", source="own")
    assert english.remove(["The", "cat", "is", "NOT", "on", "the", "mat"]) == ["cat", "mat"]
    chinese = stop_words("chinese", source="own")
    assert chinese.remove(["我们", "的", "词典", "很", "大"]) == ["词典", "大"]
    assert english.remove([]) == []
    assert "THE" in english and "cat" not in english


@pytest.mark.parametrize("language", LANGUAGES)
def test_own_lists_are_small_clean_and_the_same_always(language, small_nltk_data):
    words = stop_words(language, source="own")
    assert (words.language, words.source) == (language, "own")
    assert 150 < len(words) < 250
    assert all(word == word.strip().lower() and word for word in words.words)
    assert words == stop_words(language, source="own")


def test_english_and_chinese_are_told_apart():
    assert all(word.isascii() for word in stop_words("english", source="own").words)
    assert not any(word.isascii() for word in stop_words("chinese", source="own").words)


def test_without_data_it_is_ours_and_says_so(no_nltk_data):
    assert stop_words() == stop_words(source="own")
    with pytest.raises(
        FileNotFoundError, match=r"NLTK's stop words for chinese are not here: .*nltk\.download\('stopwords'\).*'own'"
    ):
        stop_words("chinese", source="nltk")


def test_with_data_it_is_nltks_and_says_so(small_nltk_data):
    assert stop_words().source == "nltk"
    assert stop_words().words == {"the", "and"}
    assert stop_words("chinese", source="nltk").words == {"的", "和"}
    assert stop_words(source="own").source == "own"


def test_an_unpacked_data_package_will_do(tmp_path, monkeypatch, no_nltk_data):
    import nltk

    (tmp_path / "corpora" / "stopwords").mkdir(parents=True)
    (tmp_path / "corpora" / "stopwords" / "english").write_text("of\n")
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path)])
    assert stop_words().words == {"of"}
    assert stop_words("chinese").source == "own"  # the folder has no Chinese list


def test_the_published_lists_are_read_whole():
    if data_folder() is None:
        pytest.skip("AIGC_BOOK_DATA is not set: NLTK's stop words are not here")
    with zipfile.ZipFile(data_folder() / "nltk_data" / "corpora" / "stopwords.zip") as archive:
        for language in LANGUAGES:
            theirs = archive.read(f"stopwords/{language}").decode().split()
            assert stop_words(language, source="nltk").words == {word.lower() for word in theirs}


def test_what_is_not_there_is_refused():
    with pytest.raises(ValueError, match="language must be one of english, chinese; got 'german'"):
        stop_words("german")
    with pytest.raises(ValueError, match="source must be one of own, nltk, or None; got 'spacy'"):
        stop_words(source="spacy")
    with pytest.raises(ValueError, match="words must be a list of words, not one string; got 'the cat'"):
        stop_words(source="own").remove("the cat")


def test_own_lists_need_no_nltk():
    code = (
        "import sys; sys.modules['nltk'] = None\nfrom aigc_book.text.stopwords import stop_words as s; s(source='own')"
    )
    environment = {name: value for name, value in os.environ.items() if name != "AIGC_BOOK_DATA"}
    assert subprocess.run([sys.executable, "-c", code], env=environment).returncode == 0
