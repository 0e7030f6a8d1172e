"""Real images that are there without a download: scikit-learn's handwritten digits, with captions."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
# Where each split begins and ends in the shuffled 1,797 images.
_SPLITS = {"train": (0, 1257), "validation": (1257, 1437), "test": (1437, 1797), "all": (0, 1797)}


@dataclass(frozen=True)
class Digits:
    """N handwritten digits, their labels, and what they show in words."""

    images: Tensor  #: (N, 1, 8, 8) float32 from 0 (paper) to 1 (ink)
    labels: Tensor  #: (N,) int64 from 0 to 9
    captions: list[str]  #: such as ``"a bold seven"``

    def __len__(self) -> int:
        return len(self.captions)


def digits(split: str = "train", *, seed: int = 0) -> Digits:
    """The 8 × 8 digits of scikit-learn: 1,797 real images that come with the library.

    13 people wrote them on forms; the scans of 32 × 32 black and white pixels were reduced to 8 × 8 by counting the ink
    in blocks of 4 × 4, so that a pixel has 17 possible values (Alpaydin and Kaynak 1998, *Optical recognition of
    handwritten digits*, UCI machine learning repository, of which this is the test set). Our splits share writers.

    A caption has the digit's name, and ``thin`` or ``bold`` where the image is in the lightest or the darkest third of
    all images of that digit.

    Args:
        split: ``"train"`` (1,257 images), ``"validation"`` (180), ``"test"`` (360), which have no image in common, or
            ``"all"``.
        seed: of the shuffling that decides which image is in which split, and in which order.

    Raises:
        ValueError: there is no such split, or the seed is not an integer of 0 or more.
    """
    if split not in _SPLITS:
        raise ValueError(f"split must be one of {tuple(_SPLITS)}; got {split!r}")
    if type(seed) is not int or seed < 0:
        raise ValueError(f"seed must be an integer of 0 or more; got {seed!r}")
    from sklearn.datasets import load_digits  # here, because it takes a second to import

    bunch = load_digits()
    images, labels = bunch.images / 16, bunch.target  # (1797, 8, 8), (1797,)
    captions = _captions(images.mean(axis=(1, 2)), labels)
    begin, end = _SPLITS[split]
    chosen = np.random.default_rng(seed).permutation(len(labels))[begin:end]
    return Digits(
        images=torch.from_numpy(images[chosen]).float().unsqueeze(1),
        labels=torch.from_numpy(labels[chosen]).long(),
        captions=[captions[i] for i in chosen],
    )


def _captions(ink: np.ndarray, labels: np.ndarray) -> list[str]:
    thirds = np.stack([np.quantile(ink[labels == digit], (1 / 3, 2 / 3)) for digit in range(10)])  # (10, 2)
    light, dark = ink < thirds[labels, 0], ink > thirds[labels, 1]
    weights = np.where(light, "thin ", np.where(dark, "bold ", ""))
    return [f"a{'n' if not w and d == 8 else ''} {w}{NAMES[d]}" for w, d in zip(weights, labels, strict=True)]
