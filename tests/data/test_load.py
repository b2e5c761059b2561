import itertools
import textwrap

import pytest
import torch

from fairprune.data.load import load_data
from fairprune.data.raw import Images, Raw
from fairprune.data.split import Split
from fairprune.errors import DataError, SpecError
from fairprune.spec import DataSpec

SOURCE = """
    import torch
    from fairprune.data.raw import Images, Raw

    def images(n, seed):
        pixels = torch.randint(256, (n, 3, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))
        pixels[:, 0, 0, 0] = torch.arange(n) % 256
        pixels[:, 0, 0, 1] = torch.arange(n) // 256
        return Images(pixels, torch.arange(n) % 5)

    def mine(root, *, n: int = 500, test: int = 60):
        return Raw("mine", images(n, 0), images(test, 1) if test else None, 5)

    def broken(root):
        raise KeyError("oops")

    def other(root):
        return [1, 2, 3]

    def floats(root):
        return Raw("floats", Images(torch.zeros(9, 1, 2, 2), torch.zeros(9, dtype=torch.int64)), None, 2)

    def short(root):
        labels = torch.zeros(8, dtype=torch.int64)
        return Raw("short", Images(torch.zeros(9, 1, 2, 2, dtype=torch.uint8), labels), None, 2)

    def odd(root):
        return Raw("odd", images(9, 0), Images(torch.zeros(9, 1, 4, 4, dtype=torch.uint8), torch.arange(9) % 5), 5)

    def grey(root):
        return Raw("grey", Images(torch.zeros(90, 1, 4, 4, dtype=torch.uint8), torch.arange(90) % 5), None, 5)
"""


@pytest.fixture
def load(tmp_path):
    (tmp_path / "sets.py").write_text(textwrap.dedent(SOURCE))

    def loaded(name="mine", **fields):
        return load_data(DataSpec(name=f"sets:{name}", **fields), tmp_path, tmp_path)

    return loaded


def positions(split: Split) -> list[int]:
    images = split.fetch(torch.arange(len(split))).int()
    return (images[:, 0, 0, 0] + 256 * images[:, 0, 0, 1]).tolist()


def test_the_official_test_set_is_used_whole_and_in_order(load):
    data = load()
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 450, "validation": 50, "test": 60}
    assert positions(data.test) == list(range(60))
    assert sorted(positions(data.train) + positions(data.validation)) == list(range(500))
    assert (data.name, data.classes, data.shape) == ("mine", 5, (3, 4, 4))
    assert not data.carved
    assert data.example().shape == (1, 3, 4, 4)


def test_a_carved_test_split_leaves_the_official_one_alone(load):
    data = load(carve_test=100)
    found = [positions(split) for split in data.splits.values()]
    assert [len(p) for p in found] == [360, 40, 100]
    assert sorted(itertools.chain(*found)) == list(range(500))
    assert all(p == sorted(p) for p in found)
    assert data.name == "mine (test split of 100 carved from 500)"
    assert data.carved
    assert data.test.digest != load().test.digest


def test_every_split_is_carved_by_class_and_carries_its_labels(load):
    for split, each in zip(load(carve_test=100).splits.values(), (72, 8, 20), strict=True):
        assert split.labels.bincount().tolist() == [each] * 5
        assert split.labels.tolist() == [p % 5 for p in positions(split)]


def test_without_an_official_test_set_a_fifth_is_carved_and_the_name_says_so(load):
    data = load(options={"test": 0})
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 360, "validation": 40, "test": 100}
    assert data.name == "mine (test split of 100 carved from 500)"
    assert data.carved
    assert {n: s.digest for n, s in data.splits.items()} == {
        n: s.digest for n, s in load(carve_test=100).splits.items()
    }


def test_the_seed_alone_decides_the_splits(load):
    one, same, other = (load(carve_test=100, split_seed=seed) for seed in (0, 0, 1))
    torch.manual_seed(5)
    for name in one.splits:
        assert one.splits[name].digest == same.splits[name].digest
        assert one.splits[name].digest != other.splits[name].digest


