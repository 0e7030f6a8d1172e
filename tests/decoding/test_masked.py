"""Gibbs sampling and pseudo-log-likelihood: against a joint distribution that is known whole, laws, errors."""

import itertools
import math

import pytest
import torch
from torch import nn

from aigc_book.decoding import GREEDY, Sampling
from aigc_book.decoding.masked import gibbs, pseudo_log_likelihood
from aigc_book.models.bert import BERT, BERTConfig, MaskedLM
from aigc_book.models.gpt import GPT, GPTConfig

MASK = 3


class Table(nn.Module):
    """The exact conditionals of a joint distribution of three places over the tokens 0, 1, 2; 3 is [MASK].

    What is masked besides the place that is asked for is summed out.
    """

    def __init__(self, seed=0):
        super().__init__()
        self.config = GPTConfig(vocab_size=4, max_seq_len=3, n_layers=1, n_heads=1, d_model=2)
        joint = torch.rand(3, 3, 3, generator=torch.Generator().manual_seed(seed)) ** 2
        self.joint = nn.Parameter(joint / joint.sum(), requires_grad=False)
        self.asked = []

    def forward(self, ids, *, mask=None):
        self.asked.append(ids.clone())
        logits = torch.full((*ids.shape, 4), -50.0)
        for row, place in itertools.product(range(len(ids)), range(3)):
            at = [slice(None) if t == place or ids[row, t] == MASK else int(ids[row, t]) for t in range(3)]
            p = self.joint[tuple(slice(i, i + 1) if isinstance(i, int) else i for i in at)]
            p = p.sum(dim=[t for t in range(3) if t != place])
            logits[row, place, :3] = p.log()
        return logits


def blank(B):
    return torch.full((B, 3), MASK)


@pytest.mark.parametrize("order", ["random", "left to right"])
def test_true_conditionals_give_samples_of_their_joint(order):
    """Already the first sweep is exact here, since places that are still masked are summed out; so is each later one.

    4,000 samples of 27 texts: the total variation to the truth is about 0.03.
    """
    model = Table()
    for ids in gibbs(model, blank(4000), MASK, sweeps=2, order=order, generator=torch.Generator().manual_seed(1)):
        counts = torch.bincount(ids @ torch.tensor([9, 3, 1]), minlength=27) / 4000
        assert 0.5 * (counts - model.joint.flatten()).abs().sum() < 0.06
        assert (ids != MASK).all()


def test_one_place_a_step_is_masked_and_only_chosen_places_change():
    model, ids = Table(), torch.tensor([[0, 1, 2], [2, 1, 0]])
    where = torch.tensor([[True, False, True], [False, True, False]])
    before = ids.clone()
    *_, last = gibbs(model, ids, MASK, sweeps=3, where=where, generator=torch.Generator().manual_seed(0))
    assert torch.equal(last[~where], ids[~where]) and torch.equal(ids, before)
    assert [len(asked) for asked in model.asked] == [2, 1] * 3  # the second row has one place only
    assert all(((asked == MASK).sum(dim=1) == 1).all() for asked in model.asked)


def test_left_to_right_goes_left_to_right():
    model = Table()
    list(gibbs(model, blank(1), MASK, order="left to right", sampling=GREEDY))
    assert [(asked == MASK).tolist()[0] for asked in model.asked] == [[1, 1, 1], [0, 1, 1], [0, 0, 1]]


def test_greedy_takes_the_largest_and_forbidden_is_never_drawn():
    """p(first place) by hand: the sums of the joint over the other two places."""
    model = Table()
    best = model.joint.sum(dim=(1, 2)).argmax().item()
    ids = torch.tensor([[MASK, MASK, MASK]])
    first = torch.tensor([[True, False, False]])
    (found,) = gibbs(model, ids, MASK, where=first, sampling=GREEDY)
    assert found[0, 0] == best
    drawn = [*gibbs(model, blank(300), MASK, sweeps=2, forbidden=(0, 2))][-1]
    assert (drawn == 1).all()


def test_same_generator_same_text_and_a_text_for_each_sweep():
    model = Table()

    def texts(seed, **options):
        return [*gibbs(model, blank(5), MASK, sweeps=3, generator=torch.Generator().manual_seed(seed), **options)]

    assert len(texts(0)) == 3
    assert all(torch.equal(one, again) for one, again in zip(texts(0), texts(0), strict=True))
    assert not torch.equal(texts(0)[-1], texts(1)[-1])
    assert not torch.equal(texts(0)[-1], texts(0, sampling=Sampling(temperature=0.1))[-1])


def test_pseudo_log_likelihood_by_hand():
    """Two tokens that are always the same: either is certain once the other is seen, so the sum is ln 1 + ln 1 = 0 for
    both texts, and as "probabilities" they would add up to 2. The text 01 can't occur."""
    model = Table()
    model.joint.data.zero_()
    model.joint[0, 0, 0] = model.joint[1, 1, 0] = 0.5
    ids = torch.tensor([[0, 0, 0], [1, 1, 0], [0, 1, 0]])
    found = pseudo_log_likelihood(model, ids, MASK, batch_size=2)
    torch.testing.assert_close(found[:2], torch.zeros(2, 3))
    assert found[2, 0] < -20 and found[2].sum() < -40
    assert found[:2].sum(dim=1).exp().sum().item() == pytest.approx(2)


