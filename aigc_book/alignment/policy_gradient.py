"""Policy gradients: write answers, have them judged, make the better ones likelier; hold on to where it began.

With a group of answers to each prompt for a baseline this is GRPO, with a critic PPO. ::

    config = PolicyConfig(steps=100, max_new_tokens=8, stop_id=end, beta=0.05)
    for made in improve(policy, prompts, reward_model.rate, config, reference=copy.deepcopy(policy)):
        print(made.step, made.reward, made.kl)
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from aigc_book.alignment.advantages import check_rewards, gae, group_advantages
from aigc_book.alignment.answers import Answers, Ids, answer_log_probs, check_reference
from aigc_book.alignment.reward_model import RewardModel
from aigc_book.alignment.rollouts import Rollout, policy_loss, value_loss
from aigc_book.decoding import Sampling, generate
from aigc_book.layers.mode import evaluating
from aigc_book.training.batch import to_device
from aigc_book.training.checkpoint import Checkpoints
from aigc_book.training.optimizers import AdamW
from aigc_book.training.run import Run
from aigc_book.training.schedules import Schedule, constant, scheduled
from aigc_book.training.step import check_optimizers, update

Reward = Callable[[list[Tensor], list[Tensor]], Tensor]


@dataclass(frozen=True)
class PolicyConfig:
    """How to learn from rewards.

    Args:
        steps: rounds of writing and learning.
        max_new_tokens: the most tokens of an answer.
        prompts_per_step: prompts that are answered in a round.
        group_size: answers to each of them; without a critic at least 2, since they are one another's baseline.
        stop_id: ends an answer, and belongs to it; None: every answer has ``max_new_tokens``.
        updates: how often the policy learns from the answers of a round; from the second time on clipping matters.
        epsilon: ε of PPO's clipping.
        beta: β of the KL control; 0 needs no reference.
        kl_in: ``"loss"`` adds β k3 to the loss of each token, as GRPO; ``"reward"`` takes β k1 off each token's reward,
            as PPO for language models; None: in the reward with a critic, in the loss without.
        average: of the tokens' losses; see :func:`aigc_book.alignment.rollouts.policy_loss`.
        scale: whether a group's advantages are divided by their standard deviation.
        gamma: γ, with a critic.
        lam: λ, with a critic.
        clip: largest norm of the gradient; None doesn't clip.
        checkpoint_every: how often a checkpoint is saved; one is after the last round, too.

    Raises:
        ValueError: a number out of range, an unknown name.
    """

    steps: int
    max_new_tokens: int
    prompts_per_step: int = 8
    group_size: int = 8
    stop_id: int | None = None
    updates: int = 1
    epsilon: float = 0.2
    beta: float = 0.0
    kl_in: str | None = None
    average: str = "answer"
    scale: bool = True
    gamma: float = 1.0
    lam: float = 0.95
    clip: float | None = 1.0
    checkpoint_every: int = 100

    def __post_init__(self):
        for name in ("steps", "max_new_tokens", "prompts_per_step", "group_size", "updates", "checkpoint_every"):
            value = getattr(self, name)
            if type(value) is not int or value < 1:
                raise ValueError(f"{name} must be a whole number of at least 1; got {name}={value!r}")
        if self.kl_in not in (None, "loss", "reward"):
            raise ValueError(f"kl_in must be 'loss', 'reward' or None; got {self.kl_in!r}")
        policy_loss(epsilon=self.epsilon, beta=self.beta, average=self.average)  # which refuses what it can't have


@dataclass(frozen=True)
class Round:
    """What a round gave, measured on its answers before the policy learned from them.

    Attributes:
        step: rounds done.
        reward: mean reward of the answers, without the KL control.
        kl: mean over the answers of ln π - ln ρ of the whole answer, in nats; None without a reference.
        length: mean tokens of an answer.
        gradient_norm: of the last update, before clipping.
    """

    step: int
    reward: float
    kl: float | None
    length: float
    gradient_norm: float


def improve(
    policy: nn.Module,
    prompts: Sequence[Ids],
    reward: Reward,
    config: PolicyConfig,
    *,
    reference: nn.Module | None = None,
    critic: RewardModel | None = None,
    optimizer: Optimizer | None = None,
    critic_optimizer: Optimizer | None = None,
    schedule: Schedule | None = None,
    checkpoints: Checkpoints | str | os.PathLike[str] | None = None,
    resume: bool | str | os.PathLike[str] = False,
    seed: int = 0,
) -> Iterator[Round]:
    """Train a policy, in place, on the rewards of what it writes; yields after each round.

    A round: draw prompts, let the policy answer each of them several times (at temperature 1, from its own
    distribution), ask for the rewards, make advantages of them, update. What a round draws follows from ``seed`` and
    its number alone, so that a run that is resumed goes on as if it had not been interrupted.

    Args:
        policy: can be generated from, as :class:`~aigc_book.models.gpt.GPT`; on the device that it should train on.
        prompts: what it answers, drawn with replacement.
        reward: ``reward(prompts, answers)`` gives (B,) finite floats; an answer has its stop id, where it came to one.
        config: how to learn.
        reference: what the KL divergence is measured from, and β holds to; neither trained nor saved.
        critic: estimates what is still to come, in place of the group; trained along.
        optimizer: the policy's; AdamW with rate 0.0001 and no weight decay if None.
        critic_optimizer: the critic's, likewise.
        schedule: multiplies both rates at each round; constant if None.
        checkpoints: where to save, if at all: the policy alone, or the policy and the critic in one file.
        resume: as of :func:`aigc_book.training.loop.train`.
        seed: of what is drawn.

    Yields:
        :class:`Round`.

    Raises:
        ValueError: half-precision weights, some that no optimizer updates, or a factor that isn't finite; no prompts,
            β or ``kl_in`` without a reference, a group of one without a critic, a reference or critic with another
            vocabulary; later, rewards that aren't (B,) finite floats, and errors of
            :func:`aigc_book.decoding.generate`.
        FloatingPointError: the loss or the gradient is not finite. It names the step and the last good checkpoint.
        OSError, FileExistsError, CheckpointError: as of :func:`aigc_book.training.loop.train`.
    """
    _check(policy, prompts, config, reference, critic)
    optimizer = optimizer or AdamW(policy.parameters(), lr=1e-4, weight_decay=0.0)
    check_optimizers(policy, [optimizer])
    parts = {"optimizer": optimizer}
    model = policy
    if critic is not None:
        critic_optimizer = critic_optimizer or AdamW(critic.parameters(), lr=1e-4, weight_decay=0.0)
        check_optimizers(critic, [critic_optimizer])
        parts["critic optimizer"] = critic_optimizer
        model = nn.ModuleDict({"policy": policy, "critic": critic})
    settings = {name: value for name, value in asdict(config).items() if name not in ("steps", "checkpoint_every")}
    run = Run(model, parts, checkpoints=checkpoints, settings=lambda: {"policy": settings, "seed": seed})
    run.resume(resume)
    players = [
        (policy, optimizer, policy_loss(epsilon=config.epsilon, beta=_in_loss(config, critic), average=config.average))
    ]
    if critic is not None:
        players.append((critic, critic_optimizer, value_loss))
    return _rounds(run, players, prompts, reward, config, reference, critic, schedule or constant(), seed)


def _rounds(run, players, prompts, reward, config, reference, critic, schedule, seed) -> Iterator[Round]:
    policy, recorder = players[0][0], run.recorder
    recorder.start_clock()
    while recorder.step < config.steps:
        step = recorder.step
        rollout, rewards, kl = collect(policy, prompts, reward, config, reference, critic, [seed, step])
        made = []
        with run.told(step + 1), scheduled([optimizer for _, optimizer, _ in players], schedule, step) as factor:
            for _ in range(config.updates):
                for model, optimizer, loss in players:
                    made.append(update(model, [rollout], optimizer, loss, clip=config.clip))
        ours = made[:: len(players)]
        lengths = rollout.answers.lengths()
        recorder.count(ours[-1].loss, int(lengths.sum()))
        recorder.enter(players[0][1].param_groups[0]["lr"] * factor, ours[-1].gradient_norm)
        if run.checkpoints is not None and (
            recorder.step % config.checkpoint_every == 0 or recorder.step == config.steps
        ):
            recorder.stop_clock()
            run.save()
            recorder.start_clock()
        yield Round(recorder.step, rewards.mean().item(), kl, lengths.float().mean().item(), ours[-1].gradient_norm)
    recorder.stop_clock()


def collect(
    policy: nn.Module,
    prompts: Sequence[Ids],
    reward: Reward,
    config: PolicyConfig,
    reference: nn.Module | None = None,
    critic: RewardModel | None = None,
    seed: int | Sequence[int] = 0,
) -> tuple[Rollout, Tensor, float | None]:
    """One round's answers, judged: the rollout, its rewards (B,), and the mean ln π - ln ρ of an answer, in nats.

    Arguments and errors as of :func:`improve`; the same seed draws the same prompts and answers.
    """
    rng = np.random.default_rng(seed)
    asked = [prompts[i] for i in rng.integers(len(prompts), size=config.prompts_per_step)]
    asked = [torch.as_tensor(prompt) for prompt in asked for _ in range(config.group_size)]
    limits = {"seed": int(rng.integers(2**62)), "stop_ids": config.stop_id}
    texts = generate(policy, asked, config.max_new_tokens, Sampling(), **limits)
    written = [text[len(prompt) :].cpu() for text, prompt in zip(texts, asked, strict=True)]
    rewards = reward(asked, written)
    check_rewards(rewards, len(asked))
    device = next(policy.parameters()).device
    rewards, answers = rewards.detach().to(device, torch.float32), to_device(Answers.of(asked, written), device)
    in_reward = config.beta > 0 and not _in_loss(config, critic)
    theirs = old = None
    with torch.no_grad():
        if config.updates > 1 or reference is not None:
            with evaluating(policy):
                old = answer_log_probs(policy, answers)
        if reference is not None:
            with evaluating(reference):
                theirs = answer_log_probs(reference, answers)
    kl = None if theirs is None else (old - theirs).sum(dim=1).mean().item()
    price = config.beta * (old - theirs) if in_reward else torch.zeros_like(answers.written, dtype=torch.float32)
    if critic is None:
        each = group_advantages(rewards - price.sum(dim=1), config.group_size, scale=config.scale)
        return Rollout(answers, each[:, None].expand(answers.written.shape), old, theirs), rewards, kl
    with torch.no_grad(), evaluating(critic):
        values = critic.values(answers.ids[:, :-1], mask=answers.mask[:, :-1])
    last = answers.written & (answers.written.flip(1).cumsum(dim=1).flip(1) == 1)  # the place of the last token
    advantages, returns = gae(
        rewards[:, None] * last - price, values, answers.written, gamma=config.gamma, lam=config.lam
    )
    some = advantages[answers.written]
    spread = some.std() if len(some) > 1 else 0.0  # a single token has none
    advantages = ((advantages - some.mean()) / (spread + 1e-8)).where(answers.written, 0.0)
    return Rollout(answers, advantages, old, theirs, returns), rewards, kl


def _in_loss(config: PolicyConfig, critic: RewardModel | None) -> float:
    """β where it belongs to the loss, else 0."""
    where = config.kl_in or ("loss" if critic is None else "reward")
    return config.beta if where == "loss" else 0.0


def _check(policy, prompts, config, reference, critic) -> None:
    if len(prompts) == 0:
        raise ValueError("expected at least one prompt; got none")
    if config.beta and reference is None:
        raise ValueError(f"beta={config.beta} needs a reference to hold to; got reference=None")
    if critic is None and config.group_size < 2:
        raise ValueError(f"without a critic group_size must be at least 2; got {config.group_size}")
    if reference is not None:
        check_reference(policy, reference)
    if critic is not None and critic.config.vocab_size != policy.config.vocab_size:
        raise ValueError(
            f"the critic must have the policy's vocabulary of {policy.config.vocab_size} tokens; got one of "
            f"{critic.config.vocab_size}"
        )
