"""Byte-pair encoding on bytes, as GPT-2 does it, through the ``tokenizers`` library.

Text is cut into words with GPT-2's pattern, each word is written as its UTF-8 bytes, and the learned merges join
neighbouring bytes to ever longer tokens. All 256 bytes are tokens themselves, so that every Unicode text has ids and
comes back exactly. Sennrich, Haddow & Birch 2016, "Neural Machine Translation of Rare Words with Subword Units",
algorithm 1; the bytes: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", section 2.2.
"""

import codecs
import gzip
import json
import os
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

import tokenizers
from tokenizers import decoders, models, pre_tokenizers, trainers

from aigc_book.files import write_aside
from aigc_book.text.encoding import (
    as_texts,
    as_tokens,
    check_number,
    checked_ids,
    checked_text,
    id_row,
    is_whole,
    pieces,
)

END_OF_TEXT = "<|endoftext|>"
_FOLDER_FILES = [("tokenizer.json",), ("vocab.json", "merges.txt"), ("encoder.json", "vocab.bpe")]
_SPECIAL = re.compile(r"<.+>|\[.+\]", re.DOTALL)
# So many letters, digits, spaces or other characters in a row.
_LONG_RUN = re.compile(r"[^\W\d_]{512}|\d{512}|\s{512}|(?:[^\w\s]|_){512}")
_PIECE_CHARS = 1 << 14  # long texts are coded in pieces of about this size, several at a time


def byte_alphabet() -> list[str]:
    """The 256 printable characters that stand for the bytes 0 … 255 in GPT-2's files.

    Printable bytes stand for themselves; the others are numbered from U+0100 on, so that the space is ``Ġ``.
    """
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(256 + others.index(byte)) if byte in others else chr(byte) for byte in range(256)]


_BYTE_OF = {character: byte for byte, character in enumerate(byte_alphabet())}


