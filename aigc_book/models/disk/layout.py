"""What a layout on disk is, and the way of any model through one: nothing here knows a family.

A layout turns what stands in a folder (a ``config.json``, tensors under somebody's names) into settings and tensors of
ours, and back. There is one file for each: our own, GPT-2's, Llama's, BERT's.
"""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from aigc_book.models.disk.folder import CONFIG, find_folder, read_json, read_tensors, write
from aigc_book.models.disk.settings import Settings

Tensors = dict[str, Tensor]


class Layout(Protocol):
    """One way of keeping a model of one family.

    Attributes:
        model_type: how its ``config.json`` calls it.
        generation: what ``generation_config.json`` says, where a library expects one.
    """

    model_type: str
    generation: dict | None

    def read(self, config: Settings, stored: Tensors) -> tuple[dict[str, Any], Tensors]:
        """Settings of our config, and tensors under our names; ValueError for what our model can't be."""
        ...

    def holds(self, settings: dict[str, Any]) -> bool:
        """Whether a model with these settings can be kept in this layout."""
        ...

    def write(self, settings: dict[str, Any], tensors: Tensors) -> tuple[dict[str, Any], Tensors]:
        """What ``config.json`` shall say, and the tensors under the layout's names."""
        ...

    def modules(self, settings: dict[str, Any]) -> dict[str, tuple[str, ...]]:
        """The layout's name of each module with a weight → ours; of one that is several of ours, those side by side."""
        ...


def read_model(
    name: str | Path,
    layouts: Sequence[Layout],
    build: Callable[[dict[str, Any], Tensors], nn.Module],
    dtype: torch.dtype,
) -> nn.Module:
    """A model from a folder, or from the hub, in evaluation mode.

    Args:
        name: of the folder or of the hub's model.
        layouts: those of the family.
        build: makes the model from its settings (and from what is stored, where the settings don't say enough).
        dtype: of the weights.

    Raises:
        FileNotFoundError: no such folder, no network, or a file is missing.
        ValueError: a model of another kind, or with a setting that ours doesn't have; weights that are missing, left
            over, of another shape, damaged or not finite; files or settings that contradict one another.
    """
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        raise ValueError(f"dtype must be a floating-point one, such as torch.bfloat16; got {dtype!r}")
    folder = find_folder(name)
    config = Settings(read_json(folder / CONFIG), folder / CONFIG)
    kind, layouts = config.values.get("model_type"), {layout.model_type: layout for layout in layouts}
    if not isinstance(kind, str) or kind not in layouts:
        *others, last = layouts
        expected = f"{', '.join(others)} or {last}" if others else last
        raise config.error(f"model_type must be {expected}; got {kind!r}")
    stored = read_tensors(folder)
    try:
        settings, tensors = layouts[kind].read(config, stored)
        with torch.device("meta"):  # no memory and no time for initial values that are overwritten at once
            model = build(settings, tensors)
    except (TypeError, ValueError) as error:
        raise error if str(folder) in str(error) else config.error(str(error)) from error
    config.warn_of_unknown()
    assign(model, tensors, folder, dtype)
    return model.eval()


def write_model(model: nn.Module, folder: str | Path, layouts: Sequence[Layout]) -> None:
    """Write ``config.json`` and ``model.safetensors`` in the first of the layouts that can hold the model.

    Raises:
        ValueError: the model has LoRA layers, a weight is infinite or not a number, or the model is on the meta device
            and has none.
        OSError: the disk is full; the message names the folder.
    """
    if any(name.endswith("lora_a") for name, _ in model.named_parameters()):
        raise ValueError(
            "the model has LoRA layers, for which its layouts have no place; save the adapter alone "
            "(training.adapter_files.save_adapter), or save the model with it merged (training.lora.merged)"
        )
    for name, tensor in model.state_dict().items():
        if tensor.is_meta:
            raise ValueError(f"the model has shapes and no weights: {name} is on the meta device; nothing was written")
        if not tensor.isfinite().all():
            raise ValueError(f"{name} holds numbers that are infinite or not a number; nothing was written")
    settings = dataclasses.asdict(getattr(model.config, "resolved", model.config))
    layout = next(layout for layout in layouts if layout.holds(settings))
    config, tensors = layout.write(settings, tensors_of(model))
    write(folder, {"model_type": layout.model_type, **config}, tensors, layout.generation)


