"""This package's own layout: a config's fields in ``config.json``, and tensors under the names that the model has.

It holds every model, and it is what a checkpoint of :func:`aigc_book.training.loop.fit` is written in.
"""

import dataclasses
import types
import typing
from typing import Any

from aigc_book.models.disk.layout import Tensors
from aigc_book.models.disk.settings import Settings


class OwnLayout:
    """The layout of one of our models.

    Args:
        model_type: how ``config.json`` calls it, such as ``aigc_book_gpt``.
        config: the class of its settings.
        part: of another model of the family only the tensors below this name are read, such as a classifier's
            ``encoder``; such a layout is never written.
    """

    generation = None

    def __init__(self, model_type: str, config: type, *, part: str = ""):
        self.model_type, self._config, self._part = model_type, config, part and f"{part}."

    def read(self, config: Settings, stored: Tensors) -> tuple[dict[str, Any], Tensors]:
        """The settings, all of which must be there and of the right type, and the tensors as they are.

        A field whose metadata says ``since`` is younger than some files; where it is missing it has its default.

        Raises:
            ValueError: a setting is missing, unknown, or of another type.
        """
        settings = {key: value for key, value in config.values.items() if key != "model_type"}
        hints = typing.get_type_hints(self._config)
        fields = dataclasses.fields(self._config)
        names = [field.name for field in fields]
        settings |= {f.name: f.default for f in fields if "since" in f.metadata and f.name not in settings}
        for wrong, word in ((set(names) - settings.keys(), "lacks"), (settings.keys() - set(names), "has an unknown")):
            if wrong:
                raise config.error(f"it {word} {sorted(wrong)[0]!r}; expected {', '.join(names)}. Save the model again")
        for name, value in settings.items():
            if name in config.values:
                config.get(name)
            if not _fits(value, hints[name]):
                hint = getattr(hints[name], "__name__", str(hints[name]))
                raise config.error(f"{name} must be {hint}; got {value!r}")
        part = self._part
        return settings, {name.removeprefix(part): t for name, t in stored.items() if name.startswith(part)}

    def holds(self, settings: dict[str, Any]) -> bool:
        """Always, unless it is for reading a part."""
        return not self._part

    def write(self, settings: dict[str, Any], tensors: Tensors) -> tuple[dict[str, Any], Tensors]:
        """Both as they are."""
        return settings, tensors

    def modules(self, settings: dict[str, Any]) -> dict[str, tuple[str, ...]]:
        """None has another name than ours."""
        return {}


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value from JSON is of a field's type: a list for a tuple, a whole number for a float."""
    if isinstance(hint, types.UnionType):
        return any(_fits(value, option) for option in typing.get_args(hint))
    if typing.get_origin(hint) is tuple:
        return isinstance(value, list) and all(_fits(item, typing.get_args(hint)[0]) for item in value)
    return type(value) in ((int, float) if hint is float else (hint,))
