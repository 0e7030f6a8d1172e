"""Cutting text where no token crosses, and coding corpora piece by piece: the ids are those of the whole."""

import types

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from aigc_book.data.id_files import open_ids, write_ids
from aigc_book.text.encoding import checked_ids, encode_corpus, pieces
from aigc_book.text.tokenizers import BPETokenizer, CharTokenizer, Tokenizer, WordTokenizer

# Text with all that a cut could get wrong: runs of spaces, line ends, no-break and ideographic spaces, contractions.
AWKWARD = st.text(st.sampled_from("ab'st1!,. \n\r\t\u00a0\u3000\u001c中😀<br />BR"), max_size=80)
SAMPLE = "It's a test, isn't it?  Yes!\n\n  2 words more:<br /> line 'end'.\n中文 也 有。"


@pytest.fixture(scope="module")
def tokenizers():
    alphabet = "".join(chr(i) for i in range(256)) + "\u3000中😀文也有。"
    return {
        "char": CharTokenizer.train(alphabet),
        "word": WordTokenizer.train(SAMPLE),
        "toktok": WordTokenizer.train(SAMPLE, splitter="toktok"),
        "bpe": BPETokenizer.train([SAMPLE, "a bb  sts's \n\n <br /> <br />"] * 3, vocab_size=300),
    }


def test_every_tokenizer_keeps_the_protocol(tokenizers):
    assert all(isinstance(tokenizer, Tokenizer) for tokenizer in tokenizers.values())
    assert not isinstance("a string", Tokenizer)


def test_pieces_by_hand():
    """A cut is between no space and a space, at least 3 characters on: before " cd", not before the second space."""
    assert list(pieces(["ab cd  ef", "gh ij"], 3)) == ["ab cd", "  efgh", " ij"]
    assert list(pieces(["abcd <br /> e"], 9)) == ["abcd <br />", " e"]  # not inside <br />
    assert list(pieces(["", ""], 3)) == []


def test_pieces_of_text_without_a_space_stay_bounded():
    assert [len(piece) for piece in pieces(["x" * 100], 3)] == [48, 48, 4]
    assert [len(piece) for piece in pieces(["x"] * 100, 3)] == [48, 48, 4]
    assert [len(piece) for piece in pieces(["x" * 100 + " y"], 3)] == [48, 48, 4, 2]


@given(text=AWKWARD, size=st.integers(1, 9), at=st.integers(0, 80))
def test_pieces_joined_are_the_text(text, size, at):
    found = list(pieces([text[:at], text[at:]], size))
    assert "".join(found) == text
    assert all(found)


@pytest.mark.parametrize("kind", ["char", "word", "toktok", "bpe"])
@given(text=AWKWARD, piece_chars=st.integers(6, 30), at=st.integers(0, 80))
def test_a_corpus_in_pieces_has_the_ids_of_the_whole(tokenizers, kind, text, piece_chars, at):
    tokenizer = tokenizers[kind]
    parts = encode_corpus(tokenizer, [text[:at], text[at:]], piece_chars=piece_chars)
    assert [token_id for part in parts for token_id in part.tolist()] == tokenizer.encode(text)


# Words, the ends of sentences, quotes, and torchtext's line break in capitals.
PROSE = st.lists(
    st.sampled_from(
        ["a", "test", "It's", "end.", 'so."', "' '", "` `", "?", "/", "& ", "...", "\n", "<BR />", "<Br />"]
    ),
    max_size=30,
).map(" ".join)


@pytest.mark.parametrize("kind", ["word", "toktok", "bpe"])
@given(text=PROSE, piece_chars=st.integers(20, 60))
def test_prose_in_pieces_has_the_ids_of_the_whole(tokenizers, kind, text, piece_chars):
    parts = encode_corpus(tokenizers[kind], [text], piece_chars=piece_chars)
    assert [token_id for part in parts for token_id in part.tolist()] == tokenizers[kind].encode(text)


def test_pieces_of_many_texts_without_a_space_are_looked_through_once():
    """A text of one letter at a time: what waits is not searched again for each of them."""
    found = list(pieces(iter("x" * 300_000), 1 << 14))
    assert [len(piece) for piece in found] == [1 << 18, 300_000 - (1 << 18)]


