"""Word vectors: neighbours and analogies by hand, GloVe's format there and back, every documented error."""

import bz2
import gzip
import lzma
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_book.text.vectors.embeddings import Embeddings

# Two directions: royal (x) and female (y), and a fruit that has neither.
WORDS = ["man", "woman", "king", "queen", "apple"]
VECTORS = torch.tensor([[1.0, 0, 0], [1, 1, 0], [1, 0, 1], [1, 1, 1], [-3, 0, 0]])


@pytest.fixture
def royal() -> Embeddings:
    return Embeddings(WORDS, VECTORS)


def test_cosines_by_hand(royal):
    """man·queen = 1 with lengths 1 and √3; man and apple are opposite, however long."""
    assert royal.similarity("man", "queen") == pytest.approx(1 / math.sqrt(3))
    assert royal.similarity("man", "apple") == pytest.approx(-1)
    assert royal.similarity("king", "queen") == pytest.approx(2 / math.sqrt(6))


def test_neighbours_are_sorted_and_without_the_word(royal):
    """queen: woman and king at 2/√6 = 0.816, man at 0.577, apple at −0.577."""
    found = royal.neighbours("queen", 10)
    assert {word for word, _ in found[:2]} == {"woman", "king"}
    assert [word for word, _ in found[2:]] == ["man", "apple"]
    assert [c for _, c in found] == pytest.approx([0.8165, 0.8165, 0.5774, -0.5774], abs=1e-4)
    assert len(royal.neighbours("queen", 1)) == 1


def test_neighbours_of_a_vector_leave_no_word_out(royal):
    assert royal.neighbours(torch.tensor([2.0, 2, 2]), 1) == [("queen", pytest.approx(1))]


def test_analogy_with_unit_vectors_and_without_the_question(royal):
    """man : woman = king : queen. By hand with unit vectors: (.7071, .7071, 0) − (1, 0, 0) + (.7071, 0, .7071) =
    (.414, .707, .707), of length 1.082; its cosine with queen is (.414 + .707 + .707) / (1.082 · 1.732) = 0.975."""
    ((word, cosine),) = royal.analogy("man", "woman", "king")
    assert word == "queen"
    assert cosine == pytest.approx(0.975, abs=1e-3)
    assert [word for word, _ in royal.analogy("man", "woman", "king", n=9)] == ["queen", "apple"]


def test_an_analogy_may_repeat_a_word(royal):
    assert len(royal.analogy("man", "man", "king", n=9)) == 3


def test_a_zero_vector_is_like_nothing():
    embeddings = Embeddings(["a", "b"], torch.tensor([[0.0, 0.0], [1.0, 0.0]]))
    assert embeddings.neighbours("a") == [("b", 0.0)]


def test_lookup(royal):
    assert len(royal) == 5
    assert "queen" in royal and "quen" not in royal
    assert torch.equal(royal["queen"], VECTORS[3])
    assert royal.id_of("king") == 2


def test_nothing_shares_memory_with_what_came_in_or_went_out(royal):
    vectors = VECTORS.clone()
    embeddings = Embeddings(WORDS, vectors)
    vectors.zero_()
    embeddings["queen"].zero_()
    assert torch.equal(embeddings.vectors, VECTORS)
    question = torch.tensor([1.0, 1, 1])
    embeddings.neighbours(question)
    assert question.tolist() == [1, 1, 1]


@pytest.mark.parametrize("ask", [lambda e: e["quen"], lambda e: e.neighbours("quen"), lambda e: e.id_of("quen")])
def test_an_unknown_word_names_words_spelled_alike(royal, ask):
    with pytest.raises(ValueError, match=r"the word 'quen' is not among the 5 words .*; spelled alike: queen"):
        ask(royal)


def test_other_unknown_words(royal):
    with pytest.raises(ValueError, match=r"'xyz' is not among the 5 words that have a vector$"):
        royal.analogy("man", "xyz", "king")
    with pytest.raises(ValueError, match="''"):
        royal.similarity("man", "")


@pytest.mark.parametrize("n", [0, -1])
def test_n_below_1(royal, n):
    with pytest.raises(ValueError, match=f"n must be at least 1; got {n}"):
        royal.neighbours("man", n)
    with pytest.raises(ValueError, match=f"n must be at least 1; got {n}"):
        royal.analogy("man", "woman", "king", n)


def test_a_vector_of_the_wrong_width(royal):
    with pytest.raises(ValueError, match=r"must have the shape \(3,\); got \(2,\)"):
        royal.neighbours(torch.zeros(2))


