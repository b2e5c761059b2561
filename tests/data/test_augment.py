import numpy as np
import pytest
import torch

from fairprune.data.augment import flip, parse_augment
from fairprune.errors import SpecError


def images(n=40, channels=3, height=6, width=5):
    return torch.randint(1, 256, (n, channels, height, width), dtype=torch.uint8)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def augmented(text, before, seed=0):
    [change] = parse_augment([text])
    return change.apply(before, change.draw(len(before), generator(seed)))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("pad", [1, 2, 7])
def test_crops_are_those_of_numpy_one_by_one(channels, pad):
    before = images(channels=channels)
    after = augmented(f"pad-crop:{pad}", before)
    top, left = torch.randint(2 * pad + 1, (2, 40), generator=generator()).tolist()
    for i, image in enumerate(before.numpy()):
        padded = np.pad(image, ((0, 0), (pad, pad), (pad, pad)))
        np.testing.assert_array_equal(after[i].numpy(), padded[:, top[i] : top[i] + 6, left[i] : left[i] + 5])


def test_every_place_of_a_crop_is_drawn_about_equally_often():
    white = torch.full((9000, 1, 1, 1), 255, dtype=torch.uint8)
    grid = torch.zeros(9000, 1, 3, 3, dtype=torch.uint8)
    grid[:, :, 1:2, 1:2] = white  # one white pixel in the middle shows where the crop lies
    moved = augmented("pad-crop:1", grid)
    counts = (moved == 255).sum(0).flatten()
    assert counts.sum() == 9000
    assert counts.min() > 850  # 1,000 expected, deviation 30
    assert counts.max() < 1150


def test_flips_mirror_some_and_leave_the_others():
    before = images()
    after = augmented("flip", before)
    mirrored = torch.randint(2, (40,), generator=generator()).tolist()
    assert 0 < sum(mirrored) < 40
    for i, swap in enumerate(mirrored):
        expected = before[i].numpy()[:, :, ::-1] if swap else before[i].numpy()
        np.testing.assert_array_equal(after[i].numpy(), expected)


def test_half_of_the_images_are_flipped():
    before = torch.tensor([[0, 1]], dtype=torch.uint8).expand(10_000, 1, 1, 2)
    share = (augmented("flip", before)[:, 0, 0, 0] == 1).double().mean()
    assert abs(share - 0.5) < 0.02  # four deviations


@pytest.mark.parametrize("text", ["pad-crop:2", "flip"])
def test_the_same_seed_draws_the_same_and_the_input_stays(text):
    before = images()
    kept = before.clone()
    assert torch.equal(augmented(text, before, 5), augmented(text, before, 5))
    assert not torch.equal(augmented(text, before, 5), augmented(text, before, 6))
    assert torch.equal(before, kept)


def test_augmentations_are_parsed_in_order():
    crop, mirror = parse_augment(("pad-crop:4", "flip"))
    assert crop.apply.keywords == {"pad": 4}
    assert mirror.apply is flip
    assert parse_augment(()) == ()


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("flop", "did you mean 'flip'?"),
        ("flip:1", "flip takes no value"),
        ("pad-crop", "pad-crop:4"),
        ("pad-crop:0", "above 0"),
        ("pad-crop:-4", "above 0"),
        ("pad-crop:x", "above 0"),
        ("padcrop:4", "did you mean 'pad-crop:N'?"),
    ],
)
def test_what_is_no_augmentation_is_refused_in_one_line(text, part):
    with pytest.raises(SpecError, match="augmentation") as error:
        parse_augment([text])
    assert part in str(error.value)
    assert "\n" not in str(error.value)