def test_the_carved_test_split_does_not_depend_on_validation(load):
    assert load(carve_test=100, validation=0.3).test.digest == load(carve_test=100).test.digest


@pytest.mark.parametrize(("fraction", "n"), [(0.1, 50), (0.0101, 5), (0.0001, 1), (0.5, 250), (0.333, 166)])
def test_validation_has_exactly_its_share(load, fraction, n):
    assert len(load(validation=fraction).validation) == n


def test_statistics_are_of_the_training_split_only(load):
    data = load()
    pixels = data.train.fetch(torch.arange(len(data.train))).double() / 255
    torch.testing.assert_close(torch.tensor(data.mean).double(), pixels.mean((0, 2, 3)))
    torch.testing.assert_close(torch.tensor(data.std).double(), pixels.std((0, 2, 3), correction=0))


def test_other_normalisations(load):
    assert load(normalise="none").mean == (0.0, 0.0, 0.0)
    assert load(normalise="none").std == (1.0, 1.0, 1.0)
    assert load(normalise="imagenet").mean == (0.485, 0.456, 0.406)
    assert load(normalise="imagenet").std == (0.229, 0.224, 0.225)
    with pytest.raises(DataError, match="1 channels, expected 3"):
        load("grey", normalise="imagenet")


def test_splits_stay_when_the_normalisation_changes(load):
    assert load(normalise="none").train.digest == load().train.digest


def test_digits_need_no_options():
    data = load_data(DataSpec(name="digits"))
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 1294, "validation": 144, "test": 359}
    assert data.name == "digits (test split of 359 carved from 1,797)"
    assert data.carved
    assert data.shape == (1, 8, 8)
    assert min(split.labels.bincount().min() for split in data.splits.values()) >= 13


@pytest.mark.parametrize(
    ("name", "fields", "part"),
    [
        ("mine", {"carve_test": 500}, "test split: 500 of 500 images leave 0 to train on"),
        ("mine", {"carve_test": 10_000}, "leave 0 to train on"),
        ("mine", {"carve_test": 496, "validation": 0.9}, "validation split: 4 of 4 images leave 0"),
        ("broken", {}, "cannot be loaded: KeyError: 'oops'"),
        ("other", {}, "expected a Raw of fairprune.data.raw, got list"),
        ("floats", {}, "images are torch.float32 [9, 1, 2, 2], expected uint8 [9, channels, height, width]"),
        ("short", {}, "expected uint8 [8, channels, height, width] for 8 labels"),
        ("odd", {}, "test images are (1, 4, 4), training images (3, 4, 4)"),
    ],
)
def test_data_that_cannot_be_split_is_refused_in_one_line(load, name, fields, part):
    with pytest.raises(DataError, match=f"data set 'sets:{name}'") as error:
        load(name, **fields)
    assert part in str(error.value)
    assert "\n" not in str(error.value)


def test_unknown_names_and_options_are_refused_with_the_nearest(load, tmp_path):
    with pytest.raises(SpecError, match="unknown dataset 'mnits'; did you mean 'mnist'"):
        load_data(DataSpec(name="mnits"), tmp_path)
    with pytest.raises(SpecError, match="unknown option of data set 'sets:mine' 'tset'; did you mean 'test'"):
        load(options={"tset": 1})
    with pytest.raises(SpecError, match=r"data set 'folder': missing a required .*'path'"):
        load_data(DataSpec(name="folder"), tmp_path)


def test_one_label_out_of_range():
    from fairprune.data.raw import check_raw

    raw = Raw("x", Images(torch.zeros(3, 1, 2, 2, dtype=torch.uint8), torch.tensor([0, -1, 1])), None, 2)
    with pytest.raises(DataError, match="data set 'x', training images: labels reach from -1 to 1, expected 0 to 1"):
        check_raw(raw, "x")
