"""One contract for five objectives: accumulated equals big, evaluation is exact, resumed equals uninterrupted."""

import copy
import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from aigc_book.data.batches import IGNORED, Batch
from aigc_book.models.bert import BERT, BERTConfig, MaskedLM
from aigc_book.models.gpt import GPT, GPTConfig
from aigc_book.training.evaluate import evaluate
from aigc_book.training.loop import TrainConfig, fit, train
from aigc_book.training.losses import masked_token_loss, next_token_loss
from aigc_book.training.optimizers import SGD, Adam

V, T = 11, 5
SIZES = dict(vocab_size=V, max_seq_len=T, n_layers=1, n_heads=2, d_model=8)


def generator(seed):
    return torch.Generator().manual_seed(seed)


def padded(n, seed, hidden):
    """Sequences of 2 to 5 tokens; the targets are the next ones, or those under [MASK] = 10."""
    rng = generator(seed)
    ids = torch.randint(V - 1, (n, T + 1), generator=rng)
    real = torch.arange(T) < torch.randint(2, T + 1, (n, 1), generator=rng)
    if not hidden:
        return Batch(ids[:, :-1].where(real, 0), ids[:, 1:].where(real, IGNORED), real)
    is_hidden = real & (torch.rand(n, T, generator=rng) < 0.4)
    return Batch(ids[:, :-1].where(real & ~is_hidden, 10), ids[:, :-1].where(is_hidden, IGNORED), real)


def split_batch(batch, sizes):
    parts = zip(*(tensor.split(sizes) for tensor in (batch.ids, batch.targets, batch.mask)), strict=True)
    return [Batch(*each) for each in parts]


