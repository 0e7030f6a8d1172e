"""Byte pairs: any text comes back exactly, and GPT-2's files give GPT-2's ids."""

import gzip
import json
import os
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers.pre_tokenizers import ByteLevel

from aigc_book.data import corpora
from aigc_book.data.stories import stories
from aigc_book.text import bpe
from aigc_book.text.tokenizers import BPETokenizer

END = "<|endoftext|>"
SAMPLE = ("low lower lowest new newer newest wide wider widest. It's the tokenizer's test: 你好，世界！你好吗？\n") * 5
GPT2_FOLDER = Path(os.environ.get("AIGC_BOOK_DATA", "nowhere")) / "tokenizer" / "gpt2"


@pytest.fixture(scope="module")
def tokenizer():
    return BPETokenizer.train(SAMPLE, vocab_size=300)


@pytest.fixture(scope="module")
def gpt2():
    if not GPT2_FOLDER.is_dir():
        pytest.skip("GPT-2's vocabulary is not there: AIGC_BOOK_DATA names no folder with tokenizer/gpt2")
    return BPETokenizer.load(GPT2_FOLDER)


# ---- the algorithm


def test_the_byte_alphabet():
    alphabet = bpe.byte_alphabet()
    assert sorted(alphabet) == sorted(ByteLevel.alphabet())
    assert (alphabet[ord("A")], alphabet[ord(" ")], alphabet[ord("\n")], alphabet[0]) == ("A", "Ġ", "Ċ", "Ā")


def test_merges_by_hand():
    """Sennrich, Haddow & Birch's example, without word ends. In low×5 lower×2 newest×6 widest×3 the pairs e+s and s+t
    are there 9 times, and so is es+t then; l+o and lo+w 7 times. Equal counts go by the smaller ids: e+s before s+t."""
    text = " ".join(["low"] * 5 + ["lower"] * 2 + ["newest"] * 6 + ["widest"] * 3).split()
    tokenizer = BPETokenizer.train(text, vocab_size=260, special_tokens=())
    assert tokenizer.merges == [("e", "s"), ("es", "t"), ("l", "o"), ("lo", "w")]
    est, low = tokenizer.vocab["est"], tokenizer.vocab["low"]
    assert (est, low, tokenizer.vocab_size) == (257, 259, 260)
    assert tokenizer.encode("lowest") == [low, est]


PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def merged(parts, pair):
    joined = []
    while parts:
        size = 2 if tuple(parts[:2]) == pair else 1
        joined.append("".join(parts[:size]))
        parts = parts[size:]
    return joined


def naive_merges(text, n_merges):
    """From the definition: count all pairs anew for each merge; among equals the pair of the smaller ids is taken."""
    alphabet = bpe.byte_alphabet()
    counts = Counter(regex.findall(PATTERN, text))
    words = {word: [alphabet[byte] for byte in word.encode()] for word in counts}
    ids = {token: i for i, token in enumerate(sorted(alphabet))}
    merges = []
    for _ in range(n_merges):
        pairs = Counter()
        for word, parts in words.items():
            for pair in pairwise(parts):
                pairs[pair] += counts[word]
        best = min(pairs, key=lambda pair: (-pairs[pair], ids[pair[0]], ids[pair[1]]))
        merges.append(best)
        ids.setdefault("".join(best), len(ids))
        words = {word: merged(parts, best) for word, parts in words.items()}
    return merges


@pytest.mark.parametrize("kind", ["documentation", "stories"])
def test_merges_against_the_definition(kind):
    """On real English, and on English and Chinese mixed."""
    texts = [corpora.python_docs()[:15_000]]
    if kind == "stories":
        texts = [text for story in stories("train", 40) for text in (story.english, story.chinese)]
    text = "\n".join(texts)
    fast = BPETokenizer.train(text, vocab_size=256 + 80, special_tokens=())
    assert fast.merges == naive_merges(text, 80)


def naive_encode(tokenizer, text):
    """From the definition: cut with GPT-2's pattern, then merge the pair that was learned first until there is none."""
    rank = {pair: i for i, pair in enumerate(tokenizer.merges)}
    alphabet, ids = bpe.byte_alphabet(), []
    for word in regex.findall(PATTERN, text):
        parts = [alphabet[byte] for byte in word.encode()]
        while len(parts) > 1:
            best = min(pairwise(parts), key=lambda pair: rank.get(pair, len(rank)))
            if best not in rank:
                break
            parts = merged(parts, best)
        ids += [tokenizer.vocab[part] for part in parts]
    return ids


