"""The training loop: by hand, laws, errors."""

import dataclasses
import math

import pytest
import torch
from torch import nn

from aigc_book.data.batches import Batch
from aigc_book.training.checkpoint import CheckpointError, Checkpoints
from aigc_book.training.evaluate import evaluate
from aigc_book.training.loop import TrainConfig, fit
from aigc_book.training.losses import cross_entropy, next_token_loss
from aigc_book.training.optimizers import SGD, Adam, AdamW, Muon, muon_groups
from aigc_book.training.schedules import warmup_linear
from aigc_book.training.step import clip_gradients


@dataclasses.dataclass(frozen=True)
class Sizes:
    vocab_size: int = 13
    width: int = 8
    dropout: float = 0.0


class Model(nn.Module):
    """ids (B, T) → logits (B, T, V)."""

    def __init__(self, config=None):
        super().__init__()
        self.config = config or Sizes()
        width, vocab_size = self.config.width, self.config.vocab_size
        self.embedding = nn.Embedding(vocab_size, width)
        self.body = nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Dropout(self.config.dropout))
        self.head = nn.Linear(width, vocab_size)

    def forward(self, ids):
        return self.head(self.body(self.embedding(ids)))


def new_model(seed=0, **sizes):
    torch.manual_seed(seed)
    return Model(Sizes(**sizes))


def new_batches(n, *, size=4, seed=0, length=7):
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(13, (n, size, length + 1), generator=generator)
    return [Batch(each[:, :-1].clone(), each[:, 1:].clone()) for each in ids]


def joined(batches):
    """Several batches as one."""
    return Batch(torch.cat([b.ids for b in batches]), torch.cat([b.targets for b in batches]))


def config(steps, **settings):
    return TrainConfig(steps, **{"log_every": 1, "progress": False, **settings})


def weights(model):
    return [p.detach().clone() for p in model.parameters()]


class Bigram(nn.Module):
    """Logits straight from a table: gradients can be worked out by hand."""

    def __init__(self):
        super().__init__()
        self.table = nn.Parameter(torch.zeros(3, 3))

    def forward(self, ids):
        return self.table[ids]


def test_two_steps_by_hand():
    """All logits 0: the loss is ln 3. The gradient on the row of the input is p - onehot = (1/3, 1/3, -2/3).

    SGD with rate 3 moves the row to (-1, -1, 2). Its norm is √(6/9). Then the softmax is (1, 1, e³)/(2 + e³), and the
    loss of the same pair ln(1 + 2 e^-3).
    """
    model, batch = Bigram(), Batch(torch.tensor([[1]]), torch.tensor([[2]]))
    history = fit(model, [batch] * 2, config(2, clip=None), optimizers=SGD(model.parameters(), 3.0))
    assert history.losses == pytest.approx([math.log(3), math.log(1 + 2 * math.exp(-3))])
    assert history.gradient_norms[0] == pytest.approx(math.sqrt(6 / 9))
    assert (history.steps, history.tokens, history.learning_rates) == ([1, 2], [1, 2], [3.0, 3.0])


def test_clipping_by_hand():
    """The gradient (1/3, 1/3, -2/3) of norm √(2/3), clipped to 0.5 and with rate 1: a step of length 0.5."""
    model, batch = Bigram(), Batch(torch.tensor([[1]]), torch.tensor([[2]]))
    fit(model, [batch], config(1, clip=0.5), optimizers=SGD(model.parameters(), 1.0))
    expected = torch.tensor([-1.0, -1.0, 2.0]) / math.sqrt(6) * 0.5
    torch.testing.assert_close(model.table[1].detach(), expected, rtol=1e-5, atol=1e-6)


def test_clip_gradients_as_torch():
    for limit in (0.1, 100.0):
        ours = [torch.randn(3, 5, generator=torch.Generator().manual_seed(1)), torch.ones(2)]
        theirs = [nn.Parameter(torch.zeros_like(g)) for g in ours]
        for p, g in zip(theirs, ours, strict=True):
            p.grad = g.clone()
        expected = nn.utils.clip_grad_norm_(theirs, limit)
        torch.testing.assert_close(clip_gradients(ours, limit), expected)
        for p, g in zip(theirs, ours, strict=True):
            torch.testing.assert_close(g, p.grad)


