"""The store: whole or absent, repaired when damaged, merged by copying."""

import json
import shutil

import pytest
import torch

from fairprune.canonical import digest
from fairprune.errors import StoreError
from fairprune.migration import Schema, migrated
from fairprune.record import Environment, LedgerEntry, StageResult
from fairprune.sealed import DamagedError, seal, unseal
from fairprune.store import Store, open_store

ENVIRONMENT = Environment(
    fairprune="0", python="3", torch="2", platform="p", processor="c", device="cpu", threads=1, deterministic=True
)


def stage(key: str, blobs: dict[str, str] | None = None) -> StageResult:
    return StageResult(
        key=key,
        kind="score",
        status="done",
        digest="d",
        blobs=blobs or {},
        ledger=LedgerEntry(stage="score"),
        environment=ENVIRONMENT,
    )


@pytest.fixture
def store(tmp_path):
    return open_store(tmp_path / "store")


def path_of(store: Store, name: str):
    return store.objects.root / name


def test_blob_is_named_by_its_sha256(store):
    name = store.put_blob(b"abc")
    assert name == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert store.blob(name) == b"abc"
    assert path_of(store, f"blobs/ba/{name}").read_bytes() == b"abc"


def test_tensors_come_back_with_their_header(store):
    tensor = torch.arange(6.0).reshape(2, 3)
    tensors, header = store.tensors(store.put_tensors({"w": tensor}, {"kind": "x"}))
    assert torch.equal(tensors["w"], tensor)
    assert header == {"kind": "x"}


def test_tied_tensors_and_any_layout_are_stored(store):
    tensor = torch.arange(24.0).reshape(1, 2, 3, 4)
    last, flipped = tensor.to(memory_format=torch.channels_last), tensor.transpose(2, 3)
    tensors, _ = store.tensors(store.put_tensors({"a": tensor, "b": tensor, "last": last, "flipped": flipped}))
    assert torch.equal(tensors["a"], tensors["b"])
    assert torch.equal(tensors["last"], tensor)
    assert torch.equal(tensors["flipped"], flipped)


def test_damaged_blob_is_detected_and_repaired(store):
    name = store.put_blob(b"abc")
    path_of(store, f"blobs/ba/{name}").write_bytes(b"abd")
    with pytest.raises(DamagedError, match="does not match its digest"):
        store.blob(name)
    assert store.damaged() == [f"blobs/ba/{name}"]
    assert store.put_blob(b"abc") == name
    assert store.blob(name) == b"abc"
    assert store.damaged() == []


def test_stage_with_a_missing_or_damaged_blob_is_not_usable(store):
    name = store.put_blob(b"abc")
    store.put_stage(stage("k", {"network": name}))
    assert store.usable("k") is not None
    path_of(store, f"blobs/ba/{name}").unlink()
    assert store.stage("k") is not None
    assert store.usable("k") is None


def test_a_broken_seal_is_damage_and_the_next_put_repairs_it(store):
    store.put_stage(stage("k"))
    path = path_of(store, "stages/k.json")
    path.write_text(path.read_text().replace('"digest":"d"', '"digest":"e"'))
    with pytest.raises(DamagedError, match="seal"):
        store.stage("k")
    assert store.usable("k") is None
    assert store.damaged() == ["stages/k.json"]
    store.put_stage(stage("k"))
    assert store.stage("k") == stage("k")


def test_a_stage_of_another_schema_is_refused_in_one_line(store):
    store.put_stage(stage("k"))
    path = path_of(store, "stages/k.json")
    table = json.loads(path.read_text())["value"] | {"status": "perfect"}
    path.write_text(json.dumps({"seal": digest(table), "value": table}))
    with pytest.raises(StoreError, match=r"stages/k.json does not fit the schema: Input should be 'done'"):
        store.usable("k")


def test_truncated_json_is_damage(store):
    store.put_stage(stage("k"))
    path = path_of(store, "stages/k.json")
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(DamagedError, match="not a sealed JSON"):
        store.stage("k")


def test_first_result_of_a_stage_counts(store):
    store.put_stage(stage("k"))
    store.put_stage(stage("k").model_copy(update={"digest": "other"}))
    assert store.stage("k").digest == "d"


def test_put_if_absent_leaves_no_temporary_files(store):
    assert store.objects.put("a/b", b"1")
    assert not store.objects.put("a/b", b"2")
    assert store.objects.get("a/b") == b"1"
    assert list(store.objects.names("incoming/")) == []


