"""Chats as a language model reads them: who speaks is marked with tokens of its own, and only answers are learned.

A turn is its role's token, its text, and the token that ends it::

    <|system|>Be brief.<|end|><|user|>Where was Anna?<|end|><|assistant|>In the library.<|end|>

A model that is trained on the answers alone learns to write them, and to end them, and not to write the questions. At
position t it predicts token t + 1, so that the first target that counts is at ``<|assistant|>``, whose next token is
the answer's first, and the last at the answer's last token, whose next is ``<|end|>``. What follows ``<|end|>`` doesn't
count: when an answer is over, the model has nothing more to say.

Shape letters: B rows, T positions.

Source: the roles, and the token that ends a turn, are those of OpenAI's *ChatML* (2023).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch

from aigc_book.data.batches import IGNORED, Batch

ROLES = ("system", "user", "assistant")


class Message(NamedTuple):
    """One turn: who speaks (system, user or assistant), and what."""

    role: str
    text: str


class SpecialTokenizer(Protocol):
    """A tokenizer whose special tokens are ids of their own that no text is coded as, as ``BPETokenizer`` is."""

    special_tokens: Mapping[str, int]

    def encode(self, text: str) -> list[int]:
        """The ids of ordinary text."""
        ...

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids."""
        ...


class Example(NamedTuple):
    """A chat as ids, and which of them are learned: those of answers and the ends of these."""

    ids: list[int]
    is_learned: list[bool]


@dataclass(frozen=True)
class ChatTemplate:
    """The special tokens of a chat. ::

        tokenizer = BPETokenizer.train(texts, special_tokens=(END_OF_TEXT, *ChatTemplate().tokens))
        chat = [Message("user", "Where was Anna?"), Message("assistant", "In the library.")]
        batch = pack_examples([template.example(tokenizer, chat)], block_size=64, pad_id=0)

    Args:
        system: begins what the model is told about the whole chat.
        user: begins a question.
        assistant: begins an answer.
        end: ends every turn, and generation.

    Raises:
        ValueError: a token is empty, or two are the same.
    """

    system: str = "<|system|>"
    user: str = "<|user|>"
    assistant: str = "<|assistant|>"
    end: str = "<|end|>"

    def __post_init__(self):
        if not all(isinstance(token, str) and token for token in self.tokens):
            raise ValueError(f"the tokens of a chat must be strings and not empty; got {self.tokens}")
        if len(set(self.tokens)) < len(self.tokens):
            raise ValueError(f"the tokens of a chat must differ; got {self.tokens}")

    @property
    def tokens(self) -> tuple[str, ...]:
        """All of them, to train a tokenizer with."""
        return self.system, self.user, self.assistant, self.end

    def check(self, messages: Sequence[Message]) -> None:
        """Refuse what is no chat.

        Args:
            messages: a system's first if there is one, and then user and assistant in turns.

        Raises:
            ValueError: no message, an unknown role, roles in another order, a text that is no string or is empty or
                white space only, or that holds one of the template's tokens.
        """
        if isinstance(messages, str) or not len(messages):
            raise ValueError(f"a chat must be a list of messages, at least one; got {messages!r}")
        expected = "user"
        for number, (role, text) in enumerate(messages):
            if role not in ROLES:
                raise ValueError(f"message {number}: the role must be one of {', '.join(ROLES)}; got {role!r}")
            if not isinstance(text, str) or not text.strip():
                came = "nothing but white space" if isinstance(text, str) else type(text).__name__
                raise ValueError(f"message {number}: the {role}'s text must be a text; got {came}")
            if found := next((token for token in self.tokens if token in text), None):
                raise ValueError(
                    f"message {number}: the {role}'s text holds {found!r}, which marks a turn; take it out, so that "
                    "nobody takes a text for somebody else's turn"
                )
            if role == "system" and number == 0:
                continue
            if role != expected:
                raise ValueError(f"message {number} must be the {expected}'s; got the {role}'s")
            expected = "assistant" if role == "user" else "user"
        if messages[-1][0] == "system":
            raise ValueError("a chat needs a user's message; got the system's alone")

    def example(self, tokenizer: SpecialTokenizer, messages: Sequence[Message]) -> Example:
        """A whole chat for training, which ends with an answer.

        Every text is coded by itself, as ordinary text: whatever it says, it makes none of the template's ids.

        Args:
            tokenizer: with the template's tokens among its special ones.
            messages: as :meth:`check` has it.

        Raises:
            ValueError: as :meth:`check`; no answer at the end; the tokenizer lacks a token of the template.
        """
        self.check(messages)
        if messages[-1][0] != "assistant":
            raise ValueError(f"an example must end with the assistant's message; got the {messages[-1][0]}'s")
        ids: list[int] = []
        is_learned: list[bool] = []
        for role, text in messages:
            said = [*tokenizer.encode(text), self._id(tokenizer, self.end)]
            ids += [self._id(tokenizer, getattr(self, role)), *said]
            is_learned += [False, *[role == "assistant"] * len(said)]
        return Example(ids, is_learned)

    def prompt(self, tokenizer: SpecialTokenizer, messages: Sequence[Message]) -> list[int]:
        """The ids of a chat up to where the assistant's next answer begins, to generate from.

        Generation should stop at :meth:`stop_id`.

        Raises:
            ValueError: as :meth:`check`; no user's message at the end; the tokenizer lacks a token of the template.
        """
        self.check(messages)
        if messages[-1][0] != "user":
            raise ValueError(f"a prompt must end with the user's message; got the {messages[-1][0]}'s")
        turns = [
            [self._id(tokenizer, getattr(self, role)), *tokenizer.encode(text), self._id(tokenizer, self.end)]
            for role, text in messages
        ]
        return [token for turn in turns for token in turn] + [self._id(tokenizer, self.assistant)]

    def stop_id(self, tokenizer: SpecialTokenizer) -> int:
        """The id that ends an answer.

        Raises:
            ValueError: the tokenizer lacks it.
        """
        return self._id(tokenizer, self.end)

    def answer(self, tokenizer: SpecialTokenizer, ids: Iterable[int], n_prompt: int = 0) -> str:
        """The text of an answer from what was generated: after the prompt, up to the first token of the template.

        Args:
            tokenizer: as in :meth:`prompt`.
            ids: what :func:`aigc_book.decoding.generate.generate` returned.
            n_prompt: how many of them are the prompt's.
        """
        marks = {self._id(tokenizer, token) for token in self.tokens}
        said = []
        for token in [int(i) for i in ids][n_prompt:]:
            if token in marks:
                break
            said.append(token)
        return tokenizer.decode(said).strip()

    @staticmethod
    def _id(tokenizer: SpecialTokenizer, token: str) -> int:
        special = getattr(tokenizer, "special_tokens", {})
        if token not in special:
            raise ValueError(
                f"the tokenizer must have {token!r} among its special tokens; it has {list(special)}. Train it with "
                "special_tokens=(…, *template.tokens)"
            )
        return special[token]