def test_documents_are_followed_by_their_end(tokenizers):
    bpe = tokenizers["bpe"]
    end = bpe.special_tokens["<|endoftext|>"]
    found = np.concatenate(list(encode_corpus(bpe, ["a test", "", "<|endoftext|>"], end_of_text=end)))
    assert found.tolist() == [*bpe.encode("a test"), end, end, *bpe.encode("<|endoftext|>"), end]
    assert found.tolist().count(end) == 3
    found = encode_corpus(CharTokenizer.train("\0ab"), ["a", "b"], end_of_text=0)
    assert [token_id for part in found for token_id in part.tolist()] == [1, 0, 2, 0]


def test_a_corpus_goes_through_a_file(tokenizers, tmp_path):
    bpe = tokenizers["bpe"]
    write_ids(tmp_path / "ids.bin", encode_corpus(bpe, [SAMPLE] * 50, piece_chars=100), bpe.vocab_size)
    assert bpe.decode(open_ids(tmp_path / "ids.bin", vocab_size=bpe.vocab_size)) == SAMPLE * 50


def test_settings_that_make_no_sense_are_refused(tokenizers):
    size = tokenizers["bpe"].vocab_size
    for end in (-1, 300):
        with pytest.raises(
            ValueError,
            match=f"end_of_text must be from 0 to vocab_size - 1 = {size - 1}, or None; got {end}",
        ):
            list(encode_corpus(tokenizers["bpe"], ["a"], end_of_text=end))
    for end in (True, 1.0, 1.5, "a"):
        with pytest.raises(ValueError, match=f"end_of_text must be from 0 to .*, or None; got {end}"):
            list(encode_corpus(tokenizers["bpe"], ["a"], end_of_text=end))
    with pytest.raises(ValueError, match="piece_chars must be at least 1; got 0"):
        list(encode_corpus(tokenizers["char"], ["a"], piece_chars=0))


