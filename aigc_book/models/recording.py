"""Seeing inside a model: the attention weights and hidden states of one call.

>>> with record(model) as seen:  # doctest: +SKIP
...     model(ids)
>>> seen.attention["blocks.0.attention"]  # (B, H, T, S)  # doctest: +SKIP
>>> seen.hidden["blocks.0"]  # (B, T, C)  # doctest: +SKIP

It works with every model of this package, and changes none: it listens (with torch's forward hooks) while the block
lasts. Shape letters: B batch, H heads, T queries, S keys, C ``d_model``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from aigc_book.layers.attention import MultiHeadAttention
from aigc_book.layers.cross_attention import CrossAttention


@dataclass
class Recording:
    """What a model's parts did in their last call, by the names that ``model.named_modules()`` gives them.

    Attributes:
        attention: (B, H, T, S) weights of every attention, in the order of the model.
        hidden: what came out of every member of a ``ModuleList``, such as a block: (B, T, C) for a Transformer.
    """

    attention: dict[str, Tensor] = field(default_factory=dict)
    hidden: dict[str, Tensor] = field(default_factory=dict)


@contextmanager
def record(model: nn.Module) -> Iterator[Recording]:
    """Record the attention weights and hidden states of a model's calls inside the ``with`` block.

    Tensors are detached, on the model's device; a later call overwrites what an earlier one left. Weights are without
    dropout. They are computed for the recording only (attention itself never holds them), with memory for all of them.
    A text that was generated step by step is best looked at by one more call with all of its tokens.

    Args:
        model: any module. Parts that are not called leave no entry.
    """
    seen, handles = Recording(), []
    members = {id(part) for module in model.modules() if isinstance(module, nn.ModuleList) for part in module}

    def listen(name: str, part: nn.Module) -> None:
        def weights(module: nn.Module, args: tuple, kwargs: dict, output: Tensor) -> None:
            with torch.no_grad():
                seen.attention[name] = module.weights(*args, **kwargs)

        def state(module: nn.Module, args: tuple, output: Tensor) -> None:
            if isinstance(output, Tensor):
                seen.hidden[name] = output.detach()

        if isinstance(part, MultiHeadAttention | CrossAttention):
            handles.append(part.register_forward_hook(weights, with_kwargs=True))
        if id(part) in members:
            handles.append(part.register_forward_hook(state))

    for name, part in model.named_modules():
        listen(name, part)
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()
