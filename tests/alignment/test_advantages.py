"""Advantages: by hand, against closed forms, and what they refuse."""

import math

import pytest
import torch

from aigc_book.alignment.advantages import gae, group_advantages


def test_groups_by_hand():
    """(1, 3): mean 2, deviation √2: ∓1 / (√2 + 0.0001). (5, 5): 0."""
    found = group_advantages(torch.tensor([1.0, 3.0, 5.0, 5.0]), 2)
    one = 1 / (math.sqrt(2) + 1e-4)
    assert found.tolist() == pytest.approx([-one, one, 0, 0])
    assert group_advantages(torch.tensor([1.0, 3.0, 5.0, 5.0]), 2, scale=False).tolist() == [-1, 1, 0, 0]


def test_groups_equal_trls_arithmetic():
    """As GRPOTrainer._generate_and_score_completions has it for scale_rewards="group", with its own nanstd."""
    from trl.trainer.utils import nanstd

    rewards = torch.randn(12, generator=torch.Generator().manual_seed(0))
    groups = rewards.view(-1, 4)
    theirs = (rewards - groups.mean(dim=1).repeat_interleave(4)) / (nanstd(groups, dim=1).repeat_interleave(4) + 1e-4)
    torch.testing.assert_close(group_advantages(rewards, 4), theirs)


def test_gae_by_hand():
    """r = (0, 1), v = (½, ¼), γ = ½, λ = ½. δ₁ = 1 - ¼ = ¾; δ₀ = 0 + ½·¼ - ½ = -3/8; A₀ = -3/8 + ¼·¾ = -3/16.

    The row begins with a place of the prompt and ends in padding, whose values count for nothing.
    """
    rewards = torch.tensor([[0.0, 0.0, 1.0, 0.0]])
    values = torch.tensor([[9.0, 0.5, 0.25, 7.0]])
    written = torch.tensor([[False, True, True, False]])
    advantages, returns = gae(rewards, values, written, gamma=0.5, lam=0.5)
    assert advantages.tolist() == [[0, -3 / 16, 3 / 4, 0]]
    assert returns.tolist() == [[0, 5 / 16, 1, 0]]


def random_rows(seed=0):
    rng = torch.Generator().manual_seed(seed)
    starts, lengths = torch.randint(3, (5, 1), generator=rng), torch.randint(1, 6, (5, 1), generator=rng)
    at = torch.arange(8)
    written = (at >= starts) & (at < starts + lengths)
    rewards = torch.randn(5, 8, generator=rng) * written
    return rewards, torch.randn(5, 8, generator=rng), written


def test_gae_equals_its_sum():
    rewards, values, written = random_rows()
    advantages, returns = gae(rewards, values, written, gamma=0.9, lam=0.7)
    for row in range(5):
        places = written[row].nonzero()[:, 0].tolist()
        v = [values[row, t].item() for t in places] + [0.0]
        delta = [rewards[row, t].item() + 0.9 * v[i + 1] - v[i] for i, t in enumerate(places)]
        for i, t in enumerate(places):
            closed = sum((0.9 * 0.7) ** k * d for k, d in enumerate(delta[i:]))
            assert advantages[row, t].item() == pytest.approx(closed, rel=1e-4, abs=1e-5)
            assert returns[row, t].item() == pytest.approx(closed + v[i], rel=1e-4, abs=1e-5)
    assert not advantages[~written].any() and not returns[~written].any()


def test_gae_between_its_ends():
    """λ = 1: what really came less the critic's value. λ = 0: one step and the critic."""
    rewards, values, written = random_rows(1)
    whole, returns = gae(rewards, values, written, lam=1.0)
    to_come = rewards.flip(1).cumsum(dim=1).flip(1) * written
    torch.testing.assert_close(whole, (to_come - values) * written)
    torch.testing.assert_close(returns, to_come)
    one, _ = gae(rewards, values, written, lam=0.0)
    after = torch.cat((values[:, 1:] * written[:, 1:], torch.zeros(5, 1)), dim=1)
    torch.testing.assert_close(one, (rewards + after - values) * written)


def test_a_right_critic_leaves_no_advantage():
    rewards, _, written = random_rows(2)
    to_come = rewards.flip(1).cumsum(dim=1).flip(1)
    for lam in (0.0, 0.5, 1.0):
        advantages, _ = gae(rewards, to_come, written, lam=lam)
        torch.testing.assert_close(advantages, torch.zeros_like(advantages), atol=1e-5, rtol=0)


def test_inputs_stay_as_they_are():
    rewards, values, written = random_rows()
    kept = [each.clone() for each in (rewards, values, written)]
    gae(rewards, values, written)
    group_advantages(rewards[:4, 0], 2)
    assert all(torch.equal(a, b) for a, b in zip(kept, (rewards, values, written), strict=True))


ZEROS, ONES = torch.zeros(2, 3), torch.ones(2, 3, dtype=torch.bool)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: group_advantages(torch.zeros(6), 4), "at least 2 and divide the number of rewards, 6; got 4"),
        (lambda: group_advantages(torch.zeros(6), 1), "at least 2 and divide the number of rewards, 6; got 1"),
        (lambda: group_advantages(torch.tensor([0.0, math.nan]), 2), "rewards must be finite; that of answer 1 is nan"),
        (
            lambda: group_advantages(torch.tensor([-math.inf, 1.0]), 2),
            "rewards must be finite; that of answer 0 is -inf",
        ),
        (
            lambda: group_advantages(torch.tensor([1, 2]), 2),
            r"floats of shape \(2,\), one for each answer; got torch.int64",
        ),
        (lambda: gae(ZEROS, ZEROS[:1], ONES), r"one shape \(B, W\); got \(2, 3\), \(1, 3\), \(2, 3\)"),
        (lambda: gae(ZEROS, ZEROS, ONES, gamma=1.1), "gamma must be from 0 to 1; got 1.1"),
        (lambda: gae(ZEROS, ZEROS, ONES, lam=-0.1), "lam must be from 0 to 1; got -0.1"),
        (lambda: gae(ZEROS + math.inf, ZEROS, ONES), "rewards must be finite"),
    ],
)
def test_what_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
