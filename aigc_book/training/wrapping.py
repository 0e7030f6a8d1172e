"""A model inside of what makes it faster or puts it on several devices."""

import sys

from torch import nn
from torch.nn.parallel import DataParallel, DistributedDataParallel


def unwrapped(model: nn.Module) -> nn.Module:
    """The model itself, out of all wrappings of ``torch.compile``, ``DistributedDataParallel`` and ``DataParallel``.

    What a wrapping is goes by its type: a model may well have a part that is called ``module``.
    """
    dynamo = sys.modules.get("torch._dynamo.eval_frame")  # loaded where something was compiled; takes a second
    while True:
        if isinstance(model, DistributedDataParallel | DataParallel):
            model = model.module
        elif dynamo is not None and isinstance(model, dynamo.OptimizedModule):
            model = model._orig_mod
        else:
            return model
