"""Chats: every id and every mark written by hand, packing against one row each, and every error."""

import re
from typing import NamedTuple

import pytest
import torch

from aigc_book.data.batches import IGNORED
from aigc_book.models.gpt import GPT, GPTConfig
from aigc_book.text.bpe import END_OF_TEXT, BPETokenizer
from aigc_book.text.chat import ChatBatches, ChatTemplate, Example, Message, pack_examples, pad_examples, targets_of
from aigc_book.training.evaluate import evaluate
from aigc_book.training.loop import TrainConfig, fit

TEMPLATE = ChatTemplate()
N = IGNORED


class Letters(NamedTuple):
    """a is 1, b is 2 …; the special tokens are 90 to 93."""

    special_tokens: dict = {token: 90 + i for i, token in enumerate(TEMPLATE.tokens)}  # noqa: RUF012

    def encode(self, text):
        return [ord(letter) - ord("a") + 1 for letter in text]

    def decode(self, ids):
        return "".join(chr(ord("a") + i - 1) for i in ids)


SYSTEM, USER, ASSISTANT, END = 90, 91, 92, 93
CHAT = [Message("user", "ab"), Message("assistant", "cde")]


def test_one_turn_by_hand():
    """<user> a b <end> <assistant> c d e <end>: learned are c, d, e and the <end> after them, nothing else."""
    ids, is_learned = TEMPLATE.example(Letters(), CHAT)
    assert ids == [USER, 1, 2, END, ASSISTANT, 3, 4, 5, END]
    assert is_learned == [False] * 5 + [True] * 4


def test_the_edges_of_the_mask_by_hand():
    """At <assistant> the target is the answer's first token, c; at <end> before it none; at e it is <end>."""
    inputs, targets = targets_of(TEMPLATE.example(Letters(), CHAT))
    assert inputs == [USER, 1, 2, END, ASSISTANT, 3, 4, 5]
    assert targets == [N, N, N, N, 3, 4, 5, END]


def test_two_turns_by_hand():
    """The second question doesn't count, nor does the <user> that follows the first answer's <end>."""
    chat = [Message("system", "z"), *CHAT, Message("user", "f"), Message("assistant", "g")]
    inputs, targets = targets_of(TEMPLATE.example(Letters(), chat))
    assert inputs == [SYSTEM, 26, END, USER, 1, 2, END, ASSISTANT, 3, 4, 5, END, USER, 6, END, ASSISTANT, 7]
    assert targets == [N, N, N, N, N, N, N, 3, 4, 5, END, N, N, N, N, 7, END]


def test_prompt_is_what_the_answer_follows():
    """An example is its prompt, the answer and <end>, also in a second turn."""
    chat = [*CHAT, Message("user", "f"), Message("assistant", "g")]
    for n in (2, 4):
        prompt = TEMPLATE.prompt(Letters(), chat[: n - 1])
        answer = Letters().encode(chat[n - 1].text)
        assert [*prompt, *answer, END] == TEMPLATE.example(Letters(), chat[:n]).ids
    assert TEMPLATE.stop_id(Letters()) == END


def test_answer_ends_at_the_first_mark():
    assert TEMPLATE.answer(Letters(), torch.tensor([USER, 1, 3, 4, END, 5]), n_prompt=2) == "cd"
    assert TEMPLATE.answer(Letters(), [3, 4, USER, 5]) == "cd"
    assert TEMPLATE.answer(Letters(), [3, 4]) == "cd"
    assert TEMPLATE.answer(Letters(), [END]) == ""


def test_with_a_real_tokenizer():
    tokenizer = BPETokenizer.train(
        ["Where was Anna? In the library."], special_tokens=(END_OF_TEXT, *TEMPLATE.tokens), vocab_size=300
    )
    chat = [Message("user", "Where was Anna?"), Message("assistant", "In the library.")]
    ids, is_learned = TEMPLATE.example(tokenizer, chat)
    assert tokenizer.decode(ids) == "<|user|>Where was Anna?<|end|><|assistant|>In the library.<|end|>"
    learned = [token for token, is_answer in zip(ids, is_learned, strict=True) if is_answer]
    assert tokenizer.decode(learned) == "In the library.<|end|>"
    assert sum(token in tokenizer.special_tokens.values() for token in ids) == 4


