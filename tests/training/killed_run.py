"""A small training run in a process of its own, for test_resume.py to kill: killed_run.py <folder> <kind>."""

import sys
import time

import torch
from torch import nn

from aigc_book.data.batches import RandomWindows
from aigc_book.training.loop import TrainConfig, fit
from aigc_book.training.optimizers import SGD, Adam, AdamW, Muon, muon_groups
from aigc_book.training.schedules import warmup_cosine

STEPS = 60
DTYPES = {"muon": torch.bfloat16, "half": torch.float16}


class Slow:
    """Batches at a pace at which there is time to be killed."""

    def __init__(self, batches, seconds):
        self.batches, self.seconds = batches, seconds

    def __iter__(self):
        return self

    def __next__(self):
        time.sleep(self.seconds)
        return next(self.batches)

    def state_dict(self):
        return self.batches.state_dict()

    def load_state_dict(self, state):
        self.batches.load_state_dict(state)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(17, 12)
        self.body = nn.Sequential(nn.Linear(12, 20), nn.GELU(), nn.Dropout(0.3), nn.Linear(20, 12), nn.LayerNorm(12))
        self.head = nn.Linear(12, 17)

    def forward(self, ids):
        return self.head(self.body(self.embedding(ids)))


def run(folder, kind, *, seconds=0.0, resume=True):
    """Train; returns the model, its history, and the batch that would come next."""
    torch.manual_seed(3)
    model = Model()
    ids = torch.randint(17, (997,), generator=torch.Generator().manual_seed(0))
    if kind == "muon":
        muon, rest = muon_groups(model)
        optimizers = [Muon(muon), AdamW(rest, 0.01)]
    else:
        optimizers = {"sgd": SGD(model.parameters(), 0.1, 0.9)}.get(kind) or Adam(model.parameters(), 0.01)
    batches = Slow(RandomWindows(ids, batch_size=3, block_size=7, seed=5), seconds)
    config = TrainConfig(
        steps=STEPS,
        accumulate=2 if kind == "muon" else 1,
        dtype=DTYPES.get(kind, torch.float32),
        log_every=7,
        checkpoint_every=4,
        progress=False,
    )
    schedule = warmup_cosine(STEPS, warmup=5)
    history = fit(model, batches, config, optimizers=optimizers, schedule=schedule, checkpoints=folder, resume=resume)
    return model, history, next(batches)


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2], seconds=0.01)
