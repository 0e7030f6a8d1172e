"""A broken run stops before it does harm, and nothing goes wrong in silence."""

import errno
import math
import warnings

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset, RandomSampler, TensorDataset

from aigc_book.data.batches import IGNORED, Batch
from aigc_book.training import checkpoint
from aigc_book.training.checkpoint import Checkpoints, check_finite
from aigc_book.training.epochs import Epochs
from aigc_book.training.loop import TrainConfig, fit, train
from aigc_book.training.losses import next_token_loss
from aigc_book.training.optimizers import SGD, Adam, AdamW
from aigc_book.training.wrapping import unwrapped

N = 24


def new_model(dropout=0.0):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 5), nn.Dropout(dropout), nn.Tanh(), nn.Linear(5, 1))


def squares(model, batch):
    (x,) = batch
    return (model(x) - x.sum(1, keepdim=True)).square().sum(), len(x)


def rows(n=N):
    return torch.randn(n, 3, generator=torch.Generator().manual_seed(1))


def lists(n=8):
    return [(part,) for part in rows(3 * n).split(3)]


def config(steps, **settings):
    return TrainConfig(steps, **{"log_every": 1, "progress": False, **settings})


def weights(model):
    return [p.detach().clone() for p in model.parameters()]


def equal(one, other):
    return all(torch.equal(p, q) for p, q in zip(one, other, strict=True))


class Blow(torch.autograd.Function):
    """The identity, with a gradient that isn't finite."""

    @staticmethod
    def forward(ctx, x, value):
        ctx.value = value
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient * ctx.value, None


def blowing(at, value):
    calls = []

    def loss(model, batch):
        calls.append(1)
        total, count = squares(model, batch)
        return (Blow.apply(total, value) if len(calls) == at else total), count

    return loss


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
@pytest.mark.parametrize("clip", [1.0, None])
def test_a_finite_loss_with_a_gradient_that_is_not_stops_before_the_step(tmp_path, value, clip):
    model, reference = new_model(), new_model()
    fit(reference, lists(), config(4, clip=clip), loss=squares, optimizers=Adam(reference.parameters(), 0.01))
    optimizer = Adam(model.parameters(), 0.01)
    with pytest.raises(FloatingPointError, match=r"gradient of '0.weight' is not finite.* at step 5; .*step-00000004;"):
        fit(
            model,
            lists(),
            config(8, checkpoint_every=2, clip=clip, log_every=8),
            loss=blowing(5, value),
            optimizers=optimizer,
            checkpoints=tmp_path,
        )
    assert equal(model.parameters(), reference.parameters())
    assert all(state["mean"].isfinite().all() for state in optimizer.state.values())
    assert all(p.grad is None for p in model.parameters())
    assert Checkpoints(tmp_path).load().step == 4


def test_float16_that_overflows_for_ever_stops():
    model = new_model()
    with pytest.raises(FloatingPointError, match=r"is not finite.*at step \d+; there is no checkpoint"):
        fit(
            model,
            Epochs(lists()),
            config(60, dtype=torch.float16),
            loss=lambda m, b: (Blow.apply(squares(m, b)[0], math.inf), 3),
        )
    assert equal(model.parameters(), new_model().parameters())


def test_no_checkpoint_of_ruined_weights_is_written(tmp_path):
    """The last step makes the weights infinite; there is no later loss that could show it."""
    model = new_model()
    with pytest.raises(FloatingPointError, match=r"'0.weight' is not finite.*at step 4; .*step-00000002"):
        fit(
            model,
            lists(),
            config(4, checkpoint_every=2, clip=None),
            loss=lambda model, batch: (squares(model, batch)[0] * 1e4, 3),
            optimizers=SGD(model.parameters(), 1e-6),
            schedule=lambda step: 1e43 if step == 3 else 1.0,
            checkpoints=tmp_path,
        )
    assert [path.name for path in Checkpoints(tmp_path).paths()] == ["step-00000002"]
    bad = nn.BatchNorm1d(2)
    bad.running_mean[0] = math.nan
    with pytest.raises(FloatingPointError, match="'running_mean' is not finite"):
        check_finite(bad)
    masked = nn.Linear(2, 2)
    masked.register_buffer("mask", torch.full((2,), -math.inf))
    check_finite(masked)


@pytest.mark.parametrize("said", [math.inf, math.nan, None, "0.1"])
def test_a_schedule_that_says_no_finite_number_stops_before_the_step(said):
    model, before = new_model(), []
    with pytest.raises(ValueError, match=r"schedule\(step\) must be a finite number; schedule\(2\) is"):
        for _ in train(model, lists(), config(4), loss=squares, schedule=lambda step: said if step == 2 else 1.0):
            before = weights(model)
    assert equal(before, weights(model))


