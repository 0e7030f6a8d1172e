"""Tokenizers beside a model: saved under their names, found again, and those of published models."""

import json

import pytest
import tokenizers
from tokenizers import decoders, models, normalizers, processors
from transformers import PreTrainedTokenizerFast

from aigc_book.text.folders import FILES, load_tokenizer, save_tokenizer
from aigc_book.text.published import PublishedTokenizer
from aigc_book.text.tokenizers import BPETokenizer, CharTokenizer, WordTokenizer

TEXT = "the cat sat on the mat. 猫坐着 the end"


@pytest.fixture
def llama(tmp_path):
    """A tokenizer.json of Llama's kind: spaces as ▁, bytes for what it hasn't, a token at the beginning."""
    pieces = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *"▁thecas", "th", "▁the"]
    vocab = {piece: i for i, piece in enumerate(dict.fromkeys(pieces))}
    merges = [("t", "h"), ("▁", "th"), ("▁th", "e")]
    vocab["▁th"] = len(vocab)
    library = tokenizers.Tokenizer(models.BPE(vocab, merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    library.add_special_tokens(["<unk>", "<s>", "</s>"])
    library.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    library.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", vocab["<s>"])])
    library.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    library.save(str(tmp_path / "tokenizer.json"))
    return tmp_path


@pytest.mark.parametrize("kind", FILES.values())
def test_what_is_saved_beside_a_model_is_found_there(tmp_path, kind):
    tokenizer = kind.train(TEXT)
    file = save_tokenizer(tokenizer, tmp_path)
    assert FILES[file.name] is kind
    for place in (tmp_path, file):
        found = load_tokenizer(place)
        assert type(found) is kind and found.encode(TEXT) == tokenizer.encode(TEXT)


def test_transformers_reads_it_too(tmp_path):
    tokenizer = BPETokenizer.train(TEXT, vocab_size=270)
    file = save_tokenizer(tokenizer, tmp_path)
    assert PreTrainedTokenizerFast(tokenizer_file=str(file))(TEXT)["input_ids"] == tokenizer.encode(TEXT)


def test_a_vocabulary_and_merges_are_a_tokenizer(tmp_path):
    tokenizer = BPETokenizer.train(TEXT, vocab_size=265)
    (tmp_path / "vocab.json").write_text(json.dumps(tokenizer.vocab | tokenizer.special_tokens), encoding="utf-8")
    merges = "\n".join(" ".join(pair) for pair in tokenizer.merges)
    (tmp_path / "merges.txt").write_text(merges, encoding="utf-8")
    assert load_tokenizer(tmp_path).encode(TEXT) == tokenizer.encode(TEXT)


def test_llamas_tokenizer_gives_the_ids_of_transformers(llama):
    """<s>, ▁the, ▁, c, a, t; the Chinese character as its three bytes, which come out as one character."""
    tokenizer = load_tokenizer(llama)
    assert isinstance(tokenizer, PublishedTokenizer)
    peer = PreTrainedTokenizerFast(tokenizer_file=str(llama / "tokenizer.json"))
    for text in ("the cat", TEXT, "猫"):
        assert tokenizer.encode(text) == peer(text)["input_ids"]
    ids = tokenizer.encode("the 猫 cat")
    assert ids[0] == tokenizer.special_tokens["<s>"] and len(ids) == 10
    assert tokenizer.decode(ids) == "the 猫 cat"
    assert list(tokenizer.decode_stream(ids)) == ["the", " ", "猫", " ", "c", "a", "t"]
    assert tokenizer.vocab_size == len(peer)


def test_errors(tmp_path, llama):
    with pytest.raises(FileNotFoundError, match=r"no file or folder .* to read a tokenizer from"):
        load_tokenizer(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="no tokenizer file"):
        PublishedTokenizer.load(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        FileNotFoundError, match=r"holds no tokenizer: expected one of tokenizer\.json, characters\.json"
    ):
        load_tokenizer(tmp_path / "empty")
    save_tokenizer(CharTokenizer.train(TEXT), llama)
    with pytest.raises(ValueError, match=r"two tokenizers, tokenizer\.json and characters\.json"):
        load_tokenizer(llama)
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(ValueError, match=r"must be named tokenizer\.json, .*; got other\.json"):
        load_tokenizer(tmp_path / "other.json")
    (tmp_path / "empty" / "tokenizer.json").write_text("{")
    with pytest.raises(ValueError, match=r"is not a tokenizer\.json"):
        load_tokenizer(tmp_path / "empty")
    with pytest.raises(ValueError, match="must be one of BPETokenizer, CharTokenizer, WordTokenizer; got Published"):
        save_tokenizer(PublishedTokenizer.load(llama / "tokenizer.json"), tmp_path)
    tokenizer = PublishedTokenizer.load(llama / "tokenizer.json")
    with pytest.raises(ValueError, match="ids must be from 0 to"):
        tokenizer.decode([999])
    with pytest.raises(ValueError, match="text must be a string"):
        tokenizer.encode(b"the")
    words = WordTokenizer.train(TEXT)
    save_tokenizer(words, tmp_path / "empty")
    (tmp_path / "empty" / "tokenizer.json").unlink()
    assert load_tokenizer(tmp_path / "empty").encode("the cat") == words.encode("the cat")
