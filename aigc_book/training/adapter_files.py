"""A LoRA on disk, in the two files that the ``peft`` library writes and reads: the corrections without the model.

``adapter_config.json`` says rank, scale and layers, ``adapter_model.safetensors`` holds A and B of each layer. They are
kept under the names that the layers have in ``transformers``, where the model can be kept in one of its layouts
(GPT-2's, Llama's, BERT's), and under our own otherwise. So ``peft`` opens our folders on top of the model that
``save_pretrained`` wrote, and we open its.

GPT-2 has one matrix where we have three, for queries, keys and values. One correction of it, B A with rank r, is three
of ours that have A in common. Three of ours become one with all their rows in A and B's blocks on the diagonal, whose
rank is the sum of theirs. Both ways are exact.
"""

import dataclasses
import json
import math
import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from aigc_book.files import write_files_aside
from aigc_book.training.checkpoint import check_finite
from aigc_book.training.lora import (
    LoRALinear,
    adapters_of,
    find_targets,
    put,
    same_numbers,
    train_whole,
)

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
PREFIX = "base_model.model."
BLOCKS = "aigc_book_blocks"  # in the file's metadata: which of our layers a stacked correction was made of
A, B = ".lora_A.weight", ".lora_B.weight"
# What changes nothing for a trained adapter, or is settled by the tensors that are there.
HARMLESS = (
    *("auto_mapping", "base_model_name_or_path", "exclude_modules", "fan_in_fan_out", "inference_mode"),
    *("init_lora_weights", "layers_pattern", "layers_to_transform", "megatron_config", "megatron_core"),
    *("peft_version", "revision", "runtime_config", "target_modules", "task_type", "ensure_weight_tying"),
    *("loftq_config", "qalora_group_size"),
)
HONOURED = (
    *("peft_type", "r", "lora_alpha", "lora_dropout", "use_rslora", "rank_pattern", "alpha_pattern"),
    *("modules_to_save", "bias"),
)
# Initial values that are made from the model's weights, and change these.
CHANGES_THE_MODEL = ("pissa", "olora", "loftq", "corda", "lora_ga")