@pytest.mark.parametrize(
    ("words", "vectors", "says"),
    [
        ([], torch.zeros(0, 3), "at least one word; got none"),
        (["a", "b", "a"], torch.zeros(3, 2), "different from one another; got 'a' more than once"),
        (["a", "b c"], torch.zeros(2, 2), "without a space or a line end; got 'b c'"),
        (["a", ""], torch.zeros(2, 2), "without a space or a line end; got ''"),
        (["a", "b\n"], torch.zeros(2, 2), r"without a space or a line end; got 'b\\n'"),
        (["a", None], torch.zeros(2, 2), "without a space or a line end; got None"),
        (["a", math.nan], torch.zeros(2, 2), "without a space or a line end; got nan"),
        (["a", "b"], np.zeros((2, 3)), r"must be a tensor .*; got ndarray \(torch.as_tensor makes one"),
        (["a"], [[1.0]], "must be a tensor .*; got list"),
        (["a", "b"], torch.zeros(3, 2), r"a row for each of 2 words; got \(3, 2\)"),
        (["a", "b"], torch.zeros(2), r"a row for each of 2 words; got \(2,\)"),
        (["a", "b"], torch.zeros(2, 0), r"a row for each of 2 words; got \(2, 0\)"),
        (["a", "b"], torch.tensor([[1.0], [math.nan]]), "finite numbers; that of 'b' is not"),
        (["a", "b"], torch.tensor([[-math.inf], [1.0]]), "finite numbers; that of 'a' is not"),
    ],
)
def test_what_is_no_table_of_vectors(words, vectors, says):
    with pytest.raises(ValueError, match=says):
        Embeddings(words, vectors)


# --- GloVe's text format


def test_what_a_file_looks_like(tmp_path):
    Embeddings(["a", "词"], torch.tensor([[1.0, -0.5], [1e-9, 3.25]])).save(tmp_path / "v.txt")
    assert (tmp_path / "v.txt").read_text(encoding="utf-8") == "a 1 -0.5\n词 9.99999972e-10 3.25\n"


def test_torchtext_reads_what_we_save(tmp_path, royal):
    from torchtext.vocab import Vectors

    royal.save(tmp_path / "v.txt")
    vectors = Vectors(name="v.txt", cache=str(tmp_path))
    assert vectors.itos == WORDS
    assert torch.equal(vectors.vectors, VECTORS)
    assert torch.equal(vectors["queen"], royal["queen"])


WORD = st.text(st.characters(codec="utf-8", exclude_characters=" \n"), min_size=1, max_size=6)
NUMBER = st.floats(width=32, allow_nan=False, allow_infinity=False)


@settings(max_examples=60, deadline=None)
@given(st.lists(WORD, min_size=1, max_size=5, unique=True), st.data())
def test_saved_and_loaded_is_the_same_to_the_last_bit(tmp_path_factory, words, data):
    width = data.draw(st.integers(1, 4))
    rows = data.draw(st.lists(st.lists(NUMBER, min_size=width, max_size=width), min_size=len(words)))[: len(words)]
    vectors = torch.tensor((rows * len(words))[: len(words)] if rows else torch.zeros(len(words), width).tolist())
    path = tmp_path_factory.mktemp("v") / "v.txt"
    Embeddings(words, vectors).save(path)
    again = Embeddings.load(path)
    assert again.words == tuple(words)
    assert torch.equal(again.vectors, vectors)


def test_first_lines_only_and_word2vecs_header(tmp_path):
    path = tmp_path / "v.txt"
    path.write_text("3 2\na 1 2\nb 3 4 \nc 5 6\n")
    assert Embeddings.load(path).words == ("a", "b", "c")
    some = Embeddings.load(path, max_words=2)
    assert some.words == ("a", "b")
    assert some.vectors.tolist() == [[1, 2], [3, 4]]
    assert Embeddings.load(path, max_words=3).words == ("a", "b", "c")


STRANGE = ["a\u00a0b", "\u2009", "全\u3000角", "\x85", "\u2028x", "\x0bv", "\tt", "7", "\ufeff", "\r"]


def test_a_word_may_hold_what_other_programs_take_for_white_space(tmp_path):
    """As GloVe's and fastText's published files do: NBSP, thin space, U+3000, U+0085."""
    path = tmp_path / "v.txt"
    path.write_bytes("".join(f"{word} {i} -0.5\n" for i, word in enumerate(STRANGE)).encode())
    found = Embeddings.load(path)
    assert found.words == tuple(STRANGE)
    assert found["\x85"].tolist() == [3, -0.5]
    found.save(path)
    assert Embeddings.load(path).words == tuple(STRANGE)


