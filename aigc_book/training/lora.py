r"""LoRA: a trained model stays as it is, and each of some of its matrices gets a small correction that is trained.

.. math:: y = x W^\top + b + s\, (x A^\top) B^\top, \qquad s = \alpha / r \ \text{ or } \ \alpha / \sqrt{r}

W (O, C) is frozen; A (r, C) and B (O, r) are trained, r (C + O) numbers in place of C O. B starts at zero, so that
training begins at the model as it was. ::

    adapted = adapt(model, LoRAConfig(rank=8, targets=("q", "v")))
    fit(adapted, batches, TrainConfig(steps=500))
    save_adapter(adapted, "poems")                        # of aigc_book.training.adapter_files: two small files
    plain = merged(adapted)                               # W + s B A, a model like any other

Shape letters: C inputs, O outputs, r ``rank``.

Source: Hu et al., *LoRA* (2022), section 4.1, equation 3.
"""

import copy
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aigc_book.kernels.low_rank import low_rank_linear, low_rank_linear_fits


@dataclass(frozen=True)
class LoRAConfig:
    """Which layers are adapted, and how.

    Args:
        rank: r, of the correction of each matrix.
        alpha: α; the correction is multiplied with s = α / r.
        targets: names of linear layers: the last part of a name or several (``q``, ``attention.q``), which may fit many
            layers, or a whole one (``blocks.0.attention.q``). The paper adapts queries and values.
        dropout: share of the correction's inputs dropped in training.
        rank_stabilised: s = α / √r, with which the correction stays as large when r grows (Kalajdzievski, 2023).
        train_also: names of parts that are trained whole beside the corrections, such as a classifier's new head.

    Raises:
        ValueError: a rank below 1, an alpha that is not positive and finite, no target, a name that is no string, a
            dropout outside [0, 1).
    """

    rank: int = 8
    alpha: float = 16.0
    targets: tuple[str, ...] = ("q", "v")
    dropout: float = 0.0
    rank_stabilised: bool = False
    train_also: tuple[str, ...] = ()

    def __post_init__(self):
        if type(self.rank) is not int or self.rank < 1:
            raise ValueError(f"rank must be a whole number of at least 1; got rank={self.rank!r}")
        if not 0 < self.alpha < math.inf:
            raise ValueError(f"alpha must be positive and finite; got alpha={self.alpha!r}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be in [0, 1); got {self.dropout}")
        for field in ("targets", "train_also"):
            names = getattr(self, field)
            if not isinstance(names, tuple | list) or not all(isinstance(name, str) and name for name in names):
                raise ValueError(f"{field} must be a tuple of names of layers; got {names!r}")
            object.__setattr__(self, field, tuple(names))
        if not self.targets:
            raise ValueError("targets must name at least one linear layer; got none")


class LoRALinear(nn.Module):
    """A linear layer, frozen, and its correction: y = base(x) + s (x Aᵀ) Bᵀ.

    The base's weights are its own, so that one model may serve under many adapters; :func:`adapt` puts them in.

    Args:
        base: the layer that stays as it is.
        rank: r.
        alpha: α.
        dropout: share of x dropped on its way to A in training.
        rank_stabilised: whether s is α / √r rather than α / r.

    A is uniform in ±1/√C at first, drawn from torch's global generator, and B zero. Both are float32, or float64 if the
    base is; what they add to a base in 16 bits is computed in 32 and then rounded.
    """

    def __init__(
        self, base: nn.Linear, rank: int, alpha: float, *, dropout: float = 0.0, rank_stabilised: bool = False
    ):
        super().__init__()
        self.base, self.alpha, self.rank_stabilised, self.dropout = base, alpha, rank_stabilised, dropout
        weight = base.weight
        dtype = torch.float64 if weight.dtype == torch.float64 else torch.float32
        bound = 1 / math.sqrt(base.in_features)
        a = torch.empty(rank, base.in_features, dtype=dtype).uniform_(-bound, bound)  # on the CPU: a seed gives one A
        self.lora_a = nn.Parameter(a.to(weight.device))
        self.lora_b = nn.Parameter(torch.zeros(base.out_features, rank, dtype=dtype, device=weight.device))
        self.is_on = True
        self.training = base.training

    @property
    def rank(self) -> int:
        """r."""
        return self.lora_a.size(0)

    @property
    def scale(self) -> float:
        """s."""
        return self.alpha / (math.sqrt(self.rank) if self.rank_stabilised else self.rank)

    def forward(self, x: Tensor) -> Tensor:
        """(..., C) → (..., O)."""
        if not self.is_on:
            return self.base(x)
        dropped = F.dropout(x, self.dropout, self.training)
        if dropped is x and low_rank_linear_fits(x, self.base, self.lora_a):
            return low_rank_linear(x, self.base.weight, self.base.bias, self.lora_a, self.lora_b, self.scale)
        y = self.base(x)
        correction = F.linear(F.linear(dropped.to(self.lora_a.dtype), self.lora_a), self.lora_b)  # (..., O)
        return (y + correction * self.scale).to(y.dtype)

    @torch.no_grad()
    def merged_weight(self) -> Tensor:
        """W + s B A, (O, C), computed in the correction's dtype and then rounded to W's."""
        weight = self.base.weight
        return (weight.to(self.lora_a.dtype) + self.lora_b @ self.lora_a * self.scale).to(weight.dtype)

    def extra_repr(self) -> str:
        """What ``print(model)`` shows."""
        return f"rank={self.rank}, scale={self.scale:g}, dropout={self.dropout:g}"


