"""PPO's and GRPO's losses and the loop around them: by hand, TRL's, laws, resumed as if uninterrupted."""

import copy
import math

import pytest
import torch

from aigc_book.alignment.answers import Answers, answer_log_probs
from aigc_book.alignment.policy_gradient import PolicyConfig, collect, improve
from aigc_book.alignment.reward_model import RewardModel
from aigc_book.alignment.rollouts import Rollout, clipped, policy_loss, value_loss
from aigc_book.models.gpt import GPT, GPTConfig
from aigc_book.training.checkpoint import CheckpointError, Checkpoints
from aigc_book.training.optimizers import Adam
from tests.alignment.trl_losses import trl_grpo

V = 7


def gpt(seed=0, **settings):
    torch.manual_seed(seed)
    return GPT(GPTConfig(**{**dict(vocab_size=V, max_seq_len=9, n_layers=1, n_heads=2, d_model=16), **settings}))


def likes_threes(prompts, answers):
    return torch.tensor([(answer == 3).float().mean().item() for answer in answers])


PROMPTS = [[1, 2], [4], [5, 1, 2]]


def test_clipping_by_hand():
    """ε = 0.2. Ratio 2: A = 1 gives -1.2 and no gradient, A = -1 gives 2. Ratio ½: A = 1 gives -½, A = -1 gives 0.8."""
    log_probs = torch.tensor([2.0, 2.0, 0.5, 0.5]).log().requires_grad_()
    advantages = torch.tensor([1.0, -1.0, 1.0, -1.0])
    loss = clipped(log_probs, torch.zeros(4), advantages, 0.2)
    assert loss.tolist() == pytest.approx([-1.2, 2.0, -0.5, 0.8])
    loss.sum().backward()
    assert log_probs.grad.tolist() == pytest.approx([0.0, 2.0, -0.5, 0.0])


def rollout(seed=0, **parts):
    rng = torch.Generator().manual_seed(seed)
    answers = Answers.of([[1], [2, 3], [4]], [[1, 2, 3], [4], [5, 6]])
    shape = answers.written.shape
    made = {name: torch.randn(shape, generator=rng) - 2 for name in ("old", "reference")}
    advantages = torch.randn(3, 1, generator=rng).expand(shape)
    return Rollout(answers, advantages, **{**made, **parts})


@pytest.mark.parametrize(("average", "loss_type"), [("answer", "grpo"), ("token", "bnpo"), ("token", "dapo")])
@pytest.mark.parametrize("beta", [0.0, 0.04, 1.0])
def test_equals_trls_loss(average, loss_type, beta):
    model, made = gpt(), rollout()
    now = answer_log_probs(model, made.answers)
    theirs = trl_grpo(
        now,
        made.old,
        made.reference,
        made.advantages[:, 0],
        made.answers.written,
        epsilon=0.2,
        beta=beta,
        loss_type=loss_type,
    )
    total, count = policy_loss(epsilon=0.2, beta=beta, average=average)(model, made)
    torch.testing.assert_close(total / count, theirs)
    ours, trls = (torch.autograd.grad(loss, model.head.weight)[0] for loss in (total / count, theirs))
    torch.testing.assert_close(ours, trls)


def test_without_an_older_policy_it_is_reinforce():
    """Where the policy hasn't moved the ratio is 1: the gradient is that of -A ln π."""
    model, made = gpt(), rollout(old=None, reference=None)
    total, count = policy_loss(average="token")(model, made)
    plain = -(made.advantages * answer_log_probs(model, made.answers)).sum() / count
    assert total.item() == pytest.approx(-(made.advantages * made.answers.written).sum().item(), rel=1e-5)
    for a, b in zip(*(torch.autograd.grad(x, list(model.parameters())) for x in (total / count, plain)), strict=True):
        torch.testing.assert_close(a, b)


def test_value_loss_by_hand():
    """The head of a new critic is 0: squares of the returns, halved."""
    made = rollout()
    returns = torch.full(made.answers.written.shape, 3.0)
    total, count = value_loss(RewardModel(gpt()), Rollout(made.answers, made.advantages, returns=returns))
    assert (total.item(), int(count)) == (pytest.approx(6 * 9 / 2), 6)