def test_the_same_as_a_loop_written_with_torch():
    """Twenty steps with AdamW, clipping and a schedule, against torch's own parts in a row."""
    ours, theirs = new_model(), new_model()
    batches, schedule = new_batches(20), warmup_linear(20, warmup=3)
    fit(ours, batches, config(20, clip=0.3), optimizers=AdamW(ours.parameters(), 0.01), schedule=schedule)
    optimizer = torch.optim.AdamW(theirs.parameters(), 0.01)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, schedule)
    for batch in batches:
        optimizer.zero_grad()
        nn.functional.cross_entropy(theirs(batch.ids).transpose(1, 2), batch.targets).backward()
        nn.utils.clip_grad_norm_(theirs.parameters(), 0.3)
        optimizer.step()
        scheduler.step()
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", ["adam", "muon"])
def test_accumulated_gradients_equal_the_big_batch(kind):
    """Also when the parts differ in size, and in how many of their targets count."""
    small = new_batches(9, size=2) + new_batches(3, size=5, seed=1)
    small = [pair for trio in zip(small[:3], small[3:6], small[9:], strict=True) for pair in trio]  # 2, 2, 5 rows
    small[1].targets[0, :5] = -100
    small[5].targets[:, 2:] = -100
    big = [joined(small[i : i + 3]) for i in (0, 3, 6)]
    models, histories = [new_model(), new_model()], []
    for model, batches, accumulate in zip(models, (small, big), (3, 1), strict=True):
        if kind == "adam":
            optimizers = Adam(model.parameters(), 0.01)
        else:
            muon, rest = muon_groups(model)
            optimizers = [Muon(muon), AdamW(rest, 0.01)]
        histories.append(fit(model, batches, config(3, accumulate=accumulate), optimizers=optimizers))
    assert histories[0].losses == pytest.approx(histories[1].losses, rel=1e-6)
    assert histories[0].gradient_norms == pytest.approx(histories[1].gradient_norms, rel=1e-5)
    assert histories[0].tokens == histories[1].tokens
    for p, q in zip(*(m.parameters() for m in models), strict=True):
        torch.testing.assert_close(p, q, rtol=1e-4, atol=1e-5)


def test_the_default_optimizer_learns():
    model = new_model()
    batch = new_batches(1)[0]
    history = fit(model, [batch] * 200, TrainConfig(200, progress=False), schedule=warmup_linear(200, warmup=10))
    assert history.steps == list(range(10, 201, 10))
    assert history.losses[0] > 2.3 and history.losses[-1] < history.losses[0] - 0.1


def test_the_history_is_the_mean_since_the_last_entry():
    every, seldom = (
        fit(model := new_model(), new_batches(8), config(8, log_every=n), optimizers=SGD(model.parameters(), 0.1))
        for n in (1, 3)
    )
    assert seldom.steps == [3, 6, 8]
    means = [sum(every.losses[a:b]) / (b - a) for a, b in ((0, 3), (3, 6), (6, 8))]
    assert seldom.losses == pytest.approx(means)
    assert seldom.gradient_norms == pytest.approx([every.gradient_norms[i] for i in (2, 5, 7)])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_mixed_precision_stays_near_single_precision(dtype):
    losses = []
    for each in (torch.float32, dtype):
        model = new_model()
        history = fit(model, new_batches(30), config(30, dtype=each), optimizers=Adam(model.parameters(), 0.01))
        losses.append(history.losses)
        assert all(p.dtype == torch.float32 for p in model.parameters())
    assert losses[0] != losses[1] and losses[0] == pytest.approx(losses[1], rel=0.01)


def test_evaluation_by_hand():
    """A table with logit ln 4 for target 2 after 1: p = 4/6, otherwise 1/3. Three targets of ln 1.5 and two of ln 3.

    The last batch is smaller and has a target that doesn't count; a batch without any target adds nothing.
    """
    model = Bigram()
    model.table.data[1, 2] = math.log(4)
    batches = [
        Batch(torch.tensor([[1, 1], [1, 0]]), torch.tensor([[2, 2], [2, 0]])),
        Batch(torch.tensor([[0, 1]]), torch.tensor([[1, -100]])),
        Batch(torch.tensor([[1]]), torch.tensor([[-100]])),
    ]
    expected = (3 * math.log(1.5) + 2 * math.log(3)) / 5
    found = evaluate(model, batches)
    assert (found.mean, found.count) == (pytest.approx(expected, rel=1e-6), 5)


