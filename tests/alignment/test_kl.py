"""The divergence and its estimators against closed forms."""

import math

import pytest
import torch

from aigc_book.alignment.kl import k1, k2, k3, kl_divergence


def two(seed=0, size=0.3):
    """Logits of a policy and a reference that are close."""
    rng = torch.Generator().manual_seed(seed)
    logits = torch.randn(7, generator=rng, dtype=torch.float64)
    return logits, logits + size * torch.randn(7, generator=rng, dtype=torch.float64)


def test_by_hand():
    """π = (1/2, 1/2), ρ = (1/4, 3/4): KL = ½ ln 2 + ½ ln 2/3 = ½ ln 4/3. Back: ¼ ln ½ + ¾ ln 3/2."""
    pi, rho = torch.tensor([0.5, 0.5]).log(), torch.tensor([0.25, 0.75]).log()
    assert kl_divergence(pi, rho).item() == pytest.approx(math.log(4 / 3) / 2)
    assert kl_divergence(rho, pi).item() == pytest.approx(math.log(1 / 2) / 4 + 3 * math.log(3 / 2) / 4)
    assert k1(pi, rho).tolist() == pytest.approx([math.log(2), math.log(2 / 3)])
    assert k2(pi, rho).tolist() == pytest.approx([math.log(2) ** 2 / 2, math.log(2 / 3) ** 2 / 2])
    assert k3(pi, rho).tolist() == pytest.approx([1 / 2 - 1 + math.log(2), 3 / 2 - 1 + math.log(2 / 3)])


def test_equals_torchs_distributions():
    logits, reference = torch.randn(2, 3, 5, 7, generator=torch.Generator().manual_seed(0))
    p, q = (torch.distributions.Categorical(logits=each) for each in (logits, reference))
    torch.testing.assert_close(kl_divergence(logits, reference), torch.distributions.kl_divergence(p, q))


def test_k1_and_k3_are_right_on_average_and_k2_nearly():
    """The average over all outcomes, each with its probability, is exact."""
    logits, reference = two()
    pi, rho = logits.log_softmax(-1), reference.log_softmax(-1)
    exact = kl_divergence(logits, reference)
    average = {k: (pi.exp() * k(pi, rho)).sum() for k in (k1, k2, k3)}
    torch.testing.assert_close(average[k1], exact)
    torch.testing.assert_close(average[k3], exact)
    assert abs(average[k2] / exact - 1) > 1e-3
    errors = []
    for size in (0.1, 0.01):
        logits, reference = two(size=size)
        pi, rho = logits.log_softmax(-1), reference.log_softmax(-1)
        errors.append(((pi.exp() * k2(pi, rho)).sum() - kl_divergence(logits, reference)).abs())
    assert errors[1] < errors[0] / 500  # third order: a thousandth


def test_k3_is_never_negative_and_less_noisy():
    logits, reference = two()
    pi, rho = logits.log_softmax(-1), reference.log_softmax(-1)
    assert (k3(pi, rho) >= 0).all() and (k1(pi, rho) < 0).any()
    variance = {k: (pi.exp() * (k(pi, rho) - (pi.exp() * k(pi, rho)).sum()).square()).sum() for k in (k1, k3)}
    assert variance[k3] < variance[k1] / 4


def test_what_their_gradients_are_on_average():
    """Samples are fixed when a gradient is taken: the average of ∇k, weighed with the probabilities."""
    logits, reference = two()
    rho = reference.log_softmax(-1)

    def gradient(make):
        theta = logits.clone().requires_grad_()
        make(theta).backward()
        return theta.grad

    def of(k):
        weights = logits.softmax(-1)
        return gradient(lambda theta: (weights * k(theta.log_softmax(-1), rho)).sum())

    torch.testing.assert_close(of(k1), torch.zeros_like(logits))
    torch.testing.assert_close(of(k2), gradient(lambda theta: kl_divergence(theta, reference)))
    torch.testing.assert_close(of(k3), gradient(lambda theta: kl_divergence(reference, theta)))


@pytest.mark.parametrize("estimate", [k1, k2, k3, kl_divergence])
def test_shapes_must_agree(estimate):
    with pytest.raises(ValueError, match=r"the same shape; got \(2, 3\) and \(3,\)"):
        estimate(torch.zeros(2, 3), torch.zeros(3))