@pytest.mark.parametrize(
    "parts", [{}, {"reference": True, "beta": 0.05}, {"critic": True, "reference": True, "beta": 0.05}]
)
@pytest.mark.parametrize("updates", [1, 2])
def test_it_learns_what_is_rewarded(parts, updates):
    policy = gpt()
    options = {"reference": copy.deepcopy(policy)} if "reference" in parts else {}
    if "critic" in parts:
        options["critic"] = RewardModel(policy)
        options["critic_optimizer"] = Adam(options["critic"].parameters(), lr=0.01)
    config = PolicyConfig(40, 4, beta=parts.get("beta", 0.0), updates=updates, prompts_per_step=4)
    seen = list(improve(policy, PROMPTS, likes_threes, config, optimizer=Adam(policy.parameters(), lr=0.01), **options))
    assert [made.step for made in seen] == list(range(1, 41))
    assert seen[0].reward < 0.35 and seen[-1].reward > 0.7 and seen[-1].length == 4
    assert (seen[-1].kl is None) == ("reference" not in parts) and seen[0].kl in (None, pytest.approx(0.0, abs=1e-5))


@pytest.mark.parametrize("kl_in", ["loss", "reward"])
def test_kl_control_holds_the_policy(kl_in):
    def moved(beta):
        policy = gpt()
        config = PolicyConfig(40, 4, beta=beta, kl_in=kl_in, prompts_per_step=4)
        optimizer = Adam(policy.parameters(), lr=0.01)
        *_, last = improve(policy, PROMPTS, likes_threes, config, optimizer=optimizer, reference=gpt())
        return last.kl

    assert moved(1.0) < moved(0.001) / 3


def test_an_answer_ends_at_its_stop_id():
    policy = gpt()
    config = PolicyConfig(1, 6, stop_id=0, prompts_per_step=30)
    made, rewards, _ = collect(policy, PROMPTS, likes_threes, config, seed=[3])
    ids, lengths = made.answers.ids, made.answers.lengths()
    for row, length in zip(range(len(ids)), lengths.tolist(), strict=True):
        answer = ids[row][made.answers.is_answer[row]].tolist()
        assert 0 not in answer[:-1] and (answer[-1] == 0 or length == 6)
    assert rewards.shape == (240,) and lengths.min() < 6


def test_a_critic_gets_the_reward_at_the_last_token():
    """λ = 1 and a critic of 0: every token of an answer returns the answer's reward."""
    policy = gpt()
    config = PolicyConfig(1, 5, stop_id=0, lam=1.0)
    made, rewards, _ = collect(policy, PROMPTS, likes_threes, config, critic=RewardModel(policy))
    expected = rewards[:, None].expand(made.returns.shape) * made.answers.written
    torch.testing.assert_close(made.returns, expected)


@pytest.mark.parametrize("with_critic", [False, True])
def test_resumed_equals_uninterrupted(tmp_path, with_critic):
    def run(folder, stop=None, resume=False):
        policy = gpt()
        critic = RewardModel(policy) if with_critic else None
        config = PolicyConfig(6, 4, beta=0.1, updates=2, prompts_per_step=2, group_size=3, checkpoint_every=2)
        parts = dict(reference=gpt(), critic=critic, checkpoints=folder, resume=resume, seed=5)
        for made in improve(policy, PROMPTS, likes_threes, config, **parts):
            if made.step == stop:
                break
        return policy

    whole = run(tmp_path / "whole")
    run(tmp_path / "parts", stop=5)
    torch.manual_seed(99)
    again = run(tmp_path / "parts", resume=True)
    assert all(torch.equal(p, q) for p, q in zip(whole.parameters(), again.parameters(), strict=True))
    if not with_critic:
        opened = GPT.from_pretrained(Checkpoints(tmp_path / "whole").latest())
        assert torch.equal(opened(torch.tensor([[1]])), whole.eval()(torch.tensor([[1]])))
    with pytest.raises(FileExistsError, match="pass resume=True"):
        run(tmp_path / "parts")


def test_every_round_draws_its_own_prompts_and_answers():
    asked, written = [], []

    def reward(prompts, answers):
        asked.append([prompt.tolist() for prompt in prompts])
        written.append([answer.tolist() for answer in answers])
        return likes_threes(prompts, answers)

    config = PolicyConfig(3, 5, prompts_per_step=6, group_size=2)
    list(improve(gpt(), PROMPTS, reward, config))
    assert asked[0] != asked[1] or asked[1] != asked[2]
    assert written[0] != written[1] and written[1] != written[2]
    assert all(a[0] == a[1] and a[2] == a[3] for a in asked)  # the answers to a prompt lie side by side


def test_a_run_with_other_settings_is_another_run(tmp_path):
    def start(**settings):
        config = PolicyConfig(1, 4, prompts_per_step=2, group_size=2, **settings)
        list(improve(gpt(), PROMPTS, likes_threes, config, checkpoints=tmp_path, resume=True))

    start()
    with pytest.raises(CheckpointError, match=r"policy.epsilon is 0.2 there and 0.1 here"):
        start(epsilon=0.1)


