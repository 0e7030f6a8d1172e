"""Looking while a model trains: the entries, what looking may not change, and an early end."""

import pytest
import torch
from torch import nn

from aigc_book.layers.mode import evaluating
from aigc_book.training.checkpoint import Checkpoints, load_weights
from aigc_book.training.loop import TrainConfig, fit, train
from aigc_book.training.losses import next_token_loss
from aigc_book.training.optimizers import SGD, Adam
from aigc_book.training.run import Run
from aigc_book.training.schedules import warmup_linear
from aigc_book.training.step import update
from tests.training.test_loop import new_batches, new_model


def config(steps, **settings):
    return TrainConfig(steps, **{"progress": False, **settings})


def same(one, other):
    return all(torch.equal(p, q) for p, q in zip(one.parameters(), other.parameters(), strict=True))


def test_it_yields_at_every_log_evaluation_and_checkpoint(tmp_path):
    validation = new_batches(2, seed=5)
    settings = config(12, log_every=4, eval_every=6, checkpoint_every=5)
    entries = list(train(new_model(), new_batches(12), settings, validation=validation, checkpoints=tmp_path))
    history = entries[-1].history
    assert [entry.step for entry in entries] == [4, 5, 6, 8, 10, 12]
    assert [entry.step for entry in entries if entry.loss is not None] == history.steps == [4, 8, 12]
    assert [entry.loss for entry in entries if entry.loss is not None] == history.losses
    assert [entry.step for entry in entries if entry.validation_loss is not None] == history.validation_steps == [6, 12]
    assert [entry.step for entry in entries if entry.checkpoint is not None] == [5, 10, 12]
    assert entries[1].checkpoint == tmp_path / "step-00000005" and "history" not in repr(entries[0])


def test_looking_changes_nothing():
    """Whatever the looker does: modes, random numbers, evaluation."""
    fitted, watched = new_model(dropout=0.4), new_model(dropout=0.4)
    schedule = warmup_linear(9, warmup=3)
    torch.manual_seed(1)
    history = fit(fitted, new_batches(9), config(9, log_every=1), schedule=schedule)
    torch.manual_seed(1)
    drawn = []
    for entry in train(watched, new_batches(9), config(9, log_every=1), schedule=schedule):
        drawn.append((entry.step, torch.rand(()).item()))
        watched.eval()
        next_token_loss(watched, new_batches(1)[0])[0].backward()
    assert entry.history.losses == history.losses and same(fitted, watched)
    assert len({number for _, number in drawn}) == 9  # and yet each look draws something else


def test_in_between_modes_and_rates_are_the_callers():
    model = new_model().eval()
    model.embedding.requires_grad_(False)
    optimizer = SGD([p for p in model.parameters() if p.requires_grad], 0.5)
    seen = []

    def loss(model, batch):
        seen.append((model.training, model.embedding.training, optimizer.param_groups[0]["lr"]))
        return next_token_loss(model, batch)

    run = train(
        model, new_batches(4), config(4, log_every=2), optimizers=optimizer, loss=loss, schedule=lambda step: 0.5
    )
    for entry in run:
        assert not any(module.training for module in model.modules())
        assert optimizer.param_groups[0]["lr"] == 0.5 and entry.learning_rate == 0.25
    assert seen == [(True, False, 0.25)] * 4


def test_a_part_in_evaluation_mode_stays_so_in_training_and_in_evaluation():
    model, modes = new_model(dropout=0.5), []
    model.body.eval()

    def loss(model, batch):
        modes.append((model.training, model.body.training))
        return next_token_loss(model, batch)

    fit(model, new_batches(2), config(2), loss=loss, validation=new_batches(1))
    assert modes == [(True, False), (True, False), (False, False)]
    assert model.training and not model.body.training


@pytest.mark.parametrize("end", ["break", "close", "interrupt", "error"])
def test_an_early_end_leaves_everything_tidy(end, tmp_path, capsys):
    model, whole = new_model().eval(), new_model().eval()
    optimizer = Adam(model.parameters(), 0.01)
    calls = []

    def loss(model, batch):
        calls.append(1)
        total, count = next_token_loss(model, batch)
        if len(calls) == 4 and end in ("interrupt", "error"):
            total.backward()
            raise KeyboardInterrupt if end == "interrupt" else ZeroDivisionError
        return total, count

    settings = TrainConfig(8, log_every=3, checkpoint_every=2)
    keywords = dict(schedule=warmup_linear(8, warmup=4), checkpoints=tmp_path / "run")
    entries = train(model, new_batches(8), settings, optimizers=optimizer, loss=loss, **keywords)
    if end in ("interrupt", "error"):
        with pytest.raises((KeyboardInterrupt, ZeroDivisionError)):
            list(entries)
    else:
        for entry in entries:
            if entry.step == 3:
                break
        entries.close()
    assert not any(module.training for module in model.modules())
    assert optimizer.param_groups[0]["lr"] == 0.01
    assert all(p.grad is None for p in model.parameters())
    assert torch.is_grad_enabled()
    # and the same cell again
    again = fit(model, new_batches(8), settings, optimizers=optimizer, resume=True, **keywords)
    optimizer = Adam(whole.parameters(), 0.01)
    keywords["checkpoints"] = tmp_path / "whole"
    expected = fit(whole, new_batches(8), settings, optimizers=optimizer, **keywords)
    assert again.losses == expected.losses and same(model, whole)
    capsys.readouterr()


