"""Speculative decoding: a small model drafts some tokens, the large one checks them all in one pass.

What comes out has the large model's distribution, to the last digit that rounding leaves: only the time changes. With q
the draft's distribution and p the large model's, both after temperature and filters, a drafted token x stays with the
probability min(1, p(x) / q(x)). The first one that doesn't is replaced by a draw from

    r(x) = max(0, p(x) - q(x)) / Σ_y max(0, p(y) - q(y))

and what was drafted behind it is forgotten. If all stay, the pass gives one more token, drawn from p. A drafted token
stays with the probability Σ_x min(p(x), q(x)) = 1 - TV(p, q).

Source: Leviathan, Kalman and Matias, *Fast Inference from Transformers via Speculative Decoding* (2023), algorithm 1
and theorem 3.5; Chen et al., *Accelerating Large Language Model Decoding with Speculative Sampling* (2023).
Shape letters: T prompt tokens, S tokens so far, N new tokens, D drafted tokens, V vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from aigc_book.decoding.constraints import Allowed, check_allowed, constrain
from aigc_book.decoding.generate import row_generators
from aigc_book.decoding.prompts import Prompt, check_lengths, read_prompts, read_stop_ids
from aigc_book.decoding.sampling import Sampling, check_sampling, distribution, require_finite, sample
from aigc_book.decoding.stopping import Decode, Stopping, read_stop_sequences
from aigc_book.layers.mode import evaluating


@dataclass(frozen=True)
class Speculation:
    """What was generated, and how well the draft did.

    Args:
        ids: (T + N,) prompt and new tokens.
        n_passes: how often the large model was run, the prompt's pass included. Without a draft it would be N times.
        n_drafted: tokens that the draft proposed.
        n_tested: those that were put to the test; what stands behind a rejected one isn't.
        n_accepted: those that stayed.
    """

    ids: Tensor
    n_passes: int
    n_drafted: int
    n_tested: int
    n_accepted: int

    @property
    def acceptance(self) -> float:
        """The share of the tested tokens that stayed; nan if none was tested."""
        return self.n_accepted / self.n_tested if self.n_tested else float("nan")


def verify(p: Tensor, q: Tensor, drafted: Tensor, *, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
    """The rule above for one drafted token a row: it stays, or another one is drawn in its place.

    Args:
        p: (B, V) the large model's distributions.
        q: (B, V) the distributions that the drafted tokens were drawn from.
        drafted: (B,) the tokens.
        generator: where the random numbers come from. None: torch's global generator.

    Returns:
        The tokens (B,), each distributed as p, and which of them (B,) are the drafted ones that stayed.

    Raises:
        ValueError: shapes that don't belong together, or a drafted token that q says could not be drawn.
    """
    if p.dim() != 2 or q.shape != p.shape or drafted.shape != p.shape[:1]:
        raise ValueError(
            f"expected p (B, V), q (B, V) and drafted (B,); got {tuple(p.shape)}, {tuple(q.shape)} and "
            f"{tuple(drafted.shape)}"
        )
    chances = [each.gather(-1, drafted[:, None]).squeeze(-1) for each in (p, q)]  # (B,), (B,)
    if not (chances[1] > 0).all():
        raise ValueError("a drafted token must have been drawn from q; got one to which q gives the probability 0")
    device = "cpu" if generator is None else generator.device
    uniform = torch.rand(len(p), generator=generator, dtype=torch.float64, device=device).to(p.device)
    stays = uniform * chances[1] < chances[0]
    if stays.all():
        return drafted.clone(), stays
    rest = (p - q).clamp_min(0)
    rest = torch.where(rest.any(dim=-1, keepdim=True), rest, p)  # p = q to rounding
    return torch.where(stays, drafted, sample(rest.log(), generator=generator)), stays


def speculate(
    model: nn.Module,
    draft: nn.Module,
    ids: Prompt,
    max_new_tokens: int,
    sampling: Sampling = Sampling(),
    *,
    n_draft: int = 4,
    least_confidence: float = 0.0,
    seed: int | None = None,
    stop_ids: int | Sequence[int] | None = None,
    stop_sequences: Sequence[str | Sequence[int]] | None = None,
    decode: Decode | None = None,
    allowed: Allowed | None = None,
) -> Speculation:
    """Continue a prompt as :func:`aigc_book.decoding.generate.generate` does, with fewer runs of the large model.

    The distribution of the tokens is that of ``generate``; with temperature 0 they are the same tokens (but for ties
    that rounding decides, as one pass over several tokens rounds otherwise than one over each). With the same seed
    other tokens are drawn than there, since a draft uses up random numbers.

    Args:
        model: the large model. Its cache, and the draft's, must be able to forget its last tokens
            (:meth:`aigc_book.layers.kv_cache.KVCache.rewind`).
        draft: the small one, with the same vocabulary, on the same device.
        ids: one prompt, (T,).
        max_new_tokens: N, the most tokens to add.
        sampling: how each token is chosen, by both models.
        n_draft: D, how many tokens to draft before each check, at most.
        least_confidence: the draft stops early, behind a token to which it gave a probability below this one (after
            temperature and filters; with temperature 0 the softmax of its logits): what comes then would hardly stay.
            0: it never does.
        seed: the same seed gives the same tokens. None: a seed drawn from torch's global generator.
        stop_ids: as for ``generate``.
        stop_sequences: as for ``generate``.
        decode: as for ``generate``.
        allowed: as for ``generate``; it binds both models.

    Raises:
        ValueError: a draft with another vocabulary or on another device, a context of one of the two that is too small,
            a cache that can't be rewound, several prompts, n_draft below 1, least_confidence outside [0, 1), or what
            ``generate`` raises.
    """
    prompts, _, is_single = read_prompts(model, ids)
    if not is_single:
        raise ValueError(f"speculative decoding takes one prompt, (T,); got {len(prompts)} prompts")
    _check_pair(model, draft)
    sequences, texts = read_stop_sequences(model, stop_sequences, decode)
    stopping = Stopping(1, [[stop] for stop in read_stop_ids(model, stop_ids)] + sequences, texts, decode)
    check_sampling(sampling)
    check_allowed(allowed)
    check_lengths(model, prompts, max_new_tokens)
    check_lengths(draft, prompts, max_new_tokens)
    if isinstance(n_draft, bool) or not isinstance(n_draft, int) or n_draft < 1:
        raise ValueError(f"n_draft must be a whole number, at least 1; got {n_draft!r}")
    if not 0 <= least_confidence < 1:
        raise ValueError(f"least_confidence must be in [0, 1); got {least_confidence}")
    tokens, T = prompts[0], len(prompts[0])
    choose = _Chooser(sampling, None if sampling.temperature == 0 else row_generators(seed, 1)[0], allowed, T)
    end = T + max_new_tokens
    large, small = (_Reader(each, tokens, end) for each in (model, draft))
    n_passes = n_drafted = n_tested = n_accepted = 0
    while len(tokens) < end and not stopping.ended[0]:
        S = len(tokens)
        n = min(n_draft, end - S - 1)  # the pass itself adds one
        whole, q = _draft(small, tokens, n, choose, least_confidence, stopping)
        drafted = whole[S:].tolist()
        logits = large.read(whole, len(drafted) + 1, step=S - T + 1)  # (D + 1, V)
        new = choose.all_at_once(logits)
        for i in range(len(drafted) + 1):
            before, is_last = whole[: S + i], i == len(drafted)
            if new is not None:
                token, stays = new[i], not is_last and new[i] == drafted[i]
            elif is_last:
                token, stays = choose(logits[i : i + 1], before)[0].item(), False
            else:
                token, stays = choose.check(logits[i : i + 1], before, q[i], whole[S + i : S + i + 1])
            tokens = torch.cat((tokens, tokens.new_tensor([token])))
            stopping.read([token])
            n_tested += not is_last
            n_accepted += stays
            if not stays or stopping.ended[0]:
                break
        for reader in (large, small):
            reader.forget(len(tokens) - 1)  # of what was read, this much stands; the last token isn't read yet
        n_passes, n_drafted = n_passes + 1, n_drafted + len(drafted)
    return Speculation(tokens, n_passes, n_drafted, n_tested, n_accepted)


def _check_pair(model: nn.Module, draft: nn.Module) -> None:
    vocabularies = [each.config.vocab_size for each in (model, draft)]
    if vocabularies[0] != vocabularies[1]:
        raise ValueError(
            f"model and draft must have the same vocabulary; got vocab_size={vocabularies[0]} and {vocabularies[1]}"
        )
    devices = [next(each.parameters()).device for each in (model, draft)]
    if devices[0] != devices[1]:
        raise ValueError(f"model and draft must be on the same device; got {devices[0]} and {devices[1]}")


class _Chooser:
    """How a token is chosen from logits: the settings of both models."""

    def __init__(self, sampling: Sampling, generator: torch.Generator | None, allowed: Allowed | None, n_prompt: int):
        self.sampling, self.generator, self.allowed, self.n_prompt = sampling, generator, allowed, n_prompt
        self.is_greedy = sampling.temperature == 0

    def all_at_once(self, logits: Tensor) -> list[int] | None:
        """The greedy tokens of all rows, if none depends on the tokens before; else None."""
        if self.is_greedy and self.allowed is None and self.sampling.repetition_penalty == 1:
            return logits.argmax(dim=-1).tolist()
        return None

    def __call__(self, logits: Tensor, before: Tensor) -> tuple[Tensor, Tensor | None]:
        """From logits (1, V) behind the tokens ``before``: the next token (1,), and what it was drawn from, (1, V)."""
        logits = self._constrained(logits, before)
        if self.is_greedy:
            return sample(logits, self.sampling, ids=before[None]), None
        q = distribution(logits, self.sampling, ids=before[None])
        return sample(q.log(), generator=self.generator), q

    def check(self, logits: Tensor, before: Tensor, q: Tensor | None, drafted: Tensor) -> tuple[int, bool]:
        """The token that the large model's logits (1, V) leave in place of the drafted one, (1,); whether it stays."""
        if self.is_greedy:
            token = self(logits, before)[0].item()
            return token, token == drafted.item()
        p = distribution(self._constrained(logits, before), self.sampling, ids=before[None])
        token, stays = verify(p, q.to(p.dtype), drafted, generator=self.generator)
        return token.item(), bool(stays)

    def _constrained(self, logits: Tensor, before: Tensor) -> Tensor:
        if self.allowed is None:
            return logits
        step = len(before) - self.n_prompt + 1
        logits = constrain(logits, before[None], self.allowed, step=step)
        require_finite(logits.amax(dim=-1), step)  # all that is allowed may be impossible
        return logits