def targets_of(example: Example) -> tuple[list[int], list[int]]:
    """Inputs and targets, one shorter than the ids: at position t stands token t, and its target is token t + 1 where
    that is learned, and -100 where it isn't.

    Raises:
        ValueError: as many marks as ids are needed, at least two, and one after the first that is learned.
    """
    ids, is_learned = example
    if len(ids) != len(is_learned) or len(ids) < 2:
        raise ValueError(f"an example needs as many marks as ids, at least 2; got {len(is_learned)} and {len(ids)}")
    if not any(is_learned[1:]):
        raise ValueError("an example needs an id after its first that is learned; got none")
    following = zip(ids[1:], is_learned[1:], strict=True)
    return list(ids[:-1]), [token if learned else IGNORED for token, learned in following]


def pack_examples(examples: Iterable[Example], *, block_size: int, pad_id: int) -> Batch:
    """Examples in as few rows as it takes, several after one another in each, none of which sees another.

    Short examples padded to the longest are mostly padding. Here each goes, the longest first, into the first row that
    has room. The mask lets a token attend to its own example only, and positions begin again with each: the model
    computes the same as if each had a row of its own.

    Args:
        examples: at least one, each of at most ``block_size`` + 1 ids.
        block_size: T, the longest row.
        pad_id: fills what is left of a row, which sees itself and nothing else and has no targets.

    Returns:
        ids and targets (B, T), and the mask (B, T, T), where T is as long as the longest row.

    Raises:
        ValueError: no examples, one that is too long (its number is named), or as :func:`targets_of`.
    """
    pairs = _pairs(examples, block_size)
    rows: list[list[int]] = []
    room: list[int] = []
    for number in sorted(range(len(pairs)), key=lambda i: -len(pairs[i][0])):
        length = len(pairs[number][0])
        row = next((i for i, left in enumerate(room) if left >= length), len(rows))
        if row == len(rows):
            rows.append([])
            room.append(block_size)
        rows[row].append(number)
        room[row] -= length
    return _batch([[pairs[number] for number in row] for row in rows], pad_id)


