"""Models on disk as Hugging Face keeps them: a ``config.json``, and weights in safetensors files (no code runs).

What is the same for every family of models stands here; the names and settings of a family stand in its own file, as in
:mod:`aigc_book.models.gpt_layouts`.
"""

import json
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn


def find_folder(name: str | Path) -> Path:
    """The folder itself, or a local copy of the hub's model of that name.

    Raises:
        FileNotFoundError: neither can be had; the message says what to do.
    """
    folder = Path(name)
    if folder.is_dir():
        return folder
    if isinstance(name, Path) or str(name).count("/") > 1 or str(name).startswith((".", "/", "~")):
        raise FileNotFoundError(f"expected a folder with config.json and *.safetensors; there is no folder {name}")
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(str(name), allow_patterns=["config.json", "*.safetensors*"]))
    except Exception as error:  # whatever the hub's client raises offline, for a bad name, or for a gated model
        raise FileNotFoundError(
            f"{name!r} is no folder here, and the Hugging Face hub did not give a model of that name "
            f"({type(error).__name__}). Offline, give the path of a folder with config.json and *.safetensors."
        ) from error


def read_config(folder: Path) -> dict:
    """What ``config.json`` says.

    Raises:
        FileNotFoundError: it is missing.
        ValueError: it is no JSON.
    """
    file = folder / "config.json"
    if not file.is_file():
        raise FileNotFoundError(f"expected {file}; it is missing")
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{file} is damaged: {error}") from error


def read_tensors(folder: Path) -> dict[str, Tensor]:
    """The tensors of ``model.safetensors``, or of all the files that ``model.safetensors.index.json`` names.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is damaged.
    """
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    else:
        names = ["model.safetensors"]
    tensors: dict[str, Tensor] = {}
    for name in names:
        file = folder / name
        if not file.is_file():
            raise FileNotFoundError(f"expected {file}; it is missing")
        try:
            tensors |= load_file(file)
        except SafetensorError as error:
            raise ValueError(f"{file} is truncated or no safetensors file: {error}") from error
    return tensors


def refuse(config: dict, kind: str, wanted: dict) -> None:
    """Refuse a setting of ``transformers``' config that would make another model than ours.

    Raises:
        ValueError: a setting of ``wanted`` is there with another value.
    """
    for key, value in wanted.items():
        if config.get(key, value) != value:
            raise ValueError(f"a {kind} model with {key}={config[key]!r} is not supported; expected {value!r}")


def rename(tensors: dict[str, Tensor], names: dict[str, str], n_layers: int) -> dict[str, Tensor]:
    """The tensors under new names; one without a new name keeps its own, for :func:`assign` to complain about.

    ``names`` maps old to new, where "{}" stands for the number of a layer.
    """
    table = {old.format(i): new.format(i) for old, new in names.items() for i in range(n_layers)}
    return {table.get(name, name): tensor for name, tensor in tensors.items()}


def assign(model: nn.Module, tensors: dict[str, Tensor], folder: Path) -> None:
    """Make the tensors the model's parameters.

    Raises:
        ValueError: a tensor is missing, left over, or of another shape.
    """
    expected = model.state_dict()
    missing, extra = sorted(expected.keys() - tensors.keys()), sorted(tensors.keys() - expected.keys())
    if missing or extra:
        raise ValueError(f"{folder}: the weights don't fit the config; missing {missing[:3]}, left over {extra[:3]}")
    for name, tensor in tensors.items():
        if tensor.shape != expected[name].shape:
            raise ValueError(f"{folder}: {name} must be {tuple(expected[name].shape)}; got {tuple(tensor.shape)}")
    model.load_state_dict(tensors, assign=True)
    for parameter in model.parameters():
        parameter.requires_grad_(True)


def write(folder: Path, config: dict, tensors: dict[str, Tensor]) -> None:
    """Write ``config.json`` and ``model.safetensors``: aside first, so that a folder never has half a file."""
    folder.mkdir(parents=True, exist_ok=True)
    weights_aside, config_aside = folder / "model.safetensors.part", folder / "config.json.part"
    try:
        save_file(
            {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()},
            weights_aside,
            metadata={"format": "pt"},
        )
        config_aside.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        weights_aside.replace(folder / "model.safetensors")
        config_aside.replace(folder / "config.json")
    finally:
        weights_aside.unlink(missing_ok=True)
        config_aside.unlink(missing_ok=True)