@pytest.mark.parametrize("count", [-1, math.inf, math.nan, torch.tensor(-3)])
def test_a_count_that_is_none_stops_before_the_step(count):
    model = new_model()
    before = weights(model)
    with pytest.raises(ValueError, match="how many targets its sum is of, at least 0; got"):
        fit(model, lists(), config(4), loss=lambda model, batch: (squares(model, batch)[0], count))
    assert equal(before, weights(model))


@pytest.mark.parametrize("batches", [None, 3, Batch(torch.zeros(1, 2).long(), torch.zeros(1, 2).long())])
def test_what_can_not_be_gone_through_is_refused_at_once(batches):
    with pytest.raises(ValueError, match="batches must be batches to go through, such as a list of them; got"):
        fit(new_model(), batches, config(4), loss=squares)


def test_a_folder_that_can_not_be_written_to_is_found_before_the_first_step(tmp_path):
    (tmp_path / "file").write_text("x")
    for folder in ("file", "file/run"):
        with pytest.raises(NotADirectoryError, match="a file stands there, or above it"):
            train(new_model(), lists(), config(4), loss=squares, checkpoints=tmp_path / folder)


def test_nan_is_worse_than_any_validation_loss(tmp_path):
    checkpoints = Checkpoints(tmp_path, keep_last=1)
    for step, loss in ((1, 2.0), (2, math.nan), (3, math.inf), (4, math.nan)):
        checkpoints.save(step, new_model(), {}, {}, {}, loss)
    assert checkpoints.best().name == "step-00000001"
    only = Checkpoints(tmp_path / "only")
    only.save(1, new_model(), {}, {}, {}, math.nan)
    assert only.best() is None


def test_gradients_that_were_left_over_do_not_count():
    clean, dirty = new_model(), new_model()
    squares(dirty, lists()[0])[0].backward()
    for model in (clean, dirty):
        fit(model, lists(), config(2), loss=squares, optimizers=SGD(model.parameters(), 0.1))
    assert equal(clean.parameters(), dirty.parameters())
    looked = new_model()
    for _ in train(looked, lists(), config(2), loss=squares, optimizers=SGD(looked.parameters(), 0.1)):
        squares(looked, lists()[0])[0].backward()  # a lesson that shows gradients in between
    assert equal(clean.parameters(), looked.parameters())


def loader(kind):
    data, shuffling = TensorDataset(rows()), torch.Generator().manual_seed(4)
    if kind == "own generator":
        return DataLoader(data, batch_size=4, shuffle=True, generator=shuffling)
    if kind == "sampler's generator":
        return DataLoader(data, batch_size=4, sampler=RandomSampler(data, generator=shuffling))
    if kind == "with replacement":
        return DataLoader(data, batch_size=4, sampler=RandomSampler(data, True, 50, generator=shuffling))
    return DataLoader(data, batch_size=4, shuffle=True)


def interrupted(folder, batches, steps, stop, **settings):
    """Train, stop at a step, and go on with the same batches in the same process."""
    model = new_model(dropout=0.3)
    torch.manual_seed(9)
    arguments = dict(loss=squares, checkpoints=folder)
    for entry in train(model, batches, config(steps, checkpoint_every=2, **settings), **arguments):
        if entry.step == stop:
            break
    again = new_model(dropout=0.3)
    torch.manual_seed(123)
    return again, fit(again, batches, config(steps, checkpoint_every=2, **settings), **arguments, resume=True)


@pytest.mark.parametrize("kind", ["own generator", "sampler's generator", "with replacement", "global generator"])
def test_a_shuffling_loader_finds_its_permutation_again_also_over_several_epochs(tmp_path, kind):
    """Six batches an epoch, twenty steps; stopped in the first, at the end of the second, and in the third epoch."""
    whole = new_model(dropout=0.3)
    torch.manual_seed(9)
    history = fit(whole, loader(kind), config(20), loss=squares)
    for stop in (3, 13, 17):
        model, again = interrupted(tmp_path / str(stop), loader(kind), 20, stop)
        assert again.losses == history.losses
        assert equal(model.parameters(), whole.parameters())


def test_other_batches_are_refused(tmp_path):
    def run(batches, resume=True, folder="run"):
        model = new_model()
        return fit(
            model, batches, config(6, checkpoint_every=3), loss=squares, checkpoints=tmp_path / folder, resume=resume
        )

    for _ in train(new_model(), lists(), config(6, checkpoint_every=3), loss=squares, checkpoints=tmp_path / "run"):
        if Checkpoints(tmp_path / "run").latest():
            break
    with pytest.raises(ValueError, match=r"others .*batch 3 of epoch 1 was .*\(3, 3\), and now has other values"):
        run(lists()[::-1])
    with pytest.raises(ValueError, match=r"was batch\[0\] \(3, 3\), and now is batch\[0\] \(2, 3\)"):
        run([(x[:2],) for (x,) in lists()])
    with pytest.raises(ValueError, match="3 batches of this epoch were used; there are only 2 now"):
        run(batch for batch in lists()[:2])
    with pytest.raises(ValueError, match="nobody knows where the list_iterator stands; give it a new generator"):
        run(iter(lists()))
    used = (batch for batch in lists())
    next(used)
    with pytest.raises(ValueError, match="nobody knows where the generator stands"):
        run(used)
    run(batch for batch in lists())


