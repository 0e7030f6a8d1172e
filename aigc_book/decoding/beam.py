"""Beam search: keep the few most likely beginnings, rather than the single one that greedy decoding keeps.

Shape letters: K beams, V vocabulary, N new tokens so far.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from aigc_book.decoding.prompts import Prompt, check_lengths, read_prompts, read_stop_ids
from aigc_book.decoding.sampling import require_finite
from aigc_book.layers.mode import evaluating


@dataclass(frozen=True)
class Hypothesis:
    """A continuation that beam search found.

    Args:
        ids: (T + N,) the prompt and the new tokens; ends with the stop id, if it has one.
        log_probability: of the N new tokens, given the prompt, in nats.
        score: log_probability / N^length_penalty, by which hypotheses are ranked.
    """

    ids: Tensor
    log_probability: float
    score: float


def beam_search(
    model: nn.Module,
    ids: Prompt,
    max_new_tokens: int,
    *,
    n_beams: int = 4,
    length_penalty: float = 1.0,
    stop_ids: int | Sequence[int] | None = None,
    n_best: int = 1,
) -> list[Hypothesis]:
    r"""Look for the continuations y of a prompt x with the best score :math:`\log P(y \mid x) / N^\alpha`.

    In each step all K beginnings are continued with all V tokens, and the K best of the K · V are kept. One that emits
    a stop id, or has ``max_new_tokens``, is finished. The search ends when no beginning can become better than the
    ``n_best`` finished ones any more. With K = 1 and α = 0 it is greedy decoding, with K = V^(N-1) it is exhaustive.

    Args:
        model: what gives the logits, as for :func:`aigc_book.decoding.generate.generate`.
        ids: one prompt, (T,).
        max_new_tokens: the most tokens to add.
        n_beams: K.
        length_penalty: α. Every token makes a hypothesis less likely, so that with 0 short ones are preferred;
            1 compares the mean log-probability of a token.
        stop_ids: what ends a hypothesis. It counts as a token of it. None: nothing but ``max_new_tokens``.
        n_best: how many hypotheses to return, at most K.

    Returns:
        The best hypotheses, the best first; fewer than ``n_best`` only if there are no more.

    Raises:
        ValueError: n_beams, n_best or length_penalty out of range, max_new_tokens below 1, more than one prompt, or
            what :func:`aigc_book.decoding.generate.generate` raises (logits that are not finite are one of these).

    Source: Graves, *Sequence Transduction with Recurrent Neural Networks* (2012), section 2.5; Wu et al., *Google's
    Neural Machine Translation System* (2016), section 7, for the length, where they take ((5 + N) / 6)^α.
    """
    prompts, _, is_single = read_prompts(model, ids)
    if not is_single:
        raise ValueError(f"beam search takes one prompt, (T,); got {len(prompts)} prompts")
    stops = torch.tensor(read_stop_ids(model, stop_ids), dtype=torch.long, device=prompts[0].device)
    check_lengths(model, prompts, max_new_tokens)
    if max_new_tokens < 1:
        raise ValueError(f"beam search needs max_new_tokens of at least 1; got {max_new_tokens}")
    if n_beams < 1 or not 1 <= n_best <= n_beams:
        raise ValueError(f"n_beams must be at least 1 and n_best in [1, n_beams]; got {n_beams=}, {n_best=}")
    if not math.isfinite(length_penalty):
        raise ValueError(f"length_penalty must be a finite number; got {length_penalty}")
    prompt, vocab_size = prompts[0], model.config.vocab_size
    K = n_beams

    cache = model.new_cache(K, max(1, len(prompt) + max_new_tokens - 1))
    new = prompt.expand(K, -1)  # (K, T), then (K, 1): what the model has not read yet
    beams = prompt.new_empty(K, 0)  # (K, N)
    # All beams start equal. Only the first counts, or the K best would be K times the same.
    log_probabilities = torch.full((K,), -torch.inf, device=prompt.device)
    log_probabilities[0] = 0.0
    finished: list[Hypothesis] = []
    for n in range(1, max_new_tokens + 1):
        with evaluating(model), torch.no_grad():
            logits = model(new, cache=cache, last_only=True)[:, -1]  # (K, V)
        logits, is_alive = logits.float(), log_probabilities > -torch.inf
        require_finite(logits.amax(dim=-1).masked_fill(~is_alive, 0), step=n)
        candidates = log_probabilities[:, None] + logits.log_softmax(dim=-1)
        candidates = candidates.masked_fill(~is_alive[:, None], -torch.inf)  # whatever follows the impossible
        # So many that K are left when those that end are taken out.
        n_candidates = min(K * (1 + len(stops)), K * vocab_size)
        values, flat = candidates.flatten().topk(n_candidates)
        rows, tokens = flat // vocab_size, flat % vocab_size
        ends = torch.isin(tokens, stops) | (n == max_new_tokens)

        for i in ends[:K].nonzero().flatten().tolist():  # of those that end, only the ones among the K best count
            if values[i] > -torch.inf:
                new_ids = torch.cat((prompt, beams[rows[i]], tokens[i : i + 1]))
                value = values[i].item()
                finished.append(Hypothesis(new_ids, value, value / n**length_penalty))
        finished = sorted(finished, key=lambda hypothesis: -hypothesis.score)[:n_best]

        going_on = (~ends).nonzero().flatten()[:K]
        if not len(going_on):
            break
        log_probabilities, rows, new = values[going_on], rows[going_on], tokens[going_on, None]
        # A log-probability only falls, so the best that a beginning can reach is what it has now, at the length that
        # suits it best.
        suits_best = max_new_tokens if length_penalty > 0 else n + 1
        best_to_come = log_probabilities[0].item() / suits_best**length_penalty
        if best_to_come == -torch.inf or (len(finished) == n_best and best_to_come <= finished[-1].score):
            break
        beams = torch.cat((beams[rows], new), dim=1)
        cache.reorder(rows)
    return finished