@given(st.text() | st.text(st.sampled_from("lowernstid '!1 \n\t\u3000你好世")))
def test_ids_against_the_definition(tokenizer, text):
    assert tokenizer.encode(text) == naive_encode(tokenizer, text)


@settings(max_examples=300)
@given(
    st.text()
    | st.lists(
        st.sampled_from([END, "<|", "|>", "endoftext", " ", "\n", "\r\n", "low", "你好", "e\u0301", "👩‍👩‍👧", "\0"])
    ).map("".join)
)
def test_any_text_comes_back_exactly(tokenizer, text):
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert tokenizer.special_tokens[END] not in ids  # what looks like a special token is text
    allowed = tokenizer.encode(text, allowed_special=[END])
    assert tokenizer.decode(allowed) == text
    assert allowed.count(tokenizer.special_tokens[END]) == text.count(END)


def test_long_texts_have_the_ids_of_the_definition(tokenizer, monkeypatch):
    monkeypatch.setattr(bpe, "_PIECE_CHARS", 50)
    text = SAMPLE.replace(" ", "   ", 7) + "  \n\n " + SAMPLE
    assert tokenizer.encode(text) == naive_encode(tokenizer, text)


def test_the_same_text_gives_the_same_merges_in_any_pieces(tokenizer):
    again = BPETokenizer.train(iter([SAMPLE]), vocab_size=300)
    assert (again.merges, again.vocab, again.special_tokens) == (
        tokenizer.merges,
        tokenizer.vocab,
        tokenizer.special_tokens,
    )


def test_a_long_text_is_learned_as_one(monkeypatch, tokenizer):
    monkeypatch.setattr(bpe, "_PIECE_CHARS", 50)
    assert BPETokenizer.train(SAMPLE, vocab_size=300).merges == tokenizer.merges


def test_the_vocabulary_is_bytes_merges_and_special_tokens_last(tokenizer):
    assert tokenizer.vocab_size == 300 == 256 + len(tokenizer.merges) + 1
    assert tokenizer.special_tokens == {END: 299}
    several = BPETokenizer.train(SAMPLE, vocab_size=300, special_tokens=["<a>", "<b>", "<a>"])
    assert several.special_tokens == {"<a>": 298, "<b>": 299}
    assert several.decode([298, 299]) == "<a><b>"
    small = BPETokenizer.train("ab", vocab_size=5000)
    assert small.vocab_size == 257  # no pair is there twice


def test_longer_special_tokens_go_first():
    tokenizer = BPETokenizer.train(SAMPLE, vocab_size=300, special_tokens=["<a>", "<a><b>", "<b>"])
    ids = tokenizer.special_tokens
    assert tokenizer.encode("<a><b><b><a>", allowed_special=ids) == [ids["<a><b>"], ids["<b>"], ids["<a>"]]
    assert tokenizer.encode("<b><a>", allowed_special=["<a>"])[:-1] == tokenizer.encode("<b>")


# ---- bytes that are no whole characters


def test_streaming_gives_whole_characters_only(tokenizer):
    text = "a世😀é"
    ids = [tokenizer.vocab[bpe.byte_alphabet()[byte]] for byte in text.encode()]  # one byte at a time
    pieces, calls = [], []

    def tokens():
        for token_id in ids:
            calls.append(len(pieces))
            yield token_id

    for piece in tokenizer.decode_stream(tokens()):
        pieces.append(piece)
    assert pieces == ["a", "世", "😀", "é"]
    assert calls == [0, 1, 1, 1, 2, 2, 2, 2, 3, 3]  # each given out as soon as its last byte is here


def test_ids_that_stop_inside_a_character(tokenizer):
    ids = [tokenizer.vocab[bpe.byte_alphabet()[byte]] for byte in "世".encode()[:2]]
    assert tokenizer.decode(ids) == "\ufffd"
    assert list(tokenizer.decode_stream(ids)) == ["\ufffd"]
    assert tokenizer.decode_bytes(ids) == "世".encode()[:2]


# ---- GPT-2's own files


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("Hello world", [15496, 995]),
        ("Hello, my dog is cute", [15496, 11, 616, 3290, 318, 13779]),
        ("The quick brown fox", [464, 2068, 7586, 21831]),
        ("\n\n", [628]),
    ],
)
def test_gpt2_ids_that_are_well_known(gpt2, text, ids):
    assert gpt2.encode(text) == ids
    assert gpt2.decode(ids) == text


