"""Any ``tokenizer.json`` as it is, run by the ``tokenizers`` library: those of Llama, say, which cut text in other ways
than :class:`aigc_book.text.bpe.BPETokenizer` does. It is read and used; what isn't trained here isn't written here."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Self

import tokenizers
from tokenizers.decoders import DecodeStream

from aigc_book.text.encoding import checked_ids, checked_text, id_row


class PublishedTokenizer:
    """A tokenizer that came with a published model: :class:`aigc_book.text.encoding.Tokenizer` but for train and save.

    Args:
        library: a tokenizer of the ``tokenizers`` library.
    """

    def __init__(self, library: tokenizers.Tokenizer):
        self._library = library

    @classmethod
    def load(cls, path: str | os.PathLike) -> Self:
        """Read a ``tokenizer.json``.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is not one.
        """
        if not Path(path).is_file():
            raise FileNotFoundError(f"there is no tokenizer file {str(path)!r}")
        try:
            return cls(tokenizers.Tokenizer.from_file(str(path)))
        except Exception as error:  # the library raises bare Exception for whatever is wrong with a file
            raise ValueError(f"{path} is not a tokenizer.json: {error}") from error

    @property
    def vocab_size(self) -> int:
        """The largest id and one."""
        return 1 + max(self._library.get_vocab(with_added_tokens=True).values())

    @property
    def special_tokens(self) -> dict[str, int]:
        """The special tokens and their ids."""
        added = self._library.get_added_tokens_decoder().items()
        return {token.content: i for i, token in added if token.special}

    def encode(self, text: str) -> list[int]:
        """The ids of a text, with what the file puts around it (Llama: a token at the beginning).

        Raises:
            ValueError: the text is no string.
        """
        return self._library.encode(checked_text(text)).ids

    def decode(self, ids: Iterable[int]) -> str:
        """The text of the ids, without special tokens.

        Raises:
            ValueError: an id is out of range.
        """
        return self._library.decode(checked_ids(ids, self.vocab_size))

    def decode_stream(self, ids: Iterable[int]) -> Iterator[str]:
        """The text of the ids as they come, whole characters only."""
        stream = DecodeStream(skip_special_tokens=True)
        for token_id in id_row(ids):
            if text := stream.step(self._library, checked_ids([token_id], self.vocab_size)[0]):
                yield text
