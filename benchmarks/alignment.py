"""How fast a step of DPO and of GRPO is beside TRL: ``python benchmarks/alignment.py``.

The model has GPT-2's shape and is the same on both sides: ours is saved, and ``transformers`` opens it. TRL's loss is
its trainers' own method, called on a trainer that holds only what it asks for: no data loader, no start, no logging to
disk. A step is the loss with its forward passes (for DPO also the reference's), the gradient, clipping and AdamW
(torch's fused one on both sides). The two take turns, and their losses are compared before they are timed.
"""

import argparse
import copy
import platform
import statistics
import tempfile
import time
from collections import defaultdict
from contextlib import nullcontext
from types import MethodType, SimpleNamespace

import torch
from transformers import GPT2LMHeadModel
from trl import DPOTrainer, GRPOTrainer
from trl.trainer.utils import add_fused_lm_head

from aigc_book.alignment.answers import Answers, answer_log_probs
from aigc_book.alignment.dpo import dpo_loss
from aigc_book.alignment.preferences import Preferences
from aigc_book.alignment.rollouts import Rollout, policy_loss
from aigc_book.models.gpt import GPT, GPTConfig
from aigc_book.training.step import update

VOCABULARY, PROMPT, ANSWER, PAIRS, BETA = 8192, 96, 32, 8, 0.1


def theirs(model: GPT, *outputs: str) -> GPT2LMHeadModel:
    """The same weights in ``transformers``, with TRL's head that gives log-probabilities."""
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        found = GPT2LMHeadModel.from_pretrained(folder)
    add_fused_lm_head(found, outputs=("log_probs", *outputs))
    return found.train()


def trainer(model: GPT2LMHeadModel, **settings) -> SimpleNamespace:
    """What TRL's losses ask a trainer for."""
    same = lambda x, **_: x  # noqa: E731
    accelerator = SimpleNamespace(
        device=torch.device("cpu"), num_processes=1, gather_for_metrics=same, gather=same, reduce=same
    )
    accelerator.autocast, accelerator.is_main_process = nullcontext, True
    metrics = defaultdict(lambda: defaultdict(list))
    return SimpleNamespace(
        model=model, accelerator=accelerator, aux_loss_enabled=False, _metrics=metrics, beta=BETA, **settings
    )


def step_of(loss, model: torch.nn.Module) -> tuple:
    """A step with torch's fused AdamW, and the loss."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)

    def step() -> float:
        found = loss()
        found.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return found.item()

    return step


def our_step(loss, model: GPT, batch):
    """The same through :func:`aigc_book.training.step.update`."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)
    return lambda: update(model, [batch], optimizer, loss, clip=1.0).loss


def dpo_steps(config: GPTConfig) -> tuple:
    """Ours and TRL's, on the same pairs."""
    model, reference = GPT(config), GPT(config)
    ids = torch.randint(VOCABULARY, (3, PAIRS, PROMPT))
    pairs = Preferences.of(list(ids[0]), list(ids[1, :, :ANSWER]), list(ids[2, :, :ANSWER]))
    both = pairs.both()
    peer = theirs(model, "entropy", "mean_logits", "is_top1")
    self = trainer(
        peer,
        ref_model=theirs(reference).eval(),
        args=SimpleNamespace(gradient_checkpointing_kwargs=None),
        ld_alpha=None,
        precompute_ref_logps=False,
        f_divergence_type="reverse_kl",
        loss_types=["sigmoid"],
        loss_weights=[1.0],
        label_smoothing=0.0,
        use_weighting=False,
        _total_train_tokens=0,
        _tp_size=1,
    )
    inputs = {"input_ids": both.ids, "attention_mask": both.mask.long(), "completion_mask": both.is_answer.long()}
    peers = step_of(lambda: DPOTrainer._compute_loss(self, peer, dict(inputs), False), peer)
    return our_step(dpo_loss(reference, BETA), model, pairs), peers


def grpo_steps(config: GPTConfig) -> tuple:
    """Ours and TRL's, on the same answers, whose log-probabilities under the reference are there."""
    model, reference = GPT(config), GPT(config)
    ids = torch.randint(VOCABULARY, (2, 2 * PAIRS, PROMPT))
    answers = Answers.of(list(ids[0]), list(ids[1, :, :ANSWER]))
    with torch.no_grad():
        held = answer_log_probs(reference, answers)
    advantages = torch.randn(2 * PAIRS)
    rollout = Rollout(answers, advantages[:, None].expand(held.shape), None, held)
    peer = theirs(model, "entropy")
    self = trainer(
        peer,
        args=SimpleNamespace(use_bias_correction_kl=False, delta=None),
        top_entropy_quantile=1.0,
        off_policy_mask_threshold=None,
        importance_sampling_level="token",
        loss_type="grpo",
        epsilon_low=0.2,
        epsilon_high=0.2,
        use_vllm=False,
        _entropy_bonus_enabled=False,
        current_gradient_accumulation_steps=1,
    )
    self._get_per_token_logps_and_entropies = MethodType(GRPOTrainer._get_per_token_logps_and_entropies, self)
    inputs = {
        "prompt_ids": answers.ids[:, :PROMPT],
        "prompt_mask": torch.ones(2 * PAIRS, PROMPT, dtype=torch.long),
        "completion_ids": answers.ids[:, PROMPT:],
        "completion_mask": torch.ones(2 * PAIRS, ANSWER, dtype=torch.long),
        "advantages": advantages,
        "ref_per_token_logps": held[:, PROMPT - 1 :],
    }
    peers = step_of(lambda: GRPOTrainer._compute_loss(self, peer, dict(inputs)), peer)
    return our_step(policy_loss(beta=BETA), model, rollout), peers


def compare(name: str, steps: tuple, n: int) -> None:
    """Print the medians of n steps each, in turns, after three that warm up, and their ratio."""
    losses = [step() for step in steps]
    if abs(losses[0] - losses[1]) > 1e-3 * max(1, abs(losses[1])):
        raise RuntimeError(f"{name}: the losses differ, {losses[0]} and {losses[1]}")
    times = ([], [])
    for turn in range(n + 3):
        for step, found in zip(steps, times, strict=True):
            start = time.perf_counter()
            step()
            if turn >= 3:
                found.append(time.perf_counter() - start)
    ours, peers = (1000 * statistics.median(found) for found in times)
    ratio = statistics.median(b / a for a, b in zip(*times, strict=True))
    print(
        f"{name:5s} ours {ours:7.1f} ms   trl {peers:7.1f} ms   ratio {ratio:.2f}   (loss {losses[0]:.6f})", flush=True
    )


def main() -> None:
    """Run both comparisons."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=30, help="timed steps of each side")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    config = GPTConfig(vocab_size=VOCABULARY, max_seq_len=PROMPT + ANSWER, n_layers=4, n_heads=4, d_model=128)
    print(f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    compare("DPO", dpo_steps(copy.deepcopy(config)), options.steps)
    compare("GRPO", grpo_steps(config), options.steps)


if __name__ == "__main__":
    main()