def test_gpt2_end_of_text(gpt2):
    assert (gpt2.vocab_size, gpt2.special_tokens) == (50257, {END: 50256})
    assert gpt2.encode(END, allowed_special=[END]) == [50256]
    assert gpt2.decode(gpt2.encode(END)) == END and 50256 not in gpt2.encode(END)


@pytest.fixture(scope="module")
def hf_gpt2(gpt2, tmp_path_factory):
    from transformers import GPT2Tokenizer

    folder = tmp_path_factory.mktemp("gpt2")
    for source, name in (("encoder.json", "vocab.json"), ("vocab.bpe", "merges.txt")):
        packed = (GPT2_FOLDER / f"{source}.gz").read_bytes()
        (folder / name).write_bytes(gzip.decompress(packed))
    return GPT2Tokenizer.from_pretrained(folder), folder


@settings(deadline=None)
@given(text=st.text() | st.text(st.sampled_from("The cat's 12 dogs!\n\t \u3000中文é😀")))
def test_gpt2_ids_against_transformers_and_the_definition(gpt2, hf_gpt2, text):
    ids = gpt2.encode(text)
    assert ids == hf_gpt2[0].encode(text, split_special_tokens=True)
    assert ids == naive_encode(gpt2, text)
    assert gpt2.decode(ids) == text


def test_gpt2_files_in_every_arrangement(gpt2, hf_gpt2, tmp_path):
    _, folder = hf_gpt2
    text = SAMPLE + END
    hf_gpt2[0].save_pretrained(tmp_path / "saved")
    for path in (
        folder,
        (folder / "vocab.json", folder / "merges.txt"),
        (str(GPT2_FOLDER / "encoder.json.gz"), str(folder / "merges.txt")),
        tmp_path / "saved",
        tmp_path / "saved" / "tokenizer.json",
    ):
        loaded = BPETokenizer.load(path)
        assert loaded.encode(text) == gpt2.encode(text)
        assert loaded.special_tokens == {END: 50256}


# ---- files


def test_transformers_reads_what_is_saved(tokenizer, tmp_path):
    from transformers import PreTrainedTokenizerFast

    tokenizer.save(tmp_path / "tokenizer.json")
    theirs = PreTrainedTokenizerFast(tokenizer_file=str(tmp_path / "tokenizer.json"))
    assert len(theirs) == tokenizer.vocab_size
    assert theirs.encode(SAMPLE) == tokenizer.encode(SAMPLE)
    assert theirs.encode("low" + END) == tokenizer.encode("low" + END, allowed_special=[END])
    assert theirs.decode(tokenizer.encode(SAMPLE), clean_up_tokenization_spaces=False) == SAMPLE


def test_special_tokens_may_come_first(tokenizer, tmp_path):
    from tokenizers import Tokenizer

    vocab = {token: token_id + 2 for token, token_id in tokenizer.vocab.items()}
    shifted = BPETokenizer(vocab, tokenizer.merges, special_tokens={"<s>": 0, "</s>": 1})
    expected = [0, *(token_id + 2 for token_id in tokenizer.encode("low")), 1]
    assert shifted.encode("<s>low</s>", allowed_special=["<s>", "</s>"]) == expected
    shifted.save(tmp_path / "tokenizer.json")
    assert Tokenizer.from_file(str(tmp_path / "tokenizer.json")).encode("<s>low</s>").ids == expected
    assert BPETokenizer.load(tmp_path / "tokenizer.json").special_tokens == {"<s>": 0, "</s>": 1}