def adapt(model: nn.Module, config: LoRAConfig) -> nn.Module:
    """The model with corrections, ready for training; the model itself stays as it is.

    What comes back is of the model's class and has all of its methods. Its frozen weights *are* the model's, in the
    same memory: whoever trains the model further changes them in both, and moves to another device or dtype are for
    before. Parts in ``train_also`` are copies.

    Args:
        model: any module that calls its ``nn.Linear`` layers; in the mode in which it is.
        config: which layers, and how.

    Raises:
        ValueError: a name that fits nothing (the message lists what there is) or something else than an ``nn.Linear``,
            packed weights, a matrix that has another name too (a head that is the embedding), a part that is named
            twice, a model that has corrections already.
    """
    if adapters_of(model):
        raise ValueError("the model has LoRA layers already; merge them (training.lora.merged) before it gets others")
    targets = find_targets(model, config.targets)
    adapted = same_numbers(model)
    for path in targets:
        layer = LoRALinear(
            adapted.get_submodule(path),
            config.rank,
            config.alpha,
            dropout=config.dropout,
            rank_stabilised=config.rank_stabilised,
        )
        put(adapted, path, layer)
    for name in config.train_also:
        train_whole(adapted, name)
    return adapted


def adapters_of(model: nn.Module) -> dict[str, LoRALinear]:
    """The LoRA layers of a model, by name; of one without, an empty dict."""
    return {name: module for name, module in model.named_modules() if isinstance(module, LoRALinear)}


