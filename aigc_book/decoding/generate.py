"""Generation: a prompt in, new tokens out, one at a time, with a key–value cache.

Works with every model that has ``model(ids, mask=, cache=, last_only=)`` → logits, ``model.new_cache(batch_size,
max_seq_len)``, ``model.config.max_seq_len`` and ``model.config.vocab_size``, as :class:`aigc_book.models.gpt.GPT` has.
Shape letters: B rows, T prompt tokens, N new tokens, S all tokens so far, V vocabulary.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from aigc_book.decoding.constraints import Allowed, check_allowed, constrain
from aigc_book.decoding.prompts import (
    Prompt,
    check_lengths,
    left_pad,
    read_id,
    read_prompts,
    read_stop_ids,
)
from aigc_book.decoding.sampling import Sampling, check_sampling, distribution, draw, require_finite
from aigc_book.decoding.stopping import Decode, Stopping, read_stop_sequences
from aigc_book.layers.mode import evaluating


@dataclass(frozen=True)
class Scored:
    """What was generated, and how likely each new token was, in nats.

    All three have the form of the prompt, as :func:`generate` returns ids. After a row's end there is 0.

    Args:
        ids: prompt and new tokens.
        model: ln p of each new token under the model itself: the softmax of its logits as they are.
        sampling: ln p of each new token under the distribution that it was drawn from, after constraint, repetition
            penalty, temperature and filters. With temperature 0 it is 0.
    """

    ids: Tensor | list[Tensor]
    model: Tensor | list[Tensor]
    sampling: Tensor | list[Tensor]


def generate(
    model: nn.Module,
    ids: Prompt | Sequence[Prompt],
    max_new_tokens: int,
    sampling: Sampling = Sampling(),
    *,
    seed: int | None = None,
    stop_ids: int | Sequence[int] | None = None,
    pad_id: int | None = None,
    stop_sequences: Sequence[str | Sequence[int]] | None = None,
    decode: Decode | None = None,
    allowed: Allowed | None = None,
    log_probabilities: bool = False,
) -> Tensor | list[Tensor] | Scored:
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
        pad_id: what fills a row of (B, T + N) after its end; if None the first of ``stop_ids``, or 0 without them.
        stop_sequences: what else ends a row: lists of ids, and texts. A row ends with the token that completes one
            (which for a text may go on behind it). Prompts don't count.
        decode: ids → text, for texts among the ``stop_sequences``: the tokenizer's. What it makes of the new tokens is
            what the texts are looked for in.
        allowed: a constraint: tokens so far (S,) → (V,) boolean, which tokens may come next
            (:mod:`aigc_book.decoding.constraints`).
        log_probabilities: whether to say how likely each new token was.

    Returns:
        Prompt and new tokens, in the form of the prompt: (T + N,), (B, T + N), or a list of 1-D tensors, each of which
        ends with its stop. N is smaller where generation ended early. With ``log_probabilities`` they come with theirs.

    Raises:
        ValueError: no prompt or an empty one, ids that are not whole numbers below the vocabulary's size, prompt and
            new tokens together longer than the model's context, a setting out of range, a constraint that leaves no
            token, or a model whose logits are not finite, with the step (the first new token is step 1).
    """
    prompts, is_list, is_single = read_prompts(model, ids)
    stopping = _read_stopping(model, len(prompts), stop_ids, stop_sequences, decode)
    tokens = _tokens(model, prompts, max_new_tokens, sampling, seed, stopping, pad_id, allowed, log_probabilities)
    looks_at_once = _looks_at_once(prompts[0].device, stopping)
    columns, unseen, scores = [], [], []
    for step, (new, largest, score) in enumerate(tokens, start=1):
        if looks_at_once:
            require_finite(largest, step)
        else:
            unseen.append(largest)
        columns.append(new)
        scores.append(score)
    for step, largest in enumerate(torch.stack(unseen).cpu() if unseen else (), start=1):
        require_finite(largest, step)
    ended = stopping.lengths if stopping else [len(columns)] * len(prompts)

    def in_form(columns: list[Tensor], starts: list[Tensor]) -> Tensor | list[Tensor]:
        """New (B,) columns behind what each row starts with, as the prompt came."""
        new = torch.stack(columns, dim=1) if columns else starts[0].new_empty(len(starts), 0)  # (B, N)
        if is_single:
            return torch.cat((starts[0], new[0]))
        if is_list:
            return [torch.cat((start, row[:n])) for start, row, n in zip(starts, new, ended, strict=True)]
        return torch.cat((torch.stack(starts), new), dim=1)

    new_ids = in_form(columns, prompts)
    if not log_probabilities:
        return new_ids
    nothing = [torch.empty(0, device=prompts[0].device)] * len(prompts)
    return Scored(new_ids, *(in_form([score[i] for score in scores], nothing) for i in (0, 1)))