def test_what_editors_add_to_a_file_is_no_part_of_a_word(tmp_path):
    path = tmp_path / "v.txt"
    path.write_bytes(b"\xef\xbb\xbfa 1 2 \r\nb 3 4\r\n")
    assert Embeddings.load(path).words == ("a", "b")
    path.write_bytes(b"\xef\xbb\xbf1 2\r\na 3 4\r\n")
    assert Embeddings.load(path).words == ("a",)


def test_a_word_of_digits_in_the_first_line_of_a_file_with_one_column(tmp_path):
    path = tmp_path / "v.txt"
    path.write_text("7 5\na 3\nb 4\n")
    assert Embeddings.load(path).words == ("7", "a", "b")
    assert Embeddings.load(path).vectors.tolist() == [[5], [3], [4]]
    assert Embeddings.load(path, max_words=2).words == ("7", "a")
    path.write_text("2 1\na 3\nb 4\n")
    assert Embeddings.load(path).words == ("a", "b")
    path.write_text("3 1\na 3\nb 4\n")
    with pytest.raises(
        ValueError, match=r"line 1 .* 3 words of 1 numbers; got 2 words .*unless it is the word '3'.*1.0"
    ):
        Embeddings.load(path)
    path.write_text("7 5\na 3\n7 4\n")
    with pytest.raises(ValueError, match=r"line 3 of .* has the word '7', as line 1 does"):
        Embeddings.load(path)
    Embeddings(["7"], torch.tensor([[5.0]])).save(path)
    assert Embeddings.load(path).words == ("7",)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("3 2\na 1 2\nb 3 4\n", r"announces 3 words of 2 numbers; got 2 words of 2 numbers \(an interrupted download"),
        ("1 2\na 1 2\nb 3 4\n", "announces 1 words of 2 numbers; got 2 words of 2 numbers"),
        ("2 300\na 1 2\nb 3 4\n", "announces 2 words of 300 numbers; got 2 words of 2 numbers"),
        ("7 5\n", "announces 7 words of 5 numbers; got 0 words"),
    ],
)
def test_a_header_that_announces_something_else(tmp_path, content, says):
    (tmp_path / "v.txt").write_text(content)
    with pytest.raises(ValueError, match=f"line 1 of .*v.txt {says}"):
        Embeddings.load(tmp_path / "v.txt")


def test_a_file_that_is_cut_anywhere_is_refused_or_ends_with_a_line(tmp_path):
    path = tmp_path / "v.txt"
    Embeddings(["a", "中"], torch.tensor([[1.25, 2.0], [-0.5, 3.75]])).save(path)
    whole = path.read_bytes()
    end_of_first_line = whole.index(b"\n") + 1
    for cut in set(range(1, len(whole))) - {end_of_first_line}:
        path.write_bytes(whole[:cut])
        with pytest.raises(ValueError, match=r"line [12] of .*v.txt, the last one, has no line end"):
            Embeddings.load(path)
        assert cut < end_of_first_line or len(Embeddings.load(path, max_words=1)) == 1


def test_an_unknown_word_is_compared_with_the_frequent_ones_only():
    words = [f"w{i}" for i in range(30_000)]
    table = Embeddings(words, torch.zeros(len(words), 1))
    with pytest.raises(ValueError, match="'w29999x' is not among the 30000 words"):
        table["w29999x"]