def test_evaluation_is_the_same_whatever_the_batch_size_and_leaves_the_model_alone():
    model = new_model(dropout=0.5)
    ids = torch.randint(13, (23, 7), generator=torch.Generator().manual_seed(0))
    pairs = [[Batch(part, part) for part in ids.split(size)] for size in (1, 5, 23)]
    model.train()
    before, state = weights(model), torch.get_rng_state()
    first, *others = (evaluate(model, each).mean for each in pairs)
    assert others == pytest.approx([first, first], rel=1e-6)
    assert model.training and torch.equal(torch.get_rng_state(), state)
    assert all(p.grad is None for p in model.parameters())
    assert all(torch.equal(p, q) for p, q in zip(before, model.parameters(), strict=True))


def test_next_token_loss_ignores_and_is_computed_in_single_precision():
    logits = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(0)).bfloat16()
    targets = torch.tensor([[0, 1, -100], [4, -100, 2]])
    kept = targets != -100
    expected = -logits.float().log_softmax(-1)[kept].gather(1, targets[kept][:, None]).sum()
    result, count = cross_entropy(logits, targets)
    assert count == 4
    assert result.dtype == torch.float32
    torch.testing.assert_close(result, expected)


def test_validation_and_checkpoints_at_their_steps(tmp_path):
    model, validation = new_model(), new_batches(2, seed=5)
    checkpoints = Checkpoints(tmp_path, keep_last=9)
    history = fit(model, new_batches(11), config(11, eval_every=4), validation=validation, checkpoints=checkpoints)
    assert history.validation_steps == [4, 8, 11]
    assert history.validation_losses[-1] == evaluate(model, validation).mean
    assert [checkpoints.load(p).step for p in checkpoints.paths()] == [4, 8, 11]
    assert [checkpoints.load(p).validation_loss for p in checkpoints.paths()] == history.validation_losses


def test_nothing_but_the_model_is_changed():
    model = new_model()
    batches = new_batches(5)
    copies = [(b.ids.clone(), b.targets.clone()) for b in batches]
    optimizer = SGD(model.parameters(), 0.1)
    model.eval()
    before = weights(model)
    fit(model, batches, config(5), optimizers=optimizer, schedule=warmup_linear(5, warmup=2))
    assert optimizer.param_groups[0]["lr"] == 0.1 and not model.training
    assert all(torch.equal(b.ids, x) and torch.equal(b.targets, y) for b, (x, y) in zip(batches, copies, strict=True))
    assert not any(torch.equal(p, q) for p, q in zip(before, model.parameters(), strict=True))
    assert all(p.grad is None for p in model.parameters())


def test_dropout_is_active_in_training():
    model = new_model(dropout=0.9)
    batch = new_batches(1)[0]
    model.eval()
    history = fit(model, [batch] * 2, config(2), optimizers=SGD(model.parameters(), 0.0))
    assert history.losses[0] != history.losses[1]


def test_a_compiled_model_is_saved_under_its_own_names(tmp_path):
    """torch.compile wraps a model; nothing is compiled here, for the wrapping is what matters."""
    model = new_model()
    wrapped = torch.compile(model, backend="eager")
    fit(wrapped, new_batches(2), config(2), checkpoints=tmp_path)
    saved = Checkpoints(tmp_path).load()
    assert set(saved.weights) == set(model.state_dict()) and saved.settings["model"]["width"] == 8
    again = new_model(1)
    fit(again, new_batches(2), config(2), checkpoints=tmp_path, resume=True)
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), again.parameters(), strict=True))


def run(folder, steps=6, *, model=None, resume=True, **settings):
    model = model or new_model()
    optimizer = settings.pop("optimizer", None) or Adam(model.parameters(), settings.pop("lr", 0.01))
    settings = {"checkpoint_every": 2, **settings}
    return fit(
        model, new_batches(8), config(steps, **settings), optimizers=optimizer, checkpoints=folder, resume=resume
    )


def test_resume_without_checkpoints_starts_and_with_all_steps_done_returns(tmp_path):
    trained, other = new_model(), new_model(7)
    assert run(tmp_path, model=trained).steps == [1, 2, 3, 4, 5, 6]
    assert run(tmp_path, model=other).steps == [1, 2, 3, 4, 5, 6]
    assert all(torch.equal(p, q) for p, q in zip(trained.parameters(), other.parameters(), strict=True))


