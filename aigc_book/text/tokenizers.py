"""Three tokenizers behind one protocol: characters, words, and byte pairs.

========================  =====================================  ==========================================
class                     a token is                             text → ids → text
========================  =====================================  ==========================================
:class:`CharTokenizer`    one character                          exact, for the characters of its training
:class:`WordTokenizer`    a lower-case word (torchtext)          spaces, case and some signs are lost
:class:`BPETokenizer`     a frequent sequence of bytes           exact, for any Unicode text
========================  =====================================  ==========================================
"""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Self

import numpy as np

from aigc_book.text.bpe import BPETokenizer
from aigc_book.text.encoding import (
    CUT,
    Tokenizer,
    as_texts,
    as_tokens,
    check_number,
    checked_ids,
    checked_text,
    encode_corpus,
    id_row,
    load_json,
    save_json,
)

__all__ = ["BPETokenizer", "CharTokenizer", "Tokenizer", "WordTokenizer", "encode_corpus"]

# Names of torchtext's get_tokenizer that need nothing but this package's dependencies; None splits at white space.
SPLITTERS = ("basic_english", "toktok", None)
# toktok looks at the end of a line (for its full stop) and at spaces beside punctuation, but not between letters.
_TOKTOK_CUT = re.compile(r"(?=\n)|(?<=[^\W_])(?= [^\W_])")


class CharTokenizer:
    """One id a character, in the order of their code points; the unknown token, if there is one, comes last.

    Args:
        characters: the alphabet, without repetition.
        unk_token: stands for every other character, such as ``"<unk>"``; None: other characters are errors.

    Raises:
        ValueError: the alphabet is empty, a set, has repetitions, has entries that are not single characters, or has
            the unknown token among them.
    """

    def __init__(self, characters: Iterable[str], *, unk_token: str | None = None):
        if isinstance(characters, set | frozenset):
            raise ValueError("the alphabet must be in an order, which gives the ids; got a set (sort it)")
        self.characters, self.unk_token = tuple(characters), unk_token
        if not self.characters:
            raise ValueError("the alphabet must hold at least one character; got none (was the text empty?)")
        if any(not isinstance(c, str) or len(c) != 1 for c in self.characters):
            raise ValueError("every entry of the alphabet must be a single character")
        if len(set(self.characters)) != len(self.characters):
            raise ValueError("the alphabet must hold every character once")
        if unk_token is not None:
            as_tokens([unk_token])
            if unk_token in self.characters:
                raise ValueError(f"unk_token must be no character of the alphabet; got {unk_token!r}")
        self._tokens = self.characters if unk_token is None else (*self.characters, unk_token)
        points = np.array([ord(c) for c in self.characters])
        self._id_of_point = np.full(int(points.max()) + 2, -1, dtype=np.int64)  # the last place is everybody else's
        self._id_of_point[points] = np.arange(len(points))

    @classmethod
    def train(cls, texts: str | Iterable[str], *, vocab_size: int | None = None, unk_token: str | None = None) -> Self:
        """Collect the alphabet of the texts.

        Args:
            texts: one text or several.
            vocab_size: keep the most frequent characters only, so many in all with the unknown token; None: all.
            unk_token: as in the class.

        Raises:
            ValueError: there is no text, vocab_size is no whole number, or it is smaller than the alphabet and there is
                no unk_token.
        """
        if vocab_size is not None:
            check_number("vocab_size", vocab_size)
        counts: Counter[str] = Counter()
        for text in as_texts(texts):
            counts.update(text)
        characters = sorted(counts)
        n_kept = len(characters) if vocab_size is None else vocab_size - (unk_token is not None)
        if n_kept < len(characters):
            if unk_token is None:
                raise ValueError(
                    f"vocab_size={vocab_size} is smaller than the text's alphabet of {len(characters)} characters;"
                    " give a larger one, or an unk_token for the rare characters"
                )
            if n_kept < 1:
                raise ValueError(f"vocab_size must leave room for a character beside {unk_token!r}; got {vocab_size}")
            characters = sorted(sorted(characters, key=lambda c: -counts[c])[:n_kept])
        return cls(characters, unk_token=unk_token)

    @property
    def vocab_size(self) -> int:
        """The number of different ids."""
        return len(self._tokens)

    @property
    def special_tokens(self) -> dict[str, int]:
        """The unknown token, if there is one, and its id."""
        return {} if self.unk_token is None else {self.unk_token: len(self.characters)}

    def encode(self, text: str) -> list[int]:
        """The ids of the characters.

        Raises:
            ValueError: the text is no string, or a character is not in the alphabet and there is no unknown token; the
                message names it.
        """
        points = np.frombuffer(checked_text(text).encode("utf-32-le", "surrogatepass"), dtype="<u4")
        ids = self._id_of_point[np.minimum(points, self._id_of_point.size - 1)]
        unknown = ids < 0
        if unknown.any():
            if self.unk_token is None:
                position = int(unknown.argmax())
                raise ValueError(
                    f"the character {text[position]!r} at position {position} is not in the alphabet of"
                    f" {len(self.characters)} characters, and there is no unk_token"
                )
            ids[unknown] = len(self.characters)
        return ids.tolist()

    def decode(self, ids: Iterable[int]) -> str:
        """The characters of the ids, joined; the unknown token is written out.

        Raises:
            ValueError: an id is out of range.
        """
        return "".join([self._tokens[i] for i in checked_ids(ids, self.vocab_size)])

    def decode_stream(self, ids: Iterable[int]) -> Iterator[str]:
        """The characters one by one, as the ids come."""
        for token_id in id_row(ids):
            yield self.decode([token_id])

    def save(self, path: str | os.PathLike) -> None:
        """Write the alphabet to a JSON file, aside and then renamed."""
        save_json(path, "CharTokenizer", {"unk_token": self.unk_token, "characters": list(self.characters)})

    @classmethod
    def load(cls, path: str | os.PathLike) -> Self:
        """Read what :meth:`save` wrote.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is truncated or foreign.
        """
        content = load_json(path, "CharTokenizer")
        try:
            return cls(content["characters"], unk_token=content["unk_token"])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path} is not a CharTokenizer file: {error!r}") from error


