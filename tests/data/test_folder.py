import os

import numpy as np
import pytest
import torch
from PIL import Image

from fairprune.data.batches import Loader
from fairprune.data.folder import folder
from fairprune.data.load import load_data
from fairprune.data.raw import Images, Streamed
from fairprune.data.resident import ResidentSplit
from fairprune.data.streamed import StreamedSplit
from fairprune.errors import DataError, MissingDataError, SpecError
from fairprune.spec import DataSpec

CLASSES = ("ant", "bee", "cow")


def picture(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def write(base, n=10, side=8, seed=0, classes=CLASSES):
    """Pictures by class, returned in the order in which they are expected: class by class, by name."""
    rng = np.random.default_rng(seed)
    pixels = []
    for name in classes:
        for i in range(n):
            pixels.append(rng.integers(0, 256, (side, side, 3), np.uint8))
            picture(base / name / f"{i:03d}.png", pixels[-1])
    return torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2)


def test_classes_are_sub_folders_in_the_order_of_their_names(tmp_path):
    expected = write(tmp_path / "zoo")
    (tmp_path / "zoo" / ".hidden").mkdir()
    (tmp_path / "zoo" / "ant" / "notes.txt").write_text("no picture")
    raw = folder(tmp_path, path="zoo")
    assert isinstance(raw.train, Images)
    assert torch.equal(raw.train.pixels, expected)
    assert raw.train.labels.tolist() == [0] * 10 + [1] * 10 + [2] * 10
    assert (raw.name, raw.classes, raw.test) == ("zoo", 3, None)


@pytest.mark.parametrize("name", ["test", "val"])
def test_train_and_test_folders_are_recognised(tmp_path, name):
    expected = write(tmp_path / "zoo" / "train"), write(tmp_path / "zoo" / name, n=4, seed=1)
    raw = folder(tmp_path, path=str(tmp_path / "zoo"))
    assert torch.equal(raw.train.pixels, expected[0])
    assert torch.equal(raw.test.pixels, expected[1])


def test_the_test_folder_may_be_anywhere_and_lack_no_class(tmp_path):
    write(tmp_path / "zoo")
    expected = write(tmp_path / "other", n=3, seed=1)
    assert torch.equal(folder(tmp_path, path="zoo", test="other").test.pixels, expected)
    write(tmp_path / "other", n=3, classes=("dog",))
    with pytest.raises(DataError, match="other/dog: no class of that name"):
        folder(tmp_path, path="zoo", test="other")


def test_streamed_and_resident_give_equal_splits_and_batches(tmp_path):
    write(tmp_path / "zoo" / "train")
    write(tmp_path / "zoo" / "val", n=5, seed=1)
    options = {"path": "zoo", "size": 6}
    resident = load_data(DataSpec(name="folder", options=options), tmp_path)
    streamed = load_data(DataSpec(name="folder", options=options | {"resident_mib": 0}), tmp_path)
    assert (resident.mean, resident.std, resident.shape) == (streamed.mean, streamed.std, streamed.shape)
    for name, one in resident.splits.items():
        two = streamed.splits[name]
        assert isinstance(one, ResidentSplit)
        assert isinstance(two, StreamedSplit)
        assert one.digest == two.digest
        assert torch.equal(one.labels, two.labels)
        loaders = [
            Loader(split, 4, torch.device("cpu"), resident.mean, resident.std, ("pad-crop:1", "flip"))
            for split in (one, two)
        ]
        for a, b in ([loader.epoch(3) for loader in loaders], [loader.ordered() for loader in loaders]):
            for (x, y), (v, w) in zip(a, b, strict=True):
                assert torch.equal(x, v)
                assert torch.equal(y, w)


def test_what_is_held_depends_on_the_decoded_size(tmp_path):
    write(tmp_path / "zoo", n=60, side=80)  # 180 * 80 * 80 * 3 bytes = 3.3 MiB
    assert isinstance(folder(tmp_path, path="zoo", resident_mib=4).train, Images)
    assert isinstance(folder(tmp_path, path="zoo", resident_mib=3).train, Streamed)