def save_adapter(model: nn.Module, folder: str | os.PathLike[str], *, base_name: str | None = None) -> None:
    """Write the corrections, and the parts that were trained whole, as ``peft`` reads them.

    Args:
        model: of :func:`aigc_book.training.lora.adapt`.
        folder: where to; made if it isn't there. It should not be the model's own.
        base_name: folder or hub's name of the model without corrections, for ``peft``'s ``AutoPeftModel``.

    Raises:
        ValueError: no corrections, some of them scaled with √r and some not, a parameter that is trained and belongs to
            neither a correction nor a part that is trained whole, such a part of which another's name ends in the name,
            or a folder that holds a model.
        FloatingPointError: a trained parameter is infinite or not a number.
        OSError: the disk is full; the message names the folder.
    """
    layers = adapters_of(model)
    if not layers:
        raise ValueError("the model has no LoRA layers to save; training.lora.adapt puts them in")
    folder = Path(folder).expanduser()
    if (folder / "config.json").is_file():
        raise ValueError(f"{folder} holds a model; save the adapter to a folder of its own")
    if len({layer.rank_stabilised for layer in layers.values()}) > 1:
        raise ValueError(
            "one file can't say of some layers that they are scaled with the root of the rank; all or none"
        )
    check_finite(model)
    tensors: dict[str, Tensor] = {}
    ranks: dict[str, int] = {}
    alphas: dict[str, float] = {}
    blocks: dict[str, list[tuple[str, int]]] = {}
    for theirs, parts in _grouped(model, layers).items():
        a, b, alpha, separate = _stacked(model, parts, layers)
        tensors[f"{PREFIX}{theirs}{A}"], tensors[f"{PREFIX}{theirs}{B}"] = a, b
        ranks[theirs], alphas[theirs] = len(a), alpha
        if separate:
            blocks[theirs] = [(part, layers[part].rank) for part in parts if part in layers]
    rank, alpha = (Counter(values.values()).most_common(1)[0][0] for values in (ranks, alphas))
    whole, names = _trained_whole(model), {ours: theirs for theirs, parts in _modules(model).items() for ours in parts}
    for path in whole:
        for name, tensor in model.get_submodule(path).state_dict().items():
            inner = f"{path}.{name}".rpartition(".")
            tensors[f"{PREFIX}{names.get(inner[0], inner[0])}.{inner[2]}"] = tensor
    for name in (names.get(path, path) for path in whole):
        alike = [path for path, _ in model.named_modules() if path not in whole and path.endswith(f".{name}")]
        if alike:
            raise ValueError(
                f"{name!r} was trained whole, and peft would take {alike[0]!r} for it too, whose name ends alike; "
                "give the part another name"
            )
    any_layer = next(iter(layers.values()))
    config = {
        "peft_type": "LORA",
        "task_type": None,
        "base_model_name_or_path": base_name,
        "inference_mode": True,
        "r": rank,
        "lora_alpha": alpha,
        "lora_dropout": any_layer.dropout,
        "use_rslora": any_layer.rank_stabilised,
        "target_modules": sorted(ranks),
        "modules_to_save": [names.get(path, path) for path in whole] or None,
        "rank_pattern": {re.escape(name): r for name, r in ranks.items() if r != rank},
        "alpha_pattern": {re.escape(name): value for name, value in alphas.items() if value != alpha},
        "bias": "none",
        "fan_in_fan_out": any(name.endswith(("c_attn", "c_proj", "c_fc")) for name in ranks),  # GPT-2's own layer
    }
    metadata = {"format": "pt"} | ({BLOCKS: json.dumps(blocks)} if blocks else {})
    with write_files_aside(folder, stale=(CONFIG, "adapter_model.*"), last=CONFIG) as aside:
        saved = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        save_file(saved, aside / WEIGHTS, metadata=metadata)
        (aside / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def load_adapter(model: nn.Module, folder: str | os.PathLike[str]) -> nn.Module:
    """The model with the corrections of a folder that :func:`save_adapter` or ``peft`` wrote; the model stays as it is.

    Args:
        model: the one that the adapter was trained on; nothing in the files can tell whether it is.
        folder: with ``adapter_config.json`` and ``adapter_model.safetensors``.

    Returns:
        as :func:`aigc_book.training.lora.adapt`: it can be trained further, merged, or used as it is.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: another kind of adapter, or a setting that is not one of ours (DoRA, trained biases, initial values
            that change the model …); layers that the model doesn't have (the message lists what there is), or of other
            sizes; tensors that are missing, left over, or of another rank than the settings say; damaged files.
    """
    folder = Path(folder).expanduser()
    config = _read_config(folder / CONFIG)
    tensors, metadata = _read_tensors(folder / WEIGHTS)
    if adapters_of(model):
        raise ValueError("the model has LoRA layers already; merge them (training.lora.merged) before it gets others")
    pairs, rest = _pairs(tensors, folder / WEIGHTS)
    modules = _modules(model)
    blocks = _read_blocks(metadata)
    _check_complete(model, config, modules, pairs, folder)
    adapted = same_numbers(model)
    for theirs, (a, b) in pairs.items():
        rank, alpha = (
            _setting(config, "rank_pattern", theirs, "r"),
            _setting(config, "alpha_pattern", theirs, "lora_alpha"),
        )
        if a.dim() != 2 or b.dim() != 2 or not len(a) == b.size(1) == rank:
            raise ValueError(
                f"{folder}: {theirs} should have rank {rank}; A is {tuple(a.shape)}, and B {tuple(b.shape)}"
            )
        scale = alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)
        parts = modules.get(theirs, (theirs,))
        find_targets(model, parts)
        sizes = [model.get_submodule(part).out_features for part in parts]
        if a.size(1) != model.get_submodule(parts[0]).in_features or len(b) != sum(sizes):
            width = model.get_submodule(parts[0]).in_features
            raise ValueError(
                f"{folder}: {theirs} is {width} → {sum(sizes)} here; A is {tuple(a.shape)}, and B {tuple(b.shape)}"
            )
        first = 0
        own = dict(blocks.get(theirs, ()))
        for part, rows in zip(parts, b.split(sizes), strict=True):
            columns = slice(None) if theirs not in blocks else slice(first, first + own.get(part, 0))
            first += own.get(part, 0)
            if a[columns].numel():
                _put_layer(adapted, part, a[columns], rows[:, columns], scale, config)
    _load_whole(adapted, config, rest, modules, folder)
    return adapted


def _modules(model: nn.Module) -> dict[str, tuple[str, ...]]:
    """The name of each module on disk → ours; what isn't there has our name on disk too."""
    layouts = getattr(model, "layouts", ())
    if not layouts:
        return {}
    settings = dataclasses.asdict(getattr(model.config, "resolved", model.config))
    return next(layout for layout in layouts if layout.holds(settings)).modules(settings)


def _grouped(model: nn.Module, layers: dict[str, LoRALinear]) -> dict[str, tuple[str, ...]]:
    """The name on disk of what has corrections → ours, all those that lie side by side there."""
    modules = _modules(model)
    theirs = {ours: name for name, parts in modules.items() for ours in parts}
    names = dict.fromkeys(theirs.get(path, path) for path in layers)
    return {name: modules.get(name, (name,)) for name in names}


