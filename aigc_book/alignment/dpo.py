"""Direct preference optimization: from pairs to a policy, without a reward model and without sampling."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aigc_book.alignment.answers import answer_log_probs, check_reference
from aigc_book.alignment.preferences import Preferences
from aigc_book.layers.mode import evaluating
from aigc_book.training.losses import Loss


def dpo(better: Tensor, worse: Tensor, reference_better: Tensor, reference_worse: Tensor, beta: float) -> Tensor:
    r"""-ln σ(β [(ln π(y_w) - ln π_ref(y_w)) - (ln π(y_l) - ln π_ref(y_l))]): the loss of a pair, in nats.

    β times the log-ratio of policy and reference is the reward that the policy is the best one for, up to a constant
    of the prompt; put into the Bradley–Terry model, the constant falls away.

    Args:
        better: (B,) log-likelihoods ln π(y_w | x) of the preferred answers y_w.
        worse: (B,), of the others, y_l.
        reference_better: (B,), of the preferred answers under the reference.
        reference_worse: (B,), of the others.
        beta: β > 0, how strongly the policy is held to the reference.

    Returns:
        (B,).

    Raises:
        ValueError: a β that is not positive and finite.

    Source: Rafailov et al., *Direct Preference Optimization* (2023), equation 7.
    """
    _check_beta(beta)
    return -F.logsigmoid(beta * ((better - reference_better) - (worse - reference_worse)))


def dpo_loss(reference: nn.Module, beta: float = 0.1) -> Loss:
    """:func:`dpo` as a loss for :func:`aigc_book.training.loop.fit`; counts pairs. ::

        fit(model, pairs, TrainConfig(steps), loss=dpo_loss(copy.deepcopy(model), beta=0.1))

    Args:
        reference: neither trained nor saved nor moved; on the model's device.
        beta: β.

    Raises:
        ValueError: a β that is not positive and finite; at the first batch a reference with another vocabulary, or the
            model itself for a reference.
    """
    _check_beta(beta)

    def loss(model: nn.Module, pairs: Preferences) -> tuple[Tensor, int]:
        check_reference(model, reference)
        both = pairs.both()
        with torch.no_grad(), evaluating(reference):
            before = answer_log_probs(reference, both).sum(dim=1).chunk(2)
        now = answer_log_probs(model, both).sum(dim=1).chunk(2)
        return dpo(*now, *before, beta).sum(), len(now[0])

    return loss


def _check_beta(beta: float) -> None:
    if not 0 < beta < float("inf"):
        raise ValueError(f"beta must be positive and finite; got {beta}")