def test_merging_two_stores_is_copying_files(tmp_path):
    one, two = open_store(tmp_path / "one"), open_store(tmp_path / "two")
    one.put_stage(stage("a", {"n": one.put_blob(b"1")}))
    two.put_stage(stage("b", {"n": two.put_blob(b"2")}))
    shutil.copytree(tmp_path / "one", tmp_path / "two", dirs_exist_ok=True)
    assert two.usable("a")
    assert two.usable("b")


def test_unwritable_store_is_refused_in_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        open_store(tmp_path / "file" / "store")


def test_a_closed_folder_is_refused_in_one_line(store, monkeypatch):
    def closed(folder):
        raise PermissionError(13, "Permission denied", folder)

    monkeypatch.setattr("os.scandir", closed)
    with pytest.raises(StoreError, match=r"^cannot read .*records.*: Permission denied$"):
        store.statuses()


@pytest.mark.parametrize("version", [99, 0, "1", None])
def test_another_schema_version_is_refused_by_name(store, version):
    """Of a stage, a record and a declaration, wherever it is read."""
    refused = rf"/.*\.json is of schema version {version}: this fairprune reads 1$"
    table = stage("k").model_dump(mode="json") | {"schema_version": version}
    for name in ("stages/k.json", "records/run/0000.json", "declarations/mine/0.json"):
        store.objects.put(name, seal(table))
    for read in (
        lambda: store.stage("k"),
        lambda: store.usable("k"),
        lambda: store.record("run"),
        store.statuses,
        lambda: store.declarations("mine"),
    ):
        with pytest.raises(StoreError, match=refused):
            read()


def test_an_older_schema_is_read_as_todays_and_left_as_it_is(store, monkeypatch):
    """A made-up version 0, in which a stage's kind was called its type."""

    def renamed(table):
        return {"kind" if key == "type" else key: value for key, value in table.items()}

    monkeypatch.setattr("fairprune.store.STAGES", Schema(1, {0: renamed}))
    table = stage("k").model_dump(mode="json") | {"schema_version": 0}
    old = seal({"type" if key == "kind" else key: value for key, value in table.items()})
    store.objects.put("stages/k.json", old)
    assert store.stage("k") == stage("k")
    assert store.objects.get("stages/k.json") == old


def test_a_chain_goes_through_every_version():
    steps = {n: lambda table, n=n: {**table, "way": [*table["way"], n]} for n in (3, 4)}
    schema = Schema(5, steps)
    assert migrated({"schema_version": 3, "way": []}, "x", schema) == {"schema_version": 5, "way": [3, 4]}
    assert migrated({"schema_version": 5, "way": []}, "x", schema) == {"schema_version": 5, "way": []}
    with pytest.raises(StoreError, match=r"^x is of schema version 2: this fairprune reads 3 and 4 and 5$"):
        migrated({"schema_version": 2, "way": []}, "x", schema)


def test_every_declaration_of_a_study_is_kept_once(store):
    first, second = {"targets": [2.0, 4.0], "margin": None}, {"targets": [2.0, 8.0], "margin": None}
    assert store.declarations("mine") == []
    for declared in (first, first, second):
        store.declare("mine", declared)
    store.declare("mine-too", second)
    found = sorted(store.declarations("mine"), key=lambda declared: declared["targets"])
    assert found == [first, second]
    (path,) = (store.objects.root / "declarations" / "mine-too").iterdir()
    path.write_text(path.read_text().replace("8", "9"))
    assert store.declarations("mine-too") == []
    assert store.damaged() == [f"declarations/mine-too/{path.name}"]


@pytest.mark.parametrize(
    "table",
    [
        {"a": 1.5, "b": [None, True, '\u00e9 \\ " \x01']},
        {},
        {"value": {"seal": '","value":'}},
        {"tiny": 1e-05, "big": 1e22},
    ],
)
def test_what_is_sealed_comes_back(table):
    assert unseal(seal(table), "it") == table


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace("1", "2"),
        lambda text: text[:-3],
        lambda text: text.replace('"a"', '"b"'),
        lambda _: "[]",
    ],
)
def test_a_broken_seal_is_found(spoil):
    with pytest.raises(DamagedError, match="it is damaged"):
        unseal(spoil(seal({"a": 1}).decode()).encode(), "it")


def test_a_seal_holds_whatever_way_the_json_is_written():
    text = json.dumps(json.loads(seal({"b": 1.5, "a": "\u00e9"})), indent=2)
    assert unseal(text.encode(), "it") == {"b": 1.5, "a": "\u00e9"}
