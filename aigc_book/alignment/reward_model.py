"""A model that reads a text and gives it a score: a GPT with a scalar head. It serves as a critic as well.

Shape letters: B rows, T tokens, C ``d_model``.
"""

import copy
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from aigc_book.alignment.answers import Answers, Ids
from aigc_book.alignment.preferences import Preferences, bradley_terry
from aigc_book.layers.mode import evaluating
from aigc_book.models.disk.layout import read_model, write_model
from aigc_book.models.disk.own import OwnLayout
from aigc_book.models.gpt import GPT, GPTConfig


class RewardModel(nn.Module):
    """r = w · h_T + b, with the hidden state h_T of the last token of prompt and answer.

    Before training every score is 0, so that every pair is even. The loss of pairs leaves b where it is, since only
    differences count there.

    Args:
        gpt: what the score is made of, as a rule the model that answers. Copied, without its head.

    Source: Ziegler et al. (2019), section 2.1; Stiennon et al. (2020), section 3.4. They draw the head's weights.
    """

    model_type = "aigc_book_reward_model"  # what config.json says beside weights under these very names
    layouts = (OwnLayout(model_type, GPTConfig),)

    def __init__(self, gpt: GPT):
        super().__init__()
        self.config = gpt.config
        self.body = copy.deepcopy(gpt)
        self.body.head = nn.Identity()
        self.score = nn.Linear(gpt.config.d_model, 1)
        nn.init.zeros_(self.score.weight)
        nn.init.zeros_(self.score.bias)

    def values(self, ids: Tensor, *, mask: Tensor | None = None) -> Tensor:
        """A number at each place, (B, T) → (B, T): of a critic, what is still to come from there on.

        Raises:
            ValueError: as of :meth:`GPT.forward`.
        """
        return self.score(self.body.hidden_states(ids, mask=mask))[..., 0]

    def forward(self, ids: Tensor, *, mask: Tensor | None = None) -> Tensor:
        """The score of each row, at its last real token.

        Args:
            ids: (B, T) int64, padded on the right.
            mask: (B, T) boolean, True for real tokens. None: all are real.

        Returns:
            (B,).

        Raises:
            ValueError: as of :meth:`GPT.forward`.
        """
        hidden = self.body.hidden_states(ids, mask=mask)  # (B, T, C)
        if mask is None:
            return self.score(hidden[:, -1])[:, 0]
        places = torch.arange(ids.size(1), device=ids.device).masked_fill(~mask, 0).amax(dim=1)  # (B,)
        return self.score(hidden[torch.arange(len(ids), device=ids.device), places])[:, 0]

    @torch.no_grad()
    def rate(self, prompts: Sequence[Ids], answers: Sequence[Ids]) -> Tensor:
        """The scores of answers, (B,): a reward, as :func:`aigc_book.alignment.policy_gradient.improve` takes one.

        Raises:
            ValueError: as of :meth:`Answers.of` and :meth:`GPT.forward`.
        """
        rows, device = Answers.of(prompts, answers), self.score.weight.device
        with evaluating(self):
            return self(rows.ids.to(device), mask=rows.mask.to(device))

    @classmethod
    def from_pretrained(cls, name: str | Path, *, dtype: torch.dtype = torch.float32) -> "RewardModel":
        """Read a folder that :meth:`save_pretrained` wrote, or a checkpoint's; in evaluation mode.

        Raises:
            FileNotFoundError: no such folder, or a file is missing.
            ValueError: another kind of model, weights that don't fit the config, or files that contradict one another.
        """
        return read_model(name, cls.layouts, lambda settings, _: cls(GPT(GPTConfig(**settings))), dtype)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write ``config.json`` and ``model.safetensors``, in this package's own layout."""
        write_model(self, folder, self.layouts)


def reward_loss(model: RewardModel, pairs: Preferences) -> tuple[Tensor, int]:
    """The Bradley–Terry loss of pairs, as a loss for :func:`aigc_book.training.loop.fit`; counts pairs."""
    both = pairs.both()
    better, worse = model(both.ids, mask=both.mask).chunk(2)
    return bradley_terry(better, worse).sum(), len(better)


def wrong_pairs(model: RewardModel, pairs: Preferences) -> tuple[Tensor, int]:
    """How many pairs the model ranks wrongly, an even one as a half, and how many pairs there are.

    Through :func:`aigc_book.training.evaluate.evaluate` that is 1 less the accuracy.
    """
    both = pairs.both()
    better, worse = model(both.ids, mask=both.mask).chunk(2)
    return (better < worse).float().sum() + (better == worse).float().sum() / 2, len(better)
