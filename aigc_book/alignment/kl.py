"""How far a policy π has moved from a reference ρ: the KL divergence, and three estimates of it from samples.

With ℓ = ln π(a) - ln ρ(a) of an answer or token a that was drawn from π:

- k1 = ℓ is right on average, noisy, and may be negative. Its own gradient is 0 on average.
- k2 = ℓ² / 2 is wrong on average, by terms of third order. Its gradient is right on average.
- k3 = e^(-ℓ) - 1 + ℓ is right on average, never negative, and less noisy where the two are close. Its gradient is on
  average that of the other divergence, KL(ρ ‖ π).

Source: Schulman, *Approximating KL Divergence* (2020); the gradients: Tang and Munos (2025).
"""

import torch
from torch import Tensor


def kl_divergence(logits: Tensor, reference_logits: Tensor) -> Tensor:
    """KL(π ‖ ρ) = Σ_a π(a) (ln π(a) - ln ρ(a)) of the next token, in nats, exactly.

    Args:
        logits: (..., V) of π.
        reference_logits: (..., V) of ρ.

    Returns:
        (...).

    Raises:
        ValueError: another shape.
    """
    _check_shapes(logits, reference_logits)
    ours, theirs = logits.log_softmax(-1), reference_logits.log_softmax(-1)
    return (ours.exp() * (ours - theirs)).sum(dim=-1)


def k1(log_probs: Tensor, reference: Tensor) -> Tensor:
    """ℓ = ln π(a) - ln ρ(a), for each sample; ValueError for another shape."""
    _check_shapes(log_probs, reference)
    return log_probs - reference


def k2(log_probs: Tensor, reference: Tensor) -> Tensor:
    """ℓ² / 2, for each sample; ValueError for another shape."""
    return k1(log_probs, reference).square() / 2


def k3(log_probs: Tensor, reference: Tensor) -> Tensor:
    """e^(-ℓ) - 1 + ℓ, for each sample; ValueError for another shape."""
    difference = k1(log_probs, reference)
    return torch.expm1(-difference) + difference


def _check_shapes(ours: Tensor, theirs: Tensor) -> None:
    if ours.shape != theirs.shape:
        raise ValueError(f"policy and reference need the same shape; got {tuple(ours.shape)} and {tuple(theirs.shape)}")
