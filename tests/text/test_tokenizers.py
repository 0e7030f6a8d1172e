"""Characters and words, by hand and against torchtext's own pipeline."""

import json
import re
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aigc_book.text.tokenizers import BPETokenizer, CharTokenizer, WordTokenizer

# ---- characters


def test_characters_by_hand():
    """The alphabet of "hello" in order: e h l o are 0 1 2 3."""
    tokenizer = CharTokenizer.train("hello")
    assert tokenizer.vocab_size == 4
    assert tokenizer.encode("hello") == [1, 0, 2, 2, 3]
    assert tokenizer.decode([3, 1]) == "oh"
    assert tokenizer.special_tokens == {}


def test_characters_of_many_texts_in_the_order_of_code_points():
    assert CharTokenizer.train(iter(["ba", "", "😀a", "中"])).characters == ("a", "b", "中", "😀")


@given(st.text(min_size=1))
@example("a\ud800")  # a lone surrogate is a character to Python
def test_characters_round_trip(text):
    tokenizer = CharTokenizer.train(text)
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.encode(text) == [sorted(set(text)).index(character) for character in text]


def test_an_unknown_character_is_an_error_without_unk():
    for unknown in ("z", "中", "\0"):
        with pytest.raises(
            ValueError, match=f"the character {re.escape(repr(unknown))} at position 2 is not in the alphabet of 4"
        ):
            CharTokenizer.train("hello").encode(f"he{unknown}lz")


def test_an_unknown_character_becomes_unk():
    tokenizer = CharTokenizer.train("hello", unk_token="<unk>")
    assert tokenizer.vocab_size == 5
    assert tokenizer.special_tokens == {"<unk>": 4}
    assert tokenizer.encode("z中eh\0") == [4, 4, 0, 1, 4]
    assert tokenizer.decode([1, 4]) == "h<unk>"


def test_rare_characters_give_way():
    """In "aaabbc", a is there three times and b twice: with room for two and unk, c is left out."""
    tokenizer = CharTokenizer.train("cbabaa", vocab_size=3, unk_token="?")
    assert tokenizer.characters == ("a", "b")
    assert tokenizer.encode("abc") == [0, 1, 2]
    assert CharTokenizer.train("cbabaa", vocab_size=3).characters == ("a", "b", "c")


def test_alphabets_that_can_not_be():
    with pytest.raises(ValueError, match="vocab_size=3 is smaller than the text's alphabet of 4 characters"):
        CharTokenizer.train("hello", vocab_size=3)
    with pytest.raises(ValueError, match="must leave room for a character beside '<unk>'; got 1"):
        CharTokenizer.train("hello", vocab_size=1, unk_token="<unk>")
    for nothing in ("", []):
        with pytest.raises(ValueError, match=r"at least one character; got none \(was the text empty\?\)"):
            CharTokenizer.train(nothing)
    with pytest.raises(ValueError, match="every entry of the alphabet must be a single character"):
        CharTokenizer(["a", "bc"])
    with pytest.raises(ValueError, match="must hold every character once"):
        CharTokenizer(["a", "b", "a"])


# ---- words

TEXTS = ["The cat sat on the mat.", "The dog, too, sat!", "A cat isn't a dog?"]


def test_words_by_hand():
    """Lower case, punctuation apart. "the" is there 3 times; "," "a" "cat" "dog" "sat" twice, in this order."""
    tokenizer = WordTokenizer.train(TEXTS)
    assert tokenizer.split("The cat, too.") == ["the", "cat", ",", "too", "."]
    assert tokenizer.vocab.itos[:8] == ["<unk>", "<pad>", "the", ",", "a", "cat", "dog", "sat"]
    assert tokenizer.encode("The CAT, zebra") == [2, 5, 3, 0]
    assert tokenizer.decode([2, 5, 3, 0, 1]) == "the cat , <unk> <pad>"
    assert tokenizer.special_tokens == {"<unk>": 0, "<pad>": 1}
    assert tokenizer.encode("<unk> <pad>") == [0, 1]


