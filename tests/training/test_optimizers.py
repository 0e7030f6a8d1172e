"""Optimizers: by hand, against torch.optim over 50 steps, and their errors."""

import copy
import math

import pytest
import torch
from torch import nn

from aigc_book.training.optimizers import (
    SGD,
    AdaGrad,
    Adam,
    AdamW,
    Muon,
    RMSProp,
    decay_groups,
    muon_groups,
    orthogonalise,
)
from aigc_book.training.schedules import warmup_cosine

SHAPES = [(7, 5), (5, 7), (3,), (2, 3, 5), (1,), (11, 11)]


def parameters(shapes=SHAPES, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [nn.Parameter(torch.randn(shape, generator=generator)) for shape in shapes]


def run(optimizer, params, steps=50, seed=1, schedule=None):
    """Fifty steps on made-up gradients; now and then a parameter has none."""
    generator = torch.Generator().manual_seed(seed)
    rates = [group["lr"] for group in optimizer.param_groups]
    for step in range(steps):
        if schedule is not None:
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * schedule(step)
        for index, p in enumerate(params):
            gradient = torch.randn(p.shape, generator=generator) + p.detach()
            p.grad = None if (step + index) % 7 == 3 else gradient
        optimizer.step()
    return params


PAIRS = {
    "sgd": (lambda p: SGD(p, 0.1), lambda p: torch.optim.SGD(p, 0.1)),
    "sgd decay": (lambda p: SGD(p, 0.1, weight_decay=0.2), lambda p: torch.optim.SGD(p, 0.1, weight_decay=0.2)),
    "momentum": (lambda p: SGD(p, 0.05, 0.9), lambda p: torch.optim.SGD(p, 0.05, 0.9)),
    "nesterov": (
        lambda p: SGD(p, 0.05, 0.9, nesterov=True, weight_decay=0.1),
        lambda p: torch.optim.SGD(p, 0.05, 0.9, nesterov=True, weight_decay=0.1),
    ),
    "adagrad": (lambda p: AdaGrad(p, 0.1), lambda p: torch.optim.Adagrad(p, 0.1)),
    "adagrad decay": (
        lambda p: AdaGrad(p, 0.1, eps=1e-5, weight_decay=0.1),
        lambda p: torch.optim.Adagrad(p, 0.1, eps=1e-5, weight_decay=0.1),
    ),
    "rmsprop": (lambda p: RMSProp(p, 0.01), lambda p: torch.optim.RMSprop(p, 0.01)),
    "rmsprop all": (
        lambda p: RMSProp(p, 0.01, alpha=0.9, eps=1e-6, momentum=0.8, centered=True, weight_decay=0.1),
        lambda p: torch.optim.RMSprop(p, 0.01, alpha=0.9, eps=1e-6, momentum=0.8, centered=True, weight_decay=0.1),
    ),
    "adam": (lambda p: Adam(p, 0.01), lambda p: torch.optim.Adam(p, 0.01)),
    "adam decay": (
        lambda p: Adam(p, 0.02, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1),
        lambda p: torch.optim.Adam(p, 0.02, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1),
    ),
    "adamw": (
        lambda p: AdamW(p, 0.02, betas=(0.9, 0.95), weight_decay=0.1),
        lambda p: torch.optim.AdamW(p, 0.02, betas=(0.9, 0.95), weight_decay=0.1),
    ),
}


@pytest.mark.parametrize("schedule", [None, warmup_cosine(50, warmup=5)], ids=["constant", "schedule"])
@pytest.mark.parametrize("name", PAIRS)
def test_fifty_steps_as_torch(name, schedule):
    ours, theirs = PAIRS[name]
    params, expected = parameters(), parameters()
    run(ours(params), params, schedule=schedule)
    run(theirs(expected), expected, schedule=schedule)
    for p, q in zip(params, expected, strict=True):
        torch.testing.assert_close(p, q, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("name", ["momentum", "adam decay", "adamw"])
def test_groups_with_their_own_settings_as_torch(name):
    """A group without parameters that have a gradient, and a group with another rate and decay."""
    results = []
    for make in PAIRS[name]:
        params = parameters()
        groups = [{"params": params[:2]}, {"params": params[2:], "lr": 0.003, "weight_decay": 0.05}]
        results.append(run(make(groups), params))
    for p, q in zip(*results, strict=True):
        torch.testing.assert_close(p, q, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("nesterov", [True, False])
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_muon_fifty_steps_as_torch(nesterov, weight_decay):
    """torch iterates in bfloat16, one matrix after the other. With float32 below it the two agree to rounding."""
    shapes = [(7, 5), (5, 7), (11, 11), (5, 7)]
    params, expected = parameters(shapes), parameters(shapes)
    settings = dict(nesterov=nesterov, weight_decay=weight_decay)
    run(Muon(params, 0.02, 0.9, ns_dtype=torch.bfloat16, **settings), params, schedule=warmup_cosine(50, warmup=5))
    run(torch.optim.Muon(expected, 0.02, momentum=0.9, **settings), expected, schedule=warmup_cosine(50, warmup=5))
    for p, q in zip(params, expected, strict=True):
        # bfloat16 has 8 bits: each of the 50 updates, of size about 0.02 / √5, may be off by 1 %
        torch.testing.assert_close(p, q, rtol=0, atol=5e-3)


def literal_orthogonalised(matrix, steps=5):
    """Jordan's iteration on singular values: O(U S Vᵀ) = U p(S / |S|) Vᵀ with p(σ) = aσ + bσ³ + cσ⁵ applied 5 times."""
    u, s, vh = torch.linalg.svd(matrix.double(), full_matrices=False)
    s = s / s.norm()
    for _ in range(steps):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    return (u * s) @ vh


def test_muon_fifty_steps_as_the_polynomial_on_singular_values():
    """An oracle without a single matrix power: the singular values themselves go through the polynomial."""
    shapes = [(7, 5), (5, 7), (11, 11), (5, 7)]
    params, expected = parameters(shapes), [p.detach().double() for p in parameters(shapes)]
    generator = torch.Generator().manual_seed(2)
    optimizer = Muon(params, 0.03, 0.8, weight_decay=0.1, ns_dtype=torch.float32)
    momentum = [torch.zeros_like(q) for q in expected]
    for _ in range(50):
        for index, p in enumerate(params):
            g = torch.randn(p.shape, generator=generator)
            p.grad = g
            momentum[index] = 0.8 * momentum[index] + 0.2 * g
            update = 0.2 * g + 0.8 * momentum[index]
            scale = math.sqrt(max(1, p.size(0) / p.size(1)))
            expected[index] = expected[index] * (1 - 0.003) - 0.03 * scale * literal_orthogonalised(update)
        optimizer.step()
    for p, q in zip(params, expected, strict=True):
        torch.testing.assert_close(p.double(), q, rtol=0, atol=1e-4)


def test_orthogonalise_diagonal_by_hand():
    """diag(3, 4): the norm is 5, so σ = (0.6, 0.8); one iteration gives 3.4445 σ - 4.775 σ³ + 2.0315 σ⁵.

    σ = 0.6: 2.0667 - 1.0314 + 0.15796944 = 1.19326944; σ = 0.8: 2.7556 - 2.4448 + 0.66568192 = 0.97648192… with
    σ³ = 0.216 and 0.512, σ⁵ = 0.07776 and 0.32768.
    """
    result = orthogonalise(torch.diag(torch.tensor([3.0, 4.0])), steps=1)
    torch.testing.assert_close(result, torch.diag(torch.tensor([1.1932694, 0.9764819])), rtol=1e-5, atol=1e-6)


def test_orthogonalise_brings_singular_values_near_one_and_leaves_its_argument():
    matrices = torch.randn(3, 5, 11, generator=torch.Generator().manual_seed(0)) * 100
    before = matrices.clone()
    singular = torch.linalg.svdvals(orthogonalise(matrices))
    assert singular.min() > 0.5 and singular.max() < 1.3
    assert torch.equal(matrices, before)


def test_sgd_by_hand():
    """θ = 5, g = 2, γ = 0.1, μ = 0.5, λ = 0.2: g' = 2 + 0.2·5 = 3, b = 3, Nesterov 3 + 0.5·3 = 4.5, θ = 5 - 0.45.

    Then θ = 4.55: g' = 2.91, b = 1.5 + 2.91 = 4.41, step 2.91 + 2.205 = 5.115, θ = 4.55 - 0.5115 = 4.0385.
    """
    p = nn.Parameter(torch.tensor([5.0]))
    optimizer = SGD([p], 0.1, 0.5, nesterov=True, weight_decay=0.2)
    for expected in (4.55, 4.0385):
        p.grad = torch.tensor([2.0])
        optimizer.step()
        assert p.item() == pytest.approx(expected, rel=1e-6)


def test_adagrad_by_hand():
    """g = 3 then 4, γ = 1, ε = 0: θ = 7 - 3/3 = 6, then s = 9 + 16, θ = 6 - 4/5 = 5.2."""
    p = nn.Parameter(torch.tensor([7.0]))
    optimizer = AdaGrad([p], 1.0, eps=0.0)
    for g, expected in ((3.0, 6.0), (4.0, 5.2)):
        p.grad = torch.tensor([g])
        optimizer.step()
        assert p.item() == pytest.approx(expected)


def test_rmsprop_by_hand():
    """α = 0.75, g = 2: v = 0.25·4 = 1, θ = 3 - 0.5·2/1 = 2; centred: m = 0.5, v - m² = 0.75, θ = 3 - 1/√0.75."""
    for centered, expected in ((False, 2.0), (True, 3 - 1 / math.sqrt(0.75))):
        p = nn.Parameter(torch.tensor([3.0]))
        p.grad = torch.tensor([2.0])
        RMSProp([p], 0.5, alpha=0.75, eps=0.0, centered=centered).step()
        assert p.item() == pytest.approx(expected)


def test_adam_first_step_is_the_rate_and_decay_is_decoupled():
    """At t = 1, m̂ = g and v̂ = g², so θ moves by γ whatever g; AdamW shrinks θ by γλθ first: 2·(1 - 0.1·0.5) - 0.1."""
    for optimizer, expected in ((Adam, 1.9), (AdamW, 1.8)):
        p = nn.Parameter(torch.tensor([2.0]))
        p.grad = torch.tensor([1e-3])
        optimizer([p], 0.1, eps=0.0, weight_decay=0.0 if optimizer is Adam else 0.5).step()
        assert p.item() == pytest.approx(expected)


OURS = {
    "sgd": lambda p: SGD(p, 0.05, 0.9),
    "adagrad": AdaGrad,
    "rmsprop": lambda p: RMSProp(p, momentum=0.9, centered=True),
    "adam": Adam,
    "adamw": AdamW,
    "muon": Muon,
}
MATRICES = [(7, 5), (5, 7), (11, 11)]


@pytest.mark.parametrize("name", OURS)
def test_state_dict_goes_on_bit_for_bit(name):
    params = parameters(MATRICES)
    optimizer = OURS[name](params)
    run(optimizer, params, steps=11)
    others = [nn.Parameter(p.detach().clone()) for p in params]
    again = OURS[name](others)
    again.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    run(optimizer, params, steps=5, seed=3)
    run(again, others, steps=5, seed=3)
    assert all(torch.equal(p, q) for p, q in zip(params, others, strict=True))


@pytest.mark.parametrize("name", OURS)
def test_gradients_stay_as_they_are(name):
    params = parameters(MATRICES)
    for p in params:
        p.grad = torch.full_like(p, 0.5)
    OURS[name]([{"params": params, "weight_decay": 0.1}]).step()
    assert all(torch.equal(p.grad, torch.full_like(p, 0.5)) for p in params)


@pytest.mark.parametrize("name", OURS)
def test_schedulers_scalers_and_closures_of_torch_work(name):
    params = parameters(MATRICES)
    optimizer = OURS[name](params)
    rate = optimizer.param_groups[0]["lr"]
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, warmup_cosine(10, warmup=2))
    assert optimizer.param_groups[0]["lr"] == pytest.approx(rate / 2)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    scaler.scale(sum((p**2).sum() for p in params)).backward()
    before = [p.detach().clone() for p in params]
    scaler.step(optimizer)
    scaler.update()
    scheduler.step()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(rate)
    assert all(not torch.equal(p, q) for p, q in zip(params, before, strict=True))
    for p, q in zip(params, before, strict=True):
        torch.testing.assert_close(p.grad, 2 * q)  # the scaler has divided by its scale again

    def closure():
        optimizer.zero_grad()
        loss = sum((p**2).sum() for p in params)
        loss.backward()
        return loss

    assert optimizer.step(closure).item() > 0


@pytest.mark.parametrize("name", OURS)
def test_an_infinite_gradient_is_skipped_by_the_scaler(name):
    params = parameters(MATRICES)
    optimizer = OURS[name](params)
    scaler = torch.amp.GradScaler("cpu")
    before = [p.detach().clone() for p in params]
    scaler.scale(sum((p * math.inf).sum() for p in params)).backward()
    scaler.step(optimizer)
    assert all(torch.equal(p, q) for p, q in zip(params, before, strict=True))


@pytest.mark.parametrize("optimizer", [SGD, AdaGrad, RMSProp, Adam, AdamW, Muon])
@pytest.mark.parametrize("settings", [{"lr": -1.0}, {"lr": math.nan}, {"lr": 0.1, "weight_decay": -0.1}])
def test_settings_out_of_range(optimizer, settings):
    name = "weight_decay" if "weight_decay" in settings else "lr"
    with pytest.raises(ValueError, match=f"{name} must be finite and not negative; got {name}="):
        optimizer(parameters([(3, 2)]), **settings)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda p: SGD(p, 0.1, 1.0), r"momentum must be at least 0 and below 1; got momentum=1\.0"),
        (lambda p: SGD(p, 0.1, nesterov=True), "nesterov needs a momentum above 0; got momentum=0"),
        (lambda p: AdaGrad(p, eps=-1.0), "eps must be finite"),
        (lambda p: RMSProp(p, alpha=1.0), "alpha must be at least 0 and below 1"),
        (lambda p: RMSProp(p, momentum=-0.1), "momentum must be"),
        (lambda p: Adam(p, betas=(1.0, 0.9)), "beta1 must be"),
        (lambda p: AdamW(p, betas=(0.9, -0.1)), "beta2 must be"),
        (lambda p: Muon(p, momentum=1.5), "momentum must be"),
        (lambda p: Muon(p, ns_steps=0), "ns_steps must be at least 1; got ns_steps=0"),
        (lambda p: Muon([nn.Parameter(torch.ones(3))]), r"matrices only; got a parameter of shape \(3,\)"),
    ],
)
def test_errors(make, match):
    with pytest.raises(ValueError, match=match):
        make(parameters([(3, 2)]))


