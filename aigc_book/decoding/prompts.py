"""What every way of decoding takes in: prompts, how many tokens to add, where to stop.

Shape letters: B rows, T prompt tokens.
"""

from collections.abc import Iterable, Sequence
from numbers import Number

import numpy as np
import torch
from torch import Tensor, nn

Prompt = Tensor | Sequence[int]


def read_prompts(model: nn.Module, ids: Prompt | Sequence[Prompt]) -> tuple[list[Tensor], bool, bool]:
    """The prompts as 1-D tensors on the model's device; whether they came as a list, and whether as a single prompt."""
    device = next(model.parameters()).device
    is_sequence = isinstance(ids, Sequence) and not isinstance(ids, str | bytes)
    is_list = is_sequence and len(ids) > 0 and not (isinstance(ids[0], Number) or getattr(ids[0], "ndim", 1) == 0)
    if is_list:
        prompts = [_as_tensor(prompt, device) for prompt in ids]
        is_single = False
    else:
        tensor = _as_tensor(ids, device)
        if tensor.dim() not in (1, 2):
            raise ValueError(f"ids must be (T,), (B, T) or a list of prompts; got shape {tuple(tensor.shape)}")
        is_single = tensor.dim() == 1
        prompts = [tensor] if is_single else list(tensor)
    if not prompts:
        raise ValueError("expected at least one prompt; got none")
    last = model.config.vocab_size - 1
    for row, prompt in enumerate(prompts):
        if prompt.dim() != 1:
            raise ValueError(f"each prompt of a list must be (T,); prompt {row} has shape {tuple(prompt.shape)}")
        if not len(prompt):
            raise ValueError(f"a prompt needs at least one token to start from; prompt {row} is empty")
        if prompt.is_floating_point() or prompt.is_complex() or prompt.dtype == torch.bool:
            raise ValueError(f"a prompt must be whole numbers; prompt {row} is {prompt.dtype}")
        prompts[row] = prompt = prompt.long()
        low, high = prompt.min().item(), prompt.max().item()
        if low < 0 or high > last:
            raise ValueError(f"ids must be from 0 to vocab_size - 1 = {last}; got {low} to {high} in prompt {row}")
    return prompts, is_list, is_single


def read_stop_ids(model: nn.Module, stop_ids: int | Sequence[int] | None) -> list[int]:
    """The stop ids as a list without repetitions; empty for None."""
    if stop_ids is None:
        return []
    if _is_whole(stop_ids):
        stop_ids = [stop_ids]
    elif isinstance(stop_ids, str | bytes | bool) or not isinstance(stop_ids, Iterable):
        raise ValueError(f"stop_ids must be an id, a list of ids or None; got {stop_ids!r}")
    return list(dict.fromkeys(read_id(model, "a stop id", stop) for stop in stop_ids))


def read_id(model: nn.Module, name: str, token: int) -> int:
    """The id as Python's own number; ``ValueError`` if it isn't whole or the model's vocabulary doesn't have it."""
    last = model.config.vocab_size - 1
    if not _is_whole(token):
        raise ValueError(f"{name} must be a whole number from 0 to vocab_size - 1 = {last}; got {token!r}")
    if not 0 <= int(token) <= last:
        raise ValueError(f"{name} must be from 0 to vocab_size - 1 = {last}; got {int(token)}")
    return int(token)


def check_lengths(model: nn.Module, prompts: list[Tensor], max_new_tokens: int) -> None:
    """Say so if the longest prompt and the new tokens don't fit in the model's context."""
    if not isinstance(max_new_tokens, int | np.integer) or isinstance(max_new_tokens, bool) or max_new_tokens < 0:
        raise ValueError(f"max_new_tokens must be a whole number, at least 0; got {max_new_tokens!r}")
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


def _as_tensor(ids: Prompt, device: torch.device) -> Tensor:
    try:
        return torch.as_tensor(ids, device=device)
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(
            f"a prompt must be whole numbers; got {str(ids)[:40]!r} of type {type(ids).__name__}"
        ) from None


def _is_whole(value: object) -> bool:
    """Python's, NumPy's and torch's whole numbers, but no truth values."""
    if isinstance(value, Tensor):
        return value.dim() == 0 and not (value.is_floating_point() or value.is_complex() or value.dtype == torch.bool)
    if isinstance(value, np.ndarray):
        return value.ndim == 0 and value.dtype.kind in "iu"
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
