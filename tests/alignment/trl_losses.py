"""TRL's losses on given log-probabilities: its trainers' own methods, on a trainer that has only what they ask for."""

from collections import defaultdict
from types import SimpleNamespace

import torch
from torch import Tensor


def trl_dpo(better: Tensor, worse: Tensor, reference_better: Tensor, reference_worse: Tensor, *, beta: float) -> Tensor:
    """The mean loss of pairs of one-token answers with these log-probabilities, each (B,)."""
    from trl import DPOTrainer

    trainer = SimpleNamespace(
        model=torch.nn.Identity().eval(),
        accelerator=_accelerator(),
        aux_loss_enabled=False,
        ld_alpha=None,
        precompute_ref_logps=True,
        f_divergence_type="reverse_kl",
        loss_types=["sigmoid"],
        loss_weights=[1.0],
        beta=beta,
        label_smoothing=0.0,
        use_weighting=False,
        _metrics=defaultdict(lambda: defaultdict(list)),
        _total_train_tokens=0,
    )
    log_probs = torch.cat((better, worse))[:, None]

    def model(**inputs):
        return SimpleNamespace(
            log_probs=log_probs,
            entropy=torch.zeros_like(log_probs),
            mean_logits=torch.zeros_like(log_probs),
            is_top1=torch.zeros_like(log_probs, dtype=torch.bool),
        )

    inputs = {
        "input_ids": torch.zeros(len(log_probs), 2, dtype=torch.long),
        "attention_mask": torch.ones(len(log_probs), 2, dtype=torch.long),
        "completion_mask": torch.tensor([[0, 1]]).expand(len(log_probs), 2),
        "ref_chosen_logps": reference_better,
        "ref_rejected_logps": reference_worse,
    }
    return DPOTrainer._compute_loss(trainer, model, inputs, False)


def trl_grpo(
    log_probs: Tensor,
    old: Tensor,
    reference: Tensor,
    advantages: Tensor,
    mask: Tensor,
    *,
    epsilon: float,
    beta: float,
    loss_type: str,
) -> Tensor:
    """The mean loss of answers (B, W) with these log-probabilities, and advantages (B,)."""
    from trl import GRPOTrainer

    trainer = SimpleNamespace(
        model=torch.nn.Identity().eval(),
        accelerator=_accelerator(),
        aux_loss_enabled=False,
        top_entropy_quantile=1.0,
        off_policy_mask_threshold=None,
        importance_sampling_level="token",
        beta=beta,
        args=SimpleNamespace(use_bias_correction_kl=False, delta=None),
        loss_type=loss_type,
        epsilon_low=epsilon,
        epsilon_high=epsilon,
        use_vllm=False,
        _entropy_bonus_enabled=False,
        _metrics=defaultdict(lambda: defaultdict(list)),
        _get_per_token_logps_and_entropies=lambda *_, **__: (log_probs, torch.zeros_like(log_probs), None),
    )
    ids = torch.zeros_like(mask, dtype=torch.long)
    inputs = {
        "prompt_ids": ids[:, :1],
        "prompt_mask": torch.ones_like(ids[:, :1]),
        "completion_ids": ids,
        "completion_mask": mask.long(),
        "advantages": advantages,
        "old_per_token_logps": old,
        "ref_per_token_logps": reference,
        "num_items_in_batch": mask.sum(),
    }
    return GRPOTrainer._compute_loss(trainer, None, inputs)


def _accelerator() -> SimpleNamespace:
    same = lambda x, **_: x  # noqa: E731
    return SimpleNamespace(
        device=torch.device("cpu"), num_processes=1, gather_for_metrics=same, gather=same, reduce=same
    )
