"""What the processes of a job do, for the tests beside it: torchrun … jobs.py <job> <folder>.

Each process writes what it found to ``<folder>/<rank>.pt``. The same runs without a world are what one process does.
"""

import dataclasses
import os
import signal
import sys
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from aigc_book.data.batches import IGNORED, Batch, Examples, RandomWindows
from aigc_book.models.gpt import GPT, GPTConfig
from aigc_book.training.checkpoint import model_weights
from aigc_book.training.distributed import joined, shared
from aigc_book.training.distributed.shards import local, parameters_by_number
from aigc_book.training.distributed.wire import Collectives
from aigc_book.training.evaluate import evaluate
from aigc_book.training.loop import TrainConfig, fit, train
from aigc_book.training.losses import next_token_loss
from aigc_book.training.muon import Muon
from aigc_book.training.optimizers import AdamW, decay_groups
from aigc_book.training.randomness import seed_all
from aigc_book.training.recipes import small
from aigc_book.training.recompute import recomputed
from aigc_book.training.step import update

# Tied embeddings, biases, learned positions; sizes that two and three processes divide unevenly.
CONFIG = GPTConfig(vocab_size=31, max_seq_len=7, n_layers=2, n_heads=2, d_model=10, d_ff=14)
DROPPING = dataclasses.replace(CONFIG, dropout=0.2)
STEPS = 6


