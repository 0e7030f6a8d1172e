"""Hiding some tokens of a text from a model, which is to say what stood there: the labels come for free.

Shape letters: B sequences in a batch, T positions, V vocabulary.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from aigc_book.data.batches import IGNORED, Batch


@dataclass(frozen=True)
class Masking:
    """Which tokens are asked for, and what stands in their place. The shares are BERT's.

    Of each sequence ``share`` of the tokens is chosen, rounded, at least one. A chosen token becomes [MASK] with the
    probability ``masked``, any token of the vocabulary with ``random``, and stays with what is left.

    Args:
        mask_id: the id of [MASK].
        vocab_size: V; random tokens are drawn from 0 … V − 1, but for [MASK] and ``special_ids``.
        share: of the tokens that are chosen, in (0, 1].
        masked: of the chosen ones that become [MASK].
        random: of the chosen ones that become another token.
        special_ids: are never chosen: ends of texts, say.

    Raises:
        ValueError: a share outside its range, masked and random more than 1 together, an id outside of the vocabulary,
            no token that is not special.

    Source: Devlin et al., *BERT* (2019), section 3.1, task 1, and appendix A.1.
    """

    mask_id: int
    vocab_size: int
    share: float = 0.15
    masked: float = 0.8
    random: float = 0.1
    special_ids: Sequence[int] = ()

    def __post_init__(self):
        if not 0 < self.share <= 1:
            raise ValueError(f"share must be in (0, 1]; got {self.share}")
        if not (self.masked >= 0 and self.random >= 0 and self.masked + self.random <= 1 + 1e-9):
            raise ValueError(
                f"masked and random must be at least 0 and at most 1 together; "
                f"got masked={self.masked}, random={self.random}"
            )
        for name, token in (("mask_id", self.mask_id), *(("a special id", token) for token in self.special_ids)):
            if not 0 <= token < self.vocab_size:
                raise ValueError(f"{name} must be from 0 to vocab_size - 1 = {self.vocab_size - 1}; got {token}")
        if not self.ordinary:
            raise ValueError(f"all {self.vocab_size} tokens are special; none is left to be drawn")

    @property
    def ordinary(self) -> list[int]:
        """The ids that a random token is drawn from."""
        return sorted(set(range(self.vocab_size)) - {self.mask_id, *self.special_ids})


def hide(ids: Tensor, masking: Masking, *, mask: Tensor | None = None, generator: torch.Generator) -> Batch:
    """The sequences with some tokens hidden, and as targets what stood there.

    Args:
        ids: (B, T) int64. Not changed.
        masking: how many, and how.
        mask: (B, T) boolean, True for real tokens; padding is never chosen. Or (B, T, T), who sees whom, where padding
            doesn't see itself. None: all are real.
        generator: where the random numbers come from, on the device of the ids.

    Returns:
        A batch for :func:`aigc_book.training.losses.masked_token_loss`: ids with tokens hidden, targets that are
        ignored at all places but the chosen ones, and the mask.

    Raises:
        ValueError: a sequence without a token that may be chosen; ids or a mask that :class:`Batch` refuses; an id
            that is not in the vocabulary.
    """
    Batch(ids, ids, mask)  # which says what is wrong with their shapes
    if ids.numel() and not 0 <= int(ids.min()) <= int(ids.max()) < masking.vocab_size:
        raise ValueError(
            f"ids must be from 0 to vocab_size - 1 = {masking.vocab_size - 1}; got {int(ids.min())} to {int(ids.max())}"
        )
    special = torch.tensor([masking.mask_id, *masking.special_ids], device=ids.device)
    may = ~torch.isin(ids, special)
    if mask is not None:
        may &= mask if mask.dim() == 2 else mask.diagonal(dim1=1, dim2=2)  # padding doesn't see itself
    n_may = may.sum(dim=1, keepdim=True)
    if not n_may.all():
        row = int((n_may == 0).nonzero()[0, 0])
        raise ValueError(f"every sequence must have a token that may be hidden; sequence {row} has none")
    n_chosen = (masking.share * n_may).round().clamp_min(1)
    order = torch.rand(ids.shape, generator=generator, device=ids.device).masked_fill(~may, 2.0)
    chosen = order.argsort(dim=1).argsort(dim=1) < n_chosen  # the n lowest of each row
    fate = torch.rand(ids.shape, generator=generator, device=ids.device)
    ordinary = torch.tensor(masking.ordinary, device=ids.device)
    drawn = ordinary[torch.randint(len(ordinary), ids.shape, generator=generator, device=ids.device)]
    hidden = torch.where(chosen & (fate < masking.masked), masking.mask_id, ids)
    replaced = chosen & (masking.masked <= fate) & (fate < masking.masked + masking.random)
    return Batch(torch.where(replaced, drawn, hidden), torch.where(chosen, ids, IGNORED), mask)


class Masked:
    """Batches with some tokens hidden, others each time: ``Masked(RandomWindows(ids, …), masking, seed=0)``.

    The targets of the batches are not used. Iterating again starts the random numbers again, so that an evaluation asks
    the same questions each time; an endless source is iterated once.

    Args:
        batches: of :class:`Batch`, on the CPU: windows, or padded sequences with their mask.
        masking: how many, and how.
        seed: of the generator, a non-negative integer.
    """

    def __init__(self, batches: Iterable[Batch], masking: Masking, *, seed: int = 0):
        self.batches, self.masking, self.seed = batches, masking, seed
        self._generator = torch.Generator().manual_seed(seed)

    def __iter__(self) -> Iterator[Batch]:
        if isinstance(self.batches, Iterator):
            return self
        return Masked(iter(self.batches), self.masking, seed=self.seed)

    def __next__(self) -> Batch:
        batch = next(self.batches)
        return hide(batch.ids, self.masking, mask=batch.mask, generator=self._generator)

    def state_dict(self) -> dict:
        """The exact position, as JSON can hold it: what :meth:`load_state_dict` needs to go on.

        Raises:
            AttributeError: the batches have none themselves.
        """
        state = self._generator.get_state().tolist()
        return {"batches": self.batches.state_dict(), "random_state": state}

    def load_state_dict(self, state: dict) -> None:
        """Go on from a :meth:`state_dict`.

        Raises:
            ValueError: the state is of other batches.
        """
        if not {"batches", "random_state"} <= state.keys():
            raise ValueError(f"the state is of other batches: expected batches and random_state, got {sorted(state)}")
        self.batches.load_state_dict(state["batches"])
        self._generator.set_state(torch.tensor(state["random_state"], dtype=torch.uint8))