def test_other_special_tokens_in_a_text_are_ordinary_text():
    """<|endoftext|> isn't the template's: it is coded as the characters that it is made of."""
    tokenizer = BPETokenizer.train(["abc"], special_tokens=(END_OF_TEXT, *TEMPLATE.tokens), vocab_size=261)
    ids, _ = TEMPLATE.example(tokenizer, [Message("user", END_OF_TEXT), Message("assistant", "b")])
    assert tokenizer.special_tokens[END_OF_TEXT] not in ids


# Packing


def example(*ids, learned=1):
    """The last ``learned`` ids are learned."""
    return Example(list(ids), [False] * (len(ids) - learned) + [True] * learned)


def test_pack_by_hand():
    """Lengths 3 and 2 and 1 of inputs in rows of 4: the first and the last share one; T = 4, and one place is left."""
    batch = pack_examples([example(1, 2, 3, 4, learned=2), example(5, 6, 7), example(8, 9)], block_size=4, pad_id=0)
    assert batch.ids.tolist() == [[1, 2, 3, 8], [5, 6, 0, 0]]
    assert batch.targets.tolist() == [[N, 3, 4, 9], [N, 7, N, N]]
    assert batch.mask[0].int().tolist() == [[1, 1, 1, 0], [1, 1, 1, 0], [1, 1, 1, 0], [0, 0, 0, 1]]
    assert batch.mask[1].int().tolist() == [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]


def test_pad_by_hand():
    batch = pad_examples([example(1, 2, 3, 4, learned=2), example(5, 6)], block_size=9, pad_id=0)
    assert batch.ids.tolist() == [[1, 2, 3], [5, 0, 0]]
    assert batch.targets.tolist() == [[N, 3, 4], [6, N, N]]
    assert batch.mask.int().tolist() == [[1, 1, 1], [1, 0, 0]]


def some_examples(n=9, seed=0):
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(2, 12, (n,), generator=generator).tolist()
    return [example(*torch.randint(1, 23, (length,), generator=generator).tolist()) for length in lengths]


@pytest.mark.parametrize("position", ["learned", "rotary", "alibi", "sinusoidal", "none"])
def test_packed_equals_one_row_each(position):
    """No token of another example changes a logit, whatever the position code: the sums of the losses agree."""
    torch.manual_seed(0)
    model = GPT(GPTConfig(23, 32, 2, 2, 12, position=position)).eval()
    torch.nn.init.normal_(model.head.weight)
    examples = some_examples()
    alone = [evaluate(model, [pad_examples([one], block_size=32, pad_id=0)]) for one in examples]
    for batch in (pack_examples(examples, block_size=24, pad_id=0), pad_examples(examples, block_size=24, pad_id=0)):
        found = evaluate(model, [batch])
        assert found.count == sum(one.count for one in alone)
        assert found.sum == pytest.approx(sum(one.sum for one in alone), rel=1e-4)


def test_a_token_of_another_example_changes_nothing():
    torch.manual_seed(0)
    model = GPT(GPTConfig(23, 32, 2, 2, 12)).eval()
    one, other = pack_examples([example(1, 2, 3, 4), example(5, 6, 7)], block_size=8, pad_id=0), None
    other = pack_examples([example(9, 8, 7, 4), example(5, 6, 7)], block_size=8, pad_id=0)
    assert one.ids.shape == (1, 5)
    same = [model(batch.ids, mask=batch.mask)[0, 3:] for batch in (one, other)]
    torch.testing.assert_close(*same)
    plain = [model(batch.ids)[0, 3:] for batch in (one, other)]
    assert not torch.allclose(*plain, atol=1e-4)  # without the mask they would


def test_positions_begin_again():
    """The same example twice in a row gives the same logits twice, with learned positions too."""
    torch.manual_seed(0)
    model = GPT(GPTConfig(23, 32, 2, 2, 12)).eval()
    batch = pack_examples([example(1, 2, 3, 4)] * 2, block_size=8, pad_id=0)
    logits = model(batch.ids, mask=batch.mask)
    torch.testing.assert_close(logits[0, :3], logits[0, 3:])


def test_gradients_are_finite_with_padding():
    torch.manual_seed(0)
    model = GPT(GPTConfig(23, 32, 2, 2, 12))
    history = fit(
        model,
        [pack_examples(some_examples(), block_size=17, pad_id=0)] * 2,
        TrainConfig(steps=2, log_every=1, progress=False),
    )
    assert all(0 < norm < 1e3 for norm in history.gradient_norms)


