"""Checkpoints: everything needed to go on bit for bit, in files that are whole or not there at all.

A checkpoint is a folder ``step-00000500`` with ``model.safetensors`` (the weights), ``state.pt`` (optimizers, gradient
scaler, position in the data, random states; tensors and plain values only), ``history.json``, and ``checkpoint.json``
with the settings and the SHA-256 digests of the others. Reading any of them executes no code. Of a model with a config
there is a ``config.json`` too, so that ``GPT.from_pretrained`` opens the folder as a model.
"""

import hashlib
import itertools
import json
import math
import os
import pickle
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from aigc_book.files import remove_folder, sweep, write_folder_aside
from aigc_book.training.distributed.shards import local, mesh_of, put, whole
from aigc_book.training.wrapping import unwrapped

LAYOUT = 2
WEIGHTS, STATE, HISTORY, MANIFEST = "model.safetensors", "state.pt", "history.json", "checkpoint.json"
CONFIG = "config.json"
PREFIX = "step-"


class CheckpointError(ValueError):
    """A checkpoint that can't be used; the message says why, and which other one can."""


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds, read and verified."""

    path: Path
    step: int
    validation_loss: float | None
    settings: dict[str, Any]
    weights: dict[str, Tensor]
    state: dict[str, Any]
    history: dict[str, Any]


def model_weights(model: nn.Module, *, keep: bool = True) -> dict[str, Tensor]:
    """The model's parameters and buffers by name; a tensor with several names (tied weights) under its first.

    Of a model that several processes have parts of, all of them must ask, and weights are put together in the CPU's
    memory, one after the other; a process with ``keep=False`` only helps and gets nothing.
    """
    named = _named_tensors(model)
    if all(mesh_of(tensor) is None for tensor in named.values()):
        return named
    weights = {}
    for name, tensor in named.items():
        tensor = whole(tensor)
        if keep:
            weights[name] = tensor.cpu()
    return weights


def _named_tensors(model: nn.Module) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    seen: set[tuple] = set()
    names = dict(unwrapped(model).named_parameters())  # each under its first name
    for name, tensor in unwrapped(model).state_dict().items():
        if mesh_of(tensor) is not None:
            if name in names:
                tensors[name] = tensor
            continue
        place = (tensor.device, tensor.data_ptr(), tensor.shape, tensor.stride())
        if tensor.numel() == 0 or place not in seen:
            tensors[name] = tensor
        seen.add(place)
    return tensors


def load_weights(model: nn.Module, weights: dict[str, Tensor]) -> None:
    """Copy ``weights`` into the model, in place.

    Raises:
        ValueError: another set of names, shapes or dtypes than the model's; nothing is copied then.
    """
    own = _named_tensors(model)
    for wrong, word in (
        (own.keys() - weights.keys(), "lack"),
        (weights.keys() - own.keys(), "have, unlike the model,"),
    ):
        if wrong:
            raise ValueError(
                f"the weights {word} {sorted(wrong)[0]!r}" + f" and {len(wrong) - 1} more" * (len(wrong) > 1)
            )
    for name, tensor in own.items():
        kind, came = (tuple(tensor.shape), tensor.dtype), (tuple(weights[name].shape), weights[name].dtype)
        if kind != came:
            raise ValueError(f"{name!r} should be {kind[1]} of shape {kind[0]}; got {came[1]} of shape {came[0]}")
    with torch.no_grad():
        for name, tensor in own.items():
            put(tensor, weights[name])


def check_finite(model: nn.Module, weights: dict[str, Tensor] | None = None) -> None:
    """Refuse weights that a run has ruined: a checkpoint of them would be worth nothing.

    Args:
        model: whose.
        weights: its parameters, where several processes have put them together; its own if None.

    Raises:
        FloatingPointError: a trained parameter is infinite or not a number somewhere, or a buffer is not a number.
    """
    model, found = unwrapped(model), weights or {}
    trained = {n: found.get(n, p) for n, p in model.named_parameters() if p.requires_grad}
    poisoned = [n for n, p in trained.items() if not bool(local(p).isfinite().all())]
    poisoned += [n for n, b in model.named_buffers() if b.is_floating_point() and bool(b.isnan().any())]
    if poisoned:
        raise FloatingPointError(
            f"{poisoned[0]!r} is not finite" + f", nor are {len(poisoned) - 1} more" * (len(poisoned) > 1)
        )


def check_plain(value: Any, name: str = "state") -> None:
    """Refuse what could not be read back without executing code.

    Raises:
        TypeError: something else than tensors, numbers, strings, None, and dicts, lists and tuples of them.
    """
    if isinstance(value, dict):
        for key, item in value.items():
            check_plain(item, f"{name}[{key!r}]")
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            check_plain(item, f"{name}[{index}]")
    elif type(value) not in (bool, int, float, str, bytes, type(None), torch.dtype) and not isinstance(value, Tensor):
        raise TypeError(f"{name} must be a tensor or a plain value to be saved; got {type(value).__name__}")


def first_difference(there: Any, here: Any, name: str = "") -> str | None:
    """Where two settings differ, in words ("model.n_layers is 6 there and 4 here"), or None."""
    if isinstance(there, dict) and isinstance(here, dict):
        for key in [*there, *(k for k in here if k not in there)]:
            found = first_difference(there.get(key), here.get(key), f"{name}.{key}" if name else str(key))
            if found:
                return found
        return None
    if isinstance(there, list) and isinstance(here, list) and len(there) == len(here):
        pairs = enumerate(zip(there, here, strict=True))
        return next((d for i, (a, b) in pairs if (d := first_difference(a, b, f"{name}[{i}]"))), None)
    return None if there == here else f"{name} is {there!r} there and {here!r} here"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Checkpoints:
    """A folder of checkpoints of one run: the last few, and the one with the lowest validation loss.

    Args:
        folder: made when the first checkpoint is saved; "~" is the home. One run writes to it at a time. Folders that
            somebody else has put there are never removed.
        keep_last: how many of the latest to keep, at least 1.
        keep_best: whether to keep the best besides.

    Raises:
        ValueError: ``keep_last`` is less than 1.
    """

    def __init__(self, folder: str | os.PathLike[str], *, keep_last: int = 2, keep_best: bool = True):
        if keep_last < 1:
            raise ValueError(f"keep_last must be at least 1; got {keep_last}")
        self.folder, self.keep_last, self.keep_best = Path(folder).expanduser(), keep_last, keep_best

    def paths(self) -> list[Path]:
        """The checkpoints that are there, oldest first; also damaged ones."""
        found = [path for path in self.folder.glob(PREFIX + "*") if _step(path) is not None and _has_our_files(path)]
        return sorted(found, key=_step)

    def latest(self) -> Path | None:
        """The checkpoint of the highest step, or None."""
        return next(reversed(self.paths()), None)

    def latest_good(self) -> Path | None:
        """The checkpoint of the highest step whose files are all whole, or None."""
        return self._latest_good(None, None)

    def best(self) -> Path | None:
        """The checkpoint of the lowest validation loss, the earliest of equals; None if none was evaluated to a number.

        NaN is worse than anything.
        """
        losses = []
        for path in self.paths():
            try:
                loss = self._manifest(path)["validation_loss"]
            except CheckpointError:
                continue  # a damaged one is reported when it is loaded
            if loss is not None and not math.isnan(loss):
                losses.append((loss, path))
        return min(losses, key=lambda pair: pair[0])[1] if losses else None

    def save(
        self,
        step: int,
        model: nn.Module,
        state: dict[str, Any],
        history: dict[str, Any],
        settings: dict[str, Any],
        validation_loss: float | None = None,
        *,
        weights: dict[str, Tensor] | None = None,
    ) -> Path:
        """Write a checkpoint aside, make sure that the disk has it, rename it, and only then remove old ones.

        Args:
            step: updates done so far.
            model: its weights are saved.
            state: tensors and plain values; see :func:`check_plain`.
            history: values for JSON.
            settings: values for JSON, compared when the checkpoint is loaded; ``settings["model"]`` is the model's
                config, if it has one.
            validation_loss: what "best" goes by.
            weights: of :func:`model_weights`, where several processes have put them together; asked for if None.

        Returns:
            the new folder.

        Raises:
            TypeError: the state holds something else than tensors and plain values.
            FloatingPointError: the weights aren't finite; see :func:`check_finite`.
            OSError: the disk is full, or can't be written to; earlier checkpoints are untouched and named.
        """
        check_plain(state)
        check_finite(model, weights)
        final = self.folder / f"{PREFIX}{step:08d}"
        if final.exists() and not self._is_ours(final):
            final.rename(_free_name(final))  # not ours to delete
        weights = model_weights(model) if weights is None else weights
        weights = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
        needed = sum(tensor.nbytes for tensor in weights.values())
        try:
            sweep(self.folder)
            with write_folder_aside(final) as aside:
                save_file(weights, aside / WEIGHTS, metadata={"format": "pt"})
                with (aside / STATE).open("wb") as file:
                    torch.save(state, file)
                (aside / HISTORY).write_text(json.dumps(history), encoding="utf-8")
                if settings.get("model") is not None:
                    kind = getattr(unwrapped(model), "model_type", type(unwrapped(model)).__name__)
                    (aside / CONFIG).write_text(json.dumps({"model_type": kind, **settings["model"]}), encoding="utf-8")
                body = {
                    "layout": LAYOUT,
                    "step": step,
                    "validation_loss": validation_loss,
                    "settings": settings,
                    "files": {path.name: _digest(path) for path in sorted(aside.iterdir())},
                }
                digest = hashlib.sha256(json.dumps(body).encode()).hexdigest()
                (aside / MANIFEST).write_text(json.dumps({"digest": digest, **body}, indent=1), encoding="utf-8")
        except (OSError, RuntimeError, SafetensorError) as error:  # a full disk is each of the three, by who writes
            last = self.latest_good()
            left = f"the last one is {last}" if last else "there is no earlier one"
            number = getattr(error, "errno", None)
            message = (
                f"could not save a checkpoint of step {step} to {self.folder}: {error}{self._space(needed)}; {left}"
            )
            raise (OSError(number, message) if number else OSError(message)) from error
        self._thin_out(final)
        return final

    def _space(self, needed: int) -> str:
        """Words for a disk that is too small for the weights alone; torch's own error doesn't say so."""
        there = next((folder for folder in (self.folder, *self.folder.absolute().parents) if folder.exists()), None)
        free = shutil.disk_usage(there).free if there else needed
        return (
            f" (the disk is full: {free:,} bytes are free, the weights alone need {needed:,})" if free < needed else ""
        )

    def _thin_out(self, newest: Path) -> None:
        """Remove what needn't be kept: also checkpoints of later steps, which a run that went back has left behind."""
        paths = self.paths()
        past = paths[: paths.index(newest) + 1]
        for path in paths[len(past) :]:
            self._remove(path)
        kept = {*past[-self.keep_last :], *([self.best()] if self.keep_best else [])}
        for path in past:
            if path not in kept:
                self._remove(path)

    def load(self, path: str | os.PathLike[str] | None = None, settings: dict[str, Any] | None = None) -> Checkpoint:
        """Read and verify a checkpoint.

        Args:
            path: which one; the latest if None.
            settings: what its settings must equal; not compared if None.

        Raises:
            FileNotFoundError: there is none.
            CheckpointError: a file is missing, truncated, changed, or of another layout, or the settings differ. The
                message names the latest good checkpoint in the folder.
        """
        chosen = self.latest() if path is None else Path(path).expanduser()
        if chosen is None or not chosen.is_dir():
            raise FileNotFoundError(f"no checkpoint {'in ' + str(self.folder) if chosen is None else chosen}")
        try:
            body = self._verified(chosen, settings)
            try:
                state = torch.load(chosen / STATE, map_location="cpu", weights_only=True)
            except pickle.UnpicklingError as error:
                raise CheckpointError(f"{chosen / STATE} holds more than tensors and plain values") from error
            return Checkpoint(
                path=chosen,
                step=body["step"],
                validation_loss=body["validation_loss"],
                settings=body["settings"],
                weights=load_file(chosen / WEIGHTS),
                state=state,
                history=json.loads((chosen / HISTORY).read_text(encoding="utf-8")),
            )
        except CheckpointError as error:
            good = self._latest_good(chosen, settings)
            raise CheckpointError(
                f"{error}; " + (f"the last good one is {good}" if good else "no other is good")
            ) from None

    def _latest_good(self, bad: Path | None, settings: dict[str, Any] | None) -> Path | None:
        for path in reversed(self.paths()):
            if bad is None or path.resolve() != bad.resolve():
                try:
                    self._verified(path, settings)
                except CheckpointError:
                    continue
                return path
        return None

    def _verified(self, path: Path, settings: dict[str, Any] | None) -> dict[str, Any]:
        """The manifest, once every file has turned out to be what the manifest says."""
        body = self._manifest(path)
        for name, digest in body["files"].items():
            if not (path / name).is_file():
                raise CheckpointError(f"{path} is damaged: {name} is missing")
            if _digest(path / name) != digest:
                raise CheckpointError(f"{path} is damaged: {name} is not what was saved (truncated or changed)")
        if settings is not None and (difference := first_difference(body["settings"], settings)):
            raise CheckpointError(f"{path} is of another run: {difference}")
        return body

    @staticmethod
    def _manifest(path: Path) -> dict[str, Any]:
        try:
            body = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
            digest = body.pop("digest")
        except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
            raise CheckpointError(f"{path} is not a checkpoint, or a damaged one: {MANIFEST}: {error}") from error
        if hashlib.sha256(json.dumps(body).encode()).hexdigest() != digest:
            raise CheckpointError(f"{path} is damaged: {MANIFEST} is not what was saved (truncated or changed)")
        if body["layout"] != LAYOUT:
            raise CheckpointError(f"{path} has layout {body['layout']}; this version reads layout {LAYOUT}")
        return body

    def _is_ours(self, path: Path) -> bool:
        try:
            return bool(self._manifest(path))
        except CheckpointError:
            return False

    def _remove(self, path: Path) -> None:
        """Take a checkpoint away in one step, then delete its files; what isn't one stays."""
        if self._is_ours(path):
            remove_folder(path)


def _step(path: Path) -> int | None:
    """The step that a folder's name says, or None if it is no name of ours."""
    number = path.name.removeprefix(PREFIX)
    return (
        int(number) if number.isascii() and number.isdecimal() and path.name == f"{PREFIX}{int(number):08d}" else None
    )


def _has_our_files(path: Path) -> bool:
    return any((path / name).is_file() for name in (WEIGHTS, STATE, HISTORY, MANIFEST))


def _free_name(path: Path) -> Path:
    """A name beside ``path`` that nobody has."""
    names = (path.with_name(f"{path.name}.replaced-{n}") for n in itertools.count(1))
    return next(name for name in names if not name.exists())
