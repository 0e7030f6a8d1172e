"""What reading a large token file and decoding add to a process's memory: ``python benchmarks/memory.py``.

Each measurement runs in a fresh process. Memory is the resident set (VmRSS in Linux's /proc): the process's own pages
and the pages of files that are mapped into it. The second kind is the system's file cache seen through a map; the
system takes it back whenever it needs it, but every display of memory and most limits count it as the process's, and
so it counts here. The peak is the kernel's own (VmHWM), set back before the measured part begins.

Reading: windows from all over a file of 1 GB, 12 × 1024 ids at a time, and then one pass over the whole file; beside
it the same with a plain memory map. Decoding: 128 and 1,024 new tokens for 16 prompts, in float32, with a model of 8
layers, 512 wide; the cache's size is 2 · layers · batch · key–value heads · tokens · head width · 4 bytes.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

MB = 1_000_000
FILE_BYTES = 1000 * MB
N_BATCHES, BATCH_SIZE, BLOCK_SIZE = 6000, 12, 1024
DECODING_TOKENS, PROMPT_TOKENS, DECODING_BATCH = (128, 1024), 16, 16
STATUS = Path("/proc/self/status")


def memory(field: str) -> int:
    """A field of /proc/self/status, in bytes."""
    return 1024 * int(re.search(rf"{field}:\s+(\d+) kB", STATUS.read_text())[1])


def forget_peak() -> None:
    """Set the peak (VmHWM) to what is resident now."""
    Path("/proc/self/clear_refs").write_text("5")


def read_windows(path: str, plain: bool) -> dict:
    """Read windows from all over a file, and then all of it."""
    import numpy as np

    from aigc_book.data.batches import RandomWindows, SequentialWindows
    from aigc_book.data.id_files import open_ids

    settings = {"batch_size": BATCH_SIZE, "block_size": BLOCK_SIZE}
    next(RandomWindows(range(10 * BLOCK_SIZE), **settings))  # what a library's first use allocates is not the file's
    before = {field: memory(field) for field in ("VmRSS", "RssAnon", "RssFile")}
    forget_peak()
    ids = open_ids(path)
    windows = RandomWindows(np.asarray(_Plain(ids)) if plain else ids, **settings)
    total = 0
    for _, batch in zip(range(N_BATCHES), windows, strict=False):
        total += int(batch.ids[0, 0])
    if not plain:
        for batch in SequentialWindows(ids, **settings):
            total += int(batch.ids[0, 0])
    after = {field: memory(field) for field in before}
    return {"peak": memory("VmHWM") - before["VmRSS"], **{f: after[f] - before[f] for f in before}, "check": total}


class _Plain:
    """The same memory under an object that is no map, so that its pages are not handed back."""

    def __init__(self, array):
        self.array = array
        self.__array_interface__ = array.__array_interface__


def decode(n_tokens: int) -> dict:
    """Generate, and compare the peak with the cache's formula."""
    import torch

    from aigc_book.decoding import GREEDY, generate
    from aigc_book.models.gpt import GPT, GPTConfig

    torch.manual_seed(0)
    config = GPTConfig(
        vocab_size=1000, max_seq_len=PROMPT_TOKENS + max(DECODING_TOKENS), d_model=512, n_layers=8, n_heads=8
    )
    model = GPT(config)
    prompt = torch.randint(config.vocab_size, (DECODING_BATCH, PROMPT_TOKENS))
    generate(model, prompt, 3, GREEDY)
    before = memory("VmRSS")
    forget_peak()
    generate(model, prompt, n_tokens, GREEDY)
    read = PROMPT_TOKENS + n_tokens - 1  # the last token is given out and not read again
    cache = 2 * config.n_layers * DECODING_BATCH * config.resolved.n_kv_heads * read * config.d_head * 4
    return {"peak": memory("VmHWM") - before, "cache": cache}


def in_fresh_process(*arguments: str) -> dict:
    result = subprocess.run([sys.executable, __file__, *arguments], stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(result.stdout)


def measure_reading() -> list[str]:
    import numpy as np

    from aigc_book.data.id_files import write_ids

    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "tokens.bin")
        chunk = np.random.default_rng(0).integers(0, 50257, size=MB, dtype=np.uint16)
        n_ids = write_ids(path, (chunk for _ in range(FILE_BYTES // chunk.nbytes)), vocab_size=50257)
        ours, plain = (in_fresh_process("--read", path, kind) for kind in ("ours", "plain"))
    rows = [
        f"| reading a token file of {2 * n_ids / MB:,.0f} MB adds, at its peak | 200 MB | {ours['peak'] / MB:.0f} MB |",
        f"| of it the process's own pages, at the end | – | {ours['RssAnon'] / MB:.0f} MB |",
        f"| the same with a plain memory map (random windows only) | – | {plain['peak'] / MB:.0f} MB |",
    ]
    if ours["peak"] >= 200 * MB:
        rows.append("| **above the limit** | | |")
    return rows


def measure_decoding() -> list[str]:
    results = {n: in_fresh_process("--decode", str(n)) for n in DECODING_TOKENS}
    rows = []
    for n, result in results.items():
        beside = (result["peak"] - result["cache"]) / MB
        rows.append(
            f"| decoding {n:,} tokens adds {result['peak'] / MB:.0f} MB at its peak, beside the cache of"
            f" {result['cache'] / MB:.0f} MB | – | {beside:.0f} MB |"
        )
    few, many = (results[n]["peak"] - results[n]["cache"] for n in DECODING_TOKENS)
    rows.append(f"| what decoding adds beside the cache grows by | nothing | {(many - few) / MB:.1f} MB |")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tasks", nargs="*", default=["reading", "decoding"], help="reading, decoding; both if left out")
    parser.add_argument("--read", nargs=2, metavar=("PATH", "KIND"), help=argparse.SUPPRESS)
    parser.add_argument("--decode", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if not STATUS.exists():
        parser.error("this needs Linux's /proc")
    if arguments.read:
        print(json.dumps(read_windows(arguments.read[0], arguments.read[1] == "plain")))
        return
    if arguments.decode:
        print(json.dumps(decode(arguments.decode)))
        return
    measures = {"reading": measure_reading, "decoding": measure_decoding}
    if unknown := set(arguments.tasks) - set(measures):
        parser.error(f"unknown tasks: {', '.join(sorted(unknown))}")
    print("| work | limit | measured |\n|---|--:|--:|")
    for task in arguments.tasks:
        print("\n".join(measures[task]()), flush=True)


if __name__ == "__main__":
    main()