@pytest.mark.parametrize("settings", [{}, {"vocab_size": 9}, {"min_freq": 2}, {"special_tokens": ["<s>", "<unk>"]}])
def test_words_against_torchtext(settings):
    from torchtext.data import get_tokenizer
    from torchtext.vocab import Vocab

    split = get_tokenizer("basic_english")
    specials = settings.get("special_tokens", ["<unk>", "<pad>"])
    max_size = settings["vocab_size"] - 2 if "vocab_size" in settings else None
    counts = Counter(word for text in TEXTS for word in split(text))
    vocab = Vocab(counts, max_size=max_size, min_freq=settings.get("min_freq", 1), specials=specials)
    tokenizer = WordTokenizer.train(iter(TEXTS), **settings)
    assert tokenizer.vocab_size == len(vocab)
    for text in [*TEXTS, "no such words"]:
        assert tokenizer.encode(text) == [vocab.stoi[word] for word in split(text)]


def test_coding_does_not_change_the_vocabulary():
    tokenizer = WordTokenizer.train(TEXTS)
    before = dict(tokenizer.vocab.stoi)
    tokenizer.encode("zebra")
    assert dict(tokenizer.vocab.stoi) == before


def test_an_unknown_word_is_an_error_without_unk(tmp_path):
    tokenizer = WordTokenizer.train(TEXTS, special_tokens=[])
    tokenizer.save(tmp_path / "words.json")
    for words in (tokenizer, WordTokenizer.load(tmp_path / "words.json")):
        assert words.decode(words.encode("the dog")) == "the dog"
        with pytest.raises(
            ValueError, match=r"the word 'zebra' is not in the vocabulary of 15 tokens, and .* no '<unk>'"
        ):
            words.encode("the zebra sat")


@pytest.mark.parametrize(
    ("splitter", "words"),
    [("basic_english", ["a", "b", ",", "c"]), ("toktok", ["A", "b", ",", "c"]), (None, ["A", "b,c"])],
)
def test_splitters(tmp_path, splitter, words):
    tokenizer = WordTokenizer.train("A b,c", splitter=splitter)
    assert tokenizer.split("A b,c") == words
    tokenizer.save(tmp_path / "words.json")
    assert WordTokenizer.load(tmp_path / "words.json").split("A b,c") == words


@pytest.mark.parametrize("splitter", ["basic_english", "toktok", None])
def test_special_tokens_in_capitals_and_with_punctuation_are_themselves(tmp_path, splitter):
    specials = ["<UNK>", "[SEP]", "<S.E.P>", "PAD"]
    tokenizer = WordTokenizer.train(["a b [SEP] a <S.E.P> PAD a", "c"], special_tokens=specials, splitter=splitter)
    assert tokenizer.special_tokens == {"<UNK>": 0, "[SEP]": 1, "<S.E.P>": 2, "PAD": 3}
    assert tokenizer.vocab_size == 4 + len("abc")
    assert tokenizer.decode(tokenizer.encode("a [SEP] b <S.E.P>  PAD <UNK> c")) == "a [SEP] b <S.E.P> PAD <UNK> c"
    tokenizer.save(tmp_path / "words.json")
    assert WordTokenizer.load(tmp_path / "words.json").encode("[SEP] PAD") == [1, 3]
    if splitter:  # beside punctuation it is itself as well, and within a word it is not
        assert tokenizer.split("(PAD), PADDED")[:3] == ["(", "PAD", ")"]
        assert "PAD" not in tokenizer.split("PADDED XPAD")
        assert tokenizer.split("(end)[SEP] a") == ["(", "end", ")", "[SEP]", "a"]
    else:
        assert tokenizer.split("(PAD), PADDED") == ["(PAD),", "PADDED"]


def test_toktok_goes_line_by_line():
    from nltk.tokenize.toktok import ToktokTokenizer

    text = 'It ends. Here it does.\nAnd "here."\n\nNo end'
    words = [word for line in text.split("\n") for word in ToktokTokenizer().tokenize(line)]
    assert WordTokenizer.train(text, splitter="toktok").split(text) == words
    assert words[:7] == ["It", "ends.", "Here", "it", "does", ".", "And"]