class WordTokenizer:
    """One id a word, with the tokenizer and the vocabulary of torchtext 0.6.

    The vocabulary begins with the special tokens; then come the words by falling frequency, equal ones in the order
    of the alphabet. A special token in the text that is no part of a word, such as ``<unk>`` in WikiText, is itself, in
    capitals or not as it is written, whatever the splitter makes of its characters.

    Args:
        tokens: the vocabulary, without repetition; a token's place is its id.
        special_tokens: which of them are special, a string for one. With ``"<unk>"`` among them, other words become it;
            without, they are errors.
        splitter: how text becomes words, a name of torchtext's ``get_tokenizer``: ``"basic_english"`` (lower case,
            punctuation apart), ``"toktok"`` (through NLTK, line by line, keeps the case), or None (at white space, for
            text that is split already; Chinese has to be).

    Raises:
        ValueError: the vocabulary is empty or has repetitions, a special token is missing, or has white space inside,
            or the splitter is unknown.
    """

    def __init__(
        self, tokens: Sequence[str], *, special_tokens: str | Sequence[str], splitter: str | None = "basic_english"
    ):
        from torchtext.vocab import Vocab  # here, because it takes seconds to import

        if splitter not in SPLITTERS:
            raise ValueError(f"splitter must be one of {SPLITTERS}; got {splitter!r}")
        if not tokens or len(set(tokens)) != len(tokens):
            raise ValueError(f"the vocabulary must hold every token once and at least one; got {len(tokens)} tokens")
        special_tokens = as_tokens(special_tokens)
        if missing := [token for token in special_tokens if token not in set(tokens)]:
            raise ValueError(f"the special tokens {missing} are not in the vocabulary")
        # Vocab puts its specials first and in order, and sees to <unk> by itself.
        self.vocab = Vocab(Counter(), specials=list(tokens))
        self.splitter = splitter
        self._special_tokens = tuple(special_tokens)
        self._split = _get_splitter(splitter, special_tokens)

    @classmethod
    def train(
        cls,
        texts: str | Iterable[str],
        *,
        vocab_size: int | None = None,
        min_freq: int = 1,
        special_tokens: str | Sequence[str] = ("<unk>", "<pad>"),
        splitter: str | None = "basic_english",
    ) -> Self:
        """Count the words of the texts and keep the frequent ones.

        Args:
            texts: one text or several; no word goes on from one to the next.
            vocab_size: at most so many tokens, the special ones included; None: no limit.
            min_freq: words that occur less often are left out.
            special_tokens: put first, whether or not they occur; a string is one.
            splitter: as in the class.

        Raises:
            ValueError: there are no words, a text is no string, vocab_size or min_freq is no whole number, vocab_size
                leaves no room for a word, or without ``"<unk>"`` it is smaller than the number of words; or as in the
                class.
        """
        from torchtext.vocab import Vocab

        if splitter not in SPLITTERS:
            raise ValueError(f"splitter must be one of {SPLITTERS}; got {splitter!r}")
        special_tokens = as_tokens(special_tokens)
        check_number("min_freq", min_freq, 1)
        if vocab_size is not None:
            check_number("vocab_size", vocab_size)
        split, counts = _get_splitter(splitter, special_tokens), Counter()
        for text in as_texts(texts):
            counts.update(split(text))
        if not counts:
            raise ValueError("the texts must hold at least one word; got none")
        n_words = None if vocab_size is None else vocab_size - len(special_tokens)
        if n_words is not None and n_words < 1:
            raise ValueError(
                f"vocab_size must leave room for a word beside {len(special_tokens)} special tokens; got {vocab_size}"
            )
        vocab = Vocab(counts, max_size=n_words, min_freq=min_freq, specials=special_tokens)
        n_all = len(set(counts) | set(special_tokens))
        if len(vocab) < n_all and Vocab.UNK not in special_tokens:
            raise ValueError(
                f"vocab_size={vocab_size} and min_freq={min_freq} leave out {n_all - len(vocab)} of the text's words,"
                f" and there is no {Vocab.UNK!r} among special_tokens={tuple(special_tokens)}"
            )
        return cls(vocab.itos, special_tokens=special_tokens, splitter=splitter)

    @property
    def vocab_size(self) -> int:
        """The number of different ids."""
        return len(self.vocab)

    @property
    def special_tokens(self) -> dict[str, int]:
        """The special tokens and their ids."""
        return {token: self.vocab[token] for token in self._special_tokens}

    @property
    def cut(self) -> re.Pattern:
        """Where a long text may be cut without changing its words."""
        return _TOKTOK_CUT if self.splitter == "toktok" else CUT

    def split(self, text: str) -> list[str]:
        """The words of a text, before the vocabulary is asked."""
        return self._split(checked_text(text))

    def encode(self, text: str) -> list[int]:
        """The ids of the words.

        Raises:
            ValueError: the text is no string, or a word is not in the vocabulary and there is no ``<unk>``; the message
                names it.
        """
        words = self.split(text)
        ids = [self.vocab[word] for word in words]
        if self.vocab.unk_index is None and None in ids:
            raise ValueError(
                f"the word {words[ids.index(None)]!r} is not in the vocabulary of {self.vocab_size} tokens,"
                f" and there is no {self.vocab.UNK!r}"
            )
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """The words of the ids with spaces between them.

        Raises:
            ValueError: an id is out of range.
        """
        return " ".join([self.vocab.itos[i] for i in checked_ids(ids, self.vocab_size)])

    def decode_stream(self, ids: Iterable[int]) -> Iterator[str]:
        """The words one by one, as the ids come; all but the first with a space in front."""
        for index, token_id in enumerate(id_row(ids)):
            yield (" " if index else "") + self.decode([token_id])

    def save(self, path: str | os.PathLike) -> None:
        """Write the vocabulary to a JSON file, aside and then renamed."""
        content = {"splitter": self.splitter, "special_tokens": self._special_tokens, "tokens": self.vocab.itos}
        save_json(path, "WordTokenizer", content)

    @classmethod
    def load(cls, path: str | os.PathLike) -> Self:
        """Read what :meth:`save` wrote.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is truncated or foreign.
        """
        content = load_json(path, "WordTokenizer")
        try:
            tokens, special_tokens = content["tokens"], content["special_tokens"]
            return cls(tokens, special_tokens=special_tokens, splitter=content["splitter"])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path} is not a WordTokenizer file: {error!r}") from error


def _get_splitter(splitter: str | None, special_tokens: Sequence[str]) -> Callable[[str], list[str]]:
    """A function from a text to its words, in which the special tokens stay whole and as they are."""
    from torchtext.data import get_tokenizer

    if wrong := [token for token in special_tokens if token.split() != [token]]:
        raise ValueError(f"a special token must be a word without white space; got {wrong[0]!r}")
    split = get_tokenizer(splitter)
    if splitter is None:  # at white space, which no special token has
        return split
    if splitter == "toktok":  # made for one line; in the last one only would a full stop be a word

        def by_lines(text: str) -> list[str]:
            return [word for line in text.split("\n") for word in toktok(line)]

        toktok, split = split, by_lines
    if not special_tokens:
        return split
    alternatives = "|".join(re.escape(token) for token in sorted(special_tokens, key=len, reverse=True))
    special = re.compile(rf"(?<!\w)({alternatives})(?!\w)")

    def around(text: str) -> list[str]:
        words: list[str] = []
        for index, part in enumerate(special.split(text)):
            words += [part] if index % 2 else split(part)
        return words

    return around
