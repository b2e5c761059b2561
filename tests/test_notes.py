"""Notes: the same rows with and without, whatever becomes of the file, and nothing altered goes unseen."""

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairprune import notes
from fairprune.notes import noted
from fairprune.sealed import seal
from fairprune.store import open_store

NAMES = [f"records/{n:03d}/0000.json" for n in range(300)]
MARKS = {name: (10, n, n) for n, name in enumerate(NAMES)}
DAMAGED = NAMES[7]


class Reader:
    """Gives rows, and counts what it was asked for."""

    def __init__(self):
        self.asked = []

    def __call__(self, name):
        self.asked.append(name)
        return None if name == DAMAGED else ("done", float(name[8:11]), [["a", 1], ["b", name[10]]], {"x": [1, None]})


def rows():
    return {name: json.loads(json.dumps(Reader()(name))) for name in NAMES if name != DAMAGED}


def plain(found):
    return json.loads(json.dumps(found))


@pytest.fixture
def path(tmp_path):
    noted(tmp_path / "views" / "v.json", MARKS, Reader())
    return tmp_path / "views" / "v.json"


def test_what_has_not_changed_is_not_read_again(path):
    reader = Reader()
    assert plain(noted(path, MARKS, reader)) == rows()
    assert reader.asked == []
    assert len(list(path.parent.iterdir())) == 1


def test_what_is_new_or_has_changed_is_read_and_what_is_gone_is_not(path):
    reader, marks = Reader(), {**MARKS, NAMES[3]: (10, 3, 4), NAMES[7]: (9, 7, 7)}
    del marks[NAMES[0]]
    found = noted(path, marks, reader)
    assert reader.asked == [NAMES[3], NAMES[7]]
    assert plain(found) == {name: row for name, row in rows().items() if name != NAMES[0]}


def spoilt(data):
    return data[:1000] + b"x" + data[1001:]


@pytest.mark.parametrize("change", [spoilt, lambda data: data[:5000], lambda _: b"", lambda _: b"{}", None])
def test_a_file_that_is_damaged_or_gone_is_made_anew(path, change):
    whole = path.read_bytes()
    if change:
        path.write_bytes(change(whole))
    else:
        shutil.rmtree(path.parent)
    reader = Reader()
    assert plain(noted(path, MARKS, reader)) == rows()
    assert len(reader.asked) == 300
    assert path.read_bytes() == whole


def test_notes_of_other_code_are_not_trusted(path, monkeypatch):
    monkeypatch.setattr(notes, "_made_by", lambda: "another version")
    reader = Reader()
    noted(path, MARKS, reader)
    assert len(reader.asked) == 300


def test_where_nothing_can_be_written_everything_is_read(tmp_path):
    (tmp_path / "views").write_text("a file")
    assert plain(noted(tmp_path / "views" / "v.json", MARKS, Reader())) == rows()


def test_few_objects_leave_no_file(tmp_path):
    few = dict(list(MARKS.items())[:50])
    assert len(noted(tmp_path / "views" / "v.json", few, Reader())) == 49
    assert not (tmp_path / "views").exists()


def test_many_may_write_at_once(path):
    path.unlink()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: plain(noted(path, MARKS, Reader())), range(16)))
    assert all(one == rows() for one in found)
    reader = Reader()
    noted(path, MARKS, reader)
    assert reader.asked == []
    assert [file.name for file in path.parent.iterdir()] == ["v.json"]


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=5,
)


@settings(max_examples=60)
@given(
    st.lists(values, min_size=1, max_size=8) | st.lists(st.lists(st.lists(values, max_size=2), max_size=3), max_size=6)
)
def test_columns_come_back(column):
    packed = json.loads(notes.to_json(notes._column(column)))
    assert plain(notes._unpacked(packed)) == plain(column)
    assert [type(value) for value in notes._unpacked(packed)] == [type(value) for value in column]


@pytest.fixture
def store(tmp_path):
    """A store of 300 records, of which little more is there than is asked for."""
    store = open_store(tmp_path / "store")
    for name in NAMES:
        spec = {"task": {"data": {"name": "digits"}}, "data_digests": {"test": "abc"}}
        table = {"schema_version": 1, "status": "done", "spec": spec}
        (store.objects.root / name).parent.mkdir(parents=True)
        (store.objects.root / name).write_bytes(seal(table))
    assert set(store.statuses().values()) == {"done"}
    return store


def test_an_altered_record_is_seen_even_with_its_old_size_and_time(store):
    path = store.objects.root / NAMES[5]
    before = path.stat()
    path.write_bytes(path.read_bytes().replace(b"done", b"fine"))  # its seal is broken
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert "005" not in store.statuses()
    assert len(store.statuses()) == 299


def test_another_attempt_counts_and_a_damaged_one_leaves_the_one_before(store):
    failed = seal({**json.loads((store.objects.root / NAMES[5]).read_bytes())["value"], "status": "failed"})
    store.objects.put("records/005/0001.json", failed)
    assert store.statuses()["005"] == "failed"
    (store.objects.root / "records/005/0001.json").write_bytes(failed[:-5])
    assert store.statuses()["005"] == "done"


def test_data_is_known_by_the_digests_of_the_runs(store):
    ((data, digests),) = store.made_with()
    assert (data.name, digests) == ("digits", {"test": "abc"})


def test_verifying_reads_whatever_is_noted(store, monkeypatch):
    monkeypatch.setattr(type(store.objects), "marks", None)  # whoever trusts marks breaks
    (store.objects.root / NAMES[5]).write_bytes(b"{}")
    assert store.damaged() == [NAMES[5]]
