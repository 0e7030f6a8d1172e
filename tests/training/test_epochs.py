"""A DataLoader with workers of its own finds its place again in a run that goes on."""

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from aigc_book.training.epochs import Epochs
from aigc_book.training.loop import TrainConfig, fit

# Python 3.12 and later warn where workers are forked from a process with threads.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
N, BATCH = 12, 3  # four batches an epoch


class Noisy(Dataset):
    """Draws something new each time that a row is asked for, as a data set that crops images does."""

    def __len__(self):
        return N

    def __getitem__(self, i):
        return (torch.rand(3) + i,)


def loader(data, **settings):
    settings = {"batch_size": BATCH, "shuffle": True, "num_workers": 1, **settings}
    if settings.pop("own_generator", False):
        settings["generator"] = torch.Generator().manual_seed(4)
    return DataLoader(data, **settings)


def squares(model, batch):
    return (model(batch[0]) - batch[0].sum(1, keepdim=True)).square().sum(), len(batch[0])


def run(folder, steps, resume=False, *, data, wrapped=False, **settings):
    """As a process of its own would: a new model, a new loader."""
    torch.manual_seed(9 if not resume else 123)
    model, batches = nn.Linear(3, 1), loader(data, **settings)
    fit(
        model,
        Epochs(batches) if wrapped else batches,
        TrainConfig(steps, checkpoint_every=1, log_every=1, progress=False),
        loss=squares,
        checkpoints=folder,
        resume=resume,
    )
    return model.weight


ROWS = TensorDataset(torch.randn(N, 3, generator=torch.Generator().manual_seed(1)))


@pytest.mark.parametrize("stop", [2, 4, 6, 9])
@pytest.mark.parametrize(
    "settings",
    [{}, {"persistent_workers": True}, {"persistent_workers": True, "own_generator": True, "wrapped": True}],
    ids=str,
)
def test_a_loader_with_workers_goes_on_with_the_same_order(tmp_path, stop, settings):
    """Stopped inside the first epoch, at its end, and in the second and third; the loader is a new one each time."""
    whole = run(tmp_path / "whole", 11, data=ROWS, **settings)
    run(tmp_path / "cut", stop, data=ROWS, **settings)
    assert torch.equal(run(tmp_path / "cut", 11, resume=True, data=ROWS, **settings), whole)


def test_what_workers_draw_is_the_same_or_refused(tmp_path):
    """Workers that are started anew for each epoch are seeded anew; others go on drawing, nobody knows where."""
    whole = run(tmp_path / "whole", 11, data=Noisy())
    run(tmp_path / "cut", 6, data=Noisy())
    assert torch.equal(run(tmp_path / "cut", 11, resume=True, data=Noisy()), whole)
    run(tmp_path / "kept", 6, data=Noisy(), persistent_workers=True)
    with pytest.raises(ValueError, match="batches are others than those of the run that goes on: batch 2 of epoch 2"):
        run(tmp_path / "kept", 11, resume=True, data=Noisy(), persistent_workers=True)
