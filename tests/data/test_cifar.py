import io
import os
import pickle
import tarfile

import numpy as np
import polars as pl
import pytest
import torch
from PIL import Image

from fairprune.data.cifar import cifar10, cifar100
from fairprune.data.load import load_data
from fairprune.errors import DataError, MissingDataError, SpecError
from fairprune.spec import DataSpec

TRAIN, TEST = 50, 20


def made(n, seed):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (n, 3, 32, 32), np.uint8), np.arange(n) % 10


def encoded(pixels, kind="PNG"):
    stream = io.BytesIO()
    Image.fromarray(pixels.transpose(1, 2, 0)).save(stream, kind)
    return stream.getvalue()


def write_parquet(folder, shards=2, image="img", label="label", kind="PNG"):
    folder.mkdir(parents=True, exist_ok=True)
    for part, n, seed, count in (("train", TRAIN, 0, shards), ("test", TEST, 1, 1)):
        pixels, labels = made(n, seed)
        rows = np.array_split(np.arange(n), count)
        for i, index in enumerate(rows):
            images = [{"bytes": encoded(pixels[j], kind), "path": None} for j in index]
            table = pl.DataFrame({image: images, label: labels[index]})
            table.write_parquet(folder / f"{part}-{i:05d}-of-{count:05d}.parquet")


def batch(pixels, labels, protocol=2):
    values = {b"data": pixels.reshape(len(pixels), 3072), b"labels": labels.tolist(), b"batch_label": b"some batch"}
    return pickle.dumps(values, protocol)


def batches():
    pixels, labels = made(TRAIN, 0)
    files = {f"data_batch_{i + 1}": batch(pixels[i * 10 :][:10], labels[i * 10 :][:10]) for i in range(5)}
    return files | {"test_batch": batch(*made(TEST, 1))}