def test_a_string_of_special_tokens_is_one_token():
    assert WordTokenizer.train("a b", special_tokens="<unk>").special_tokens == {"<unk>": 0}
    assert WordTokenizer(["<unk>", "a"], special_tokens="<unk>").special_tokens == {"<unk>": 0}
    trained = BPETokenizer.train("a b", vocab_size=260, special_tokens="<pad>")
    assert trained.special_tokens == {"<pad>": 256}
    assert trained.encode("<pad>", allowed_special="<pad>") == [256]


@pytest.mark.parametrize("wrong", ["", None, 3])
def test_what_is_no_special_token(wrong):
    for tokenizer in (WordTokenizer, BPETokenizer):
        with pytest.raises(ValueError, match=f"a special token must be a string and not empty; got {wrong!r}"):
            tokenizer.train("a b", vocab_size=300, special_tokens=["<unk>", wrong])
    if wrong is not None:
        with pytest.raises(ValueError, match=f"a special token must be a string and not empty; got {wrong!r}"):
            CharTokenizer.train("a b", unk_token=wrong)


def test_no_list_of_special_tokens():
    trained = BPETokenizer.train("a b", vocab_size=257)
    for attempt in (
        lambda: BPETokenizer.train("a b", special_tokens=None),
        lambda: WordTokenizer.train("a b", special_tokens=None),
        lambda: trained.encode("a", allowed_special=None),
    ):
        with pytest.raises(ValueError, match="special tokens must be a list of strings, or one string; got None"):
            attempt()


@pytest.mark.parametrize("kind", [WordTokenizer, BPETokenizer])
def test_special_tokens_in_a_set_are_refused_since_its_order_would_give_the_ids(kind):
    with pytest.raises(ValueError, match=r"special tokens must be a list of strings, or one string; got \{'<s>'\}"):
        kind.train("a b", special_tokens={"<s>"})
    trained = BPETokenizer.train("a b", special_tokens=["<s>"])
    assert trained.encode("<s>", allowed_special={"<s>"}) == [trained.special_tokens["<s>"]]


def test_a_special_word_has_no_white_space():
    with pytest.raises(ValueError, match="a special token must be a word without white space; got 'end of text'"):
        WordTokenizer.train("a b", special_tokens=["<unk>", "end of text"])


def test_chinese_that_is_split_already():
    tokenizer = WordTokenizer.train(["我 爱 自然 语言", "我 学 语言"], splitter=None)
    assert tokenizer.decode(tokenizer.encode("我 爱 语言")) == "我 爱 语言"


def test_vocabularies_that_can_not_be():
    for nothing in ("", [], [" ", "\n"]):
        with pytest.raises(ValueError, match="the texts must hold at least one word; got none"):
            WordTokenizer.train(nothing)
    with pytest.raises(ValueError, match="must leave room for a word beside 2 special tokens; got 2"):
        WordTokenizer.train(TEXTS, vocab_size=2)
    for settings in ({"vocab_size": 5}, {"min_freq": 2}):
        with pytest.raises(ValueError, match=r"leave out \d+ of the text's words, and there is no '<unk>'"):
            WordTokenizer.train(TEXTS, special_tokens=["<pad>"], **settings)
    with pytest.raises(ValueError, match=r"splitter must be one of \('basic_english', 'toktok', None\); got 'moses'"):
        WordTokenizer.train(TEXTS, splitter="moses")
    with pytest.raises(ValueError, match="splitter must be one of"):
        WordTokenizer(["a"], special_tokens=[], splitter="moses")
    for tokens in ([], ["a", "a"]):
        with pytest.raises(ValueError, match=f"every token once and at least one; got {len(tokens)} tokens"):
            WordTokenizer(tokens, special_tokens=[])
    with pytest.raises(ValueError, match=r"the special tokens \['<unk>'\] are not in the vocabulary"):
        WordTokenizer(["a"], special_tokens=["<unk>"])