def test_a_list_goes_on_where_it_was_and_a_run_may_become_longer(tmp_path):
    whole = run(tmp_path / "whole", 8)
    run(tmp_path / "parts", 3)
    parts = run(tmp_path / "parts", 8)
    assert parts.losses == whole.losses and parts.steps == list(range(1, 9))


def test_resume_from_a_chosen_checkpoint(tmp_path):
    whole = run(tmp_path)
    again = run(tmp_path, resume=tmp_path / "step-00000004")
    assert again.losses == whole.losses


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"model": new_model(width=9)}, "of another run: model.width is 8 there and 9 here"),
        ({"clip": 2.0}, r"training.clip is 1\.0 there and 2\.0 here"),
        ({"dtype": torch.bfloat16}, "training.dtype is 'torch.float32' there and 'torch.bfloat16' here"),
        ({"lr": 0.02}, r"optimizers\[0\].groups\[0\].lr is 0\.01 there and 0\.02 here"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(tmp_path, change, match):
    run(tmp_path)
    with pytest.raises(CheckpointError, match=match):
        run(tmp_path, 8, **change)


def test_a_checkpoint_of_another_optimizer_is_refused(tmp_path):
    run(tmp_path)
    model = new_model()
    with pytest.raises(CheckpointError, match=r"optimizers\[0\].class is 'Adam' there and 'SGD' here"):
        run(tmp_path, model=model, optimizer=SGD(model.parameters(), 0.01))


def test_a_damaged_checkpoint_is_refused_and_the_one_that_is_offered_works(tmp_path):
    whole = run(tmp_path)
    state = tmp_path / "step-00000006" / "state.pt"
    state.write_bytes(state.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match=r"step-00000006 is damaged.*last good one is .*step-00000004"):
        run(tmp_path)
    assert run(tmp_path, resume=tmp_path / "step-00000004").losses == whole.losses
    assert Checkpoints(tmp_path).load().step == 6


def test_checkpoints_are_not_overwritten_unasked(tmp_path):
    run(tmp_path)
    with pytest.raises(FileExistsError, match="step-00000006 is there already; pass resume=True"):
        run(tmp_path, resume=False)


def test_a_loss_that_is_no_number_stops_the_run(tmp_path):
    model = new_model()
    batches = new_batches(9)
    calls = []

    def loss(model, batch):
        calls.append(1)
        total, count = next_token_loss(model, batch)
        return total * (math.nan if len(calls) == 5 else 1.0), count

    settings = config(9, log_every=8, checkpoint_every=2)
    with pytest.raises(FloatingPointError, match=r"loss is nan at step 5; the last checkpoint is .*step-00000004;"):
        fit(model, batches, settings, loss=loss, checkpoints=tmp_path)
    assert Checkpoints(tmp_path).load().step == 4
    calls.clear()
    with pytest.raises(FloatingPointError, match=r"loss is nan at step 5; there is no checkpoint"):
        fit(new_model(), batches, config(9, log_every=8), loss=loss)


def test_batches_that_end_are_noticed_before_the_first_step_if_they_have_a_length():
    model = new_model()
    before = weights(model)
    with pytest.raises(ValueError, match="4 steps of 2 batches need 8; got 7 batches"):
        fit(model, new_batches(7), config(4, accumulate=2))
    assert all(torch.equal(p, q) for p, q in zip(before, model.parameters(), strict=True))


def test_batches_that_end_unforeseen_leave_a_checkpoint(tmp_path):
    model = new_model()
    with pytest.raises(ValueError, match="batches ended after 7, at step 3 of 4"):
        fit(model, iter(new_batches(7)), config(4, accumulate=2), checkpoints=tmp_path)
    saved = Checkpoints(tmp_path).load()
    assert saved.step == 3 and torch.equal(saved.weights["head.bias"], model.head.bias)


@pytest.mark.parametrize("bad", [13, -1, 1000])
@pytest.mark.parametrize("which", ["ids", "targets"])
def test_ids_out_of_range(which, bad):
    batches = new_batches(2)
    getattr(batches[1], which)[0, 0] = bad
    match = rf"{which} must be from 0 to vocab_size - 1 = 12; got"
    with pytest.raises(ValueError, match=match):
        fit(new_model(), batches, config(2))
    with pytest.raises(ValueError, match=match):
        evaluate(new_model(), batches)


@pytest.mark.parametrize(
    ("keywords", "match"),
    [
        ({"validation": iter(new_batches(2))}, "validation must be batches that can be gone through again"),
        ({"config": config(2, eval_every=1)}, "eval_every=1 needs validation batches; got validation=None"),
        ({"config": config(2, checkpoint_every=1)}, "checkpoint_every=1 needs a folder of checkpoints"),
        ({"resume": True}, "resume=True needs a folder of checkpoints; got checkpoints=None"),
    ],
)
def test_arguments_that_do_not_fit(keywords, match):
    keywords = {"batches": new_batches(2), "config": config(2), **keywords}
    with pytest.raises(ValueError, match=match):
        fit(new_model(), keywords.pop("batches"), keywords.pop("config"), **keywords)


def test_every_parameter_needs_one_optimizer():
    model = new_model()
    with pytest.raises(ValueError, match=r"no optimizer updates 'embedding\.weight' and 2 more.*requires_grad=False"):
        fit(model, new_batches(1), config(1), optimizers=SGD(model.body.parameters(), 0.1))
    with pytest.raises(ValueError, match="a parameter is in two optimizers"):
        both = [SGD(model.parameters(), 0.1), Adam(model.head.parameters())]
        fit(model, new_batches(1), config(1), optimizers=both)
    model.embedding.requires_grad_(False)
    model.head.requires_grad_(False)
    before = weights(model.embedding)
    fit(model, new_batches(1), config(1), optimizers=SGD(model.body.parameters(), 0.1))
    assert torch.equal(before[0], model.embedding.weight)


def test_batches_whose_state_cannot_be_saved_are_refused_at_once():
    class Batches(list):
        def state_dict(self):
            return {"where": object()}

    with pytest.raises(TypeError, match=r"batches\.state_dict\(\)\['where'\] must be a tensor or a plain value"):
        fit(new_model(), Batches(new_batches(1)), config(1))


@pytest.mark.parametrize("batches", [[], [Batch(torch.zeros(1, 2).long(), torch.full((1, 2), -100))]])
def test_nothing_to_evaluate(batches):
    with pytest.raises(ValueError, match=f"nothing to evaluate: got {len(batches)} batches with 0 targets"):
        evaluate(new_model(), batches)


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"steps": 0}, "steps must be a whole number of at least 1; got steps=0"),
        ({"steps": 2.5}, "steps must be a whole number of at least 1; got steps=2.5"),
        ({"accumulate": 0}, "accumulate must be"),
        ({"log_every": None}, "log_every must be"),
        ({"eval_every": -1}, "eval_every must be"),
        ({"checkpoint_every": True}, "checkpoint_every must be"),
        ({"clip": 0.0}, r"clip must be a positive norm, or None not to clip; got clip=0\.0"),
        ({"clip": math.nan}, "clip must be a positive norm"),
        ({"dtype": torch.float64}, "dtype must be one of .*; got dtype=torch.float64"),
    ],
)
def test_settings_out_of_range(settings, match):
    with pytest.raises(ValueError, match=match):
        TrainConfig(**{"steps": 1, **settings})


def test_progress_is_shown(capsys):
    fit(new_model(), new_batches(3), TrainConfig(3, log_every=1))
    shown = capsys.readouterr().err
    assert "3/3" in shown and "loss 2." in shown


class TwoInputs(nn.Module):
    """Logits from the sum of two inputs' embeddings."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(7, 7)

    def forward(self, left, right):
        return self.table(left) + self.table(right)


def test_several_inputs_are_several_arguments():
    torch.manual_seed(0)
    model, ids = TwoInputs(), torch.randint(7, (3, 5))

    def loss(model, batch):
        left, right, targets = batch
        return cross_entropy(model(left, right), targets)

    batch = (ids, ids.roll(1), ids)
    before = evaluate(model, [batch], loss=loss).mean
    total, count = loss(model, batch)
    assert math.isclose(before, total.item() / count, rel_tol=1e-5)
    fit(model, [batch] * 20, TrainConfig(steps=20, progress=False), loss=loss)
    assert evaluate(model, [batch], loss=loss).mean < before