def test_chat_batches_go_through_all_and_go_on_where_they_were():
    examples = some_examples(6)
    batches = ChatBatches(examples, n_examples=2, block_size=24, pad_id=0, seed=3)
    first = [next(batches) for _ in range(3)]
    assert sum(int((batch.targets != N).sum()) for batch in first) == 6  # each once: one target an example
    state = batches.state_dict()
    after = next(batches)
    again = ChatBatches(examples, n_examples=2, block_size=24, pad_id=0, seed=3)
    again.load_state_dict(state)
    assert torch.equal(next(again).ids, after.ids)
    assert torch.equal(next(ChatBatches(examples, n_examples=2, block_size=24, pad_id=0, seed=3)).ids, first[0].ids)
    other = ChatBatches(examples, n_examples=3, block_size=24, pad_id=0, seed=3)
    with pytest.raises(ValueError, match="the state is of other batches: n_examples is 2 there and 3 here"):
        other.load_state_dict(state)


def test_inputs_are_left_alone():
    examples = [example(1, 2, 3), example(4, 5)]
    before = [Example(list(ids), list(marks)) for ids, marks in examples]
    pack_examples(examples, block_size=8, pad_id=0)
    assert examples == before


# Errors


@pytest.mark.parametrize(
    ("chat", "words"),
    [
        ([], "a chat must be a list of messages, at least one"),
        ("hello", "a chat must be a list of messages"),
        ([Message("assistant", "a")], "message 0 must be the user's; got the assistant's"),
        ([Message("user", "a"), Message("user", "b")], "message 1 must be the assistant's; got the user's"),
        ([Message("user", "a"), Message("system", "b")], "message 1 must be the assistant's; got the system's"),
        ([*CHAT, Message("assistant", "b")], "message 2 must be the user's; got the assistant's"),
        ([Message("system", "a")], "a chat needs a user's message; got the system's alone"),
        ([Message("human", "a")], "the role must be one of system, user, assistant; got 'human'"),
        ([Message("user", "")], "message 0: the user's text must be a text; got nothing but white space"),
        ([Message("user", "a"), Message("assistant", " \n")], "message 1: the assistant's text must be a text"),
        ([Message("user", None)], "message 0: the user's text must be a text; got NoneType"),
        ([Message("user", "a<|end|><|assistant|>b")], r"message 0: the user's text holds '<\|assistant\|>', which"),
        ([Message("user", "a"), Message("assistant", "b<|end|>")], r"the assistant's text holds '<\|end\|>'"),
    ],
)
def test_check_refuses(chat, words):
    with pytest.raises(ValueError, match=words):
        TEMPLATE.check(chat)


def test_an_example_ends_with_an_answer_and_a_prompt_with_a_question():
    with pytest.raises(ValueError, match="an example must end with the assistant's message; got the user's"):
        TEMPLATE.example(Letters(), CHAT[:1])
    with pytest.raises(ValueError, match="a prompt must end with the user's message; got the assistant's"):
        TEMPLATE.prompt(Letters(), CHAT)


def test_a_tokenizer_without_the_tokens_is_refused():
    tokenizer = BPETokenizer.train(["abc"], vocab_size=257)
    words = re.escape("the tokenizer must have '<|end|>' among its special tokens; it has ['<|endoftext|>']")
    with pytest.raises(ValueError, match=words):
        TEMPLATE.example(tokenizer, CHAT)


@pytest.mark.parametrize("tokens", [("", "b", "c", "d"), ("a", "b", "c", "a"), ("a", "b", "c", None)])
def test_template_refuses(tokens):
    with pytest.raises(ValueError, match="the tokens of a chat must"):
        ChatTemplate(*tokens)


@pytest.mark.parametrize(
    ("examples", "words"),
    [
        ([], "expected at least one example; got none"),
        ([example(1, 2), example(*range(1, 8))], "example 1 has 7 ids; a row of block_size=5 has room for 6"),
        ([Example([1, 2], [True])], "an example needs as many marks as ids, at least 2; got 1 and 2"),
        ([Example([1], [True])], "at least 2; got 1 and 1"),
        ([Example([1, 2, 3], [True, False, False])], "needs an id after its first that is learned; got none"),
    ],
)
def test_pack_refuses(examples, words):
    for way in (pack_examples, pad_examples):
        with pytest.raises(ValueError, match=words):
            way(examples, block_size=5, pad_id=0)


@pytest.mark.parametrize("n", [0, 7])
def test_chat_batches_refuse(n):
    with pytest.raises(ValueError, match=f"n_examples must be from 1 to 6, their number; got {n}"):
        ChatBatches(some_examples(6), n_examples=n, block_size=24, pad_id=0)
