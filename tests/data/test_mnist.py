import gzip
import struct

import numpy as np
import pytest
import torch

from fairprune.data.mnist import mnist, read_idx
from fairprune.errors import DataError, MissingDataError


def idx(values):
    values = np.asarray(values, np.uint8)
    return struct.pack(">HBB", 0, 8, values.ndim) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()


def write_mnist(folder, train=20, test=10, compress=True, seed=0):
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    parts = {}
    for part, n in (("train", train), ("t10k", test)):
        pixels, labels = rng.integers(0, 256, (n, 28, 28), np.uint8), np.arange(n) % 10
        parts[part] = (pixels, labels)
        for kind, values in (("images-idx3", pixels), ("labels-idx1", labels)):
            if compress:
                (folder / f"{part}-{kind}-ubyte.gz").write_bytes(gzip.compress(idx(values)))
            else:
                (folder / f"{part}-{kind}-ubyte").write_bytes(idx(values))
    return parts


def test_a_file_written_by_hand(tmp_path):
    path = tmp_path / "hand"
    path.write_bytes(bytes([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 10, 20, 30, 40, 50, 255]))
    assert read_idx(path, 3).tolist() == [[[10, 20, 30], [40, 50, 255]]]


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("place", ["mnist", "MNIST/raw"])
def test_images_and_labels_are_those_in_the_files(tmp_path, compress, place):
    parts = write_mnist(tmp_path / place, compress=compress)
    raw = mnist(tmp_path)
    assert (raw.name, raw.classes) == ("MNIST", 10)
    for images, part in ((raw.train, "train"), (raw.test, "t10k")):
        np.testing.assert_array_equal(images.pixels.numpy(), parts[part][0][:, None])
        np.testing.assert_array_equal(images.labels.numpy(), parts[part][1])
        assert images.labels.dtype == torch.int64


def test_another_folder_is_another_data_set(tmp_path):
    write_mnist(tmp_path / "mnist")
    write_mnist(tmp_path / "fashion", seed=1)
    other = mnist(tmp_path, folder="fashion")
    assert other.name == "MNIST (fashion)"
    assert not torch.equal(other.train.pixels, mnist(tmp_path).train.pixels)


def test_missing_files_are_named(tmp_path):
    write_mnist(tmp_path / "mnist")
    (tmp_path / "mnist" / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(MissingDataError, match=r"t10k-labels-idx1-ubyte\.gz or .*FAIRPRUNE_DATA"):
        mnist(tmp_path)


IMAGES = idx(np.zeros((4, 28, 28)))
DAMAGES = {
    "wrong magic": (b"PK" + IMAGES[2:], "begins with 504b0803, expected 00000803"),
    "labels for images": (idx(np.zeros(4)), "begins with 00000801, expected 00000803"),
    "no header": (IMAGES[:9], "9 bytes, expected a header of 16"),
    "truncated": (IMAGES[:-1], "3135 bytes after the header, expected 3136 = 4 x 28 x 28"),
    "too long": (IMAGES + b"x", "3137 bytes after the header, expected 3136"),
    "other size": (idx(np.zeros((4, 8, 8))), "8 x 8 pixels, expected 28 x 28"),
    "empty": (b"", "begins with nothing"),
    "other count": (idx(np.zeros((5, 28, 28))), "20 labels, expected 5"),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("compress", [True, False])
def test_damaged_files_are_refused_in_one_line_that_names_them(tmp_path, damage, compress):
    content, message = DAMAGES[damage]
    write_mnist(tmp_path / "mnist", compress=compress)
    name = "train-images-idx3-ubyte" + ".gz" * compress
    (tmp_path / "mnist" / name).write_bytes(gzip.compress(content) if compress else content)
    with pytest.raises(DataError) as error:
        mnist(tmp_path)
    assert message in str(error.value)
    assert name in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("cut", [5, 30, -9, -1])
def test_truncated_gzip_is_refused(tmp_path, cut):
    write_mnist(tmp_path / "mnist")
    path = tmp_path / "mnist" / "train-labels-idx1-ubyte.gz"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DataError, match=r"train-labels-idx1-ubyte\.gz: damaged or truncated"):
        mnist(tmp_path)


def test_a_flipped_bit_in_gzip_is_refused(tmp_path):
    write_mnist(tmp_path / "mnist")
    path = tmp_path / "mnist" / "train-images-idx3-ubyte.gz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz: damaged"):
        mnist(tmp_path)


def test_a_file_that_changes_is_not_served_from_the_cache(tmp_path):
    write_mnist(tmp_path / "mnist")
    before = mnist(tmp_path).train.pixels
    write_mnist(tmp_path / "mnist", seed=9)
    assert not torch.equal(before, mnist(tmp_path).train.pixels)
