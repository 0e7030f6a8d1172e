"""Where a row of tokens ends: at a stop id, a sequence of ids, or a text; and what must be held back until it's sure.

A stop sequence of several tokens is recognised with its last one. Its first ones look like ordinary tokens until then,
so whoever hands tokens out one by one waits while a row's last tokens could be the beginning of one: it is handed out
whole, or (if something else comes) as what it was, never half.
"""

from collections.abc import Callable, Sequence

from torch import nn

from aigc_book.decoding.prompts import read_id

Decode = Callable[[list[int]], str]
UNFINISHED = "\ufffd"  # what the first bytes of a character decode to


def read_stop_sequences(
    model: nn.Module, stop_sequences: Sequence[str | Sequence[int]] | None, decode: Decode | None
) -> tuple[list[list[int]], list[str]]:
    """The sequences of ids, and the texts; both empty for None.

    Raises:
        ValueError: a single text or id where a list belongs, an empty sequence, an id that the vocabulary doesn't have,
            a text without ``decode``, ``decode`` without a text, or something that is no function.
    """
    if stop_sequences is None:
        stop_sequences = []
    if isinstance(stop_sequences, str | bytes) or not isinstance(stop_sequences, Sequence):
        raise ValueError(f"stop_sequences must be a list of texts or of lists of ids; got {stop_sequences!r}")
    sequences, texts = [], []
    for stop in stop_sequences:
        if not isinstance(stop, str) and (isinstance(stop, bytes) or not hasattr(stop, "__iter__")):
            raise ValueError(f"a stop sequence must be a text or a list of ids; got {stop!r}")
        items = stop if isinstance(stop, str) else [read_id(model, "an id of a stop sequence", i) for i in stop]
        if not items:
            raise ValueError(f"a stop sequence must not be empty; got {stop!r}")
        (texts if isinstance(stop, str) else sequences).append(items)
    if texts and not callable(decode):
        raise ValueError(
            f"the stop text {texts[0]!r} needs decode, the function from ids to text (tokenizer.decode); got {decode!r}"
        )
    if decode is not None and not texts:
        raise ValueError("decode is for stop texts; got none in stop_sequences")
    return sequences, texts


class Stopping:
    """Follows every row and knows which have ended.

    Args:
        n_rows: B.
        sequences: ids that end a row, each a list; a stop id is a list of one.
        texts: texts that end a row as soon as what it has emitted contains one.
        decode: ids → text, for ``texts``.

    Attributes:
        ended: for each row whether it has ended.
        lengths: for each row how many new tokens it has, with its stop.
        held: how many of the last tokens of all rows may still become part of a stop sequence.
    """

    def __init__(self, n_rows: int, sequences: list[list[int]], texts: list[str] = (), decode: Decode | None = None):
        self.sequences, self.texts, self.decode = sequences, list(texts), decode
        self.ended = [False] * n_rows
        self.lengths = [0] * n_rows
        self.held = 0
        self._rows: list[list[int]] = [[] for _ in range(n_rows)]
        self._characters: list[list[int]] = [[] for _ in range(n_rows)]  # of the text after each token
        self._wholes: list[tuple[int, int]] = []  # the first and the last column of each stop that was emitted
        self._n_columns = 0

    def __bool__(self) -> bool:
        """Whether anything can end a row."""
        return bool(self.sequences or self.texts)

    def read(self, new: list[int]) -> None:
        """Take in the next token of each row; those of rows that have ended don't count."""
        self._n_columns += 1
        sure = self._n_columns
        for row, token in enumerate(new):
            if self.ended[row]:
                continue
            ids = self._rows[row]
            ids.append(token)
            self.lengths[row] += 1
            stops = [len(stop) for stop in self.sequences if ids[-len(stop) :] == stop]
            n_stop, n_begun = self._read_text(row) if self.texts else (0, 0)
            if stops or n_stop:
                self.ended[row] = True
                self._wholes.append((self._n_columns - max(*stops, n_stop, 1), self._n_columns))
            else:
                sure = min(sure, self._n_columns - max(self._begun(ids), n_begun))
        while cut := [first for first, end in self._wholes if first < sure < end]:
            sure = min(cut)  # another row is waited for: no stop is cut in two
        self.held = self._n_columns - sure

    def _begun(self, ids: list[int]) -> int:
        """How many of the last ids are the beginning of a sequence."""
        lengths = (n for stop in self.sequences for n in range(1, len(stop)) if ids[-n:] == stop[:n])
        return max(lengths, default=0)

    def _read_text(self, row: int) -> tuple[int, int]:
        """How many of the row's last tokens hold a text that ends it, and how many may begin one."""
        text = self.decode(list(self._rows[row]))
        ends = self._characters[row]
        ends.append(len(text))
        found = [text.index(stop) for stop in self.texts if stop in text]
        if found:
            return sum(end > min(found) for end in ends), 0
        sure = text.removesuffix(UNFINISHED)  # the rest of the character may make it the first of a stop
        begun = (n for stop in self.texts for n in range(1, len(stop)) if sure.endswith(stop[:n]))
        first = len(sure) - max(begun, default=0)
        return 0, sum(end > first for end in ends)