def test_a_data_set_that_has_grown_is_another_one(tmp_path):
    """Its first batches are the same, so that it isn't found by looking at those that were used."""
    kinds = [DataLoader(TensorDataset(rows(24)[:n]), batch_size=3) for n in (12, 24)]
    fit(new_model(), kinds[0], config(2), loss=squares, checkpoints=tmp_path)
    with pytest.raises(ValueError, match=r"batches are others .* an epoch had 4, and now 8"):
        fit(new_model(), kinds[1], config(6), loss=squares, checkpoints=tmp_path, resume=True)


def test_several_epochs_of_a_list_have_to_be_asked_for():
    with pytest.raises(ValueError, match=r"need 20; got 8 batches; Epochs\(batches\) goes through them"):
        fit(new_model(), lists(), config(20), loss=squares)
    assert fit(new_model(), Epochs(lists()), config(20), loss=squares).steps[-1] == 20
    with pytest.raises(ValueError, match="need 20; got 16 batches"):
        fit(new_model(), Epochs(lists(), 2), config(20), loss=squares)
    with pytest.raises(ValueError, match="several epochs need batches that can be gone through again"):
        Epochs(iter(lists()))
    with pytest.raises(ValueError, match="n must be a whole number of at least 1"):
        Epochs(lists(), 0)


class Endless(IterableDataset):
    def __iter__(self):
        return iter(rows())


def test_an_iterable_data_set_without_length_trains_and_resumes(tmp_path):
    def loss(model, x):
        return squares(model, (x,))

    whole = new_model()
    history = fit(whole, DataLoader(Endless(), batch_size=5), config(12), loss=loss)
    folder = tmp_path / "x"
    for entry in train(new_model(), DataLoader(Endless(), batch_size=5), config(12), loss=loss, checkpoints=folder):
        if entry.step == 8:
            break
    again = new_model()
    validation = DataLoader(Endless(), batch_size=7)
    found = fit(
        again,
        DataLoader(Endless(), batch_size=5),
        config(12),
        loss=loss,
        checkpoints=folder,
        resume=True,
        validation=validation,
    )
    assert found.losses == history.losses and len(found.validation_losses) == 1
    assert equal(whole.parameters(), again.parameters())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_weights_in_half_precision_are_refused_unless_frozen(dtype):
    model = new_model().to(dtype)
    with pytest.raises(ValueError, match=rf"must be float32 .*'0.weight' is {dtype}.*model.float\(\).*dtype={dtype}"):
        fit(model, lists(), config(1), loss=squares)
    mixed = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 1))
    mixed[0].to(dtype).requires_grad_(False)
    fit(
        mixed,
        lists(),
        config(1),
        optimizers=AdamW(mixed[1].parameters()),
        loss=lambda m, b: (m[1](m[0](b[0].to(dtype)).float()).sum(), 3),
    )


def test_weights_in_double_precision_are_refused():
    with pytest.raises(ValueError, match=r"must be float32 .*'0.weight' is torch.float64. Call model.float\(\)"):
        fit(new_model().double(), lists(), config(1), loss=squares)


def sequences(*n_targets):
    ids = torch.tensor([[1, 2, 0]])
    return [Batch(ids, ids.masked_fill(torch.arange(3) >= n, IGNORED)) for n in n_targets]