def stream(
    model: nn.Module,
    ids: Prompt | Sequence[Prompt],
    max_new_tokens: int,
    sampling: Sampling = Sampling(),
    *,
    seed: int | None = None,
    stop_ids: int | Sequence[int] | None = None,
    pad_id: int | None = None,
    stop_sequences: Sequence[str | Sequence[int]] | None = None,
    decode: Decode | None = None,
    allowed: Allowed | None = None,
) -> Iterator[Tensor]:
    """Like :func:`generate`, but hands out every new token as soon as it is there.

    Arguments and errors are those of :func:`generate`; errors are raised at once, not when the first token is asked
    for, but for what only a token shows (logits that are not finite, a constraint that leaves none): those when it is
    asked for. Beside the tokens themselves nothing is kept but the cache.

    While the last tokens of a row may be the beginning of a stop sequence, they are held back, until it is complete or
    something else has come; so what has been handed out never ends in half of one.

    Yields:
        The next id of each row, (B,) int64; for a single (T,) prompt a number, (). A row that has ended gives
        ``pad_id``.
    """
    prompts, _, is_single = read_prompts(model, ids)
    stopping = _read_stopping(model, len(prompts), stop_ids, stop_sequences, decode)
    tokens = _tokens(model, prompts, max_new_tokens, sampling, seed, stopping, pad_id, allowed)

    def checked() -> Iterator[Tensor]:
        waiting = []
        for step, (new, largest, _) in enumerate(tokens, start=1):
            require_finite(largest, step)
            waiting.append(new.squeeze(0) if is_single else new)
            while len(waiting) > stopping.held:
                yield waiting.pop(0)
        yield from waiting  # no more tokens: it was no stop

    return checked()


def _read_stopping(
    model: nn.Module,
    n_rows: int,
    stop_ids: int | Sequence[int] | None,
    stop_sequences: Sequence[str | Sequence[int]] | None,
    decode: Decode | None,
) -> Stopping:
    sequences, texts = read_stop_sequences(model, stop_sequences, decode)
    return Stopping(n_rows, [[stop] for stop in read_stop_ids(model, stop_ids)] + sequences, texts, decode)


def _looks_at_once(device: torch.device, stopping: Stopping) -> bool:
    """To look at a step's logits is to wait for the device. On a CPU that costs nothing, and with stop ids it is
    waited for anyway; without them a GPU is asked once, at the end."""
    return device.type == "cpu" or bool(stopping)


def _tokens(
    model: nn.Module,
    prompts: list[Tensor],
    max_new_tokens: int,
    sampling: Sampling,
    seed: int | None,
    stopping: Stopping,
    pad_id: int | None,
    allowed: Allowed | None,
    scores: bool = False,
) -> Iterator[tuple[Tensor, Tensor, tuple[Tensor, Tensor] | None]]:
    """The next ids (B,); each row's largest logit (B,), which nobody has looked at, 0 for a row that has ended; and, if
    asked for, the two log-probabilities (B,) of the ids."""
    check_sampling(sampling)
    check_lengths(model, prompts, max_new_tokens)
    check_allowed(allowed)
    generators = None if sampling.temperature == 0 else row_generators(seed, len(prompts))
    if pad_id is None:
        pad_id = next((stop[0] for stop in stopping.sequences if len(stop) == 1), 0)
    pad_id = read_id(model, "pad_id", pad_id)

    def tokens() -> Iterator[tuple[Tensor, Tensor, tuple[Tensor, Tensor] | None]]:
        tokens_so_far, mask = left_pad(prompts)  # (B, S) and, unless all have the same length, (B, S)
        B, T = tokens_so_far.shape
        cache = model.new_cache(B, T + max(max_new_tokens - 1, 0))  # the last token is not read any more
        new = tokens_so_far
        for step in range(1, max_new_tokens + 1):
            with evaluating(model), torch.no_grad():
                raw = model(new, mask=mask, cache=cache, last_only=True)[:, -1]  # (B, V)
            context = {"ids": tokens_so_far, "mask": mask}
            logits = raw
            if allowed is not None:
                logits = constrain(raw, allowed=allowed, skip=stopping.ended, step=step, **context)
            new, largest = draw(logits, sampling, generator=generators, **context)  # (B,), (B,)
            score = _log_probabilities(raw, logits, new, largest, sampling, context) if scores else None
            if stopping:
                ended = torch.tensor(stopping.ended, device=new.device)
                new, largest = new.masked_fill(ended, pad_id), largest.masked_fill(ended, 0)
                score = score and tuple(value.masked_fill(ended, 0) for value in score)
                stopping.read(new.tolist())
            yield new, largest, score
            if stopping and all(stopping.ended):
                return
            new = new[:, None]
            tokens_so_far = torch.cat((tokens_so_far, new), dim=1)
            if mask is not None:
                mask = torch.cat((mask, torch.ones_like(mask[:, :1])), dim=1)

    return tokens()


def _log_probabilities(
    raw: Tensor, logits: Tensor, new: Tensor, largest: Tensor, sampling: Sampling, context: dict
) -> tuple[Tensor, Tensor]:
    """ln p (B,) of the ids that were drawn, under the model and under what they were drawn from."""
    own = raw.float().log_softmax(dim=-1).gather(-1, new[:, None]).squeeze(-1)
    drawable = logits.where(largest.isfinite()[:, None], 0.0)  # the caller says which rows could not be drawn
    drawn = distribution(drawable, sampling, **context).gather(-1, new[:, None]).squeeze(-1)
    return own, drawn.log().float()


def row_generators(seed: int | None, n_rows: int) -> list[torch.Generator]:
    """A generator for each row, with nothing in common; on the CPU, so that a GPU's rows draw the same numbers."""
    if seed is None:
        seed = int(torch.randint(2**63 - 1, ()))
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ValueError(f"seed must be a whole number, at least 0, or None; got {seed!r}")
    row_seeds = [int(np.random.SeedSequence([seed, row]).generate_state(1)[0]) for row in range(n_rows)]
    return [torch.Generator().manual_seed(row_seed) for row_seed in row_seeds]
