"""Losses and the batches that they understand."""

import math

import pytest
import torch
from torch import nn

from aigc_book.data.batches import IGNORED, Batch, Examples, Pairs
from aigc_book.models.bert import BERT, BERTConfig, MaskedLM, TextClassifier
from aigc_book.models.gpt import GPT, GPTConfig
from aigc_book.models.mlp import MLP, MLPConfig
from aigc_book.models.rnn import RNN, RNNConfig
from aigc_book.models.seq2seq import EncoderDecoder, Seq2SeqConfig
from aigc_book.training.evaluate import evaluate
from aigc_book.training.loop import TrainConfig, fit
from aigc_book.training.losses import class_loss, cross_entropy, masked_token_loss, next_token_loss

SIZES = dict(vocab_size=11, max_seq_len=7, n_heads=2, d_model=8)


def test_cross_entropy_by_hand():
    """p = (1/8, 2/8, 5/8): the targets 2 and 0 cost ln 8/5 and ln 8; the one in between doesn't count."""
    logits = torch.tensor([[1.0, 2.0, 5.0]] * 3).log()
    total, count = cross_entropy(logits, torch.tensor([2, IGNORED, 0]))
    assert (total.item(), count.item()) == (pytest.approx(math.log(8 / 5) + math.log(8)), 2)
    total, count = cross_entropy(logits, torch.tensor([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [0.5, 0.0, 0.5]]))
    assert (total.item(), count.item()) == (pytest.approx(1.5 * math.log(8 / 5) + math.log(4) + 0.5 * math.log(8)), 3)


def test_without_targets_the_sum_is_zero_and_so_is_the_gradient():
    logits = torch.randn(2, 3, requires_grad=True)
    total, count = cross_entropy(logits, torch.full((2,), IGNORED))
    total.backward()
    assert (total.item(), count.item(), logits.grad.abs().sum().item()) == (0, 0, 0)


@pytest.mark.parametrize(
    ("targets", "match"),
    [
        (torch.tensor([0, 3]), "targets must be from 0 to vocab_size - 1 = 2; got 0 to 3"),
        (torch.tensor([0, -1]), "targets must be from 0 to vocab_size - 1 = 2; got -1 to 0"),
        (
            torch.tensor([0]),
            r"shape \(2,\) for logits of shape \(2, 3\); got torch.int64 of shape \(1,\)",
        ),
        (torch.tensor([0.0, 1.0]), "got torch.float32 of shape"),
    ],
)
def test_targets_that_do_not_fit(targets, match):
    with pytest.raises(ValueError, match=match):
        cross_entropy(torch.zeros(2, 3), targets)


def right_padded():
    ids = torch.tensor([[1, 2, 3, 4, 5], [6, 7, 8, 0, 0]])
    real = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    targets = torch.tensor([[2, 3, 4, 5, 6], [7, 8, 9, IGNORED, IGNORED]])
    return ids, targets, real


MODELS = {
    "gpt": lambda: (GPT(GPTConfig(**SIZES, n_layers=1)), next_token_loss),
    "rotary": lambda: (GPT(GPTConfig.small(11, 7, n_layers=1, n_heads=2, d_model=8)), next_token_loss),
    "rnn": lambda: (RNN(RNNConfig(vocab_size=11, d_model=8)), next_token_loss),
    "bert": lambda: (MaskedLM(BERT(BERTConfig(**SIZES, n_layers=1))), masked_token_loss),
}


@pytest.mark.parametrize("kind", MODELS)
def test_a_padded_batch_with_a_mask_trains_and_padding_changes_nothing(kind):
    torch.manual_seed(0)
    model, loss = MODELS[kind]()
    ids, targets, real = right_padded()
    alone = [Batch(ids[:1], targets[:1]), Batch(ids[1:, :3], targets[1:, :3])]
    together = evaluate(model, [Batch(ids, targets, real)], loss=loss)
    apart = evaluate(model, alone, loss=loss)
    assert together.count == apart.count == 8
    assert together.sum == pytest.approx(apart.sum, rel=1e-4)
    history = fit(model, [Batch(ids, targets, real)] * 20, TrainConfig(20, log_every=1, progress=False), loss=loss)
    assert history.losses[-1] < history.losses[0]


