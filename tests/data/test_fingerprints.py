"""Fingerprints of passages: what several Pythons share, found again in one of them."""

import hashlib
import subprocess
import sys
import textwrap

import pytest

from aigc_book.data import fingerprints
from aigc_book.data.corpora import PARTS
from aigc_book.data.fingerprints import fingerprint, listed, shared
from aigc_book.data.make_fingerprints import common


@pytest.fixture
def short_list(tmp_path, monkeypatch):
    rows = [fingerprint(passage) for passage in ("b", "a", "ä\n中")]
    (tmp_path / "short.txt").write_text(f"# a remark\n{rows[0]} {rows[1]}\n{rows[2]}\n")
    monkeypatch.setattr(fingerprints, "FOLDER", tmp_path)


def test_a_fingerprint_is_the_beginning_of_a_hash():
    assert fingerprint("ä") == hashlib.blake2b(b"\xc3\xa4", digest_size=5).hexdigest()
    assert len(fingerprint("")) == 10


@pytest.mark.parametrize("name", PARTS)
def test_the_lists_that_come_with_the_package(name):
    rows = listed(name)
    assert len(set(rows)) == len(rows) > 1000
    assert all(len(digits) == 10 and int(digits, 16) >= 0 for digits in rows)


def test_passages_come_in_the_order_of_the_list_whatever_their_own(short_list):
    for passages in (["new", "a", "b", "ä\n中", "a"], ["ä\n中", "b", "a"]):
        assert shared(iter(passages), "short") == ["b", "a", "ä\n中"]


def test_missing_passages_are_counted(short_list):
    with pytest.warns(UserWarning, match=r"1 of the 3 passages .* this Python, 3\..* \(list 'short'\): the book"):
        assert shared(["a", "b"], "short") == ["b", "a"]
    with pytest.raises(FileNotFoundError, match=r"2 of the 3 passages .*; use a Python"):
        shared(["a"], "short")


def test_common_is_what_all_have_in_the_first_one_s_order():
    assert common(["cabba", "abc", "xbca"]) == ["c", "a", "b"]
    assert common(["aab"]) == ["a", "b"]


def test_the_command_prints_the_passages_of_another_library(tmp_path):
    (tmp_path / "pydoc_data").mkdir()
    topics = {"b": "Second one.  \nMore.\n\n", "a": "First.\n"}
    (tmp_path / "pydoc_data" / "topics.py").write_text(f"topics = {topics!r}")
    (tmp_path / "m.py").write_text(
        textwrap.dedent('''
            def f(x=1):
                """Say it.

                Again."""
        ''')
    )
    expected = {
        "python_docs": ["First.", "Second one.\nMore."],
        "python_docstrings": ["m.f(x=1)\n\nSay it.\n\nAgain."],
    }
    for name, passages in expected.items():
        command = [sys.executable, "-m", "aigc_book.data.make_fingerprints", "--own", name, str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.split()[: len(passages)] == [fingerprint(passage) for passage in passages]