def _stacked(
    model: nn.Module, parts: tuple[str, ...], layers: dict[str, LoRALinear]
) -> tuple[Tensor, Tensor, float, bool]:
    """A and B of all the parts' corrections as one, its α, and whether their A's lie below one another in it."""
    present = [layers[part] for part in parts if part in layers]
    first = present[0]
    if len(parts) == 1:
        return first.lora_a, first.lora_b, first.alpha, False
    alike = all(layer.scale == first.scale and torch.equal(layer.lora_a, first.lora_a) for layer in present)
    if len(present) == len(parts) and alike:
        return first.lora_a, torch.cat([layer.lora_b for layer in present]), first.alpha, False
    a = torch.cat([layer.lora_a for layer in present])  # (Σ r, C)
    total = len(a)
    alpha = first.scale * (math.sqrt(total) if first.rank_stabilised else total)
    rows, column = [], 0
    for part in parts:
        block = a.new_zeros(model.get_submodule(part).lora_b.size(0) if part in layers else _out(model, part), total)
        if part in layers:
            layer = layers[part]
            block[:, column : column + layer.rank] = layer.lora_b.detach() * (layer.scale / first.scale)
            column += layer.rank
        rows.append(block)
    return a, torch.cat(rows), alpha, True


def _out(model: nn.Module, path: str) -> int:
    return model.get_submodule(path).out_features


def _trained_whole(model: nn.Module) -> list[str]:
    """The largest parts of which every parameter is trained, corrections apart.

    Raises:
        ValueError: a trained parameter is in none.
    """
    layers = adapters_of(model)
    found: list[str] = []
    for path, module in model.named_modules():
        parameters = list(module.parameters())
        inside = any(path == top or path.startswith(f"{top}.") for top in (*found, *layers))
        if path and parameters and not inside and all(p.requires_grad for p in parameters):
            found.append(path)
    for name, parameter in model.named_parameters():
        if parameter.requires_grad and not any(name.startswith(f"{top}.") for top in (*found, *layers)):
            raise ValueError(f"{name!r} is trained, and neither a correction nor a whole part; it can't be saved")
    return found


def _put_layer(model: nn.Module, path: str, a: Tensor, b: Tensor, scale: float, config: dict[str, Any]) -> None:
    rank, rooted = len(a), bool(config.get("use_rslora"))
    alpha = scale * (math.sqrt(rank) if rooted else rank)
    dropout = config.get("lora_dropout") or 0.0
    layer = LoRALinear(model.get_submodule(path), rank, alpha, dropout=dropout, rank_stabilised=rooted)
    with torch.no_grad():
        layer.lora_a.copy_(a)
        layer.lora_b.copy_(b)
    layer.train(model.training)
    put(model, path, layer)


def _load_whole(
    model: nn.Module, config: dict[str, Any], rest: dict[str, Tensor], modules: dict[str, tuple[str, ...]], folder: Path
) -> None:
    """Parts that were trained whole."""
    rest = dict(rest)
    for name in config.get("modules_to_save") or ():
        path = train_whole(model, *modules.get(name, (name,)))
        theirs = {ours: their for their, parts in modules.items() for ours in parts}
        own = dict(model.get_submodule(path).named_parameters())
        for leaf, parameter in own.items():
            inner = f"{path}.{leaf}".rpartition(".")
            key = f"{theirs.get(inner[0], inner[0])}.{inner[2]}"
            tensor = rest.pop(key, None)
            if tensor is None or tensor.shape != parameter.shape:
                came = "it is missing" if tensor is None else f"got {tuple(tensor.shape)}"
                raise ValueError(f"{folder}: {key} should be {tuple(parameter.shape)}; {came}")
            with torch.no_grad():
                parameter.copy_(tensor)
    if rest:
        raise ValueError(f"{folder}: {sorted(rest)[0]!r} is neither A or B of a layer nor of a part in modules_to_save")


