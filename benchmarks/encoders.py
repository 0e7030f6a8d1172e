"""How fast encoders and encoder–decoders are beside torch's and transformers': ``python benchmarks/encoders.py``.

Two models with random weights and without dropout. An encoder of 4 layers, 256 wide, with 4 heads and a feed-forward
block of 1,024, reads 16 texts of 128 tokens: ``BERT`` beside ``transformers.BertModel`` and
``torch.nn.TransformerEncoder``. An encoder–decoder of 3 and 3 such layers reads 16 sources and 16 targets of 64 tokens:
``EncoderDecoder`` beside ``transformers.BartForConditionalGeneration`` and ``torch.nn.Transformer``. Torch's modules
have no embeddings and no head; they get ours, so that all do the same work. Inference is a forward pass without
gradients; training a forward pass, a loss and a backward pass; generation 48 tokens, greedily, with a cache, for 8
sources.

All take turns in every round; a ratio is the peer's median time over ours. Then, each in a process of its own, how much
memory one causal attention takes, forwards and backwards: its weights written out, in blocks, and by torch's kernel.
"""

import argparse
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
import transformers
from torch import nn

from aigc_book.decoding import GREEDY, generate
from aigc_book.layers.attention import attention_weights, scaled_dot_product_attention
from aigc_book.layers.blockwise_attention import blockwise_attention
from aigc_book.layers.context import Context
from aigc_book.models.bert import BERT, BERTConfig
from aigc_book.models.seq2seq import EncoderDecoder, Seq2SeqConfig

VOCABULARY, WIDTH, HEADS, LAYERS = 5000, 256, 4, 4
LENGTHS = (1024, 2048, 4096, 8192)
NEW_TOKENS = 48


class TorchEncoder(nn.Module):
    """Torch's encoder between our embeddings."""

    def __init__(self, ours: BERT):
        super().__init__()
        self.ours = [ours]  # in a list: not a part of this module
        layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 4 * WIDTH, 0.0, "gelu", batch_first=True)
        self.core = nn.TransformerEncoder(layer, LAYERS, enable_nested_tensor=False)

    def forward(self, ids):
        (ours,) = self.ours
        x = ours.token_embedding(ids) + ours.segment_embedding(torch.zeros_like(ids))
        x, _ = ours.position_embedding(x, Context.of(ids))
        return self.core(ours.embedding_norm(x))


class TorchEncoderDecoder(nn.Module):
    """Torch's encoder–decoder between our embeddings and our head."""

    def __init__(self, ours: EncoderDecoder):
        super().__init__()
        self.ours = [ours]
        n = ours.config.n_encoder_layers
        self.core = nn.Transformer(WIDTH, HEADS, n, n, 4 * WIDTH, 0.0, "gelu", batch_first=True)

    def forward(self, source, ids):
        (ours,) = self.ours
        mask = nn.Transformer.generate_square_subsequent_mask(ids.size(1))
        x, _ = ours._embed(source, Context.of(source), ours.source_embedding, ours.source_positions)
        y, _ = ours._embed(ids, Context.of(ids), ours.target_embedding, ours.target_positions)
        return ours.head(self.core(x, y, tgt_mask=mask, tgt_is_causal=True))


def encoders() -> tuple[dict[str, Callable], dict[str, Callable]]:
    """What takes turns at inference and at training, for the encoder."""
    torch.manual_seed(0)
    ids = torch.randint(VOCABULARY, (16, 128))
    ours = BERT(BERTConfig(VOCABULARY, 128, LAYERS, HEADS, WIDTH))
    theirs = transformers.BertModel(
        transformers.BertConfig(
            vocab_size=VOCABULARY,
            max_position_embeddings=128,
            num_hidden_layers=LAYERS,
            num_attention_heads=HEADS,
            hidden_size=WIDTH,
            intermediate_size=4 * WIDTH,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        ),
        add_pooling_layer=False,
    )
    calls = {
        "ours": (ours, lambda: ours(ids)),
        "transformers": (theirs, lambda: theirs(input_ids=ids).last_hidden_state),
        "torch.nn": (peer := TorchEncoder(ours), lambda: peer(ids)),
    }
    return inference(calls), training(calls)