def test_errors_are_raised_at_once_and_nothing_is_trained_before_the_first_entry():
    model = new_model()
    with pytest.raises(ValueError, match="need 9; got 3 batches"):
        train(model, new_batches(3), config(9))
    entries = train(model, new_batches(3), config(3))
    assert same(model, new_model())
    next(entries)
    assert not same(model, new_model())


def test_a_run_that_had_reached_its_end_yields_its_last_entry(tmp_path):
    batches = new_batches(4)
    first = list(train(new_model(), batches, config(4, log_every=2), checkpoints=tmp_path))[-1]
    (again,) = train(new_model(3), batches, config(4, log_every=2), checkpoints=tmp_path, resume=True)
    assert (again.step, again.loss, again.history) == (4, first.loss, first.history)
    assert again.checkpoint is None


# ---- loops of one's own, from the same parts


class Players(nn.Module):
    """A generator of numbers, and a discriminator of two."""

    def __init__(self):
        super().__init__()
        self.generator, self.discriminator = nn.Linear(2, 1), nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))


def play(folder, steps, *, resume=False):
    """A game of two players, with checkpoints and a history."""
    torch.manual_seed(0)
    both = Players()
    optimizers = {"g": Adam(both.generator.parameters(), 0.02), "d": Adam(both.discriminator.parameters(), 0.02)}
    softplus = nn.functional.softplus

    def tell_apart(discriminator, real):
        with torch.no_grad():
            made = both.generator(torch.randn(len(real), 2))
        return softplus(-discriminator(real)).sum() + softplus(discriminator(made)).sum(), 2 * len(real)

    def deceive(generator, real):
        return softplus(-both.discriminator(generator(torch.randn(len(real), 2)))).sum(), len(real)

    run = Run(both, optimizers, checkpoints=folder, settings=lambda: {"game": "numbers"})
    run.resume(resume)
    while run.recorder.step < steps:
        real = 3 + torch.randn(16, 1)
        update(both.discriminator, [real], optimizers["d"], tell_apart)
        made = update(both.generator, [real], optimizers["g"], deceive, clip=1.0)
        run.recorder.count(made.loss, made.n_targets)
        if run.recorder.step % 10 == 0:
            run.recorder.enter(0.02, made.gradient_norm)
            run.save()
    return both, run.recorder.history


def test_a_game_of_two_players_has_the_same_step_checkpoints_and_history(tmp_path):
    both, history = play(tmp_path / "whole", 60)
    play(tmp_path / "parts", 35)
    again, history_again = play(tmp_path / "parts", 60, resume=True)
    assert same(both, again) and history.losses == history_again.losses and len(history.losses) == 6
    assert both.generator(torch.zeros(2)).item() > 0.5  # on its way to 3
    other = Players()
    load_weights(other, Checkpoints(tmp_path / "whole").load().weights)
    assert same(both, other)
    with pytest.raises(FileExistsError, match="pass resume=True"):
        play(tmp_path / "parts", 70)


def test_a_policy_gradient_is_a_loss_over_what_the_model_has_drawn_itself():
    """Reward for action 2 of 3: REINFORCE makes it likely."""
    torch.manual_seed(0)
    policy = nn.Linear(1, 3)
    optimizer = Adam(policy.parameters(), 0.1)

    def reinforce(policy, batch):
        states, actions, rewards = batch
        log_probabilities = policy(states).log_softmax(-1).gather(1, actions[:, None])[:, 0]
        return -(log_probabilities * (rewards - rewards.mean())).sum(), len(states)

    states = torch.ones(32, 1)
    for _ in range(40):
        with torch.no_grad(), evaluating(policy):
            actions = torch.distributions.Categorical(logits=policy(states)).sample()
        made = update(policy, [(states, actions, (actions == 2).float())], optimizer, reinforce)
        assert made.n_targets == 32
    assert policy(states[:1]).softmax(-1)[0, 2] > 0.8