@pytest.mark.parametrize(
    ("tokenizer", "field", "value"),
    [
        (CharTokenizer, "characters", ["a", "a"]),
        (CharTokenizer, "characters", None),
        (CharTokenizer, "characters", [1, 2]),
        (CharTokenizer, "version", 2),
        (WordTokenizer, "tokens", ["a", "a"]),
        (WordTokenizer, "special_tokens", ["missing"]),
        (WordTokenizer, "splitter", "moses"),
        (WordTokenizer, "format", "aigc_book.CharTokenizer"),
    ],
)
def test_files_with_wrong_content_are_refused(tmp_path, tokenizer, field, value):
    path = tmp_path / "file.json"
    tokenizer.train("a b").save(path)
    path.write_text(json.dumps({**json.loads(path.read_text()), field: value}))
    with pytest.raises(ValueError, match=rf"file.json is not a {tokenizer.__name__} file"):
        tokenizer.load(path)


def test_importing_the_room_is_cheap():
    """torchtext takes seconds to import: only the word tokenizer, once it is used, brings it in."""
    command = "import sys, aigc_book.text.tokenizers; sys.exit('torchtext' in sys.modules or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-W", "error", "-c", command]).returncode == 0


def test_using_torchtext_warns_of_nothing():
    command = "from aigc_book.text.tokenizers import WordTokenizer; WordTokenizer.train('a b').encode('a')"
    result = subprocess.run([sys.executable, "-W", "default", "-c", command], capture_output=True, text=True)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize("text", ["a", "字"])
@pytest.mark.parametrize(
    ("tokenizer", "settings", "n_ids"),
    [(CharTokenizer, {}, 1), (WordTokenizer, {"splitter": None}, 1), (BPETokenizer, {"vocab_size": 257}, None)],
)
def test_a_text_of_one_token_is_enough(text, tokenizer, settings, n_ids):
    trained = tokenizer.train(text, **settings)
    ids = trained.encode(text)
    assert len(ids) == (n_ids or len(text.encode()))  # byte pairs learn no merge from it
    assert trained.decode(ids) == text


@pytest.mark.parametrize(
    ("train", "settings"),
    [
        (CharTokenizer.train, ("vocab_size",)),
        (WordTokenizer.train, ("vocab_size", "min_freq")),
        (BPETokenizer.train, ("vocab_size", "min_frequency")),
    ],
)
@pytest.mark.parametrize("wrong", [300.0, 1.5, True, "300", float("nan")])
def test_sizes_are_whole_numbers(train, settings, wrong):
    """min_freq=1.5 left out every word that occurs once, and -1 none, in silence."""
    for name in settings:
        with pytest.raises(ValueError, match=f"{name} must be a whole number.*; got {wrong!r}"):
            train("the cat sat on the mat", **{name: wrong})


def test_rare_words_and_pairs_have_a_least_frequency():
    for wrong in (0, -1):
        with pytest.raises(ValueError, match=f"min_freq must be a whole number of at least 1; got {wrong}"):
            WordTokenizer.train("a b", min_freq=wrong)
    with pytest.raises(ValueError, match="min_frequency must be a whole number of at least 0; got -1"):
        BPETokenizer.train("a b", min_frequency=-1)


@pytest.mark.parametrize("train", [CharTokenizer.train, WordTokenizer.train, BPETokenizer.train])
def test_texts_in_a_set_have_no_order(train):
    with pytest.raises(ValueError, match=r"got set \(whose order changes from one run to the next; sort it\)"):
        train({"a b", "c d"})


def test_an_alphabet_has_an_order_and_no_unknown_token_in_it():
    with pytest.raises(ValueError, match="the alphabet must be in an order, which gives the ids; got a set"):
        CharTokenizer({"a", "b"})
    with pytest.raises(ValueError, match="unk_token must be no character of the alphabet; got 'a'"):
        CharTokenizer.train("abc", unk_token="a")
    assert CharTokenizer.train("abc", unk_token="?").decode([0, 3]) == "a?"
