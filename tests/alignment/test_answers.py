"""Prompts and answers in one rectangle, and how likely a model finds the answers."""

import copy
import math

import pytest
import torch
from torch import nn

from aigc_book.alignment.answers import Answers, answer_log_probs, check_reference
from aigc_book.data.batches import IGNORED
from aigc_book.models.gpt import GPT, GPTConfig
from aigc_book.models.rnn import RNN, RNNConfig
from aigc_book.training.losses import next_token_loss

V = 11


def small(seed=0, **settings):
    torch.manual_seed(seed)
    sizes = dict(vocab_size=V, max_seq_len=13, n_layers=2, n_heads=2, d_model=8)
    return GPT(GPTConfig(**{**sizes, **settings}))


def some():
    return Answers.of([[1, 2, 3], [4]], [[5, 6], [7, 8, 9]], pad_id=10)


class Table(nn.Module):
    """A bigram model: logits of the next token from the last one."""

    def __init__(self, logits):
        super().__init__()
        self.table = nn.Parameter(logits)

    def forward(self, ids, mask=None):
        return self.table[ids]


def test_the_edges_of_the_mask_by_hand():
    """Prompt 1 2 3, answer 5 6: of the places 0 … 3 the third writes 5 and the fourth 6. Prompt 4, answer 7 8 9."""
    answers = some()
    assert answers.ids.tolist() == [[1, 2, 3, 5, 6], [4, 7, 8, 9, 10]]
    assert answers.is_answer.int().tolist() == [[0, 0, 0, 1, 1], [0, 1, 1, 1, 0]]
    assert answers.mask.int().tolist() == [[1, 1, 1, 1, 1], [1, 1, 1, 1, 0]]
    assert answers.written.int().tolist() == [[0, 0, 1, 1], [1, 1, 1, 0]]
    assert answers.lengths().tolist() == [2, 3]
    batch = answers.batch()
    assert batch.targets.tolist() == [[IGNORED, IGNORED, 5, 6], [7, 8, 9, IGNORED]]
    assert batch.ids.tolist() == [[1, 2, 3, 5], [4, 7, 8, 9]]


def test_log_probs_by_hand():
    """A table says p(1 | 0) = 3/4 and p(0 | 1) = 1/5; the answer 1 0 after 0 has ln 3/4 and ln 1/5."""
    table = Table(torch.tensor([[0.25, 0.75], [0.2, 0.8]]).log())
    found = answer_log_probs(table, Answers.of([[1, 0]], [[1, 0]]))
    assert found[0].tolist() == pytest.approx([0.0, math.log(3 / 4), math.log(1 / 5)])


@pytest.mark.parametrize("model", [small(), small(position="rotary"), RNN(RNNConfig(vocab_size=V, d_model=8))])
def test_log_probs_are_the_loss_of_the_answers(model):
    answers = some()
    total, count = next_token_loss(model, answers.batch())
    found = answer_log_probs(model, answers)
    torch.testing.assert_close(found.sum(), -total)
    assert count == 5 and not found[~answers.written].any()


def test_other_rows_and_padding_change_nothing():
    model, rows = small(), some()
    alone = [answer_log_probs(model, Answers.of([p], [a])) for p, a in (([1, 2, 3], [5, 6]), ([4], [7, 8, 9]))]
    both = answer_log_probs(model, rows)
    torch.testing.assert_close(both[0], alone[0][0])
    torch.testing.assert_close(both[1, :3], alone[1][0])


def test_nothing_is_changed():
    prompts, written = [torch.tensor([1, 2])], [torch.tensor([3])]
    Answers.of(prompts, written)
    assert prompts[0].tolist() == [1, 2] and written[0].tolist() == [3]


IDS = torch.zeros(2, 3, dtype=torch.int64)
FLAGS = torch.tensor([[False, True, True], [False, True, False]])
REAL = torch.tensor([[True, True, True], [True, True, False]])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Answers(IDS.float(), FLAGS, REAL), r"ids must be whole numbers of shape \(B, T\); got torch.float32"),
        (lambda: Answers(IDS, FLAGS.long(), REAL), r"is_answer must be boolean of shape \(2, 3\); got torch.int64"),
        (lambda: Answers(IDS, FLAGS, REAL[:1]), r"mask must be boolean of shape \(2, 3\)"),
        (
            lambda: Answers(IDS, FLAGS & FLAGS[:1] & (torch.arange(2)[:, None] < 1), REAL),
            "at least one answer token; row 1",
        ),
        (
            lambda: Answers(IDS, torch.ones_like(FLAGS), REAL),
            "can't stand first, nothing comes before it; it does in row 0",
        ),
        (
            lambda: Answers(IDS, FLAGS | (torch.arange(3) > 1), REAL),
            "an answer token can't be padding; one is in row 1",
        ),
        (lambda: Answers.of([[1]], []), "as many answers as prompts, at least one; got 1 prompts and 0 answers"),
        (lambda: Answers.of([], []), "got 0 prompts and 0 answers"),
        (lambda: Answers.of([[1], []], [[2], [3]]), r"every prompt must be a sequence of at least one id; prompt 1"),
        (lambda: Answers.of([[1], [2]], [[2], []]), r"every answer must be a sequence of at least one id; answer 1"),
    ],
)
def test_what_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_reference_reads_the_same_ids_and_is_another_model():
    model = small()
    check_reference(model, copy.deepcopy(model))
    check_reference(model, nn.Linear(2, 2))  # which says nothing of its vocabulary
    with pytest.raises(ValueError, match="must have the model's vocabulary of 11 tokens; got one of 12"):
        check_reference(model, small(vocab_size=12))
    with pytest.raises(ValueError, match="a model of its own"):
        check_reference(model, model)