@pytest.mark.parametrize("batch_size", [1, 4, 64])
def test_pseudo_log_likelihood_is_the_conditional_of_the_joint(batch_size):
    model, ids = Table(), torch.tensor([[0, 2, 1], [1, 1, 2]])
    where = torch.tensor([[True, False, True], [True, True, True]])
    found = pseudo_log_likelihood(model, ids, MASK, where=where, batch_size=batch_size)
    for row, place in where.nonzero().tolist():
        at = ids[row].tolist()
        line = [model.joint[(*at[:place], v, *at[place + 1 :])].item() for v in range(3)]
        assert found[row, place].item() == pytest.approx(math.log(line[at[place]] / sum(line)), rel=1e-5)
    assert found[0, 1] == 0


def masked_models():
    torch.manual_seed(0)
    gpt = GPT(GPTConfig(vocab_size=11, max_seq_len=9, n_layers=2, n_heads=2, d_model=8, causal=False))
    bert = MaskedLM(BERT(BERTConfig(vocab_size=11, max_seq_len=9, n_layers=2, n_heads=2, d_model=8, dropout=0.5)))
    return [gpt, bert]


@pytest.mark.parametrize("model", masked_models(), ids=["gpt", "bert"])
def test_our_models_are_asked_in_evaluation_mode_and_padding_changes_nothing(model):
    ids = torch.randint(4, 11, (3, 7), generator=torch.Generator().manual_seed(2))
    assert torch.equal(pseudo_log_likelihood(model, ids, MASK), pseudo_log_likelihood(model, ids, MASK))
    assert model.training
    asked = ids.clone()
    asked[:, 2] = MASK
    padded = torch.cat((asked, torch.zeros(3, 2, dtype=torch.int64)), dim=1)
    mask = torch.ones_like(padded, dtype=torch.bool)
    mask[:, 7:] = False
    (short,) = gibbs(model, asked, MASK, sampling=GREEDY)
    (long,) = gibbs(model, padded, MASK, sampling=GREEDY, mask=mask)
    assert torch.equal(short, long[:, :7]) and (short[:, 2] != MASK).all()
    scored = pseudo_log_likelihood(model, padded, MASK, mask=mask)
    torch.testing.assert_close(scored[:, :7], pseudo_log_likelihood(model, asked, MASK))
    assert (scored[:, 7:] == 0).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(sweeps=0), "sweeps must be at least 1; got 0"),
        (dict(order="backwards"), "order must be one of random, left to right; got 'backwards'"),
        (dict(where=torch.ones(2, 3)), r"where must be boolean of shape \(2, 3\)"),
        (dict(where=torch.zeros(2, 3, dtype=torch.bool)), "there must be a place to be asked for; got none"),
        (dict(forbidden=(0, 1, 2)), "all 4 tokens are forbidden"),
        (dict(forbidden=(4,)), "a forbidden id must be from 0 to vocab_size - 1 = 3; got 4"),
        (dict(sampling=0.8), "sampling must be a Sampling"),
    ],
)
def test_errors_of_gibbs(options, message):
    with pytest.raises(ValueError, match=message):
        gibbs(Table(), blank(2), MASK, **options)


def test_errors_of_ids():
    model = Table()
    with pytest.raises(ValueError, match="there must be a place to be asked for"):
        gibbs(model, torch.zeros(2, 3, dtype=torch.int64), MASK)
    with pytest.raises(ValueError, match="mask_id must be from 0 to vocab_size - 1 = 3; got 9"):
        pseudo_log_likelihood(model, blank(1), 9)
    with pytest.raises(ValueError, match="ids must be from 0 to vocab_size - 1 = 3; got 0 to 7"):
        pseudo_log_likelihood(model, torch.tensor([[0, 7]]), MASK)
    with pytest.raises(ValueError, match=r"whole numbers .* of shape \(B, T\)"):
        gibbs(model, torch.zeros(3), MASK)
    with pytest.raises(ValueError, match=r"where must be boolean of shape \(1, 3\)"):
        pseudo_log_likelihood(model, blank(1), MASK, where=torch.ones(1, 2, dtype=torch.bool))


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_logits_that_are_not_finite(value):
    model = Table()
    forward = model.forward
    model.forward = lambda ids, mask=None: forward(ids).index_fill(1, torch.tensor([1]), value)  # the second place
    with pytest.raises(ValueError, match=f"logits must be finite at step 2; row 0 has {value}"):
        list(gibbs(model, blank(1), MASK, order="left to right"))
    with pytest.raises(ValueError, match=f"logits must be finite; row 1 has {value}"):
        pseudo_log_likelihood(model, torch.tensor([[0, 1, 2]]), MASK)
