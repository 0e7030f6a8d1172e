"""A step of LoRA beside peft's: the same targets, rank, batch and optimizer, on a GPT-2 of 4 layers, 128 wide.

peft adapts GPT-2 in transformers, whose queries, keys and values are one matrix with one A; ours are three, an A each,
so that ours trains a few numbers more. It adapts our own GPT too, with just our layers: that row compares the adapters
alone. Then the memory of LoRA and of full fine-tuning, held by tensors that training adds, against 12 bytes for each
trained number.

    python benchmarks/lora.py --threads 1
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable

import torch
import transformers
from peft import LoraConfig, get_peft_model
from torch import nn
from torch.nn import functional as F

from aigc_book.data.batches import Batch
from aigc_book.kernels import processor
from aigc_book.models.gpt import GPT, GPTConfig
from aigc_book.training.lora import LoRAConfig, adapt, trained_parameters
from aigc_book.training.losses import next_token_loss
from aigc_book.training.optimizers import AdamW
from aigc_book.training.step import update

SIZES = {"vocab_size": 1000, "max_seq_len": 128, "n_layers": 4, "n_heads": 4, "d_model": 128}
RANK, ALPHA, ROWS, LENGTH = 8, 16.0, 8, 128
OURS, THEIRS = ("q", "k", "v", "out", "up", "down"), ["c_attn", "c_proj", "c_fc"]


def plain_step(model: nn.Module, logits: Callable[[], torch.Tensor], targets: torch.Tensor) -> Callable[[], None]:
    """A step as peft's users write it, with torch's AdamW."""
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4)

    def step() -> None:
        optimizer.zero_grad()
        F.cross_entropy(logits().flatten(0, 1), targets.flatten()).backward()
        optimizer.step()

    return step


def our_step(model: nn.Module, batch: Batch) -> Callable[[], None]:
    """One update of the package's."""
    optimizer = AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4)
    return lambda: update(model, [batch], optimizer, next_token_loss)


def added_bytes(model: nn.Module, batch: Batch) -> int:
    """What gradients and optimizer hold, measured: the bytes of all their tensors in the middle of a step."""
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = AdamW(trained, lr=1e-4)
    for _ in range(2):
        optimizer.zero_grad()
        total, count = next_token_loss(model, batch)
        (total / count).backward()
        optimizer.step()
    states = [t for state in optimizer.state.values() for t in state.values() if isinstance(t, torch.Tensor)]
    return sum(t.nbytes for t in (*states, *(p.grad for p in model.parameters() if p.grad is not None)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of torch")
    parser.add_argument("--rounds", type=int, default=30, help="steps of each side that are timed, in turns")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    transformers.logging.set_verbosity_error()
    ids = torch.randint(SIZES["vocab_size"], (ROWS, LENGTH + 1))
    batch = Batch(ids[:, :-1].contiguous(), ids[:, 1:].contiguous())
    sizes = {"vocab_size": SIZES["vocab_size"], "n_positions": LENGTH, "n_embd": 128, "n_layer": 4, "n_head": 4}
    off = dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), 0.0)
    gpt2 = transformers.GPT2LMHeadModel(transformers.GPT2Config(**sizes, **off))
    peft_gpt2 = get_peft_model(gpt2, LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=THEIRS, fan_in_fan_out=True))
    gpt = GPT(GPTConfig(**SIZES))
    peft_gpt = get_peft_model(GPT(gpt.config), LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=list(OURS)))
    ours = adapt(gpt, LoRAConfig(RANK, ALPHA, OURS)).train()
    sides = {
        "peft on transformers": plain_step(peft_gpt2, lambda: peft_gpt2(input_ids=batch.ids).logits, batch.targets),
        "peft on our GPT": plain_step(peft_gpt, lambda: peft_gpt.base_model.model(batch.ids), batch.targets),
        "ours": our_step(ours, batch),
    }
    times: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(arguments.rounds + 5):
        for name, step in sides.items():
            start = time.perf_counter()
            step()
            if turn >= 5:
                times[name].append(time.perf_counter() - start)
    medians = {name: 1e3 * statistics.median(spent) for name, spent in times.items()}
    print(f"{processor.NAME}, {arguments.threads} threads, torch {torch.__version__}")
    counts = {"peft on transformers": peft_gpt2, "peft on our GPT": peft_gpt, "ours": ours}
    for name, spent in medians.items():
        print(
            f"{name:22s} {spent:7.1f} ms  {spent / medians['ours']:5.2f}×  {trained_parameters(counts[name]):,} trained"
        )
    for name, model in (("full", GPT(gpt.config)), ("LoRA", adapt(gpt, LoRAConfig(RANK, ALPHA, OURS)))):
        formula = 12 * trained_parameters(model)
        measured = added_bytes(model, batch)
        print(
            f"{name}: gradients and optimizer {measured:,} bytes, by the formula {formula:,} ({measured / formula:.3f})"
        )


if __name__ == "__main__":
    main()