class Bigram(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Parameter(torch.zeros(3, 3))

    def forward(self, ids):
        return self.table[ids]


def mean_times_number(model, batch):
    """A loss whose sum is 0 · 0/0 without targets."""
    n = (batch.targets != IGNORED).sum()
    return nn.functional.cross_entropy(model(batch.ids).flatten(0, 1), batch.targets.flatten()) * n, n


@pytest.mark.parametrize("loss", [next_token_loss, mean_times_number])
def test_batches_without_targets_add_nothing_and_an_update_without_any_says_so(loss):
    alone, among = Bigram(), Bigram()
    for model, batches, accumulate in ((alone, sequences(3), 1), (among, sequences(0, 3, 0), 3)):
        fit(model, batches, config(1, accumulate=accumulate), loss=loss, optimizers=SGD(model.parameters(), 1.0))
    torch.testing.assert_close(alone.table, among.table)
    with pytest.raises(ValueError, match="an update needs at least one target; its batches have none"):
        fit(Bigram(), sequences(0, 0), config(1, accumulate=2), loss=loss)


def test_a_loss_that_depends_on_nothing_says_so():
    model = new_model()
    other = nn.Linear(3, 1)
    with pytest.raises(ValueError, match="the loss must depend on the parameters of the optimizers"):
        fit(model, lists(), config(1), loss=lambda model, batch: (other(batch[0]).sum(), 3))
    with pytest.raises(ValueError, match="the loss must depend on the parameters of the optimizers"):
        fit(model, lists(), config(1), loss=lambda model, batch: (batch[0].sum(), 3))


def test_the_home_in_paths(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    fit(new_model(), lists(), config(2), loss=squares, checkpoints="~/run")
    assert (tmp_path / "run" / "step-00000002").is_dir()
    history = fit(new_model(), lists(), config(4), loss=squares, checkpoints="~/run", resume="~/run/step-00000002")
    history.save("~/history.json")
    assert (tmp_path / "history.json").is_file() and type(history).load("~/history.json") == history


@pytest.mark.parametrize("name", ["step-3", "step-final", "step-00000900", "step-²", "step-00000004"])
def test_a_folder_of_somebody_elses_is_neither_taken_nor_removed(tmp_path, name):
    foreign = tmp_path / name
    foreign.mkdir()
    (foreign / "thesis.tex").write_text("years of work")
    for resume in (False, True):
        if resume:
            assert Checkpoints(tmp_path).latest().name == "step-00000004"
        fit(new_model(), lists(), config(4 + 2 * resume), loss=squares, checkpoints=tmp_path, resume=resume)
    kept = list(tmp_path.glob("*/thesis.tex"))
    assert len(kept) == 1 and kept[0].read_text() == "years of work"
    assert Checkpoints(tmp_path).load().step == 6


def test_without_an_interval_checkpoints_are_saved_on_the_way(tmp_path):
    checkpoints = Checkpoints(tmp_path, keep_last=99)
    fit(new_model(), Epochs(lists()), config(20), loss=squares, checkpoints=checkpoints)
    assert [path.name[-2:] for path in checkpoints.paths()] == [f"{n:02d}" for n in range(2, 21, 2)]


def test_resuming_with_another_number_of_gpus_goes_on_and_says_so(tmp_path):
    model = new_model()
    fit(model, lists(), config(2), loss=squares, checkpoints=tmp_path)
    saved = Checkpoints(tmp_path).load()
    state = {**saved.state, "random": {**saved.state["random"], "cuda": [torch.zeros(16, dtype=torch.uint8)] * 2}}
    Checkpoints(tmp_path).save(2, model, state, saved.history, saved.settings)
    with pytest.warns(UserWarning, match="of a machine that used 2 GPUs; this one uses"):
        assert fit(new_model(), lists(), config(4), loss=squares, checkpoints=tmp_path, resume=True).steps[-1] == 4


@pytest.mark.parametrize("kind", ["errno", "torch"])
def test_a_full_disk_says_so_in_words(tmp_path, monkeypatch, kind):
    fit(new_model(), lists(), config(2), loss=squares, checkpoints=tmp_path)

    def full(*_, **__):
        if kind == "errno":
            raise OSError(errno.ENOSPC, "No space left on device")
        raise RuntimeError("PytorchStreamWriter failed writing file data/3: file write failed")

    monkeypatch.setattr(torch, "save", full)
    monkeypatch.setattr(checkpoint.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 7})())
    with pytest.raises(OSError, match=r"step 3 .*(full: 7 bytes|No space left).*the last one is .*step-00000002"):
        fit(new_model(), lists(), config(3), loss=squares, checkpoints=tmp_path, resume=True)


class HasModule(nn.Module):
    """A model with parts that are called as wrappings call theirs."""

    def __init__(self):
        super().__init__()
        self.module, self._orig_mod = nn.Linear(3, 3), nn.Linear(3, 3)
        self.head = nn.Linear(3, 1)

    def forward(self, x):
        return self.head(self._orig_mod(self.module(x)))


def test_a_part_called_module_is_no_wrapping(tmp_path):
    model = HasModule()
    assert unwrapped(model) is model
    fit(model, lists(), config(1), loss=squares, checkpoints=tmp_path)
    assert set(Checkpoints(tmp_path).load().weights) == set(model.state_dict())


def test_wrappings_inside_one_another_are_all_taken_off():
    model = HasModule()
    once = torch.compile(model, backend="eager")
    assert unwrapped(nn.DataParallel(once)) is model
    assert unwrapped(torch.compile(nn.DataParallel(once), backend="eager")) is model


def test_a_run_leaves_no_warning(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(new_model(), loader("own generator"), config(3), loss=squares, checkpoints=tmp_path)
