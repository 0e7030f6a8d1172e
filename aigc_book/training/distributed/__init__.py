"""Training by several processes: ``torchrun`` starts them, and the same ``fit`` runs in each. ::

    # train.py, started by: torchrun --nproc-per-node 2 --max-restarts 3 train.py
    with joined() as world:
        runtime.setup(0)  # the same in every process: the same weights, the same batches
        model = shared(GPT(config).to(world.device), world, how="ddp")
        windows = RandomWindows(ids, batch_size=32, block_size=256)  # the batch of all processes together
        fit(model, windows, TrainConfig(steps=1000), checkpoints="run", resume=True)

Every process draws the whole batch and trains on its own rows of it; sums and counts of the loss are added up over all
of them, so that W processes make the update that one would make on the same batch, up to rounding. The first process
alone writes: the progress bar and the checkpoints, which are those of one process and go on with any number of them.
"""

from aigc_book.training.distributed.sharing import HOW, shared
from aigc_book.training.distributed.world import ProcessLost, World, joined, world_of

__all__ = ["HOW", "ProcessLost", "World", "joined", "shared", "world_of"]