def write_pair(tokenizer, folder, names=("vocab.json", "merges.txt"), version="#version: 0.2\n"):
    """The two files of a tokenizer, as OpenAI and Hugging Face lay them out."""
    folder.mkdir(exist_ok=True)
    vocab = json.dumps(tokenizer.vocab | tokenizer.special_tokens)
    merges = version + "".join(f"{left} {right}\n" for left, right in tokenizer.merges)
    for name, content in zip(names, (vocab.encode(), merges.encode()), strict=True):
        (folder / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return folder


@pytest.mark.parametrize(
    "names",
    [
        ("vocab.json", "merges.txt"),
        ("encoder.json", "vocab.bpe"),
        ("encoder.json.gz", "vocab.bpe.gz"),
        ("vocab.json", "merges.txt.gz"),
    ],
)
@pytest.mark.parametrize("version", ["#version: 0.2\n", ""])
def test_folders_and_pairs_are_read(tokenizer, tmp_path, names, version):
    folder = write_pair(tokenizer, tmp_path, names, version)
    for path in (folder, str(folder), tuple(folder / name for name in names)):
        loaded = BPETokenizer.load(path)
        assert (loaded.merges, loaded.vocab, loaded.special_tokens) == (
            tokenizer.merges,
            tokenizer.vocab,
            tokenizer.special_tokens,
        )


def test_a_folder_without_a_tokenizer_says_what_it_lacks(tokenizer, tmp_path):
    expected = r"expected tokenizer.json, or vocab.json and merges.txt, or encoder.json and vocab.bpe"
    with pytest.raises(FileNotFoundError, match=f"holds no tokenizer: {expected}"):
        BPETokenizer.load(tmp_path)
    folder = write_pair(tokenizer, tmp_path)
    (folder / "merges.txt").unlink()
    with pytest.raises(FileNotFoundError, match=f"holds no tokenizer: {expected}"):
        BPETokenizer.load(folder)
    with pytest.raises(FileNotFoundError, match=r"there is no tokenizer file .*merges.txt'"):
        BPETokenizer.load((folder / "vocab.json", folder / "merges.txt"))


def test_truncated_and_foreign_pairs_are_refused(tokenizer, tmp_path):
    folder = write_pair(tokenizer, tmp_path)
    vocab, merges = ((folder / name).read_bytes() for name in ("vocab.json", "merges.txt"))
    several = json.loads(vocab)
    for name, content, said in [
        (
            "merges.txt",
            merges[: len(merges) // 2],
            "(no merge makes the token|must hold two tokens|which is not in the)",
        ),
        ("merges.txt", b"".join(merges.splitlines(keepends=True)[:-1]), "no merge makes the token"),
        ("merges.txt", merges + b"a b c\n", "a line of the merges must hold two tokens; got 'a b c'"),
        ("merges.txt", merges + b"\xff", "codec can't decode"),
        ("merges.txt", merges + "z Ġ\n".encode(), "the merge 'z' \\+ 'Ġ' needs 'zĠ', which is not in the vocabulary"),
        ("vocab.json", vocab[:-9], "Expecting|Unterminated|delimiter"),
        ("vocab.json", b"[1, 2]", "has no attribute"),
        ("vocab.json", json.dumps({"hello": 0, "world": 1}).encode(), "needs 'l'|no merge makes the token|bytes"),
        ("vocab.json", json.dumps(several | {END: 300}).encode(), "the ids must be 0 to 299, each once; got 0 to 300"),
        ("vocab.json", json.dumps(several | {END: 0}).encode(), "the ids must be 0 to 299, each once"),
        ("vocab.json", json.dumps(several | {"Ġzebra": 300}).encode(), "no merge makes the token 'Ġzebra'"),
        ("vocab.json", json.dumps({k: v for k, v in several.items() if k != "!"}).encode(), "256 bytes; 1 of them"),
    ]:
        before = (folder / name).read_bytes()
        (folder / name).write_bytes(content)
        with pytest.raises(ValueError, match=rf"vocab.json and .*merges.txt: truncated, or not of a .*\(.*({said})"):
            BPETokenizer.load(folder)
        (folder / name).write_bytes(before)
    packed = write_pair(tokenizer, tmp_path / "packed", ("encoder.json.gz", "vocab.bpe.gz"))
    (packed / "vocab.bpe.gz").write_bytes((packed / "vocab.bpe.gz").read_bytes()[:-20])
    with pytest.raises(ValueError, match=r"vocab.bpe.gz is damaged"):
        BPETokenizer.load(packed)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("normalizer", {"type": "NFC"}),
        ("pre_tokenizer", None),
        ("pre_tokenizer", {"type": "Whitespace"}),
        ("pre_tokenizer", {"type": "ByteLevel", "add_prefix_space": True, "use_regex": True}),
        ("pre_tokenizer", {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}),
        ("model", {"type": "WordPiece"}),
    ],
)
def test_tokenizers_of_another_kind_are_refused(tokenizer, tmp_path, field, value):
    path = tmp_path / "tokenizer.json"
    tokenizer.save(path)
    path.write_text(json.dumps({**json.loads(path.read_text()), field: value}))
    with pytest.raises(ValueError, match="expected a BPE model after a plain ByteLevel; got "):
        BPETokenizer.load(path)