def encoder_decoders() -> tuple[dict[str, Callable], dict[str, Callable], dict[str, Callable]]:
    """What takes turns at inference, training and generation, for the encoder–decoder."""
    torch.manual_seed(0)
    source, ids = torch.randint(3, VOCABULARY, (2, 16, 64))
    ours = EncoderDecoder(Seq2SeqConfig(VOCABULARY, VOCABULARY, 128, 3, 3, HEADS, WIDTH, activation="gelu"))
    config = transformers.BartConfig(
        vocab_size=VOCABULARY,
        max_position_embeddings=128,
        encoder_layers=3,
        decoder_layers=3,
        encoder_attention_heads=HEADS,
        decoder_attention_heads=HEADS,
        d_model=WIDTH,
        encoder_ffn_dim=4 * WIDTH,
        decoder_ffn_dim=4 * WIDTH,
        dropout=0.0,
        attention_dropout=0.0,
        activation_dropout=0.0,
        forced_eos_token_id=None,
    )
    theirs = transformers.BartForConditionalGeneration(config)
    calls = {
        "ours": (ours, lambda: ours(source, ids)),
        "transformers": (theirs, lambda: theirs(input_ids=source, decoder_input_ids=ids).logits),
        "torch.nn": (peer := TorchEncoderDecoder(ours), lambda: peer(source, ids)),
    }
    starts = torch.full((8, 1), 2)

    def generate_ours():
        return generate(ours.reading(source[:8]), starts, NEW_TOKENS, GREEDY)

    def generate_theirs():
        new = theirs.generate(
            source[:8],
            max_new_tokens=NEW_TOKENS,
            min_new_tokens=NEW_TOKENS,
            num_beams=1,
            do_sample=False,
            pad_token_id=1,
        )
        assert new.shape == (8, NEW_TOKENS + 1)
        return new

    return inference(calls), training(calls), {"ours": generate_ours, "transformers": generate_theirs}


def inference(calls: dict[str, tuple[nn.Module, Callable]]) -> dict[str, Callable]:
    """Forward passes without gradients."""

    def without_gradients(model: nn.Module, call: Callable) -> Callable:
        def go():
            model.eval()
            with torch.no_grad():
                call()

        return go

    return {name: without_gradients(*pair) for name, pair in calls.items()}


def training(calls: dict[str, tuple[nn.Module, Callable]]) -> dict[str, Callable]:
    """Forward and backward passes."""

    def with_gradients(model: nn.Module, call: Callable) -> Callable:
        def go():
            model.train()
            call().square().mean().backward()
            model.zero_grad()

        return go

    return {name: with_gradients(*pair) for name, pair in calls.items()}


def compare(what: str, turns: dict[str, Callable], rounds: int) -> None:
    """Print a row for each peer."""
    times: dict[str, list[float]] = {name: [] for name in turns}
    for number in range(rounds + 2):  # the first two to warm up
        for name, go in turns.items():
            start = time.perf_counter()
            go()
            if number > 1:
                times[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(values) for name, values in times.items()}
    ours = medians.pop("ours")
    for name, median in medians.items():
        print(f"| {what} | {name} | {1e3 * median:.1f} ms | {1e3 * ours:.1f} ms | {median / ours:.2f} |", flush=True)


def written_out(q, k, v):
    """Attention that holds its weights."""
    return attention_weights(q, k, is_causal=True) @ v


ATTENTIONS = {
    "written out": written_out,
    "in blocks": lambda q, k, v: blockwise_attention(q, k, v, is_causal=True),
    "torch's kernel": lambda q, k, v: scaled_dot_product_attention(q, k, v, is_causal=True),
}


def peak_mib(kind: str, length: int) -> None:
    """Print by how much one attention, forwards and backwards, raises this process's peak memory."""
    qkv = [torch.randn(1, 4, length, 64, requires_grad=True) for _ in range(3)]
    small = [x[:, :, :64].detach().requires_grad_() for x in qkv]
    ATTENTIONS[kind](*small).sum().backward()  # loads what is loaded once
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    before = memory_kib("VmRSS")
    ATTENTIONS[kind](*qkv).sum().backward()
    print(f"peak {(memory_kib('VmHWM') - before) / 1024:.1f}")


def memory_kib(name: str) -> int:
    """What Linux says of this process: VmRSS is its memory now, VmHWM the most since the peak was forgotten."""
    return int(re.search(rf"{name}:\s*(\d+)", Path("/proc/self/status").read_text())[1])


def compare_memory() -> None:
    """Print a row for each kind of attention."""
    print("\n| MiB, batch 1, 4 heads of 64 | " + " | ".join(f"T = {n:,}" for n in LENGTHS) + " |")
    print("|---|" + "--:|" * len(LENGTHS))
    for kind in ATTENTIONS:
        row = []
        for length in LENGTHS:
            command = [sys.executable, __file__, "--peak", kind, str(length)]
            out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            row.append(f"{float(out.split()[-1]):,.0f}")
        print(f"| {kind} | " + " | ".join(row) + " |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--peak", nargs=2, metavar=("KIND", "LENGTH"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.peak:
        return peak_mib(args.peak[0], int(args.peak[1]))
    transformers.utils.logging.set_verbosity_error()
    print("| work | peer | peer's | ours | ratio |\n|---|---|--:|--:|--:|")
    for work, turns in zip(("inference", "training"), encoders(), strict=True):
        compare(f"encoder, {work}", turns, args.rounds)
    for work, turns in zip(("inference", "training", "generation"), encoder_decoders(), strict=True):
        compare(f"encoder–decoder, {work}", turns, args.rounds)
    compare_memory()
    cpu_info = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.*)", cpu_info.read_text()) if cpu_info.exists() else [platform.processor()]
    print(
        f"\n{names[0]}, {torch.get_num_threads()} of {os.cpu_count()} cores, torch {torch.__version__}, "
        f"transformers {transformers.__version__}"
    )
    return None


if __name__ == "__main__":
    main()