class _Reader:
    """A model with its cache, which has read the first tokens and can forget the last of them."""

    def __init__(self, model: nn.Module, prompt: Tensor, end: int):
        self.model, self.cache = model, model.new_cache(1, max(1, end - 1))
        if not hasattr(self.cache, "rewind"):
            raise ValueError(
                f"speculative decoding needs a cache that can be rewound; {type(model).__name__} has a "
                f"{type(self.cache).__name__}"
            )
        if len(prompt) > 1 and end > len(prompt):  # all but the last, of which the logits are wanted
            with evaluating(model), torch.no_grad():
                model(prompt[None, :-1], cache=self.cache, last_only=True)

    def read(self, tokens: Tensor, n: int, step: int) -> Tensor:
        """Read what is new of the tokens (S,), and give the logits (n, V) behind the last n."""
        with evaluating(self.model), torch.no_grad():
            logits = self.model(tokens[None, self.cache.length :], cache=self.cache, last_only=n == 1)[0, -n:]
        largest = logits.amax(dim=-1)
        if not largest.isfinite().all():
            first = int((~largest.isfinite()).nonzero()[0])
            require_finite(largest[first : first + 1], step + first)
        return logits.float()

    def forget(self, length: int) -> None:
        """Keep only the first ``length`` tokens, if more were read."""
        self.cache.rewind(min(length, self.cache.length))


def _draft(
    small: _Reader, tokens: Tensor, n: int, choose: _Chooser, least_confidence: float, stopping: Stopping
) -> tuple[Tensor, list[Tensor | None]]:
    """The tokens (S + D,) with at most n new ones of the small model, and the distributions (1, V) of those."""
    distributions = []
    for _ in range(n):
        logits = small.read(tokens, 1, step=len(tokens) - choose.n_prompt + 1)
        token, q = choose(logits, tokens)
        tokens = torch.cat((tokens, token))
        distributions.append(q)
        is_stop = [token.item()] in stopping.sequences
        confidence = q if q is not None or not least_confidence else logits.softmax(dim=-1)
        if is_stop or (least_confidence and confidence[0, token] < least_confidence):
            break
    return tokens, distributions