TEMPLATE = {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}]}
FLAGS = {"id": 300, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}


@pytest.mark.parametrize(
    ("part", "value", "says"),
    [
        ("model", {"continuing_subword_prefix": "##"}, "continuing_subword_prefix is '##'; expected none"),
        ("model", {"end_of_word_suffix": "</w>"}, "end_of_word_suffix is '</w>'; expected none"),
        ("model", {"dropout": 0.1}, "dropout is 0.1; expected none"),
        ("model", {"ignore_merges": True}, "ignore_merges is True; expected none"),
        ("truncation", {"max_length": 8}, "asks for truncation"),
        ("padding", {"pad_id": 0}, "asks for padding"),
        (
            "post_processor",
            TEMPLATE,
            "post_processor is 'TemplateProcessing'; expected 'ByteLevel'",
        ),
        ("decoder", {"type": "WordPiece"}, "decoder is 'WordPiece'; expected 'ByteLevel'"),
        ("added_tokens", {"content": "name", "special": False}, "added token 'name' isn't special"),
        ("added_tokens", {"content": "<mask>", "lstrip": True}, "added token '<mask>' has lstrip"),
        ("added_tokens", {"content": "<mask>", "single_word": True}, "added token '<mask>' has single_word"),
        ("added_tokens", {"content": "a"}, "added token 'a' has another id than in the vocabulary"),
    ],
)
def test_what_would_give_other_ids_is_refused(tokenizer, tmp_path, part, value, says):
    path = tmp_path / "tokenizer.json"
    tokenizer.save(path)
    document = json.loads(path.read_text())
    if part == "model":
        document[part] |= value
    elif part == "added_tokens":
        document[part].append(FLAGS | value)
    else:
        document[part] = value
    path.write_text(json.dumps(document))
    with pytest.raises(ValueError, match=f"tokenizer.json: .*{says}"):
        BPETokenizer.load(path)


def test_a_file_of_the_tokenizers_library_gives_its_ids(tmp_path):
    from tokenizers import Tokenizer, models, trainers

    theirs = Tokenizer(models.BPE())
    theirs.pre_tokenizer = ByteLevel(add_prefix_space=False)
    alphabet = ByteLevel.alphabet()
    theirs.train_from_iterator(
        [SAMPLE],
        trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, special_tokens=["<s>"], show_progress=False),
    )
    theirs.save(str(tmp_path / "tokenizer.json"))
    ours = BPETokenizer.load(tmp_path)
    assert ours.encode(SAMPLE) == theirs.encode(SAMPLE).ids
    assert ours.special_tokens == {"<s>": 0}


def test_line_ends_of_windows_and_a_byte_order_mark(tokenizer, tmp_path):
    folder = write_pair(tokenizer, tmp_path)
    merges = folder / "merges.txt"
    merges.write_bytes(b"\xef\xbb\xbf" + merges.read_bytes().replace(b"\n", b"\r\n"))
    assert BPETokenizer.load(folder).merges == tokenizer.merges


def test_what_stands_beside_a_vocabulary_is_honoured_or_refused(tokenizer, tmp_path):
    folder = write_pair(tokenizer, tmp_path)
    (folder / "added_tokens.json").write_text(json.dumps(tokenizer.special_tokens))
    (folder / "tokenizer_config.json").write_text(json.dumps({"add_prefix_space": False}))
    assert BPETokenizer.load(folder).vocab == tokenizer.vocab
    (folder / "added_tokens.json").write_text(json.dumps({"<new>": 300}))
    with pytest.raises(ValueError, match=r"added_tokens.json adds the token '<new>', which is not in the vocabulary"):
        BPETokenizer.load(folder)
    (folder / "added_tokens.json").unlink()
    (folder / "tokenizer_config.json").write_text(json.dumps({"add_prefix_space": True}))
    with pytest.raises(ValueError, match=r"tokenizer_config.json asks for add_prefix_space"):
        BPETokenizer.load(folder)


@pytest.mark.parametrize("run", ["ACGT" * 50_000, " " * 200_000, "0" * 200_000, "~" * 200_000, "字" * 100_000])
def test_text_without_breaks_is_learned_from_in_parts(run):
    """As one word, 80,000 letters took 11 seconds and 160,000 took 48."""
    tokenizer = BPETokenizer.train(run, vocab_size=300)
    ids = tokenizer.encode(run)
    assert tokenizer.decode(ids) == run
    assert len(ids) < len(run) / 4


