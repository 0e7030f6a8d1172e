"""Word vectors: neighbours and analogies by hand, GloVe's format there and back, every documented error."""

import math

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
        (["a", "b c"], torch.zeros(2, 2), "without white space; got 'b c'"),
        (["a", ""], torch.zeros(2, 2), "without white space; got ''"),
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


WORD = st.text(st.characters(codec="utf-8", exclude_categories=("Z", "C")), min_size=1, max_size=6)
NUMBER = st.floats(width=32, allow_nan=False, allow_infinity=False)


@settings(max_examples=60, deadline=None)
@given(st.lists(WORD, min_size=1, max_size=5, unique=True), st.data())
def test_saved_and_loaded_is_the_same_to_the_last_bit(tmp_path_factory, words, data):
    width = data.draw(st.integers(2, 4))
    rows = data.draw(st.lists(st.lists(NUMBER, min_size=width, max_size=width), min_size=len(words)))[: len(words)]
    vectors = torch.tensor((rows * len(words))[: len(words)] if rows else torch.zeros(len(words), width).tolist())
    if any(word.split() != [word] for word in words):
        return
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
    path.write_text("7 5\n")  # what could be a header is one: a word with one number must not be all digits
    with pytest.raises(ValueError, match="it is empty"):
        Embeddings.load(path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "v.txt must hold a word and its numbers on each line; it is empty"),
        (b"a 1 2\nb 3\n", "line 2 of .*v.txt must hold a word and 2 numbers; got 'b' and 1 numbers"),
        (b"a 1 2\nb 3 4 5\n", "line 2 of .*v.txt must hold a word and 2 numbers; got 'b' and 3 numbers"),
        (b"a 1 2\nb\n", "line 2 of .*v.txt must hold a word and its numbers.*; got no numbers"),
        (b"a 1 2\n\nb 3 4\n", "line 2 of .*; got no numbers"),
        (b"a 1 2\nb 3 x\n", "line 2 of .*v.txt must hold a word and then numbers: .*'x'"),
        (b"a 1 2\nb  3 4\n", "line 2 of .*v.txt must hold a word and then numbers"),
        (b"a 1 nan\n", "line 1 of .*v.txt must hold finite numbers; got 'nan'"),
        (b"a 1 -inf\n", "line 1 of .*v.txt must hold finite numbers; got '-inf'"),
        (b"a 1 1e99\n", "line 1 of .*v.txt must hold finite numbers; got '1e99'"),
        (b"a 1 2\nb 3 4\na 5 6\n", "line 3 of .*v.txt has the word 'a', as line 1 does"),
        (b" 1 2\n", "line 1 of .*v.txt must hold a word and numbers; got ''"),
        (b"a 1 2\n\xff 3 4\n", "must be UTF-8 text; got the byte 0xff"),
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
