"""The folder in which a model is kept: a ``config.json`` and safetensors files, which run no code when they are read.

A folder says one thing or is refused: two sets of weights beside each other, an index that names other files than are
there, or a name twice in ``config.json`` are errors that say what to do. Writing leaves nothing of an older one there.
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from aigc_book.files import write_files_aside

CONFIG, GENERATION = "config.json", "generation_config.json"
WEIGHTS, INDEX, SHARDS = "model.safetensors", "model.safetensors.index.json", "model-*-of-*.safetensors"
# What programs that read our folder would take for weights, or put on top of them.
STALE = (
    WEIGHTS,
    INDEX,
    SHARDS,
    "pytorch_model*.bin",
    "pytorch_model.bin.index.json",
    "adapter_config.json",
    "adapter_model.*",
    GENERATION,
)
OTHER_FORMATS = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.h5", "*.msgpack", "*.gguf", "*.onnx", "*.pkl", "*.npz")
NEEDED = f"a folder with {CONFIG} and {WEIGHTS}"
TABLES = (".attn.bias", "position_ids")  # not weights: a causal mask and positions, which old files carry
FLOATS = (torch.float64, torch.float32, torch.float16, torch.bfloat16)


def find_folder(name: str | Path) -> Path:
    """The folder itself, or a local copy of the hub's model of that name.

    Raises:
        FileNotFoundError: neither can be had; the message says what to do.
        TypeError: no path and no name.
    """
    if not isinstance(name, str | Path):
        raise TypeError(f"expected {NEEDED}, by its path or by its name on the hub; got {type(name).__name__}")
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    if folder.is_file():
        raise FileNotFoundError(f"expected {NEEDED}; {name} is a file. Give the folder that it stands in")
    if isinstance(name, Path) or not str(name) or str(name).count("/") > 1 or str(name).startswith((".", "/", "~")):
        raise FileNotFoundError(f"expected {NEEDED}; there is no folder {name}")
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(str(name), allow_patterns=["config.json", "*.safetensors*"]))
    except Exception as error:  # whatever the hub's client raises offline, for a bad name, or for a gated model
        raise FileNotFoundError(
            f"{name!r} is no folder here, and the Hugging Face hub did not give a model of that name "
            f"({type(error).__name__}). Offline, give the path of {NEEDED}."
        ) from error


def read_json(file: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        FileNotFoundError: it is missing.
        ValueError: it is damaged, holds something else than an object, or says one name twice.
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        said: dict[str, Any] = {}
        for name, value in pairs:
            if name in said and said[name] != value:
                raise ValueError(f"it says {name!r} twice")
            said[name] = value
        return said

    if not file.is_file():
        raise FileNotFoundError(f"expected {file}; it is missing. A model is {NEEDED}")
    try:
        found = json.loads(file.read_text(encoding="utf-8-sig"), object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        if pointer := _pointer(file):
            raise ValueError(pointer) from error
        raise ValueError(f"{file} is damaged: {error}; fetch or save the model again") from error
    if not isinstance(found, dict):
        raise ValueError(f"{file} must hold an object, {{...}}; got a {type(found).__name__}. Save the model again")
    return found


def read_tensors(folder: Path) -> dict[str, Tensor]:
    """The tensors of ``model.safetensors``, or of all the files that ``model.safetensors.index.json`` names.

    Raises:
        FileNotFoundError: a file is missing, or the weights are there in another format only.
        ValueError: files are damaged or contradict one another, or hold whole numbers or 8-bit floats.
    """
    index, shards = folder / INDEX, {path.name for path in folder.glob(SHARDS)}
    if (folder / "adapter_config.json").is_file():
        raise ValueError(
            f"{folder} holds an adapter (adapter_config.json) beside the weights that it would change; merge it into "
            "them (PEFT's merge_and_unload) or take its files away"
        )
    if index.is_file():
        if (folder / WEIGHTS).is_file():
            raise ValueError(f"{folder} holds two models, {WEIGHTS} and the one of {INDEX}; remove the older one")
        places = _read_index(index)
        names = sorted(set(places.values()))
    elif (folder / WEIGHTS).is_file() or not shards:
        names, places = [WEIGHTS], None
    else:
        raise FileNotFoundError(f"{folder} holds {min(shards)}, but no {INDEX}, which says what is where; fetch it")
    if left := shards.difference(names):
        raise ValueError(f"{folder} holds {min(left)} beside {names[0]}, which is no part of it; remove what is older")
    tensors: dict[str, Tensor] = {}
    for name in names:
        part = _read_file(folder / name)
        for key, tensor in part.items():
            if (places is not None and places.get(key, name) != name) or key in tensors:
                raise ValueError(f"{folder}: {name} holds {key!r}, which {INDEX} expects in {places[key]}")
            if tensor.dtype not in FLOATS and not key.endswith(TABLES):
                raise ValueError(
                    f"{folder / name}: {key} is {tensor.dtype}; expected floats. Quantised weights are not supported"
                )
        tensors |= part
    if places is not None and (lost := sorted(places.keys() - tensors.keys())):
        raise ValueError(f"{folder}: {places[lost[0]]} lacks {lost[0]!r}, which {INDEX} expects there; fetch it again")
    return tensors


def write(folder: str | Path, config: dict[str, Any], tensors: dict[str, Tensor], generation: dict | None) -> None:
    """Write ``config.json``, ``model.safetensors``, and ``generation_config.json`` unless that is None.

    All of it is written aside first; weights of an older model, in whatever format, are taken away.

    Raises:
        OSError: the disk is full; the message names the folder.
    """
    with write_files_aside(folder, stale=STALE, last=CONFIG) as aside:
        save_file(
            {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()},
            aside / WEIGHTS,
            metadata={"format": "pt"},
        )
        for name, values in ((CONFIG, config), (GENERATION, generation)):
            if values is not None:
                (aside / name).write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def _read_index(index: Path) -> dict[str, str]:
    """Tensor → file."""
    places = read_json(index).get("weight_map")
    if not isinstance(places, dict) or not places or not all(isinstance(name, str) for name in places.values()):
        raise ValueError(f"{index} must hold a weight_map, which says in which file each tensor is; fetch it again")
    for name in places.values():
        if Path(name).name != name or "\\" in name:
            raise ValueError(f"{index} names {name!r}; expected names of files in the same folder")
    return places


def _read_file(file: Path) -> dict[str, Tensor]:
    if not file.is_file():
        others = sorted(path.name for pattern in OTHER_FORMATS for path in file.parent.glob(pattern))
        if file.name == WEIGHTS and others:
            raise FileNotFoundError(
                f"expected {file}; there is {others[0]}, a format that isn't read here (a .bin or .pt may run code). "
                f"Convert it once, with the class of transformers that {CONFIG} names under architectures: "
                "Class.from_pretrained(folder).save_pretrained(new_folder)"
            )
        others = sorted(path.name for path in file.parent.glob("*.safetensors"))
        raise FileNotFoundError(
            f"expected {file}; it is missing" + f" (there is {', '.join(others)})" * bool(others) + "; fetch it"
        )
    try:
        return load_file(file)
    except SafetensorError as error:
        if pointer := _pointer(file):
            raise ValueError(pointer) from error
        raise ValueError(f"{file} is truncated or no safetensors file: {error}; fetch or save it again") from error


def _pointer(file: Path) -> str | None:
    """What to do if the file is what Git leaves where its large files weren't fetched; None if it isn't."""
    with file.open("rb") as opened:
        if opened.read(19) != b"version https://git":
            return None
    return f"{file} is Git's pointer to a large file, not the file; run git lfs pull in its folder, or download it"