def _read_config(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise FileNotFoundError(f"expected {file}; it is missing. An adapter is a folder with {CONFIG} and {WEIGHTS}")
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{file} is damaged: {error}") from error
    if not isinstance(config, dict) or config.get("peft_type") != "LORA":
        came = config.get("peft_type") if isinstance(config, dict) else type(config).__name__
        raise ValueError(f"{file}: peft_type must be LORA; got {came!r}")
    for name, value in config.items():
        if name not in (*HARMLESS, *HONOURED) and value not in (None, False, {}, []):
            raise ValueError(f"{file}: an adapter with {name}={value!r} is not supported")
    if config.get("bias", "none") != "none":
        raise ValueError(f"{file}: an adapter with bias={config['bias']!r} is not supported; expected 'none'")
    start = config.get("init_lora_weights")
    if isinstance(start, str) and start.startswith(CHANGES_THE_MODEL):
        raise ValueError(f"{file}: init_lora_weights={start!r} changes the model beside the adapter; not supported")
    _check_settings(file, config)
    return config


def _read_tensors(file: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    if not file.is_file():
        raise FileNotFoundError(f"expected {file}; it is missing. An adapter is a folder with {CONFIG} and {WEIGHTS}")
    try:
        with safe_open(file, "pt") as opened:
            tensors = {name: opened.get_tensor(name).clone() for name in opened.keys()}  # noqa: SIM118
            return tensors, opened.metadata() or {}
    except SafetensorError as error:
        raise ValueError(f"{file} is truncated or no safetensors file: {error}") from error


def _read_blocks(metadata: dict[str, str]) -> dict[str, list[tuple[str, int]]]:
    return {name: [tuple(pair) for pair in pairs] for name, pairs in json.loads(metadata.get(BLOCKS, "{}")).items()}


def _pairs(tensors: dict[str, Tensor], file: Path) -> tuple[dict[str, tuple[Tensor, Tensor]], dict[str, Tensor]]:
    """A and B by layer, and what else there is, all without the prefix."""
    plain = {name.removeprefix(PREFIX): tensor for name, tensor in tensors.items()}
    layers = dict.fromkeys(name.removesuffix(A).removesuffix(B) for name in plain if name.endswith((A, B)))
    for layer in layers:
        for end in (A, B):
            if f"{layer}{end}" not in plain:
                raise ValueError(f"{file} lacks {layer}{end}")
    if not layers:
        raise ValueError(f"{file} holds no corrections (names that end in {A} and {B})")
    pairs = {layer: (plain.pop(f"{layer}{A}"), plain.pop(f"{layer}{B}")) for layer in layers}
    return pairs, plain


def _check_complete(
    model: nn.Module, config: dict[str, Any], modules: dict[str, tuple[str, ...]], pairs: dict[str, Any], folder: Path
) -> None:
    """Refuse a file without the corrections of a layer that ``target_modules`` names: it was cut, or is another's."""
    names = config.get("target_modules")
    if names is None or config.get("layers_to_transform") is not None or config.get("exclude_modules"):
        return
    theirs = {ours: name for name, parts in modules.items() for ours in parts}
    linear = [path for path, module in model.named_modules() if isinstance(module, nn.Linear)]
    for layer in dict.fromkeys(theirs.get(path, path) for path in linear):
        if isinstance(names, str):
            is_target = names.lower() != "all-linear" and re.fullmatch(names, layer) is not None
        else:
            is_target = _ends_like_one(layer, names)
        if is_target and layer not in pairs and not _ends_like_one(layer, config.get("modules_to_save") or ()):
            raise ValueError(f"{folder}: {WEIGHTS} lacks {layer}{A}, though target_modules={names!r} names the layer")


def _ends_like_one(layer: str, names: list[str]) -> bool:
    return any(layer == name or layer.endswith(f".{name}") for name in names)


def _check_settings(file: Path, config: dict[str, Any]) -> None:
    """Refuse settings whose values can't be honoured."""

    def is_positive(value: Any) -> bool:
        return not isinstance(value, bool) and isinstance(value, int | float) and 0 < value < math.inf

    for name in ("r", "lora_alpha"):
        if not is_positive(config.get(name)):
            raise ValueError(f"{file}: {name} must be a positive number; got {config.get(name)!r}")
    for name in ("rank_pattern", "alpha_pattern"):
        values = config.get(name) or {}
        if not isinstance(values, dict) or not all(is_positive(v) and _is_pattern(k) for k, v in values.items()):
            raise ValueError(f"{file}: {name} must give positive numbers to names of layers; got {values!r}")
    dropout = config.get("lora_dropout")
    if dropout is not None and (not isinstance(dropout, int | float) or not 0 <= dropout < 1):
        raise ValueError(f"{file}: lora_dropout must be in [0, 1); got {dropout!r}")
    if config.get("use_rslora") not in (None, False, True):
        raise ValueError(f"{file}: use_rslora must be true or false; got {config['use_rslora']!r}")
    for name, also in (("target_modules", str), ("modules_to_save", ())):
        value = config.get(name)
        is_list = isinstance(value, list) and all(isinstance(each, str) for each in value)
        if not (value is None or is_list or (isinstance(value, also) and _is_pattern(value))):
            raise ValueError(f"{file}: {name} must be a list of names of layers; got {value!r}")


def _is_pattern(text: str) -> bool:
    try:
        return bool(re.compile(text))
    except re.error:
        return False


def _setting(config: dict[str, Any], pattern: str, layer: str, default: str) -> Any:
    """What the settings say of one layer: a pattern fits the end of its name, as in ``peft``."""
    for key, value in (config.get(pattern) or {}).items():
        if re.fullmatch(rf"(.*\.)?({key})", layer):
            return value
    return config[default]