class Gaps:
    """Windows some of whose targets count for nothing: of the last rows of the third batch, none counts."""

    def __init__(self, seed=3, batch_size=6):
        ids = torch.randint(31, (499,), generator=torch.Generator().manual_seed(1))
        self.windows = RandomWindows(ids, batch_size=batch_size, block_size=7, seed=seed)
        self.batch_size, self.drawn = batch_size, 0

    def __iter__(self):
        return self

    def __next__(self):
        batch, self.drawn = next(self.windows), self.drawn + 1
        targets = batch.targets.clone()
        targets[1::2, : self.drawn % 5] = IGNORED
        if self.drawn == 3:
            targets[self.batch_size // 3 :] = IGNORED
        return Batch(batch.ids, targets)

    def state_dict(self):
        return {**self.windows.state_dict(), "drawn": self.drawn}

    def load_state_dict(self, state):
        self.windows.load_state_dict(state)
        self.drawn = state["drawn"]


def validation(n=7):
    """Seven rows, as 4 and 3, or 5 as 4 and 1: not what two processes can halve."""
    rows = Gaps(seed=9, batch_size=n)
    batch = next(rows)
    return [Batch(batch.ids[:4], batch.targets[:4]), Batch(batch.ids[4:], batch.targets[4:])]


def new_model(config=CONFIG):
    torch.manual_seed(5)
    return GPT(config)


def run(
    folder,
    world=None,
    how="ddp",
    *,
    steps=STEPS,
    config=CONFIG,
    until=None,
    resume=True,
    dtype=torch.float32,
    shard_dtype=torch.float32,
):
    """Train, alone or together; returns the history and the weights."""
    seed_all(11)
    model = new_model(config)
    if world is not None:
        model = shared(model, world, how, dtype=shard_dtype)
    settings = TrainConfig(
        steps, accumulate=2, clip=0.5, dtype=dtype, log_every=1, eval_every=2, checkpoint_every=2, progress=False
    )
    optimizer = AdamW(decay_groups(model), lr=0.01, betas=(0.9, 0.95))
    entries = train(
        model,
        Gaps(),
        settings,
        optimizers=optimizer,
        validation=validation(5),
        checkpoints=folder,
        resume=resume,
    )
    for entry in entries:
        torch.rand(1 + (0 if world is None else world.rank))  # what the caller draws changes nothing
        if entry.step == until:
            entries.close()
            break
    return {"history": dataclasses.asdict(entry.history), "weights": model_weights(model)}


def refused(function, *args, **kwargs):
    """What an error says."""
    try:
        function(*args, **kwargs)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "no error"


def laws(world, folder):
    """Everything that needs two processes and can be asked of one start of them."""
    found = {}
    for how in ("ddp", "fsdp"):
        found[how] = run(folder / how, world, how)
        run(folder / f"{how} resumed", world, how, until=4)
        found[f"{how} resumed"] = run(folder / f"{how} resumed", world, how)
        found[f"{how} dropping"] = run(folder / f"{how} dropping", world, how, config=DROPPING)
        run(folder / f"{how} dropping resumed", world, how, config=DROPPING, until=2)
        found[f"{how} dropping resumed"] = run(folder / f"{how} dropping resumed", world, how, config=DROPPING)
        run(folder / f"{how} halfway", world, how, until=4)  # one process goes on from here
        found[f"{how} from one"] = run(folder / f"one halfway {how}", world, how)
        found[f"{how} bf16"] = run(folder / f"{how} bf16", world, how, dtype=torch.bfloat16)
    found["fsdp put together in bf16"] = run(folder / "fsdp dtype", world, "fsdp", shard_dtype=torch.bfloat16)
    (folder / "whole").mkdir(exist_ok=True)
    found["whole"] = killed(world, folder / "whole")
    found["seen"] = seen(world)
    found["world"] = [world.sum(1.5, world.rank), world.gather(("x", world.rank)), world.first(lambda: "only once")]
    found["world refused"] = refused(world.first, lambda: 1 / 0)
    return found


def seen(world):
    """The collectives of an update of one batch and of one of three, and what a process holds."""
    found = {}
    batches = [batch for batch, _ in zip(Gaps(), range(3), strict=False)]
    for how in ("ddp", "fsdp"):
        model = shared(new_model(), world, how)
        optimizer = AdamW(decay_groups(model))
        update(model, batches[:1], optimizer, next_token_loss)  # DDP puts its buckets in order first
        for n in (1, 3):
            with Collectives() as calls:
                update(model, batches[:n], optimizer, next_token_loss)
            found[how, n] = [tuple(call) for call in calls.calls]
        found[how, "held"] = sum(local(p).nbytes for p in model.parameters()) + sum(
            local(value).nbytes
            for p in parameters_by_number(optimizer)
            for value in optimizer.state[p].values()
            if isinstance(value, torch.Tensor)
        )
        with recomputed(model):
            found[how, "recomputed"] = update(model, batches, optimizer, next_token_loss).loss
    return found


class Ruined(nn.Module):
    """A model whose loss is not a number in one process alone."""

    def __init__(self, world):
        super().__init__()
        self.weight, self.is_ruined = nn.Parameter(torch.ones(3)), world.rank == 1

    def forward(self, x):
        return (x * self.weight).sum() * (torch.nan if self.is_ruined else 1.0)


def square_loss(model, batch):
    return F.mse_loss(model(batch.inputs), batch.targets.sum()), len(batch.inputs)


def errors(world, folder):
    """Each ends in every process with the same words."""
    quiet = TrainConfig(steps=2, progress=False)
    model = new_model()
    copies = shared(new_model(), world, "ddp")
    shards = shared(new_model(), world, "fsdp")
    fit(copies, Gaps(), quiet, checkpoints=folder / "there")
    wider = shared(new_model(dataclasses.replace(CONFIG, d_ff=18)), world, "fsdp")
    examples = [Examples(torch.ones(4, 3), torch.ones(4))] * 2
    uneven = [(torch.ones(4, 3), torch.ones(2))] * 2
    return {
        "alone": refused(fit, model, Gaps(), quiet),
        "rows": refused(fit, copies, Gaps(batch_size=3), quiet),
        "rows of a list": refused(fit, copies, list(validation(7)), quiet),
        "other batches": refused(fit, copies, Gaps(seed=world.rank), quiet),
        "uneven": refused(fit, copies, uneven, quiet),
        "there": refused(fit, copies, Gaps(), quiet, checkpoints=folder / "there"),
        "architecture": refused(fit, wider, Gaps(), quiet, checkpoints=folder / "there", resume=True),
        "nowhere": refused(fit, copies, Gaps(), quiet, checkpoints=folder / "there", resume=folder / "nowhere"),
        "float16": refused(fit, shards, Gaps(), dataclasses.replace(quiet, dtype=torch.float16)),
        "optimizers before": refused(fit, shards, Gaps(), quiet, optimizers=AdamW(new_model().parameters())),
        "muon": refused(small, shards, 2),
        "muon directly": refused(Muon, [shards.blocks[0].feedforward.up.weight]),
        "how": refused(shared, model, world, "zero"),
        "dtype": refused(shared, model, world, "ddp", dtype=torch.bfloat16),
        "dtype of shards": refused(shared, model, world, "fsdp", dtype=torch.float16),
        "device": refused(shared, nn.Linear(2, 2, device="meta"), world),
        "twice": refused(shared, copies, world),
        "twice in shards": refused(shared, shards, world),
        "ruined": refused(fit, shared(Ruined(world), world), examples, quiet, loss=square_loss),
        "no targets": refused(
            fit, copies, [Batch(b.ids, torch.full_like(b.targets, IGNORED)) for b in [next(Gaps())] * 2], quiet
        ),
        "nothing to evaluate": refused(evaluate, copies, []),
    }


def go_on(world, folder):
    """Three processes go on with what two have left."""
    return {how: run(folder / f"{how} halfway 3", world, how) for how in ("ddp", "fsdp")}


def killed(world, folder):
    """Process 1 is killed in the first start, after the checkpoint of step 4 and one more step."""
    seed_all(11)
    model = shared(new_model(DROPPING), world, "fsdp")
    entries = train(
        model,
        Gaps(),
        TrainConfig(8, log_every=1, checkpoint_every=4, progress=False),
        checkpoints=folder / "run",
        resume=True,
    )
    for entry in entries:
        first = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") == "0"
        if first and entry.step == 5 and world.rank == 1 and folder.name.startswith("killed"):
            os.kill(os.getpid(), signal.SIGKILL)
    return {"history": dataclasses.asdict(entry.history), "weights": model_weights(model)}


def main():
    torch.set_num_threads(1)
    job, folder = globals()[sys.argv[1]], Path(sys.argv[2])
    with joined(timeout_s=60) as world:
        torch.save(job(world, folder), folder / f"{world.rank}.pt")


if __name__ == "__main__":
    main()
