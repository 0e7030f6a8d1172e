"""The embedded digits: what they are, that splits share nothing, and what captions say against the pixels."""

import pytest
import torch
from sklearn.datasets import load_digits

from aigc_book.data.images import NAMES, digits


def keys(images) -> set[bytes]:
    return {image.numpy().tobytes() for image in images}


@pytest.mark.parametrize(("split", "n"), [("train", 1257), ("validation", 180), ("test", 360), ("all", 1797)])
def test_shapes_dtypes_and_range(split, n):
    data = digits(split)
    assert len(data) == n
    assert data.images.shape == (n, 1, 8, 8) and data.images.dtype == torch.float32
    assert data.labels.shape == (n,) and data.labels.dtype == torch.int64
    assert data.images.min() == 0 and data.images.max() == 1
    assert set(data.labels.tolist()) == set(range(10))
    torch.testing.assert_close(data.images * 16, (data.images * 16).round(), rtol=0, atol=0)


def test_splits_are_a_partition_of_scikit_learns_images():
    parts = [keys(digits(split).images) for split in ("train", "validation", "test")]
    everything = keys(torch.from_numpy(load_digits().images / 16).float()[:, None])
    assert set.union(*parts) == everything == keys(digits("all").images)
    assert sum(map(len, parts)) == len(everything) == 1797  # no image in two splits, and none twice


def test_labels_belong_to_their_images():
    label_of = {
        image.numpy().tobytes(): int(label)
        for image, label in zip(torch.from_numpy(load_digits().images).float(), load_digits().target, strict=True)
    }
    data = digits("test", seed=5)
    assert [label_of[(16 * image[0]).numpy().tobytes()] for image in data.images] == data.labels.tolist()


def test_captions_name_the_digit_and_weigh_its_ink():
    data = digits("all")
    ink = data.images.mean(dim=(1, 2, 3))
    weight = [caption.split()[1:-1] for caption in data.captions]
    assert [caption.split()[-1] for caption in data.captions] == [NAMES[label] for label in data.labels]
    for digit in range(10):
        thin, plain, bold = (
            [float(ink[i]) for i in range(len(data)) if data.labels[i] == digit and weight[i] == words]
            for words in (["thin"], [], ["bold"])
        )
        assert max(thin) < min(plain) and max(plain) < min(bold)
        assert min(len(thin), len(plain), len(bold)) > 0.25 * (len(thin) + len(plain) + len(bold))
    assert {"an eight", "a thin eight", "a bold zero"} <= set(data.captions)
    assert len(set(data.captions)) == 30


def test_a_caption_does_not_depend_on_the_split_or_the_seed():
    first, other = digits("all"), digits("all", seed=7)
    caption = dict(zip((i.numpy().tobytes() for i in first.images), first.captions, strict=True))
    assert [caption[i.numpy().tobytes()] for i in other.images] == other.captions


def test_the_seed_decides():
    assert torch.equal(digits(seed=3).images, digits(seed=3).images)
    assert keys(digits("test", seed=3).images) != keys(digits("test", seed=4).images)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"split": "dev"}, "split must be one of .*'test'.*; got 'dev'"),
        ({"seed": -1}, "seed must be an integer of 0 or more; got -1"),
        ({"seed": 0.5}, "seed must be an integer of 0 or more; got 0.5"),
    ],
)
def test_bad_input(arguments, says):
    with pytest.raises(ValueError, match=says):
        digits(**arguments)