def tensors_of(model: nn.Module) -> Tensors:
    """A model's parameters and buffers by name; one with several names (tied weights) under its first."""
    every = model.state_dict(keep_vars=True)
    ties = _ties(every)
    return {name: tensor for name, tensor in every.items() if name not in ties}


def rename(tensors: Tensors, names: dict[str, str], n_layers: int) -> Tensors:
    """The tensors under new names; one without a new name keeps its own, for :func:`assign` to complain about.

    ``names`` maps old to new, where "{}" stands for the number of a layer.

    Raises:
        ValueError: two of them get one name.
    """
    table = {old.format(i): new.format(i) for old, new in names.items() for i in range(n_layers)}
    renamed: Tensors = {}
    for name, tensor in tensors.items():
        new = table.get(name, name)
        if new in renamed:
            raise ValueError(f"the weights hold {new!r} twice, one of them as {name!r}")
        renamed[new] = tensor
    return renamed


def modules_of(names: dict[str, str], n_layers: int) -> dict[str, tuple[str, ...]]:
    """Names of tensors, theirs → ours as :func:`rename` takes them, as names of the modules that have the weights."""
    weights = {
        theirs.removesuffix(".weight"): ours.removesuffix(".weight")
        for theirs, ours in names.items()
        if theirs.endswith(".weight")
    }
    return {theirs.format(i): (ours.format(i),) for theirs, ours in weights.items() for i in range(n_layers)}


def assign(model: nn.Module, tensors: Tensors, folder: Path, dtype: torch.dtype = torch.float32) -> None:
    """Make copies of the tensors the model's parameters; of tied ones, one name is enough.

    Raises:
        ValueError: a tensor is missing, left over, of another shape or not finite (in this dtype), or tied ones differ.
    """
    expected = model.state_dict(keep_vars=True)
    ties, tensors = _ties(expected), dict(tensors)
    for alias, name in ties.items():
        if alias not in tensors:
            continue
        if name in tensors and not torch.equal(tensors[alias], tensors[name]):
            raise ValueError(
                f"{folder}: {alias} and {name} are one matrix according to {CONFIG}, and two different ones in the "
                "weights; if that is meant, let tie_word_embeddings (tie_embeddings in our own layout) be false there"
            )
        tensors[name] = tensors.pop(alias)
    wanted = expected.keys() - ties.keys()
    missing, extra = sorted(wanted - tensors.keys()), sorted(tensors.keys() - wanted)
    if missing == ["head.weight"] and not extra:
        raise ValueError(
            f"{folder}: the config says that the head has weights of its own; they are missing. If it shares the "
            f"embedding's, let tie_word_embeddings (tie_embeddings in our own layout) be true in {CONFIG}"
        )
    if any(name.endswith("lora_a") for name in extra):
        raise ValueError(
            f"{folder}: the weights are those of a model with LoRA layers. Make that model again, with "
            "training.lora.adapt, and go on with its run (resume=True) or give it the weights with "
            "training.checkpoint.load_weights; merged (training.lora.merged), it can be saved and opened as a model"
        )
    if missing or extra:
        raise ValueError(f"{folder}: the weights don't fit the config; missing {missing[:3]}, left over {extra[:3]}")
    for name, tensor in tensors.items():
        if tensor.shape != expected[name].shape:
            raise ValueError(f"{folder}: {name} must be {tuple(expected[name].shape)}; got {tuple(tensor.shape)}")
    # Copies: the tensors as they were read are the file itself, which may be replaced or shortened later.
    own = {name: tensor.to(dtype, copy=True) for name, tensor in tensors.items()}
    for name, tensor in own.items():
        if not tensor.isfinite().all():
            why = f"numbers that {dtype} can't hold; try torch.bfloat16 or float32"
            if not tensors[name].isfinite().all():
                why = "numbers that are infinite or not a number: the run that wrote it was broken"
            raise ValueError(f"{folder}: {name} has {why}")
    model.load_state_dict(own, assign=True, strict=False)
    for alias, name in ties.items():
        part, _, leaf = alias.rpartition(".")
        setattr(model.get_submodule(part), leaf, model.get_parameter(name))
    lost = [name for name, tensor in (*model.named_parameters(), *model.named_buffers()) if tensor.is_meta]
    assert not lost, f"{lost} are not stored: compute them when they are needed"


def _ties(tensors: Tensors) -> dict[str, str]:
    """Name → an earlier name of the same tensor."""
    first: dict[int, str] = {}
    return {name: other for name, tensor in tensors.items() if (other := first.setdefault(id(tensor), name)) != name}