@pytest.mark.parametrize("kind", ["char", "word", "toktok", "bpe"])
class TestEveryTokenizer:
    def test_ids_may_be_a_list_an_array_a_tensor_or_an_iterator(self, tokenizers, kind):
        tokenizer = tokenizers[kind]
        ids = tokenizer.encode("It's a test")
        text = tokenizer.decode(ids)
        for form in (tuple(ids), np.array(ids, dtype=np.uint16), torch.tensor(ids), iter(ids)):
            assert tokenizer.decode(form) == text

    def test_ids_out_of_range_are_refused(self, tokenizers, kind):
        tokenizer = tokenizers[kind]
        size = tokenizer.vocab_size
        says = f"ids must be from 0 to vocab_size - 1 = {size - 1}; got"
        for wrong in (-1, size):
            with pytest.raises(ValueError, match=f"{says} {min(0, wrong)} to {max(0, wrong)}"):
                tokenizer.decode([0, wrong])
            with pytest.raises(ValueError, match=f"{says} {wrong} to {wrong}"):
                list(tokenizer.decode_stream([0, wrong]))

    @pytest.mark.parametrize(
        ("ids", "says"),
        [
            (torch.zeros(1, 3, dtype=torch.int64), r"one row of ids; got shape \(1, 3\) \(of a batch, .* ids\[0"),
            (np.zeros((2, 3), dtype=int), r"one row of ids; got shape \(2, 3\)"),
            (torch.tensor(3), r"one row of ids; got shape \(\)"),
            ([[0, 1]], r"integers; got \[0, 1\], a list"),
            ([0, 1.0], "integers; got 1.0, a float"),
            (torch.tensor([0.5]), "integers; got 0.5, a float"),
            ([True], "integers; got True, a bool"),
            (np.array([True]), "integers; got True, a bool"),
            (torch.tensor([True]), "integers; got True, a bool"),
            ([np.bool_(True)], r"integers; got .*True.*, a bool"),
            ([torch.tensor(True)], r"integers; got tensor\(True\), a Tensor"),
            ([torch.tensor(0.5)], r"integers; got tensor\(0.5000\), a Tensor"),
            ([torch.tensor([0, 1])], r"integers; got tensor\(\[0, 1\]\), a Tensor"),
            (["0"], "integers; got '0', a str"),
            ([None], "integers; got None, a NoneType"),
            ({0, 1}, "a list, array or tensor of integers; got set"),
            ({0: "a"}, "a list, array or tensor of integers; got dict"),
            ("01", "a list, array or tensor of integers; got str"),
            (None, "a list, array or tensor of integers; got NoneType"),
            (3, "a list, array or tensor of integers; got int"),
        ],
    )
    def test_what_is_no_row_of_ids(self, tokenizers, kind, ids, says):
        with pytest.raises(ValueError, match=f"ids must be {says}"):
            tokenizers[kind].decode(ids)
        with pytest.raises(ValueError, match=f"ids must be {says}"):
            list(tokenizers[kind].decode_stream(ids))

    @pytest.mark.parametrize("text", [None, b"bytes", ["a"], 3, float("nan")])
    def test_what_is_no_text(self, tokenizers, kind, text):
        with pytest.raises(ValueError, match=f"text must be a string; got {type(text).__name__}"):
            tokenizers[kind].encode(text)

    @pytest.mark.parametrize("missing", [None, float("nan"), b"b"])
    def test_texts_with_a_missing_value(self, tokenizers, kind, missing):
        says = f"every text must be a string; got {missing!r}, a {type(missing).__name__}, as text 1"
        with pytest.raises(ValueError, match=says):
            type(tokenizers[kind]).train(np.array(["a a", missing], dtype=object))
        with pytest.raises(ValueError, match=says):
            list(encode_corpus(tokenizers[kind], ["a", missing]))

    @pytest.mark.parametrize("texts", [{"text": "a"}, b"a", None, 7, types.SimpleNamespace(columns=["a"])])
    def test_what_are_no_texts(self, tokenizers, kind, texts):
        says = f"texts must be a string or an iterable of strings; got {type(texts).__name__}"
        with pytest.raises(ValueError, match=says):
            type(tokenizers[kind]).train(texts)
        with pytest.raises(ValueError, match=says):
            list(encode_corpus(tokenizers[kind], texts))

    def test_a_string_is_one_document(self, tokenizers, kind):
        found = np.concatenate(list(encode_corpus(tokenizers[kind], "a test", end_of_text=0)))
        assert found.tolist() == [*tokenizers[kind].encode("a test"), 0]

    def test_nothing_is_nothing(self, tokenizers, kind):
        tokenizer = tokenizers[kind]
        assert tokenizer.encode("") == []
        assert tokenizer.decode([]) == ""
        assert list(tokenizer.decode_stream([])) == []
        assert list(encode_corpus(tokenizer, [])) == []

    @given(data=st.data())
    def test_streamed_pieces_joined_are_the_text(self, tokenizers, kind, data):
        tokenizer = tokenizers[kind]
        ids = data.draw(st.lists(st.integers(0, tokenizer.vocab_size - 1), max_size=30))
        assert "".join(tokenizer.decode_stream(iter(ids))) == tokenizer.decode(ids)

    def test_saved_and_loaded_is_the_same(self, tokenizers, kind, tmp_path):
        tokenizer = tokenizers[kind]
        tokenizer.save(tmp_path / "tokenizer.json")
        loaded = type(tokenizer).load(tmp_path / "tokenizer.json")
        assert loaded.encode(SAMPLE) == tokenizer.encode(SAMPLE)
        assert loaded.decode(range(loaded.vocab_size)) == tokenizer.decode(range(tokenizer.vocab_size))
        assert loaded.special_tokens == tokenizer.special_tokens
        loaded.save(tmp_path / "again.json")
        assert (tmp_path / "again.json").read_bytes() == (tmp_path / "tokenizer.json").read_bytes()
        assert len(list(tmp_path.iterdir())) == 2  # nothing was left beside them

    def test_a_file_that_can_not_be_written_leaves_the_old_one(self, tokenizers, kind, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"the folder .* does not exist"):
            tokenizers[kind].save(tmp_path / "nowhere" / "tokenizer.json")
        with pytest.raises(IsADirectoryError, match="path must name a file to write; got the folder"):
            tokenizers[kind].save(tmp_path)

    def test_missing_damaged_and_foreign_files_are_refused(self, tokenizers, kind, tmp_path):
        tokenizer, path = tokenizers[kind], tmp_path / "tokenizer.json"
        with pytest.raises(FileNotFoundError, match=r"there is no .*file .*tokenizer.json'"):
            type(tokenizer).load(path)
        tokenizer.save(path)
        whole = path.read_bytes()
        others = [other for other in tokenizers.values() if type(other) is not type(tokenizer)]
        contents = [whole[: len(whole) // 2], whole[:-2], b"", b"[]", b"{}", b"7", b"\xff\xfe\x00"]
        for other in others:
            other.save(path)
            contents.append(path.read_bytes())
        for content in contents:
            path.write_bytes(content)
            with pytest.raises(ValueError, match=r"tokenizer.json(:| is not a \w+Tokenizer file)"):
                type(tokenizer).load(path)


def test_checked_ids_leave_their_argument_alone():
    ids = [3, 1]
    assert checked_ids(ids, 4) == [3, 1] and checked_ids(ids, 4) is not ids
