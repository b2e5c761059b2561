"""Files for people: whole, or one line that says why not."""

import pytest

from fairprune.errors import StoreError
from fairprune.files import check_place, write_text


def test_a_file_is_replaced_whole_and_nothing_is_left_beside_it(tmp_path):
    path = tmp_path / "a.txt"
    for text in ("old", "new"):
        write_text(path, text)
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("place", ["none/a.txt", "file/a.txt", "."])
def test_a_place_is_refused_before_there_is_anything_to_write(tmp_path, place):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot write .*: (there is no folder|it is a folder)"):
        check_place(tmp_path / place)
    check_place(tmp_path / "file")
    check_place(tmp_path / "new.txt")


@pytest.mark.parametrize("place", ["none/a.txt", "file/a.txt"])
def test_a_place_that_cannot_be_written_is_named(tmp_path, place):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=f"cannot write .*{place}: (No such file|Not a directory)"):
        write_text(tmp_path / place, "text")