def test_the_summary_of_a_stream_is_computed_once(tmp_path):
    write(tmp_path / "zoo")
    first = folder(tmp_path, path="zoo", resident_mib=0).train
    path = tmp_path / "zoo" / "cow" / "009.png"
    stat = path.stat()
    path.write_bytes(b"x" * stat.st_size)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # not looked at again, as documented
    second = folder(tmp_path, path="zoo", resident_mib=0).train
    assert torch.equal(first.summary.digests, second.summary.digests)
    os.utime(path)
    with pytest.raises(DataError, match=r"cow/009\.png: damaged"):
        folder(tmp_path, path="zoo", resident_mib=0)


def test_images_are_resized_by_their_shorter_side_and_cut_in_the_middle(tmp_path):
    wide = np.zeros((10, 30, 3), np.uint8)
    wide[:, 10:20] = 200
    for name in CLASSES[:2]:
        picture(tmp_path / "zoo" / name / "a.png", wide)
        picture(tmp_path / "zoo" / name / "b.png", wide.transpose(1, 0, 2))
    raw = folder(tmp_path, path="zoo", size=10)
    assert raw.name == "zoo 10x10"
    assert (raw.train.pixels == 200).all()
    halved = folder(tmp_path, path="zoo", size=5).train.pixels
    assert halved.shape == (4, 3, 5, 5)
    assert (halved[:, :, 1:4, 1:4] == 200).all()


def test_grey_images(tmp_path):
    write(tmp_path / "zoo")
    raw = folder(tmp_path, path="zoo", channels=1)
    with Image.open(tmp_path / "zoo" / "ant" / "000.png") as image:
        np.testing.assert_array_equal(raw.train.pixels[0, 0].numpy(), np.array(image.convert("L")))
    assert raw.train.shape == (1, 8, 8)


@pytest.mark.parametrize("resident_mib", [512, 0])
@pytest.mark.parametrize("content", [b"", b"text", "half"])
def test_a_damaged_image_is_named(tmp_path, resident_mib, content):
    write(tmp_path / "zoo")
    path = tmp_path / "zoo" / "bee" / "004.png"
    path.write_bytes(path.read_bytes()[:120] if content == "half" else content)
    with pytest.raises(DataError, match=r"bee/004\.png: damaged or no image") as error:
        folder(tmp_path, path="zoo", resident_mib=resident_mib)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("resident_mib", [512, 0])
def test_images_of_several_sizes_need_a_size(tmp_path, resident_mib):
    write(tmp_path / "zoo")
    picture(tmp_path / "zoo" / "cow" / "odd.png", np.zeros((7, 9, 3), np.uint8))
    with pytest.raises(DataError, match=r"cow/odd\.png: 7 x 9 pixels, expected 8 x 8"):
        folder(tmp_path, path="zoo", resident_mib=resident_mib)
    assert folder(tmp_path, path="zoo", size=8, resident_mib=resident_mib).train.shape == (3, 8, 8)


def test_folders_that_cannot_be_a_data_set(tmp_path):
    with pytest.raises(MissingDataError, match="no zoo in"):
        folder(tmp_path, path="zoo")
    write(tmp_path / "zoo", classes=("ant",))
    with pytest.raises(DataError, match="1 sub-folders, expected one for each class"):
        folder(tmp_path, path="zoo")
    (tmp_path / "zoo" / "bee").mkdir()
    with pytest.raises(DataError, match="zoo/bee: no images"):
        folder(tmp_path, path="zoo")
    with pytest.raises(MissingDataError, match="no elsewhere in"):
        folder(tmp_path, path="zoo", test="elsewhere")


@pytest.mark.parametrize("options", [{"size": -1}, {"size": 2.5}, {"channels": 2}, {"resident_mib": -1}])
def test_options_that_cannot_be(tmp_path, options):
    with pytest.raises(SpecError, match=f"folder.*{next(iter(options))}"):
        folder(tmp_path, path="zoo", **options)
