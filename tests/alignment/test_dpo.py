"""Direct preference optimization: by hand, its laws, its contract with training, and TRL's loss."""

import copy
import math

import pytest
import torch

from aigc_book.alignment.answers import answer_log_probs
from aigc_book.alignment.dpo import dpo, dpo_loss
from aigc_book.alignment.preferences import Preferences
from aigc_book.models.gpt import GPT, GPTConfig
from aigc_book.training.loop import TrainConfig, fit
from aigc_book.training.optimizers import SGD, AdamW
from tests.alignment.trl_losses import trl_dpo

V = 11


def gpt(seed=0, **settings):
    torch.manual_seed(seed)
    return GPT(GPTConfig(**{**dict(vocab_size=V, max_seq_len=13, n_layers=2, n_heads=2, d_model=8), **settings}))


def pairs(n=5, seed=0):
    rng = torch.Generator().manual_seed(seed)
    ids = torch.randint(V - 1, (3, n, 4), generator=rng)
    lengths = torch.randint(1, 5, (n,), generator=rng)
    return Preferences.of(list(ids[0]), [row[:k] for row, k in zip(ids[1], lengths, strict=True)], list(ids[2]))


def test_by_hand():
    """Log-ratios ln 4 - ln 2 = ln 2 and ln 1 - ln 2 = -ln 2; β = 1/2: σ(½ · 2 ln 2) = 2 / 3, loss -ln 2/3."""
    four, two, one = (torch.tensor([math.log(x)]) for x in (4, 2, 1))
    assert dpo(four, one, two, two, 0.5).item() == pytest.approx(-math.log(2 / 3))


def test_where_the_policy_is_the_reference_the_loss_is_ln_2():
    model = gpt()
    total, count = dpo_loss(copy.deepcopy(model), 0.3)(model, pairs())
    assert (total.item(), count) == (pytest.approx(5 * math.log(2), rel=1e-5), 5)


def test_a_constant_of_the_prompt_falls_away():
    a, b, c, d = torch.randn(4, 7, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(dpo(a + 3, b + 3, c, d, 0.7), dpo(a, b, c, d, 0.7))
    torch.testing.assert_close(dpo(a, b, c - 2, d - 2, 0.7), dpo(a, b, c, d, 0.7))


def test_the_gradient_is_the_papers():
    """-β σ(β (worse - better margin)): equation 8 of the paper, for ln π(y_w); the opposite for ln π(y_l)."""
    better, worse = (torch.tensor([x], requires_grad=True) for x in (-3.0, -2.5))
    dpo(better, worse, torch.tensor([-2.0]), torch.tensor([-4.0]), 0.5).sum().backward()
    margin = 0.5 * ((-3.0 + 2.0) - (-2.5 + 4.0))
    expected = -0.5 / (1 + math.exp(margin))
    assert better.grad.item() == pytest.approx(expected) and worse.grad.item() == pytest.approx(-expected)


def test_equals_trls_loss_on_random_log_probabilities():
    values = torch.randn(4, 9, generator=torch.Generator().manual_seed(1)) * 3
    for beta in (0.05, 0.1, 1.0):
        torch.testing.assert_close(dpo(*values, beta).mean(), trl_dpo(*values, beta=beta))


def test_the_reference_stays_and_answers_become_likelier():
    model = gpt()
    reference = copy.deepcopy(model)
    before = copy.deepcopy(reference.state_dict())
    batch = pairs()
    history = fit(
        model,
        [batch] * 30,
        TrainConfig(30, progress=False),
        loss=dpo_loss(reference, 0.5),
        optimizers=AdamW(model.parameters(), lr=0.01, weight_decay=0.0),
    )
    assert history.losses[-1] < history.losses[0] / 2
    assert all(torch.equal(before[name], value) for name, value in reference.state_dict().items())
    with torch.no_grad():
        both = batch.both()
        better, worse = (answer_log_probs(model, both) - answer_log_probs(reference, both)).sum(dim=1).chunk(2)
    assert (better > worse).all()


def test_accumulated_equals_the_big_batch():
    batch = pairs(6)
    parts = [
        Preferences(
            *(type(a)(a.ids[i : i + 2], a.is_answer[i : i + 2], a.mask[i : i + 2]) for a in (batch.better, batch.worse))
        )
        for i in (0, 2, 4)
    ]
    models = [gpt(), gpt()]
    for model, batches, n in zip(models, ([batch], parts), (1, 3), strict=True):
        config = TrainConfig(1, accumulate=n, progress=False)
        fit(model, batches, config, loss=dpo_loss(gpt(4)), optimizers=SGD(model.parameters(), 0.1))
    for p, q in zip(*(model.parameters() for model in models), strict=True):
        torch.testing.assert_close(p, q)


def test_dropout_of_the_reference_is_off():
    model = gpt()
    reference = gpt(0, dropout=0.5)
    reference.load_state_dict(model.state_dict())
    total, _ = dpo_loss(reference)(model, pairs())
    assert total.item() == pytest.approx(5 * math.log(2), rel=1e-5) and reference.training


def test_what_is_refused():
    model = gpt()
    for beta in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(ValueError, match="beta must be positive and finite"):
            dpo_loss(copy.deepcopy(model), beta)
    with pytest.raises(ValueError, match="must have the model's vocabulary of 11 tokens; got one of 12"):
        dpo_loss(gpt(vocab_size=12))(model, pairs())
    with pytest.raises(ValueError, match="a model of its own"):
        dpo_loss(model)(model, pairs())
