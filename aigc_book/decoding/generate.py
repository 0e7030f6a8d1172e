"""Generation: a prompt in, new tokens out, one at a time, with a key–value cache.

Works with every model that has ``model(ids, mask=, cache=, last_only=)`` → logits, ``model.new_cache(batch_size,
max_seq_len)``, ``model.config.max_seq_len`` and ``model.config.vocab_size``, as :class:`aigc_book.models.gpt.GPT` has.
Shape letters: B rows, T prompt tokens, N new tokens, S all tokens so far, V vocabulary.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from aigc_book.decoding.prompts import (
    Prompt,
    check_lengths,
    left_pad,
    read_id,
    read_prompts,
    read_stop_ids,
)
from aigc_book.decoding.sampling import Sampling, check_sampling, draw, require_finite
from aigc_book.layers.mode import evaluating


def generate(
    model: nn.Module,
    ids: Prompt | Sequence[Prompt],
    max_new_tokens: int,
    sampling: Sampling = Sampling(),
    *,
    seed: int | None = None,
    stop_ids: int | Sequence[int] | None = None,
    pad_id: int | None = None,
) -> Tensor | list[Tensor]:
    """Continue one prompt, or several at once, token by token.

    Args:
        model: what gives the logits. It is put in evaluation mode for each step and left as it was.
        ids: the prompt: (T,) ids, (B, T) ids, or a list of prompts, which may have different lengths.
        max_new_tokens: N, the most tokens to add to each prompt.
        sampling: how each token is chosen: ``Sampling(temperature=0.8, top_p=0.95)``, say, or ``GREEDY``.
        seed: the same seed gives the same tokens, whatever else draws random numbers. Row b draws from a stream of its
            own that depends on the seed and on b only: what else is in the batch doesn't matter to it. None: a seed
            drawn from torch's global generator (so that ``torch.manual_seed`` governs it).
        stop_ids: a row ends with the first of these that it emits. When all rows have ended, generation ends. None:
            nothing ends a row.
        pad_id: what fills a row of (B, T + N) after its end; the first of ``stop_ids`` if None.

    Returns:
        Prompt and new tokens, in the form of the prompt: (T + N,), (B, T + N), or a list of 1-D tensors, each of which
        ends with its stop id. N is smaller where generation ended early.

    Raises:
        ValueError: no prompt or an empty one, ids that are not whole numbers below the vocabulary's size, prompt and
            new tokens together longer than the model's context, a setting out of range, or a model whose logits are
            not finite, with the step (the first new token is step 1).
    """
    prompts, is_list, is_single = read_prompts(model, ids)
    stops = read_stop_ids(model, stop_ids)
    tokens = _tokens(model, prompts, max_new_tokens, sampling, seed, stops, pad_id)
    looks_at_once = _looks_at_once(prompts[0].device, stops)
    columns, unseen = [], []
    for step, (new, largest) in enumerate(tokens, start=1):
        if looks_at_once:
            require_finite(largest, step)
        else:
            unseen.append(largest)
        columns.append(new)
    for step, largest in enumerate(torch.stack(unseen).cpu() if unseen else (), start=1):
        require_finite(largest, step)
    new = torch.stack(columns, dim=1) if columns else prompts[0].new_empty(len(prompts), 0)  # (B, N)
    if is_single:
        return torch.cat((prompts[0], new[0]))
    if is_list:
        return [torch.cat((prompt, _until_stop(row, stops))) for prompt, row in zip(prompts, new, strict=True)]
    return torch.cat((torch.stack(prompts), new), dim=1)


def stream(
    model: nn.Module,
    ids: Prompt | Sequence[Prompt],
    max_new_tokens: int,
    sampling: Sampling = Sampling(),
    *,
    seed: int | None = None,
    stop_ids: int | Sequence[int] | None = None,
    pad_id: int | None = None,
) -> Iterator[Tensor]:
    """Like :func:`generate`, but hands out every new token as soon as it is there.

    Arguments and errors are those of :func:`generate`; errors are raised at once, not when the first token is asked
    for, but for logits that are not finite: those when their token is asked for. Beside the tokens themselves nothing
    is kept but the cache.

    Yields:
        The next id of each row, (B,) int64; for a single (T,) prompt a number, (). A row that has ended gives
        ``pad_id``.
    """
    prompts, _, is_single = read_prompts(model, ids)
    stops = read_stop_ids(model, stop_ids)
    tokens = _tokens(model, prompts, max_new_tokens, sampling, seed, stops, pad_id)

    def checked() -> Iterator[Tensor]:
        for step, (new, largest) in enumerate(tokens, start=1):
            require_finite(largest, step)
            yield new.squeeze(0) if is_single else new

    return checked()


def _looks_at_once(device: torch.device, stops: list[int]) -> bool:
    """To look at a step's logits is to wait for the device. On a CPU that costs nothing, and with stop ids it is
    waited for anyway; without them a GPU is asked once, at the end."""
    return device.type == "cpu" or bool(stops)


def _tokens(
    model: nn.Module,
    prompts: list[Tensor],
    max_new_tokens: int,
    sampling: Sampling,
    seed: int | None,
    stops: list[int],
    pad_id: int | None,
) -> Iterator[tuple[Tensor, Tensor]]:
    """The next ids (B,), and each row's largest logit (B,), which nobody has looked at; 0 for a row that has ended."""
    check_sampling(sampling)
    check_lengths(model, prompts, max_new_tokens)
    generators = None if sampling.temperature == 0 else _row_generators(seed, len(prompts))
    pad_id = (stops[0] if stops else 0) if pad_id is None else read_id(model, "pad_id", pad_id)

    def tokens() -> Iterator[tuple[Tensor, Tensor]]:
        tokens_so_far, mask = left_pad(prompts)  # (B, S) and, unless all have the same length, (B, S)
        B, T = tokens_so_far.shape
        cache = model.new_cache(B, T + max(max_new_tokens - 1, 0))  # the last token is not read any more
        ended = torch.zeros(B, dtype=torch.bool, device=tokens_so_far.device)
        new = tokens_so_far
        for _ in range(max_new_tokens):
            with evaluating(model), torch.no_grad():
                logits = model(new, mask=mask, cache=cache, last_only=True)[:, -1]  # (B, V)
            new, largest = draw(logits, sampling, ids=tokens_so_far, mask=mask, generator=generators)  # (B,), (B,)
            if stops:
                new, largest = new.masked_fill(ended, pad_id), largest.masked_fill(ended, 0)
                ended |= torch.isin(new, torch.tensor(stops, device=new.device))
            yield new, largest
            if stops and ended.all():
                return
            new = new[:, None]
            tokens_so_far = torch.cat((tokens_so_far, new), dim=1)
            if mask is not None:
                mask = torch.cat((mask, torch.ones_like(mask[:, :1])), dim=1)

    return tokens()


def _row_generators(seed: int | None, n_rows: int) -> list[torch.Generator]:
    """A generator for each row, with nothing in common; on the CPU, so that a GPU's rows draw the same numbers."""
    if seed is None:
        seed = int(torch.randint(2**63 - 1, ()))
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ValueError(f"seed must be a whole number, at least 0, or None; got {seed!r}")
    row_seeds = [int(np.random.SeedSequence([seed, row]).generate_state(1)[0]) for row in range(n_rows)]
    return [torch.Generator().manual_seed(row_seed) for row_seed in row_seeds]


def _until_stop(row: Tensor, stops: list[int]) -> Tensor:
    """The row up to and with its first stop id."""
    for n, token in enumerate(row.tolist()):
        if token in stops:
            return row[: n + 1]
    return row
