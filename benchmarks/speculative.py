"""What speculative decoding gains beside transformers' own: ``python benchmarks/speculative.py``.

A pair is trained on Python's documentation: a Llama-shaped model of 8 layers and a draft of one, for some seconds each.
Both save in Llama's layout, and ``transformers`` opens the very weights. Then each side continues the same prompts
greedily, alone and with the draft: ours by ``generate`` and ``speculate``, theirs by ``generate`` and
``generate(assistant_model=…)``, drafting as many tokens at most, with the same least confidence. A side's gain is its
own time alone over its time with the draft, so that whose plain loop is the faster one makes no difference to it.

Equal is: weights, prompts, threads, and every token of all four, which is asserted. All take turns in every round.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version

import torch
import transformers
from decoding import describe_machine
from torch import Tensor

from aigc_book.data import corpora
from aigc_book.data.batches import RandomWindows
from aigc_book.decoding import GREEDY, generate, speculate
from aigc_book.models.gpt import GPT, GPTConfig
from aigc_book.text.tokenizers import BPETokenizer
from aigc_book.training import recipes
from aigc_book.training.loop import TrainConfig, fit

NEW_TOKENS, PROMPT_TOKENS, N_PROMPTS = 96, 16, 6
SETTINGS = [(5, 0.0), (8, 0.4), (20, 0.4)]  # tokens drafted at most, least confidence; the last is their default


def train_pair(updates: int) -> tuple[GPT, GPT, Tensor]:
    """The large model, its draft, and prompts (B, T) from the held-out text."""
    text, held_out = corpora.python_docs("train"), corpora.python_docs("test")
    tokenizer = BPETokenizer.train(text, vocab_size=1024)
    ids = torch.tensor(tokenizer.encode(text))
    models = []
    for n_layers, d_model in ((8, 192), (1, 64)):
        torch.manual_seed(n_layers)
        sizes = {"n_layers": n_layers, "d_model": d_model, "n_heads": 4, "n_kv_heads": 4}
        model = GPT(GPTConfig.modern(vocab_size=tokenizer.vocab_size, max_seq_len=128, **sizes))
        optimizers, schedule = recipes.small(model, updates)
        windows = RandomWindows(ids, batch_size=6, block_size=96, seed=0)
        fit(model, windows, TrainConfig(steps=updates, progress=False), optimizers=optimizers, schedule=schedule)
        models.append(model.eval())
    held_out_ids = torch.tensor(tokenizer.encode(held_out))
    starts = torch.arange(N_PROMPTS) * (len(held_out_ids) // N_PROMPTS - 1)
    return *models, torch.stack([held_out_ids[start : start + PROMPT_TOKENS] for start in starts])


def reopened(model: GPT) -> torch.nn.Module:
    """The same weights in transformers."""
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        return transformers.AutoModelForCausalLM.from_pretrained(folder).eval()


def measure(way: Callable[[Tensor], Tensor], prompts: Tensor) -> tuple[float, list[list[int]]]:
    """Seconds for all prompts, and their tokens."""
    start = time.perf_counter()
    found = [way(prompt).tolist() for prompt in prompts]
    return time.perf_counter() - start, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--updates", type=int, default=150)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    model, draft, prompts = train_pair(arguments.updates)
    theirs, their_draft = reopened(model), reopened(draft)
    plain = {"max_new_tokens": NEW_TOKENS, "do_sample": False, "pad_token_id": 0, "eos_token_id": None}

    def alone(prompt: Tensor) -> Tensor:
        return theirs.generate(prompt[None], attention_mask=torch.ones_like(prompt[None]), **plain)[0]

    def helped(prompt: Tensor, n_draft: int, least_confidence: float) -> Tensor:
        their_draft.generation_config.num_assistant_tokens = n_draft
        their_draft.generation_config.num_assistant_tokens_schedule = "constant"
        their_draft.generation_config.assistant_confidence_threshold = least_confidence
        mask = torch.ones_like(prompt[None])
        return theirs.generate(prompt[None], attention_mask=mask, assistant_model=their_draft, **plain)[0]

    ways = {"ours": lambda prompt: generate(model, prompt, NEW_TOKENS, GREEDY), "theirs": alone}
    for n, least in SETTINGS:
        pair = {"n_draft": n, "least_confidence": least}
        ways[f"ours {n} {least}"] = lambda prompt, pair=pair: (
            speculate(model, draft, prompt, NEW_TOKENS, GREEDY, **pair).ids
        )
        ways[f"theirs {n} {least}"] = lambda prompt, pair=pair: helped(prompt, **pair)
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for round_number in range(arguments.rounds + 1):
        found = {}
        for name, way in ways.items():
            spent, found[name] = measure(way, prompts)
            if round_number > 0:  # the first round warms up
                seconds[name].append(spent)
        differing = [name for name in ways if found[name] != found["theirs"]]
        if differing:
            raise RuntimeError(f"other tokens than transformers' plain greedy ones: {', '.join(differing)}")
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    for name, median in medians.items():
        print(f"{name}: {median:.2f} s ({min(seconds[name]):.2f}–{max(seconds[name]):.2f})")
    print("\n| work | peer | our gain | its gain | ratio (median) | at least | goal |\n|---|---|---|---|---|---|---|")
    for n, least in SETTINGS:
        gains = [medians[side] / medians[f"{side} {n} {least}"] for side in ("ours", "theirs")]
        print(
            f"| greedy with a draft against alone, 8 × 192 and 1 × 64, at most {n} drafted, least confidence "
            f"{least} | transformers {version('transformers')}, assisted "
            f"| {gains[0]:.2f}× | {gains[1]:.2f}× | {gains[0] / gains[1]:.2f}× | 1× | above 1× |"
        )
    print(f"\nMachine: {describe_machine()}. Medians of {arguments.rounds} rounds.")


if __name__ == "__main__":
    main()