def test_sparse_and_complex_are_refused():
    p = nn.Parameter(torch.ones(3, 2))
    p.grad = torch.ones(3, 2).to_sparse()
    with pytest.raises(ValueError, match="AdamW needs dense real gradients; got a sparse gradient"):
        AdamW([p]).step()
    p = nn.Parameter(torch.ones(3, 2, dtype=torch.complex64))
    p.grad = torch.ones_like(p)
    with pytest.raises(ValueError, match="SGD needs dense real gradients; got complex numbers"):
        SGD([p]).step()


class Tiny(nn.Module):
    def __init__(self, tied=False):
        super().__init__()
        self.embedding = nn.Embedding(13, 5)
        self.norm = nn.LayerNorm(5)
        self.up = nn.Linear(5, 15)
        self.out = nn.Linear(15, 5)
        self.frozen = nn.Linear(5, 5).requires_grad_(False)
        self.head = nn.Linear(5, 13, bias=False)
        if tied:
            self.head.weight = self.embedding.weight


def test_decay_groups():
    model = Tiny()
    decayed, rest = decay_groups(model, 0.3)
    assert decayed["weight_decay"] == 0.3 and rest["weight_decay"] == 0.0
    assert {p.ndim for p in decayed["params"]} == {2} and {p.ndim for p in rest["params"]} == {1}
    assert len(decayed["params"]) + len(rest["params"]) == sum(p.requires_grad for p in model.parameters())
    assert len(decay_groups(nn.Linear(2, 3, bias=False))) == 1


@pytest.mark.parametrize("tied", [False, True])
def test_muon_groups(tied):
    model = Tiny(tied)
    muon, rest = muon_groups(model)
    (matrices,) = (group["params"] for group in muon)
    assert len(matrices) == 2 and matrices[0] is model.up.weight and matrices[1] is model.out.weight
    names = {n for n, p in model.named_parameters() if any(p is q for q in rest[0]["params"])}
    untied = set() if tied else {"head.weight"}
    assert names == {"embedding.weight", "norm.weight", "norm.bias", "up.bias", "out.bias"} | untied


def test_muon_groups_without_matrices():
    with pytest.raises(ValueError, match=r"Muon needs weights of nn\.Linear layers; Embedding has none"):
        muon_groups(nn.Embedding(3, 2))