def test_a_broken_round_stops_before_it_does_harm(tmp_path):
    """The gradient of the third update is NaN: two checkpoints stand, the weights are whole, the rate is its own."""
    policy, seen = gpt(), []
    policy.head.weight.register_hook(lambda g: seen.append(g) or (g * math.nan if len(seen) > 2 else g))
    optimizer = Adam(policy.parameters(), lr=0.01)
    config = PolicyConfig(4, 3, prompts_per_step=2, group_size=2, checkpoint_every=1)
    with pytest.raises(FloatingPointError, match=r"at step 3; the last checkpoint is .*step-00000002"):
        list(
            improve(
                policy,
                PROMPTS,
                likes_threes,
                config,
                optimizer=optimizer,
                schedule=lambda step: 0.5,
                checkpoints=tmp_path,
            )
        )
    assert all(p.isfinite().all() for p in policy.parameters()) and optimizer.param_groups[0]["lr"] == 0.01


def test_one_token_alone_has_no_spread():
    policy = gpt()
    config = PolicyConfig(1, 1, prompts_per_step=1, group_size=1)
    made, _, _ = collect(policy, PROMPTS, likes_threes, config, critic=RewardModel(policy))
    assert (made.advantages == 0).all()


def halved():
    policy = gpt().bfloat16()
    next(improve(policy, PROMPTS, likes_threes, PolicyConfig(1, 3)))


def of_a_part():
    policy = gpt()
    optimizer = Adam([policy.final_norm.weight], lr=0.01)
    next(improve(policy, PROMPTS, likes_threes, PolicyConfig(1, 3), optimizer=optimizer))


def refused(reward=likes_threes, prompts=PROMPTS, config=None, **parts):
    next(improve(gpt(), prompts, reward, config or PolicyConfig(1, 3, prompts_per_step=2, group_size=2), **parts))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (halved, "weights must be float32 to be trained"),
        (of_a_part, "no optimizer updates"),
        (lambda: refused(schedule=lambda step: math.nan), r"schedule\(step\) must be a finite number; schedule\(0\)"),
        (lambda: refused(resume=True), "resume=True needs a folder of checkpoints"),
        (lambda: refused(prompts=[]), "expected at least one prompt; got none"),
        (lambda: refused(reward=lambda p, a: torch.tensor([0.0, math.nan, 0.0, 0.0])), "that of answer 1 is nan"),
        (lambda: refused(reward=lambda p, a: torch.zeros(3)), r"floats of shape \(4,\), one for each answer"),
        (lambda: refused(reward=lambda p, a: [0.0] * 4), r"floats of shape \(4,\), one for each answer; got list"),
        (lambda: refused(config=PolicyConfig(1, 3, beta=0.1)), "beta=0.1 needs a reference to hold to"),
        (lambda: refused(config=PolicyConfig(1, 3, group_size=1)), "without a critic group_size must be at least 2"),
        (lambda: refused(reference=gpt(vocab_size=8)), "must have the model's vocabulary of 7 tokens; got one of 8"),
        (lambda: refused(critic=RewardModel(gpt(vocab_size=8))), "must have the policy's vocabulary of 7 tokens"),
        (lambda: refused(config=PolicyConfig(1, 30)), "exceed the model's context of max_seq_len=9"),
        (lambda: PolicyConfig(0, 3), "steps must be a whole number of at least 1; got steps=0"),
        (lambda: PolicyConfig(1, 3, group_size=2.0), "group_size must be a whole number of at least 1"),
        (lambda: PolicyConfig(1, 3, kl_in="loss "), "kl_in must be 'loss', 'reward' or None; got 'loss '"),
        (lambda: PolicyConfig(1, 3, epsilon=0), "epsilon must be positive; got 0"),
        (lambda: PolicyConfig(1, 3, beta=-1), "beta must be finite and not negative; got -1"),
        (lambda: PolicyConfig(1, 3, average="mean"), "average must be one of answer, token; got 'mean'"),
        (lambda: policy_loss(beta=1.0)(gpt(), rollout(reference=None)), "needs log-probabilities of a reference"),
        (lambda: value_loss(RewardModel(gpt()), rollout()), "a critic learns from returns; the rollout has none"),
        (lambda: rollout(old=torch.zeros(2)), r"old must be one for each place, \(3, 3\); got shape \(2,\)"),
    ],
)
def test_what_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
