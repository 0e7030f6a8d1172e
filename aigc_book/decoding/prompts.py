"""What every way of decoding takes in: prompts, how many tokens to add, where to stop; and how it asks the model.

Shape letters: B rows, T prompt tokens.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

Prompt = Tensor | Sequence[int]


@contextmanager
def evaluating(modules: Sequence[nn.Module]) -> Iterator[None]:
    """No gradients and, in these modules, no dropout inside; every module's mode is as before outside.

    Not torch.inference_mode: what a model computes once and keeps (rotary angles) must be usable in training later.
    """
    training = [module for module in modules if module.training]
    for module in training:
        module.training = False
    try:
        with torch.no_grad():
            yield
    finally:
        for module in training:
            module.training = True


def read_prompts(model: nn.Module, ids: Prompt | Sequence[Prompt]) -> tuple[list[Tensor], bool, bool]:
    """The prompts as 1-D tensors on the model's device; whether they came as a list, and whether as a single prompt."""
    device = next(model.parameters()).device
    is_list = not isinstance(ids, Tensor) and len(ids) > 0 and not isinstance(ids[0], int | np.integer)
    if is_list:
        prompts = [torch.as_tensor(prompt, device=device) for prompt in ids]
        is_single = False
    else:
        tensor = torch.as_tensor(ids, device=device)
        if tensor.dim() not in (1, 2):
            raise ValueError(f"ids must be (T,), (B, T) or a list of prompts; got shape {tuple(tensor.shape)}")
        is_single = tensor.dim() == 1
        prompts = [tensor] if is_single else list(tensor)
    if not prompts:
        raise ValueError("expected at least one prompt; got none")
    vocab_size = model.config.vocab_size
    for row, prompt in enumerate(prompts):
        if prompt.dim() != 1:
            raise ValueError(f"each prompt of a list must be (T,); prompt {row} has shape {tuple(prompt.shape)}")
        if not len(prompt):
            raise ValueError(f"a prompt needs at least one token to start from; prompt {row} is empty")
        if prompt.is_floating_point() or prompt.is_complex() or prompt.dtype == torch.bool:
            raise ValueError(f"a prompt must be whole numbers; prompt {row} is {prompt.dtype}")
        prompts[row] = prompt = prompt.long()
        if prompt.min() < 0 or prompt.max() >= vocab_size:
            raise ValueError(
                f"ids must be in [0, vocab_size={vocab_size}); prompt {row} has {prompt.min()} to {prompt.max()}"
            )
    return prompts, is_list, is_single


def read_stop_ids(model: nn.Module, stop_ids: int | Sequence[int]) -> list[int]:
    """The stop ids as a list without repetitions."""
    stops = [stop_ids] if isinstance(stop_ids, int | np.integer) else list(stop_ids)
    for stop in stops:
        check_id(model, "a stop id", stop)
    return sorted(set(stops), key=stops.index)


def check_id(model: nn.Module, name: str, token: int) -> None:
    """Say so if the model's vocabulary doesn't have this id."""
    if not 0 <= token < model.config.vocab_size:
        raise ValueError(f"{name} must be in [0, vocab_size={model.config.vocab_size}); got {token}")


def check_lengths(model: nn.Module, prompts: list[Tensor], max_new_tokens: int) -> None:
    """Say so if the longest prompt and the new tokens don't fit in the model's context."""
    if not isinstance(max_new_tokens, int | np.integer) or max_new_tokens < 0:
        raise ValueError(f"max_new_tokens must be a whole number, at least 0; got {max_new_tokens}")
    context, longest = model.config.max_seq_len, max(len(prompt) for prompt in prompts)
    if longest > context:
        raise ValueError(f"the prompt has {longest} tokens, the model's context is max_seq_len={context}; shorten it")
    if longest + max_new_tokens > context:
        raise ValueError(
            f"a prompt of {longest} and max_new_tokens={max_new_tokens} exceed the model's context of "
            f"max_seq_len={context} tokens; at most {context - longest} new tokens fit"
        )


def left_pad(prompts: list[Tensor]) -> tuple[Tensor, Tensor | None]:
    """(B, T) ids, padded on the left so that all rows end together, and their (B, T) mask; no mask if no padding."""
    longest = max(len(prompt) for prompt in prompts)
    lengths = torch.tensor([len(prompt) for prompt in prompts], device=prompts[0].device)
    ids = torch.stack([nn.functional.pad(prompt, (longest - len(prompt), 0)) for prompt in prompts])
    if (lengths == longest).all():
        return ids, None
    return ids, torch.arange(longest, device=ids.device) >= longest - lengths[:, None]
