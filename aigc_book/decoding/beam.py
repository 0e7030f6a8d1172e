"""Beam search: keep the few most likely beginnings, rather than the single one that greedy decoding keeps.

Shape letters: K beams, G groups of K / G beams, V vocabulary, N new tokens so far.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from aigc_book.decoding.constraints import Allowed, check_allowed, constrain
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
    n_groups: int = 1,
    diversity: float = 0.0,
    allowed: Allowed | None = None,
) -> list[Hypothesis]:
    r"""Look for the continuations y of a prompt x with the best score :math:`\log P(y \mid x) / N^\alpha`.

    In each step all K beginnings are continued with all V tokens, and the K best of the K · V are kept. One that emits
    a stop id, or has ``max_new_tokens``, is finished. The search ends when no beginning can become better than the
    ``n_best`` finished ones any more. With K = 1 and α = 0 it is greedy decoding, with K = V^(N-1) it is exhaustive.

    With G groups it is diverse beam search: each group is a beam search of its own, with K / G beams. In each step the
    groups choose in turn, and a token costs λ nats for each beam of an earlier group that has chosen it in this step.
    What a beginning has paid stays with it, so that groups come apart and stay apart.

    Args:
        model: what gives the logits, as for :func:`aigc_book.decoding.generate.generate`.
        ids: one prompt, (T,).
        max_new_tokens: the most tokens to add.
        n_beams: K.
        length_penalty: α. Every token makes a hypothesis less likely, so that with 0 short ones are preferred;
            1 compares the mean log-probability of a token.
        stop_ids: what ends a hypothesis. It counts as a token of it. None: nothing but ``max_new_tokens``.
        n_best: how many hypotheses to return, at most K; with groups the n_best / G best of each.
        n_groups: G, which must divide ``n_beams`` and ``n_best``.
        diversity: λ, at least 0, for two groups or more. Within a group hypotheses are ranked with what they have paid;
            their ``log_probability`` and ``score`` are without.
        allowed: a constraint: tokens so far (S,) → (V,) boolean, which tokens may come next. Log-probabilities stay
            the model's; they are not shared out among what is allowed.

    Returns:
        The best hypotheses, the best first; fewer than ``n_best`` only if there are no more.

    Raises:
        ValueError: n_beams, n_best, n_groups, diversity or length_penalty out of range, max_new_tokens below 1, more
            than one prompt, or what :func:`aigc_book.decoding.generate.generate` raises (logits that are not finite
            are one of these).

    Source: Graves, *Sequence Transduction with Recurrent Neural Networks* (2012), section 2.5; Wu et al., *Google's
    Neural Machine Translation System* (2016), section 7, for the length, where they take ((5 + N) / 6)^α; Vijayakumar
    et al., *Diverse Beam Search* (2018), algorithm 1 with the Hamming diversity of section 5.
    """
    prompts, _, is_single = read_prompts(model, ids)
    if not is_single:
        raise ValueError(f"beam search takes one prompt, (T,); got {len(prompts)} prompts")
    stops = torch.tensor(read_stop_ids(model, stop_ids), dtype=torch.long, device=prompts[0].device)
    check_lengths(model, prompts, max_new_tokens)
    check_allowed(allowed)
    if max_new_tokens < 1:
        raise ValueError(f"beam search needs max_new_tokens of at least 1; got {max_new_tokens}")
    if n_beams < 1 or not 1 <= n_best <= n_beams:
        raise ValueError(f"n_beams must be at least 1 and n_best in [1, n_beams]; got {n_beams=}, {n_best=}")
    if not math.isfinite(length_penalty):
        raise ValueError(f"length_penalty must be a finite number; got {length_penalty}")
    if n_groups < 1 or n_beams % n_groups or n_best % n_groups:
        raise ValueError(f"n_groups must divide n_beams and n_best; got {n_groups=}, {n_beams=}, {n_best=}")
    if not 0 <= diversity < math.inf or (diversity and n_groups == 1):
        raise ValueError(
            f"diversity must be at least 0, and 0 with a single group; got diversity={diversity}, n_groups={n_groups}"
        )
    prompt, K = prompts[0], n_beams
    k = K // n_groups
    groups = [_Group.start(prompt, k, n_best // n_groups, length_penalty, max_new_tokens) for _ in range(n_groups)]
    cache = model.new_cache(K, max(1, len(prompt) + max_new_tokens - 1))
    new = prompt.expand(K, -1)  # (K, T), then (K, 1): what the model has not read yet
    for n in range(1, max_new_tokens + 1):
        with evaluating(model), torch.no_grad():
            logits = model(new, cache=cache, last_only=True)[:, -1]  # (K, V)
        logits, is_alive = logits.float(), torch.cat([group.is_alive for group in groups])
        require_finite(logits.amax(dim=-1).masked_fill(~is_alive, 0), step=n)
        values = logits.log_softmax(dim=-1)
        if allowed is not None:
            tokens_so_far = torch.cat((prompt.expand(K, -1), torch.cat([group.beams for group in groups])), dim=1)
            values = constrain(values, tokens_so_far, allowed, skip=(~is_alive).tolist(), step=n)
            largest = values.amax(dim=-1)[is_alive]
            if not largest.isfinite().any() and not any(group.finished for group in groups):
                require_finite(largest, step=n)  # all that is allowed is impossible, and nothing is found
        chosen = torch.zeros(values.size(-1), device=values.device)  # (V,) by how many beams of earlier groups
        rows, tokens = [], []
        for g, group in enumerate(groups):
            is_searching = group.is_alive.any()
            group_rows, group_tokens, taken = group.step(values[g * k : (g + 1) * k], diversity * chosen, stops, n)
            if is_searching:
                chosen = chosen + torch.bincount(taken, minlength=len(chosen))
            rows.append(g * k + group_rows)
            tokens.append(group_tokens)
        if not any(group.is_alive.any() for group in groups):
            break
        new = torch.cat(tokens)[:, None]
        cache.reorder(torch.cat(rows))
    hypotheses = [hypothesis for group in groups for _, hypothesis in group.finished]
    return sorted(hypotheses, key=lambda hypothesis: -hypothesis.score)


@dataclass
class _Group:
    """One beam search: k beginnings, and the best hypotheses that it has finished so far with what ranks them."""

    prompt: Tensor
    beams: Tensor  # (k, N)
    log_probabilities: Tensor  # (k,) -inf for a beginning that is none
    paid: Tensor  # (k,) for tokens that earlier groups had chosen
    n_best: int
    length_penalty: float
    max_new_tokens: int
    finished: list[tuple[float, Hypothesis]] = field(default_factory=list)

    @classmethod
    def start(cls, prompt: Tensor, k: int, n_best: int, length_penalty: float, max_new_tokens: int) -> "_Group":
        """All beams start equal. Only the first counts, or the k best would be k times the same."""
        log_probabilities = torch.full((k,), -torch.inf, device=prompt.device)
        log_probabilities[0] = 0.0
        paid = torch.zeros_like(log_probabilities)
        return cls(prompt, prompt.new_empty(k, 0), log_probabilities, paid, n_best, length_penalty, max_new_tokens)

    @property
    def is_alive(self) -> Tensor:
        """(k,) which beginnings can go on."""
        return self.log_probabilities > -torch.inf

    def step(self, values: Tensor, price: Tensor, stops: Tensor, n: int) -> tuple[Tensor, Tensor, Tensor]:
        """Go on by a token: from log-probabilities (k, V) and what each token costs, (V,).

        Returns:
            For each beam the one that it continues and its new token, (k,) each, which mean nothing for a beam that
            isn't alive; and the tokens of all that go on or end here.
        """
        k, V = values.shape
        candidates = self.log_probabilities[:, None] + values
        candidates = candidates.masked_fill(~self.is_alive[:, None], -torch.inf)  # whatever follows the impossible
        ranks = candidates - (self.paid[:, None] + price)
        # So many that k are left when those that end are taken out.
        ranked, flat = ranks.flatten().topk(min(k * (1 + len(stops)), k * V))
        rows, tokens = flat // V, flat % V
        value = candidates.flatten()[flat]
        ends = torch.isin(tokens, stops) | (n == self.max_new_tokens)

        for i in ends[:k].nonzero().flatten().tolist():  # of those that end, only the ones among the k best count
            if value[i] > -torch.inf:
                ids = torch.cat((self.prompt, self.beams[rows[i]], tokens[i : i + 1]))
                hypothesis = Hypothesis(ids, value[i].item(), value[i].item() / n**self.length_penalty)
                self.finished.append((ranked[i].item() / n**self.length_penalty, hypothesis))
        self.finished = sorted(self.finished, key=lambda pair: -pair[0])[: self.n_best]

        going_on = (~ends).nonzero().flatten()[:k]
        if len(going_on) < k:  # the last step, or next to nothing left: fill up with what doesn't count
            n_missing = k - len(going_on)
            going_on = torch.cat((going_on, going_on.new_zeros(n_missing)))
            value = value[going_on].clone()
            value[k - n_missing :] = -torch.inf
        else:
            value = value[going_on]
        taken = tokens[:k][ends[:k] & (ranked[:k] > -torch.inf)]
        rows, tokens = rows[going_on], tokens[going_on]
        taken = torch.cat((taken, tokens[value > -torch.inf]))
        self.beams = torch.cat((self.beams[rows], tokens[:, None]), dim=1)
        self.log_probabilities, self.paid = value, self.paid[rows] + price[tokens]
        # A log-probability only falls, so the best that a beginning can reach is what it has now, at the length that
        # suits it best.
        suits_best = self.max_new_tokens if self.length_penalty > 0 else n + 1
        best_to_come = (value - self.paid).max().item() / suits_best**self.length_penalty
        if len(self.finished) == self.n_best and best_to_come <= self.finished[-1][0]:
            self.log_probabilities = torch.full_like(value, -torch.inf)
        return rows, tokens, taken