def test_neighbours_of_what_is_no_word(royal):
    with pytest.raises(ValueError, match=r"word must be a word or a vector .*; got list"):
        royal.neighbours([1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "v.txt must hold a word and its numbers on each line; it is empty"),
        (b"a 1 2\nb 3\n", "line 2 of .*v.txt must hold a word and 2 numbers; got 'b' and 1 numbers"),
        (b"a 1 2\nb 3 4 5\n", "line 2 of .*v.txt must hold a word and 2 numbers; got 'b' and 3 numbers"),
        (b"a 1 2\nb\n", "line 2 of .*v.txt must hold a word and its numbers.*; got no numbers"),
        (b"a 1 2\n\nb 3 4\n", "line 2 of .*; got no numbers"),
        (b"a 1 2\nb 3 x\n", "line 2 of .*v.txt must hold a word and then numbers; got 'x'"),
        (b"a 1 2\nb  3 4\n", "line 2 of .*v.txt must hold a word and then numbers"),
        (b"a 1 nan\n", "line 1 of .*v.txt must hold finite numbers; got 'nan'"),
        (b"a 1 -inf\n", "line 1 of .*v.txt must hold finite numbers; got '-inf'"),
        (b"a 1 1e99\n", "line 1 of .*v.txt must hold finite numbers; got '1e99'"),
        (b"a 1 2\nb 3 4\na 5 6\n", "line 3 of .*v.txt has the word 'a', as line 1 does"),
        (b" 1 2\n", "line 1 of .*v.txt must hold a word and numbers; got ''"),
        (b"a 1_0 2\n", "line 1 of .*v.txt must hold a word and then numbers; got '1_0'"),
        ("a 1 ２\n".encode(), "line 1 of .*v.txt must hold a word and then numbers; got '２'"),
        ("a 1 ٣\n".encode(), "line 1 of .*v.txt must hold a word and then numbers; got '٣'"),
        (b"a 1 \x0b2\n", r"line 1 of .*v.txt must hold a word and then numbers; got '\\x0b2'"),
        (b"a 1 0x10\n", "line 1 of .*v.txt must hold a word and then numbers; got '0x10'"),
        (b"a 1 1,5\n", "line 1 of .*v.txt must hold a word and then numbers; got '1,5'"),
        (b"a 1 +Infinity\n", r"line 1 of .*v.txt must hold finite numbers; got '\+Infinity'"),
        (b"a\t1\t2\n", r"line 1 of .*numbers, with spaces between them \(not tabs or commas\)"),
        (b"a,1,2\n", r"line 1 of .*numbers, with spaces between them \(not tabs or commas\)"),
        (gzip.compress(b"a 1 2\n"), r"v.txt must be a text file .*; it is compressed with gzip; unpack it first"),
        (bz2.compress(b"a 1 2\n"), r"v.txt must be a text file .*; it is compressed with bzip2; unpack it first"),
        (lzma.compress(b"a 1 2\n"), r"v.txt must be a text file .*; it is compressed with xz; unpack it first"),
        (b"PK\x03\x04\x14\0", r"v.txt must be a text file .*; it is a zip archive; unpack it first"),
        ("a 1 2\n".encode("utf-16"), r"v.txt must be a text file .*; it is UTF-16 text; save it as UTF-8"),
        (b"<!DOCTYPE html>\n<html>", r"v.txt must be a text file .*; it is a web page; download the file itself"),
        (b"version https://git-lfs.github.com/spec/v1\n", r"v.txt must be a text file .*; it is Git's pointer"),
        (b"2 3\na " + np.array([1, 2, 3], "<f4").tobytes() + b"\nb ", "v.txt must be .*; it is word2vec's binary form"),
        (
            b"2 3\na " + np.array([0.1, -0.7, 3], "<f4").tobytes() + b"b ",
            "v.txt must be .*it is word2vec's binary form",
        ),
        (b"a 1 2\n\xff 3 4\n", "line 2 of .*v.txt must be UTF-8 text; got the byte 0xff"),
        (b"a 1 2\nb\xc2\xa03 4\n", "line 2 of .*v.txt must hold a word and 2 numbers; got 'b.*3' and 1 numbers"),
    ],
)
def test_what_is_no_file_of_vectors(tmp_path, content, says):
    (tmp_path / "v.txt").write_bytes(content)
    with pytest.raises(ValueError, match=says):
        Embeddings.load(tmp_path / "v.txt")


def test_no_file_and_no_words(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file of word vectors '.*nowhere.txt'"):
        Embeddings.load(tmp_path / "nowhere.txt")
    (tmp_path / "v.txt").write_text("a 1 2\n")
    with pytest.raises(ValueError, match="max_words must be at least 1; got 0"):
        Embeddings.load(tmp_path / "v.txt", max_words=0)


def test_saving_where_there_is_no_folder(tmp_path, royal):
    with pytest.raises(FileNotFoundError, match=r"the folder '.*nowhere' does not exist"):
        royal.save(tmp_path / "nowhere" / "v.txt")


def test_a_failed_save_leaves_the_old_file(tmp_path, royal):
    royal.save(tmp_path / "v.txt")
    before = (tmp_path / "v.txt").read_bytes()
    broken = Embeddings(WORDS, VECTORS)
    broken.words = (*WORDS[:3], None, "\udc80")  # a lone surrogate is no UTF-8
    with pytest.raises(UnicodeEncodeError):
        broken.save(tmp_path / "v.txt")
    assert (tmp_path / "v.txt").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["v.txt"]