def pad_examples(examples: Iterable[Example], *, block_size: int, pad_id: int) -> Batch:
    """Each example in a row of its own, filled up on the right; arguments and errors as of :func:`pack_examples`.

    Returns:
        ids and targets (B, T), and the mask (B, T) of what is no padding.
    """
    batch = _batch([[pair] for pair in _pairs(examples, block_size)], pad_id)
    return Batch(batch.ids, batch.targets, batch.mask[:, :, 0])


class ChatBatches:
    """Endless packed batches of examples drawn without replacement, each pass in a new order.

    Args:
        examples: at least one.
        n_examples: how many make a batch, at most as many as there are.
        block_size: T.
        pad_id: as in :func:`pack_examples`.
        seed: of the orders.

    Raises:
        ValueError: ``n_examples`` is below 1 or above their number; as :func:`pack_examples`.
    """

    def __init__(self, examples: Sequence[Example], *, n_examples: int, block_size: int, pad_id: int, seed: int = 0):
        self._examples = list(examples)
        _pairs(self._examples, block_size)
        if not 1 <= n_examples <= len(self._examples):
            raise ValueError(f"n_examples must be from 1 to {len(self._examples)}, their number; got {n_examples}")
        self._n, self._block_size, self._pad_id, self._seed = n_examples, block_size, pad_id, seed
        self._drawn = 0

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        per_pass = len(self._examples) // self._n
        number, place = divmod(self._drawn, per_pass)
        generator = torch.Generator().manual_seed(self._seed + 1_000_003 * number)
        order = torch.randperm(len(self._examples), generator=generator)[place * self._n : (place + 1) * self._n]
        self._drawn += 1
        chosen = [self._examples[i] for i in order.tolist()]
        return pack_examples(chosen, block_size=self._block_size, pad_id=self._pad_id)

    def state_dict(self) -> dict[str, int]:
        """The place: what :meth:`load_state_dict` needs to go on with the very next batch."""
        return {"drawn": self._drawn, "n_all": len(self._examples), "n_examples": self._n, "seed": self._seed}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Go on from a :meth:`state_dict`.

        Raises:
            ValueError: it is of other batches.
        """
        own = self.state_dict()
        if other := next((key for key in own if key != "drawn" and state.get(key) != own[key]), None):
            raise ValueError(
                f"the state is of other batches: {other} is {state.get(other)} there and {own[other]} here"
            )
        self._drawn = state["drawn"]


def _pairs(examples: Iterable[Example], block_size: int) -> list[tuple[list[int], list[int]]]:
    pairs = [targets_of(example) for example in examples]
    if not pairs:
        raise ValueError("expected at least one example; got none")
    for number, (ids, _) in enumerate(pairs):
        if len(ids) > block_size:
            raise ValueError(
                f"example {number} has {len(ids) + 1} ids; a row of block_size={block_size} has room for "
                f"{block_size + 1}, as the last one is a target only. Leave it out or shorten it"
            )
    return pairs


def _batch(rows: list[list[tuple[list[int], list[int]]]], pad_id: int) -> Batch:
    """Rows of examples → ids and targets (B, T), and who sees whom (B, T, T)."""
    longest = max(sum(len(ids) for ids, _ in row) for row in rows)
    ids = torch.full((len(rows), longest), pad_id)
    targets = torch.full((len(rows), longest), IGNORED)
    text = torch.zeros(len(rows), longest, dtype=torch.long)  # which example of the row; 0 is padding
    for b, row in enumerate(rows):
        start = 0
        for number, (own, learned) in enumerate(row, start=1):
            end = start + len(own)
            ids[b, start:end], targets[b, start:end] = torch.tensor(own), torch.tensor(learned)
            text[b, start:end] = number
            start = end
    same = text[:, :, None] == text[:, None, :]  # (B, T, T)
    alone = torch.eye(longest, dtype=torch.bool)
    return Batch(ids, targets, torch.where((text > 0)[:, :, None], same, alone))
