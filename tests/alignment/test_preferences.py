"""Pairs, the Bradley–Terry loss, and the reward model."""

import math

import pytest
import torch

from aigc_book.alignment.answers import Answers
from aigc_book.alignment.preferences import Preferences, bradley_terry
from aigc_book.alignment.reward_model import RewardModel, reward_loss, wrong_pairs
from aigc_book.models.gpt import GPT, GPTConfig
from aigc_book.training.checkpoint import Checkpoints
from aigc_book.training.evaluate import evaluate
from aigc_book.training.loop import TrainConfig, fit
from aigc_book.training.optimizers import AdamW

V = 11


def gpt(seed=0, **settings):
    torch.manual_seed(seed)
    sizes = dict(vocab_size=V, max_seq_len=13, n_layers=2, n_heads=2, d_model=8)
    return GPT(GPTConfig(**{**sizes, **settings}))


def trained_score(model, seed=1):
    """The head of a new one is 0; give it some weights."""
    torch.nn.init.normal_(model.score.weight, generator=torch.Generator().manual_seed(seed))
    return model


def pairs():
    return Preferences.of([[1, 2], [3]], [[4, 5, 6], [7]], [[4], [8, 9]])


def test_bradley_terry_by_hand():
    """r = ln 3, s = 0: the better one wins with 3 / (3 + 1); loss -ln 3/4. Even: ln 2. Wrong by ln 3: ln 4."""
    loss = bradley_terry(torch.tensor([math.log(3), 5.0, 0.0]), torch.tensor([0.0, 5.0, math.log(3)]))
    assert loss.tolist() == pytest.approx([-math.log(3 / 4), math.log(2), math.log(4)])


def test_bradley_terry_stays_finite_far_out():
    assert bradley_terry(torch.tensor([-1e4]), torch.tensor([1e4])).item() == pytest.approx(2e4)


def test_pairs_stand_in_one_rectangle():
    made = pairs()
    assert made.better.ids.tolist() == [[1, 2, 4, 5, 6], [3, 7, 0, 0, 0]]
    assert made.worse.ids.tolist() == [[1, 2, 4, 0, 0], [3, 8, 9, 0, 0]]
    assert made.both().ids.tolist() == made.better.ids.tolist() + made.worse.ids.tolist()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Preferences.of([[1], [2]], [[3], [4, 5]], [[6], [4, 5]]),
            "a pair must differ; those of pair 1 are equal",
        ),
        (lambda: Preferences.of([[1]], [[3]], []), "got 1 prompts, 1 better and 0 worse answers"),
        (lambda: Preferences.of([[1]], [[]], [[2]]), "every answer must be a sequence of at least one id; answer 0"),
        (
            lambda: Preferences(Answers.of([[1]], [[2]]), Answers.of([[1]], [[2, 3]])),
            r"both answers of a pair need the same shape \(B, T\); got \(1, 2\) and \(1, 3\)",
        ),
    ],
)
def test_what_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_text_that_goes_on_with_the_padding_is_another_one():
    Preferences.of([[1]], [[2, 0]], [[2]], pad_id=0)


def test_before_training_every_pair_is_even():
    total, count = reward_loss(RewardModel(gpt()), pairs())
    assert (total.item(), count) == (pytest.approx(2 * math.log(2)), 2)
    wrong = evaluate(RewardModel(gpt()), [pairs()], loss=wrong_pairs)
    assert wrong.mean == 0.5


def test_the_score_is_that_of_the_last_real_token():
    model = trained_score(RewardModel(gpt(position="rotary")))
    made = pairs().better
    scores = model(made.ids, mask=made.mask)
    each = [model(torch.tensor([row])) for row in ([1, 2, 4, 5, 6], [3, 7])]
    torch.testing.assert_close(scores, torch.cat(each))
    values = model.values(made.ids, mask=made.mask)
    torch.testing.assert_close(scores, torch.stack([values[0, 4], values[1, 1]]))
    torch.testing.assert_close(model.rate([[1, 2], [3]], [[4, 5, 6], [7]]), scores.detach())
    assert values[0, 0] != values[0, 4]


def test_the_gpt_is_copied_and_keeps_its_head():
    model = gpt()
    reward = RewardModel(model)
    with torch.no_grad():
        reward.body.token_embedding.weight.zero_()
    assert model.token_embedding.weight.any() and isinstance(model.head, torch.nn.Linear)


@pytest.mark.parametrize("settings", [{}, {"tie_embeddings": False, "position": "rotary", "norm": "rms"}])
def test_saved_and_opened(tmp_path, settings):
    model = trained_score(RewardModel(gpt(**settings)))
    model.save_pretrained(tmp_path / "reward")
    again = RewardModel.from_pretrained(tmp_path / "reward")
    ids = torch.tensor([[1, 2, 3]])
    assert torch.equal(model(ids), again(ids)) and not again.training
    with pytest.raises(ValueError, match="model_type must be"):
        GPT.from_pretrained(tmp_path / "reward")


def test_it_learns_through_fit_and_its_checkpoint_opens(tmp_path):
    """Answers with a 5 in them are better. Held-out prompts, the same rule."""
    rng = torch.Generator().manual_seed(2)

    def some(n):
        tokens = torch.randint(6, V, (n, 3), generator=rng)
        five = tokens.clone()
        five[torch.arange(n), torch.randint(3, (n,), generator=rng)] = 5
        prompts = torch.randint(V, (n, 2), generator=rng)
        return Preferences.of(list(prompts), list(five), list(tokens))

    model = RewardModel(gpt())
    fit(
        model,
        [some(16) for _ in range(60)],
        TrainConfig(60, progress=False),
        loss=reward_loss,
        optimizers=AdamW(model.parameters(), lr=0.02, weight_decay=0.0),
        checkpoints=tmp_path,
    )
    assert evaluate(model, [some(100)], loss=wrong_pairs).mean < 0.1
    again = RewardModel.from_pretrained(Checkpoints(tmp_path).latest())
    ids = torch.tensor([[1, 2, 3]])
    assert torch.equal(model.eval()(ids), again(ids))