def test_runs_of_512_characters_are_whole():
    """Shorter ones are learned from as before, and the parts of longer ones are the text."""
    assert list(bpe._parts("a" * 511 + " b")) == ["a" * 511 + " b"]
    assert list(bpe._parts("12" + "a" * 1030 + "!")) == ["12" + "a" * 512, "a" * 512, "a" * 6 + "!"]


def test_special_tokens_of_the_class_have_ids(tokenizer):
    with pytest.raises(ValueError, match="special_tokens must be a mapping from token to id; got list"):
        BPETokenizer(tokenizer.vocab, tokenizer.merges, special_tokens=[END])


def test_older_files_write_a_merge_as_one_string(tokenizer, tmp_path):
    path = tmp_path / "tokenizer.json"
    tokenizer.save(path)
    document = json.loads(path.read_text())
    document["model"]["merges"] = [" ".join(pair) for pair in document["model"]["merges"]]
    path.write_text(json.dumps(document))
    assert BPETokenizer.load(path).merges == tokenizer.merges


# ---- what can't be


def test_trainings_that_can_not_be():
    with pytest.raises(
        ValueError, match="vocab_size must be at least 257, for 256 bytes and 1 special tokens; got 256"
    ):
        BPETokenizer.train(SAMPLE, vocab_size=256)
    for nothing in ("", [], ["", ""]):
        with pytest.raises(ValueError, match="the texts must hold at least one character; got none"):
            BPETokenizer.train(nothing)
    with pytest.raises(ValueError, match="the special token 'low' is an ordinary token of the text"):
        BPETokenizer.train(["low"] * 9, vocab_size=300, special_tokens=["low"])


def test_texts_that_are_no_unicode(tokenizer):
    with pytest.raises(ValueError, match=r"lone surrogate \(half a character\), '\\ud800', at position 2"):
        tokenizer.encode("ab\ud800")
    with pytest.raises(ValueError, match="lone surrogate"):
        BPETokenizer.train(["fine", "\udfff"])


def test_special_tokens_that_are_not_there(tokenizer):
    with pytest.raises(ValueError, match=r"allowed_special must be among \['<\|endoftext\|>'\]; got '<pad>'"):
        tokenizer.encode("a", allowed_special=[END, "<pad>"])


def test_vocabularies_that_can_not_be(tokenizer):
    with pytest.raises(ValueError, match="a byte-level vocabulary holds all 256 bytes; 255 of them are missing"):
        BPETokenizer({"a": 0}, [], special_tokens={})
    with pytest.raises(ValueError, match="the token 'a b' is not written in GPT-2's byte alphabet"):
        BPETokenizer({**tokenizer.vocab, "a b": 300}, tokenizer.merges, special_tokens={})


def test_arguments_are_not_changed(tokenizer):
    vocab, merges, special_tokens = dict(tokenizer.vocab), list(tokenizer.merges), dict(tokenizer.special_tokens)
    other = BPETokenizer(vocab, merges, special_tokens=special_tokens)
    other.special_tokens["<new>"] = 300
    other.merges.clear()
    assert (vocab, merges, special_tokens) == (tokenizer.vocab, tokenizer.merges, tokenizer.special_tokens)


@pytest.mark.parametrize("wrong", [True, 1.0, "1", None])
def test_ids_of_a_vocabulary_are_whole_numbers(tokenizer, wrong):
    """1.0 of a special token came out of encode as it was."""
    vocab, special = dict(tokenizer.vocab), dict(tokenizer.special_tokens)
    for table in (vocab, special):
        token = next(iter(table))
        kept, table[token] = table[token], wrong
        with pytest.raises(ValueError, match=f"ids must be whole numbers; got {wrong!r} for the token"):
            BPETokenizer(vocab, tokenizer.merges, special_tokens=special)
        table[token] = kept


@pytest.mark.parametrize("wrong", ["a b", ("a",), ("a", "b", "c"), (1, 2)])
def test_merges_are_pairs(tokenizer, wrong):
    with pytest.raises(ValueError, match="merges must be pairs of tokens; got"):
        BPETokenizer(tokenizer.vocab, [*tokenizer.merges, wrong], special_tokens=tokenizer.special_tokens)