class BPETokenizer:
    """Byte-level byte-pair encoding. ``decode(encode(text)) == text`` for every Unicode text.

    Special tokens such as ``<|endoftext|>`` are ids of their own. What looks like one in a text is ordinary text,
    unless :meth:`encode` is told to allow it: a document can't end itself.

    Args:
        vocab: token → id, tokens written in GPT-2's byte alphabet; with all 256 bytes. The special tokens may be in it.
        merges: the pairs of tokens to merge, the first learned first.
        special_tokens: token → id.

    Raises:
        ValueError: a byte is missing, a merge is no pair or of tokens that are not in the vocabulary, the ids are not
            0 … vocab_size − 1, or a special token is also what merges make.
    """

    def __init__(
        self, vocab: Mapping[str, int], merges: Sequence[tuple[str, str]], *, special_tokens: Mapping[str, int]
    ):
        if not isinstance(special_tokens, Mapping):
            raise ValueError(
                f"special_tokens must be a mapping from token to id; got {type(special_tokens).__name__}"
                " (BPETokenizer.train takes names alone)"
            )
        as_tokens(special_tokens)
        self.special_tokens = dict(special_tokens)
        self.merges = [(pair,) if isinstance(pair, str) else tuple(pair) for pair in merges]
        self.vocab = {token: token_id for token, token_id in vocab.items() if token not in self.special_tokens}
        self._check()
        tokens = {i: bytes(_BYTE_OF[c] for c in token) for token, i in self.vocab.items()}
        tokens |= {i: token.encode() for token, i in self.special_tokens.items()}
        self._bytes = [tokens[i] for i in range(len(tokens))]
        self._fast = tokenizers.Tokenizer(models.BPE(vocab=self.vocab, merges=self.merges))
        self._fast.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        self._fast.decoder = decoders.ByteLevel()

    def _check(self) -> None:
        if missing := sum(character not in self.vocab for character in _BYTE_OF):
            raise ValueError(f"a byte-level vocabulary holds all 256 bytes; {missing} of them are missing")
        if foreign := next((token for token in self.vocab if not token or not _BYTE_OF.keys() >= set(token)), None):
            raise ValueError(f"the token {foreign!r} is not written in GPT-2's byte alphabet")
        for token, token_id in (*self.vocab.items(), *self.special_tokens.items()):
            if not is_whole(token_id):
                raise ValueError(f"ids must be whole numbers; got {token_id!r} for the token {token!r}")
        if wrong := [pair for pair in self.merges if len(pair) != 2 or not all(isinstance(t, str) for t in pair)]:
            raise ValueError(f"merges must be pairs of tokens; got {wrong[0]!r}")
        for left, right in self.merges:
            if lacking := [token for token in (left, right, left + right) if token not in self.vocab]:
                raise ValueError(f"the merge {left!r} + {right!r} needs {lacking[0]!r}, which is not in the vocabulary")
        ids = sorted([*self.vocab.values(), *self.special_tokens.values()])
        if ids != list(range(len(ids))):
            raise ValueError(
                f"the ids must be 0 to {len(ids) - 1}, each once; got {ids[0]} to {ids[-1]} for {len(ids)}"
            )

    @classmethod
    def train(
        cls,
        texts: str | Iterable[str],
        *,
        vocab_size: int = 1024,
        min_frequency: int = 2,
        special_tokens: str | Sequence[str] = (END_OF_TEXT,),
    ) -> Self:
        """Learn merges from texts; the same texts give the same merges.

        Args:
            texts: one text or several.
            vocab_size: the number of ids: 256 bytes, the merges, and the special tokens, which come last. Fewer when
                the text has no more pairs that are frequent enough.
            min_frequency: a pair that occurs less often is not merged.
            special_tokens: ids that never stand for ordinary text; a string is one.

        A run of letters, or of spaces, that is longer than 512 characters (DNA, say) is learned from in parts of so
        many, which keeps the time proportional to the text.

        Raises:
            ValueError: vocab_size is smaller than the alphabet (256 bytes and the special tokens), it or min_frequency
                is no whole number, there is no text, a text is no string, or a special token turns out to be an
                ordinary token of the text.
        """
        special_tokens = as_tokens(special_tokens)
        check_number("vocab_size", vocab_size)
        check_number("min_frequency", min_frequency, 0)
        smallest = 256 + len(special_tokens)
        if vocab_size < smallest:
            raise ValueError(
                f"vocab_size must be at least {smallest}, for 256 bytes and {len(special_tokens)} special tokens;"
                f" got {vocab_size}"
            )
        trainer = trainers.BpeTrainer(
            vocab_size=vocab_size - len(special_tokens),
            min_frequency=min_frequency,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        learner = tokenizers.Tokenizer(models.BPE())
        learner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        chunks = (part for text in as_texts(texts) for piece in pieces([text], _PIECE_CHARS) for part in _parts(piece))
        first = next(chunks, None)
        if first is None:
            raise ValueError("the texts must hold at least one character; got none")
        learner.train_from_iterator((piece for group in ([first], chunks) for piece in group), trainer)
        vocab, merges = _vocab_and_merges(json.loads(learner.to_str())["model"])
        if clash := [token for token in special_tokens if token in vocab]:
            raise ValueError(f"the special token {clash[0]!r} is an ordinary token of the text; choose another name")
        return cls(vocab, merges, special_tokens={token: len(vocab) + i for i, token in enumerate(special_tokens)})

    @property
    def vocab_size(self) -> int:
        """The number of different ids."""
        return len(self._bytes)

    def encode(self, text: str, *, allowed_special: str | Iterable[str] = ()) -> list[int]:
        """The ids of a text.

        Args:
            text: any Unicode text.
            allowed_special: the special tokens that are themselves where they stand in the text, a string for one;
                ``tokenizer.special_tokens`` allows all of them. All others are ordinary text.

        Raises:
            ValueError: allowed_special names no special token, or the text is no string or has a lone surrogate (half a
                character).
        """
        checked_text(text)
        allowed_special = as_tokens(allowed_special, ordered=False)
        if unknown := [token for token in allowed_special if token not in self.special_tokens]:
            raise ValueError(f"allowed_special must be among {list(self.special_tokens)}; got {unknown[0]!r}")
        if not allowed_special:
            return self._encode_ordinary(text)
        pattern = "|".join(re.escape(token) for token in sorted(allowed_special, key=len, reverse=True))
        ids: list[int] = []
        for index, part in enumerate(re.split(f"({pattern})", text)):
            ids += [self.special_tokens[part]] if index % 2 else self._encode_ordinary(part)
        return ids

    def _encode_ordinary(self, text: str) -> list[int]:
        _checked_unicode(text)
        if len(text) <= 2 * _PIECE_CHARS:
            return self._fast.encode(text).ids
        parts = self._fast.encode_batch_fast(list(pieces([text], _PIECE_CHARS)))
        return [token_id for part in parts for token_id in part.ids]

    def decode(self, ids: Iterable[int]) -> str:
        """The text of the ids. Ids that stop inside a character, or make no valid one, give U+FFFD there.

        Raises:
            ValueError: an id is out of range.
        """
        return self.decode_bytes(ids).decode("utf-8", errors="replace")

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The bytes of the ids.

        Raises:
            ValueError: an id is out of range.
        """
        return b"".join([self._bytes[i] for i in checked_ids(ids, self.vocab_size)])

    def decode_stream(self, ids: Iterable[int]) -> Iterator[str]:
        """The text of the ids as they come, whole characters only.

        A Chinese character is three bytes and often several tokens: nothing is given out before its last one is here.
        """
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        for token_id in id_row(ids):
            if text := decoder.decode(self.decode_bytes([token_id])):
                yield text
        if text := decoder.decode(b"", final=True):
            yield text

    def save(self, path: str | os.PathLike) -> None:
        """Write one file in Hugging Face's ``tokenizer.json`` format, aside and then renamed.

        ``transformers.PreTrainedTokenizerFast(tokenizer_file=path)`` reads it.
        """
        document = json.loads(self._fast.to_str())
        flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
        document["added_tokens"] = [{"id": i, "content": token, **flags} for token, i in self.special_tokens.items()]
        document["model"]["vocab"] |= self.special_tokens
        with write_aside(path) as file:
            file.write(json.dumps(document, ensure_ascii=False).encode())

    @classmethod
    def load(cls, path: str | os.PathLike | tuple[str | os.PathLike, str | os.PathLike]) -> Self:
        """Read a ``tokenizer.json``, or a vocabulary and merges as OpenAI and Hugging Face publish GPT-2's.

        Args:
            path: a ``tokenizer.json``; or a pair of files, vocabulary and merges; or a folder with ``tokenizer.json``,
                with ``vocab.json`` and ``merges.txt``, or with ``encoder.json`` and ``vocab.bpe``. Each may be
                compressed, with ``.gz`` at the end of its name. Tokens that no merge makes are special; they
                are written in angle or square brackets, as ``<|endoftext|>`` is.

        Raises:
            FileNotFoundError: a file is not there, or the folder has none of these.
            ValueError: a file is truncated or foreign, or not of a byte-level BPE with GPT-2's pattern, or it asks for
                what would give other ids than this class does (a normalizer, a suffix of words, added tokens that are
                not special, templates, truncation …).
        """
        files = [Path(name) for name in path] if isinstance(path, tuple) else _find_files(Path(path))
        if lacking := [file for file in files if not file.is_file()]:
            raise FileNotFoundError(f"there is no tokenizer file {str(lacking[0])!r}")
        try:
            if len(files) == 1:
                return cls._from_document(json.loads(_read(files[0])))
            vocab = json.loads(_read(files[0]))
            lines = [line.rstrip("\r") for line in _read(files[1]).split("\n")]
            merges = [tuple(line.split(" ")) for line in lines if line and not line.startswith("#version")]
            if wrong := next((pair for pair in merges if len(pair) != 2), None):
                raise ValueError(f"a line of the merges must hold two tokens; got {' '.join(wrong)!r}")
            made = _BYTE_OF.keys() | {left + right for left, right in merges}
            special_tokens = {token: i for token, i in vocab.items() if token not in made}
            if orphan := next((token for token in special_tokens if not _SPECIAL.fullmatch(token)), None):
                raise ValueError(f"no merge makes the token {orphan!r}, and it is not bracketed as a special one")
            _refuse_beside(files[0].parent, vocab)
            return cls(vocab, merges, special_tokens=special_tokens)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            names = " and ".join(str(file) for file in files)
            raise ValueError(
                f"{names}: truncated, or not of a byte-level BPE with GPT-2's pattern ({error})"
            ) from error

    @classmethod
    def _from_document(cls, document: dict) -> Self:
        before = document["pre_tokenizer"] or {}
        plain = before.get("type") == "ByteLevel" and not before["add_prefix_space"] and before.get("use_regex", True)
        if document["model"]["type"] != "BPE" or document["normalizer"] is not None or not plain:
            raise ValueError(
                f"expected a BPE model after a plain ByteLevel; got {document['model']['type']}"
                f" after {before.get('type')} and the normalizer {document['normalizer']}"
            )
        _refuse_unknown(document)
        vocab, merges = _vocab_and_merges(document["model"])
        special_tokens = {added["content"]: added["id"] for added in document["added_tokens"]}
        if moved := [token for token, i in special_tokens.items() if vocab.get(token, i) != i]:
            raise ValueError(f"the added token {moved[0]!r} has another id than in the vocabulary")
        return cls(vocab, merges, special_tokens=special_tokens)


def _refuse_unknown(document: dict) -> None:
    """What a ``tokenizer.json`` says that would give other ids or texts than ours is an error."""
    model = document["model"]
    for name in ("continuing_subword_prefix", "end_of_word_suffix", "dropout", "ignore_merges"):
        if model.get(name):
            raise ValueError(f"the model's {name} is {model[name]!r}; expected none")
    for name in ("truncation", "padding"):
        if document.get(name):
            raise ValueError(f"the file asks for {name}, {document[name]}; expected none")
    for name in ("post_processor", "decoder"):
        part = document.get(name) or {"type": "ByteLevel"}
        bare = part.get("type") == "TemplateProcessing" and all("Sequence" in item for item in part["single"])
        if part.get("type") != "ByteLevel" and not bare:  # a template of the text alone changes nothing
            raise ValueError(f"the {name} is {part.get('type')!r}; expected 'ByteLevel' or none")
    for added in document["added_tokens"]:
        if not added.get("special", True):
            raise ValueError(
                f"the added token {added['content']!r} isn't special: it would be taken out of every text; expected"
                " special ones only"
            )
        if on := [name for name in ("lstrip", "rstrip", "single_word") if added.get(name)]:
            raise ValueError(f"the added token {added['content']!r} has {on[0]}, which changes the text around it")


def _refuse_beside(folder: Path, vocab: Mapping[str, int]) -> None:
    """Files of Hugging Face's that stand beside a vocabulary and say more than it does."""
    added = folder / "added_tokens.json"
    if added.is_file() and (more := [token for token, i in json.loads(_read(added)).items() if vocab.get(token) != i]):
        raise ValueError(f"{added.name} adds the token {more[0]!r}, which is not in the vocabulary under its id")
    config = folder / "tokenizer_config.json"
    if config.is_file() and json.loads(_read(config)).get("add_prefix_space"):
        raise ValueError(f"{config.name} asks for add_prefix_space, a space in front of every text; expected none")


def _vocab_and_merges(model: dict) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """From a ``tokenizer.json``'s model; older files write a merge as one string."""
    merges = [tuple(merge.split(" ")) if isinstance(merge, str) else tuple(merge) for merge in model["merges"]]
    return model["vocab"], merges


def _parts(text: str) -> Iterator[str]:
    """A text, cut inside of runs that GPT-2's pattern takes for one word and that are too long to learn from."""
    start = 0
    for run in _LONG_RUN.finditer(_checked_unicode(text)):
        yield text[start : run.end()]
        start = run.end()
    if start < len(text):
        yield text[start:]


def _checked_unicode(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"the text holds a lone surrogate (half a character), {text[error.start]!r}, at position {error.start}"
        ) from error
    return text


def _find_files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    for names in _FOLDER_FILES:
        found = [next((p for p in (path / name, path / f"{name}.gz") if p.is_file()), None) for name in names]
        if all(found):
            return found
    expected = ", or ".join(" and ".join(names) for names in _FOLDER_FILES)
    raise FileNotFoundError(f"the folder {str(path)!r} holds no tokenizer: expected {expected} (each may end in .gz)")


def _read(file: Path) -> str:
    try:
        content = file.read_bytes()
        return (gzip.decompress(content) if file.suffix == ".gz" else content).decode("utf-8-sig")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{file.name} is damaged: {error}") from error