def test_padded_pairs_train():
    torch.manual_seed(0)
    sizes = dict(source_vocab_size=13, n_encoder_layers=1, n_decoder_layers=1)
    model = EncoderDecoder(Seq2SeqConfig(**SIZES, **sizes))
    ids, targets, _ = right_padded()
    source, source_mask = torch.tensor([[12, 3, 0], [4, 5, 6]]), torch.tensor([[True, True, False], [True] * 3])
    together = evaluate(model, [Pairs(source, ids, targets, source_mask)])
    apart = evaluate(
        model, [Pairs(source[:1, :2], ids[:1], targets[:1]), Pairs(source[1:], ids[1:, :3], targets[1:, :3])]
    )
    assert together.count == apart.count == 8 and together.sum == pytest.approx(apart.sum, rel=1e-4)
    batches = [Pairs(source, ids, targets, source_mask)] * 20
    history = fit(model, batches, TrainConfig(20, log_every=1, progress=False))
    assert history.losses[-1] < history.losses[0]
    with pytest.raises(ValueError, match="source must be from 0 to vocab_size - 1 = 12; got 3 to 13"):
        fit(model, [Pairs(torch.tensor([[3, 13]]), ids[:1], targets[:1])], TrainConfig(1, progress=False))


@pytest.mark.parametrize("kind", MODELS)
def test_a_checkpoint_of_each_family_opens_as_a_model(kind, tmp_path):
    model, loss = MODELS[kind]()
    fit(model, [Batch(*right_padded())] * 2, TrainConfig(2, progress=False), loss=loss, checkpoints=tmp_path)
    again = type(model).from_pretrained(tmp_path / "step-00000002")
    assert not any(module.training for module in again.modules())
    assert again.state_dict().keys() == model.state_dict().keys()
    assert all(torch.equal(tensor, again.state_dict()[name]) for name, tensor in model.state_dict().items())


def test_classes_train():
    torch.manual_seed(0)
    x = torch.randn(6, 3)
    images = Examples(x, (x[:, 0] > 0).long())
    ids, _, real = right_padded()
    texts = Batch(ids, torch.tensor([0, 1]), real)
    for model, batch in (
        (MLP(MLPConfig(3, 2, (8,))), images),
        (TextClassifier(BERT(BERTConfig(**SIZES, n_layers=1)), 2), texts),
    ):
        history = fit(model, [batch] * 30, TrainConfig(30, log_every=1, progress=False), loss=class_loss)
        assert history.losses[-1] < history.losses[0] and history.tokens[0] == len(batch.targets)


def test_a_collators_batch_is_refused_by_our_losses_and_trains_with_one_that_understands_it():
    ids, targets, real = right_padded()
    batch = {"input_ids": ids, "attention_mask": real.long(), "labels": targets}
    model = GPT(GPTConfig(**SIZES, n_layers=1))
    for loss in (next_token_loss, masked_token_loss, class_loss):
        with pytest.raises(ValueError, match=r"Batch.*got a dict with 'input_ids', 'attention_mask', 'labels'; make"):
            fit(model, [batch], TrainConfig(1, progress=False), loss=loss)
    with pytest.raises(ValueError, match=r"got batch\[0\] \(2, 5\), batch\[1\] \(2, 5\)"):
        fit(model, [(ids, targets)], TrainConfig(1, progress=False))

    def loss(model, batch):
        return next_token_loss(model, Batch(batch["input_ids"], batch["labels"], batch["attention_mask"].bool()))

    history = fit(model, [batch] * 3, TrainConfig(3, log_every=1, progress=False), loss=loss)
    assert history.tokens == [8, 16, 24]


@pytest.mark.parametrize(
    "result", [torch.tensor(1.0), (torch.ones(2), 2), (1.0, 2), (torch.tensor(1.0), torch.ones(2)), None]
)
def test_a_loss_that_returns_something_else(result):
    model = nn.Linear(2, 2)
    with pytest.raises(ValueError, match=r"a loss must return \(sum, count\)"):
        fit(model, [torch.ones(1, 2)], TrainConfig(1, progress=False), loss=lambda model, batch: result)