class Vae(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = nn.Linear(6, 4), nn.Linear(2, 6)

    def forward(self, x, noise):
        mean, log_variance = self.encoder(x).chunk(2, dim=-1)
        return self.decoder(mean + noise * (log_variance / 2).exp()), mean, log_variance


def bound_loss(model, batch):
    """-ELBO: squared error plus the divergence from a standard normal distribution."""
    x, noise = batch["x"], batch["noise"]
    made, mean, log_variance = model(x, noise)
    divergence = (mean.square() + log_variance.exp() - 1 - log_variance).sum() / 2
    return (made - x).square().sum() / 2 + divergence, len(x)


def denoising_loss(model, batch):
    """Noise of its own, of each sample's own seed where the law needs it, from the global generator otherwise."""
    x, seeds = batch
    noise = (
        torch.stack([torch.randn(6, generator=generator(int(seed))) for seed in seeds])
        if seeds is not None
        else torch.randn_like(x)
    )
    return (model(x + noise) - noise).square().sum(), x.numel()


def log_likelihood(model, ids):
    return -F.cross_entropy(model(ids[:, :-1]).transpose(1, 2), ids[:, 1:], reduction="none").sum(dim=1)


def preference_loss(reference):
    """DPO: the reference is closed over, and neither moved, trained nor saved."""

    def loss(model, pairs):
        good, bad = pairs
        with torch.no_grad():
            before = log_likelihood(reference, good) - log_likelihood(reference, bad)
        now = log_likelihood(model, good) - log_likelihood(model, bad)
        return -F.logsigmoid(0.5 * (now - before)).sum(), len(good)

    return loss


def objective(kind):
    """A new model, its loss, one batch of 9, and the same in parts of 2, 3 and 4."""
    torch.manual_seed(3)
    sizes = [2, 3, 4]
    x = torch.randn(9, 6, generator=generator(1))
    if kind == "next token":
        batch = padded(9, 1, hidden=False)
        return GPT(GPTConfig(**SIZES)), next_token_loss, batch, split_batch(batch, sizes)
    if kind == "masked token":
        batch = padded(9, 1, hidden=True)
        return MaskedLM(BERT(BERTConfig(**SIZES))), masked_token_loss, batch, split_batch(batch, sizes)
    if kind == "bound":
        batch = {"x": x, "noise": torch.randn(9, 2, generator=generator(2))}
        parts = [
            dict(zip(batch, each, strict=True)) for each in zip(*(t.split(sizes) for t in batch.values()), strict=True)
        ]
        return Vae(), bound_loss, batch, parts
    if kind == "denoiser":
        seeds = torch.arange(9)
        return nn.Linear(6, 6), denoising_loss, (x, seeds), list(zip(x.split(sizes), seeds.split(sizes), strict=True))
    ids = torch.randint(V, (2, 9, T + 1), generator=generator(1))
    model = GPT(GPTConfig(**{**SIZES, "max_seq_len": T + 1}))
    loss = preference_loss(copy.deepcopy(model))
    return model, loss, tuple(ids), list(zip(*(part.split(sizes) for part in ids), strict=True))


KINDS = ("next token", "masked token", "bound", "denoiser", "preference")


def config(steps, **settings):
    return TrainConfig(steps, **{"log_every": 1, "progress": False, **settings})


@pytest.mark.parametrize("kind", KINDS)
def test_accumulated_equals_the_big_batch(kind):
    (big, loss, batch, _), (small, small_loss, _, parts) = objective(kind), objective(kind)
    histories = [
        fit(big, [batch] * 4, config(4), loss=loss, optimizers=SGD(big.parameters(), 0.1)),
        fit(small, parts * 4, config(4, accumulate=3), loss=small_loss, optimizers=SGD(small.parameters(), 0.1)),
    ]
    assert histories[0].losses == pytest.approx(histories[1].losses, rel=1e-4)
    assert histories[0].gradient_norms == pytest.approx(histories[1].gradient_norms, rel=1e-3)
    assert histories[0].tokens == histories[1].tokens
    assert histories[0].losses[-1] < histories[0].losses[0]
    for p, q in zip(big.parameters(), small.parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_evaluation_is_exact(kind):
    model, loss, batch, parts = objective(kind)
    total, count = loss(model.eval(), batch)
    for batches in ([batch], parts, iter(parts)):
        found = evaluate(model, batches, loss=loss)
        assert (found.sum, found.count) == (pytest.approx(total.item(), rel=1e-4), int(count))
        assert found.mean == pytest.approx(total.item() / int(count), rel=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_resumed_equals_uninterrupted(kind, tmp_path):
    def run(folder, stop=None, resume=False):
        model, loss, _, parts = objective(kind)
        if kind == "denoiser":
            parts = [(x, None) for x, _ in parts]  # noise from the global generator
        arguments = dict(loss=loss, optimizers=Adam(model.parameters(), 0.01), checkpoints=folder, resume=resume)
        for entry in train(model, parts * 2, config(6, checkpoint_every=2), **arguments):
            if entry.step == stop:
                break
        return model, entry.history

    torch.manual_seed(5)
    whole, history = run(tmp_path / "whole")
    torch.manual_seed(5)
    run(tmp_path / "parts", stop=5)
    torch.manual_seed(77)
    again, history_again = run(tmp_path / "parts", resume=True)
    assert history.losses == history_again.losses and len(history.losses) == 6
    assert all(torch.equal(p, q) for p, q in zip(whole.parameters(), again.parameters(), strict=True))


def test_what_a_loss_draws_is_the_same_in_each_evaluation_and_leaves_no_trace():
    model, loss, _, parts = objective("denoiser")
    parts = [(x, None) for x, _ in parts]
    torch.manual_seed(8)
    state = torch.get_rng_state()
    first = evaluate(model, parts, loss=loss)
    assert torch.equal(torch.get_rng_state(), state)
    torch.randn(3)
    assert evaluate(model, parts, loss=loss) == first
    assert evaluate(model, parts, loss=loss, seed=1) != first


def test_an_evaluation_is_what_perplexity_takes():
    from aigc_book.metrics.perplexity import perplexity

    model, _, _, parts = objective("next token")
    found = evaluate(model, parts)
    assert perplexity(found.sum, found.count).perplexity == pytest.approx(math.exp(found.mean))
    halves = evaluate(model, parts[:1]) + evaluate(model, parts[1:])
    assert (halves.sum, halves.count) == (pytest.approx(found.sum), found.count)