def trained_parameters(model: nn.Module) -> int:
    """How many numbers training would change: those of all parameters that require a gradient, each once."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


@contextmanager
def switched_off(model: nn.Module) -> Iterator[None]:
    """Within, the model is the one that was adapted: its corrections are not computed.

    So the frozen model that a trained one is compared with (in DPO, say) needs no memory of its own. Parts that were
    trained whole stay as trained.
    """
    layers = list(adapters_of(model).values())
    before = [layer.is_on for layer in layers]
    for layer in layers:
        layer.is_on = False
    try:
        yield
    finally:
        for layer, was_on in zip(layers, before, strict=True):
            layer.is_on = was_on


def merged(model: nn.Module) -> nn.Module:
    """A plain model with the corrections in its matrices, W + s B A: as fast as before it was adapted.

    It has memory of its own, trains as any other model does, and is saved with ``save_pretrained``. The adapted model
    still has W as it was, which is all that undoing a merge would need.

    Args:
        model: of :func:`adapt` or :func:`aigc_book.training.adapter_files.load_adapter`.

    Raises:
        ValueError: the model has no corrections.
    """
    layers = _required(model)
    plain = copy.deepcopy(model)
    for path, layer in layers.items():
        base = plain.get_submodule(path).base
        base.weight = nn.Parameter(layer.merged_weight())
        put(plain, path, base)
    return plain.requires_grad_(True)


def find_targets(model: nn.Module, names: Sequence[str]) -> list[str]:
    """The linear layers that are meant by names; whole names in the model's order, each once.

    Raises:
        ValueError: as :func:`adapt`.
    """
    modules = dict(model.named_modules())
    shared = _shared_weights(model)
    found: set[str] = set()
    for name in names:
        fitting = [path for path in modules if path == name or path.endswith(f".{name}")]
        linear = [path for path in fitting if isinstance(modules[path], nn.Linear)]
        if not fitting:
            raise ValueError(f"no layer is called {name!r}; the linear layers here are {_listed(modules)}")
        if len(linear) < len(fitting):
            other = next(path for path in fitting if path not in linear)
            kind = type(modules[other]).__name__
            packed = " (packed weights are for inference: adapt the model, then pack it)" if "Packed" in kind else ""
            raise ValueError(
                f"{other!r} is a {kind}{packed}; LoRA is for nn.Linear, and those here are {_listed(modules)}"
            )
        if tied := next((path for path in linear if f"{path}.weight" in shared), None):
            raise ValueError(
                f"{tied}.weight is {shared[f'{tied}.weight']} too: merged, its correction would change both; "
                "leave it out of targets"
            )
        found.update(linear)
    return [path for path in modules if path in found]


def put(model: nn.Module, path: str, module: nn.Module) -> None:
    """Let a module stand at a dotted name in a model."""
    parent, _, name = path.rpartition(".")
    setattr(model.get_submodule(parent), name, module)


def train_whole(model: nn.Module, name: str) -> str:
    """Make a part of an adapted model trained, with a copy of its weights; returns the part's whole name.

    Its name is a whole one, or else the end of one.

    Raises:
        ValueError: a name that fits no part or several, a part without parameters, with corrections, or with a weight
            that has another name outside of it.
    """
    modules = dict(model.named_modules())
    found = [name] if name in modules else [path for path in modules if path.endswith(f".{name}")]
    if len(found) != 1:
        children = ", ".join(child for child, _ in model.named_children())
        came = f"{len(found)} are ({', '.join(found[:3])})" if found else "none is"
        raise ValueError(f"one part must be called {name!r}, in train_also; {came}. The model consists of {children}")
    path = found[0]
    part = modules[path]
    if adapters_of(part):
        raise ValueError(
            f"{path!r} is to be trained whole and has LoRA layers; take it out of train_also or of targets"
        )
    if not any(True for _ in part.parameters()):
        raise ValueError(f"{path!r} has no parameters to train")
    shared = _shared_weights(model)
    if tied := next((f"{path}.{n}" for n, _ in part.named_parameters() if f"{path}.{n}" in shared), None):
        raise ValueError(f"{tied} is {shared[tied]} too, and would not be any more; leave {name!r} out of train_also")
    for module in part.modules():
        for key, parameter in module._parameters.items():
            if parameter is not None:
                module._parameters[key] = nn.Parameter(parameter.detach().clone())
    return path


def _required(model: nn.Module) -> dict[str, LoRALinear]:
    layers = adapters_of(model)
    if not layers:
        raise ValueError("the model has no LoRA layers; training.lora.adapt puts them in")
    return layers


def same_numbers(model: nn.Module) -> nn.Module:
    """Modules of their own around the very numbers of a model's parameters and buffers, all frozen; ties stay ties."""
    parameters: dict[int, nn.Parameter] = {}
    modules: dict[int, nn.Module] = {}

    def frozen(parameter: nn.Parameter | None) -> nn.Parameter | None:
        if parameter is None:
            return None
        return parameters.setdefault(id(parameter), nn.Parameter(parameter.detach(), requires_grad=False))

    def twin_of(module: nn.Module) -> nn.Module:
        if id(module) not in modules:
            twin = modules[id(module)] = copy.copy(module)
            twin._parameters = {name: frozen(p) for name, p in module._parameters.items()}
            twin._buffers = dict(module._buffers)
            twin._modules = {name: m if m is None else twin_of(m) for name, m in module._modules.items()}
        return modules[id(module)]

    return twin_of(model)


def _shared_weights(model: nn.Module) -> dict[str, str]:
    """Name → another name of the same parameter."""
    names: dict[int, list[str]] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        names.setdefault(id(parameter), []).append(name)
    return {name: next(n for n in same if n != name) for same in names.values() if len(same) > 1 for name in same}


def _listed(modules: dict[str, nn.Module]) -> str:
    """The linear layers, those of a kind in one word: "blocks.*.attention.q (3)"."""
    kinds: dict[str, int] = {}
    for path, module in modules.items():
        if isinstance(module, nn.Linear):
            kind = ".".join("*" if part.isdecimal() else part for part in path.split("."))
            kinds[kind] = kinds.get(kind, 0) + 1
    return ", ".join(f"{kind} ({n})" if n > 1 else kind for kind, n in kinds.items()) or "none"