def write_batches(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in batches().items():
        (folder / name).write_bytes(content)


def write_archive(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, content in batches().items():
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


LAYOUTS = {
    "two shards": lambda root: write_parquet(root / "cifar10"),
    "five shards": lambda root: write_parquet(root / "cifar10", shards=5),
    "a hub's folder and names": lambda root: write_parquet(root / "cifar10" / "data", 1, "image", "labels"),
    "batches": lambda root: write_batches(root / "cifar10"),
    "batches in their folder": lambda root: write_batches(root / "cifar10" / "cifar-10-batches-py"),
    "batches beside": lambda root: write_batches(root / "cifar-10-batches-py"),
    "archive": lambda root: write_archive(root / "cifar10" / "cifar-10-python.tar.gz"),
    "archive beside": lambda root: write_archive(root / "cifar-10-python.tar.gz"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_holds_the_same_images(tmp_path, layout):
    LAYOUTS[layout](tmp_path)
    for _ in range(2):  # decoded, then from the cache
        raw = cifar10(tmp_path)
        for images, (pixels, labels) in ((raw.train, made(TRAIN, 0)), (raw.test, made(TEST, 1))):
            np.testing.assert_array_equal(images.pixels.numpy(), pixels)
            np.testing.assert_array_equal(images.labels.numpy(), labels)
    assert (raw.name, raw.classes) == ("CIFAR-10", 10)


def test_split_digests_know_pixels_and_labels_not_files(tmp_path):
    found = set()
    for i, write in enumerate(LAYOUTS.values()):
        write(tmp_path / str(i))
        data = load_data(DataSpec(name="cifar10"), tmp_path / str(i))
        found.add(tuple(split.digest for split in data.splits.values()))
    assert len(found) == 1


def test_a_variant_is_another_data_set_and_never_taken_from_elsewhere(tmp_path):
    write_batches(tmp_path / "cifar-10-batches-py")
    with pytest.raises(MissingDataError, match="cifar10-jpeg"):
        cifar10(tmp_path, folder="cifar10-jpeg")
    write_parquet(tmp_path / "cifar10-jpeg", kind="JPEG")
    spec = DataSpec(name="cifar10", options={"folder": "cifar10-jpeg"})
    jpeg, original = load_data(spec, tmp_path), load_data(DataSpec(name="cifar10"), tmp_path)
    assert jpeg.name == "CIFAR-10 (cifar10-jpeg)"
    assert all(jpeg.splits[name].digest != original.splits[name].digest for name in jpeg.splits)


def test_cifar100_fine_and_coarse_from_both_formats(tmp_path):
    pixels, labels = made(TRAIN, 0)
    values = {
        b"data": pixels.reshape(-1, 3072),
        b"fine_labels": (labels * 9).tolist(),
        b"coarse_labels": labels.tolist(),
    }
    (tmp_path / "a" / "cifar-100-python").mkdir(parents=True)
    (tmp_path / "b" / "cifar100").mkdir(parents=True)
    images = [{"bytes": encoded(image), "path": None} for image in pixels]
    table = pl.DataFrame({"img": images, "fine_label": labels * 9, "coarse_label": labels})
    for part in ("train", "test"):
        (tmp_path / "a" / "cifar-100-python" / part).write_bytes(pickle.dumps(values, 2))
        table.write_parquet(tmp_path / "b" / "cifar100" / f"{part}-00000-of-00001.parquet")
    for root in (tmp_path / "a", tmp_path / "b"):
        fine, coarse = cifar100(root), cifar100(root, labels="coarse")
        assert (fine.classes, coarse.classes) == (100, 20)
        np.testing.assert_array_equal(fine.train.labels.numpy(), labels * 9)
        np.testing.assert_array_equal(coarse.test.labels.numpy(), labels)
        assert torch.equal(fine.train.pixels, coarse.train.pixels)
    with pytest.raises(SpecError, match="did you mean 'fine'"):
        cifar100(tmp_path, labels="fin")


def test_nothing_there(tmp_path):
    with pytest.raises(MissingDataError, match=r"train-\*\.parquet .*cifar-10-python\.tar\.gz in .*/cifar10"):
        cifar10(tmp_path)


def refused(tmp_path, *parts):
    with pytest.raises(DataError) as error:
        cifar10(tmp_path)
    line = str(error.value)
    assert "\n" not in line
    assert all(part in line for part in parts), line


def test_a_missing_shard_batch_or_test_part_is_named(tmp_path):
    write_parquet(tmp_path / "cifar10", shards=3)
    (tmp_path / "cifar10" / "train-00001-of-00003.parquet").unlink()
    refused(tmp_path, "train-00001-of-00003.parquet", "expected all 3 shards")
    write_parquet(tmp_path / "cifar10", shards=3)
    (tmp_path / "cifar10" / "test-00000-of-00001.parquet").unlink()
    refused(tmp_path, "test-*.parquet")
    for path in (tmp_path / "cifar10").iterdir():
        path.unlink()
    write_batches(tmp_path / "cifar10")
    (tmp_path / "cifar10" / "data_batch_3").unlink()
    refused(tmp_path, "data_batch_3")


def test_truncated_and_damaged_parquet(tmp_path):
    write_parquet(tmp_path / "cifar10")
    path = tmp_path / "cifar10" / "train-00001-of-00002.parquet"
    whole = path.read_bytes()
    for content in (whole[:-100], whole[: len(whole) // 2], b"", b"PAR1"):
        path.write_bytes(content)
        refused(tmp_path, path.name, "damaged or truncated")


def test_a_damaged_image_is_named_by_its_row(tmp_path):
    write_parquet(tmp_path / "cifar10", shards=1)
    path = tmp_path / "cifar10" / "train-00000-of-00001.parquet"
    table = pl.read_parquet(path)
    images = table["img"].to_list()
    for broken in (images[7]["bytes"][:-500], b"no image"):
        rows = [*images[:7], {"bytes": broken, "path": None}, *images[8:]]
        table.with_columns(img=pl.Series(rows)).write_parquet(path)
        refused(tmp_path, f"{path.name}, row 7", "damaged or no image")
    small = encoded(np.zeros((3, 8, 8), np.uint8))
    table.with_columns(img=pl.Series([*images[:7], {"bytes": small, "path": None}, *images[8:]])).write_parquet(path)
    refused(tmp_path, f"{path.name}, row 7", "8 x 8 pixels, expected 32 x 32")


@pytest.mark.parametrize(
    ("columns", "part"),
    [
        ({"picture": [b"x"], "label": [1]}, "expected the image column img or image"),
        ({"img": [b"x"], "class": [1]}, "expected the label column label or labels"),
        ({"img": [None], "label": [1]}, "expected encoded images in every row"),
        ({"img": ["a path.png"], "label": [1]}, "expected encoded images in every row"),
        ({"img": [encoded(np.zeros((3, 32, 32), np.uint8))], "label": ["cat"]}, "expected whole numbers in every row"),
        ({"img": [encoded(np.zeros((3, 32, 32), np.uint8))], "label": [None]}, "expected whole numbers in every row"),
        ({"img": [encoded(np.zeros((3, 9, 9), np.uint8))], "label": [1]}, "9 x 9 pixels, expected 32 x 32"),
        ({"img": [], "label": []}, "no rows"),
    ],
)
def test_unexpected_columns(tmp_path, columns, part):
    write_parquet(tmp_path / "cifar10", shards=1)
    path = tmp_path / "cifar10" / "train-00000-of-00001.parquet"
    pl.DataFrame(columns).write_parquet(path)
    refused(tmp_path, path.name, part)


class Attack:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_a_malicious_batch_is_refused_and_not_run(tmp_path):
    write_batches(tmp_path / "cifar10")
    pixels, labels = made(10, 0)
    values = {b"data": pixels.reshape(-1, 3072), b"labels": labels.tolist(), b"more": Attack(str(tmp_path / "owned"))}
    (tmp_path / "cifar10" / "data_batch_2").write_bytes(pickle.dumps(values))
    refused(tmp_path, "data_batch_2: refused", "mkdir")
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({b"data": np.zeros((10, 3071), np.uint8)}, "expected b'data', an array of bytes [n, 3072]"),
        ({b"data": np.zeros((10, 3072), np.float32)}, "expected b'data'"),
        ({b"data": b"raw"}, "expected b'data'"),
        ({b"labels": [1] * 9}, "expected b'labels', a list of 10 whole numbers"),
        ({b"labels": ["1"] * 10}, "expected b'labels'"),
        ({b"labels": None}, "expected b'labels'"),
    ],
)
def test_unexpected_content_of_a_batch(tmp_path, change, part):
    write_batches(tmp_path / "cifar10")
    values = {b"data": np.zeros((10, 3072), np.uint8), b"labels": [1] * 10} | change
    (tmp_path / "cifar10" / "data_batch_4").write_bytes(pickle.dumps(values, 2))
    refused(tmp_path, "data_batch_4", part)


def test_a_batch_that_is_no_table(tmp_path):
    write_batches(tmp_path / "cifar10")
    (tmp_path / "cifar10" / "test_batch").write_bytes(pickle.dumps([1, 2], 2))
    refused(tmp_path, "test_batch: no images")


def test_a_truncated_archive(tmp_path):
    path = tmp_path / "cifar10" / "cifar-10-python.tar.gz"
    write_archive(path)
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], whole[:20], b"", b"no archive"):
        path.write_bytes(content)
        refused(tmp_path, path.name, "damaged or truncated")


def test_labels_beyond_the_classes_are_refused(tmp_path):
    write_batches(tmp_path / "cifar10")
    (tmp_path / "cifar10" / "data_batch_1").write_bytes(batch(made(10, 0)[0], np.full(10, 10)))
    with pytest.raises(DataError, match="labels reach from 0 to 10, expected 0 to 9"):
        load_data(DataSpec(name="cifar10"), tmp_path)
