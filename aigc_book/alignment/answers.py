"""Prompts with their answers as one rectangle of ids, and how likely a model finds the answers.

Shape letters: B rows, T tokens of prompt and answer, W = T - 1 places at which a token can be written, V vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aigc_book.data.batches import IGNORED, Batch, pad_batch
from aigc_book.models.gpt import GPT

Ids = Tensor | Sequence[int]


@dataclass(frozen=True)
class Answers:
    """Sequences of a prompt and its answer, padded on the right.

    Args:
        ids: (B, T) whole numbers: prompt, answer, padding.
        is_answer: (B, T) boolean, True for the tokens of the answer; none of them stands first, since a model must
            have read something to write it.
        mask: (B, T) boolean, True for real tokens and False for padding.

    Raises:
        ValueError: shapes or dtypes that don't fit; on a CPU also a row without an answer token, an answer token in
            the first place or among the padding.
    """

    ids: Tensor
    is_answer: Tensor
    mask: Tensor

    def __post_init__(self):
        if self.ids.dim() != 2 or self.ids.is_floating_point() or self.ids.dtype == torch.bool:
            raise ValueError(
                f"ids must be whole numbers of shape (B, T); got {self.ids.dtype} of shape {tuple(self.ids.shape)}"
            )
        for name in ("is_answer", "mask"):
            value = getattr(self, name)
            if value.dtype != torch.bool or value.shape != self.ids.shape:
                raise ValueError(
                    f"{name} must be boolean of shape {tuple(self.ids.shape)}; got {value.dtype} of shape "
                    f"{tuple(value.shape)}"
                )
        if self.ids.device.type != "cpu":  # a GPU would have to be waited for
            return
        if not self.is_answer.any(dim=1).all():
            row = int((~self.is_answer.any(dim=1)).nonzero()[0])
            raise ValueError(f"every row needs at least one answer token; row {row} has none")
        if self.is_answer[:, 0].any():
            row = int(self.is_answer[:, 0].nonzero()[0])
            raise ValueError(f"an answer token can't stand first, nothing comes before it; it does in row {row}")
        if (self.is_answer & ~self.mask).any():
            row = int((self.is_answer & ~self.mask).any(dim=1).nonzero()[0])
            raise ValueError(f"an answer token can't be padding; one is in row {row}")

    @classmethod
    def of(cls, prompts: Sequence[Ids], answers: Sequence[Ids], *, pad_id: int = 0) -> "Answers":
        """Put each answer behind its prompt. Nothing is added: an end token belongs to the answer, where there is one.

        Args:
            prompts: B sequences of ids, none of them empty.
            answers: B sequences of ids, none of them empty.
            pad_id: fills the places that are left.

        Raises:
            ValueError: not as many prompts as answers, none at all, an empty prompt or answer.
        """
        prompts, answers = [[torch.as_tensor(row) for row in rows] for rows in (prompts, answers)]
        if len(prompts) != len(answers) or not prompts:
            raise ValueError(
                "expected as many answers as prompts, at least one; "
                f"got {len(prompts)} prompts and {len(answers)} answers"
            )
        for name, rows in (("prompt", prompts), ("answer", answers)):
            for number, row in enumerate(rows):
                if row.dim() != 1 or not len(row):
                    raise ValueError(
                        f"every {name} must be a sequence of at least one id; "
                        f"{name} {number} has shape {tuple(row.shape)}"
                    )
        rows = [torch.cat((p.cpu(), a.cpu())) for p, a in zip(prompts, answers, strict=True)]
        ids, mask = pad_batch(rows, pad_id)
        starts = torch.tensor([len(p) for p in prompts])[:, None]
        return cls(ids, mask & (torch.arange(ids.size(1)) >= starts), mask)

    @property
    def written(self) -> Tensor:
        """At which places, each before the token that it writes, the answer is written, (B, W) boolean."""
        return self.is_answer[:, 1:]

    def lengths(self) -> Tensor:
        """(B,) whole numbers: tokens of each answer."""
        return self.is_answer.sum(dim=1)

    def batch(self) -> Batch:
        """For :func:`~aigc_book.training.losses.next_token_loss`: the answers are targets, the prompts aren't."""
        targets = self.ids[:, 1:].masked_fill(~self.written, IGNORED)
        return Batch(self.ids[:, :-1], targets, self.mask[:, :-1])


def answer_log_probs(model: nn.Module, answers: Answers) -> Tensor:
    r"""ln π(a_t | prompt, a_1 … a_{t-1}) of each answer token, in nats.

    Logits are computed at the places that write the answer only: with a large vocabulary they cost more than the
    layers below, and a prompt is as a rule longer than its answer.

    Args:
        model: ids (B, W), with ``mask=`` where there is padding → logits (B, W, V).
        answers: prompts and answers.

    Returns:
        (B, W), 0 wherever no answer token is written; float32 at least. A row's sum is the answer's log-likelihood.
    """
    ids, written = answers.ids[:, :-1], answers.written
    is_padded = answers.ids.device.type != "cpu" or not bool(answers.mask.all())
    mask = answers.mask[:, :-1] if is_padded else None
    places = written.flatten().nonzero()[:, 0]  # (n,)
    if isinstance(model, GPT):
        hidden = model.hidden_states(ids, mask=mask)  # (B, W, C)
        logits = model.head(hidden.flatten(0, 1)[places])  # (n, V)
    else:
        logits = (model(ids) if mask is None else model(ids, mask=mask)).flatten(0, 1)[places]
    logits = logits if logits.dtype == torch.float64 else logits.float()
    found = -F.cross_entropy(logits, answers.ids[:, 1:].flatten()[places], reduction="none")  # (n,)
    return found.new_zeros(written.numel()).index_put((places,), found).view(written.shape)


def check_reference(model: nn.Module, reference: nn.Module) -> None:
    """Refuse a reference model that reads other ids than the model.

    Raises:
        ValueError: another size of the vocabulary, or both are one and the same object, which would move along.
    """
    if reference is model:
        raise ValueError("the reference must be a model of its own, such as copy.deepcopy(model); got the model itself")
    sizes = [getattr(getattr(each, "config", None), "vocab_size", None) for each in (model, reference)]
    if None not in sizes and sizes[0] != sizes[1]:
        raise ValueError(f"the reference must have the model's vocabulary of {sizes[0]} tokens; got one of {sizes[1]}")
