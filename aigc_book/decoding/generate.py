"""Generation: a prompt in, new tokens out, one at a time, with a key–value cache.

Works with every model that has ``model(ids, mask=, cache=, last_only=)`` → logits, ``model.new_cache(batch_size,
max_seq_len)``, ``model.config.max_seq_len`` and ``model.config.vocab_size``, as :class:`aigc_book.models.gpt.GPT` has.
Shape letters: B rows, T prompt tokens, N new tokens, S all tokens so far, V vocabulary.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from aigc_book.decoding.sampling import check_settings, penalize_repetition, sample

Prompt = Tensor | Sequence[int]


def generate(
    model: nn.Module,
    ids: Prompt | Sequence[Prompt],
    max_new_tokens: int,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    repetition_penalty: float = 1.0,
    seed: int | None = None,
    stop_ids: int | Sequence[int] = (),
    pad_id: int | None = None,
) -> Tensor | list[Tensor]:
    """Continue one prompt, or several at once, token by token.

    Args:
        model: what gives the logits. It is put in evaluation mode for each step and left as it was.
        ids: the prompt: (T,) ids, (B, T) ids, or a list of prompts, which may have different lengths.
        max_new_tokens: N, the most tokens to add to each prompt.
        temperature: 1 samples from the model's distribution, below 1 sharpens it, 0 is greedy: always the most likely.
        top_k: sample from the k most likely tokens only.
        top_p: sample from the most likely tokens that together have the probability p only.
        repetition_penalty: above 1 makes tokens that the row has already (prompt included) less likely.
        seed: the same seed gives the same tokens, whatever else draws random numbers. Row b draws from a stream of its
            own that depends on the seed and on b only: what else is in the batch doesn't matter to it. None: a seed
            drawn from torch's global generator (so that ``torch.manual_seed`` governs it).
        stop_ids: a row ends with the first of these that it emits. When all rows have ended, generation ends.
        pad_id: what fills a row of (B, T + N) after its end; the first of ``stop_ids`` if None.

    Returns:
        Prompt and new tokens, in the form of the prompt: (T + N,), (B, T + N), or a list of 1-D tensors, each of which
        ends with its stop id. N is smaller where generation ended early.

    Raises:
        ValueError: an empty prompt, prompts that are not whole numbers below the vocabulary's size, prompt and new
            tokens together longer than the model's context, or a setting out of range.
    """
    prompts, is_list, is_single = _read_prompts(model, ids)
    stops = _read_stop_ids(stop_ids)
    columns = list(
        stream(
            model,
            ids,
            max_new_tokens,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            repetition_penalty=repetition_penalty,
            seed=seed,
            stop_ids=stop_ids,
            pad_id=pad_id,
        )
    )
    if is_single:
        return torch.cat((prompts[0], torch.stack(columns) if columns else prompts[0][:0]))
    new = torch.stack(columns, dim=1) if columns else prompts[0].new_empty(len(prompts), 0)  # (B, N)
    if is_list:
        return [torch.cat((prompt, _until_stop(row, stops))) for prompt, row in zip(prompts, new, strict=True)]
    return torch.cat((torch.stack(prompts), new), dim=1)


def stream(
    model: nn.Module,
    ids: Prompt | Sequence[Prompt],
    max_new_tokens: int,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    repetition_penalty: float = 1.0,
    seed: int | None = None,
    stop_ids: int | Sequence[int] = (),
    pad_id: int | None = None,
) -> Iterator[Tensor]:
    """Like :func:`generate`, but hands out every new token as soon as it is there.

    Arguments and errors are those of :func:`generate`; errors are raised at once, not when the first token is asked
    for. Beside the tokens themselves nothing is kept but the cache.

    Yields:
        The next id of each row, (B,) int64; for a single (T,) prompt a number, (). A row that has ended gives
        ``pad_id``.
    """
    prompts, _, is_single = _read_prompts(model, ids)
    check_settings(temperature=temperature, top_k=top_k, top_p=top_p, repetition_penalty=repetition_penalty)
    stops = _read_stop_ids(stop_ids)
    _check_lengths(model, prompts, max_new_tokens)
    generators = None if temperature == 0 else _row_generators(seed, len(prompts))
    pad_id = (stops[0] if stops else 0) if pad_id is None else pad_id

    def tokens() -> Iterator[Tensor]:
        tokens_so_far, mask = _left_pad(prompts)  # (B, S) and, unless all have the same length, (B, S)
        B, T = tokens_so_far.shape
        cache = model.new_cache(B, T + max(max_new_tokens - 1, 0))  # the last token is not read any more
        ended = torch.zeros(B, dtype=torch.bool, device=tokens_so_far.device)
        new = tokens_so_far
        for _ in range(max_new_tokens):
            with _evaluating(model):
                logits = model(new, mask=mask, cache=cache, last_only=True)[:, -1]  # (B, V)
            logits = penalize_repetition(logits, tokens_so_far, repetition_penalty, mask)
            new = sample(logits, temperature=temperature, top_k=top_k, top_p=top_p, generator=generators)  # (B,)
            if stops:
                new = new.masked_fill(ended, pad_id)
                ended |= torch.isin(new, torch.tensor(stops, device=new.device))
            yield new.squeeze(0) if is_single else new
            if stops and ended.all():
                return
            new = new[:, None]
            tokens_so_far = torch.cat((tokens_so_far, new), dim=1)
            if mask is not None:
                mask = torch.cat((mask, torch.ones_like(mask[:, :1])), dim=1)

    return tokens()


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """No gradients and no dropout inside; every module's mode is as before outside.

    Not torch.inference_mode: what a model computes once and keeps (rotary angles) must be usable in training later.
    """
    training = [module for module in model.modules() if module.training]
    for module in training:
        module.training = False
    try:
        with torch.no_grad():
            yield
    finally:
        for module in training:
            module.training = True


def _read_prompts(model: nn.Module, ids: Prompt | Sequence[Prompt]) -> tuple[list[Tensor], bool, bool]:
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
        if prompt.is_floating_point() or prompt.dtype == torch.bool:
            raise ValueError(f"a prompt must be whole numbers; prompt {row} is {prompt.dtype}")
        if prompt.min() < 0 or prompt.max() >= vocab_size:
            raise ValueError(
                f"ids must be in [0, vocab_size={vocab_size}); prompt {row} has {prompt.min()} to {prompt.max()}"
            )
    return [prompt.long() for prompt in prompts], is_list, is_single


def _read_stop_ids(stop_ids: int | Sequence[int]) -> list[int]:
    return [stop_ids] if isinstance(stop_ids, int) else list(stop_ids)


def _check_lengths(model: nn.Module, prompts: list[Tensor], max_new_tokens: int) -> None:
    if max_new_tokens < 0 or max_new_tokens != int(max_new_tokens):
        raise ValueError(f"max_new_tokens must be a whole number, at least 0; got {max_new_tokens}")
    context, longest = model.config.max_seq_len, max(len(prompt) for prompt in prompts)
    if longest > context:
        raise ValueError(f"the prompt has {longest} tokens, the model's context is max_seq_len={context}; shorten it")
    if longest + max_new_tokens > context:
        raise ValueError(
            f"a prompt of {longest} and max_new_tokens={max_new_tokens} exceed the model's context of "
            f"max_seq_len={context} tokens; at most {context - longest} new tokens fit"
        )


def _left_pad(prompts: list[Tensor]) -> tuple[Tensor, Tensor | None]:
    """(B, T) ids, padded on the left so that all rows end together, and their (B, T) mask; no mask if no padding."""
    longest = max(len(prompt) for prompt in prompts)
    lengths = torch.tensor([len(prompt) for prompt in prompts], device=prompts[0].device)
    ids = torch.stack([nn.functional.pad(prompt, (longest - len(prompt), 0)) for prompt in prompts])
    if (lengths == longest).all():
        return ids, None
    return ids, torch.arange(longest, device=ids.device) >= longest - lengths[:, None]


def _row_generators(seed: int | None, n_rows: int) -> list[torch.Generator]:
    """A generator for each row, with nothing in common; on the CPU, so that a GPU's rows draw the same numbers."""
    if seed is None:
        seed = int(torch.randint(2**63 - 1, ()))
    if seed < 0 or seed != int(seed):
        raise ValueError(f"seed must be a whole number, at least 0, or None; got {seed}")
    row_seeds = [int(np.random.SeedSequence([seed, row]).generate_state(1)[0]) for row in range(n_rows)]
    return [torch.Generator().manual_seed(row_seed) for row_seed in row_seeds]


def _until_stop(row: Tensor, stops: list[int]) -> Tensor:
    """The row up to and with its first stop id."""
    for n, token in enumerate(row.tolist()):
        if token in stops:
            return row[: n + 1]
    return row
