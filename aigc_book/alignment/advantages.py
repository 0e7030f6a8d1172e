"""How much better an answer was than expected: from rewards to advantages.

Shape letters: B answers, G of them to one prompt, W places at which a token can be written.
"""

import torch
from torch import Tensor

EPS = 1e-4  # added to a standard deviation, so that a group of nearly equal rewards isn't blown up


def group_advantages(rewards: Tensor, group_size: int, *, scale: bool = True) -> Tensor:
    """(r - mean) / (standard deviation + 0.0001) within each group of answers to one prompt.

    The deviation is the sample's, with G - 1 in its denominator. Answers that are all equally good get 0.

    Args:
        rewards: (B,), the G answers to a prompt side by side.
        group_size: G, at least 2.
        scale: whether to divide; Liu et al. (2025) advise against it, since it weighs prompts by how alike their
            answers score.

    Returns:
        (B,).

    Raises:
        ValueError: a group size below 2 or that doesn't divide B; a reward that is not finite.

    Source: Shao et al., *DeepSeekMath* (2024), section 4.1.2.
    """
    check_rewards(rewards, len(rewards))
    if group_size < 2 or len(rewards) % group_size:
        raise ValueError(
            f"group_size must be at least 2 and divide the number of rewards, {len(rewards)}; got {group_size}"
        )
    groups = rewards.view(-1, group_size)
    advantages = groups - groups.mean(dim=1, keepdim=True)
    if scale:
        advantages = advantages / (groups.std(dim=1, keepdim=True) + EPS)
    return advantages.flatten()


@torch.no_grad()
def gae(
    rewards: Tensor, values: Tensor, written: Tensor, *, gamma: float = 1.0, lam: float = 0.95
) -> tuple[Tensor, Tensor]:
    r"""Generalised advantage estimation over the tokens of an answer.

    A_t = Σ_{l ≥ 0} (γ λ)^l δ_{t+l} with δ_t = r_t + γ v_{t+1} - v_t, where v is 0 after the last token. λ = 0 trusts
    the critic (A_t = δ_t), λ = 1 the rewards that came (A_t = Σ γ^l r_{t+l} - v_t).

    Args:
        rewards: (B, W), r_t for the token written at each place; as a rule 0 but for the last.
        values: (B, W), the critic's v_t before that token is written.
        written: (B, W) boolean, where the answer is written: places without a gap in each row.
        gamma: γ in [0, 1].
        lam: λ in [0, 1].

    Returns:
        ``(advantages, returns)``, both (B, W) and 0 where nothing is written; returns A + v are the critic's targets.

    Raises:
        ValueError: shapes that don't fit, γ or λ out of range, a reward that is not finite.

    Source: Schulman et al., *High-Dimensional Continuous Control Using Generalized Advantage Estimation* (2016),
    equation 16.
    """
    if not rewards.shape == values.shape == written.shape or rewards.dim() != 2:
        shapes = ", ".join(str(tuple(each.shape)) for each in (rewards, values, written))
        raise ValueError(f"rewards, values and written must have one shape (B, W); got {shapes}")
    for name, value in (("gamma", gamma), ("lam", lam)):
        if not 0 <= value <= 1:
            raise ValueError(f"{name} must be from 0 to 1; got {value}")
    if not bool(rewards.isfinite().all()):
        raise ValueError("rewards must be finite; at least one isn't")
    advantages, after, value_after = (
        torch.zeros_like(values),
        values.new_zeros(len(values)),
        values.new_zeros(len(values)),
    )
    for t in reversed(range(values.size(1))):
        here = written[:, t]
        delta = rewards[:, t] + gamma * value_after - values[:, t]
        after = (delta + gamma * lam * after).where(here, 0.0)
        value_after = values[:, t].where(here, 0.0)
        advantages[:, t] = after
    return advantages, (advantages + values).where(written, 0.0)


def check_rewards(rewards: Tensor, n: int) -> None:
    """Refuse what can't be learned from.

    Raises:
        ValueError: not (n,) floats, or one that is not finite.
    """
    if not isinstance(rewards, Tensor) or not rewards.is_floating_point() or rewards.shape != (n,):
        came = (
            f"{rewards.dtype} of shape {tuple(rewards.shape)}"
            if isinstance(rewards, Tensor)
            else type(rewards).__name__
        )
        raise ValueError(f"rewards must be floats of shape ({n},), one for each answer; got {came}")
    if not bool(rewards.isfinite().all()):
        row = int((~rewards.isfinite()).nonzero()[0])
        raise ValueError(f"rewards must be finite; that of answer {row} is {rewards[row].item()}")
