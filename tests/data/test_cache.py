import pytest
import torch

from fairprune.data.cache import cached, cached_images, file_digest
from fairprune.data.raw import Images
from fairprune.data.root import cache_root
from fairprune.data.summary import summarise


def copy_on_disk():
    (path,) = (cache_root() / "decoded").iterdir()
    return path


class Builder:
    def __init__(self):
        self.calls = 0

    def __call__(self):
        self.calls += 1
        return {"x": torch.arange(1000), "y": torch.eye(3)}


def test_the_second_time_nothing_is_built():
    build = Builder()
    first, second = cached("key", build), cached("key", build)
    assert build.calls == 1
    assert torch.equal(first["x"], second["x"])
    assert torch.equal(first["y"], second["y"])
    cached("another key", build)
    assert build.calls == 2


def damage_a_byte(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    "damage",
    [
        damage_a_byte,
        lambda path: path.write_bytes(path.read_bytes()[:-8]),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"not a tensor file at all"),
    ],
    ids=["one bit", "truncated", "empty", "another file"],
)
def test_a_damaged_copy_is_built_anew_and_replaced(damage):
    build = Builder()
    cached("key", build)
    damage(copy_on_disk())
    assert torch.equal(cached("key", build)["x"], torch.arange(1000))
    assert build.calls == 2
    cached("key", build)
    assert build.calls == 2


def test_an_unwritable_cache_is_done_without(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("FAIRPRUNE_CACHE", str(tmp_path / "file"))
    build = Builder()
    assert torch.equal(cached("key", build)["x"], torch.arange(1000))
    cached("key", build)
    assert build.calls == 2


def test_nothing_temporary_is_left_behind():
    cached("key", Builder())
    assert copy_on_disk().suffix == ".safetensors"


def test_an_error_while_building_leaves_no_copy():
    def fail():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        cached("key", fail)
    assert not (cache_root() / "decoded").exists()


def test_images_come_with_their_summary():
    pixels = torch.randint(256, (5, 1, 3, 3), dtype=torch.uint8)
    for _ in range(2):
        images = cached_images("key", lambda: Images(pixels, torch.arange(5)))
        assert torch.equal(images.pixels, pixels)
        assert torch.equal(images.summary.digests, summarise([pixels]).digests)
        assert torch.equal(images.summary.moments, summarise([pixels]).moments)


def test_file_digest_of_a_known_text(tmp_path):
    (tmp_path / "abc").write_text("abc")
    assert file_digest(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
