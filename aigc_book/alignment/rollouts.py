"""What a policy wrote and what became of it, and the losses that learn from that.

Shape letters: B answers, W places at which a token can be written.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from aigc_book.alignment.answers import Answers, answer_log_probs
from aigc_book.alignment.kl import k3
from aigc_book.alignment.reward_model import RewardModel
from aigc_book.training.losses import Loss

AVERAGES = ("answer", "token")


@dataclass(frozen=True)
class Rollout:
    """Answers that a policy has drawn, judged.

    Args:
        answers: B prompts with the answers.
        advantages: (B, W), how much better than expected each token was.
        old: (B, W), the tokens' log-probabilities when they were drawn. None: the policy hasn't moved since.
        reference: (B, W), their log-probabilities under the reference. None: there is no reference.
        returns: (B, W), what a critic should have said. None: there is no critic.

    Raises:
        ValueError: another shape than (B, W).
    """

    answers: Answers
    advantages: Tensor
    old: Tensor | None = None
    reference: Tensor | None = None
    returns: Tensor | None = None

    def __post_init__(self):
        shape = self.answers.written.shape
        for name in ("advantages", "old", "reference", "returns"):
            value = getattr(self, name)
            if value is not None and value.shape != shape:
                raise ValueError(f"{name} must be one for each place, {tuple(shape)}; got shape {tuple(value.shape)}")


def clipped(log_probs: Tensor, old: Tensor, advantages: Tensor, epsilon: float) -> Tensor:
    r"""-min(ρ A, clip(ρ, 1 - ε, 1 + ε) A), with the ratio ρ = π(a) / π_old(a): PPO's loss of a token.

    Once a good token is 1 + ε times as likely as it was when it was drawn, or a bad one 1 - ε times, its gradient is 0.

    Args:
        log_probs: (...) ln π(a), through which the gradient goes.
        old: (...) ln π_old(a).
        advantages: (...) A.
        epsilon: ε > 0.

    Returns:
        (...).

    Raises:
        ValueError: an ε that is not positive.

    Source: Schulman et al., *Proximal Policy Optimization* (2017), equation 7.
    """
    _check_policy(epsilon, 0.0, "answer")
    ratio = (log_probs - old).exp()
    return -torch.minimum(ratio * advantages, ratio.clamp(1 - epsilon, 1 + epsilon) * advantages)


def policy_loss(*, epsilon: float = 0.2, beta: float = 0.0, average: str = "answer") -> Loss:
    """:func:`clipped` plus β times :func:`k3` of policy and reference, as ``loss(policy, rollout) -> (sum, count)``.

    Args:
        epsilon: ε.
        beta: β; with 0 the reference isn't looked at.
        average: ``"answer"`` takes the mean over each answer's tokens and counts answers, as GRPO did at first, so that
            a token of a long answer weighs less; ``"token"`` sums over tokens and counts tokens (Yu et al., *DAPO*,
            2025).

    Raises:
        ValueError: ε not positive, β negative, another average; later, a β above 0 and a rollout without reference.

    Source: Shao et al., *DeepSeekMath* (2024), equation 3.
    """
    _check_policy(epsilon, beta, average)

    def loss(policy: nn.Module, rollout: Rollout) -> tuple[Tensor, Tensor | int]:
        if beta and rollout.reference is None:
            raise ValueError(f"beta={beta} needs log-probabilities of a reference; the rollout has none")
        now = answer_log_probs(policy, rollout.answers)  # (B, W)
        each = clipped(now, now.detach() if rollout.old is None else rollout.old, rollout.advantages, epsilon)
        if beta:
            each = each + beta * k3(now, rollout.reference)
        each = each.where(rollout.answers.written, 0.0)
        if average == "token":
            return each.sum(), rollout.answers.written.sum()
        return (each.sum(dim=1) / rollout.answers.lengths()).sum(), len(each)

    return loss


def value_loss(critic: RewardModel, rollout: Rollout) -> tuple[Tensor, Tensor]:
    """Σ (v_t - return_t)² / 2 over the places where answers are written, and how many those are.

    Raises:
        ValueError: the rollout has no returns.
    """
    if rollout.returns is None:
        raise ValueError("a critic learns from returns; the rollout has none")
    answers = rollout.answers
    values = critic.values(answers.ids[:, :-1], mask=answers.mask[:, :-1])
    errors = (values - rollout.returns).square().where(answers.written, 0.0)
    return errors.sum() / 2, answers.written.sum()


def _check_policy(epsilon: float, beta: float, average: str) -> None:
    if not epsilon > 0:
        raise ValueError(f"epsilon must be positive; got {epsilon}")
    if not 0 <= beta < float("inf"):
        raise ValueError(f"beta must be finite and not negative; got {beta}")
    if average not in AVERAGES:
        raise ValueError(f"average must be one of {', '.join(AVERAGES)}; got {average!r}")
